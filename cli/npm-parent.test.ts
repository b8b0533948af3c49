/** A server that npm started ends with npm, though no signal reaches it. */
import assert from 'node:assert/strict';
import process from 'node:process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { MqProcess } from './testing/mq-process.ts';

const MQ = fileURLToPath(new URL('mq.js', import.meta.url));
/** What npm's shell does: runs the command, and ends at a signal without passing it on. */
const SHELL = `require('node:child_process').spawn(process.execPath, process.argv.slice(1), { stdio: 'inherit' })`;

test('a server started by npm drains when npm goes', {
  skip: process.platform === 'win32' && 'no orphans there',
}, async () => {
  await using mq = new MqProcess([SHELL, MQ, 'serve', '3', '--port', '0'], {
    shim: '-e',
    env: { npm_lifecycle_event: 'mq' },
  });
  await mq.saw(/listens on (\S+)/);
  mq.child.kill('SIGKILL');
  const { stdout } = await mq.ended; // its output closes only when the server behind it has ended too
  assert.match(stdout.toString('utf8'), /SIGTERM: finishing/);
});
