/**
 * A line of waiting calls, first come first served.
 *
 *     first <-> second <-> third        each node: what the call wants, and its promise
 *
 * Always true: a waiter is in the line exactly as long as its promise is pending; serving, time-out, abort and
 * `settleAll` each take it out in O(1) and settle it once. So a value handed to a waiter is never lost: after `serve`
 * the promise is resolved, and an abort that comes later finds nothing to abort. Nor is a value handed to one that was
 * aborted before: where one signal aborts many, the first to hear of it may make room for the next, whose own listener
 * has not run yet; so whoever is about to be served is asked once more.
 * Used by queues and brokers; knows nothing of messages.
 */
import type { Clock, Timer } from '../../shared/clock.ts';
import { abortedError, MqError } from '../../shared/contract/errors.ts';
import type { WaiterView } from '../../shared/contract/inside.ts';
import { LIMITS, type Limits } from '../../shared/contract/limits.ts';

/** How long and until when one call waits. */
export interface WaitOptions<Want, Got> {
  /** Leaves the line with `MQ_ABORTED` when it aborts. Thousands of calls on one signal are slow: Node scans its list. */
  readonly signal?: AbortSignal | undefined;
  /** Needs `onTimeout`. Without both the call waits until it is served. */
  readonly timeoutMs?: number | undefined;
  /** The answer of a call whose time ran out: returns the value to resolve with, or throws what to reject with. */
  readonly onTimeout?: () => Got;
  /** Runs after the call left the line unserved, by time-out or abort: whoever stood behind it may be next now. */
  readonly onLeave?: () => void;
  /** A set of the caller's, in which the waiter is as long as it is in the line: some can be found without a walk. */
  readonly among?: Set<Waiter<Want, Got>>;
  /** What this call adds to the `weight` of the line, such as the bytes it keeps. Default 0. */
  readonly weight?: number;
}

/** One waiting call. `want` is its owner's business. */
export interface Waiter<Want, Got> {
  readonly want: Want;
  /** Monotonic ms at which it joined. */
  readonly sinceMs: number;
  /** Takes it out of the line and resolves its call. */
  serve(got: Got): void;
  /** Takes it out of the line and rejects its call. */
  fail(error: unknown): void;
}

interface Node<Want, Got> extends Waiter<Want, Got> {
  readonly weight: number;
  readonly signal: AbortSignal | undefined;
  previous: Node<Want, Got> | undefined;
  next: Node<Want, Got> | undefined;
}

/** `MQ_LIMIT_EXCEEDED`: no further call may wait. `calls` says which, in the plural. */
export function waitersError(calls: string, countMax: number): MqError {
  return new MqError('MQ_LIMIT_EXCEEDED', `${countMax} ${calls} wait already, which is the limit`);
}

/** What waits is memory too. */
function tooHeavyError(calls: string, bytesMax: number): MqError {
  const message = `the ${calls} that wait may keep ${bytesMax} bytes, and this one would be too much`;
  return new MqError('MQ_LIMIT_EXCEEDED', message);
}

export interface WaiterLineOptions {
  readonly clock: Clock;
  /** What waits here, in the plural, as an error names it. */
  readonly calls: string;
  /** How many may wait, and what their weights may add up to. Default: StageMQ's own limits. */
  readonly limits?: Pick<Limits, 'waitersCountMax' | 'waitingBytesMax'>;
}

export class WaiterLine<Want, Got> {
  readonly #clock: Clock;
  readonly #calls: string;
  readonly #limits: Pick<Limits, 'waitersCountMax' | 'waitingBytesMax'>;
  /** Both undefined, or both set and linked through `next` and `previous`. */
  #first: Node<Want, Got> | undefined;
  #last: Node<Want, Got> | undefined;
  #size = 0;
  #weight = 0;

  constructor(options: WaiterLineOptions) {
    this.#clock = options.clock;
    this.#calls = options.calls;
    this.#limits = options.limits ?? LIMITS;
  }

  get size(): number {
    return this.#size;
  }

  /** Weights of all that wait, together. */
  get weight(): number {
    return this.#weight;
  }

  /** The one that waits longest and is to be served next; those before it that were aborted reject. */
  get first(): Waiter<Want, Got> | undefined {
    for (let node = this.#first; node !== undefined; node = this.#first) if (!isAborted(node)) return node;
    return undefined;
  }

  /**
   * Joins the end of the line; settles when served, failed, timed out or aborted. An aborted signal never joins, and
   * neither does a call for which the line has no place (`MQ_LIMIT_EXCEEDED`; the first of a line always has one).
   */
  wait(want: Want, options: WaitOptions<Want, Got> = {}): Promise<Got> {
    const { signal, timeoutMs, onTimeout, onLeave, among, weight = 0 } = options;
    if (signal?.aborted) return Promise.reject(abortedError(signal));
    const { waitersCountMax, waitingBytesMax } = this.#limits;
    if (this.#size >= waitersCountMax) return Promise.reject(waitersError(this.#calls, waitersCountMax));
    if (this.#size > 0 && this.#weight + weight > waitingBytesMax) {
      return Promise.reject(tooHeavyError(this.#calls, waitingBytesMax));
    }
    return new Promise<Got>((resolve, reject) => {
      let timer: Timer | undefined;
      const onAbort = (): void => {
        node.fail(abortedError(signal as AbortSignal));
        onLeave?.();
      };
      /** True for the first caller only: whoever takes the node out settles it. */
      const takeOut = (): boolean => {
        if (!this.#unlink(node)) return false;
        among?.delete(node);
        timer?.cancel();
        signal?.removeEventListener('abort', onAbort);
        return true;
      };
      const node: Node<Want, Got> = {
        want,
        weight,
        signal,
        sinceMs: this.#clock.monotonicMs(),
        previous: undefined,
        next: undefined,
        serve: (got) => {
          if (takeOut()) resolve(got);
        },
        fail: (error) => {
          if (takeOut()) reject(error);
        },
      };
      if (timeoutMs !== undefined && onTimeout !== undefined) {
        timer = this.#clock.setTimer(() => {
          if (!takeOut()) return;
          try {
            resolve(onTimeout());
          } catch (error) {
            reject(error);
          }
          onLeave?.();
        }, timeoutMs);
      }
      this.#link(node);
      among?.add(node);
      signal?.addEventListener('abort', onAbort);
    });
  }

  /** Oldest first. A waiter may be served while iterating. */
  *[Symbol.iterator](): IterableIterator<Waiter<Want, Got>> {
    for (let node = this.#first; node !== undefined; ) {
      const { next } = node;
      yield node;
      node = next;
    }
  }

  /** Empties the line, oldest first: `settle` serves or fails each that was not aborted. */
  settleAll(settle: (waiter: Waiter<Want, Got>) => void): void {
    for (let node = this.#first; node !== undefined; ) {
      const { next } = node;
      if (!isAborted(node)) settle(node);
      node = next;
    }
  }

  #link(node: Node<Want, Got>): void {
    node.previous = this.#last;
    if (this.#last === undefined) this.#first = node;
    else this.#last.next = node;
    this.#last = node;
    this.#size += 1;
    this.#weight += node.weight;
  }

  /** False when the node is not in the line any more. */
  #unlink(node: Node<Want, Got>): boolean {
    if (node !== this.#first && node.previous === undefined) return false;
    if (node.previous === undefined) this.#first = node.next;
    else node.previous.next = node.next;
    if (node.next === undefined) this.#last = node.previous;
    else node.next.previous = node.previous;
    node.previous = undefined;
    node.next = undefined;
    this.#size -= 1;
    this.#weight -= node.weight;
    return true;
  }
}

/** The first `max` of a line for the screen, oldest first; `whoOf` says who waits, or with what. */
export function viewWaiters<Want>(
  line: Iterable<Pick<Waiter<Want, unknown>, 'want' | 'sinceMs'>>,
  { max, clock, whoOf }: { readonly max: number; readonly clock: Clock; readonly whoOf: (want: Want) => string },
): WaiterView[] {
  const views: WaiterView[] = [];
  for (const { want, sinceMs } of line) {
    if (views.length >= max) break;
    views.push({ who: whoOf(want), waitedMs: clock.monotonicMs() - sinceMs });
  }
  return views;
}

/** True for a waiter whose signal was aborted; it has left the line. */
function isAborted<Want, Got>(node: Node<Want, Got>): boolean {
  if (!node.signal?.aborted) return false;
  node.fail(abortedError(node.signal));
  return true;
}
