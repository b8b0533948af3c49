import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMqError } from '../../shared/contract/errors.ts';
import { deadLetterTopicOf } from '../../shared/contract/message.ts';
import { failBetween, failFrom, failNth, HeldSyncs } from '../../shared/disk-faults.ts';
import { SimulatedDisk } from '../../shared/simulated-disk.ts';
import { createBroker } from './index.ts';
import { atEveryCall, dieOfDisk } from './testing/broker-failures.ts';
import { openBroker } from './testing/broker-script.ts';

test('whichever call of the disk fails, the broker goes on and keeps its promises', () =>
  atEveryCall({ step: 1, operationCount: 4 }, (n) => failNth(n)));

test('a disk that fails for a while, wherever that begins: the broker goes on and keeps its promises', () =>
  atEveryCall({ step: 11, operationCount: 15 }, (n) => failBetween({ from: n, to: n + 30 })));

test('a disk that is full for a while, wherever that begins: the broker goes on and keeps its promises', () =>
  atEveryCall({ step: 11, operationCount: 15 }, (n) => failBetween({ from: n, to: n + 30, code: 'ENOSPC' })));

test('a disk that breaks for good, wherever that begins: close settles, and a start elsewhere keeps every promise', () =>
  atEveryCall({ step: 11, operationCount: 15 }, (n) => failFrom(n), dieOfDisk));

test('with too little room left nothing new is accepted, and what is there is still received and acked', async () => {
  const disk = new SimulatedDisk({ capacityBytes: 1024 * 1024 });
  const { broker, clock } = await openBroker(disk, { diskReserveBytes: 100_000 });
  await broker.send('t', { body: 'kept' });
  disk.capacityBytes = disk.usedBytes + 50_000;
  await clock.pass(1000);
  await broker.describeTopics();
  const refused = async (): Promise<boolean> =>
    await broker.send('t', { body: 'x' }).then(
      () => false,
      (error) => isMqError(error, 'MQ_STORAGE_FULL'),
    );
  let isRefused = await refused();
  await clock.pass(1000);
  isRefused = await refused();
  assert.equal(isRefused, true);
  const deliveries = await broker.receive('t');
  assert.equal(deliveries.length, 1);
  await broker.ack(deliveries);
  disk.capacityBytes = 2 ** 30;
  await clock.pass(1000);
  await refused();
  await clock.pass(1000);
  assert.equal(await refused(), false);
  await broker.close();
});

test('a read-only disk: the start is refused with a clear error, nothing stays open, and later it starts', async () => {
  const disk = new SimulatedDisk();
  const first = await openBroker(disk);
  await first.broker.send('t', { body: 'kept' });
  await first.broker.close();
  disk.isReadOnly = true;
  await assert.rejects(
    openBroker(disk),
    (error) => isMqError(error, 'MQ_STORAGE_FAILED') && /EROFS/.test(error.message),
  );
  assert.deepEqual(disk.openPaths, []);
  disk.isReadOnly = false;
  const { broker } = await openBroker(disk);
  assert.equal((await broker.receive('t')).length, 1);
  await broker.close();
});

test('a slow disk keeps nobody waiting who does not wait for it', async () => {
  const disk = new SimulatedDisk();
  const { broker } = await openBroker(disk);
  await broker.send('t', { body: 'before' });
  await broker.createGroup('t', 'default');
  const syncs = new HeldSyncs();
  disk.onCall = syncs.watch;
  let answeredCount = 0;
  const sends = Array.from({ length: 50 }, async () => {
    await broker.send('t', { body: 'x' });
    answeredCount += 1;
  });
  await settled();
  assert.deepEqual([syncs.heldCount, answeredCount], [1, 0]);
  const [delivery] = await broker.receive('t', { max: 100 });
  assert.equal(Buffer.from(delivery?.body ?? []).toString(), 'before');
  assert.equal((await broker.fetch('t')).highWatermark, 1, 'what is not safe is not seen');
  syncs.open();
  await Promise.all(sends);
  assert.equal((await broker.fetch('t')).highWatermark, 51);
  await broker.close();
});

test('a dead letter is kept only when the death is safe in the journal of the group', async () => {
  const disk = new SimulatedDisk();
  const { broker, clock } = await openBroker(disk);
  await broker.send('t', { body: 'x' });
  const [delivery] = await broker.receive('t');
  assert.ok(delivery);
  const syncs = new HeldSyncs();
  disk.onCall = (call) => (call.path.includes('/t-t-') ? syncs.watch(call) : undefined);
  const rejecting = broker.nack(delivery, { outcome: 'reject' });
  await clock.pass(1000);
  const topics = await broker.describeTopics();
  assert.ok(
    topics.every(({ topic, logEndOffset }) => topic === 't' || logEndOffset === 0),
    'no letter yet',
  );
  syncs.open();
  await rejecting;
  await clock.pass(1000);
  assert.equal((await broker.fetch(deadLetterTopicOf('t', 'default'))).records.length, 1);
  await broker.close();
});

test('a start after a clean end reads as much of a large topic as of a small one', async () => {
  const callCounts: number[] = [];
  for (const messageCount of [20, 400]) {
    const disk = new SimulatedDisk();
    const options = { disk, dataFolder: '/data', segmentBytesMax: 1024 * 1024 };
    const first = await createBroker(options);
    for (let count = 0; count < messageCount; count += 1) await first.send('t', { body: 'x'.repeat(100) });
    await first.ack(await first.receive('t', { max: 10 }));
    await first.close();
    const before = disk.callCount;
    const second = await createBroker(options);
    callCounts.push(disk.callCount - before);
    assert.equal((await second.describeTopics())[0]?.availableCount, messageCount - 10);
    await second.close();
  }
  assert.equal(callCounts[0], callCounts[1]);
});

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
