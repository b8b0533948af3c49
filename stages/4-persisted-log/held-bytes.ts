/**
 * How many bytes the records from an offset on take: what room is counted in, without looking into files.
 *
 *     marks     offset   0     40     95    130    180        one behind each batch, or in a large log behind several
 *               bytes    0   4096   9000  13000  18100        all that was ever stored up to there
 *
 *     from 95 on: 18100 - 9000.   From 100 on: the same, since the batch of 95 to 129 is there until all of it may go.
 *
 * Always true: marks ascend in both numbers, and there are at most `MARKS_MAX`: the more bytes are held, the further apart
 * they are. Bytes are never counted short. Pure.
 */
import { lastMarkAt } from './last-mark.ts';

const MARKS_MAX = 8192;

export interface HeldBytesState {
  readonly offsets: readonly number[];
  readonly totals: readonly number[];
}

export class HeldBytes {
  #offsets: number[];
  #totals: number[];
  /** Marks are at least so far apart, but for the last one. */
  #stepBytes = 1;

  /** Begins at `startOffset`, or goes on where `state` ended. */
  constructor(startOffset: number, state?: HeldBytesState) {
    this.#offsets = state === undefined ? [startOffset] : [...state.offsets];
    this.#totals = state === undefined ? [0] : [...state.totals];
  }

  /** The offset up to which everything is counted. */
  get endOffset(): number {
    return this.#offsets.at(-1) ?? 0;
  }

  /** The log has nothing from `offset` on, also if it had. */
  dropFrom(offset: number): void {
    while (this.#offsets.length > 1 && this.endOffset > offset) {
      this.#offsets.pop();
      this.#totals.pop();
    }
  }

  /** A batch that takes `bytes` now ends at `nextOffset`; what was counted from `baseOffset` on was lost by the log. */
  add(batch: { readonly baseOffset: number; readonly nextOffset: number; readonly bytes: number }): void {
    this.dropFrom(batch.baseOffset);
    const total = (this.#totals.at(-1) ?? 0) + batch.bytes;
    if ((this.#totals.at(-1) ?? 0) - (this.#totals.at(-2) ?? Number.NEGATIVE_INFINITY) < this.#stepBytes) {
      this.#offsets.pop();
      this.#totals.pop();
    }
    this.#offsets.push(batch.nextOffset);
    this.#totals.push(total);
    if (this.#offsets.length > MARKS_MAX) this.#thin();
  }

  /** Of all records from `offset` on, and of those that share a batch with it. */
  from(offset: number): number {
    if (offset >= this.endOffset) return 0;
    return (this.#totals.at(-1) ?? 0) - (this.#totals[lastMarkAt(this.#offsets, offset)] ?? 0);
  }

  /** The next offset above `offset` at which bytes become free; the end when there is none. */
  nextFree(offset: number): number {
    return this.#offsets[lastMarkAt(this.#offsets, offset) + 1] ?? this.endOffset;
  }

  forgetBelow(offset: number): void {
    const count = lastMarkAt(this.#offsets, offset);
    // Only when it is worth the copying.
    if (count * 2 < this.#offsets.length) return;
    this.#offsets.splice(0, count);
    this.#totals.splice(0, count);
  }

  /** As if the log ended at `below`, or a little before. */
  state(below = Number.POSITIVE_INFINITY): HeldBytesState {
    const count = lastMarkAt(this.#offsets, below) + 1;
    return { offsets: this.#offsets.slice(0, count), totals: this.#totals.slice(0, count) };
  }

  #thin(): void {
    const bytes = (this.#totals.at(-1) ?? 0) - (this.#totals[0] ?? 0);
    this.#stepBytes = Math.ceil((2 * bytes) / MARKS_MAX);
    const [offsets, totals] = [this.#offsets, this.#totals];
    this.#offsets = offsets.splice(0, 1);
    this.#totals = totals.splice(0, 1);
    for (const [index, offset] of offsets.entries()) {
      const total = totals[index] ?? 0;
      const isLast = index === offsets.length - 1;
      if (!isLast && total - (this.#totals.at(-1) ?? 0) < this.#stepBytes) continue;
      this.#offsets.push(offset);
      this.#totals.push(total);
    }
  }
}
