import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { test } from 'node:test';
import { runCaptured } from './testing/captured-terminal.ts';
import { startServer } from './testing/mq-process.ts';

/** What `mq doctor` finds at `server`, which is a stranger. */
async function diagnosed(server: Server, scheme = 'http') {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const target = `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const doctor = await runCaptured(['doctor', '--target', target]);
  const topics = scheme === 'https' ? await runCaptured(['topics', '--target', target]) : undefined;
  server.close();
  return { exitCode: doctor.exitCode, text: doctor.stdout.slice(doctor.stdout.indexOf('server ')), topics };
}

test('a stranger who answers where the server would is called one, with another port to take', async () => {
  const { exitCode, text } = await diagnosed(createHttpServer((_, answer) => answer.writeHead(404).end('who?')));
  assert.match(text, /something else is listening there.*\n.*take another port: mq serve 3 --port 0/);
  assert.equal(exitCode, 1);
});

test('a stage is asked nothing that only a server can answer', async () => {
  const { exitCode, stdout } = await runCaptured(['doctor', '--target', '5']);
  assert.match(stdout, /ok +server +stage 5 answers: robust-broker/);
  assert.doesNotMatch(stdout, /ready/);
  assert.equal(exitCode, 0);
});

test('a server that hangs up is no server of ours either', async () => {
  const { exitCode, text } = await diagnosed(createServer((socket) => socket.destroy()));
  assert.match(text, /something is listening there, but does not answer\n +try https:, or take another port/);
  assert.equal(exitCode, 1);
});

test('a server that is silent is given seconds, not half a minute', { timeout: 15_000 }, async () => {
  const sockets: { destroy(): unknown }[] = [];
  const silent = createServer((socket) => sockets.push(socket));
  const { exitCode, text } = await diagnosed(silent);
  for (const socket of sockets) socket.destroy();
  assert.match(text, /something is listening there, but does not answer/);
  assert.equal(exitCode, 1);
});

test('https to a server that speaks http is said in a sentence, without the words of OpenSSL', async () => {
  const { text, topics } = await diagnosed(createHttpServer(), 'https');
  assert.match(text, /speaks http, not https/);
  assert.match(topics?.stderr ?? '', /^mq: https:\S+ the server there speaks http, not https \(MQ_PROTOCOL\)\n/);
  assert.doesNotMatch(text + topics?.stderr, /SSL/);
});

test('a server of ours is well, one that does not run is no illness, and one with a token asks for it', async () => {
  await using server = await startServer(['3', '--token', 'geheim']);
  const asked = (...args: string[]) => runCaptured(['doctor', ...args]);
  const well = await asked('--target', server.url, '--token', 'geheim');
  assert.match(well.stdout, /ok +server .* answers: /);
  const locked = await asked('--target', server.url);
  assert.match(locked.stdout, /note +server .*\n.*--token/);
  const absent = await asked('--target', 'http://127.0.0.1:1');
  assert.match(absent.stdout, /note +server .*\n +start a server with: mq serve 3/);
  assert.deepEqual([well.exitCode, locked.exitCode, absent.exitCode], [0, 0, 0]);
});

test('the ports of all doors are looked at, each with the flag that takes another', async () => {
  const { stdout } = await runCaptured(['doctor', '--target', '5', '--json']);
  const findings = JSON.parse(stdout) as { what: string; verdict: string; found: string; advice?: string }[];
  for (const [port, door, flag] of [
    [61613, 'STOMP', '--stomp'],
    [1883, 'MQTT', '--mqtt'],
    [61616, 'OpenWire', '--openwire'],
  ] as const) {
    const finding = findings.find(({ what }) => what === `port ${port}`);
    assert.match(finding?.found ?? '', new RegExp(`, for ${door}$`));
    assert.equal(finding?.advice, finding?.verdict === 'ok' ? undefined : `mq serve 5 ${flag} 0`);
  }
});
