/** `mq serve 5`: who may come in, what is refused at the start, and what no output shows. Processes and files are real. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { type TestContext, test } from 'node:test';
import { connect } from 'node:tls';
import { AUTHORITY_CERT, CLIENT, SERVER, SERVER_2 } from '../stages/3-http-server/testing/certificates.ts';
import { createTcpClient } from '../stages/4-persisted-log/index.ts';
import { runCaptured } from './testing/captured-terminal.ts';
import { MqProcess } from './testing/mq-process.ts';

const needsSignals = process.platform === 'win32' ? { skip: 'Windows has no signals to send' } : {};

async function freshFolder(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'stagemq-armour-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs `mq user ...` on the file; it must go well. */
async function user(file: string, args: readonly string[], input?: string): Promise<string> {
  const ran = await runCaptured(['user', ...args, '--users', file], input === undefined ? {} : { input });
  assert.equal(ran.exitCode, 0, ran.stderr);
  return ran.stdout.trim();
}

/** Starts `mq serve 5` in `folder` on free ports. */
async function serve(folder: string, args: readonly string[]) {
  const ports = ['--port', '0', '--tcp-port', '0'];
  const mq = new MqProcess(['serve', '5', '--data', join(folder, 'data'), ...ports, ...args]);
  const [, http = '', tcp = ''] = await mq.saw(/listens on (\S+) and (\S+)/);
  return { mq, http, tcp, [Symbol.asyncDispose]: () => mq[Symbol.asyncDispose]() };
}

const basic = (name: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`,
});

test('users come in as the file says, on both doors, and no output shows a secret', needsSignals, async (context) => {
  const folder = await freshFolder(context);
  const file = join(folder, 'users.json');
  await user(file, ['add', 'shop', '--rule', 'orders.*=publish'], 'planted-password\n');
  const token = await user(file, ['add', 'robot', '--new-token', 'ci', '--rule', 'orders.*=consume']);
  await using server = await serve(folder, ['--users', file, '--send-rate', '1000']);
  const shown: string[] = [];
  const send = async (headers: Record<string, string>, topic: string): Promise<number> => {
    const answer = await fetch(`${server.http}/topics/${topic}/messages`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/octet-stream' },
      body: 'tea',
    });
    shown.push(await answer.text());
    return answer.status;
  };
  assert.equal(await send({}, 'orders.a'), 401);
  assert.equal(await send(basic('shop', 'planted-wrong'), 'orders.a'), 401);
  assert.equal(await send(basic('shop', 'planted-password'), 'orders.a'), 200);
  assert.equal(await send(basic('shop', 'planted-password'), 'secret'), 403);
  assert.equal(await send({ authorization: `Bearer ${token}` }, 'orders.a'), 403);
  for (const [target, expected] of [
    [server.http, 'tea\n'],
    [server.tcp, ''],
  ] as const) {
    const ran = await runCaptured(['receive', 'orders.a', '--wait', '0', '--target', target, '--token', token]);
    assert.deepEqual([ran.exitCode, ran.stdout], [0, expected], ran.stderr);
    const refused = await runCaptured(['receive', 'orders.a', '--target', target, '--token', 'planted-token']);
    assert.equal(refused.exitCode, 1);
    shown.push(refused.stderr, refused.stdout);
  }
  shown.push(await (await fetch(`${server.http}/metrics`, { headers: { authorization: `Bearer ${token}` } })).text());
  server.mq.child.kill('SIGTERM');
  const { exitCode, stdout, stderr } = await server.mq.ended;
  assert.equal(exitCode, 0);
  const { users } = JSON.parse(await readFile(file, 'utf8'));
  const secrets = ['planted-', token, users.shop.password.digest, users.shop.password.salt, users.robot.tokens.ci];
  for (const output of [...shown, String(stdout), stderr]) {
    for (const secret of secrets) assert.ok(!output.includes(secret), `${secret} in ${output}`);
  }
});

test('SIGHUP reads the users again; a wrong file changes nothing, and both are told', needsSignals, async (context) => {
  const folder = await freshFolder(context);
  const file = join(folder, 'users.json');
  const token = await user(file, ['add', 'robot', '--new-token', 'ci', '--rule', '*=publish']);
  await using server = await serve(folder, ['--users', file]);
  const exitCode = async (): Promise<number> =>
    (await runCaptured(['send', 't', '-m', 'x', '--target', server.http, '--token', token])).exitCode;
  assert.equal(await exitCode(), 0);
  await writeFile(file, '{"users": {"robot": {"rules": [{"topics": "*", "verbs": ["shout"]}]}}}');
  server.mq.child.kill('SIGHUP');
  await server.mq.saw(/users\.robot\.rules\[0\]\.verbs\[0\] must be one of .*all stays as it was/, 'stderr');
  assert.equal(await exitCode(), 0);
  await writeFile(file, '{"users": {}}');
  server.mq.child.kill('SIGHUP');
  await server.mq.saw(/read again: users 0/, 'stderr');
  assert.equal(await exitCode(), 1);
});

test('with TLS a certificate says who comes, and SIGHUP changes that of the server', needsSignals, async (context) => {
  const folder = await freshFolder(context);
  const path = (name: string): string => join(folder, name);
  await writeFile(path('cert.pem'), SERVER.cert);
  await writeFile(path('key.pem'), SERVER.key);
  await writeFile(path('ca.pem'), AUTHORITY_CERT);
  const { subject } = new X509Certificate(CLIENT.cert);
  const name = /CN=([^\n]+)/.exec(subject)?.[1] ?? '';
  await user(path('users.json'), ['add', 'host', '--certificate', `subject=${name}`, '--rule', 't=publish']);
  const files = ['--tls-cert', path('cert.pem'), '--tls-key', path('key.pem'), '--tls-ca', path('ca.pem')];
  await using server = await serve(folder, ['--users', path('users.json'), ...files]);
  assert.match(`${server.http} ${server.tcp}`, /^https:.* mqs:/);
  const client = (tls: object) =>
    createTcpClient(server.tcp, { tls: { ca: AUTHORITY_CERT, ...tls }, reconnects: false });
  await using known = await client({ cert: CLIENT.cert, key: CLIENT.key });
  await known.send('t', { body: 'x' });
  await assert.rejects(known.receive('t'), { code: 'MQ_FORBIDDEN' });
  await assert.rejects(client({}), { code: 'MQ_UNAUTHORIZED' });
  const fingerprint = async (): Promise<string> => {
    const socket = connect({ port: Number(new URL(server.http).port), ca: AUTHORITY_CERT, servername: 'localhost' });
    await once(socket, 'secureConnect');
    const { fingerprint256 } = socket.getPeerCertificate();
    socket.destroy();
    return fingerprint256;
  };
  assert.equal(await fingerprint(), new X509Certificate(SERVER.cert).fingerprint256);
  await writeFile(path('cert.pem'), SERVER_2.cert);
  server.mq.child.kill('SIGHUP');
  await server.mq.saw(/options\.tls.*all stays as it was|tls.*all stays as it was/, 'stderr');
  assert.equal(await fingerprint(), new X509Certificate(SERVER.cert).fingerprint256, 'a key of another certificate');
  await writeFile(path('key.pem'), SERVER_2.key);
  server.mq.child.kill('SIGHUP');
  await server.mq.saw(/read again: users 1, the certificate/, 'stderr');
  assert.equal(await fingerprint(), new X509Certificate(SERVER_2.cert).fingerprint256);
});

test('whoever listens beyond this machine asks for a credential, and is told what to type', async (context) => {
  const folder = await freshFolder(context);
  const args = ['serve', '5', '--host', '0.0.0.0', '--data', join(folder, 'data')];
  const refused = await runCaptured(args);
  assert.equal(refused.exitCode, 2);
  assert.match(refused.stderr, /could read and send everything.*\n +type: mq user add <name> .*--users users\.json/);
  await assert.rejects(stat(join(folder, 'data')), 'nothing was opened');
});

/** What stands in the configuration, and what is said of it. */
const WRONG_CONFIGS: readonly (readonly [string, RegExp])[] = [
  ['{"prt": 1}', /there is no key "prt"\n +did you mean: port/],
  ['{"config": "x"}', /there is no key "config"/],
  ['{"json": true}', /there is no key "json"/],
  ['{"port": 70000}', /: port must be a whole number from 0 to 65535/],
  ['{"port": "80"}', /: port must be a number/],
  ['{"port": -1}', /: port must be a whole number/],
  ['{"port": null}', /: port must be a text or a number/],
  ['{"sendRate": 0}', /: sendRate must be a whole number of at least 1/],
  ['{"diskReserve": -5}', /: diskReserve must be/],
  ['{"flush": "sometimes"}', /: flush must be one of always, interval, never/],
  ['{"host": 7}', /: host must be a text/],
  ['{"allowHost": "x"}', /: allowHost must be a list/],
  ['{"allowHost": [7]}', /: allowHost must be a list of texts, and element 0 is none/],
  ['{"host": ["x"]}', /: host must be one value, not a list/],
  ['{"slowConsumers": ["x"]}', /: slowConsumers must be topics=policy:count/],
  ['{"token": 7, "planted": 1}', /: token must be a text/],
  ['[]', /must be an object/],
  ['{"token": "planted-secret"', /is no JSON/],
];

test('a configuration that is misspelt, of the wrong type or out of range stops the start, with the key', async (context) => {
  const folder = await freshFolder(context);
  const config = join(folder, 'config.json');
  for (const [text, expected] of WRONG_CONFIGS) {
    await writeFile(config, text);
    const ran = await runCaptured(['serve', '5', '--config', config]);
    assert.equal(ran.exitCode, 2, text);
    assert.match(ran.stderr, expected, text);
    assert.ok(!ran.stderr.includes('planted-secret'));
  }
});

test(
  'flags come from the configuration, found from where it lies; the command line wins',
  needsSignals,
  async (context) => {
    const folder = await freshFolder(context);
    const config = join(folder, 'config.json');
    await user(join(folder, 'users.json'), ['add', 'robot', '--new-token', 'ci']);
    const members = { data: 'd', users: 'users.json', flush: 'never', port: 1, tcpPort: 0, memoryHigh: 4e9 };
    await writeFile(config, JSON.stringify({ ...members, slowConsumers: ['news.*=drop-oldest:10'] }));
    await using mq = new MqProcess(['serve', '5', '--config', config, '--port', '0', '--flush', 'interval']);
    await mq.saw(new RegExp(`data in ${join(folder, 'd')}, flushed: interval`));
    mq.child.kill('SIGTERM');
    assert.equal((await mq.ended).exitCode, 0);
  },
);

/** Wrong uses of the flags, and what is said. */
const WRONG_FLAGS: readonly (readonly [string, RegExp])[] = [
  ['serve 4 --users users.json', /--users is for stage 5/],
  ['serve 3 --memory-high 5', /--memory-high is for stage 5/],
  ['serve 3 --disk-reserve 5', /--disk-reserve is for stage 4/],
  ['serve 5 --users not-there.json', /there is no file not-there\.json\n +make it: mq user add/],
  ['serve 5 --users x --token y', /two answers to one question/],
  ['serve 5 --memory-low 5', /--memory-low goes with --memory-high/],
  ['serve 5 --memory-high 5 --memory-low 6', /--memory-low is above --memory-high/],
  ['serve 5 --tls-cert x', /TLS takes a certificate and its key/],
  ['serve 5 --tls-cert not-there --tls-key not-there', /--tls-(cert|key) not-there cannot be read: ENOENT/],
  ['serve 5 --tls-cert package.json --tls-key package.json', /--tls-cert package\.json is no PEM file/],
  ['serve 5 --slow-consumers a=drop:1', /topics=policy:count/],
  ['serve 5 --in-flight-max 0', /--in-flight-max/],
  ['user add', /missing required argument 'name'/],
  ['user add x --rule orders', /topics=verbs/],
  ['user add x --certificate y', /subject=<common name>/],
  ['user frob', /has no "frob"|unknown command|too many/],
];

test('flags that do not go together, or not with the stage, are refused with what to type', async () => {
  for (const [line, expected] of WRONG_FLAGS) {
    const ran = await runCaptured(line.split(' '));
    assert.equal(ran.exitCode === 0, false, line);
    assert.match(ran.stderr, expected, line);
  }
});

test('mq user keeps the file: for its owner only, never with a secret, and whole', async (context) => {
  const folder = await freshFolder(context);
  const file = join(folder, 'users.json');
  await user(file, ['add', 'shop', '--rule', 'a=b=publish,consume'], 'first-password\nmore lines\n');
  await user(file, ['add', 'shop', '--rule', 'news=browse', '--certificate', 'subject=shop.example']);
  const token = await user(file, ['add', 'shop', '--new-token', 'ci']);
  assert.match(token, /^[\w-]{32}$/);
  const text = await readFile(file, 'utf8');
  assert.ok(!text.includes('first-password') && !text.includes(token));
  if (process.platform !== 'win32') assert.equal((await stat(file)).mode & 0o777, 0o600);
  const [listed] = JSON.parse(await user(file, ['list', '--json']));
  assert.deepEqual(listed, {
    name: 'shop',
    provenBy: ['password', 'token ci', 'certificate shop.example'],
    rules: ['a=b=publish,consume', 'news=browse'],
    quota: {},
  });
  const wrong = [
    ['add', 'shop', '--rule', 'x=shout'],
    ['add', 'a b', '--new-token', 'x'],
    ['add', '__proto__', '--rule', 'x=publish', '--new-token', 'x', '--rule', 'y=none'],
    ['remove', 'nobody'],
    ['remove', 'shop', '--token', 'other'],
  ];
  for (const args of wrong) {
    assert.notEqual((await runCaptured(['user', ...args, '--users', file])).exitCode, 0, args.join(' '));
    assert.equal(await readFile(file, 'utf8'), text, 'a refused change leaves the file as it was');
  }
  for (const password of ['', '\n', 'nul\0inside\n', `${'x'.repeat(2000)}\n`]) {
    const ran = await runCaptured(['user', 'add', 'new', '--users', file], { input: password });
    assert.match(ran.stderr, /a password has 1 to 1024 bytes, and no NUL/);
  }
  await user(file, ['remove', 'shop', '--token', 'ci']);
  await user(file, ['remove', 'shop']);
  assert.deepEqual(JSON.parse(await user(file, ['list', '--json'])), []);
});

test('two that change the users at once do not lose each other’s change', async (context) => {
  const folder = await freshFolder(context);
  const file = join(folder, 'users.json');
  await writeFile(`${file}.new`, '');
  const ran = await runCaptured(['user', 'add', 'x', '--new-token', 't', '--users', file]);
  assert.equal(ran.exitCode, 1);
  assert.match(ran.stderr, /somebody changes the users at this moment.*\n +if nobody does, remove it/);
});
