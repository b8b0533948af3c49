/**
 * A set of offsets, kept as the runs it consists of: what a group took before seeks took it elsewhere.
 *
 *     [3 .. 8)   [12 .. 15)        holds 3, 4, 5, 6, 7, 12, 13 and 14
 *
 * Always true: runs are ascending, none is empty, and no two of them touch; so there are as many as seeks made gaps, and
 * never more than half as many as the log has records. Pure.
 */

/** The offsets from `from` up to, not including, `below`. */
export interface OffsetRun {
  readonly from: number;
  readonly below: number;
}

export class OffsetRuns {
  #runs: OffsetRun[] = [];

  has(offset: number): boolean {
    const run = this.#runs[this.#firstAbove(offset)];
    return run !== undefined && run.from <= offset;
  }

  /** An empty run adds nothing. */
  add({ from, below }: OffsetRun): void {
    if (from >= below) return;
    const first = this.#firstAbove(from - 1); // one that ends where this begins is joined as well
    const touched = this.#runs.slice(first).filter((run) => run.from <= below);
    const joined = {
      from: Math.min(from, touched[0]?.from ?? from),
      below: Math.max(below, touched.at(-1)?.below ?? below),
    };
    this.#runs.splice(first, touched.length, joined);
  }

  /** Offsets below are never asked for again. */
  forgetBelow(offset: number): void {
    this.#runs.splice(0, this.#firstAbove(offset));
  }

  /** Index of the first run that reaches above `offset`. */
  #firstAbove(offset: number): number {
    let [low, high] = [0, this.#runs.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#runs[middle]?.below ?? 0) > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
