/**
 * Says on the channels what topics tell their observer.
 *
 *     Topic --event--> Publisher --> TraceWriter, always
 *                             \----> CHANNELS, where somebody listens
 *
 * Always true: with no listener it costs one look at the channel; it never throws, and never waits. The composition makes
 * one for a broker.
 */
import type { Clock } from '../../../shared/clock.ts';
import type { GroupEvent, JournalEvent } from '../../4-persisted-log/delivery/group-events.ts';
import type { Observer, StoredRun } from '../../4-persisted-log/observer.ts';
import type { TopicTraceEvent } from '../../4-persisted-log/policies/trace.ts';
import type { Topic } from '../../4-persisted-log/topic.ts';
import { CHANNELS, type GroupChangedEvent, type Source } from './channels.ts';

type Event = JournalEvent | TopicTraceEvent;
type EventOf<Kind extends Event['kind']> = Extract<Event, { readonly kind: Kind }>;

export interface PublisherOptions {
  readonly source: Source;
  readonly clock: Clock;
  /** Told first, of everything. */
  readonly next: Observer;
  readonly onLogBroken: (folder: string, isBroken: boolean) => void;
}

export class Publisher implements Observer {
  readonly #source: Source;
  readonly #clock: Clock;
  readonly #next: Observer;
  readonly #onLogBroken: (folder: string, isBroken: boolean) => void;

  constructor({ source, clock, next, onLogBroken }: PublisherOptions) {
    this.#source = source;
    this.#clock = clock;
    this.#next = next;
    this.#onLogBroken = onLogBroken;
  }

  stored(topic: Topic, run: StoredRun): void {
    this.#next.stored(topic, run);
    if (!CHANNELS.stored.isWatched) return;
    const { partition, baseOffset: fromOffset, count, bytes, timestamp } = run;
    CHANNELS.stored.publish({ ...this.#now(), topic: topic.name, partition, fromOffset, count, bytes, timestamp });
  }

  happened(topic: Topic, event: Event): void {
    this.#next.happened(topic, event);
    switch (event.kind) {
      case 'leased':
        this.#delivered(topic, event);
        break;
      case 'acked':
        if (CHANNELS.acked.isWatched) CHANNELS.acked.publish(this.#ofRun(topic, event));
        break;
      case 'given-back':
        this.#givenBack(topic, event);
        break;
      case 'dying':
        this.#died(topic, event);
        break;
      case 'finished':
        if (event.how === 'expired') this.#expired(topic, event);
        break;
      case 'redriven':
      case 'dropped':
        this.#letters(topic, event);
        break;
      case 'delayed-moved':
        this.#due(topic, event);
        break;
      case 'topic-paused':
        this.#topicChanged(topic.name, event.isPaused ? 'paused' : 'resumed');
        break;
      default:
        this.#changed(topic, event);
    }
  }

  topicChanged(name: string, how: 'made' | 'deleted'): void {
    this.#next.topicChanged(name, how);
    this.#topicChanged(name, how);
  }

  logBroken(folder: string, isBroken: boolean): void {
    this.#next.logBroken(folder, isBroken);
    this.#onLogBroken(folder, isBroken);
  }

  #delivered(topic: Topic, event: EventOf<'leased'>): void {
    if (!CHANNELS.delivered.isWatched) return;
    const { memberId, partition, place, fromOffset } = event;
    const lease = deskOf(topic, event.group)?.state.leases.at(place, partition, fromOffset);
    const { deliveryCount = 1, reason } = lease?.history ?? {};
    const isFirst = deliveryCount === 1 && reason === undefined;
    CHANNELS.delivered.publish({ ...this.#ofRun(topic, event), memberId, deliveryCount, isFirst });
  }

  #givenBack(topic: Topic, event: EventOf<'given-back'>): void {
    if (!CHANNELS.givenBack.isWatched) return;
    CHANNELS.givenBack.publish({ ...this.#ofRun(topic, event), reason: event.reason });
  }

  #died(topic: Topic, event: EventOf<'dying'>): void {
    if (event.why === 'expired') this.#expired(topic, event);
    if (CHANNELS.dead.isWatched) CHANNELS.dead.publish({ ...this.#ofRun(topic, event), why: event.why });
  }

  #expired(topic: Topic, event: EventOf<'dying' | 'finished'>): void {
    if (CHANNELS.expired.isWatched) CHANNELS.expired.publish(this.#ofRun(topic, event));
  }

  #due({ name: topic }: Topic, { fromOffset, count }: EventOf<'delayed-moved'>): void {
    if (CHANNELS.due.isWatched) CHANNELS.due.publish({ ...this.#now(), topic, fromOffset, count });
  }

  /** Records that were dropped for want of room are of the topic and of no group; dropped letters have one. */
  #letters(topic: Topic, event: EventOf<'redriven' | 'dropped'>): void {
    if (!('group' in event) || !CHANNELS.letters.isWatched) return;
    const { kind, group, partition, fromOffset, count } = event;
    const place = { topic: topic.name, group, partition, fromOffset, count };
    CHANNELS.letters.publish({ ...this.#now(), ...place, what: kind });
  }

  #changed(topic: Topic, event: Event): void {
    const change = changeOf(event);
    if (change === undefined || !CHANNELS.groupChanged.isWatched) return;
    const { group } = event as GroupEvent;
    const name = event.kind === 'created' ? event.name : (topic.groups.nameOf(group) ?? String(group));
    CHANNELS.groupChanged.publish({ ...this.#now(), topic: topic.name, group: name, change });
  }

  #topicChanged(topic: string, change: 'made' | 'deleted' | 'paused' | 'resumed'): void {
    if (CHANNELS.topicChanged.isWatched) CHANNELS.topicChanged.publish({ ...this.#now(), topic, change });
  }

  #ofRun(topic: Topic, event: EventOf<'leased' | 'acked' | 'given-back' | 'dying' | 'finished'>) {
    const { partition, fromOffset, count } = event;
    const group = topic.groups.nameOf(event.group) ?? '';
    return { ...this.#now(), topic: topic.name, group, partition, fromOffset, count };
  }

  #now() {
    return { source: this.#source, at: this.#clock.now() };
  }
}

function deskOf({ groups }: Topic, group: number) {
  const name = groups.nameOf(group);
  return name === undefined ? undefined : groups.desks.get(name);
}

/** Undefined for what is no change of a group that people would want to hear of. */
function changeOf(event: Event): GroupChangedEvent['change'] | undefined {
  switch (event.kind) {
    case 'created':
      return 'made';
    case 'paused':
      return event.isPaused ? 'paused' : 'resumed';
    case 'deleted':
    case 'sought':
    case 'fell-behind':
      return event.kind;
    default:
      return undefined;
  }
}
