/** What half messages need of the topics they are for. Types only; the table of topics is one. */
import type { Topic } from '../../4-persisted-log/topic.ts';
import type { NamedTopic } from '../../4-persisted-log/topic-errors.ts';

/** Where topics are found. */
export interface HalfTopics {
  /** `MQ_UNKNOWN_TOPIC`; `MQ_CORRUPT` for one that is damaged. */
  find(name: string): Topic | Promise<Topic>;
  /** Makes what does not exist, unless `check` refuses. */
  open(name: string, check: (topic: NamedTopic) => void): Topic | Promise<Topic>;
  /** For messages of this topic of which nobody could say what became of them; made when it is missing. */
  openUnresolved(topic: Topic): Promise<Topic>;
}

/** At a start: a record of a topic says that it was a half message. */
export interface MovedHalf {
  readonly topicId: string;
  readonly isUnresolved: boolean;
  readonly partition: number;
  readonly offset: number;
  readonly id: string;
  readonly halfOffset: number;
}
