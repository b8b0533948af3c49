/**
 * Deletes what has become too old, finished or not, where a topic was created so.
 *
 *     first record's timestamp + retentionMs --> the timer rings --> everything older goes --> the timer is set again
 *
 * Always true: by the wall clock nothing goes before its time; while something is held a timer is set. Only the topic
 * uses it.
 */
import type { Clock } from '../../../shared/clock.ts';
import { batchFrom } from '../log-reading.ts';
import type { Partition } from '../partition.ts';
import { WallTimer } from '../wall-timer.ts';

export interface RetentionOptions {
  readonly clock: Clock;
  readonly retentionMs: number;
  readonly partitions: readonly Partition[];
  /** Everything below `offset` goes. */
  readonly drop: (partition: Partition, offset: number) => void;
  readonly onNotice: (text: string) => void;
}

/** After a look that failed. */
const RETRY_MS = 10_000;

export class Retention {
  readonly #options: RetentionOptions;
  readonly #timer: WallTimer;
  /** Nothing was held when it looked: the next record sets the timer. */
  #isIdle = true;
  #isClosed = false;

  constructor(options: RetentionOptions) {
    this.#options = options;
    this.#timer = new WallTimer(options.clock, () => void this.look());
  }

  /** A record was stored at `timestamp`. */
  noteStored(timestamp: number): void {
    if (this.#isIdle && !this.#isClosed) this.#setTimer(timestamp + this.#options.retentionMs);
  }

  /** Deletes what is too old now. */
  async look(): Promise<void> {
    this.#isIdle = true; // what is stored while it looks sets the timer itself
    try {
      const firstAt = await this.#deleteOld();
      if (this.#isClosed) return;
      if (firstAt !== undefined) this.#setTimer(firstAt + this.#options.retentionMs);
    } catch (error) {
      if (this.#isClosed) return;
      this.#options.onNotice(`what is too old could not be deleted: ${String(error)}`);
      this.#setTimer(this.#options.clock.now() + RETRY_MS);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#timer.set(undefined);
  }

  #setTimer(dueAt: number): void {
    this.#isIdle = false;
    // A record is too old when it is older than `retentionMs`, which is a millisecond later.
    this.#timer.set(dueAt + 1);
  }

  /** Answers when the oldest record that is left was stored. */
  async #deleteOld(): Promise<number | undefined> {
    const { partitions, retentionMs, clock, drop } = this.#options;
    let firstAt: number | undefined;
    for (const partition of partitions) {
      const keptFrom = await partition.log.offsetOfTimestamp(Math.max(clock.now() - retentionMs, 0));
      if (this.#isClosed) return undefined;
      drop(partition, Math.min(keptFrom, partition.highWatermark));
      if (partition.logStartOffset >= partition.highWatermark) continue;
      const first = await batchFrom(partition.log, partition.logStartOffset);
      if (first !== undefined) firstAt = Math.min(firstAt ?? first.timestamp, first.timestamp);
    }
    return firstAt;
  }
}
