/** A minute of a producer that is ten times as fast as its consumer. Run by `npm run test:long`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SystemClock } from '../../shared/clock.ts';
import { openDoor } from './testing/doors.ts';
import { aliveBytes } from './testing/footprint.ts';
import { press } from './testing/pressure.ts';

const DURATION_MS = 60_000;
const MESSAGES_MAX = 2000;
const BYTES_MAX = 8 * 1024 * 1024;
const BODY_BYTES = 16 * 1024;
/** Collected and weighed so often, in hundreds of answers. */
const WEIGHED_EVERY = 20;
/** Server and load are weighed together. For the server, the sockets of both sides, requests on their way, and compiled code. */
const SLACK_BYTES = 16 * 1024 * 1024;

test('a minute of ten times too much is throttled with 429, loses nothing, and takes the memory of the bound', async () => {
  await using door = await openDoor();
  const clock = new SystemClock();
  const endsAtMs = clock.monotonicMs() + DURATION_MS;
  const before = aliveBytes();
  let hundredCount = 0;
  let aliveBytesMax = 0;
  const report = await press(door, {
    messagesMax: MESSAGES_MAX,
    bytesMax: BYTES_MAX,
    bodyBytes: BODY_BYTES,
    goesOn: () => clock.monotonicMs() < endsAtMs,
    onHundred: () => {
      hundredCount += 1;
      if (hundredCount % WEIGHED_EVERY === 0) aliveBytesMax = Math.max(aliveBytesMax, aliveBytes() - before);
    },
  });
  const { attemptedCount, accepted, refusals, received } = report;
  assert.ok(accepted.size > 0 && attemptedCount > 5 * accepted.size, `${accepted.size} of ${attemptedCount} accepted`);
  assert.deepEqual([...refusals], [['429 MQ_QUEUE_FULL', attemptedCount - accepted.size]]);
  assert.ok(report.heldCountMax <= MESSAGES_MAX && report.heldBytesMax <= BYTES_MAX);
  const isUnbounded = attemptedCount * BODY_BYTES > 4 * (BYTES_MAX + SLACK_BYTES);
  assert.ok(isUnbounded, 'without a bound it would have taken several times as much');
  assert.ok(aliveBytesMax > 0 && aliveBytesMax < BYTES_MAX + SLACK_BYTES, `${aliveBytesMax} bytes more than before`);
  assert.deepEqual(
    received.toSorted((a, b) => a - b),
    [...accepted].sort((a, b) => a - b),
    'what was answered 200 arrives once, and what was answered 429 never',
  );
});
