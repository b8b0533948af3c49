/**
 * A log small enough to look at every bit of it: messages whose bodies say their offset, and what of them is read back.
 *
 * For tests only.
 */
import assert from 'node:assert/strict';
import { VirtualClock } from '../../../shared/clock.ts';
import type { Disk } from '../../../shared/disk.ts';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import type { Codec } from '../bytes/compression.ts';
import { encodeBatch } from '../bytes/record-batch.ts';
import { BatchCache } from '../log/batch-cache.ts';
import { PartitionLog, type PartitionLogOptions } from '../log/log.ts';

export const FOLDER = '/data/p0';
export const TOPIC_ID = Uint8Array.from({ length: 16 }, (_, index) => 0xa0 + index);

/** Opens the log in `FOLDER`; never clean, safe, with small segments and a small cache unless `options` say so. */
export function openSmallLog(disk: Disk, options: Partial<PartitionLogOptions> = {}): Promise<PartitionLog> {
  return PartitionLog.open({
    disk,
    folder: FOLDER,
    clock: new VirtualClock(),
    topicId: TOPIC_ID,
    partition: 0,
    flushPolicy: 'always',
    flushIntervalMs: 1000,
    segmentBytesMax: 1024,
    cache: new BatchCache({ bytesMax: 0 }),
    wasClean: false,
    ...options,
  });
}

/** A batch whose bodies say which offset they are to have. */
export function batchOf(baseOffset: number, count: number, codec: Codec = 'none'): Uint8Array {
  const messages = Array.from({ length: count }, (_, index) => ({ body: bodyOf(baseOffset + index) }));
  return encodeBatch(messages, { codec, idPrefix: 'id-', firstIdNumber: baseOffset });
}

/** Appends batches of so many records, one after the other. */
export async function fill(log: PartitionLog, counts: readonly number[]): Promise<void> {
  for (const count of counts) {
    const baseOffset = log.logEndOffset;
    const receipt = await log.append(batchOf(baseOffset, count));
    assert.equal(receipt.baseOffset, baseOffset);
  }
}

/** A log of three segments and 22 records, as a crash leaves it, and the bases of its segments. */
export async function crashedLog(): Promise<{ readonly disk: SimulatedDisk; readonly bases: readonly number[] }> {
  const disk = new SimulatedDisk();
  const log = await openSmallLog(disk, { segmentBytesMax: 450 });
  await fill(log, [1, 3, 2, 4, 1, 3, 2, 1, 3, 2]);
  const bases = log.inspect(99).segments.map(({ baseOffset }) => baseOffset);
  assert.equal(bases.length, 3);
  return { disk: disk.crash(), bases };
}

/** The offsets of all records from the start to the end; each must be the one its body and id speak of. */
export async function offsetsIn(log: PartitionLog, from = log.logStartOffset): Promise<number[]> {
  const offsets: number[] = [];
  for (let next = from; next < log.highWatermark; ) {
    const batches = await log.load(next);
    if (batches.length === 0) break;
    for (const batch of batches) {
      next = Math.max(next, batch.baseOffset);
      for (; next < batch.nextOffset; next += 1) {
        const record = batch.recordAt(next);
        assert.deepEqual(Buffer.from(record.body), Buffer.from(bodyOf(next)));
        assert.deepEqual([record.offset, record.id], [next, `id-${next}`]);
        offsets.push(next);
      }
    }
  }
  return offsets;
}

/** All whole numbers from `from` below `to`. */
export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

export async function readFile(disk: Disk, path: string): Promise<Uint8Array> {
  const file = await disk.open(path, 'read');
  const bytes = new Uint8Array(await file.size());
  await file.read(bytes, 0);
  await file.close();
  return bytes;
}

export async function writeFile(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  if (await disk.exists(path)) await disk.remove(path);
  const file = await disk.open(path, 'create');
  await file.write([bytes], 0);
  await file.sync();
  await file.close();
}

function bodyOf(offset: number): Uint8Array {
  return new TextEncoder().encode(`body of ${offset}`);
}
