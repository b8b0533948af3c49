/**
 * A timer for a moment of the wall clock, which may be far ahead and may jump.
 *
 * Always true: it never rings before its moment by the wall clock of then; after a jump forward it rings within
 * `LOOK_MS`, or a small part of the way that was left, which is all the same to whoever waits that long. Used by delayed
 * messages and retention.
 */
import type { Clock, Timer } from '../../shared/clock.ts';

/** How long a jump of the wall clock may go unnoticed. */
const LOOK_MS = 60_000;
/** Of a long way so much, so that ten years are a few hundred looks. */
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
    const delayMs = Math.min(leftMs, Math.max(LOOK_MS, Math.floor(leftMs / LOOK_SHARE)));
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
