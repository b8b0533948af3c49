/**
 * Who is told what becomes of messages, at the moment it does.
 *
 *     Topic, Partition  --what happened-->  Observer  -->  Trace, which `explain` reads; a composition may put more before it
 *
 * Always true: an observer is told of every event once, after it took effect, and never of one that is replayed at a start;
 * it is told synchronously, so it must be quick, and must not throw. Topics call it; a composition chooses it.
 */
import type { Clock } from '../../shared/clock.ts';
import type { GroupEvent, JournalEvent } from './delivery/group-events.ts';
import type { AppendReceipt } from './log/appender.ts';
import type { TopicTraceEvent, Trace } from './policies/trace.ts';
import type { Topic } from './topic.ts';

/** A batch that is in a partition, as safe as the flush policy says. */
export interface StoredRun extends AppendReceipt {
  readonly partition: number;
  /** As it is stored. */
  readonly bytes: number;
}

export interface Observer {
  stored(topic: Topic, run: StoredRun): void;
  /** To a group, to the topic, or to a letter about one of its messages. */
  happened(topic: Topic, event: JournalEvent | TopicTraceEvent): void;
  /** By a caller, or by the broker for dead letters; not at a start. */
  topicChanged(name: string, how: 'made' | 'deleted'): void;
  /** Nothing can be written to the log in `folder`; false: it can again. */
  logBroken(folder: string, isBroken: boolean): void;
}

/** What observes where nobody wants to know more: the story of each message is written down, as far back as there is room. */
export class TraceWriter implements Observer {
  readonly #trace: Trace;
  readonly #clock: Clock;

  constructor({ trace, clock }: { readonly trace: Trace; readonly clock: Clock }) {
    this.#trace = trace;
    this.#clock = clock;
  }

  stored(): void {
    // The record itself says when it was accepted.
  }

  happened({ topicId }: Topic, event: JournalEvent | TopicTraceEvent): void {
    if (isAboutMessages(event)) this.#trace.add({ topicId, at: this.#clock.now(), event });
  }

  topicChanged(): void {
    // No message's story.
  }

  logBroken(): void {
    // Those whose messages were refused know.
  }
}

/** Those that tell the story of one. */
function isAboutMessages(event: JournalEvent | TopicTraceEvent): event is GroupEvent | TopicTraceEvent {
  return 'group' in event && event.kind !== 'dead-kept';
}
