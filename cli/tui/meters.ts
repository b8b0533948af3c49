/**
 * What the screen measures: events per second, percentiles of durations, and the short history of a number.
 *
 * Always true: every meter is bounded, and all take their time from the caller, so a paused screen shows numbers that
 * stand still.
 */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

const RATE_BUCKET_MS = 500;
const RATE_BUCKETS = 10;
const HISTOGRAM_WINDOW_MS = 10_000;
const TREND_EVERY_MS = 500;
const TREND_LENGTH = 40;
const MICROSECONDS_MAX = 3_600_000_000;

/** Events per second over the last five seconds. */
export class RateMeter {
  /** Count of bucket `n` (time / 500 ms) at index `n % 10`. */
  readonly #counts = new Array<number>(RATE_BUCKETS).fill(0);
  readonly #startedAtMs: number;
  #lastBucket: number;

  constructor(nowMs: number) {
    this.#startedAtMs = nowMs;
    this.#lastBucket = bucketOf(nowMs);
  }

  add(nowMs: number, count = 1): void {
    this.#advance(nowMs);
    const index = this.#lastBucket % RATE_BUCKETS;
    this.#counts[index] = (this.#counts[index] ?? 0) + count;
  }

  perSecond(nowMs: number): number {
    this.#advance(nowMs);
    const sum = this.#counts.reduce((total, count) => total + count, 0);
    // The youngest bucket is only partly over.
    const fullMs = (RATE_BUCKETS - 1) * RATE_BUCKET_MS + (nowMs % RATE_BUCKET_MS);
    const seenMs = Math.min(fullMs, nowMs - this.#startedAtMs);
    return seenMs < RATE_BUCKET_MS ? 0 : (sum * 1000) / seenMs;
  }

  #advance(nowMs: number): void {
    const bucket = bucketOf(nowMs);
    const passed = Math.min(bucket - this.#lastBucket, RATE_BUCKETS);
    for (let step = 1; step <= passed; step += 1) this.#counts[(this.#lastBucket + step) % RATE_BUCKETS] = 0;
    this.#lastBucket = Math.max(bucket, this.#lastBucket);
  }
}

function bucketOf(nowMs: number): number {
  return Math.floor(nowMs / RATE_BUCKET_MS);
}

/** p50 and p99 in ms; null before the first duration. */
export interface Percentiles {
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

/** Percentiles of the last ten to twenty seconds. */
export class DurationMeter {
  #current: RecordableHistogram = newHistogram();
  #previous: RecordableHistogram = newHistogram();
  /** Scratch for the two together. */
  readonly #both: RecordableHistogram = newHistogram();
  #windowEndsAtMs: number;

  constructor(nowMs: number) {
    this.#windowEndsAtMs = nowMs + HISTOGRAM_WINDOW_MS;
  }

  record(nowMs: number, durationMs: number): void {
    this.#rotate(nowMs);
    this.#current.record(Math.min(Math.max(Math.round(durationMs * 1000), 1), MICROSECONDS_MAX));
  }

  percentiles(nowMs: number): Percentiles {
    this.#rotate(nowMs);
    const both = this.#both;
    both.reset();
    both.add(this.#previous);
    both.add(this.#current);
    if (both.count === 0) return { p50Ms: null, p99Ms: null };
    return { p50Ms: both.percentile(50) / 1000, p99Ms: both.percentile(99) / 1000 };
  }

  #rotate(nowMs: number): void {
    if (nowMs < this.#windowEndsAtMs) return;
    const skippedBoth = nowMs >= this.#windowEndsAtMs + HISTOGRAM_WINDOW_MS;
    this.#previous = skippedBoth ? newHistogram() : this.#current;
    this.#current = newHistogram();
    this.#windowEndsAtMs = nowMs + HISTOGRAM_WINDOW_MS;
  }
}

function newHistogram(): RecordableHistogram {
  return createHistogram({ lowest: 1, highest: MICROSECONDS_MAX, figures: 2 });
}

/** The last twenty seconds of a number, two values a second, oldest first. */
export class Trend {
  readonly #values: number[] = [];
  #nextAtMs = Number.NEGATIVE_INFINITY;

  get values(): readonly number[] {
    return this.#values;
  }

  add(nowMs: number, value: number): void {
    if (nowMs < this.#nextAtMs) return;
    this.#nextAtMs = nowMs + TREND_EVERY_MS;
    this.#values.push(value);
    if (this.#values.length > TREND_LENGTH) this.#values.shift();
  }
}
