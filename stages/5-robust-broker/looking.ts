/**
 * A topic of this stage seen from outside: what stage 4 says of it, and with it what is undecided, half, or was in a
 * transaction.
 *
 * Always true: looking changes nothing, but that what expired at the head of a group is stepped over first. Only the spine
 * uses it.
 */
import type { TopicDescription } from '../../shared/contract/description.ts';
import type { Explanation } from '../../shared/contract/explanation.ts';
import type { LogView } from '../../shared/contract/inside.ts';
import { explainMessage } from '../4-persisted-log/explain.ts';
import type { Topic } from '../4-persisted-log/topic.ts';
import { describeTopic, inspectTopic } from '../4-persisted-log/topic-view.ts';
import type { RobustParts } from './broker-parts.ts';
import { explainHalf, viewHalves } from './half/half-view.ts';
import { withTransaction } from './observe/transaction-story.ts';

export function describe({ halves }: RobustParts, topic: Topic): TopicDescription {
  return { ...describeTopic(topic), halfCount: halves.countIn(topic) };
}

/** Where the message with this id is, be it half. */
export async function explain({ halves }: RobustParts, topic: Topic, id: string): Promise<Explanation | null> {
  const told = await withTransaction(topic, await explainMessage(topic, id));
  return told ?? (await explainHalf(halves, topic, id));
}

/** For the screen: at most `max` of everything that may be many. */
export async function inspect({ halves, clock }: RobustParts, topic: Topic, max: number): Promise<LogView> {
  const view = { max, clock };
  return { ...(await inspectTopic(topic, view)), halves: await viewHalves(halves, topic, view) };
}
