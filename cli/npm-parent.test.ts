/** A command that npm started ends with npm, though no signal reaches it. */
import assert from 'node:assert/strict';
import process from 'node:process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { MqProcess, runMq, startServer } from './testing/mq-process.ts';

const MQ = fileURLToPath(new URL('mq.js', import.meta.url));
/** What npm's shell does: runs the command, and ends at a signal without passing it on. */
const SHELL = `require('node:child_process').spawn(process.execPath, process.argv.slice(1), { stdio: 'inherit' })`;
/** What npm does: runs the command in a shell that waits for it. */
const NPM = `require('node:child_process').spawn('sh', ['-c', '"$@"; exit', 'sh', process.execPath, ...process.argv.slice(1)], { stdio: 'inherit' })`;

const limits = { skip: process.platform === 'win32' && 'no orphans there', timeout: 20_000 };

/** `mq` below a parent that plays npm's shell or npm with its shell. */
function mqBelow(parent: string, args: readonly string[]): MqProcess {
  return new MqProcess([parent, MQ, ...args], { shim: '-e', env: { npm_lifecycle_event: 'mq' } });
}

for (const [name, parent] of [
  ['the shell of npm', SHELL],
  ['npm', NPM],
] as const) {
  test(`a server started by npm drains when ${name} goes`, limits, async () => {
    await using mq = mqBelow(parent, ['serve', '3', '--port', '0']);
    await mq.saw(/listens on (\S+)/);
    mq.child.kill('SIGKILL');
    const { stdout } = await mq.ended; // its output closes only when the server behind it has ended too
    assert.match(stdout.toString('utf8'), /SIGTERM: finishing/);
  });
}

test('send and receive started by npm end when npm goes, and give nothing back as if killed', limits, async () => {
  await using server = await startServer();
  const target = ['--target', server.url];
  await using sending = mqBelow(NPM, ['send', 't', ...target]);
  sending.child.stdin.write('one\n'); // and no end: it waits for more
  await using receiving = mqBelow(NPM, ['receive', 't', '--follow', '--ack', 'none', ...target]);
  await receiving.saw(/one\n/);
  await using fetching = mqBelow(NPM, ['fetch', 't', '--follow', ...target]);
  await fetching.saw(/one\n/);
  for (const mq of [sending, receiving, fetching]) mq.child.kill('SIGKILL');
  await Promise.all([sending.ended, receiving.ended, fetching.ended]); // their output closes when they have ended
  const described = await runMq(['groups', 'describe', 't', 'default', '--json', ...target]);
  assert.equal(JSON.parse(described.stdout.toString()).inFlightCount, 1);
});
