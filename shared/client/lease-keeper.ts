/**
 * Keeps the leases of a consumer's messages alive, three extensions in each lease, so that two of them may fail.
 *
 *     asked for        arrived             extended           extended
 *        |----------------|------------------|------------------|-------- ...
 *        [ the lease surely runs so long ............ ]
 *                                            [ ............................ ]
 *
 * Always true: a lease counts from when it was asked for, not from the answer, which may have been long on its way;
 * one that cannot be extended in that time is lost, and so is one the broker says has ended. A message kept longer than
 * it may be is extended no more.
 * Used by HeldMessages, and by the doors of protocols. On a broker without leases it does nothing.
 */
import type { Timer } from '../clock.ts';
import { isMqError, MqError } from '../contract/errors.ts';
import type { ConsumedMessage } from './consumed-message.ts';
import type { ConsumerSettings } from './consumer-options.ts';
import { RenewedMap } from './renewed-map.ts';

interface Lease {
  /** Monotonic ms until which it surely runs. */
  untilMs: number;
  /** Monotonic ms from which on it is not extended. */
  keptUntilMs: number;
}

/** What is kept: whatever has a delivery. */
type Held = Pick<ConsumedMessage, 'delivery'>;

export interface LeaseKeeperOptions<Message extends Held> {
  readonly settings: Pick<ConsumerSettings, 'broker' | 'clock' | 'hasLease' | 'leaseMs' | 'holdMsMax'>;
  /** The lease ended, or may have: somebody else will get the message. It is kept no more. */
  readonly onLost: (message: Message, error: Error) => void;
  /** It is extended no more and still runs. */
  readonly onKeptTooLong: (message: Message) => void;
  /** An extension failed; another one follows. */
  readonly onTrouble: (error: Error) => void;
}

export class LeaseKeeper<Message extends Held> {
  readonly #options: LeaseKeeperOptions<Message>;
  readonly #sweepMs: number;
  readonly #leases = new RenewedMap<Message, Lease>();
  /** Set while there is a lease. */
  #sweep: Timer | undefined;

  constructor(options: LeaseKeeperOptions<Message>) {
    this.#options = options;
    this.#sweepMs = Math.max(1, Math.floor(options.settings.leaseMs / 3));
  }

  /** Extends the lease of `message` from now on, for `holdMsMax`. */
  add(message: Message, askedAtMs: number): void {
    this.addAll([message], askedAtMs);
  }

  /** The same for all that came with one receive: the clock is looked at once. */
  addAll(messages: readonly Message[], askedAtMs: number): void {
    const { clock, hasLease, leaseMs, holdMsMax } = this.#options.settings;
    if (!hasLease) return;
    const nowMs = clock.monotonicMs();
    const askedUntilMs = askedAtMs + leaseMs;
    // The receive may have waited longer than a lease; there must be time for the first extension to be answered.
    const untilMs = Math.max(askedUntilMs, nowMs + this.#sweepMs);
    for (const message of messages) {
      const lease = { untilMs, keptUntilMs: nowMs + holdMsMax };
      this.#leases.set(message, lease);
      if (askedUntilMs - nowMs < 2 * this.#sweepMs) void this.#extend(message, lease);
    }
    this.#scheduleSweep();
  }

  /** From now on for so many ms. */
  keepFor(message: Message, ms: number): void {
    const lease = this.#leases.get(message);
    if (lease !== undefined) lease.keptUntilMs = this.#options.settings.clock.monotonicMs() + ms;
  }

  delete(message: Message): void {
    this.#leases.delete(message);
    if (this.#leases.size > 0) return;
    this.#sweep?.cancel();
    this.#sweep = undefined;
  }

  #scheduleSweep(): void {
    if (this.#sweep !== undefined || this.#leases.size === 0) return;
    const run = (): void => {
      this.#sweep = undefined;
      for (const [message, lease] of this.#leases) this.#keepAlive(message, lease);
      this.#scheduleSweep();
    };
    this.#sweep = this.#options.settings.clock.setTimer(run, this.#sweepMs, { isBackground: true });
  }

  #keepAlive(message: Message, lease: Lease): void {
    const nowMs = this.#options.settings.clock.monotonicMs();
    if (nowMs >= lease.untilMs) {
      this.#lose(message, new MqError('MQ_LEASE_EXPIRED', 'the lease ended before it could be extended'));
    } else if (nowMs >= lease.keptUntilMs) {
      this.#options.onKeptTooLong(message);
    } else {
      void this.#extend(message, lease);
    }
  }

  /** Never rejects. */
  async #extend(message: Message, lease: Lease): Promise<void> {
    const { broker, clock, leaseMs } = this.#options.settings;
    const askedAtMs = clock.monotonicMs();
    try {
      await broker.extendLease(message.delivery, { leaseMs });
      lease.untilMs = Math.max(lease.untilMs, askedAtMs + leaseMs);
    } catch (error) {
      if (!this.#leases.has(message)) return;
      // A broken connection may heal before the lease ends; that it has ended, or that its topic is gone, stays so.
      if (isMqError(error) && error.isRetriable) this.#options.onTrouble(error);
      else this.#lose(message, error as Error);
    }
  }

  #lose(message: Message, error: Error): void {
    this.delete(message);
    this.#options.onLost(message, error);
  }
}
