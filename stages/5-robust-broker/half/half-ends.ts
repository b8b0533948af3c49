/**
 * How the last half messages ended, so that saying it again succeeds and saying the opposite is told what holds.
 *
 * Always true: at most `countMax` are remembered, oldest forgotten first; each says from which offset on the log is needed to
 * know of it after a restart: that of the half until its end is written there, and then that of its end. A state machine;
 * only the half messages of the broker use it.
 */
import type { HalfEnd } from './half-record.ts';

interface Remembered {
  readonly end: HalfEnd;
  floor: number;
}

export class HalfEnds {
  readonly #countMax: number;
  /** Oldest first. */
  readonly #ends = new Map<string, Remembered>();
  /** Those whose end is not in the log yet. */
  readonly #unwritten = new Map<string, Remembered>();

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  get size(): number {
    return this.#ends.size;
  }

  find(halfId: string): HalfEnd | undefined {
    return this.#ends.get(halfId)?.end;
  }

  /** `floor`: where the half is in the log, or, once that is written, its end. */
  add(end: HalfEnd, { floor, isWritten }: { readonly floor: number; readonly isWritten: boolean }): void {
    const remembered = { end, floor };
    this.#ends.set(end.halfId, remembered);
    if (!isWritten) this.#unwritten.set(end.halfId, remembered);
    if (this.#ends.size > this.#countMax) this.#forgetFirst();
  }

  /** The end is in the log now. */
  written(halfId: string, offset: number): void {
    const remembered = this.#unwritten.get(halfId);
    if (remembered === undefined) return;
    remembered.floor = offset;
    this.#unwritten.delete(halfId);
  }

  /** From here on the log is needed for the first of them; undefined when nothing is remembered. */
  get firstFloor(): number | undefined {
    return this.#ends.values().next().value?.floor;
  }

  /** From here on it is needed for those whose end is not written: this must not go. */
  get unwrittenFloor(): number {
    return this.#unwritten.values().reduce((lowest, { floor }) => Math.min(lowest, floor), Number.POSITIVE_INFINITY);
  }

  get unwritten(): HalfEnd[] {
    return [...this.#unwritten.values()].map(({ end }) => end);
  }

  /** The first `countMax`, as far as the log is needed for them below `offset`. */
  forgetBelow(offset: number, countMax: number): void {
    for (let count = 0; count < countMax && (this.firstFloor ?? offset) < offset; count += 1) this.#forgetFirst();
  }

  #forgetFirst(): void {
    const [first] = this.#ends.keys();
    if (first !== undefined) this.#ends.delete(first);
  }
}
