/**
 * The lanes of all topics that a producer sends to.
 *
 * Always true: of at most `TOPICS_MAX` topics it is remembered how many partitions they have, but for those that something is
 * under way to, which are always there. Owned by Producer.
 */
import type { SendLane } from './send-lane.ts';
import { TopicLanes, type TopicLanesOptions } from './topic-lanes.ts';

const TOPICS_MAX = 1000;

export class LaneTable {
  readonly #options: Omit<TopicLanesOptions, 'topic'>;
  readonly #topics = new Map<string, TopicLanes>();

  constructor(options: Omit<TopicLanesOptions, 'topic'>) {
    this.#options = options;
  }

  of(topic: string): TopicLanes {
    const known = this.#topics.get(topic);
    if (known !== undefined) return known;
    for (const [name, lanes] of this.#topics) {
      if (this.#topics.size < TOPICS_MAX) break;
      if (lanes.isEmpty) this.#topics.delete(name);
    }
    const lanes = new TopicLanes({ topic, ...this.#options });
    this.#topics.set(topic, lanes);
    return lanes;
  }

  /** The broker answered this to a departure. */
  onRefused(topic: string, error: unknown): void {
    this.#topics.get(topic)?.onRefused(error);
  }

  /** Every batch that is open waits no longer. */
  hurry(): void {
    for (const lanes of this.#topics.values()) lanes.hurry();
  }

  /** Nothing of it is left. */
  forget(lane: SendLane): void {
    this.#topics.get(lane.topic)?.forget(lane);
  }

  /** Every lane; what has none yet is refused with `error`. */
  *giveUp(error: unknown): Generator<SendLane> {
    for (const lanes of this.#topics.values()) yield* lanes.giveUp(error);
  }
}
