/**
 * Where the topics of transactions are, as far as they are still there: a topic that was deleted has no part in any
 * transaction any more, and one that was made under its name later is another.
 */
import { isMqError } from '../../../shared/contract/errors.ts';
import type { GroupDesk } from '../../4-persisted-log/delivery/group-desk.ts';
import type { FoundTopics } from '../../4-persisted-log/settled-refs.ts';
import type { Topic } from '../../4-persisted-log/topic.ts';

/** Names a topic for ever. */
export interface TopicPlace {
  readonly topic: string;
  readonly topicId: string;
}

/** Undefined when it was deleted. Throws, or rejects, for one that is damaged or closed. */
export function topicAt(
  topics: FoundTopics,
  { topic: name, topicId }: TopicPlace,
): Topic | undefined | Promise<Topic | undefined> {
  try {
    const found = topics.find(name);
    if (found instanceof Promise) return found.then((topic) => sameTopic(topic, topicId), unknownAsUndefined);
    return sameTopic(found, topicId);
  } catch (error) {
    return unknownAsUndefined(error);
  }
}

function sameTopic(topic: Topic, topicId: string): Topic | undefined {
  return topic.topicId === topicId ? topic : undefined;
}

function unknownAsUndefined(error: unknown): undefined {
  if (!isMqError(error, 'MQ_UNKNOWN_TOPIC')) throw error;
}

/** Undefined when it was deleted. */
export function groupIn(topic: Topic, group: number): GroupDesk | undefined {
  const name = topic.groups.nameOf(group);
  return name === undefined ? undefined : topic.groups.desks.get(name);
}
