/**
 * Reading a log in order, on top of any Broker with the capability `offsets`: `fetch`, handle, `commit`.
 *
 *     0 1 2 3 4 5 6 7 8        committed: next to read after a restart
 *         ^   ^       ^        position: next to fetch
 *         |   |       end      asking for the next record says that the one before is done
 *   committed position
 *
 * Always true: records come in strictly ascending offsets; only what was asked beyond is committed, so after a crash
 * some records come again and none is skipped; a reader that fell behind goes on where its group declared
 * (`onOutOfRange`), and what that jumps over is counted; `close` always settles.
 */
import { type Clock, checkClock } from '../clock.ts';
import type { Broker, CloseOptions, FetchResult } from '../contract/broker.ts';
import type { GroupOptions, OutOfRangeReset } from '../contract/description.ts';
import { isMqError, type MqError } from '../contract/errors.ts';
import type { StoredRecord } from '../contract/message.ts';
import { checkBroker, checkInteger, checkName, checkOptions } from '../contract/validation.ts';
import { checkRandom, type Random } from '../random.ts';
import { pace } from './pace.ts';
import { CLOSE_TIMEOUT_MS } from './producer.ts';
import { checkRetryPolicy, type RetryPolicy, withRetry } from './retry.ts';

/** Of `new LogConsumer`: which partition for which group, and how much at a time. */
export interface LogConsumerOptions {
  readonly broker: Broker;
  readonly topic: string;
  /** A log group of its own; several readers of one group would read everything each and overwrite each other. */
  readonly group: string;
  /** When given, the group is created with these at the start (or must exist with equal ones). */
  readonly groupOptions?: GroupOptions;
  /** Default 0. */
  readonly partition?: number;
  /** Records per fetch at most; also how many may come again after a crash. Default 100. */
  readonly fetchCount?: number;
  /** How long one fetch waits at the end of the log, from 1. Default 20 s. */
  readonly waitMs?: number;
  readonly retry?: Partial<RetryPolicy>;
  readonly clock?: Clock;
  readonly random?: Random;
}

const KNOWN = [
  ...['broker', 'topic', 'group', 'groupOptions', 'partition', 'fetchCount', 'waitMs'],
  ...['retry', 'clock', 'random'],
];

/**
 * Reads one partition in order for a log group, by `for await` (capability `offsets`); what was handled is committed.
 * The constructor throws `MQ_INVALID_ARGUMENT`, the loop what trying again does not change.
 */
export class LogConsumer implements AsyncIterable<StoredRecord> {
  readonly #broker: Broker;
  readonly #topic: string;
  readonly #group: string;
  readonly #groupOptions: GroupOptions | undefined;
  readonly #partition: number;
  readonly #fetchCount: number;
  readonly #waitMs: number;
  readonly #policy: RetryPolicy;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #stop = new AbortController();
  /** Aborts when `close` has run out of time. */
  readonly #outOfTime = new AbortController();
  #closeTimeoutMs = CLOSE_TIMEOUT_MS;
  /** Next offset to fetch; undefined before the group was asked. */
  #position: number | undefined;
  /** Everything below was handled. */
  #handledUpTo = 0;
  #committedOffset = 0;
  #skippedCount = 0;
  #buffer: readonly StoredRecord[] = [];
  #bufferIndex = 0;

  constructor(options: LogConsumerOptions) {
    checkOptions('options', options, KNOWN);
    this.#broker = checkBroker('options.broker', options?.broker);
    const { limits } = this.#broker;
    this.#topic = checkName('options.topic', options.topic, limits);
    this.#group = checkName('options.group', options.group, limits);
    this.#groupOptions = options.groupOptions;
    type Whole = 'partition' | 'fetchCount' | 'waitMs';
    const whole = (name: Whole, min: number, max: number, fallback: number): number =>
      checkInteger(`options.${name}`, options[name], { min, max, fallback: Math.min(fallback, max) });
    this.#partition = whole('partition', 0, Number.MAX_SAFE_INTEGER, 0);
    this.#fetchCount = whole('fetchCount', 1, limits.receiveCountMax, 100);
    this.#waitMs = whole('waitMs', 1, limits.waitMsMax, 20_000);
    this.#policy = checkRetryPolicy('options.retry', options.retry);
    this.#clock = checkClock('options.clock', options.clock);
    this.#random = checkRandom('options.random', options.random);
  }

  /** Next offset to fetch; undefined before the first record was asked for. */
  get position(): number | undefined {
    return this.#position;
  }

  /** As far as this reader knows. */
  get committedOffset(): number {
    return this.#committedOffset;
  }

  /** Offsets that resets jumped over: they were gone before this reader came to them. */
  get skippedCount(): number {
    return this.#skippedCount;
  }

  /**
   * One record after the other; asking for the next one says that the one before is done. Commits when the fetched
   * ones are used up, when the loop is left (its record comes again in the next loop), and when `close` ended it. One
   * loop at a time; calls of `next` wait for each other, and only `close` ends one that waits for a record.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<StoredRecord, undefined, undefined> {
    for (let record = await this.#next(); record !== undefined; record = await this.#next()) {
      let isLeft = true;
      try {
        yield record;
        isLeft = false;
      } finally {
        if (isLeft) await this.#leaveLoop();
      }
      this.#handledUpTo = (record.offset ?? 0) + 1;
    }
  }

  /** Commits what is done; resolves to the offset in force. */
  async commit(): Promise<number> {
    if (this.#handledUpTo <= this.#committedOffset) return this.#committedOffset;
    const offset = this.#handledUpTo;
    const place = { group: this.#group, partition: this.#partition, offset };
    const call = (): Promise<number> => this.#broker.commit(this.#topic, place);
    const inForce = await this.#retrying(call, this.#outOfTime.signal);
    // An answer that came late is no step back.
    this.#committedOffset = Math.max(this.#committedOffset, inForce);
    return this.#committedOffset;
  }

  /**
   * Ends a waiting fetch and commits what is done, for at most `timeoutMs` (default 10 s). Always settles; rejects when
   * the commit failed: its records come again. A loop that is still at a record commits it when it asks for the next
   * one, and then ends.
   */
  async close(options: CloseOptions = {}): Promise<void> {
    checkOptions('options', options, ['timeoutMs']);
    const range = { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: CLOSE_TIMEOUT_MS };
    this.#closeTimeoutMs = checkInteger('options.timeoutMs', options.timeoutMs, range);
    this.#stop.abort();
    await this.#lastCommit();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #next(): Promise<StoredRecord | undefined> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const record = this.#buffer[this.#bufferIndex];
      if (record !== undefined) {
        this.#bufferIndex += 1;
        return record;
      }
      await this.commit();
      await this.#fetchMore().catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
    await this.#lastCommit();
    return undefined;
  }

  /** Of a reader that is closed. */
  async #lastCommit(): Promise<void> {
    const timer = this.#clock.setTimer(() => this.#outOfTime.abort(), this.#closeTimeoutMs);
    try {
      await this.commit();
    } finally {
      timer.cancel();
    }
  }

  async #fetchMore(): Promise<void> {
    const { signal } = this.#stop;
    const offset = await this.#findPosition();
    try {
      const askedAtMs = this.#clock.monotonicMs();
      const { records, nextOffset } = await this.#retrying(() => this.#fetch(offset), signal);
      this.#buffer = records;
      this.#bufferIndex = 0;
      this.#position = nextOffset;
      const answer = { count: records.length, askedAtMs, waitMs: this.#waitMs };
      await pace(answer, { clock: this.#clock, signal, pauseMs: this.#policy.delayMs });
    } catch (error) {
      if (!isMqError(error, 'MQ_OFFSET_OUT_OF_RANGE')) throw error;
      this.#position = await this.#resetPosition(offset, error);
      this.#handledUpTo = this.#position;
    }
  }

  #fetch(offset: number): Promise<FetchResult> {
    return this.#broker.fetch(this.#topic, {
      partition: this.#partition,
      offset,
      max: this.#fetchCount,
      waitMs: this.#waitMs,
      signal: this.#stop.signal,
    });
  }

  /** Where the group stands; a group that does not exist yet begins at the earliest record, as its first commit will. */
  async #findPosition(): Promise<number> {
    if (this.#position !== undefined) return this.#position;
    const { signal } = this.#stop;
    const options = this.#groupOptions;
    if (options !== undefined) {
      await this.#retrying(() => this.#broker.createGroup(this.#topic, this.#group, options), signal);
    }
    const place = { group: this.#group, partition: this.#partition };
    try {
      this.#position = await this.#retrying(() => this.#broker.committed(this.#topic, place), signal);
    } catch (error) {
      if (!isMqError(error, 'MQ_UNKNOWN_GROUP')) throw error;
      this.#position = 0;
    }
    this.#committedOffset = this.#position;
    this.#handledUpTo = this.#position;
    return this.#position;
  }

  /** What the group declared for a reader that fell behind; rethrows when it declared `error`, or says no range. */
  async #resetPosition(offset: number, error: MqError): Promise<number> {
    const { logStartOffset, logEndOffset } = error.details;
    const reset = await this.#declaredReset();
    if (reset === 'error' || logStartOffset === undefined || logEndOffset === undefined) throw error;
    const position = reset === 'earliest' ? logStartOffset : logEndOffset;
    this.#skippedCount += Math.max(0, position - offset);
    return position;
  }

  async #declaredReset(): Promise<OutOfRangeReset> {
    const topic = this.#topic;
    const descriptions = await this.#retrying(() => this.#broker.describeTopics({ topic }), this.#stop.signal);
    const groups = descriptions[0]?.groups ?? [];
    return groups.find(({ group }) => group === this.#group)?.onOutOfRange ?? 'earliest';
  }

  /** What the loop did not finish comes again in the next one. */
  async #leaveLoop(): Promise<void> {
    this.#buffer = [];
    this.#bufferIndex = 0;
    this.#position = this.#handledUpTo;
    await this.commit();
  }

  #retrying<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return withRetry(call, { policy: this.#policy, clock: this.#clock, random: this.#random, signal });
  }
}
