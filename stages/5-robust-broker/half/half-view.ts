/** Half messages seen from outside, as plain JSON: for the screen, and for who asks where a message is. Changes nothing. */
import type { Clock } from '../../../shared/clock.ts';
import type { Explanation } from '../../../shared/contract/explanation.ts';
import { type HalfView, previewOf } from '../../../shared/contract/inside.ts';
import { quote } from '../../../shared/contract/validation.ts';
import type { Topic } from '../../4-persisted-log/topic.ts';
import type { HalfMessages } from './half-messages.ts';

/** Soonest to be asked about first, at most `max`. */
export async function viewHalves(
  halves: HalfMessages,
  { topicId }: Topic,
  { max, clock }: { readonly max: number; readonly clock: Clock },
): Promise<HalfView[]> {
  const now = clock.now();
  const views = halves.soonestOf(topicId, max).map(async (half): Promise<HalfView[]> => {
    const { halfId, group, checkCount, nextCheckAt } = half;
    const record = await halves.messageOf(half);
    if (record === undefined) return [];
    const { id, body } = record;
    const { checksMax } = halves;
    const nextCheckInMs = Math.max(nextCheckAt - now, 0);
    return [{ halfId, id, producerGroup: group.name, checkCount, checksMax, nextCheckInMs, preview: previewOf(body) }];
  });
  return (await Promise.all(views)).flat();
}

/** The open half message with this id; null when there is none. */
export async function explainHalf(halves: HalfMessages, topic: Topic, id: string): Promise<Explanation | null> {
  for (const half of halves.soonestOf(topic.topicId, Number.POSITIVE_INFINITY)) {
    const record = await halves.messageOf(half);
    if (record?.id !== id) continue;
    const { partition, acceptedAt, checkCount, nextCheckAt, group } = half;
    const asked = `asked ${checkCount} of ${halves.checksMax} times, again at ${new Date(nextCheckAt).toISOString()}`;
    const reason = `not decided by producer group ${quote(group.name)}: ${asked}`;
    return {
      ...{ topic: topic.name, id, partition, offset: null, timestamp: acceptedAt },
      groups: [],
      events: [{ at: acceptedAt, what: 'half', reason }],
      isComplete: true,
    };
  }
  return null;
}
