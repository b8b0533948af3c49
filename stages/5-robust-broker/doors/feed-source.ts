/**
 * One topic of a Feed: receives, one after the other, as long as the feed has credit.
 *
 *     credit > 0: receive at most that many, and wait for them      credit = 0: what waits is called back, until it is more
 *
 * Always true: one receive at a time; after `stop` nothing more is claimed; a topic that is deleted meanwhile is opened once
 * more, as if the subscriber had come just now; an error that will not pass ends it. Works with any Broker. Only Feed uses it.
 */
import type { Clock } from '../../../shared/clock.ts';
import type { Broker } from '../../../shared/contract/broker.ts';
import { isMqError } from '../../../shared/contract/errors.ts';
import type { Filter } from '../../../shared/contract/filter.ts';
import type { Delivery } from '../../../shared/contract/message.ts';
import { nextTurn } from '../../4-persisted-log/doors/next-turn.ts';

/** After a receive that failed for now. */
const AGAIN_MS = 1000;

/** Which messages of which topic. */
export interface SourcePlace {
  readonly topic: string;
  readonly group: string;
  /** What does not match stays for others; for a filter of the group itself leave it out. */
  readonly filter?: Filter | undefined;
  /** Nobody else reads the group: so the next message may wait here as well as there, and the group has a member always. */
  readonly isOwn?: boolean;
  /** The group is nobody's when this reader goes. */
  readonly isEphemeral?: boolean;
  /** Makes the topic and the group again after the topic was deleted. */
  readonly reopen?: () => Promise<void>;
}

export interface FeedSourceOptions extends SourcePlace {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly memberId: string;
  readonly leaseMs: number;
  /** How many more the feed may be given now. */
  readonly credit: () => number;
  /** `askedAtMs`: the monotonic time before which no lease of them began. */
  readonly onDeliveries: (deliveries: readonly Delivery[], askedAtMs: number) => void;
  /** It ended by itself, and nothing more comes. */
  readonly onEnd: (error: unknown) => void;
}

export class FeedSource {
  readonly #options: FeedSourceOptions;
  /** Aborted to call back the receive that waits. */
  #waiting = new AbortController();
  #isStopped = false;
  #running: Promise<void> = Promise.resolve();
  #wake: () => void = () => undefined;
  /** Those who want it to be asked once more. */
  #looks: (() => void)[] = [];

  constructor(options: FeedSourceOptions) {
    this.#options = options;
  }

  get place(): SourcePlace {
    return this.#options;
  }

  /** The first look: rejects when there is nothing to be had for this subscriber at all. */
  async open(): Promise<void> {
    const opening = this.#open();
    const settled = (): void => undefined;
    this.#running = opening.then(settled, settled); // whoever stops it meanwhile has what comes of it, and gives it back
    try {
      await opening;
    } catch (error) {
      this.#end();
      throw error;
    }
    if (this.#isStopped) this.#end();
    else this.#running = this.#run();
  }

  async #open(): Promise<void> {
    await this.#options.reopen?.();
    try {
      if (this.#options.credit() > 0) await this.#receive(0);
    } catch (error) {
      // Another topic of the feed had as much as there was credit for: this one is looked at when there is more.
      if (!isMqError(error, 'MQ_ABORTED')) throw error;
    }
  }

  /** There may be credit now. */
  wake(): void {
    this.#wake();
  }

  /** There is no credit any more. */
  callBack(): void {
    this.#waiting.abort();
  }

  /** Resolves when the broker was asked once more, without waiting, or need not be; nothing asked before is open then. */
  look(): Promise<void> {
    if (this.#isStopped) return this.#running;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#looks.push(resolve);
    this.#waiting.abort();
    this.#wake();
    return promise;
  }

  /** Resolves when nothing more will be claimed. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#waiting.abort();
    this.#wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    await this.#receiveAll();
    this.#end();
  }

  #end(): void {
    this.#isStopped = true;
    for (const resolve of this.#looks.splice(0)) resolve();
  }

  async #receiveAll(): Promise<void> {
    while (!this.#isStopped) {
      try {
        if (this.#looks.length > 0) await this.#lookNow();
        else if (this.#options.credit() <= 0) await this.#woken();
        // What came may have to leave first: a full topic must not keep everybody else waiting.
        else if ((await this.#receive(this.#options.broker.limits.waitMsMax)) > 0) await nextTurn();
      } catch (error) {
        if (!(await this.#recover(error))) return;
      }
    }
  }

  async #lookNow(): Promise<void> {
    const looks = this.#looks.splice(0);
    try {
      if (this.#options.credit() > 0) await this.#receive(0);
    } finally {
      for (const resolve of looks) resolve();
    }
  }

  async #receive(waitMs: number): Promise<number> {
    const { broker, clock, topic, group, memberId, leaseMs, filter, credit, onDeliveries } = this.#options;
    if (this.#waiting.signal.aborted) this.#waiting = new AbortController();
    const askedAtMs = clock.monotonicMs();
    const deliveries = await broker.receive(topic, {
      ...{ group, memberId, waitMs, signal: this.#waiting.signal },
      ...(broker.capabilities.has('lease') && { leaseMs }),
      ...(filter !== undefined && { filter }),
      max: Math.min(credit(), broker.limits.receiveCountMax),
    });
    if (deliveries.length > 0) onDeliveries(deliveries, askedAtMs);
    return deliveries.length;
  }

  /** True when it goes on. */
  async #recover(error: unknown): Promise<boolean> {
    if (this.#isStopped || isMqError(error, 'MQ_ABORTED')) return !this.#isStopped;
    try {
      if (isMqError(error, 'MQ_UNKNOWN_TOPIC')) {
        await this.#options.reopen?.();
        await this.#receive(0);
      } else if (isMqError(error) && error.isRetriable) {
        await this.#pause();
      } else {
        throw error;
      }
      return true;
    } catch (failure) {
      if (!this.#isStopped) this.#options.onEnd(failure);
      return false;
    }
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.setTimer(resolve, AGAIN_MS, { isBackground: true });
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}
