/**
 * What one consumer was handed by its feed, until the program takes it.
 *
 *     feed --onDelivery--> [ a b c ] --take--> program --ack--> feed
 *                             ^                    |
 *                             +------ restart -----+    what is to come again, and all that came after it, in its order
 *
 * Always true (I38): at most `prefetchCount` deliveries are here that the program has not taken; on a broker without leases
 * one, and that only when somebody asks, since it is finished when it is handed out; nothing is taken while the connection is
 * stopped. Only MessageConsumer and Session use it.
 */
import type { Timer } from '../../../shared/clock.ts';
import type { Delivery } from '../../../shared/contract/message.ts';
import type { Transaction } from '../../../shared/contract/transaction.ts';
import type { OpenSubscription, SubscriptionWant } from '../doors/exchange.ts';
import { ignoringGone } from '../doors/gone.ts';
import type { Provider } from './provider.ts';

/** A program that waits in `receive`. */
interface Waiter {
  readonly resolve: (delivery: Delivery | null) => void;
  readonly timer: Timer | undefined;
}

export interface InboxOptions {
  readonly provider: Provider;
  readonly isRunning: () => boolean;
  /** Nothing more comes. */
  readonly onEnd: (error: unknown) => void;
}

/** Whom it reads for, and what. */
export type InboxWant = Pick<Extract<SubscriptionWant, { destination: unknown }>, 'destination' | 'subscriber'> &
  Pick<SubscriptionWant, 'filter' | 'memberId'>;

export class Inbox {
  readonly #options: InboxOptions;
  readonly #hasLease: boolean;
  readonly #waiters: Waiter[] = [];
  #buffer: Delivery[] = [];
  #subscription: OpenSubscription | undefined;
  /** Told of each delivery, instead of those who wait. */
  #onArrival: (() => void) | undefined;
  #isClosed = false;
  #ending: Promise<void> | undefined;

  constructor(options: InboxOptions) {
    this.#options = options;
    this.#hasLease = options.provider.broker.capabilities.has('lease');
  }

  async open(want: InboxWant): Promise<void> {
    const { provider, onEnd } = this.#options;
    this.#subscription = await provider.exchange.subscribe(provider.broker, {
      ...want,
      creditMax: this.#credit, // with some, what is to be refused is refused at once
      onDelivery: (delivery) => {
        this.#buffer.push(delivery);
        this.#creditChanged();
        if (this.#onArrival === undefined) this.#serve();
        else this.#onArrival();
      },
      onEnd,
    });
    this.#creditChanged();
  }

  /** null: nothing came in time, or it was closed. `waitMs` null: as long as it takes. */
  take(waitMs: number | null): Promise<Delivery | null> {
    if (this.#isClosed) return Promise.resolve(null);
    const { promise, resolve } = Promise.withResolvers<Delivery | null>();
    const onTime = (): void => {
      this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
      this.#creditChanged();
      resolve(null);
    };
    const timer = waitMs === null ? undefined : this.#options.provider.clock.setTimer(onTime, waitMs);
    const waiter: Waiter = { resolve, timer };
    this.#waiters.push(waiter);
    this.#serve();
    return promise;
  }

  /** What is there, also with the broker. */
  async takeNow(): Promise<Delivery | null> {
    if (!this.#options.isRunning() || this.#isClosed) return null;
    if (this.#buffer.length === 0) {
      this.#subscription?.feed.setCredit(this.#hasLease ? this.#credit : 1);
      await this.#subscription?.feed.look();
    }
    return this.shift() ?? null;
  }

  /** Taken, and not finished. */
  get heldCount(): number {
    return this.#subscription?.feed.heldCount ?? 0;
  }

  /** The next one, for a listener. */
  shift(): Delivery | undefined {
    const delivery = this.#options.isRunning() ? this.#buffer.shift() : undefined;
    this.#creditChanged();
    return delivery;
  }

  /** From now on `onArrival` is told, for what is here already too; undefined: nobody is. */
  listen(onArrival: (() => void) | undefined): void {
    this.#onArrival = onArrival;
    this.#creditChanged();
    this.started();
  }

  /** The connection was started. */
  started(): void {
    this.#creditChanged();
    if (this.#onArrival === undefined) this.#serve();
    else for (const _ of this.#buffer) this.#onArrival();
  }

  /** Finishes what was taken, with a transaction at its commit. */
  async ack(delivery: Delivery, transaction?: Transaction): Promise<void> {
    try {
      await this.#subscription?.feed.ack(delivery, transaction);
    } finally {
      await this.#settled();
    }
  }

  /** `failed` come again, counted as failed, and then all that came after them. */
  async restart(failed: readonly Delivery[]): Promise<void> {
    if (!this.#hasLease || this.#subscription === undefined) return;
    const { feed } = this.#subscription;
    await feed.hold();
    const late = this.#buffer.splice(0);
    try {
      await Promise.all([
        ...failed.map((delivery) => ignoringGone(feed.nack(delivery))),
        ...late.map((delivery) => ignoringGone(feed.nack(delivery, { outcome: 'return' }))),
      ]);
    } finally {
      feed.resume();
      await this.#settled();
    }
  }

  /** What was not taken goes back; those who wait get nothing. It ends when what was taken is finished, or by `end`. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const { resolve, timer } of this.#waiters.splice(0)) {
      timer?.cancel();
      resolve(null);
    }
    const feed = this.#subscription?.feed;
    await feed?.stop();
    const left = this.#buffer.splice(0);
    if (this.#hasLease)
      await Promise.all(left.map((each) => ignoringGone(feed?.nack(each, { outcome: 'return' }) ?? done)));
  }

  /** What was taken and is not finished goes back, too. */
  async end(): Promise<void> {
    await this.close();
    this.#ending ??= this.#subscription?.close();
    await this.#ending;
  }

  /** A subscriber that is closed and has nothing left to finish is not to be waited for by its topic. */
  async #settled(): Promise<void> {
    if (this.#isClosed && this.heldCount === 0) await this.end();
    else this.#creditChanged();
  }

  #serve(): void {
    while (this.#waiters.length > 0 && this.#buffer.length > 0 && this.#options.isRunning()) {
      const waiter = this.#waiters.shift();
      waiter?.timer?.cancel();
      waiter?.resolve(this.#buffer.shift() ?? null);
    }
    this.#creditChanged();
  }

  #creditChanged(): void {
    if (!this.#isClosed) this.#subscription?.feed.setCredit(this.#credit);
  }

  /** What the program has taken must not keep more from coming: it may finish all of it at once. */
  get #credit(): number {
    const { isRunning, provider } = this.#options;
    if (!isRunning()) return 0;
    const takenCount = (this.#subscription?.feed.heldCount ?? 0) - this.#buffer.length;
    if (this.#hasLease) return provider.prefetchCount + Math.max(takenCount, 0);
    const isAsked = this.#waiters.length > 0 || this.#onArrival !== undefined;
    return isAsked && this.#buffer.length === 0 ? 1 : 0;
  }
}

const done = Promise.resolve();
