/**
 * How many markers lie below an offset: what is not available though it has an offset.
 *
 *     markers at   12   40   41   97        below 41 are 2, between 12 and 97 (without it) are 3
 *
 * Always true: at most `MARKS_MAX` are remembered one by one, the youngest among them; of older ones only every second, fourth
 * and so on, and what lies between two of them is taken as spread evenly. Pure.
 */
const MARKS_MAX = 16_384;

/** Of each mark: the offset of a marker, and how many there are up to and with it. */
export interface MarkerCountsState {
  readonly offsets: readonly number[];
  readonly totals: readonly number[];
}

export class MarkerCounts {
  #offsets: number[];
  #totals: number[];

  constructor(state: MarkerCountsState = { offsets: [], totals: [] }) {
    this.#offsets = [...state.offsets];
    this.#totals = [...state.totals];
  }

  /** Ascending. */
  add(offset: number): void {
    this.#offsets.push(offset);
    this.#totals.push((this.#totals.at(-1) ?? 0) + 1);
    if (this.#offsets.length > MARKS_MAX) this.#thin();
  }

  /** From `from` up to `below`. */
  countIn({ from, below }: { readonly from: number; readonly below: number }): number {
    if (from >= below || this.#offsets.length === 0) return 0;
    return this.#countBelow(below) - this.#countBelow(from);
  }

  dropFrom(offset: number): void {
    while ((this.#offsets.at(-1) ?? -1) >= offset) {
      this.#offsets.pop();
      this.#totals.pop();
    }
  }

  forgetBelow(offset: number): void {
    const count = this.#firstFrom(offset) - 1; // the last one below tells how many there were
    if (count * 2 < this.#offsets.length) return;
    this.#offsets.splice(0, count);
    this.#totals.splice(0, count);
  }

  state(): MarkerCountsState {
    return { offsets: [...this.#offsets], totals: [...this.#totals] };
  }

  #countBelow(offset: number): number {
    const index = this.#firstFrom(offset);
    const total = this.#totals[index - 1] ?? 0;
    const next = this.#totals[index];
    if (next === undefined || next - total <= 1) return total;
    const [from, to] = [this.#offsets[index - 1] ?? 0, this.#offsets[index] ?? 0];
    return total + Math.floor(((next - 1 - total) * (offset - from)) / (to - from));
  }

  /** Index of the first mark that is not below `offset`. */
  #firstFrom(offset: number): number {
    let [low, high] = [0, this.#offsets.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#offsets[middle] ?? 0) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Every second of the older half. */
  #thin(): void {
    const isKept = (_: number, index: number): boolean => index >= MARKS_MAX / 2 || index % 2 === 1;
    this.#offsets = this.#offsets.filter(isKept);
    this.#totals = this.#totals.filter(isKept);
  }
}
