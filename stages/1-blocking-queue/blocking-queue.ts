/**
 * A bounded buffer with two lines of waiters: who brings too much waits at the entry, who comes too early at the exit.
 *
 *     puts wait here                 held values, oldest first                takes wait here
 *     D, E, F  ------------>  [ A ][ B ][ C ]  capacity 3  ------------>  (nobody: something is held)
 *     (nobody: there is room) ->  [   ][   ][   ]              ->            take 1, take 2
 *
 * Always true, after every method (the README explains each):
 *   I1  0 <= size <= capacity
 *   I2  a take waits only while nothing is held
 *   I3  a put waits only while the first put of the line does not fit, and nobody overtakes it
 *   I4  a value is accepted once and then held, handed to exactly one caller, or dropped and counted
 *   I5  a put that rejects has accepted nothing
 * From I1 to I3: at most one of the two lines is ever non-empty.
 *
 * In-process and single-threaded: a method that can finish at once does so before it returns, so no other call comes
 * between its check and its act. That is the whole lock.
 */
import assert from 'node:assert/strict';
import { type Clock, checkClock } from '../../shared/clock.ts';
import type { Overflow } from '../../shared/contract/description.ts';
import { MqError } from '../../shared/contract/errors.ts';
import type { Limits } from '../../shared/contract/limits.ts';
import { checkChoice, checkInteger } from '../../shared/contract/validation.ts';
import { OVERFLOWS } from './checked-options.ts';
import { CircularArray } from './circular-array.ts';
import { fullError, refusalOf, refusalOfValue, refusalOfValues, tooLargeError } from './queue-refusals.ts';
import { WaiterLine } from './waiter-line.ts';

/** Values a queue holds when its maker does not say. */
export const CAPACITY_DEFAULT = 10_000;

export interface BlockingQueueOptions<T> {
  /** Values held at most, from 1. Default 10,000. */
  readonly capacity?: number;
  /** What a put does when there is no room. Default `wait`. */
  readonly overflow?: Overflow;
  /** How many calls may wait in each line, and how many bytes waiting puts may keep. */
  readonly limits?: Pick<Limits, 'waitersCountMax' | 'waitingBytesMax'>;
  /** Default: a value keeps no bytes worth counting. */
  readonly bytesOf?: (value: T) => number;
  readonly clock?: Clock;
  /** Called once for every accepted value, in order, before anybody can take it; must not throw. */
  readonly onAccept?: (value: T, sequence: number) => void;
}

export interface PutOptions {
  readonly signal?: AbortSignal | undefined;
  /** How long to wait for room before `MQ_QUEUE_FULL`; without it, without end. */
  readonly timeoutMs?: number | undefined;
}

export interface TakeOptions {
  readonly signal?: AbortSignal | undefined;
  /** Who waits, for people that look at the line. */
  readonly who?: string;
}

export interface PollOptions extends TakeOptions {
  /** How long to wait for a value; default 0. */
  readonly timeoutMs?: number;
}

/** What a waiting take wants: only a poll may be answered with nothing. */
interface TakeWant {
  readonly who: string;
  readonly isPoll: boolean;
}

/** The answer of every put that need not wait: one promise for all, as a settled promise never changes. */
const ACCEPTED: Promise<void> = Promise.resolve();

/** A bounded first-in, first-out queue of values; `put` waits for room and `take` for a value. */
export class BlockingQueue<T extends NonNullable<unknown>> {
  readonly capacity: number;
  readonly overflow: Overflow;
  readonly #bytesOf: (value: T) => number;
  readonly #onAccept: ((value: T, sequence: number) => void) | undefined;
  /** I1 */
  readonly #held = new CircularArray<T>();
  /** I2 */
  readonly #takes: WaiterLine<TakeWant, T | undefined>;
  /** I3: each wants to put all of its values in at once. */
  readonly #puts: WaiterLine<readonly T[], void>;
  #acceptedCount = 0;
  #droppedCount = 0;
  /** What calls reject with since `close`. */
  #closeError: MqError | undefined;

  constructor(options: BlockingQueueOptions<T> = {}) {
    const clock = checkClock('options.clock', options.clock);
    const range = { min: 1, max: Number.MAX_SAFE_INTEGER, fallback: CAPACITY_DEFAULT };
    this.capacity = checkInteger('options.capacity', options.capacity, range);
    this.overflow = checkChoice('options.overflow', options.overflow, OVERFLOWS, 'wait');
    this.#bytesOf = options.bytesOf ?? (() => 0);
    this.#onAccept = options.onAccept;
    const { limits } = options;
    this.#takes = new WaiterLine({ clock, limits, calls: 'takes' });
    this.#puts = new WaiterLine({ clock, limits, calls: 'puts' });
  }

  get size(): number {
    return this.#held.size;
  }

  /** Values that fit now; waiting puts have the first claim on it. */
  get remainingCapacity(): number {
    return this.capacity - this.#held.size;
  }

  /** Values ever accepted: the sequence of the next one. The oldest held one has `acceptedCount - size`. */
  get acceptedCount(): number {
    return this.#acceptedCount;
  }

  /** Values that `drop-oldest` threw away. */
  get droppedCount(): number {
    return this.#droppedCount;
  }

  /** The line at the entry, oldest first. */
  get waitingPuts(): WaiterLine<readonly T[], void> {
    return this.#puts;
  }

  /** The line at the exit, oldest first. */
  get waitingTakes(): WaiterLine<TakeWant, T | undefined> {
    return this.#takes;
  }

  /** Throws `MQ_BATCH_TOO_LARGE` for more values than can ever be held. */
  checkFits(count: number): void {
    if (count > this.capacity) throw tooLargeError(count, this.capacity);
  }

  /**
   * Resolves when the queue has accepted `value`. Full: waits (`MQ_QUEUE_FULL` after `timeoutMs`), rejects with
   * `MQ_QUEUE_FULL`, or drops the oldest, as `overflow` says. `MQ_ABORTED`, `MQ_CLOSED`: nothing was accepted.
   */
  put(value: T, options?: PutOptions): Promise<void> {
    const refusal = refusalOf(options) ?? this.#closeError ?? refusalOfValue(value);
    if (refusal !== undefined) return Promise.reject(refusal);
    if (!this.#makeRoom(1)) return this.#waitForRoom([value], options);
    this.#accept(value);
    return ACCEPTED;
  }

  /** Like `put` for all values or none, next to each other; `MQ_BATCH_TOO_LARGE` when they can never fit. */
  putAll(values: readonly T[], options?: PutOptions): Promise<void> {
    const own = [...values]; // the caller may change its array, and a hole becomes an undefined
    const refusal = refusalOf(options) ?? this.#closeError ?? refusalOfValues(own, this.capacity);
    if (refusal !== undefined) return Promise.reject(refusal);
    if (!this.#makeRoom(own.length)) return this.#waitForRoom(own, options);
    for (const value of own) this.#accept(value);
    return ACCEPTED;
  }

  /** Accepts `value` at once and returns true, or changes nothing and returns false. Throws `MQ_CLOSED`. */
  offer(value: T): boolean {
    const refusal = this.#closeError ?? refusalOfValue(value);
    if (refusal !== undefined) throw refusal;
    if (!this.#makeRoom(1)) return false;
    this.#accept(value);
    return true;
  }

  /** The oldest value; waits for one. `MQ_ABORTED`; `MQ_CLOSED` once the queue is closed and empty. */
  take(options: TakeOptions = {}): Promise<T> {
    const refusal = refusalOf(options);
    if (refusal !== undefined) return Promise.reject(refusal);
    const value = this.#removeOldest();
    if (value !== undefined) return Promise.resolve(value);
    if (this.#closeError !== undefined) return Promise.reject(this.#closeError);
    // Only polls are ever served nothing, so this one is served a value or rejects.
    return this.#waitForValue({ who: options.who ?? '', isPoll: false }, options) as Promise<T>;
  }

  /** Like `take`, but resolves to undefined after `timeoutMs` without a value, or when the queue is closed. */
  poll(options: PollOptions = {}): Promise<T | undefined> {
    const refusal = refusalOf(options);
    if (refusal !== undefined) return Promise.reject(refusal);
    const value = this.#removeOldest();
    const mayWait = value === undefined && this.#closeError === undefined && (options.timeoutMs ?? 0) > 0;
    if (!mayWait) return Promise.resolve(value);
    return this.#waitForValue({ who: options.who ?? '', isPoll: true }, options);
  }

  /** Takes what is there, at most `max`, oldest first; stops before the first value that is not wanted. */
  drain(max: number, isWanted?: (value: T) => boolean): T[] {
    const drained: T[] = [];
    while (drained.length < max) {
      const oldest = this.#held.at(0);
      if (oldest === undefined || (isWanted !== undefined && !isWanted(oldest))) break;
      const taken = this.#removeOldest(); // another one, when `isWanted` took this itself
      if (taken !== undefined) drained.push(taken);
    }
    return drained;
  }

  /** The oldest held values, at most `max`, without taking them. */
  peek(max: number): T[] {
    const values: T[] = [];
    for (let value = this.#held.at(0); value !== undefined && values.length < max; ) {
      values.push(value);
      value = this.#held.at(values.length);
    }
    return values;
  }

  /**
   * Shuts the entry: every put, also one that waits, rejects with `error`. What is held can still be taken. Waiting
   * takes reject; waiting polls resolve to undefined, or reject too when the caller gave its own `error`.
   */
  close(options: { readonly error?: MqError } = {}): void {
    if (this.#closeError !== undefined) return;
    const error = options.error ?? new MqError('MQ_CLOSED', 'the queue is closed');
    this.#closeError = error;
    this.#puts.settleAll((put) => put.fail(error));
    this.#takes.settleAll((take) => {
      if (take.want.isPoll && options.error === undefined) take.serve(undefined);
      else take.fail(error);
    });
  }

  /** True when `count` values may enter now; `drop-oldest` makes it true. */
  #makeRoom(count: number): boolean {
    if (this.#puts.size > 0) return false; // I3: whoever waits was here first
    if (this.overflow === 'drop-oldest') {
      while (this.remainingCapacity < count) {
        this.#held.shift();
        this.#droppedCount += 1;
      }
    }
    return count <= this.remainingCapacity;
  }

  /** Direct hand-off: a value for which a take waits is never stored. */
  #accept(value: T): void {
    this.#onAccept?.(value, this.#acceptedCount);
    this.#acceptedCount += 1;
    const take = this.#takes.first;
    if (take !== undefined) take.serve(value);
    else this.#held.push(value);
  }

  /** The one way out: whatever leaves makes room for the first waiting put. */
  #removeOldest(): T | undefined {
    const value = this.#held.shift();
    if (this.#puts.size > 0) this.#admitWaiting();
    return value;
  }

  /** Lets waiting puts in, first come first served, as long as the first one fits. */
  #admitWaiting(): void {
    for (let put = this.#puts.first; put !== undefined; put = this.#puts.first) {
      if (put.want.length > this.remainingCapacity) return;
      try {
        for (const value of put.want) this.#accept(value);
        put.serve();
      } catch (error) {
        put.fail(error); // it is for the one that waited, not for whoever made the room
      }
    }
  }

  #waitForRoom(values: readonly T[], options: PutOptions = {}): Promise<void> {
    assert(this.#takes.size === 0, 'I2, I3: a put never waits while a take does');
    const { signal, timeoutMs } = options;
    if (this.overflow === 'reject' || timeoutMs === 0) return Promise.reject(fullError(this.capacity));
    return this.#puts.wait(values, {
      signal,
      timeoutMs,
      weight: values.reduce((bytes, value) => bytes + this.#bytesOf(value), 0),
      onTimeout: () => {
        throw fullError(this.capacity);
      },
      // A large batch that gives up was perhaps all that kept a smaller one out.
      onLeave: () => this.#admitWaiting(),
    });
  }

  #waitForValue(want: TakeWant, options: PollOptions): Promise<T | undefined> {
    assert(this.#held.size === 0 && this.#puts.size === 0, 'I2: a take waits only while nothing is held');
    const { signal, timeoutMs } = options;
    return this.#takes.wait(want, { signal, timeoutMs, onTimeout: () => undefined });
  }
}
