/**
 * Messages that went before they were finished: overwritten in a ring, or dropped from a queue. The broker counts them;
 * this tells when the counts rose, at most once a second for each group, so that a flood is one story.
 */
import type { TopicDescription } from '../../shared/contract/description.ts';
import { NO_GROUP } from './measurements.ts';

const TELL_EVERY_MS = 1000;

export interface Dropped {
  /** `NO_GROUP` where the topic has none. */
  readonly group: string;
  /** Since it was last told. */
  readonly count: number;
}

export class DropWatch {
  /** What was told of each group, and when. */
  readonly #told = new Map<string, { readonly droppedCount: number; readonly atMs: number }>();

  sample(description: TopicDescription | undefined, nowMs: number): Dropped[] {
    const groups = description?.groups ?? [];
    const counts = groups.length > 0 ? groups : [{ group: NO_GROUP, droppedCount: description?.droppedCount ?? 0 }];
    return counts.flatMap(({ group, droppedCount }) => {
      const told = this.#told.get(group) ?? { droppedCount: 0, atMs: Number.NEGATIVE_INFINITY };
      if (droppedCount <= told.droppedCount || nowMs - told.atMs < TELL_EVERY_MS) return [];
      this.#told.set(group, { droppedCount, atMs: nowMs });
      return [{ group, count: droppedCount - told.droppedCount }];
    });
  }
}
