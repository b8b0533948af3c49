/**
 * A set of offsets, kept as the spans it consists of, and how many they are: what was taken out of turn, and what was
 * handed out before a seek.
 *
 *     [3 .. 8)   [12 .. 15)        holds 3, 4, 5, 6, 7, 12, 13 and 14; size 8; the first gap from 4 on is 8
 *
 * Always true: spans are ascending, none is empty, and no two of them touch. Adding behind the last one, which is what
 * happens nearly always, is O(1); everything else searches. Pure. Instead of stage 2's `OffsetRuns`, which can neither
 * count, nor find a gap, nor tell what it holds.
 */

/** The offsets from `from` up to, not including, `below`. */
export interface OffsetSpan {
  readonly from: number;
  readonly below: number;
}

export class OffsetSpans {
  #spans: OffsetSpan[] = [];
  #size = 0;

  /** Spans that may touch and overlap, in any order. */
  static of(spans: Iterable<OffsetSpan>): OffsetSpans {
    const set = new OffsetSpans();
    for (const span of spans) set.add(span);
    return set;
  }

  /** How many offsets. */
  get size(): number {
    return this.#size;
  }

  /** Ascending. */
  get spans(): readonly OffsetSpan[] {
    return this.#spans;
  }

  has(offset: number): boolean {
    return this.spanWith(offset) !== undefined;
  }

  /** The span that `offset` is in. */
  spanWith(offset: number): OffsetSpan | undefined {
    if (this.#size === 0) return undefined;
    const span = this.#spans[this.#firstAbove(offset)];
    return span !== undefined && span.from <= offset ? span : undefined;
  }

  /** The lowest offset from `offset` on that is not in the set. */
  firstGapFrom(offset: number): number {
    return this.spanWith(offset)?.below ?? offset;
  }

  /** The lowest offset from `offset` on that is in the set; `Infinity` when there is none. */
  firstFrom(offset: number): number {
    if (this.#size === 0) return Number.POSITIVE_INFINITY;
    const span = this.#spans[this.#firstAbove(offset)];
    return span === undefined ? Number.POSITIVE_INFINITY : Math.max(span.from, offset);
  }

  /** How many of the set are below `offset`. */
  countBelow(offset: number): number {
    if ((this.#spans.at(-1)?.below ?? 0) <= offset) return this.#size;
    let count = 0;
    for (const { from, below } of this.#spans) {
      if (from >= offset) break;
      count += Math.min(below, offset) - from;
    }
    return count;
  }

  /** An empty span adds nothing. */
  add({ from, below }: OffsetSpan): void {
    if (from >= below) return;
    const last = this.#spans.at(-1);
    if (last === undefined || last.below < from) {
      this.#spans.push({ from, below });
      this.#size += below - from;
      return;
    }
    const first = this.#firstAbove(from - 1); // one that ends where this begins is joined as well
    let end = first;
    let joined = { from, below };
    for (let span = this.#spans[end]; span !== undefined && span.from <= below; span = this.#spans[end]) {
      joined = { from: Math.min(joined.from, span.from), below: Math.max(joined.below, span.below) };
      this.#size -= span.below - span.from;
      end += 1;
    }
    this.#spans.splice(first, end - first, joined);
    this.#size += joined.below - joined.from;
  }

  forgetBelow(offset: number): void {
    if (this.#size === 0) return;
    const kept = this.#spans.slice(this.#firstAbove(offset));
    const [first] = kept;
    if (first !== undefined && first.from < offset) kept[0] = { from: offset, below: first.below };
    this.#replace(kept);
  }

  forgetFrom(offset: number): void {
    if (this.#size === 0) return;
    const kept = this.#spans.filter(({ from }) => from < offset);
    const last = kept.at(-1);
    if (last !== undefined && last.below > offset) kept[kept.length - 1] = { from: last.from, below: offset };
    this.#replace(kept);
  }

  clear(): void {
    this.#replace([]);
  }

  #replace(spans: OffsetSpan[]): void {
    this.#spans = spans;
    this.#size = spans.reduce((sum, { from, below }) => sum + below - from, 0);
  }

  /** Index of the first span that reaches above `offset`. */
  #firstAbove(offset: number): number {
    let [low, high] = [0, this.#spans.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#spans[middle]?.below ?? 0) > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
