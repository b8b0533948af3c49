/**
 * Numbers a broker has beyond those of `describeTopics`: what `/metrics` of a door tells besides them. Plain JSON.
 *
 * Always true: they are read when somebody asks, so nothing is counted twice, and names and labels are free of the text form
 * in which a door writes them.
 */

/** All series of one name. A counter only grows, a gauge goes up and down, a histogram counts by size. */
export interface Metric {
  /** `mq_...`, in snake case, with the unit last: `_seconds`, `_bytes`, `_count`. */
  readonly name: string;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  /** What it counts, in one line. */
  readonly help: string;
  readonly series: readonly MetricSeries[];
}

/** One line of numbers; of a histogram, several. */
export interface MetricSeries {
  readonly labels: Readonly<Record<string, string>>;
  /** Of a histogram a `HistogramValue`, else a number. */
  readonly value: number | HistogramValue;
}

/** How many were at most so large. */
export interface HistogramValue {
  /** Ascending; each count includes those of the smaller bounds. What is above the last is only in `count`. */
  readonly buckets: readonly { readonly atMost: number; readonly count: number }[];
  readonly sum: number;
  readonly count: number;
}
