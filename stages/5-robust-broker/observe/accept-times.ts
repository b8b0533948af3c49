/**
 * When the records of one partition were accepted, for as many as latencies are wanted of, without looking into files.
 *
 *     from offset    0      40     41     90        one mark for all neighbours that were accepted in the same millisecond
 *     at             1000   1003   1004   1010
 *
 * Always true: offsets and times ascend; there are at most `marksMax` marks: when there would be more, every other one of
 * the older half goes, so of what has been waiting for long the time becomes coarse, and never too late. Pure.
 */
import { lastMarkAt } from '../../4-persisted-log/last-mark.ts';

/** Fewer would tell nothing. */
const MARKS_MIN = 16;

export class AcceptTimes {
  #offsets: number[] = [];
  #times: number[] = [];
  #endOffset = 0;

  get markCount(): number {
    return this.#offsets.length;
  }

  add(
    { fromOffset, count, at }: { readonly fromOffset: number; readonly count: number; readonly at: number },
    marksMax: number,
  ): void {
    // A log that lost its end gives its offsets again.
    while (this.#offsets.length > 0 && (this.#offsets.at(-1) ?? 0) >= fromOffset) {
      this.#offsets.pop();
      this.#times.pop();
    }
    const isNeighbour = fromOffset === this.#endOffset && this.#times.at(-1) === at;
    this.#endOffset = fromOffset + count;
    if (isNeighbour) return;
    this.#offsets.push(fromOffset);
    this.#times.push(at);
    if (this.#offsets.length > Math.max(marksMax, MARKS_MIN)) this.#thin();
  }

  /** Calls `visit` for each part of a run with when it was accepted; answers how many nothing is known of. */
  forEach(
    { fromOffset, count }: { readonly fromOffset: number; readonly count: number },
    visit: (at: number, count: number) => void,
  ): number {
    const below = Math.min(fromOffset + count, this.#endOffset);
    const first = this.#offsets[0] ?? Number.POSITIVE_INFINITY;
    let known = 0;
    let from = Math.max(fromOffset, first);
    for (let index = lastMarkAt(this.#offsets, from); from < below; index += 1) {
      const next = Math.min(this.#offsets[index + 1] ?? below, below);
      visit(this.#times[index] ?? 0, next - from);
      known += next - from;
      from = next;
    }
    return count - known;
  }

  #thin(): void {
    const half = this.#offsets.length >>> 1;
    const isKept = (_: number, index: number): boolean => index >= half || index % 2 === 0;
    this.#offsets = this.#offsets.filter(isKept);
    this.#times = this.#times.filter(isKept);
  }
}
