import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { Progress } from './progress.ts';
import { Terminal } from './terminal.ts';

function watched(isTTY: boolean): { terminal: Terminal; read(): string } {
  const stderr = Object.assign(new PassThrough(), { isTTY, columns: 40 });
  const terminal = new Terminal({ stdin: new PassThrough(), stdout: new PassThrough(), stderr, env: {} });
  return { terminal, read: () => String(stderr.read() ?? '') };
}

test('progress is a bar on one line of the terminal, and nothing of it is left behind', () => {
  const { terminal, read } = watched(true);
  const progress = new Progress(terminal, 'sending');
  progress.show('8,214 messages', 0.41);
  assert.equal(read(), '\r\x1b[Ksending [########............]  41% 8,2', 'cut to the terminal');
  progress.show('at once again', 0.42);
  assert.equal(read(), '', 'the eye would not see it');
  progress[Symbol.dispose]();
  assert.equal(read(), '\r\x1b[K');
});

test('nobody watches a pipe, so nothing is shown there', () => {
  const { terminal, read } = watched(false);
  const progress = new Progress(terminal, 'sending');
  progress.show('8,214 messages', 0.41);
  progress[Symbol.dispose]();
  assert.equal(read(), '');
});
