/**
 * What becomes of messages, said inside this process as it happens: one channel for each kind of change.
 *
 *     store, hand out, ack, ...  -->  channel 'stagemq:acked'  -->  Meters, Advisories, EventLog, a test, anybody's tool
 *
 * Always true: nothing is made, and nothing is said, while nobody listens, so a place that says something asks
 * `isWatched` first; an event is plain and complete, never about a body, a token or a password; it is of the broker whose
 * `source` it carries, since one process may have several. Who says it goes on whatever a listener does.
 *
 * They are channels of `node:diagnostics_channel`, so a tool that knows nothing of this file can listen to them too.
 */
import { type Channel, channel } from 'node:diagnostics_channel';

/** Which broker of the process: compared, never looked into. */
export type Source = object;

export interface LifeEvent {
  readonly source: Source;
  /** Epoch ms, by the broker's clock. */
  readonly at: number;
}

/** Neighbours of one partition. */
export interface RunEvent extends LifeEvent {
  readonly topic: string;
  readonly partition: number;
  readonly fromOffset: number;
  readonly count: number;
}

export interface GroupRunEvent extends RunEvent {
  readonly group: string;
}

export interface StoredEvent extends RunEvent {
  /** As they are stored. */
  readonly bytes: number;
  /** Epoch ms: of the records. */
  readonly timestamp: number;
}

export interface DeliveredEvent extends GroupRunEvent {
  readonly memberId: string;
  /** From 1. */
  readonly deliveryCount: number;
  /** True: none of them was handed out in this group before. */
  readonly isFirst: boolean;
}

export interface GivenBackEvent extends GroupRunEvent {
  readonly reason: 'lease-expired' | 'retry' | 'return' | 'member-left';
}

export interface DeadEvent extends GroupRunEvent {
  readonly why: 'rejected' | 'deliveries' | 'expired';
}

export interface LettersEvent extends GroupRunEvent {
  readonly what: 'redriven' | 'dropped';
}

/** Offsets are those of the topic's log of delayed messages. */
export interface DueEvent extends LifeEvent {
  readonly topic: string;
  readonly fromOffset: number;
  readonly count: number;
}

export interface GroupChangedEvent extends LifeEvent {
  readonly topic: string;
  readonly group: string;
  readonly change: 'made' | 'deleted' | 'paused' | 'resumed' | 'sought' | 'fell-behind';
}

export interface TopicChangedEvent extends LifeEvent {
  readonly topic: string;
  readonly change: 'made' | 'deleted' | 'paused' | 'resumed';
}

/** Why a transaction ended: its owner said so, or did not in time, or a newer one took its name, or it could not go on. */
export type EndReason = 'asked' | 'timed-out' | 'fenced' | 'failed' | 'closing';

export interface EndedTransaction {
  readonly id: string;
  readonly outcome: 'committed' | 'aborted';
  readonly why: EndReason;
  readonly durationMs: number;
}

export type TransactionEndedEvent = LifeEvent & EndedTransaction;

export interface SlowConsumerEvent extends LifeEvent {
  readonly topic: string;
  readonly group: string;
  readonly memberId: string;
  /** What was done about it. */
  readonly action: string;
}

export interface FlowControlEvent extends LifeEvent {
  readonly isOn: boolean;
  /** `memory`, `disk`, or the quota. */
  readonly why: string;
  /** Whom it concerns; left out: everybody. */
  readonly topic?: string;
  readonly client?: string;
}

/** One kind of change. */
export class LifeChannel<Event extends LifeEvent> {
  readonly #channel: Channel;

  constructor(name: string) {
    this.#channel = channel(name);
  }

  get name(): string {
    return String(this.#channel.name);
  }

  /** False: whoever would say something need not make it. */
  get isWatched(): boolean {
    return this.#channel.hasSubscribers;
  }

  publish(event: Event): void {
    this.#channel.publish(event);
  }

  /**
   * Tells `listener` of the events of one broker, or without a source of all in the process, synchronously, until what it
   * returns is called.
   */
  watch(source: Source | undefined, listener: (event: Event) => void): () => void {
    const take = (event: unknown): void => {
      if (source === undefined || (event as Event).source === source) listener(event as Event);
    };
    this.#channel.subscribe(take);
    return () => void this.#channel.unsubscribe(take);
  }
}

export const CHANNELS = Object.freeze({
  stored: new LifeChannel<StoredEvent>('stagemq:stored'),
  delivered: new LifeChannel<DeliveredEvent>('stagemq:delivered'),
  acked: new LifeChannel<GroupRunEvent>('stagemq:acked'),
  givenBack: new LifeChannel<GivenBackEvent>('stagemq:given-back'),
  expired: new LifeChannel<GroupRunEvent>('stagemq:expired'),
  dead: new LifeChannel<DeadEvent>('stagemq:dead'),
  letters: new LifeChannel<LettersEvent>('stagemq:letters'),
  due: new LifeChannel<DueEvent>('stagemq:due'),
  groupChanged: new LifeChannel<GroupChangedEvent>('stagemq:group-changed'),
  topicChanged: new LifeChannel<TopicChangedEvent>('stagemq:topic-changed'),
  transactionEnded: new LifeChannel<TransactionEndedEvent>('stagemq:transaction-ended'),
  slowConsumer: new LifeChannel<SlowConsumerEvent>('stagemq:slow-consumer'),
  flowControl: new LifeChannel<FlowControlEvent>('stagemq:flow-control'),
});
