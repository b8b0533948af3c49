/**
 * A partition in memory, as group desks read one: batches as they are stored, of which some may be "on the disk" only, so
 * that they have to be loaded first. For tests.
 */

import type { EncodableMessage } from '../bytes/record.ts';
import { encodeBatch, placeBatch } from '../bytes/record-batch.ts';
import { StoredBatch } from '../bytes/stored-batch.ts';
import type { PartitionReader } from '../delivery/desk-surroundings.ts';
import { PriorityIndex } from '../policies/priority-index.ts';

const encoder = new TextEncoder();

export interface MemoryPartitionOptions {
  readonly partition?: number;
  readonly now?: () => number;
}

export class MemoryPartition implements PartitionReader {
  readonly partition: number;
  readonly priorities = new PriorityIndex();
  readonly gone = new Set<number>();
  readonly #now: () => number;
  readonly #batches: StoredBatch[] = [];
  /** Those that `cachedAt` has not, until they are loaded. */
  readonly #onDisk = new Set<StoredBatch>();
  logStartOffset = 0;
  highWatermark = 0;
  loadCount = 0;
  /** The next loads reject with it. */
  loadError: Error | undefined;

  constructor({ partition = 0, now = () => 1_000_000 }: MemoryPartitionOptions = {}) {
    this.partition = partition;
    this.#now = now;
  }

  get lastStableOffset(): number {
    return this.highWatermark;
  }

  hasGoneIn(): boolean {
    return this.gone.size > 0;
  }

  hiddenCountIn(): number {
    return 0;
  }

  isGone(offset: number): boolean {
    return this.gone.has(offset);
  }

  /** One batch; texts are bodies. */
  append(...messages: readonly (string | Omit<EncodableMessage, 'body'>)[]): StoredBatch {
    const encodable = messages.map((message) =>
      typeof message === 'string' ? { body: encoder.encode(message) } : { body: encoder.encode(''), ...message },
    );
    const bytes = encodeBatch(encodable, { idPrefix: 'm-', firstIdNumber: this.highWatermark });
    placeBatch(bytes, { baseOffset: this.highWatermark, appendedAt: this.#now(), logId: 0, syncedPosition: 0 });
    const batch = new StoredBatch(bytes);
    for (const [index, { priority = 0 }] of encodable.entries() as Iterable<[number, EncodableMessage]>) {
      this.priorities.add(batch.baseOffset + index, priority);
    }
    this.#batches.push(batch);
    this.highWatermark = batch.nextOffset;
    return batch;
  }

  /** So many records, in batches of one size. */
  fill(count: number, batchCount = 10): void {
    const end = this.highWatermark + count;
    while (this.highWatermark < end) {
      const from = this.highWatermark;
      this.append(...Array.from({ length: Math.min(batchCount, end - from) }, (_, index) => `b-${from + index}`));
    }
  }

  /** Everything has to be loaded from now on. */
  evict(): void {
    for (const batch of this.#batches) this.#onDisk.add(batch);
  }

  /** Lost, and repaired away. */
  lose(offset: number): void {
    const index = this.#batches.findIndex((batch) => offset >= batch.baseOffset && offset < batch.nextOffset);
    this.#batches.splice(index, 1);
  }

  releaseBelow(offset: number): void {
    this.logStartOffset = offset;
    this.priorities.forgetBelow(offset);
  }

  cachedAt(offset: number): StoredBatch | undefined {
    const batch = this.#batchAt(offset);
    return batch === undefined || batch.baseOffset > offset || this.#onDisk.has(batch) ? undefined : batch;
  }

  async load(offset: number): Promise<number> {
    this.loadCount += 1;
    await Promise.resolve();
    if (this.loadError !== undefined) throw this.loadError;
    const batch = this.#batchAt(offset);
    if (batch === undefined) return this.highWatermark;
    this.#onDisk.delete(batch);
    return Math.max(batch.baseOffset, offset);
  }

  /** The batch with the record, or the next one. */
  #batchAt(offset: number): StoredBatch | undefined {
    let [low, high] = [0, this.#batches.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#batches[middle]?.nextOffset ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return this.#batches[low];
  }
}
