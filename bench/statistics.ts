/**
 * The numbers a bench may say about repeated runs: the median, because one run in which the machine was busy must not
 * move the answer, and the spread beside it, because a median without its spread hides the noise.
 *
 * Always true: a ratio is taken within one round (both contestants ran seconds apart) and only then summarised; a
 * quotient of two medians would compare runs that never met.
 */

/** What several runs of one thing amount to. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** (max - min) / median: 0.1 means that the runs lie within 10 % of each other; 0 when the median is 0. */
  readonly spread: number;
  /** The runs themselves, in the order they were made. */
  readonly runs: readonly number[];
}

/** The middle one, or the mean of the two middle ones. */
export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  if (low === undefined || high === undefined) throw new RangeError('the median of no values does not exist');
  return (low + high) / 2;
}

export function summarise(runs: readonly number[]): Summary {
  const median = medianOf(runs);
  const [min, max] = [Math.min(...runs), Math.max(...runs)];
  return { median, min, max, spread: median === 0 ? 0 : (max - min) / median, runs };
}

/** Round by round `subject / reference`, then summarised. Both lists have one value a round. */
export function summariseRatio(subject: readonly number[], reference: readonly number[]): Summary {
  if (subject.length !== reference.length) throw new RangeError('a ratio needs both contestants in every round');
  return summarise(subject.map((value, round) => value / (reference[round] ?? Number.NaN)));
}
