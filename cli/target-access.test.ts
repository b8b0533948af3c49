/** Commands that say who they are, and whom they trust: to a server with TLS and users, over both doors. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { AUTHORITY_CERT, SERVER } from '../stages/3-http-server/testing/certificates.ts';
import { accessOf } from './target-access.ts';
import { Terminal } from './terminal.ts';
import { captured, runCaptured } from './testing/captured-terminal.ts';
import { MqProcess } from './testing/mq-process.ts';

const PASSWORD = 'planted password';

/** `mq serve 5` with TLS, and with a user `shop` who may do everything with `orders`. */
async function guardedServer() {
  const folder = await mkdtemp(join(tmpdir(), 'mq-access-'));
  const path = (name: string): string => join(folder, name);
  await writeFile(path('cert.pem'), SERVER.cert);
  await writeFile(path('key.pem'), SERVER.key);
  await writeFile(path('ca.pem'), AUTHORITY_CERT);
  const rule = ['--rule', 'orders=publish,consume,browse,manage'];
  await runCaptured(['user', 'add', 'shop', ...rule, '--users', path('users.json')], { input: PASSWORD });
  const files = ['--users', path('users.json'), '--tls-cert', path('cert.pem'), '--tls-key', path('key.pem')];
  const mq = new MqProcess(['serve', '5', '--data', path('data'), '--port', '0', '--tcp-port', '0', ...files]);
  const [, http = '', tcp = ''] = await mq.saw(/listens on (\S+) and (\S+)/);
  const close = async (): Promise<void> => {
    await mq[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  };
  return { http, tcp, ca: path('ca.pem'), [Symbol.asyncDispose]: close };
}

test('a user comes in by --user and $MQ_PASSWORD, a certificate is trusted by --ca, over both doors', async () => {
  await using server = await guardedServer();
  for (const [index, target] of [server.http, server.tcp].entries()) {
    const flags = ['--target', target, '--user', 'shop', '--ca', server.ca];
    const right = { env: { MQ_PASSWORD: PASSWORD } };
    const sent = await runCaptured(['send', 'orders', '-m', 'tea', ...flags], right);
    assert.equal(sent.exitCode, 0, sent.stderr);
    const fromEnv = { ...right.env, MQ_TARGET: target, MQ_USER: 'shop', MQ_CA: server.ca };
    const listed = await runCaptured(['topics', '--json'], { env: fromEnv });
    assert.equal(JSON.parse(listed.stdout)[0].logEndOffset, index + 1);
    const wrong = await runCaptured(['topics', ...flags], { env: { MQ_PASSWORD: 'not-this-one' } });
    assert.match(wrong.stderr, /MQ_UNAUTHORIZED.*\n.*--user/);
    const doctor = await runCaptured(['doctor', ...flags], right);
    assert.match(doctor.stdout, /ok +server .*answers: .*transactions/);
    assert.equal(/ok +ready +it takes messages/.test(doctor.stdout), target === server.http, doctor.stdout);
    const strange = await runCaptured(['topics', '--target', target, '--user', 'shop'], right);
    assert.notEqual(strange.exitCode, 0);
    const said = [sent, listed, wrong, doctor, strange].map(({ stdout, stderr }) => stdout + stderr).join();
    assert.ok(!said.includes(PASSWORD) && !said.includes('not-this-one'));
  }
});

test('a password nobody gives is typed where a person sits, and is refused to be read from a pipe', async () => {
  const stdin = Object.assign(new PassThrough(), { isTTY: true });
  const stderr = new PassThrough();
  const person = new Terminal({ stdin, stdout: new PassThrough(), stderr, env: {} });
  const access = accessOf(person, { user: 'shop' });
  stdin.write(`${PASSWORD}\n`);
  assert.deepEqual(await access, { user: 'shop', password: PASSWORD });
  assert.match(String(stderr.read()), /^password of shop: /);
  const piped = await runCaptured(['send', 'orders', '--user', 'shop'], { input: 'a message, not a password' });
  assert.match(piped.stderr, /nobody to ask for the password\n.*\$MQ_PASSWORD/);
  assert.equal(piped.exitCode, 2);
});

test('a flag goes before the environment, and two ways of saying who it is are refused', async () => {
  const env = { MQ_TOKEN: 'token-of-the-env', MQ_PASSWORD: 'p' };
  const asked = (options: { readonly token?: string; readonly user?: string; readonly ca?: string }, more = {}) =>
    accessOf(captured({ env: { ...env, ...more } }).terminal, options);
  assert.deepEqual(await asked({}), { token: 'token-of-the-env' });
  assert.deepEqual(await asked({ user: 'shop' }), { user: 'shop', password: 'p' });
  assert.deepEqual(await asked({ token: 'mine' }, { MQ_USER: 'shop' }), { token: 'mine' });
  await assert.rejects(asked({ token: 'mine', user: 'shop' }), /--token and --user say two things/);
  await assert.rejects(asked({}, { MQ_USER: 'shop' }), /\$MQ_TOKEN and \$MQ_USER say two things/);
  await assert.rejects(asked({ ca: 'not-there.pem' }), /--ca not-there\.pem cannot be read: ENOENT/);
});
