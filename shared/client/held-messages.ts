/**
 * The messages a consumer holds, from their arrival until the broker knows how each ended: keeps their leases alive,
 * carries outcomes to the broker, and holds failing ones back.
 *
 *     buffered --> handling --> settling --> (gone)
 *                     \--> backing off --> settling --> (gone)      from each place: lost
 *
 * Always true: a message is in one place; every one that leaves is counted once, as acked, given back or lost; a
 * message that backs off keeps its lease, so that the broker offers the rest meanwhile and not the same one again.
 * Without leases a message ends with its ack, which tells the broker nothing it does not know.
 * Used by Consumer only.
 */
import type { Timer } from '../clock.ts';
import { isMqError, MqError } from '../contract/errors.ts';
import type { Delivery } from '../contract/message.ts';
import { ConsumedMessage, type MessageSource, type Outcome, type OutcomeOptions } from './consumed-message.ts';
import type { ConsumerSettings } from './consumer-options.ts';
import { longestPauseMs, pause, withRetry } from './retry.ts';

export type Place = 'buffered' | 'handling' | 'backing-off' | 'settling';

interface Hold {
  place: Place;
  /** Monotonic ms. */
  readonly sinceMs: number;
  /** Monotonic ms until which the lease surely runs. */
  leaseUntilMs: number;
}

export interface HeldMessagesOptions {
  readonly settings: ConsumerSettings;
  /** Aborts when nothing that is still held can be told to the broker any more. */
  readonly outOfTime: AbortSignal;
  /** A message left: there is room for another. */
  readonly onGone: () => void;
  /** Something went wrong with a message; whoever waits for its outcome hears of it too. */
  readonly onTrouble: (error: Error) => void;
}

export class HeldMessages implements MessageSource {
  readonly hasLease: boolean;
  readonly hasDeadLetter: boolean;
  readonly #settings: ConsumerSettings;
  readonly #options: HeldMessagesOptions;
  readonly #holds = new Map<ConsumedMessage, Hold>();
  /** Ends all back-offs: the consumer closes. */
  readonly #hurry = new AbortController();
  readonly #emptyWaiters: (() => void)[] = [];
  /** Set while something is held under a lease. */
  #sweep: Timer | undefined;
  ackedCount = 0;
  givenBackCount = 0;
  lostCount = 0;

  constructor(options: HeldMessagesOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.hasLease = options.settings.hasLease;
    this.hasDeadLetter = options.settings.broker.capabilities.has('dead-letter');
  }

  get size(): number {
    return this.#holds.size;
  }

  countAt(place: Place): number {
    let count = 0;
    for (const hold of this.#holds.values()) if (hold.place === place) count += 1;
    return count;
  }

  /** Takes a delivery into the buffer; its lease is extended from now on. */
  add(delivery: Delivery): ConsumedMessage {
    const message = new ConsumedMessage(delivery, this);
    const sinceMs = this.#settings.clock.monotonicMs();
    this.#holds.set(message, { place: 'buffered', sinceMs, leaseUntilMs: sinceMs + this.#settings.leaseMs });
    this.#scheduleSweep();
    return message;
  }

  beginHandling(message: ConsumedMessage): void {
    const hold = this.#holds.get(message);
    if (hold?.place === 'buffered') hold.place = 'handling';
  }

  /** Resolves when the broker knows; a retry without the capability `delay` when its back-off has begun. */
  async settle(message: ConsumedMessage, outcome: Outcome, options: OutcomeOptions): Promise<void> {
    const hold = this.#holds.get(message);
    if (hold === undefined) throw new MqError('MQ_LEASE_EXPIRED', 'the lease of this message has ended before');
    if (!this.hasLease) {
      this.ackedCount += 1;
      this.#remove(message);
      return;
    }
    if (outcome !== 'retry') return this.#tell(message, outcome, options);
    const delayMs = options.delayMs ?? this.#backOffMs(message.delivery);
    if (this.#settings.broker.capabilities.has('delay')) return this.#tell(message, 'retry', { ...options, delayMs });
    hold.place = 'backing-off';
    const { reason } = options;
    // Told to onTrouble when it fails; nobody waits for the end of a back-off.
    this.#backOff(message, delayMs, reason).catch(() => undefined);
  }

  /** Back-offs end now, those that begin later at once. */
  hurry(): void {
    this.#hurry.abort();
  }

  /** Resolves when nothing is held. */
  whenEmpty(): Promise<void> {
    if (this.#holds.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#emptyWaiters.push(resolve));
  }

  /** Lets go of everything: the leases end by themselves, and handlers see it on their signal. */
  abandonAll(error: MqError): void {
    for (const message of this.#holds.keys()) this.#lose(message, error);
  }

  async #backOff(message: ConsumedMessage, delayMs: number, reason: string | undefined): Promise<void> {
    const { clock } = this.#settings;
    const ended = AbortSignal.any([this.#hurry.signal, message.signal]);
    await pause(delayMs, { clock, signal: ended }).catch(() => undefined);
    await this.#tell(message, 'retry', reason === undefined ? {} : { reason });
  }

  /** Between half and all of the doubling pause: never at once again, and not all at the same time. */
  #backOffMs(delivery: Delivery): number {
    const { retry, random } = this.#settings;
    return Math.ceil(longestPauseMs(delivery.deliveryCount, retry) * (0.5 + random.next() / 2));
  }

  async #tell(message: ConsumedMessage, outcome: Outcome, options: OutcomeOptions): Promise<void> {
    const hold = this.#holds.get(message);
    if (hold === undefined) throw new MqError('MQ_LEASE_EXPIRED', 'the lease of this message has ended before');
    hold.place = 'settling';
    const { broker, clock, random, retry, leaseMs } = this.#settings;
    const { delivery } = message;
    const call = (): Promise<void> =>
      outcome === 'ack' ? broker.ack([delivery]) : broker.nack(delivery, { outcome, ...options });
    try {
      // No longer than a lease: by then the broker has decided otherwise.
      const policy = { ...retry, totalMsMax: Math.min(retry.totalMsMax, leaseMs) };
      await withRetry(call, { policy, clock, random, signal: this.#options.outOfTime });
    } catch (error) {
      this.#lose(message, error as Error);
      throw error;
    }
    if (!this.#holds.has(message)) return;
    if (outcome === 'ack') this.ackedCount += 1;
    else this.givenBackCount += 1;
    this.#remove(message);
  }

  #lose(message: ConsumedMessage, error: Error): void {
    if (!this.#holds.has(message)) return;
    this.lostCount += 1;
    message.abandon(error);
    this.#options.onTrouble(error);
    this.#remove(message);
  }

  #remove(message: ConsumedMessage): void {
    this.#holds.delete(message);
    if (this.#holds.size === 0) {
      this.#sweep?.cancel();
      this.#sweep = undefined;
      for (const resolve of this.#emptyWaiters.splice(0)) resolve();
    }
    this.#options.onGone();
  }

  /** Three times in a lease, so that two extensions may fail before it ends. */
  #scheduleSweep(): void {
    if (!this.hasLease || this.#sweep !== undefined) return;
    const { clock, leaseMs } = this.#settings;
    const run = (): void => {
      this.#sweep = undefined;
      for (const [message, hold] of this.#holds) this.#keepAlive(message, hold);
      if (this.#holds.size > 0) this.#scheduleSweep();
    };
    this.#sweep = clock.setTimer(run, Math.max(1, Math.floor(leaseMs / 3)), { isBackground: true });
  }

  #keepAlive(message: ConsumedMessage, hold: Hold): void {
    const { broker, clock, leaseMs, holdMsMax } = this.#settings;
    const askedAtMs = clock.monotonicMs();
    if (hold.place === 'settling') return;
    if (askedAtMs >= hold.leaseUntilMs) {
      this.#lose(message, new MqError('MQ_LEASE_EXPIRED', 'the lease ended before it could be extended'));
    } else if (askedAtMs - hold.sinceMs < holdMsMax) {
      broker.extendLease(message.delivery, { leaseMs }).then(
        () => {
          hold.leaseUntilMs = askedAtMs + leaseMs;
        },
        (error: unknown) => this.#onExtendFailed(message, hold, error as Error),
      );
    }
  }

  #onExtendFailed(message: ConsumedMessage, hold: Hold, error: Error): void {
    if (hold.place === 'settling') return;
    // A broken connection may heal before the lease ends; that it has ended, or that its topic is gone, stays so.
    if (isMqError(error) && error.isRetriable) this.#options.onTrouble(error);
    else this.#lose(message, error);
  }
}
