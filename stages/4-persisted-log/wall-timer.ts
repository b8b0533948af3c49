/**
 * A timer for a moment of the wall clock, which may be far ahead and may jump.
 *
 * Always true: it never rings before its moment by the wall clock of then; after a jump forward it rings within a minute,
 * or, where more than a day was left, a small part of that. Used by delayed messages and retention.
 */
import type { Clock, Timer } from '../../shared/clock.ts';

/** How long a jump of the wall clock may go unnoticed, on the last day; */
const LOOK_MS = 60_000;
const DAY_MS = 24 * 60 * 60 * 1000;
/** and before that such a part of the way, so that ten years are two thousand looks. */
const LOOK_SHARE = 64;

export class WallTimer {
  readonly #clock: Clock;
  readonly #onDue: () => void;
  #timer: Timer | undefined;
  /** Epoch ms. */
  #dueAt = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** Rings at `dueAt`, epoch ms, and not at the moment set before; undefined: not at all. */
  set(dueAt: number | undefined): void {
    if (dueAt === this.#dueAt && this.#timer !== undefined) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#dueAt = dueAt ?? Number.POSITIVE_INFINITY;
    if (dueAt !== undefined) this.#arm();
  }

  #arm(): void {
    const leftMs = Math.max(this.#dueAt - this.#clock.now(), 0);
    const lookMs = leftMs > DAY_MS ? Math.floor(leftMs / LOOK_SHARE) : LOOK_MS;
    const delayMs = Math.min(leftMs, lookMs);
    this.#timer = this.#clock.setTimer(() => this.#look(), delayMs, { isBackground: true });
  }

  #look(): void {
    this.#timer = undefined;
    if (this.#clock.now() < this.#dueAt) {
      this.#arm();
      return;
    }
    this.#dueAt = Number.POSITIVE_INFINITY;
    this.#onDue();
  }
}
