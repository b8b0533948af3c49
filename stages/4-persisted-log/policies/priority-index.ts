/**
 * Which records of one partition are of a priority above 0, so that they can go out before all others.
 *
 *     9:  [ 17, 40 ]     4:  [ 3, 18, 41 ]     all others are of priority 0 and in no list
 *
 * Always true: each list is ascending, and an offset is in one at most. What is below the start of the log is forgotten
 * lazily. It is rebuilt from the records when its file is missing or wrong: nothing stands in it alone.
 */
export const PRIORITY_MAX = 9;

/** The offsets of each priority, from 0 on. */
export type PriorityIndexState = readonly (readonly number[])[];

export class PriorityIndex {
  /** By priority; that of 0 stays empty. */
  readonly #offsets: number[][];
  #size: number;

  constructor(state: PriorityIndexState = []) {
    this.#offsets = Array.from({ length: PRIORITY_MAX + 1 }, (_, priority) => [...(state[priority] ?? [])]);
    this.#size = this.#offsets.reduce((sum, offsets) => sum + offsets.length, 0);
  }

  get size(): number {
    return this.#size;
  }

  /** Records are added in the order of their offsets. One of priority 0 adds nothing. */
  add(offset: number, priority: number): void {
    if (priority < 1 || priority > PRIORITY_MAX) return;
    this.#offsets[priority]?.push(offset);
    this.#size += 1;
  }

  /** The first offset of this priority that is not below `offset`. */
  firstFrom(priority: number, offset: number): number | undefined {
    const offsets = this.#offsets[priority] ?? [];
    return offsets[firstIndexFrom(offsets, offset)];
  }

  /** 0 for all that it does not have. */
  priorityOf(offset: number): number {
    if (this.#size === 0) return 0;
    for (let priority = PRIORITY_MAX; priority > 0; priority -= 1) {
      if (this.firstFrom(priority, offset) === offset) return priority;
    }
    return 0;
  }

  forgetBelow(offset: number): void {
    if (this.#size === 0) return;
    for (const offsets of this.#offsets) {
      const forgotten = firstIndexFrom(offsets, offset);
      offsets.splice(0, forgotten);
      this.#size -= forgotten;
    }
  }

  /** The log has nothing from `offset` on, also if it had. */
  dropFrom(offset: number): void {
    if (this.#size === 0) return;
    for (const offsets of this.#offsets) {
      // Asked with each batch that is stored: most often there is nothing.
      if ((offsets.at(-1) ?? -1) >= offset) this.#size -= offsets.splice(firstIndexFrom(offsets, offset)).length;
    }
  }

  state(): PriorityIndexState {
    return this.#size === 0 ? [] : this.#offsets.map((offsets) => [...offsets]);
  }
}

function firstIndexFrom(offsets: readonly number[], offset: number): number {
  let [low, high] = [0, offsets.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((offsets[middle] ?? 0) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
