/** What half messages need of the topics they are for. Types only; the table of topics is one. */
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
