/**
 * What happened to the messages of a broker lately, so that `explain` can say why one came again.
 *
 *     events     [ 41 ][ 42 ][ 43 ][ 12 ][ 40 ]     round and round: the next one takes the place of the oldest
 *                              ^ next place
 *
 * Always true: it keeps the last `countMax` events of all topics together, each of a run of offsets and not of every message,
 * so that writing down costs one assignment for whatever a call did; it is searched only when somebody asks. Topics use it.
 */
import type { MessageEvent } from '../../../shared/contract/explanation.ts';
import type { GroupEvent } from '../delivery/group-events.ts';

/** What a trace keeps: an event of a group, or of the topic, with its time. */
export interface TraceEntry {
  readonly topicId: string;
  /** Epoch ms. */
  readonly at: number;
  readonly event: GroupEvent | TopicTraceEvent;
}

/** What happens to the dead letter of a message, at the place where the message was. */
export interface TopicTraceEvent {
  readonly kind: 'redriven' | 'dropped';
  readonly partition: number;
  readonly fromOffset: number;
  readonly count: number;
  readonly group: string;
}

/** Where a message was, in all the logs it has been in. */
export interface TracedPlace {
  readonly topicId: string;
  readonly partition: number;
  readonly offset: number;
}

export class Trace {
  readonly #countMax: number;
  readonly #entries: TraceEntry[] = [];
  #place = 0;
  /** Epoch ms: nothing from before is known. */
  #sinceAt: number;

  constructor({ countMax, now }: { readonly countMax: number; readonly now: number }) {
    this.#countMax = countMax;
    this.#sinceAt = now;
  }

  add(entry: TraceEntry): void {
    const overwritten = this.#entries[this.#place];
    if (overwritten !== undefined) this.#sinceAt = Math.max(this.#sinceAt, overwritten.at + 1);
    this.#entries[this.#place] = entry;
    this.#place = (this.#place + 1) % this.#countMax;
  }

  /** True when nothing that happened from `at` on is missing. */
  isCompleteSince(at: number): boolean {
    return at >= this.#sinceAt;
  }

  /** What is known of one record, oldest first. `nameOf` has the names of groups. */
  eventsOf({ topicId, partition, offset }: TracedPlace, nameOf: (group: number) => string | undefined): MessageEvent[] {
    const found: MessageEvent[] = [];
    const inOrder = [...this.#entries.slice(this.#place), ...this.#entries.slice(0, this.#place)];
    const stories = new Map<number, GroupStory>();
    for (const { topicId: otherId, at, event } of inOrder) {
      if (otherId !== topicId || !isAbout(event, { partition, offset })) continue;
      const told = 'group' in event && typeof event.group === 'number' ? tellGroup(event, stories) : tellTopic(event);
      if (told === undefined) continue;
      const group = groupNameOf(event, nameOf);
      found.push({ at, ...told, ...(group === undefined ? {} : { group }) });
    }
    return found;
  }
}

/** What is remembered from one event of a group to the next. */
interface GroupStory {
  memberId: string;
  deliveryCount: number;
}

type Told = Omit<MessageEvent, 'at' | 'group'> | undefined;

function isAbout(event: GroupEvent | TopicTraceEvent, { partition, offset }: Omit<TracedPlace, 'topicId'>): boolean {
  if (!('partition' in event) || event.partition !== partition) return false;
  if ('fromOffset' in event) return offset >= event.fromOffset && offset < event.fromOffset + event.count;
  return 'offset' in event && event.kind === 'extended' && event.offset === offset;
}

function groupNameOf(
  event: GroupEvent | TopicTraceEvent,
  nameOf: (group: number) => string | undefined,
): string | undefined {
  const group = 'group' in event ? event.group : undefined;
  return typeof group === 'number' ? nameOf(group) : group;
}

function tellGroup(event: GroupEvent | TopicTraceEvent, stories: Map<number, GroupStory>): Told {
  const groupId = (event as GroupEvent).group;
  const story = stories.get(groupId) ?? { memberId: '', deliveryCount: 1 };
  stories.set(groupId, story);
  const { deliveryCount, memberId } = story;
  const who = memberId === '' ? { deliveryCount } : { memberId, deliveryCount };
  switch (event.kind) {
    case 'leased':
      story.memberId = event.memberId;
      return { what: 'delivered', memberId: event.memberId, deliveryCount };
    case 'extended':
      return { what: 'extended', ...who };
    case 'acked':
      return { what: 'acked', ...who };
    case 'given-back': {
      if (event.reason === 'retry' || event.reason === 'lease-expired') story.deliveryCount += 1;
      const reason = event.error === undefined ? event.reason : `${event.reason}: ${event.error}`;
      return { what: 'given-back', ...who, reason };
    }
    case 'dying':
      return { what: 'dead', ...who, reason: event.error === undefined ? event.why : `${event.why}: ${event.error}` };
    case 'finished':
      return event.how === 'expired' || event.how === 'filtered' ? { what: event.how } : undefined;
    default:
      return undefined;
  }
}

function tellTopic(event: GroupEvent | TopicTraceEvent): Told {
  const { kind } = event;
  return kind === 'redriven' || kind === 'dropped' ? { what: kind } : undefined;
}
