/**
 * A log under a script of appends and releases, and what a start after any disaster must find of it: the promise of the
 * log, as a check.
 *
 *     acked  ⊆  recovered  ⊆  sent          each at its own offset, in the order it was sent, batches whole
 *
 * Always true: the bytes of every message follow from its id, so a wrong byte is seen. Used by the crash tests of the log.
 */
import assert from 'node:assert/strict';
import type { Clock } from '../../../shared/clock.ts';
import { VirtualClock } from '../../../shared/clock.ts';
import type { Disk } from '../../../shared/disk.ts';
import type { Random } from '../../../shared/random.ts';
import { encodeBatch } from '../bytes/record-batch.ts';
import { BatchCache } from '../log/batch-cache.ts';
import { type FlushPolicy, PartitionLog } from '../log/log.ts';

const FOLDER = '/data/p0';
const BODY_BYTES_MAX = 300;
const BATCH_RECORDS_MAX = 5;
const LOAD_BYTES = 4096;

export interface OpenLogOptions {
  readonly flushPolicy?: FlushPolicy;
  readonly wasClean?: boolean;
  readonly clock?: Clock;
  readonly segmentBytesMax?: number;
}

/** Segments so small that a script rolls them many times. */
export function openLog(disk: Disk, options: OpenLogOptions = {}): Promise<PartitionLog> {
  return PartitionLog.open({
    disk,
    folder: FOLDER,
    clock: options.clock ?? new VirtualClock(),
    topicId: Uint8Array.from({ length: 16 }, (_, index) => index),
    partition: 0,
    flushPolicy: options.flushPolicy ?? 'always',
    flushIntervalMs: 1000,
    segmentBytesMax: options.segmentBytesMax ?? 2048,
    cache: new BatchCache({ bytesMax: 2048 }),
    wasClean: options.wasClean ?? false,
  });
}

/** What was promised at some moment. */
export interface Promised {
  readonly ackedCount: number;
  readonly released: number;
  readonly releaseAsked: number;
}

/** What was stored, as it is read back. */
export interface Found {
  readonly logStartOffset: number;
  readonly logEndOffset: number;
  /** By offset, from `logStartOffset` on. */
  readonly ids: readonly string[];
}

interface AckedBatch {
  readonly offset: number;
  readonly ids: readonly string[];
  /** False: the system has it, which is all that was said. */
  readonly isSynced: boolean;
}

export interface CheckOptions {
  /** Default true: nothing failed in the run, so what is there is exactly the first part of what was sent. */
  readonly isStrict?: boolean;
  /** True: the process was killed and the machine went on, so what was only written is there as well. */
  readonly isKill?: boolean;
}

export class LogHistory {
  /** Records in the order they were appended; in a run without failures the index is the offset. */
  readonly #sent: string[] = [];
  readonly #acked: AckedBatch[] = [];
  /** Ids that were sent together, by the first of them. */
  readonly #batches = new Map<string, readonly string[]>();
  #released = 0;
  #releaseAsked = 0;
  readonly #random: Random;
  readonly rejections: unknown[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  get sentCount(): number {
    return this.#sent.length;
  }

  promised(): Promised {
    return { ackedCount: this.#acked.length, released: this.#released, releaseAsked: this.#releaseAsked };
  }

  /** Resolves when the log answered, whatever it answered. */
  async append(log: PartitionLog): Promise<void> {
    const ids = Array.from({ length: 1 + this.#random.below(BATCH_RECORDS_MAX) }, (_, index) =>
      idOf(this.#sent.length + index),
    );
    const [first] = ids;
    assert(first !== undefined, 'a batch has a record');
    this.#sent.push(...ids);
    this.#batches.set(first, ids);
    const messages = ids.map((id) => ({ id, body: bodyOf(id) }));
    const codec = this.#random.below(10) === 0 ? 'gzip' : 'none';
    try {
      const receipt = await log.append(encodeBatch(messages, { codec, idPrefix: '', firstIdNumber: 0 }));
      assert.equal(receipt.count, ids.length);
      this.#acked.push({ offset: receipt.baseOffset, ids, isSynced: receipt.durability === 'synced' });
    } catch (error) {
      this.rejections.push(error);
    }
  }

  async release(log: PartitionLog, offset: number): Promise<void> {
    this.#releaseAsked = Math.max(this.#releaseAsked, offset);
    try {
      await log.releaseBelow(offset);
      this.#released = Math.max(this.#released, offset);
    } catch (error) {
      this.rejections.push(error);
    }
  }

  check(found: Found, promised: Promised, { isStrict = true, isKill = false }: CheckOptions = {}): void {
    const { logStartOffset, logEndOffset, ids } = found;
    assert.equal(ids.length, logEndOffset - logStartOffset, 'every offset from the start to the end is there');
    assert.ok(logStartOffset >= promised.released, `released below ${promised.released}: starts at ${logStartOffset}`);
    assert.ok(logStartOffset <= promised.releaseAsked, `start ${logStartOffset} was not asked for`);
    for (const { offset, ids: acked, isSynced } of this.#acked.slice(0, promised.ackedCount)) {
      if (!isSynced && !isKill) continue;
      for (const [index, id] of acked.entries()) {
        if (offset + index >= logStartOffset) assert.equal(ids[offset + index - logStartOffset], id, `acked ${id}`);
      }
    }
    if (isStrict) assert.deepEqual(ids, this.#sent.slice(logStartOffset, logEndOffset), 'nothing else, in order');
    assertAscending(ids);
    this.#assertWholeBatches(found);
  }

  #assertWholeBatches({ ids, logStartOffset }: Found): void {
    const there = new Set(ids);
    for (const [first, batch] of this.#batches) {
      const missing = batch.filter((id) => !there.has(id));
      const isCutByRelease = missing.length > 0 && batch.at(-1) === ids[batch.length - missing.length - 1];
      const isWhole = missing.length === 0 || missing.length === batch.length;
      assert.ok(isWhole || (logStartOffset > 0 && isCutByRelease), `the batch of ${first} is there in part`);
    }
  }
}

/** Reads the whole log, and checks every record against its id. */
export async function readLog(log: PartitionLog): Promise<Found> {
  const { logStartOffset, logEndOffset } = log;
  const ids: string[] = [];
  for (let offset = logStartOffset; offset < logEndOffset; ) {
    const batches = await log.load(offset, { bytesMax: LOAD_BYTES });
    assert.ok(batches.length > 0, `offset ${offset} of ${logStartOffset} to ${logEndOffset} is readable`);
    for (const batch of batches) {
      assert.ok(batch.baseOffset <= offset && batch.nextOffset > offset, 'batches follow each other');
      for (; offset < batch.nextOffset; offset += 1) {
        const { id, body } = batch.recordAt(offset);
        assert.deepEqual(Buffer.from(body), bodyOf(id), `the body of ${id}`);
        ids.push(id);
      }
    }
  }
  return { logStartOffset, logEndOffset, ids };
}

function assertAscending(ids: readonly string[]): void {
  for (let index = 1; index < ids.length; index += 1) {
    assert.ok((ids[index - 1] ?? '') < (ids[index] ?? ''), `${ids[index]} after ${ids[index - 1]}: reordered or twice`);
  }
}

function idOf(number: number): string {
  return `m${String(number).padStart(6, '0')}`;
}

/** Bytes that follow from the id, of a length that follows from it too. */
function bodyOf(id: string): Buffer {
  const number = Number(id.slice(1));
  return Buffer.alloc((number * 7919) % BODY_BYTES_MAX, `${id}.`);
}
