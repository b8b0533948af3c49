/**
 * The fetches of one partition: what each gets, and those that wait for more.
 *
 *     fetch --> [ what is held from its offset on ]      nothing there: it waits at the end of what it may read
 *
 * Always true: a fetch waits only at that end (the high watermark; for `read-committed` the last stable offset), and looks
 * again whenever that moves. What a transaction wrote is synced with the end of that, or when somebody wants to read it before.
 * Only the partition uses it.
 */
import type { Clock } from '../../shared/clock.ts';
import type { FetchResult } from '../../shared/contract/broker.ts';
import type { MqError } from '../../shared/contract/errors.ts';
import type { Limits } from '../../shared/contract/limits.ts';
import type { RawFetchResult } from '../../shared/contract/raw-batches.ts';
import { WaiterLine } from '../1-blocking-queue/waiter-line.ts';
import type { WaitForRecords } from './delivery/desk-surroundings.ts';
import {
  type BatchesRead,
  type FetchWant,
  type ReadablePartition,
  type RecordOrigin,
  readBatches,
  readEndOf,
  readRecords,
} from './log-reading.ts';

/** How a fetch that waited goes on. */
type Wake = 'look' | 'answer';

export interface PartitionFetchesOptions extends RecordOrigin {
  readonly from: ReadablePartition;
  readonly clock: Clock;
  readonly limits: Limits;
  /** `MQ_OFFSET_OUT_OF_RANGE` for what is not held. */
  readonly checkInRange: (offset: number) => void;
  /** Throws `MQ_LIMIT_EXCEEDED` when no further call of the topic may wait. */
  readonly checkMayWait: () => void;
}

export class PartitionFetches {
  readonly line: WaiterLine<FetchWant, Wake>;
  readonly #options: PartitionFetchesOptions;
  /** Of those that wait, how many want what is undecided too. */
  #uncommittedCount = 0;

  constructor(options: PartitionFetchesOptions) {
    const { clock, limits } = options;
    this.#options = options;
    this.line = new WaiterLine({ clock, limits, calls: 'fetches' });
  }

  /** What is held from `offset` on, at least one record; at the end of what may be read (I3) it waits for one. */
  async fetch(want: FetchWant, wait: WaitForRecords): Promise<FetchResult> {
    const { from, topic, ttlMs } = this.#options;
    const read = (offset: number): Promise<FetchResult> => readRecords(from, { ...want, offset }, { topic, ttlMs });
    return await this.#poll(want, wait, { read, isEmpty: ({ records }) => records.length === 0 });
  }

  /** The same in whole batches, as they are stored. */
  async fetchBatches(want: FetchWant, wait: WaitForRecords): Promise<RawFetchResult> {
    const read = (offset: number): Promise<BatchesRead> => readBatches(this.#options.from, { ...want, offset });
    return await this.#poll(want, wait, { read, isEmpty: ({ pieces }) => pieces.length === 0 });
  }

  /** The end of what may be read has moved. */
  wake(): void {
    this.line.settleAll((fetch) => fetch.serve('look'));
  }

  /** Waiting fetches reject with `error`, or are answered empty without one. */
  end(error: MqError | undefined): void {
    this.line.settleAll((fetch) => (error === undefined ? fetch.serve('answer') : fetch.fail(error)));
  }

  /** Something undecided was written, and nobody syncs it yet. */
  noteUndecided(): void {
    if (this.#uncommittedCount > 0) void this.#showUndecided();
  }

  /** Reads, and reads again each time more is there, until something came or the time is over. */
  async #poll<Result extends { readonly nextOffset: number }>(
    want: FetchWant,
    { waitMs, signal }: WaitForRecords,
    how: { readonly read: (from: number) => Promise<Result>; readonly isEmpty: (result: Result) => boolean },
  ): Promise<Result> {
    const { from, clock, checkInRange, checkMayWait } = this.#options;
    const untilMs = clock.monotonicMs() + waitMs;
    for (let offset = want.offset; ; ) {
      checkInRange(offset);
      if (want.isolation === 'read-uncommitted') await this.#showUndecided();
      const result = await how.read(offset);
      const leftMs = untilMs - clock.monotonicMs();
      if (!how.isEmpty(result) || leftMs <= 0) return result;
      offset = result.nextOffset;
      if (offset < readEndOf(from, want)) continue;
      checkMayWait();
      const wake = await this.#wait(want, { signal, timeoutMs: leftMs });
      if (wake === 'answer') return result;
    }
  }

  async #wait(
    want: FetchWant,
    { signal, timeoutMs }: { readonly signal: AbortSignal | undefined; readonly timeoutMs: number },
  ): Promise<Wake> {
    const own = want.isolation === 'read-uncommitted' ? 1 : 0;
    this.#uncommittedCount += own;
    try {
      return await this.line.wait(want, { signal, timeoutMs, onTimeout: () => 'answer' });
    } finally {
      this.#uncommittedCount -= own;
    }
  }

  /** What was written in a transaction may be seen when it is on the disk. */
  async #showUndecided(): Promise<void> {
    const { log, rules } = this.#options.from;
    const { highWatermark, logEndOffset } = log;
    if (!rules.isTransactional || highWatermark === logEndOffset) return;
    if (rules.lastStableOffset(logEndOffset) === logEndOffset) return;
    await log.sync().catch(() => undefined); // who wrote it is told at its commit
  }
}
