/**
 * Whether memory is so full that nothing new should be taken in: above the high-water mark, until it is below the low one.
 *
 *     high |- - - - - -/\- - - - - - -
 *          |          /  \                     between the marks it stays as it was, so that it does not flutter
 *      low |- - - - -/- - \- - - - - -
 *          |________/      \__________
 *             open     shut     open
 *
 * Always true: the gauge is read at most once in `SAMPLE_MS` while somebody asks, and while somebody waits; garbage is not
 * held against anybody: before it shuts, and now and then while it is shut, `collect` is asked to take it away. Only
 * `guardedBroker` asks it.
 */
import type { Clock, Timer } from '../../../shared/clock.ts';
import type { Metric } from '../../../shared/contract/metrics.ts';

const SAMPLE_MS = 250;
/** Collecting stops everything for a moment. */
const COLLECT_MS = 10_000;
const LOW_SHARE = 0.8;

export interface MemoryMarkOptions {
  readonly clock: Clock;
  /** Bytes in use. */
  readonly gauge: () => number;
  readonly highBytes: number;
  /** Default: four fifths of `highBytes`. */
  readonly lowBytes?: number;
  /** Takes garbage away; left out: the system does when it likes. */
  readonly collect?: () => void;
  /** It shut, or opened again. */
  readonly onChange?: (isHigh: boolean) => void;
}

export class MemoryMark {
  readonly highBytes: number;
  readonly lowBytes: number;
  readonly #options: MemoryMarkOptions;
  #isHigh = false;
  #bytes = 0;
  #shutCount = 0;
  /** Monotonic ms. */
  #sampledAtMs = Number.NEGATIVE_INFINITY;
  #collectedAtMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;
  /** Called when it opens. */
  #onOpen: () => void = () => undefined;

  constructor(options: MemoryMarkOptions) {
    this.#options = options;
    this.highBytes = options.highBytes;
    this.lowBytes = options.lowBytes ?? Math.floor(options.highBytes * LOW_SHARE);
  }

  /** True: nothing new should be taken in. */
  isHigh(): boolean {
    if (this.#options.clock.monotonicMs() - this.#sampledAtMs >= SAMPLE_MS) this.#sample();
    return this.#isHigh;
  }

  /** From now on `onOpen` is called whenever it opens. */
  whenOpen(onOpen: () => void): void {
    this.#onOpen = onOpen;
  }

  /** Why memory is short, in words; undefined while it is not. */
  memoryShortage(): string | undefined {
    if (!this.isHigh()) return undefined;
    const { highBytes, lowBytes } = this;
    const [bytes, high, low] = [this.#bytes, highBytes, lowBytes].map(megabytes);
    return `${bytes} of memory are in use; above ${high} nothing new is taken in, until it is below ${low}`;
  }

  metrics(): readonly Metric[] {
    const one = (name: string, help: string, value: number, kind: 'gauge' | 'counter' = 'gauge'): Metric => {
      return { name, kind, help, series: [{ labels: {}, value }] };
    };
    return [
      one('mq_memory_high_bytes', 'above it nothing new is taken in', this.highBytes),
      one('mq_memory_blocked', '1 while nothing new is taken in', Number(this.isHigh())),
      one('mq_memory_blocked_count', 'how often nothing new was taken in', this.#shutCount, 'counter'),
    ];
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #sample(): void {
    const { gauge, clock } = this.#options;
    this.#sampledAtMs = clock.monotonicMs();
    this.#bytes = gauge();
    const isAbove = (): boolean => this.#bytes >= (this.#isHigh ? this.lowBytes + 1 : this.highBytes);
    if (isAbove()) this.#collect();
    const isHigh = isAbove();
    if (isHigh && this.#timer === undefined) this.#lookAgain();
    if (isHigh === this.#isHigh) return;
    this.#isHigh = isHigh;
    if (isHigh) this.#shutCount += 1;
    this.#options.onChange?.(isHigh);
    if (!isHigh) this.#onOpen();
  }

  #collect(): void {
    const { collect, gauge, clock } = this.#options;
    if (collect === undefined || clock.monotonicMs() - this.#collectedAtMs < COLLECT_MS) return;
    collect();
    this.#collectedAtMs = clock.monotonicMs();
    this.#bytes = gauge();
  }

  /** As long as it is shut: somebody may wait for it. */
  #lookAgain(): void {
    const look = (): void => {
      this.#timer = undefined;
      this.#sample();
    };
    this.#timer = this.#options.clock.setTimer(look, SAMPLE_MS, { isBackground: true });
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
