/** `mq bench` where it can be asked without measuring anything. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runCaptured } from './testing/captured-terminal.ts';

test('--output with a file instead of a folder is a wrong use, told before anything is measured', async () => {
  const file = fileURLToPath(import.meta.url);
  const ran = await runCaptured(['bench', '1', '--quick', '--output', file]);
  assert.equal(ran.exitCode, 2);
  assert.match(ran.stderr, /no report can be written into the folder ".*bench-command\.test\.ts": it is a file/);
  assert.equal(ran.stdout, '');
  assert.doesNotMatch(ran.stderr, /measuring/);
});
