/**
 * Deliveries on their way to a subscriber, no faster than its rates allow.
 *
 *     broker --> add --> [ waiting, in order ] --hand, one after the other, when the rate allows--> subscriber
 *
 * Always true: their order is kept; no more wait than the subscriber has credit for, since the broker pushes no more;
 * what still waits at the end goes back as not processed. Only the view that limits uses it.
 */
import type { Clock, Timer } from '../../../shared/clock.ts';
import { isMqError } from '../../../shared/contract/errors.ts';
import type { Delivery } from '../../../shared/contract/message.ts';

export interface PacedOptions {
  readonly clock: Clock;
  /** How long until this one may go; 0: now. */
  readonly waitMs: (delivery: Delivery) => number;
  readonly hand: (delivery: Delivery) => void;
  readonly giveBack: (delivery: Delivery) => Promise<void>;
}

export class PacedDeliveries {
  readonly #options: PacedOptions;
  readonly #waiting: Delivery[] = [];
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(options: PacedOptions) {
    this.#options = options;
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  add(delivery: Delivery): void {
    this.#waiting.push(delivery);
    if (this.#isClosed) void this.close();
    else if (this.#timer === undefined) this.#hand();
  }

  /** Resolves when all that waits was given back. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await Promise.all(this.#waiting.splice(0).map((delivery) => this.#giveBack(delivery)));
  }

  #hand(): void {
    this.#timer = undefined;
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const waitMs = this.#options.waitMs(next);
      if (waitMs > 0) {
        this.#timer = this.#options.clock.setTimer(() => this.#hand(), waitMs, { isBackground: true });
        return;
      }
      this.#waiting.shift();
      this.#options.hand(next);
    }
  }

  async #giveBack(delivery: Delivery): Promise<void> {
    try {
      await this.#options.giveBack(delivery);
    } catch (error) {
      // Its lease has ended, or the broker is closed: then there is nothing left to give back.
      if (!isMqError(error)) throw error;
    }
  }
}
