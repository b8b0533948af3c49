import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../../shared/clock.ts';
import { isMqError } from '../../../shared/contract/errors.ts';
import { HeldSyncs } from '../../../shared/disk-faults.ts';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { batchOf, FOLDER, fill, offsetsIn, openSmallLog, range } from '../testing/small-log.ts';
import { BatchCache } from './batch-cache.ts';

test('offsets are given at once, in the order of the calls, and one write and one sync do for all of a turn', async () => {
  const disk = new SimulatedDisk();
  const log = await openSmallLog(disk);
  const calls: string[] = [];
  disk.onCall = ({ kind }) => {
    calls.push(kind);
    return undefined;
  };
  const appends = [3, 1, 2].map((count) => {
    const append = log.append(batchOf(log.logEndOffset, count));
    return append;
  });
  assert.equal(log.logEndOffset, 6);
  assert.equal(log.highWatermark, 0, 'nothing is shown before it is safe');
  const receipts = await Promise.all(appends);
  assert.deepEqual(
    receipts.map(({ baseOffset, count, durability }) => [baseOffset, count, durability]),
    [
      [0, 3, 'synced'],
      [3, 1, 'synced'],
      [4, 2, 'synced'],
    ],
  );
  assert.deepEqual(calls, ['open', 'read', 'write', 'sync']);
  assert.equal(log.highWatermark, 6);
  assert.deepEqual(await offsetsIn(log), range(0, 6));
});

test('what comes while a sync is under way shares the next one', async () => {
  const disk = new SimulatedDisk();
  const log = await openSmallLog(disk, { segmentBytesMax: 65_536 });
  await fill(log, [1]);
  const syncs = new HeldSyncs();
  disk.onCall = syncs.watch;
  const before = log.inspect(1).syncCount;
  const appends = [log.append(batchOf(1, 1))];
  for (let turn = 0; turn < 100; turn += 1) {
    await Promise.resolve();
    appends.push(log.append(batchOf(2 + turn, 1)));
  }
  syncs.open();
  await Promise.all(appends);
  assert.equal(log.inspect(1).syncCount - before, 2);
});

test('under `interval` an append is answered when it is written, shown at once, and synced once the interval is over', async () => {
  const disk = new SimulatedDisk();
  const clock = new VirtualClock();
  const log = await openSmallLog(disk, { clock, flushPolicy: 'interval', flushIntervalMs: 500 });
  const receipt = await log.append(batchOf(0, 2));
  assert.equal(receipt.durability, 'written');
  assert.deepEqual([log.highWatermark, log.syncedOffset], [2, 0]);
  await clock.pass(499);
  assert.equal(log.syncedOffset, 0);
  await clock.pass(1);
  assert.deepEqual([log.syncedOffset, clock.timerCount], [2, 0]);
  const again = await openSmallLog(disk.crash());
  assert.equal(again.logEndOffset, 2);
});

test('under `never` nothing is synced but what a caller waits for', async () => {
  const disk = new SimulatedDisk();
  const log = await openSmallLog(disk, { flushPolicy: 'never' });
  await fill(log, [1, 1]);
  assert.equal(log.syncedOffset, 0);
  assert.equal((await log.append(batchOf(2, 1), { isSynced: true })).durability, 'synced');
  assert.equal(log.syncedOffset, 3);
  await log.append(batchOf(3, 1));
  await log.sync();
  assert.equal(log.syncedOffset, 4);
});

test('under `always` an append that need not wait for the disk is answered when it is written, and shown when it is safe', async () => {
  const log = await openSmallLog(new SimulatedDisk());
  const receipt = await log.append(batchOf(0, 1), { isSynced: false });
  assert.deepEqual([receipt.durability, log.highWatermark, log.logEndOffset], ['written', 0, 1]);
  await log.append(batchOf(1, 1));
  assert.equal(log.highWatermark, 2);
});

test('timestamps never go back, also when the clock does, also after a start', async () => {
  const disk = new SimulatedDisk();
  const clock = new VirtualClock();
  const log = await openSmallLog(disk, { clock });
  const first = await log.append(batchOf(0, 1));
  clock.jumpWallClock(-3_600_000);
  const second = await log.append(batchOf(1, 1));
  assert.equal(second.timestamp, first.timestamp);
  const again = await openSmallLog(disk.crash(), { clock });
  assert.equal((await again.append(batchOf(2, 1))).timestamp, first.timestamp);
});

test('a reader finds the first record of a time', async () => {
  const clock = new VirtualClock();
  const log = await openSmallLog(new SimulatedDisk(), { clock, segmentBytesMax: 400 });
  const times: number[] = [];
  for (let index = 0; index < 20; index += 1) {
    const { timestamp } = await log.append(batchOf(3 * index, 3));
    times.push(timestamp);
    await clock.pass(10);
  }
  assert.ok(log.inspect(100).segmentCount > 3);
  for (const [index, time] of times.entries()) {
    assert.equal(await log.offsetOfTimestamp(time), 3 * index);
    assert.equal(await log.offsetOfTimestamp(time - 5), 3 * index);
  }
  assert.equal(await log.offsetOfTimestamp(clock.now()), log.highWatermark);
  await log.releaseBelow(10);
  assert.equal(await log.offsetOfTimestamp(0), 10);
});

test('a load answers whole batches, from the one with the offset on, within its bytes but at least one', async () => {
  const log = await openSmallLog(new SimulatedDisk(), { segmentBytesMax: 65_536 });
  await fill(log, [2, 100, 3, 4]);
  const shapeOf = async (offset: number, bytesMax: number): Promise<number[][]> =>
    (await log.load(offset, { bytesMax })).map(({ baseOffset, count }) => [baseOffset, count]);
  assert.deepEqual(await shapeOf(0, 1), [[0, 2]]);
  assert.deepEqual(await shapeOf(50, 1), [[2, 100]]);
  assert.deepEqual(await shapeOf(103, 1_000_000), [
    [102, 3],
    [105, 4],
  ]);
  assert.deepEqual(await shapeOf(109, 1), []);
  await assert.rejects(log.load(110), (error) => isMqError(error, 'MQ_OFFSET_OUT_OF_RANGE'));
  await log.releaseBelow(50);
  await assert.rejects(log.load(49), (error) => isMqError(error, 'MQ_OFFSET_OUT_OF_RANGE'));
});

test('two loads from the same place are one', async () => {
  const disk = new SimulatedDisk();
  const log = await openSmallLog(disk);
  await fill(log, [1]);
  await log.load(0);
  let readCount = 0;
  disk.onCall = ({ kind }) => {
    if (kind === 'read') readCount += 1;
    return undefined;
  };
  const [one, two] = await Promise.all([log.load(0), log.load(0)]);
  assert.equal(one, two);
  await log.load(0);
  assert.equal(readCount, 4);
});

test('what was appended or loaded is in memory while there is room, and is not shown before it is safe', async () => {
  const disk = new SimulatedDisk();
  const cache = new BatchCache({ bytesMax: 1024 * 1024 });
  const log = await openSmallLog(disk, { cache });
  const appended = log.append(batchOf(0, 5));
  assert.equal(log.cachedAt(0), undefined);
  await appended;
  assert.equal(log.cachedAt(4)?.recordAt(4).id, 'id-4');
  assert.equal(log.cachedAt(5), undefined);
  await log.close();
  assert.equal(cache.bytes, 0);
  const again = await openSmallLog(disk, { cache });
  assert.equal(again.cachedAt(4), undefined);
  await again.load(4);
  assert.equal(again.cachedAt(4)?.baseOffset, 0);
});

test('released records are out of reach at once and for ever, and whole segments go', async () => {
  const disk = new SimulatedDisk();
  const log = await openSmallLog(disk, { segmentBytesMax: 300 });
  await fill(log, Array(12).fill(2));
  const { segmentCount } = log.inspect(1);
  const heldBytes = log.heldBytes;
  const released = log.releaseBelow(13);
  assert.equal(log.logStartOffset, 13);
  await released;
  assert.ok(log.inspect(1).segmentCount < segmentCount && log.heldBytes < heldBytes);
  await log.releaseBelow(5);
  assert.equal(log.logStartOffset, 13);
  assert.deepEqual(await offsetsIn(log), range(13, 24));
  const again = await openSmallLog(disk.remains());
  assert.deepEqual(await offsetsIn(again), range(13, 24));
  assert.equal(again.heldBytes, log.heldBytes);
  await log.close();
  const files = (await disk.list(FOLDER)).filter((name) => name.endsWith('.log'));
  assert.equal(files.length, log.inspect(1).segmentCount);
});

test('many releases at once need few writes', async () => {
  const disk = new SimulatedDisk();
  const log = await openSmallLog(disk, { segmentBytesMax: 65_536 });
  await fill(log, [100]);
  let renameCount = 0;
  disk.onCall = ({ kind }) => {
    if (kind === 'rename') renameCount += 1;
    return undefined;
  };
  await Promise.all(range(1, 101).map((offset) => log.releaseBelow(offset)));
  assert.equal(renameCount, 2);
  assert.equal((await openSmallLog(disk.crash())).logStartOffset, 100);
});

test('a closed log takes nothing any more, has answered everything, and has no file open', async () => {
  const disk = new SimulatedDisk();
  const log = await openSmallLog(disk, { flushPolicy: 'never' });
  const append = log.append(batchOf(0, 1));
  await log.close();
  await append;
  await assert.rejects(log.append(batchOf(1, 1)), (error) => isMqError(error, 'MQ_CLOSED'));
  await assert.rejects(log.load(0), (error) => isMqError(error, 'MQ_CLOSED'));
  assert.deepEqual(disk.openPaths, []);
  assert.equal((await openSmallLog(disk.crash(), { wasClean: true })).logEndOffset, 1);
});

test('a batch larger than a segment has one of its own', async () => {
  const disk = new SimulatedDisk();
  const log = await openSmallLog(disk, { segmentBytesMax: 300 });
  await fill(log, [1, 200, 1]);
  assert.deepEqual(
    log.inspect(9).segments.map(({ baseOffset, batchCount }) => [baseOffset, batchCount]),
    [
      [0, 1],
      [1, 1],
      [201, 1],
    ],
  );
  assert.deepEqual(await offsetsIn(await openSmallLog(disk.crash())), range(0, 202));
});
