/**
 * Several things that are due at times which keep moving, and one timer for all of them.
 *
 *     due:  silence at 60 s | a frame at 31 s | stalled at 30 s      timer: at 30 s, then whatever is due is done
 *
 * Always true: what is due is done at its time or soon after; a timer is left alone until it rings, so that moving a time away,
 * which happens with every byte, costs nothing. Only ByteChannel uses it.
 */
import type { Clock, Timer } from '../../../shared/clock.ts';

/** A time at which something is done, in monotonic ms. */
export interface Due {
  readonly atMs: number;
  readonly act: () => void;
}

export class Deadlines {
  readonly #clock: Clock;
  /** As they are now. */
  readonly #dues: () => readonly Due[];
  #timer: { readonly timer: Timer; readonly atMs: number } | undefined;
  #isStopped = false;

  constructor({ clock, dues }: { readonly clock: Clock; readonly dues: () => readonly Due[] }) {
    this.#clock = clock;
    this.#dues = dues;
  }

  /** Something may be due earlier than before. */
  look(): void {
    const times = this.#dues().map(({ atMs }) => atMs);
    if (times.length > 0) this.lookAt(Math.min(...times));
  }

  /** The same, when it is known when. */
  lookAt(atMs: number): void {
    if (this.#isStopped) return;
    if (this.#timer !== undefined) {
      if (this.#timer.atMs <= atMs) return;
      this.#timer.timer.cancel();
    }
    const delayMs = Math.max(atMs - this.#clock.monotonicMs(), 0);
    this.#timer = { atMs, timer: this.#clock.setTimer(() => this.#ring(), delayMs, { isBackground: true }) };
  }

  /** Nothing is due any more. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.timer.cancel();
  }

  #ring(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonicMs();
    for (const { atMs, act } of this.#dues()) {
      if (atMs <= nowMs && !this.#isStopped) act();
    }
    this.look();
  }
}
