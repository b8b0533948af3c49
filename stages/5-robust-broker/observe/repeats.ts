/**
 * Lets the first few of many like lines through, and counts the rest, so that a stranger who knocks a thousand times a
 * second does not write the log.
 *
 *     refused MQ_FORBIDDEN  x 10  told      then counted for the rest of the window, and told as one line: repeatedCount 4711
 *
 * Always true: it remembers as many kinds as there are words for them, which callers do not choose.
 */
import type { Clock, Timer } from '../../../shared/clock.ts';

export interface RepeatsOptions {
  readonly clock: Clock;
  /** Told of one kind in a window. */
  readonly toldCountMax: number;
  readonly windowMs: number;
  /** So many more of this kind came and were not told. */
  readonly onRepeated: (kind: string, count: number) => void;
}

interface Seen {
  toldCount: number;
  untoldCount: number;
}

export class Repeats {
  readonly #options: RepeatsOptions;
  /** In this window. */
  readonly #seen = new Map<string, Seen>();
  #timer: Timer | undefined;

  constructor(options: RepeatsOptions) {
    this.#options = options;
  }

  /** True: tell it. */
  admits(kind: string): boolean {
    const { clock, toldCountMax, windowMs } = this.#options;
    const seen = this.#seen.get(kind) ?? { toldCount: 0, untoldCount: 0 };
    this.#seen.set(kind, seen);
    this.#timer ??= clock.setTimer(() => this.flush(), windowMs, { isBackground: true });
    if (seen.toldCount < toldCountMax) {
      seen.toldCount += 1;
      return true;
    }
    seen.untoldCount += 1;
    return false;
  }

  /** Ends the window. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const seen = [...this.#seen];
    this.#seen.clear();
    for (const [kind, { untoldCount }] of seen) {
      if (untoldCount > 0) this.#options.onRepeated(kind, untoldCount);
    }
  }
}
