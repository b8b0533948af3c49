import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { FOLDER, fill, offsetsIn, openSmallLog, range, readFile } from '../testing/small-log.ts';
import { segmentName } from './segment-head.ts';

const FIRST = join(FOLDER, segmentName(0));
const BLOCK_BYTES = 4096;
const ROOM_BYTES_MAX = 64 * 1024;
const BIG = { segmentBytesMax: 2 ** 24 };

test('small synced appends find room and rarely make the file longer; it is at most doubled, and at most by 64 KiB', async () => {
  const disk = new SimulatedDisk();
  const log = await openSmallLog(disk, BIG);
  const lengths = new Set<number>();
  for (let count = 0; count < 2000; count += 1) {
    await fill(log, [1]);
    const bytes = await readFile(disk, FIRST);
    lengths.add(bytes.length);
    assert.equal(bytes.length % BLOCK_BYTES, 0);
    assert.ok(bytes.length - log.bytes <= Math.min(log.bytes, ROOM_BYTES_MAX) + BLOCK_BYTES, `${bytes.length} bytes`);
    assert.ok(bytes.subarray(log.bytes).every((byte) => byte === 0));
  }
  assert.ok(log.bytes > 100_000 && lengths.size < 10, `${lengths.size} times for ${log.bytes} bytes`);
});

test('no room is made where a sync covers many appends, and none behind a large one', async () => {
  for (const [flushPolicy, counts] of [
    ['never', Array(50).fill(1)],
    ['always', [3000, 3000]],
  ] as const) {
    const disk = new SimulatedDisk();
    const log = await openSmallLog(disk, { ...BIG, flushPolicy });
    await fill(log, counts);
    const bytes = await readFile(disk, FIRST);
    assert.ok(bytes.length <= Math.max(log.bytes, BLOCK_BYTES), `${flushPolicy}: ${bytes.length} of ${log.bytes}`);
  }
});

test('a segment that is sealed or closed in order ends with its last batch, on the disk', async () => {
  const disk = new SimulatedDisk();
  const log = await openSmallLog(disk, { segmentBytesMax: 1024 });
  await fill(log, Array(30).fill(1));
  const [first] = log.inspect(99).segments;
  const sealed = await readFile(disk.remains(), FIRST);
  assert.equal(sealed.length, first?.bytes);
  assert.equal(first?.isActive, false);
  const last = log.inspect(99).segments.at(-1);
  await log.close();
  assert.equal((await readFile(disk.remains(), join(FOLDER, segmentName(last?.baseOffset ?? 0)))).length, last?.bytes);
  const again = await openSmallLog(disk.crash(), { wasClean: true });
  assert.deepEqual(await offsetsIn(again), range(0, 30));
});

test('after a failure no room is believed in: it may be gone', async () => {
  const disk = new SimulatedDisk();
  const log = await openSmallLog(disk, BIG);
  await fill(log, [1]);
  disk.onCall = ({ kind }) => (kind === 'sync' ? { code: 'EIO' } : undefined);
  await assert.rejects(fill(log, [1]));
  disk.onCall = undefined;
  await fill(log, [1]);
  assert.equal((await readFile(disk, FIRST)).length, BLOCK_BYTES, 'it was cut off, and made again');
  assert.deepEqual(await offsetsIn(await openSmallLog(disk.crash())), [0, 1]);
});
