import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type ErrorCode, MqError } from '../shared/contract/errors.ts';
import { CommandError, failureOf, QuietEnd, usageError } from './exit.ts';

test('the exit code says whose fault it is: ours to use, the broker, the way there', () => {
  const codes: readonly (readonly [ErrorCode, number])[] = [
    ['MQ_QUEUE_FULL', 1],
    ['MQ_UNAUTHORIZED', 1],
    ['MQ_PROTOCOL', 1],
    ['MQ_INVALID_ARGUMENT', 2],
    ['MQ_NOT_SUPPORTED', 2],
    ['MQ_UNREACHABLE', 3],
    ['MQ_CONNECTION_LOST', 3],
    ['MQ_TIMEOUT', 3],
    ['MQ_CLOSED', 3],
  ];
  for (const [code, exitCode] of codes) {
    const failure = failureOf(new MqError(code, 'so it is'));
    assert.equal(failure.exitCode, exitCode, code);
    assert.equal(failure.lines[0], `mq: so it is (${code})`);
  }
});

test('a failure is one line of what was wrong and one of what to type, both printable', () => {
  assert.deepEqual(failureOf(usageError('no "\x1b[2J"', 'type:\nmq')), {
    exitCode: 2,
    lines: ['mq: no "\\x1b[2J"', '    type:\\nmq'],
  });
  assert.deepEqual(failureOf(new CommandError('it failed')), { exitCode: 1, lines: ['mq: it failed'] });
  assert.deepEqual(failureOf(new QuietEnd(130)), { exitCode: 130, lines: [] });
});

test('what the operating system refuses is said in its words, without a stack', () => {
  try {
    readFileSync(import.meta.dirname);
    assert.fail('a folder was read like a file');
  } catch (error) {
    const { exitCode, lines } = failureOf(error);
    assert.equal(exitCode, 1);
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? '', /^mq: EISDIR/);
  }
});

test('a defect of ours shows its stack and asks to be reported', () => {
  const { exitCode, lines } = failureOf(new TypeError('undefined is not a function'));
  assert.equal(exitCode, 1);
  assert.match(lines.join('\n'), /a defect of mq itself.*\n.*TypeError.*\n +at /);
});
