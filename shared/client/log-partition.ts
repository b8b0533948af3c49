/**
 * One partition as a LogConsumer reads it: what was fetched, what was handled, and what the group knows of that.
 *
 *     0 1 2 3 4 5 6 7 8        committed: next to read after a restart
 *         ^   ^       ^        position: next to fetch
 *         |   |       end      asking for the next record says that the one before is done
 *   committed handled
 *
 * Always true: records are handed out in strictly ascending offsets; only what was handled is committed; a reader that
 * fell behind goes on where its group declared (`onOutOfRange`), and what that jumps over is counted. Owned by LogConsumer.
 */
import type { Clock } from '../clock.ts';
import type { Broker, FetchResult } from '../contract/broker.ts';
import type { OutOfRangeReset } from '../contract/description.ts';
import { isMqError, type MqError } from '../contract/errors.ts';
import type { StoredRecord } from '../contract/message.ts';
import type { Random } from '../random.ts';
import { pace } from './pace.ts';
import { type RetryPolicy, withRetry } from './retry.ts';

/** How far a reader is in one partition. */
export interface PartitionProgress {
  readonly partition: number;
  /** Next offset to fetch; undefined before the group was asked. */
  readonly position: number | undefined;
  /** Next offset the group reads, as far as this reader knows. */
  readonly committedOffset: number;
  /** Offsets that resets jumped over: they were gone before this reader came to them. */
  readonly skippedCount: number;
}

/** How a LogConsumer reads, in every partition. */
export interface LogReading {
  readonly broker: Broker;
  readonly topic: string;
  readonly group: string;
  readonly fetchCount: number;
  readonly waitMs: number;
  readonly policy: RetryPolicy;
  readonly clock: Clock;
  readonly random: Random;
}

export class LogPartition {
  readonly partition: number;
  readonly #reading: LogReading;
  #position: number | undefined;
  /** Everything below was handled. */
  #handledUpTo = 0;
  #committedOffset = 0;
  #skippedCount = 0;
  #buffer: readonly StoredRecord[] = [];
  #bufferIndex = 0;

  constructor(partition: number, reading: LogReading) {
    this.partition = partition;
    this.#reading = reading;
  }

  get progress(): PartitionProgress {
    const committedOffset = this.#committedOffset;
    return { partition: this.partition, position: this.#position, committedOffset, skippedCount: this.#skippedCount };
  }

  get isUsedUp(): boolean {
    return this.#bufferIndex >= this.#buffer.length;
  }

  /** The next record that was fetched; undefined when they are used up. */
  take(): StoredRecord | undefined {
    const record = this.#buffer[this.#bufferIndex];
    if (record !== undefined) this.#bufferIndex += 1;
    return record;
  }

  /** All that were fetched and not taken. */
  takeAll(): readonly StoredRecord[] {
    const rest = this.#bufferIndex === 0 ? this.#buffer : this.#buffer.slice(this.#bufferIndex);
    this.#bufferIndex = this.#buffer.length;
    return rest;
  }

  /** All that was taken is done. */
  handleTaken(): void {
    const last = this.#buffer[this.#bufferIndex - 1];
    if (last !== undefined) this.#handledUpTo = (last.offset ?? 0) + 1;
  }

  /** What was not handled comes again. */
  rewind(): void {
    this.#buffer = [];
    this.#bufferIndex = 0;
    if (this.#position !== undefined) this.#position = this.#handledUpTo;
  }

  /** Tells the group what is done. */
  async commit(signal: AbortSignal): Promise<void> {
    if (this.#handledUpTo <= this.#committedOffset) return;
    const { broker, topic, group } = this.#reading;
    const place = { group, partition: this.partition, offset: this.#handledUpTo };
    const inForce = await this.#retrying(() => broker.commit(topic, place), signal);
    // An answer that came late is no step back.
    this.#committedOffset = Math.max(this.#committedOffset, inForce);
  }

  /**
   * Commits, and fetches the next records meanwhile; at the end of the log it waits. What comes after `signal` aborted is
   * not kept.
   */
  async fetchMore(signal: AbortSignal): Promise<void> {
    await Promise.all([this.commit(signal), this.#fetchNext(signal)]);
  }

  async #fetchNext(signal: AbortSignal): Promise<void> {
    const { clock, waitMs, policy } = this.#reading;
    const offset = await this.#findPosition(signal);
    try {
      const askedAtMs = clock.monotonicMs();
      const { records, nextOffset } = await this.#retrying(() => this.#fetch(offset, signal), signal);
      if (signal.aborted) return;
      this.#buffer = records;
      this.#bufferIndex = 0;
      this.#position = nextOffset;
      await pace({ count: records.length, askedAtMs, waitMs }, { clock, signal, pauseMs: policy.delayMs });
    } catch (error) {
      if (!isMqError(error, 'MQ_OFFSET_OUT_OF_RANGE')) throw error;
      this.#position = await this.#resetPosition(offset, error, signal);
      this.#handledUpTo = this.#position;
    }
  }

  #fetch(offset: number, signal: AbortSignal): Promise<FetchResult> {
    const { broker, topic, fetchCount: max, waitMs } = this.#reading;
    return broker.fetch(topic, { partition: this.partition, offset, max, waitMs, signal });
  }

  /** Where the group stands; a group that does not exist yet begins at the earliest record, as its first commit will. */
  async #findPosition(signal: AbortSignal): Promise<number> {
    if (this.#position !== undefined) return this.#position;
    const { broker, topic, group } = this.#reading;
    const place = { group, partition: this.partition };
    try {
      this.#position = await this.#retrying(() => broker.committed(topic, place), signal);
    } catch (error) {
      if (!isMqError(error, 'MQ_UNKNOWN_GROUP')) throw error;
      this.#position = 0;
    }
    this.#committedOffset = this.#position;
    this.#handledUpTo = this.#position;
    return this.#position;
  }

  /** What the group declared for a reader that fell behind; rethrows when it declared `error`, or says no range. */
  async #resetPosition(offset: number, error: MqError, signal: AbortSignal): Promise<number> {
    const { logStartOffset, logEndOffset } = error.details;
    const reset = await this.#declaredReset(signal);
    if (reset === 'error' || logStartOffset === undefined || logEndOffset === undefined) throw error;
    const position = reset === 'earliest' ? logStartOffset : logEndOffset;
    this.#skippedCount += Math.max(0, position - offset);
    return position;
  }

  async #declaredReset(signal: AbortSignal): Promise<OutOfRangeReset> {
    const { broker, topic, group } = this.#reading;
    const descriptions = await this.#retrying(() => broker.describeTopics({ topic }), signal);
    const groups = descriptions[0]?.groups ?? [];
    return groups.find((described) => described.group === group)?.onOutOfRange ?? 'earliest';
  }

  #retrying<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const { policy, clock, random } = this.#reading;
    return withRetry(call, { policy, clock, random, signal });
  }
}
