/** The shim: one process on a Node that is new enough, two on an old one, and nobody can tell the difference. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { MqProcess, runMq, startServer } from './testing/mq-process.ts';

/** A Node older than the one mq needs, if this machine has one. */
function findOldNode(): string | undefined {
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  const candidates = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, name));
  return candidates.filter(existsSync).find((node) => {
    const version = spawnSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' }).stdout;
    return Number(version.split('.')[0]) < 24;
  });
}

const oldNode = findOldNode();
const needsOldNode = oldNode === undefined ? { skip: 'there is no Node older than 24 on this machine' } : {};
const isWindows = process.platform === 'win32';
const needsSignals = isWindows ? { skip: 'Windows has no signals to send' } : {};

test(
  'an old Node runs the command under the Node of the checkout, and passes its exit code on',
  needsOldNode,
  async () => {
    const version = await runMq(['--version'], { node: oldNode });
    assert.match(version.stdout.toString(), /^\d+\.\d+\.\d+\n$/);
    assert.equal(version.exitCode, 0);
    const wrong = await runMq(['stage', '9'], { node: oldNode });
    assert.equal(wrong.exitCode, 2);
    assert.match(wrong.stderr, /there is no stage 9/);
  },
);

test('mq.js is executable as it stands, so that npx need not make it so', {
  skip: isWindows && 'Windows has no such bit',
}, () => {
  assert.equal(statSync(join(import.meta.dirname, 'mq.js')).mode & 0o111, 0o111);
});

test('an old Node with no other Node at hand says what to install', needsOldNode, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'stagemq-shim-'));
  try {
    mkdirSync(join(folder, 'cli'));
    copyFileSync(join(import.meta.dirname, 'mq.js'), join(folder, 'cli/mq.js'));
    writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
    const ran = await runMq(['--version'], { node: oldNode, shim: join(folder, 'cli/mq.js') });
    assert.equal(ran.exitCode, 1);
    assert.match(ran.stderr, /needs Node 24\.2 or newer.*npm ci/s);
    assert.doesNotMatch(ran.stderr, /\n +at /);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a signal to the old Node reaches the command, which ends as it would have', needsOldNode, async () => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    await using server = await startServer(['3'], { node: oldNode });
    server.mq.child.kill(signal);
    assert.equal((await server.mq.ended).exitCode, 0, signal);
  }
});

test('a command that a signal ends makes the exit code 128 + n', needsOldNode, async () => {
  await using server = await startServer();
  const sending = new MqProcess(['send', 't', '--target', server.url], { node: oldNode });
  sending.child.stdin.write('one\n');
  // The message is there, so the command waits for more input.
  await receiveOne(server.url);
  sending.child.kill('SIGTERM');
  const { exitCode } = await sending.ended;
  assert.equal(exitCode, 143);
});

async function receiveOne(url: string): Promise<void> {
  const received = await runMq(['receive', 't', '--max', '1', '--wait', '20000', '--target', url]);
  assert.equal(received.stdout.toString(), 'one\n');
}

test(
  'SIGTERM, SIGINT and SIGHUP drain a server: a waiting poll is answered and the exit code is 0',
  needsSignals,
  async () => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      await using server = await startServer(['2']);
      const poll = fetch(`${server.url}/topics/t/deliveries`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"waitMs": 60000}',
      });
      await pollWaits(server.url);
      server.mq.child.kill(signal);
      assert.deepEqual(await (await poll).json(), { deliveries: [] });
      assert.equal((await server.mq.ended).exitCode, 0, signal);
    }
  },
);

/** Resolves once the topic `t` has a waiting call. */
async function pollWaits(url: string): Promise<void> {
  for (;;) {
    const answer = await fetch(`${url}/topics/t`);
    const { waiterCount } = (await answer.json()) as { waiterCount?: number };
    if (answer.ok && waiterCount === 1) return;
  }
}

test('a kill -9 of a server under an old Node frees its port: nobody answers any more', {
  ...needsOldNode,
  timeout: 20_000,
}, async () => {
  await using server = await startServer(['3'], { node: oldNode });
  server.mq.child.kill('SIGKILL');
  await server.mq.ended; // its output closes only when the second process has ended too
  await assert.rejects(fetch(`${server.url}/healthz`));
});

test('a kill -9 of a consumer under an old Node ends it: nothing is acknowledged after that', {
  ...needsOldNode,
  timeout: 20_000,
}, async () => {
  await using server = await startServer();
  const target = ['--target', server.url];
  await runMq(['send', 't', ...target], { input: '\n'.repeat(10_000) });
  const consumer = new MqProcess(['receive', 't', '--follow', ...target], { node: oldNode });
  await consumer.saw(/\n/);
  consumer.child.stdout.pause(); // a full pipe holds it in the middle
  consumer.child.kill('SIGKILL');
  await once(consumer.child, 'exit');
  consumer.child.stdout.resume();
  await consumer.ended;
  const described = await runMq(['groups', 'describe', 't', 'default', '--json', ...target]);
  const { committedOffset } = JSON.parse(described.stdout.toString());
  assert.ok(committedOffset < 10_000, `${committedOffset} of 10,000 acknowledged`);
});

test('a second signal ends a server that still waits for a slow caller', needsSignals, async () => {
  await using server = await startServer(['2', '--timeout', '600000']);
  const { hostname, port } = new URL(server.url);
  const slow = connect(Number(port), hostname);
  slow.on('error', () => undefined);
  slow.write(
    `POST /topics/t/messages HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Length: 10\r\nContent-Type: application/octet-stream\r\nExpect: 100-continue\r\n\r\n`,
  );
  // The server has seen the request: it asks for the body that never comes.
  await once(slow, 'data');
  server.mq.child.kill('SIGTERM');
  await server.mq.saw(/SIGTERM: finishing/);
  server.mq.child.kill('SIGINT');
  assert.equal((await server.mq.ended).exitCode, 130);
  slow.destroy();
});

test('a port in use exits 1 and says what to type instead of a stack', async () => {
  await using server = await startServer();
  const { port } = new URL(server.url);
  const second = await runMq(['serve', '1', '--port', port]);
  assert.equal(second.exitCode, 1);
  assert.match(second.stderr, new RegExp(`port ${port} of 127.0.0.1 is in use.*--port 0`, 's'));
  assert.doesNotMatch(second.stderr, /\n +at /);
});

test('a server outlives the reader of its output', async () => {
  await using server = await startServer();
  server.mq.child.stdout.destroy();
  server.mq.child.stderr.destroy();
  assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
  if (isWindows) return;
  server.mq.child.kill('SIGTERM');
  assert.equal((await server.mq.ended).exitCode, 0);
});

test('without a terminal mq tells the story of every stage and exits 0', async () => {
  const ran = await runMq([]);
  assert.equal(ran.exitCode, 0, ran.stderr);
  assert.equal(ran.stderr, '');
  const text = ran.stdout.toString();
  assert.ok(text.length > 1000);
  assert.doesNotMatch(text, /\x1b/);
});
