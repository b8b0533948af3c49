/**
 * One topic of stage 1: its queue, the offsets and timestamps of what the queue accepts, and the view from outside.
 *
 * Always true:
 *   I6  offsets are 0, 1, 2, ... in the order of acceptance; a refused message takes none
 *   I7  timestamps never decrease, also when the wall clock is set back
 * Both hold because they are given in one place, at the moment the queue accepts. Only the spine uses it.
 */
import type { Clock } from '../../shared/clock.ts';
import type { TopicDescription, TopicOptions } from '../../shared/contract/description.ts';
import { previewOf, type QueueView } from '../../shared/contract/inside.ts';
import { DEFAULTS, type Limits } from '../../shared/contract/limits.ts';
import type { Delivery, StoredRecord } from '../../shared/contract/message.ts';
import type { CheckedMessage } from '../../shared/contract/validation.ts';
import { BlockingQueue, CAPACITY_DEFAULT } from './blocking-queue.ts';
import { deliveryOf } from './delivery.ts';
import { viewWaiters } from './waiter-line.ts';

/** Options of a topic whose creator does not say. */
export const TOPIC_DEFAULTS: TopicOptions = Object.freeze({ messagesMax: CAPACITY_DEFAULT, overflow: 'wait' });

/** A message on its way through the queue. `offset` and `timestamp` are set when the queue accepts it. */
export type QueuedMessage = { -readonly [Member in keyof StoredRecord]: StoredRecord[Member] } & {
  offset: number;
  /** Body, key, id and headers. */
  readonly bytes: number;
  /** With the objects around them. */
  readonly heldBytes: number;
};

/** What all topics of a broker share. */
export interface TopicSettings {
  readonly limits: Limits;
  readonly clock: Clock;
}

export interface TopicMakings {
  readonly name: string;
  /** As `checkTopicOptions` made them. */
  readonly options: TopicOptions;
  readonly settings: TopicSettings;
}

export class Topic {
  readonly name: string;
  readonly options: TopicOptions;
  readonly queue: BlockingQueue<QueuedMessage>;
  readonly #clock: Clock;
  /** I7 */
  #lastTimestamp = 0;

  constructor({ name, options, settings }: TopicMakings) {
    this.name = name;
    this.options = options;
    this.#clock = settings.clock;
    this.queue = new BlockingQueue({
      capacity: options.messagesMax,
      overflow: options.overflow,
      limits: settings.limits,
      bytesOf: ({ heldBytes }) => heldBytes,
      clock: settings.clock,
      onAccept: (message, sequence) => {
        this.#lastTimestamp = Math.max(this.#lastTimestamp, this.#clock.now());
        message.timestamp = this.#lastTimestamp;
        message.offset = sequence; // I6
      },
    });
  }

  /** The message as the queue will hold it; it has no offset before the queue accepts it. */
  messageOf(checked: CheckedMessage, id: string): QueuedMessage {
    const { body, key, headers, bytes, heldBytes } = checked;
    const idBytes = checked.id === undefined ? id.length : 0;
    const message: QueuedMessage = {
      topic: this.name,
      partition: 0,
      offset: -1,
      id,
      headers,
      body,
      timestamp: 0,
      bytes: bytes + idBytes,
      heldBytes: heldBytes + idBytes,
    };
    if (key !== undefined) message.key = key;
    return message;
  }

  /** The message as its one receiver gets it. Without leases the hand-out is the end: there is nothing to ack. */
  deliveryOf(message: QueuedMessage, memberId: string): Delivery {
    return deliveryOf(message, {
      group: DEFAULTS.group,
      memberId,
      deliveryCount: 1,
      leaseToken: null,
      leaseExpiresAt: null,
      redeliveryReason: undefined,
    });
  }

  describe(): TopicDescription {
    const { size, acceptedCount, droppedCount, waitingPuts, waitingTakes } = this.queue;
    return {
      topic: this.name,
      partitionCount: 1,
      options: this.options,
      bytes: 0,
      availableCount: size,
      inFlightCount: 0,
      delayedCount: 0,
      redeliveredCount: 0,
      expiredCount: 0,
      deadCount: 0,
      droppedCount,
      waiterCount: waitingPuts.size + waitingTakes.size,
      lag: size,
      logStartOffset: acceptedCount - size,
      logEndOffset: acceptedCount,
      groups: [],
    };
  }

  inspect(max: number): QueueView {
    const { capacity, size, waitingPuts, waitingTakes } = this.queue;
    const limits = { max, clock: this.#clock };
    return {
      kind: 'queue',
      topic: this.name,
      capacity,
      size,
      slots: this.queue.peek(max).map(({ offset, id, body }) => {
        return { offset, id, bytes: body.length, preview: previewOf(body) };
      }),
      waitingSends: viewWaiters(waitingPuts, { ...limits, whoOf: (messages) => messages[0]?.id ?? '' }),
      waitingReceives: viewWaiters(waitingTakes, { ...limits, whoOf: ({ who }) => who }),
      waitingSendsCount: waitingPuts.size,
      waitingReceivesCount: waitingTakes.size,
    };
  }
}
