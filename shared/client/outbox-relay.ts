/**
 * Carries what is in an outbox to a broker:
 *
 *     [ 1 | 2 | 3 | 4 ... ] -- the first of them, in order --> broker
 *        \_ deleted when the broker has taken responsibility
 *
 * Always true: a message is deleted only after its receipt, so a relay that is killed at any moment loses none; it may send
 * again what it sent just before, under the same id: a topic with `dedupWindowMs` stores that once, and an `Inbox` does the
 * work once. Messages of one partition arrive in the order of their rows, also across retries. A message that the broker
 * refuses for what is in it is set aside and keeps no other back; everything else is tried until it works.
 * One relay for each outbox; two lose nothing either, but each sends what the other sends.
 */
import type { Clock } from '../clock.ts';
import { checkClock } from '../clock.ts';
import type { Broker, CloseOptions } from '../contract/broker.ts';
import { type ErrorCode, isMqError, MqError } from '../contract/errors.ts';
import type { Receipt } from '../contract/message.ts';
import { checkBroker, checkInteger, checkOptions, invalidArgument } from '../contract/validation.ts';
import { checkRandom, type Random } from '../random.ts';
import { closeTimeoutMsOf } from './closing.ts';
import { Outbox, type OutboxRow } from './outbox.ts';
import { Producer } from './producer.ts';
import { checkRetryPolicy, pause, pauseMsAfter, type RetryPolicy } from './retry.ts';

/** Of `new OutboxRelay`: from where to where, how much at a time, and how often it looks. */
export interface OutboxRelayOptions {
  /** On a connection of its own: what another transaction of the same connection has not committed would be sent. */
  readonly outbox: Outbox;
  readonly broker: Broker;
  /** How often it looks for messages that nobody woke it for, such as those of other processes. Default 200 ms. */
  readonly pollMs?: number;
  /** Messages read, and deleted, together at most. Default 256. */
  readonly countMax?: number;
  /** Told of each message that was set aside. */
  readonly onRefused?: (row: OutboxRow, error: Error) => void;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** What a relay is doing and has done. */
export interface OutboxRelayState {
  /** `retrying`: something failed, which is tried again. */
  readonly status: 'idle' | 'running' | 'retrying' | 'closed';
  /** The last thing that went wrong. */
  readonly reason: Error | null;
  readonly sentCount: number;
  /** Of these the broker had some already, and said so. */
  readonly duplicateCount: number;
  readonly refusedCount: number;
}

const BYTES_MAX = 4 * 1024 * 1024;
/** It never gives up: a message that is left behind for a later one would break the order. */
const RETRY: RetryPolicy = checkRetryPolicy('retry', {
  attemptsMax: Number.MAX_SAFE_INTEGER,
  totalMsMax: Number.MAX_SAFE_INTEGER,
});
/** Said of what is in a message: sending it again never helps. */
const ABOUT_CONTENT: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...(['MQ_INVALID_ARGUMENT', 'MQ_NOT_SUPPORTED', 'MQ_MESSAGE_TOO_LARGE', 'MQ_BATCH_TOO_LARGE'] as const),
]);

/** Carries the messages of one outbox to one broker, in order, from `start` to `close`. */
export class OutboxRelay {
  readonly #outbox: Outbox;
  readonly #producer: Producer;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #pollMs: number;
  readonly #countMax: number;
  readonly #onRefused: (row: OutboxRow, error: Error) => void;
  readonly #stop = new AbortController();
  #status: OutboxRelayState['status'] = 'idle';
  #reason: Error | null = null;
  #sentCount = 0;
  #duplicateCount = 0;
  #refusedCount = 0;
  #running: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  /** Ends the pause between two looks. */
  #wakeUp = new AbortController();

  /** `MQ_INVALID_ARGUMENT` for what it cannot honour. Does nothing before `start`. */
  constructor(options: OutboxRelayOptions) {
    checkOptions('options', options, ['outbox', 'broker', 'pollMs', 'countMax', 'onRefused', 'clock', 'random']);
    const { outbox, pollMs, countMax, onRefused } = options;
    if (!(outbox instanceof Outbox)) throw invalidArgument('options.outbox', 'an Outbox', outbox);
    const broker = checkBroker('options.broker', options.broker);
    this.#outbox = outbox;
    this.#clock = checkClock('options.clock', options.clock);
    this.#random = checkRandom('options.random', options.random);
    this.#pollMs = checkInteger('options.pollMs', pollMs, { min: 1, max: 3_600_000, fallback: 200 });
    this.#countMax = checkInteger('options.countMax', countMax, { min: 1, max: 65_536, fallback: 256 });
    this.#onRefused = onRefused ?? (() => undefined);
    const surroundings = { clock: this.#clock, random: this.#random };
    this.#producer = new Producer({ broker, inFlightMax: 1, retry: RETRY, ...surroundings });
  }

  get state(): OutboxRelayState {
    return {
      status: this.#status,
      reason: this.#reason,
      sentCount: this.#sentCount,
      duplicateCount: this.#duplicateCount,
      refusedCount: this.#refusedCount,
    };
  }

  /** Begins; harmless when it has begun. */
  start(): void {
    if (this.#closing === undefined) this.#running ??= this.#run();
  }

  /** Something was committed: it looks at once. */
  wake(): void {
    this.#wakeUp.abort();
  }

  /** Ends when what is under way has its receipt, or after `timeoutMs` (default 10 s): that stays in the outbox then. */
  async close(options?: CloseOptions): Promise<void> {
    const timeoutMs = closeTimeoutMsOf(options);
    this.#closing ??= this.#shutDown(timeoutMs);
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #shutDown(timeoutMs: number): Promise<void> {
    this.#stop.abort(new MqError('MQ_CLOSED', 'the relay is closed'));
    this.wake();
    await this.#producer.close({ timeoutMs });
    await this.#running;
    this.#status = 'closed';
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    this.#status = 'running';
    for (let failureCount = 0; !signal.aborted; ) {
      try {
        const count = await this.#carry();
        failureCount = 0;
        this.#status = 'running';
        if (count === 0) await this.#rest(this.#pollMs);
      } catch (error) {
        if (signal.aborted) return;
        failureCount += 1;
        this.#status = 'retrying';
        this.#reason = error as Error;
        await this.#rest(pauseMsAfter(failureCount, error, RETRY, this.#random));
      }
    }
  }

  /** Until so long has passed, or somebody wakes it. */
  async #rest(ms: number): Promise<void> {
    if (!this.#stop.signal.aborted) {
      await pause(ms, { clock: this.#clock, signal: this.#wakeUp.signal }).catch(() => undefined);
    }
    if (this.#wakeUp.signal.aborted) this.#wakeUp = new AbortController();
  }

  /** Answers how many it took. */
  async #carry(): Promise<number> {
    if (this.#outbox.isInTransaction) return 0; // what is read now may never be committed
    const rows = this.#outbox.first({ countMax: this.#countMax, bytesMax: BYTES_MAX });
    const results = await Promise.allSettled(rows.map(({ topic, message }) => this.#producer.send(topic, message)));
    const isSent = (index: number): boolean => results[index]?.status === 'fulfilled';
    const sent = rows.filter((_, index) => isSent(index));
    if (sent.length > 0) this.#outbox.markSent(sent.map(({ number }) => number));
    this.#sentCount += sent.length;
    for (const [index, result] of results.entries()) {
      if (result.status === 'fulfilled') this.#countDuplicate(result.value);
      else this.#setAside(rows[index] as OutboxRow, result.reason);
    }
    return rows.length;
  }

  #countDuplicate({ isDuplicate }: Receipt): void {
    if (isDuplicate) this.#duplicateCount += 1;
  }

  /** Throws what was not said of the message. */
  #setAside(row: OutboxRow, error: unknown): void {
    if (!isMqError(error) || !ABOUT_CONTENT.has(error.code)) throw error;
    this.#outbox.markRefused(row.number, `${error.code}: ${error.message}`);
    this.#refusedCount += 1;
    this.#reason = error;
    this.#onRefused(row, error);
  }
}
