/**
 * Everything the screen counts about one stage at work: rates, times, and how the lag of each group went.
 * Fed by the simulation with what its actors report and what it samples; all times are the screen's clock.
 */
import type { TopicDescription } from '../../shared/contract/description.ts';
import type { Receipt } from '../../shared/contract/message.ts';
import { DurationMeter, type Percentiles, RateMeter, Trend } from './meters.ts';

const SENT_TIMES_MAX = 4096;
/** The one line of readers of a stage without groups. */
export const NO_GROUP = '-';

interface Sent {
  readonly receipt: Receipt;
  readonly startedAtMs: number;
  readonly nowMs: number;
}

export interface MeasurementsView {
  /** Per second, over the last five seconds. */
  readonly sentRate: number;
  readonly receivedRate: number;
  readonly finishedRate: number;
  /** The last twenty seconds, two values a second, oldest first. */
  readonly sentTrend: readonly number[];
  readonly finishedTrend: readonly number[];
  readonly lagTrends: ReadonlyMap<string, readonly number[]>;
  /** From the call of `send` to its receipt. */
  readonly sendTime: Percentiles;
  /** From the call of `send` to the end of the work of one reader. */
  readonly endToEndTime: Percentiles;
}

export class Measurements {
  readonly #sentRate: RateMeter;
  readonly #receivedRate: RateMeter;
  readonly #finishedRate: RateMeter;
  readonly #sendTime: DurationMeter;
  readonly #endToEndTime: DurationMeter;
  readonly #sentTrend = new Trend();
  readonly #finishedTrend = new Trend();
  readonly #lagTrends = new Map<string, Trend>();
  /** When each message was sent, by id; the oldest are forgotten first. */
  readonly #sentAtMs = new Map<string, number>();

  constructor(nowMs: number) {
    this.#sentRate = new RateMeter(nowMs);
    this.#receivedRate = new RateMeter(nowMs);
    this.#finishedRate = new RateMeter(nowMs);
    this.#sendTime = new DurationMeter(nowMs);
    this.#endToEndTime = new DurationMeter(nowMs);
  }

  sent({ receipt, startedAtMs, nowMs }: Sent): void {
    this.#sentRate.add(nowMs);
    this.#sendTime.record(nowMs, nowMs - startedAtMs);
    // A delayed message is meant to take long.
    if (receipt.deliverAt === undefined) this.#sentAtMs.set(receipt.id, startedAtMs);
    const [oldest] = this.#sentAtMs.keys();
    if (this.#sentAtMs.size > SENT_TIMES_MAX && oldest !== undefined) this.#sentAtMs.delete(oldest);
  }

  received(nowMs: number): void {
    this.#receivedRate.add(nowMs);
  }

  finished(id: string, nowMs: number): void {
    this.#finishedRate.add(nowMs);
    const sentAtMs = this.#sentAtMs.get(id);
    if (sentAtMs !== undefined) this.#endToEndTime.record(nowMs, nowMs - sentAtMs);
  }

  /** Lengthens the trends; a group that is no longer described loses its own. */
  sample(description: TopicDescription | undefined, nowMs: number): void {
    this.#sentTrend.add(nowMs, this.#sentRate.perSecond(nowMs));
    this.#finishedTrend.add(nowMs, this.#finishedRate.perSecond(nowMs));
    const groups = description?.groups ?? [];
    const lags = groups.length > 0 ? groups : [{ group: NO_GROUP, lag: description?.availableCount ?? 0 }];
    for (const { group, lag } of lags) {
      const trend = this.#lagTrends.get(group) ?? new Trend();
      this.#lagTrends.set(group, trend);
      trend.add(nowMs, lag);
    }
    for (const group of this.#lagTrends.keys()) {
      if (!lags.some((lag) => lag.group === group)) this.#lagTrends.delete(group);
    }
  }

  view(nowMs: number): MeasurementsView {
    return {
      sentRate: this.#sentRate.perSecond(nowMs),
      receivedRate: this.#receivedRate.perSecond(nowMs),
      finishedRate: this.#finishedRate.perSecond(nowMs),
      sentTrend: this.#sentTrend.values,
      finishedTrend: this.#finishedTrend.values,
      lagTrends: new Map(Array.from(this.#lagTrends, ([group, trend]) => [group, trend.values])),
      sendTime: this.#sendTime.percentiles(nowMs),
      endToEndTime: this.#endToEndTime.percentiles(nowMs),
    };
  }
}
