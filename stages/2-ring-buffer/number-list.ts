/**
 * Numbers by index, in memory that the garbage collector does not walk through: a ring has a few for each of its slots.
 *
 * Always true: it is at most twice as long as the highest index that was set needs, and never longer than `countMax`.
 * The ring uses it.
 */

/** So that a topic that is hardly used costs little. */
const FIRST_COUNT = 16;

export class NumberList {
  readonly #countMax: number;
  #numbers = new Float64Array(0);

  constructor(options: { readonly countMax: number }) {
    this.#countMax = options.countMax;
  }

  /** 0 where nothing was set. */
  at(index: number): number {
    return this.#numbers[index] ?? 0;
  }

  set(index: number, value: number): void {
    if (index >= this.#numbers.length) this.#growTo(index + 1);
    this.#numbers[index] = value;
  }

  #growTo(count: number): void {
    const wanted = Math.max(count, FIRST_COUNT, 2 * this.#numbers.length);
    const grown = new Float64Array(Math.min(wanted, this.#countMax));
    grown.set(this.#numbers);
    this.#numbers = grown;
  }
}
