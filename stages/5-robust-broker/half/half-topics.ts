/** What half messages need of the topics they are for; the table of topics is one. */
import { isMqError } from '../../../shared/contract/errors.ts';
import type { Topic } from '../../4-persisted-log/topic.ts';
import type { NamedTopic } from '../../4-persisted-log/topic-errors.ts';
import type { TopicOwner } from '../../4-persisted-log/topic-folder.ts';

/** Where topics are found. */
export interface HalfTopics {
  /** `MQ_UNKNOWN_TOPIC`; `MQ_CORRUPT` for one that is damaged. */
  find(name: string): Topic | Promise<Topic>;
  /** Makes what does not exist, unless `check` refuses. */
  open(name: string, check: (topic: NamedTopic) => void): Topic | Promise<Topic>;
  /** A topic of the broker's own, which goes with its owner; made when it is missing. */
  openOwn(name: string, owner: TopicOwner): Promise<Topic>;
}

/** False when the topic that halves are for is gone; one that is damaged may be mended, and they wait for it. */
export async function isThere(
  topics: HalfTopics,
  { topic, topicId }: { readonly topic: string; readonly topicId: string },
): Promise<boolean> {
  try {
    return (await topics.find(topic)).topicId === topicId;
  } catch (error) {
    return !isMqError(error, 'MQ_UNKNOWN_TOPIC');
  }
}
