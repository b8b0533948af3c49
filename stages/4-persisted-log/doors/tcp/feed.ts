/**
 * What one subscription is pushed: deliveries as they come, for as long as the client gives credit.
 *
 *     credit > 0, channel free --> receive, at most that many, waits at the broker --> push --> credit less --> again
 *
 * Always true: no more is claimed than there is credit for, and nothing while what was pushed before does not leave; what
 * is claimed when nobody is there any more goes back. It receives in a loop rather than with `subscribe`, so that stored
 * bytes pass through, any broker can push, and a slow client is not buffered for.
 */
import type { Clock } from '../../../../shared/clock.ts';
import { isMqError, type MqError } from '../../../../shared/contract/errors.ts';
import type { Limits } from '../../../../shared/contract/limits.ts';
import { nextTurn } from '../next-turn.ts';
import type { DeliveriesAnswer } from './answers.ts';
import { countOf } from './handing-out.ts';
import { asMqError } from './wire-error.ts';

/** Before a receive is repeated that may succeed later. */
const RETRY_MS = 250;

export interface FeedOptions {
  readonly credit: number;
  readonly clock: Clock;
  readonly limits: Limits;
  /** Claims deliveries: at most `max`, waiting for them at most `waitMs`. */
  readonly take: (options: { max: number; waitMs: number; signal: AbortSignal }) => Promise<DeliveriesAnswer>;
  readonly giveBack: (answer: DeliveriesAnswer) => void;
  /** Throws when it cannot, and has given them back then. */
  readonly push: (answer: DeliveriesAnswer) => void;
  readonly isCongested: () => boolean;
  /** No more deliveries will come, because of `error`. Not called after `stop`. */
  readonly onEnd: (error: MqError) => void;
}

export class Feed {
  readonly #options: FeedOptions;
  readonly #stopped = new AbortController();
  /** Deliveries the client has room for. */
  #credit: number;
  #wake: () => void = () => undefined;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#credit = options.credit;
  }

  /** The first look: whether this can be subscribed to at all, and what is there. */
  async open(): Promise<DeliveriesAnswer> {
    return this.#take(0);
  }

  /** Pushes `first`, and from then on all that comes. */
  start(first: DeliveriesAnswer): void {
    void this.#run(first);
  }

  addCredit(count: number): void {
    this.#credit = Math.min(this.#credit + count, Number.MAX_SAFE_INTEGER);
    this.#wake();
  }

  /** There may be room on the channel again. */
  wake(): void {
    this.#wake();
  }

  /** Nothing is pushed after this. */
  stop(): void {
    this.#stopped.abort();
    this.#wake();
  }

  async #run(first: DeliveriesAnswer): Promise<void> {
    await this.#next(async () => first);
    while (!this.#stopped.signal.aborted) {
      // What was pushed leaves first, and what comes meanwhile goes together.
      await nextTurn();
      if (this.#stopped.signal.aborted) return;
      if (this.#credit === 0 || this.#options.isCongested()) await this.#woken();
      else await this.#next(() => this.#take(this.#options.limits.waitMsMax));
    }
  }

  async #next(take: () => Promise<DeliveriesAnswer>): Promise<void> {
    try {
      this.#hand(await take());
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      if (isMqError(error) && error.isRetriable) await this.#rest();
      else {
        this.#stopped.abort();
        this.#options.onEnd(asMqError(error));
      }
    }
  }

  #take(waitMs: number): Promise<DeliveriesAnswer> {
    const max = Math.min(this.#credit, this.#options.limits.receiveCountMax);
    return this.#options.take({ max, waitMs, signal: this.#stopped.signal });
  }

  #hand(answer: DeliveriesAnswer): void {
    const count = countOf(answer);
    if (count === 0) return;
    if (this.#stopped.signal.aborted) {
      this.#options.giveBack(answer);
      return;
    }
    this.#credit -= count;
    this.#options.push(answer);
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #rest(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.setTimer(resolve, RETRY_MS, { isBackground: true });
      this.#wake = () => {
        if (!this.#stopped.signal.aborted) return;
        timer.cancel();
        resolve();
      };
    });
  }
}
