import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCaptured } from '../testing/captured-terminal.ts';
import { startServer } from '../testing/mq-process.ts';

test('a send that waits for room says so to a person who watches, and to nobody else', async () => {
  await using server = await startServer(['3', '--messages-max', '1']);
  const waiting = (topic: string, isWatched: boolean) =>
    runCaptured(['send', topic, '-m', 'a', '-m', 'b', '--timeout', '1300', '--target', server.url], { isWatched });
  const [watched, unwatched] = await Promise.all([waiting('t', true), waiting('u', false)]);
  assert.match(watched.stderr, /waits: is t full\? make room with: mq receive t/);
  assert.doesNotMatch(unwatched.stderr, /waits/);
  for (const { exitCode, stderr } of [watched, unwatched]) {
    assert.equal(exitCode, 1);
    assert.match(stderr, /1 message had been accepted before this:\nmq: .*MQ_QUEUE_FULL.*\n.*mq receive [tu] /);
  }
});
