/**
 * Reading a log in order, on top of any Broker with the capability `offsets`: `fetch`, handle, `commit`.
 *
 *     partition 0   [ fetched ] \
 *     partition 1   [ fetched ]  >-- one of each in turn --> the loop     a partition whose records are used up commits
 *     partition 2   [ waits   ] /                                         and fetches, beside the others
 *
 * Always true: records of a partition come in strictly ascending offsets; only what was asked beyond is committed, so
 * after a crash some records come again and none is skipped; a partition with nothing new holds up no other one; a
 * reader that fell behind goes on where its group declared (`onOutOfRange`); `close` always settles.
 */
import { type Clock, checkClock } from '../clock.ts';
import type { Broker, CloseOptions } from '../contract/broker.ts';
import type { GroupOptions } from '../contract/description.ts';
import type { StoredRecord } from '../contract/message.ts';
import { checkBroker, checkInteger, checkName, checkOptions } from '../contract/validation.ts';
import { checkRandom, type Random } from '../random.ts';
import { CLOSE_TIMEOUT_MS, closeTimeoutMsOf } from './closing.ts';
import { LogPartition, type LogReading, type PartitionProgress } from './log-partition.ts';
import { checkRetryPolicy, type RetryPolicy, withRetry } from './retry.ts';

/** Of `new LogConsumer`: which partitions for which group, and how much at a time. */
export interface LogConsumerOptions {
  readonly broker: Broker;
  readonly topic: string;
  /** A log group of its own; several readers of one partition in one group would overwrite each other. */
  readonly group: string;
  /** When given, the group is created with these at the start (or must exist with equal ones). */
  readonly groupOptions?: GroupOptions;
  /** Only this one. Default: all partitions of the topic. */
  readonly partition?: number;
  /** Records per fetch of a partition at most; also how many of it may come again after a crash. Default 100. */
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
 * Reads a topic for a log group by `for await` (capability `offsets`), each partition in order; what was handled is
 * committed. The constructor throws `MQ_INVALID_ARGUMENT`, the loop what trying again does not change.
 */
export class LogConsumer implements AsyncIterable<StoredRecord> {
  readonly #reading: LogReading;
  readonly #groupOptions: GroupOptions | undefined;
  /** undefined: all of them. */
  readonly #chosen: number | undefined;
  readonly #stop = new AbortController();
  /** Aborts when `close` has run out of time. */
  readonly #outOfTime = new AbortController();
  #closeTimeoutMs = CLOSE_TIMEOUT_MS;
  /** Empty before the first record was asked for; the one whose turn it is first. */
  #partitions: LogPartition[] = [];
  /** Those that fetch now, in the loop that runs. */
  readonly #fetching = new Map<LogPartition, Promise<void>>();
  /** Of the loop that runs; aborts when it is left. */
  #loop = new AbortController();
  /** What ended a fetch. */
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = () => undefined;

  constructor(options: LogConsumerOptions) {
    checkOptions('options', options, KNOWN);
    const broker = checkBroker('options.broker', options?.broker);
    const { limits } = broker;
    type Whole = 'partition' | 'fetchCount' | 'waitMs';
    const whole = (name: Whole, min: number, max: number, fallback: number): number =>
      checkInteger(`options.${name}`, options[name], { min, max, fallback: Math.min(fallback, max) });
    this.#groupOptions = options.groupOptions;
    const partition = whole('partition', 0, Number.MAX_SAFE_INTEGER, 0);
    this.#chosen = options.partition === undefined && broker.capabilities.has('partitions') ? undefined : partition;
    this.#reading = {
      broker,
      topic: checkName('options.topic', options.topic, limits),
      group: checkName('options.group', options.group, limits),
      fetchCount: whole('fetchCount', 1, limits.receiveCountMax, 100),
      waitMs: whole('waitMs', 1, limits.waitMsMax, 20_000),
      policy: checkRetryPolicy('options.retry', options.retry),
      clock: checkClock('options.clock', options.clock),
      random: checkRandom('options.random', options.random),
    };
    this.#stop.signal.addEventListener('abort', () => this.#loop.abort());
  }

  /** How far it is, by partition; empty before the first record was asked for. */
  get progress(): readonly PartitionProgress[] {
    return this.#partitions.map(({ progress }) => progress).toSorted((one, other) => one.partition - other.partition);
  }

  /**
   * One record after the other; asking for the next one says that the one before is done. A partition commits when its
   * fetched ones are used up; all do when the loop is left (its record comes again in the next loop), and when `close`
   * ended it. One loop at a time; calls of `next` wait for each other, and only `close` ends one that waits for a record.
   */
  [Symbol.asyncIterator](): AsyncGenerator<StoredRecord, undefined, undefined> {
    return this.#each((partition) => partition.take());
  }

  /**
   * The same, with all that one fetch of a partition brought in one turn of the loop, at least one record: for who handles
   * many at once, at a fraction of what a turn for each costs. Asking for the next ones says that all before are done.
   */
  batches(): AsyncGenerator<readonly StoredRecord[], undefined, undefined> {
    return this.#each((partition) => partition.takeAll());
  }

  async *#each<T>(take: (partition: LogPartition) => T | undefined): AsyncGenerator<T, undefined, undefined> {
    this.#loop = new AbortController();
    for (;;) {
      // What was fetched is there without waiting, which is most of them.
      const partition = this.#turn() ?? (await this.#nextTurn());
      const taken = partition === undefined ? undefined : take(partition);
      if (partition === undefined || taken === undefined) return undefined;
      let isLeft = true;
      try {
        yield taken;
        isLeft = false;
      } finally {
        if (isLeft) await this.#leaveLoop();
      }
      partition.handleTaken();
    }
  }

  /** Commits what is done, in every partition. */
  async commit(): Promise<void> {
    const commits = this.#partitions.map((partition) => partition.commit(this.#outOfTime.signal));
    for (const result of await Promise.allSettled(commits)) if (result.status === 'rejected') throw result.reason;
  }

  /**
   * Ends the fetches that wait and commits what is done, for at most `timeoutMs` (default 10 s). Always settles; rejects
   * when a commit failed: its records come again. A loop that is still at a record commits it when it asks for the next
   * one, and then ends.
   */
  async close(options?: CloseOptions): Promise<void> {
    this.#closeTimeoutMs = closeTimeoutMsOf(options);
    this.#stop.abort();
    this.#wake();
    await this.#lastCommit();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #nextTurn(): Promise<LogPartition | undefined> {
    const { signal } = this.#stop;
    await this.#open(signal);
    while (!signal.aborted) {
      const partition = this.#turn();
      if (partition !== undefined) return partition;
      if (this.#failure === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      await this.#throwFailure();
    }
    await this.#lastCommit();
    return undefined;
  }

  /** The partition whose turn it is, with a record; it is the last one then. Those that are used up fetch. */
  #turn(): LogPartition | undefined {
    if (this.#stop.signal.aborted || this.#failure !== undefined) return undefined;
    for (const partition of this.#partitions) if (partition.isUsedUp) this.#fetchMore(partition);
    const index = this.#partitions.findIndex((partition) => !partition.isUsedUp);
    const partition = this.#partitions[index];
    if (partition === undefined || this.#partitions.length === 1) return partition;
    this.#partitions.push(...this.#partitions.splice(index, 1));
    return partition;
  }

  #fetchMore(partition: LogPartition): void {
    if (this.#fetching.has(partition)) return;
    const { signal } = this.#loop;
    const fetched = partition.fetchMore(signal).catch((error: unknown) => {
      if (!signal.aborted) this.#failure ??= { error };
    });
    this.#fetching.set(
      partition,
      fetched.then(() => {
        this.#fetching.delete(partition);
        this.#wake();
      }),
    );
  }

  /** The group, and which partitions there are. */
  async #open(signal: AbortSignal): Promise<void> {
    if (this.#partitions.length > 0 || signal.aborted) return;
    const { broker, topic, group, policy, clock, random } = this.#reading;
    const retrying = <T>(call: () => Promise<T>): Promise<T> => withRetry(call, { policy, clock, random, signal });
    const options = this.#groupOptions;
    try {
      if (options !== undefined) await retrying(() => broker.createGroup(topic, group, options));
      const described = this.#chosen === undefined ? await retrying(() => broker.describeTopics({ topic })) : [];
      const numbers =
        this.#chosen === undefined ? [...Array(described[0]?.partitionCount ?? 1).keys()] : [this.#chosen];
      this.#partitions = numbers.map((partition) => new LogPartition(partition, this.#reading));
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** What no fetch got over ends the loop; the next loop tries again. */
  async #throwFailure(): Promise<void> {
    const failure = this.#failure;
    if (failure === undefined) return;
    await this.#endFetches();
    throw failure.error;
  }

  /** What the loop did not finish comes again in the next one. */
  async #leaveLoop(): Promise<void> {
    await this.#endFetches();
    await this.commit();
  }

  async #endFetches(): Promise<void> {
    this.#loop.abort();
    await Promise.all(this.#fetching.values());
    this.#failure = undefined;
    for (const partition of this.#partitions) partition.rewind();
  }

  /** Of a reader that is closed. */
  async #lastCommit(): Promise<void> {
    const timer = this.#reading.clock.setTimer(() => this.#outOfTime.abort(), this.#closeTimeoutMs);
    try {
      await this.commit();
    } finally {
      timer.cancel();
    }
  }
}
