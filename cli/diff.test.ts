import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runDiff } from './diff.ts';
import { captured } from './testing/captured-terminal.ts';

async function diff(...args: string[]): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const { terminal, read } = captured();
  const exitCode = await runDiff(args, terminal);
  return { exitCode, ...read() };
}

test('diff 1 2 shows the spines as a unified difference, and which parts are new', async () => {
  const { exitCode, stdout } = await diff('1', '2');
  assert.equal(exitCode, 0);
  assert.match(stdout, /^--- stages\/1-blocking-queue\/broker\.ts\n\+\+\+ stages\/2-ring-buffer\/broker\.ts\n@@ -/);
  assert.match(stdout, /\nnew\n( {2}.*\n)* {2}stages\/2-ring-buffer\/ring-buffer\.ts: \d+ lines\n/);
  assert.match(stdout, /\ncarried .*\n( {2}.*\n)* {2}stages\/1-blocking-queue\/waiter-line\.ts: \d+ lines\n/);
});

test('diff 2 3 says that stage 3 has no spine, and shows the parts', async () => {
  const { exitCode, stdout } = await diff('2', '3');
  assert.equal(exitCode, 0);
  assert.match(stdout, /^stage 3 has no spine: it wraps any broker/);
  assert.match(stdout, /\n {2}stages\/2-ring-buffer: the whole stage\n/);
});

test('diff 3 4 compares with the stage that stage 3 wraps, and counts the TCP door as new', async () => {
  const { exitCode, stdout } = await diff('3', '4');
  assert.equal(exitCode, 0);
  assert.match(
    stdout,
    /^stage 3 has no spine: it wraps any broker, also that of stage 4\. Stage 4 continues stage 2:\n/,
  );
  assert.match(stdout, /\n--- stages\/2-ring-buffer\/broker\.ts\n\+\+\+ stages\/4-persisted-log\/broker\.ts\n@@ -/);
  for (const part of ['log/log.ts', 'log/recovery.ts', 'doors/tcp/server.ts', 'policies/dead-letters.ts']) {
    assert.match(stdout, new RegExp(`\\nnew\\n( {2}.*\\n)* {2}stages/4-persisted-log/${part}: \\d+ lines\\n`));
  }
  assert.match(
    stdout,
    /\nleft behind \(stage 2 uses it, stage 4 does not\)\n( {2}.*\n)* {2}stages\/2-ring-buffer\/ring-buffer\.ts: /,
  );
  assert.doesNotMatch(stdout, /test\.ts|\/testing\//);
});

test('diff 4 5 shows the two spines and what is new', async () => {
  const { exitCode, stdout } = await diff('4', '5');
  assert.equal(exitCode, 0);
  assert.match(stdout, /^\+.*class RobustBroker/m);
  assert.match(stdout, /^ {2}stages\/5-robust-broker\/producers\/producer-options\.ts: /m);
});

test('anything but two stages in order is a wrong use that says what to type', async () => {
  for (const args of [[], ['1'], ['1', '2', '3'], ['2', '1'], ['1', '9'], ['one', 'two']]) {
    const { exitCode, stderr } = await diff(...args);
    assert.equal(exitCode, 2, args.join(' '));
    assert.match(stderr, /npm run diff 1 2/, args.join(' '));
  }
});
