/**
 * The messages a consumer holds, from their arrival until the broker knows how each ended and its handler is through:
 * the buffer, the back-offs, and the way of outcomes to the broker.
 *
 *     buffered --> handling --------------------> gone      acked, given back or lost
 *                         \--> backing off -----> gone      given back or lost
 *
 * Always true: every message that ends is counted once, as acked, given back or lost; it stays in `handling` until its
 * handler or loop body is through with it as well, so that one that never is makes nothing grow.
 * A message that backs off keeps its lease, so that the broker offers the rest meanwhile and not the same one again; it
 * takes no room from the others, but for those beyond `backingOffMax`.
 * Without leases a message ends with its ack, which tells the broker nothing it does not know.
 * Used by Consumer only.
 */
import type { NackOutcome } from '../contract/broker.ts';
import { MqError } from '../contract/errors.ts';
import type { Delivery } from '../contract/message.ts';
import { AckDesk } from './ack-desk.ts';
import { ConsumedMessage, type MessageSource, type Outcome, type OutcomeOptions } from './consumed-message.ts';
import type { ConsumerSettings } from './consumer-options.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { longestPauseMs, pause, withRetry } from './retry.ts';

export interface HeldMessagesOptions {
  readonly settings: ConsumerSettings;
  /** There is room for another message. */
  readonly onRoom: () => void;
  /** Something went wrong with a message; whoever waits for its outcome hears of it too. */
  readonly onTrouble: (error: Error) => void;
}

export class HeldMessages implements MessageSource {
  readonly hasLease: boolean;
  readonly hasDeadLetter: boolean;
  readonly #settings: ConsumerSettings;
  readonly #options: HeldMessagesOptions;
  readonly #leases: LeaseKeeper<ConsumedMessage>;
  readonly #acks: AckDesk;
  /** Oldest first. */
  readonly #buffered = new Set<ConsumedMessage>();
  readonly #handling = new Set<ConsumedMessage>();
  /** Each with what ends its back-off. */
  readonly #backingOff = new Map<ConsumedMessage, AbortController>();
  /** Of all these, those whose outcome the broker does not know yet. */
  readonly #unfinished = new Set<ConsumedMessage>();
  /** Of all these, those at which a handler or loop body is now. */
  readonly #inBody = new Set<ConsumedMessage>();
  #isHurried = false;
  readonly #finishWaiters: (() => void)[] = [];
  ackedCount = 0;
  givenBackCount = 0;
  lostCount = 0;

  constructor(options: HeldMessagesOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.hasLease = options.settings.hasLease;
    this.hasDeadLetter = options.settings.broker.capabilities.has('dead-letter');
    this.#acks = new AckDesk(options.settings);
    this.#leases = new LeaseKeeper({
      settings: options.settings,
      onLost: (message, error) => this.#lose(message, error),
      onKeptTooLong: (message) => this.#onKeptTooLong(message),
      onTrouble: options.onTrouble,
    });
  }

  get bufferedCount(): number {
    return this.#buffered.size;
  }

  get handlingCount(): number {
    return this.#handling.size;
  }

  get backingOffCount(): number {
    return this.#backingOff.size;
  }

  /** Those whose outcome the broker does not know yet. */
  get unfinishedCount(): number {
    return this.#unfinished.size;
  }

  /** How many more may be taken in. */
  get room(): number {
    const { prefetchCount, backingOffMax } = this.#settings;
    const overflow = Math.max(0, this.#backingOff.size - backingOffMax);
    return Math.max(0, prefetchCount - this.#buffered.size - this.#handling.size - overflow);
  }

  /** Takes a delivery into the buffer; its lease was asked for at `askedAtMs` and is extended from now on. */
  add(delivery: Delivery, askedAtMs: number): void {
    const message = new ConsumedMessage(delivery, this);
    this.#buffered.add(message);
    this.#unfinished.add(message);
    this.#leases.add(message, askedAtMs);
  }

  /** The oldest buffered message, for a handler or loop that calls `endBody` when it is through with it. */
  beginBody(): ConsumedMessage | undefined {
    const [message] = this.#buffered;
    if (message === undefined) return undefined;
    this.#buffered.delete(message);
    this.#handling.add(message);
    this.#inBody.add(message);
    this.#leases.keepFor(message, this.#settings.holdMsMax);
    return message;
  }

  endBody(message: ConsumedMessage): void {
    this.#inBody.delete(message);
    this.#release(message);
  }

  /** Resolves when the broker knows; a retry without the capability `delay` when its back-off has begun. */
  async settle(message: ConsumedMessage, outcome: Outcome, options: OutcomeOptions): Promise<void> {
    if (!this.#unfinished.has(message)) throw leaseEnded();
    if (this.#buffered.delete(message)) this.#handling.add(message);
    if (!this.hasLease) {
      this.ackedCount += 1;
      this.#forget(message);
      return;
    }
    if (outcome !== 'retry') return this.#tell(message, outcome, options);
    if (this.#settings.backOffBy === 'broker') return this.#tell(message, 'retry', options);
    const delayMs = options.delayMs ?? this.#backOffMs(message.delivery);
    if (this.#settings.hasDelay) return this.#tell(message, 'retry', { ...options, delayMs });
    // Told to onTrouble when it fails; nobody waits for the end of a back-off.
    this.#backOff(message, delayMs, options.reason).catch(() => undefined);
  }

  /** Gives back what no handler has begun; resolves when the broker knows. Failures are told to onTrouble. */
  async returnBuffered(): Promise<void> {
    await Promise.allSettled(Array.from(this.#buffered, (message) => message.return()));
  }

  /** Back-offs end now, those that begin later at once. */
  hurry(): void {
    this.#isHurried = true;
    for (const ending of this.#backingOff.values()) ending.abort();
  }

  /** Resolves when every message is finished or lost; a handler may still be at one that is. */
  whenFinished(): Promise<void> {
    if (this.#unfinished.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#finishWaiters.push(resolve));
  }

  /** Lets go of everything: the leases end by themselves, and handlers see it on their signal. */
  abandonAll(error: MqError): void {
    this.#acks.giveUp(error);
    for (const message of this.#unfinished) this.#lose(message, error);
  }

  async #backOff(message: ConsumedMessage, delayMs: number, reason: string | undefined): Promise<void> {
    const ending = new AbortController();
    if (this.#isHurried) ending.abort();
    this.#backingOff.set(message, ending);
    // The back-off has an end of its own.
    this.#leases.keepFor(message, Number.POSITIVE_INFINITY);
    this.#release(message);
    await pause(delayMs, { clock: this.#settings.clock, signal: ending.signal }).catch(() => undefined);
    await this.#tell(message, 'retry', { reason });
  }

  /** Between half and all of the doubling pause: never at once again, and not all at the same time. */
  #backOffMs(delivery: Delivery): number {
    const { retry, random } = this.#settings;
    return Math.ceil(longestPauseMs(delivery.deliveryCount, retry) * (0.5 + random.next() / 2));
  }

  async #tell(message: ConsumedMessage, outcome: Outcome, options: OutcomeOptions): Promise<void> {
    if (!this.#unfinished.has(message)) throw leaseEnded();
    this.#leases.delete(message);
    try {
      if (outcome === 'ack') await this.#acks.ack(message.delivery);
      else await this.#nack(message, outcome, options);
    } catch (error) {
      this.#lose(message, error as Error);
      throw error;
    }
    if (!this.#unfinished.has(message)) return;
    if (outcome === 'ack') this.ackedCount += 1;
    else this.givenBackCount += 1;
    this.#forget(message);
  }

  async #nack(message: ConsumedMessage, outcome: NackOutcome, options: OutcomeOptions): Promise<void> {
    const { broker, clock, random, retry, leaseMs } = this.#settings;
    const { delivery, signal } = message;
    // No longer than a lease: by then the broker has decided otherwise.
    const policy = { ...retry, totalMsMax: Math.min(retry.totalMsMax, leaseMs) };
    await withRetry(() => broker.nack(delivery, { outcome, ...options }), { policy, clock, random, signal });
  }

  /** In the buffer it is still untouched; in a handler its lease is left to end. */
  #onKeptTooLong(message: ConsumedMessage): void {
    if (!this.#buffered.has(message)) return;
    // Told to onTrouble when it fails.
    message.return({ reason: 'no handler was free for it' }).catch(() => undefined);
  }

  #lose(message: ConsumedMessage, error: Error): void {
    if (!this.#unfinished.has(message)) return;
    this.lostCount += 1;
    this.#forget(message);
    message.abandon(error);
    this.#options.onTrouble(error);
  }

  /** The broker knows its outcome, or it is lost. */
  #forget(message: ConsumedMessage): void {
    this.#unfinished.delete(message);
    this.#leases.delete(message);
    this.#buffered.delete(message);
    this.#backingOff.get(message)?.abort();
    this.#backingOff.delete(message);
    this.#release(message);
    if (this.#unfinished.size === 0) for (const resolve of this.#finishWaiters.splice(0)) resolve();
  }

  /** Out of `handling` when its body is through with it, and it is finished or backs off. */
  #release(message: ConsumedMessage): void {
    const isOpen = this.#unfinished.has(message) && !this.#backingOff.has(message);
    if (!isOpen && !this.#inBody.has(message)) this.#handling.delete(message);
    this.#options.onRoom();
  }
}

function leaseEnded(): MqError {
  return new MqError('MQ_LEASE_EXPIRED', 'the lease of this message has ended before');
}
