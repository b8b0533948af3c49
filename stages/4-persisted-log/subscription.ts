/**
 * What one subscriber of this process is pushed: deliveries as they come, as long as it has not too many unfinished.
 *
 *     free = creditMax - unfinished of the member   > 0: receive at most that many, and wait for them
 *                                                   = 0: wait until one ends
 *     a receive that fails for now (a disk that failed once)    receive again after a while
 *
 * Always true: never more than `creditMax` are unfinished because of it; after `close` nothing is pushed, and what was can
 * still be finished. The spine makes it; the topic wakes it when a lease ends.
 */
import type { Clock } from '../../shared/clock.ts';
import type { Subscription } from '../../shared/contract/broker.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import { DEFAULTS, type Limits } from '../../shared/contract/limits.ts';
import type { Delivery } from '../../shared/contract/message.ts';
import type { SharedCredit } from './delivery/desk-surroundings.ts';
import type { GroupDesk } from './delivery/group-desk.ts';
import type { RecordMatcher } from './delivery/record-matcher.ts';

/** After a receive that failed. */
const AGAIN_MS = 1000;

export interface PushOptions {
  readonly clock: Clock;
  readonly desk: GroupDesk;
  readonly memberId: string;
  readonly creditMax: number;
  readonly leaseMs: number;
  /** Of its filter; undefined: everything matches. */
  readonly matcher?: RecordMatcher | undefined;
  /** Shared with others; then `creditMax` is of all of them together. */
  readonly credit?: SharedCredit | undefined;
  readonly limits: Limits;
  readonly onDelivery: (delivery: Delivery) => void;
  /** Throws when the topic, the group or the broker is gone. */
  readonly checkOpen: () => void;
  /** It is over: nobody needs to wake it any more. */
  readonly onEnd: () => void;
}

export class PushSubscription implements Subscription {
  readonly #options: PushOptions;
  readonly #closed = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #wake: () => void = () => undefined;

  constructor(options: PushOptions) {
    this.#options = options;
  }

  get desk(): GroupDesk {
    return this.#options.desk;
  }

  /** The first look: rejects when there is nothing to be had for this member at all. */
  async open(): Promise<void> {
    const first = await this.#receive(0);
    this.#running = this.#run(first);
  }

  /** A lease of the group ended. */
  wake(): void {
    this.#wake();
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#wake();
    await this.#running;
  }

  async #run(first: readonly Delivery[]): Promise<void> {
    try {
      this.#push(first);
      while (!this.#closed.signal.aborted) {
        if (this.#free > 0) this.#push(await this.#receivePatiently());
        else await this.#woken();
      }
    } catch (error) {
      // It was closed, or the topic, the group or the broker is gone: all of which the subscriber can see elsewhere.
      if (!isMqError(error)) throw error;
    } finally {
      this.#options.onEnd();
    }
  }

  #push(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) this.#options.onDelivery(delivery);
  }

  /** What passes by itself does not end it: nobody would tell the subscriber. */
  async #receivePatiently(): Promise<readonly Delivery[]> {
    try {
      return await this.#receive(this.#options.limits.waitMsMax);
    } catch (error) {
      if (!isMqError(error) || !error.isRetriable) throw error;
      await this.#rested();
      return [];
    }
  }

  async #receive(waitMs: number): Promise<readonly Delivery[]> {
    const { desk, memberId, leaseMs, matcher, credit, limits, checkOpen } = this.#options;
    checkOpen();
    const max = Math.min(this.#free, limits.receiveCountMax);
    const bytesMax = Math.min(DEFAULTS.bytesMax, limits.receiveBytesMax);
    const want = { memberId, max, bytesMax, leaseMs, matcher, credit };
    return await desk.receive(want, { waitMs, signal: this.#closed.signal });
  }

  async #rested(): Promise<void> {
    const woken = this.#woken();
    const timer = this.#options.clock.setTimer(this.#wake, AGAIN_MS, { isBackground: true });
    try {
      await woken;
    } finally {
      timer.cancel();
    }
  }

  #woken(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    return promise;
  }

  get #free(): number {
    const { desk, memberId, creditMax, credit } = this.#options;
    const { leases } = desk.state;
    return credit?.freeFor(leases) ?? creditMax - leases.openCountOf(memberId);
  }
}
