/**
 * What one subscriber of a door is handed: deliveries of one topic or of several, as many as it can take.
 *
 *     topic a --receive--\
 *     topic b --receive----> held, up to the credit --ack--> finished
 *     ...                      |  leases kept alive  --nack--> back, as the subscriber said
 *                              +-- close: all of it goes back; of a lost connection it counts as failed
 *
 * Always true (I31): the feed holds at most its credit and, for a moment, what topics answered at the same time, which waits
 * here until there is credit; what is held stays held while the feed is open, however long the subscriber takes; what is given
 * to `ack` makes room at once. On a broker without leases a delivery is finished when it is handed out. The Exchange makes it.
 */
import { onBehalfOf } from '../../../shared/admission.ts';
import { AckDesk } from '../../../shared/client/ack-desk.ts';
import { LeaseKeeper } from '../../../shared/client/lease-keeper.ts';
import { RenewedMap } from '../../../shared/client/renewed-map.ts';
import { RETRY_DEFAULTS } from '../../../shared/client/retry.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { Broker, NackOptions } from '../../../shared/contract/broker.ts';
import { DEFAULTS } from '../../../shared/contract/limits.ts';
import type { Delivery } from '../../../shared/contract/message.ts';
import type { Transaction } from '../../../shared/contract/transaction.ts';
import type { Random } from '../../../shared/random.ts';
import { FeedSource, type SourcePlace } from './feed-source.ts';
import { ignoringGone } from './gone.ts';

/** The shortest lease there is, */
const SHORTEST_LEASE_MS = 1;
/** and when it has surely ended, also by a clock that is looked at more rarely. */
const LEASE_ENDED_MS = 10;

export interface FeedOptions {
  /** As the subscriber may use it. */
  readonly broker: Broker;
  /** What the door serves: gives back what the subscriber may not touch any more. */
  readonly served: Broker;
  readonly clock: Clock;
  readonly random: Random;
  /** Its own: no other feed has it. */
  readonly memberId: string;
  /** How many deliveries the subscriber holds at most; 0: none until `setCredit`. */
  readonly creditMax: number;
  readonly leaseMs?: number;
  readonly onDelivery: (delivery: Delivery) => void;
  /** Nothing more comes of this topic: it, or the right to read it, is gone. */
  readonly onEnd: (error: unknown, topic: string) => void;
}

/** What a subscriber has, and may still ack. */
interface Held {
  readonly delivery: Delivery;
  /** Those of its topic. */
  readonly open: OpenCount;
}

/** How much of a topic is held or waits. */
interface OpenCount {
  count: number;
}

export class Feed {
  readonly #options: FeedOptions;
  readonly #hasLease: boolean;
  readonly #leaseMs: number;
  readonly #leases: LeaseKeeper<Held>;
  readonly #acks: AckDesk;
  readonly #sources = new Map<string, FeedSource>();
  readonly #held = new RenewedMap<Delivery, Held>();
  /** Came when there was no credit any more. */
  #waiting: Held[] = [];
  /** By topic: counting a delivery is an addition, and looks nothing up. */
  readonly #openCounts = new Map<string, OpenCount>();
  #creditMax: number;
  #isPaused = false;
  #isHandingOut = false;
  #isClosed = false;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#creditMax = options.creditMax;
    const { broker, clock, random, leaseMs = DEFAULTS.leaseMs } = options;
    this.#leaseMs = leaseMs;
    this.#hasLease = broker.capabilities.has('lease');
    const settings = { broker, clock, random, leaseMs, retry: RETRY_DEFAULTS, hasLease: this.#hasLease };
    this.#acks = new AckDesk(settings);
    this.#leases = new LeaseKeeper<Held>({
      settings: { ...settings, holdMsMax: Number.POSITIVE_INFINITY },
      // Somebody else gets it; an ack of it is refused, and the door passes that on.
      onLost: (held) => this.#letGo(held.delivery),
      onKeptTooLong: () => undefined,
      onTrouble: () => undefined,
    });
  }

  /** Handed to the subscriber, and neither acked nor given back. */
  get heldCount(): number {
    return this.#held.size;
  }

  /** Topics it reads now. */
  get topics(): Iterable<string> {
    return this.#sources.keys();
  }

  /** Resolves to false when it is read already; rejects when there is nothing to be had of this topic for this subscriber. */
  async add(place: SourcePlace): Promise<boolean> {
    if (this.#isClosed || this.#sources.has(place.topic)) return false;
    const { broker, clock, memberId, onEnd } = this.#options;
    const source = new FeedSource({
      ...{ ...place, broker, clock, memberId, leaseMs: this.#leaseMs },
      credit: () => this.#creditOf(place),
      onDeliveries: (deliveries, askedAtMs) => this.#take(deliveries, askedAtMs),
      onEnd: (error) => {
        this.#sources.delete(place.topic);
        this.#openCounts.delete(place.topic);
        onEnd(error, place.topic);
      },
    });
    this.#sources.set(place.topic, source);
    try {
      await source.open();
      return true;
    } catch (error) {
      this.#sources.delete(place.topic);
      throw error;
    }
  }

  /** How many deliveries the subscriber may hold from now on. */
  setCredit(creditMax: number): void {
    this.#creditMax = creditMax;
    this.#creditChanged();
  }

  /** Nothing is handed out until `resume`: the subscriber has more to read than is sensible. */
  pause(): void {
    this.#isPaused = true;
    this.#creditChanged();
  }

  resume(): void {
    this.#isPaused = false;
    this.#creditChanged();
  }

  /** Resolves when every topic was asked once more, without waiting, for as much as there is credit. */
  async look(): Promise<void> {
    await Promise.all([...this.#sources.values()].map((source) => source.look()));
  }

  /** Pauses, and what has come and was not handed out goes back: after `resume` it comes in the order of the broker. */
  async hold(): Promise<void> {
    this.pause();
    await this.look();
    const late = this.#waiting.map(({ delivery }) => delivery);
    await Promise.all(late.map((delivery) => ignoringGone(this.nack(delivery, { outcome: 'return' }))));
  }

  /** Finishes it, with a transaction at its commit. Rejects with `MQ_LEASE_EXPIRED` when it is too late. */
  async ack(delivery: Delivery, transaction?: Transaction): Promise<void> {
    this.#letGo(delivery);
    if (!this.#hasLease) return;
    await (transaction === undefined ? this.#acks.ack(delivery) : transaction.ack([delivery]));
  }

  /** Like `ack`, for who does not wait for it and needs no promise for each; `onFailed` is told why it could not be. */
  finish(delivery: Delivery, onFailed: (error: unknown) => void): void {
    this.#letGo(delivery);
    if (this.#hasLease) this.#acks.post(delivery, onFailed);
  }

  /** Gives it back. */
  async nack(delivery: Delivery, options?: NackOptions): Promise<void> {
    this.#letGo(delivery);
    await this.#options.broker.nack(delivery, options);
  }

  /** Nothing more comes; what is held can still be acked until `close`. */
  async stop(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#sources.values()].map((source) => source.stop()));
  }

  /** What is held goes back; `isFailure`: and counts as failed. */
  async close({ isFailure = false }: { readonly isFailure?: boolean } = {}): Promise<void> {
    await this.stop();
    if (this.#hasLease) {
      if (isFailure && this.#held.size > 0) await this.#endLeases();
      await Promise.all([...this.#sources.values()].map(({ place }) => this.#leave(place)));
    }
    for (const { delivery } of [...this.#held.values(), ...this.#waiting]) this.#forget(delivery);
    this.#waiting = [];
    this.#sources.clear();
  }

  get #credit(): number {
    return this.#isPaused || this.#isClosed ? 0 : this.#creditMax - this.#held.size - this.#waiting.length;
  }

  /** A group of its own loses its only member, and with that perhaps itself, when nothing is held and nothing asked for. */
  #creditOf({ topic, isOwn = false }: SourcePlace): number {
    const isIdle = isOwn && !this.#isClosed && (this.#openCounts.get(topic)?.count ?? 0) === 0;
    return Math.max(this.#credit, isIdle ? 1 : 0);
  }

  get #canHandOut(): boolean {
    if (this.#isPaused || this.#isClosed) return false;
    return !this.#hasLease || this.#held.size < this.#creditMax;
  }

  #take(deliveries: readonly Delivery[], askedAtMs: number): void {
    const [first] = deliveries;
    if (first === undefined) return;
    const open = this.#openCounts.get(first.topic) ?? { count: 0 };
    this.#openCounts.set(first.topic, open);
    const all = deliveries.map((delivery): Held => ({ delivery, open }));
    open.count += all.length;
    this.#leases.addAll(all, askedAtMs);
    for (const held of all) this.#waiting.push(held);
    this.#handOut();
  }

  #handOut(): void {
    if (this.#isHandingOut) return;
    this.#isHandingOut = true;
    try {
      // One at a time: whoever is handed one may give credit for more, or ack it at once, and what that makes room for comes
      // after these, in this loop.
      while (this.#canHandOut) {
        const held = this.#waiting.shift();
        if (held === undefined) break;
        if (this.#hasLease) this.#held.set(held.delivery, held);
        else held.open.count -= 1;
        this.#options.onDelivery(held.delivery);
      }
    } finally {
      this.#isHandingOut = false;
    }
    if (this.#credit <= 0 && this.#sources.size > 1) for (const source of this.#sources.values()) source.callBack();
  }

  #letGo(delivery: Delivery): void {
    if (!this.#forget(delivery)) return;
    this.#creditChanged();
  }

  #forget(delivery: Delivery): boolean {
    const held = this.#held.get(delivery);
    if (held === undefined) return this.#forgetWaiting(delivery);
    this.#leases.delete(held);
    held.open.count -= 1;
    return this.#held.delete(delivery);
  }

  #forgetWaiting(delivery: Delivery): boolean {
    const held = this.#waiting.find((waiting) => waiting.delivery === delivery);
    if (held === undefined) return false;
    this.#leases.delete(held);
    held.open.count -= 1;
    this.#waiting = this.#waiting.filter((waiting) => waiting !== held);
    return true;
  }

  #creditChanged(): void {
    if (this.#waiting.length > 0) this.#handOut();
    const hasCredit = this.#credit > 0;
    for (const source of this.#sources.values()) {
      if (!hasCredit) source.callBack();
      source.wake();
    }
  }

  /** So short that they end now: what a lost connection held comes again at once, with a failure counted. */
  async #endLeases(): Promise<void> {
    const { broker: admitted, served: broker, clock } = this.#options;
    const end = async ({ delivery }: Held): Promise<void> => {
      const shorten = (by: Broker): Promise<number> => by.extendLease(delivery, { leaseMs: SHORTEST_LEASE_MS });
      await ignoringGone(onBehalfOf({ admitted, broker }, shorten));
    };
    await Promise.all([...this.#held.values()].map(end));
    await new Promise<void>((resolve) => {
      clock.setTimer(resolve, LEASE_ENDED_MS);
    });
  }

  async #leave({ topic, group, isEphemeral }: SourcePlace): Promise<void> {
    const { broker: admitted, served: broker, memberId } = this.#options;
    const leave = (by: Broker): Promise<void> => by.leave(topic, { group, memberId });
    await ignoringGone(onBehalfOf({ admitted, broker }, leave));
    // It goes with its last member, unless it never had one.
    if (isEphemeral) await ignoringGone(broker.deleteGroup(topic, group));
  }
}
