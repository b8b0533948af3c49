/**
 * So much in a second, and no more: a bucket that fills at a steady rate and that every taking empties.
 *
 *     perSecond 100, a burst of one second
 *     full  |####################| 100      take 60 -> yes, 40 left      take 60 -> no: come back in 200 ms
 *
 * Always true: over any time t at most `capacity + perSecond x t` are taken, but for one taking that is larger than the
 * bucket: it may go when the bucket is full, and leaves a debt behind. Time is the clock's monotonic one.
 */
import type { Clock } from '../../../shared/clock.ts';

/** How much may come at once after a rest: what the rate gives in so long. */
const BURST_MS = 1000;
/** What adding up fractions may be off by. */
const ROUNDING = 1e-6;

export class TokenBucket {
  readonly #clock: Clock;
  readonly #perMs: number;
  readonly #capacity: number;
  /** Below zero: in debt. As of `#countedAtMs`. */
  #tokens: number;
  #countedAtMs: number;

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#perMs = perSecond / 1000;
    this.#capacity = Math.max(1, this.#perMs * BURST_MS);
    this.#tokens = this.#capacity;
    this.#countedAtMs = clock.monotonicMs();
  }

  /** How long until `count` may be taken, in ms; 0: now. */
  waitMsFor(count: number): number {
    this.#fill();
    const missing = Math.min(count, this.#capacity) - this.#tokens;
    return missing <= ROUNDING ? 0 : Math.ceil(missing / this.#perMs);
  }

  /** Takes `count`, also what is not there: whoever takes asks `waitMsFor` first, or pays afterwards. */
  take(count: number): void {
    this.#fill();
    this.#tokens -= count;
  }

  #fill(): void {
    const nowMs = this.#clock.monotonicMs();
    this.#tokens = Math.min(this.#capacity, this.#tokens + (nowMs - this.#countedAtMs) * this.#perMs);
    this.#countedAtMs = nowMs;
  }
}
