/** What a server holds is bounded, however much is sent to it. A minute of the same is `pressure.long.ts`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from 'undici';
import { encodeMessages, MESSAGES_TYPE } from './message-codec.ts';
import { openDoor } from './testing/doors.ts';
import { CONNECTIONS_COUNT, press } from './testing/pressure.ts';

test('a producer ten times as fast as its consumer is throttled with 429, and the topic holds no more than its bound', async () => {
  await using door = await openDoor();
  const messagesMax = 50;
  const report = await press(door, {
    messagesMax,
    bytesMax: 1024 * 1024,
    bodyBytes: 100,
    goesOn: (attemptedCount) => attemptedCount < 1000,
  });
  const { attemptedCount, accepted, refusals, received, receivedUnderLoadCount } = report;
  assert.equal(attemptedCount, 1000);
  assert.equal(receivedUnderLoadCount, 100);
  assert.ok(accepted.size <= messagesMax + receivedUnderLoadCount, `${accepted.size} were accepted`);
  assert.deepEqual([...refusals], [['429 MQ_QUEUE_FULL', attemptedCount - accepted.size]]);
  assert.equal(report.retryAfterCount, attemptedCount - accepted.size);
  assert.ok(report.heldCountMax <= messagesMax, `${report.heldCountMax} were held`);
  assert.ok(report.waiterCountMax <= CONNECTIONS_COUNT, `${report.waiterCountMax} waited`);
  assert.deepEqual(
    received.toSorted((a, b) => a - b),
    [...accepted].sort((a, b) => a - b),
    'what was answered 200 arrives once, and what was answered 429 never',
  );
});

test('bodies count too: a topic that is full of bytes refuses with 429 while slots are free', async () => {
  await using door = await openDoor();
  const bytesMax = 64 * 1024;
  const report = await press(door, {
    messagesMax: 10_000,
    bytesMax,
    bodyBytes: 4096,
    goesOn: (attemptedCount) => attemptedCount < 200,
  });
  assert.deepEqual([...report.refusals.keys()], ['429 MQ_QUEUE_FULL']);
  assert.ok(report.heldBytesMax > 0 && report.heldBytesMax <= bytesMax, `${report.heldBytesMax} bytes were held`);
  assert.equal(report.received.length, report.accepted.size);
});

test('the bodies of a binary batch share one buffer of their own, and keep nothing else of the request alive', async () => {
  await using door = await openDoor();
  const messages = Array.from({ length: 100 }, (_, number) => ({ body: new Uint8Array(100).fill(number) }));
  const body = encodeMessages(messages);
  const headers = { 'content-type': MESSAGES_TYPE };
  const answer = await request(`${door.url}/topics/t/messages`, { method: 'POST', headers, body });
  await answer.body.dump();
  const deliveries = await door.broker.receive('t', { max: 100 });
  assert.equal(deliveries.length, 100);
  const buffers = new Set(deliveries.map((delivery) => delivery.body.buffer));
  assert.deepEqual(
    [...buffers].map(({ byteLength }) => byteLength),
    [body.length],
  );
});
