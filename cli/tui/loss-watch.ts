/**
 * Messages that went before they were finished: overwritten in a ring, dropped from a queue, or dead. The broker counts
 * them; this tells when one of its counts rose, at most once a second for each group, so that a flood is one story.
 */
import type { Counts, TopicDescription } from '../../shared/contract/description.ts';
import type { Observer } from './actor.ts';
import { NO_GROUP } from './measurements.ts';

const TELL_EVERY_MS = 1000;

interface Risen {
  /** `NO_GROUP` where the topic has none. */
  readonly group: string;
  /** Since it was last told. */
  readonly count: number;
}

class CountWatch {
  /** What was told of each group, and when. */
  readonly #told = new Map<string, { readonly count: number; readonly atMs: number }>();
  readonly #counts: 'droppedCount' | 'deadCount';

  constructor(counts: 'droppedCount' | 'deadCount') {
    this.#counts = counts;
  }

  sample(description: TopicDescription | undefined, nowMs: number): Risen[] {
    const groups = description?.groups ?? [];
    const of = (counts: Counts): number => counts[this.#counts];
    const whole = { group: NO_GROUP, count: description === undefined ? 0 : of(description) };
    const counts = groups.length > 0 ? groups.map((group) => ({ group: group.group, count: of(group) })) : [whole];
    return counts.flatMap(({ group, count }) => {
      const told = this.#told.get(group) ?? { count: 0, atMs: Number.NEGATIVE_INFINITY };
      if (count <= told.count || nowMs - told.atMs < TELL_EVERY_MS) return [];
      this.#told.set(group, { count, atMs: nowMs });
      return [{ group, count: count - told.count }];
    });
  }
}

export class LossWatch {
  readonly #drops = new CountWatch('droppedCount');
  readonly #deaths = new CountWatch('deadCount');

  tellTo(
    observer: Pick<Observer, 'tell'>,
    { description, nowMs }: { readonly description: TopicDescription | undefined; readonly nowMs: number },
  ): void {
    for (const { group, count } of this.#drops.sample(description, nowMs)) {
      if (group === NO_GROUP) observer.tell('bad', 'event.dropped', { count });
      else observer.tell('bad', 'event.overwritten', { group, count });
    }
    for (const dead of this.#deaths.sample(description, nowMs)) observer.tell('bad', 'event.dead', { ...dead });
  }
}
