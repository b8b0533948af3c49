/**
 * A send that goes on its own: a batch its caller made, a message with a signal or time-out of its own, or a delayed one.
 *
 *     waiting --its turn--> at the broker --> settled
 *        \--its signal aborts, or nobody will take it--> rejected, and never sent
 *
 * Always true: it is settled once; one that is aborted while it waits leaves its lane at once. Producer makes it.
 */
import { abortedError } from '../contract/errors.ts';
import type { OwnTurn, SendLane } from './send-lane.ts';

export interface OwnSendOptions<T> {
  /** Messages, and their bytes. */
  readonly count: number;
  readonly bytes: number;
  /** Aborts with its caller's, and when the producer gives up. */
  readonly signal: AbortSignal;
  /** Takes it to the broker, again and again where that is sensible. */
  readonly call: (lane: SendLane) => Promise<T>;
  /** It will not go: it waits no longer. */
  readonly onLeave: (turn: OwnTurn) => void;
}

export class OwnSend<T> implements OwnTurn {
  readonly count: number;
  readonly bytes: number;
  readonly settled: Promise<T>;
  readonly #options: OwnSendOptions<T>;
  readonly #resolve: (value: T) => void;
  readonly #reject: (error: unknown) => void;
  #lane: SendLane | undefined;
  #isWaiting = true;

  constructor(options: OwnSendOptions<T>) {
    this.count = options.count;
    this.bytes = options.bytes;
    this.#options = options;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.settled = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    if (options.signal.aborted) this.#onAbort();
    else options.signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** False: it was never sent. */
  get hasBegun(): boolean {
    return !this.#isWaiting && this.#lane !== undefined;
  }

  /** Into the line, unless its caller has gone. */
  enter(lane: SendLane): void {
    if (!this.#isWaiting) return;
    this.#lane = lane;
    lane.addOwn(this);
  }

  async begin(lane: SendLane): Promise<void> {
    this.#isWaiting = false;
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    await this.#options.call(lane).then(this.#resolve, this.#reject);
  }

  refuse(error: unknown): void {
    if (!this.#isWaiting) return;
    this.#isWaiting = false;
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    this.#lane?.remove(this);
    this.#lane = undefined;
    this.#options.onLeave(this);
    this.#reject(error);
  }

  readonly #onAbort = (): void => this.refuse(abortedError(this.#options.signal));
}
