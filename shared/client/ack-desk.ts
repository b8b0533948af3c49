/**
 * Acks on their way to the broker, many in one call.
 *
 *     ack --\
 *     ack ---+--> [ next ] --nothing under way, or full--> broker.ack([...]) --> each resolved, or told that it came too late
 *     ack --/
 *
 * Always true: every ack settles once, with what the broker said of it and not of its neighbours; a lonely one goes at
 * once. A call is repeated as the policy allows, since acking twice comes to the same. Used by HeldMessages, and by the doors of protocols.
 */
import { isMqError, MqError } from '../contract/errors.ts';
import type { Delivery } from '../contract/message.ts';
import type { ConsumerSettings } from './consumer-options.ts';
import { withRetry } from './retry.ts';

/** An ack that waits for the broker. */
interface WaitingAck {
  readonly delivery: Delivery;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** What it needs of them. */
type Settings = Pick<ConsumerSettings, 'broker' | 'clock' | 'random' | 'retry' | 'leaseMs'>;

export class AckDesk {
  readonly #settings: Settings;
  readonly #gaveUp = new AbortController();
  /** Not at the broker yet. */
  #next: WaitingAck[] = [];
  #isWoken = false;
  #underWayCount = 0;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** Resolves when the broker knows. */
  ack(delivery: Delivery): Promise<void> {
    return new Promise((resolve, reject) => this.#add({ delivery, resolve, reject }));
  }

  /** The same without a promise, for who does not wait: `onFailed` is told what `ack` would reject with. */
  post(delivery: Delivery, onFailed: (error: unknown) => void): void {
    this.#add({ delivery, resolve: notAwaited, reject: onFailed });
  }

  /** Those that wait reject with `MQ_ABORTED`: nobody will know what became of them. */
  giveUp(reason: Error): void {
    this.#gaveUp.abort(reason);
  }

  #add(ack: WaitingAck): void {
    this.#next.push(ack);
    if (this.#next.length >= this.#settings.broker.limits.receiveCountMax) this.#send();
    else this.#wake();
  }

  /** Goes at the end of this turn, so that more can join. */
  #wake(): void {
    if (this.#isWoken || this.#underWayCount > 0) return;
    this.#isWoken = true;
    queueMicrotask(() => {
      this.#isWoken = false;
      this.#send();
    });
  }

  #send(): void {
    const acks = this.#next;
    if (acks.length === 0) return;
    this.#next = [];
    this.#underWayCount += 1;
    void this.#call(acks).finally(() => {
      this.#underWayCount -= 1;
      if (this.#next.length > 0) this.#wake();
    });
  }

  /** Never rejects. */
  async #call(acks: readonly WaitingAck[]): Promise<void> {
    const { broker, clock, random, retry, leaseMs } = this.#settings;
    const deliveries = acks.map(({ delivery }) => delivery);
    // No longer than a lease: by then the broker has decided otherwise.
    const policy = { ...retry, totalMsMax: Math.min(retry.totalMsMax, leaseMs) };
    try {
      await withRetry(() => broker.ack(deliveries), { policy, clock, random, signal: this.#gaveUp.signal });
      for (const { resolve } of acks) resolve();
    } catch (error) {
      const failed = isMqError(error, 'MQ_LEASE_EXPIRED') ? error.details.failed : undefined;
      if (failed === undefined) for (const { reject } of acks) reject(error);
      else settleEach(acks, new Set(failed.map(nameOf)));
    }
  }
}

function notAwaited(): void {}

/** Those the broker does not list were applied. */
function settleEach(acks: readonly WaitingAck[], failed: ReadonlySet<string>): void {
  for (const { delivery, resolve, reject } of acks) {
    if (failed.has(nameOf(delivery))) {
      reject(new MqError('MQ_LEASE_EXPIRED', `the lease of offset ${delivery.offset} ended before its ack came`));
    } else {
      resolve();
    }
  }
}

/** One token may open several offsets. */
function nameOf({ partition, offset, leaseToken }: Pick<Delivery, 'partition' | 'offset' | 'leaseToken'>): string {
  return `${partition} ${offset} ${leaseToken}`;
}
