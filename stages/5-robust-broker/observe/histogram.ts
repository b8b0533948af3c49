/**
 * How many were how large, in fixed buckets: what a dashboard makes percentiles of.
 *
 * Always true: adding is a search among two dozen bounds and two additions; nothing grows. Pure.
 */
import assert from 'node:assert/strict';
import type { HistogramValue } from '../../../shared/contract/metrics.ts';

/** Seconds, from a tenth of a millisecond to an hour. */
export const SECONDS: readonly number[] = Object.freeze([
  ...[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5],
  ...[1, 2.5, 5, 10, 30, 60, 300, 900, 3600],
]);

export class Histogram {
  readonly #bounds: readonly number[];
  /** By bucket; the last has what is above all bounds. */
  readonly #counts: number[];
  #sum = 0;
  #count = 0;

  constructor(bounds: readonly number[]) {
    assert(
      bounds.every((bound, index) => index === 0 || bound > (bounds[index - 1] ?? 0)),
      'bounds ascend',
    );
    this.#bounds = bounds;
    this.#counts = bounds.map(() => 0).concat(0);
  }

  get count(): number {
    return this.#count;
  }

  /** `count` of the same size. */
  add(value: number, count = 1): void {
    let [low, high] = [0, this.#bounds.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (value <= (this.#bounds[middle] ?? 0)) high = middle;
      else low = middle + 1;
    }
    this.#counts[low] = (this.#counts[low] ?? 0) + count;
    this.#sum += value * count;
    this.#count += count;
  }

  value(): HistogramValue {
    let below = 0;
    const buckets = this.#bounds.map((atMost, index) => {
      below += this.#counts[index] ?? 0;
      return { atMost, count: below };
    });
    return { buckets, sum: this.#sum, count: this.#count };
  }
}
