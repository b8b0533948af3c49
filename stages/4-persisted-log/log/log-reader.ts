/**
 * Reading a log from its segments: whole batches from an offset on, which go through the cache; the offset of a time.
 *
 *     load(700)   which segment?   ->   whole batches of it   ->   shelf   ->   caller, and who asked for the same meanwhile
 *
 * Always true: what is below `start` or not below `end` is never read; two readers at one place cause one read; where
 * records are missing a reader learns where they go on. Only the log uses it.
 */
import { MqError } from '../../../shared/contract/errors.ts';
import type { StoredBatch } from '../bytes/stored-batch.ts';
import type { CacheShelf } from './batch-cache.ts';
import type { Segment } from './segment.ts';
import type { SegmentList } from './segment-list.ts';
import { storageError } from './storage-error.ts';

export interface LogReaderOptions {
  readonly folder: string;
  readonly segments: SegmentList;
  readonly shelf: CacheShelf;
}

export interface ReadWant {
  readonly offset: number;
  readonly bytesMax: number;
  /** What readers may see, when they asked. */
  readonly start: number;
  readonly end: number;
}

export class LogReader {
  readonly #options: LogReaderOptions;
  /** Offset -> the load under way from there. */
  readonly #loads = new Map<number, Promise<readonly StoredBatch[]>>();
  /** Missing records that a load came upon: the first offset behind them -> the least known before it. */
  readonly #gaps = new Map<number, number>();

  #isClosed = false;

  constructor(options: LogReaderOptions) {
    this.#options = options;
  }

  load(want: ReadWant): Promise<readonly StoredBatch[]> {
    const underWay = this.#loads.get(want.offset);
    if (underWay !== undefined) return underWay;
    const loading = this.#load(want).finally(() => this.#loads.delete(want.offset));
    this.#loads.set(want.offset, loading);
    return loading;
  }

  /** Nothing is read any more. */
  close(): void {
    this.#isClosed = true;
  }

  gapEndAt(offset: number): number | undefined {
    for (const [end, from] of this.#gaps) if (offset >= from && offset < end) return end;
    return undefined;
  }

  /** undefined when all is earlier. */
  async offsetOfTime(ms: number): Promise<number | undefined> {
    return await this.#reading(() => this.#options.segments.findTime(ms)?.offsetOfTime(ms));
  }

  async #load({ offset, bytesMax, start, end }: ReadWant): Promise<readonly StoredBatch[]> {
    if (offset < start || offset > end) {
      const text = `offset ${offset} is outside ${start} to ${end}`;
      throw new MqError('MQ_OFFSET_OUT_OF_RANGE', text, { details: { logStartOffset: start, logEndOffset: end } });
    }
    const { segments, shelf } = this.#options;
    let batches: readonly StoredBatch[] = [];
    // A segment whose end is missing is followed by one that is not.
    for (let segment = segments.find(offset); segment !== undefined; segment = segments.next(segment)) {
      batches = await this.#loadFrom(segment, { offset, bytesMax, endOffset: end });
      if (batches.length > 0) break;
    }
    const first = batches[0]?.baseOffset ?? end;
    if (first > offset) this.#gaps.set(first, Math.min(offset, this.#gaps.get(first) ?? offset));
    shelf.add(batches);
    return batches;
  }

  async #loadFrom(segment: Segment, want: Parameters<Segment['load']>[0]): Promise<readonly StoredBatch[]> {
    return (await this.#reading(() => segment.load(want))) ?? [];
  }

  /** Errors of a disk become ours. */
  async #reading<T>(read: () => Promise<T> | undefined): Promise<T | undefined> {
    if (this.#isClosed) throw new MqError('MQ_CLOSED', 'the log is closed');
    try {
      return await read();
    } catch (error) {
      throw storageError(error, `the log in ${this.#options.folder} cannot be read`);
    }
  }
}
