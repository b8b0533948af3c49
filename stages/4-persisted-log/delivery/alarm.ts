/**
 * One timer for many times: it rings not later than the earliest that was asked for, and may ring when nothing is due any
 * more. One timer per lease would cost much more than a look too many.
 */
import type { Clock, Timer } from '../../../shared/clock.ts';

export class Alarm {
  readonly #clock: Clock;
  readonly #onRing: () => void;
  #timer: Timer | undefined;
  #dueMs = 0;

  constructor(clock: Clock, onRing: () => void) {
    this.#clock = clock;
    this.#onRing = onRing;
  }

  /** Monotonic ms; undefined asks for nothing. */
  armFor(dueMs: number | undefined): void {
    if (dueMs === undefined || (this.#timer !== undefined && this.#dueMs <= dueMs)) return;
    this.#timer?.cancel();
    this.#dueMs = dueMs;
    const delayMs = Math.max(dueMs - this.#clock.monotonicMs(), 0);
    this.#timer = this.#clock.setTimer(() => this.#ring(), delayMs, { isBackground: true });
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #ring(): void {
    this.#timer = undefined;
    this.#onRing();
  }
}
