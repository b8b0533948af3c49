/**
 * What all connections of the door share when they publish: retained messages, the store, and how a message of QoS 2 is found
 * again after a restart.
 *
 * Always true: a record that is looked for has an offset at or above the one that was noted before it was sent.
 */
import type { Clock } from '../../../../shared/clock.ts';
import type { Broker } from '../../../../shared/contract/broker.ts';
import { isMqError } from '../../../../shared/contract/errors.ts';
import type { Receipt } from '../../../../shared/contract/message.ts';
import type { Random } from '../../../../shared/random.ts';
import type { Incoming } from './in-flight.ts';
import type { Retained } from './retained.ts';
import type { DoorStore } from './store.ts';

/** Topics whose last offset is remembered. */
const TOPICS_MAX = 10_000;

export interface PublishingOptions {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly random: Random;
  readonly store: DoorStore;
  readonly retained: Retained;
  readonly onDefect: (error: unknown) => void;
}

export class Publishing {
  readonly #options: PublishingOptions;
  readonly #nextOffsets = new Map<string, number>();
  readonly #idPrefix: string;
  #idCount = 0;
  /** Sessions with a subscription that does not want its own messages. */
  noLocalCount = 0;

  constructor(options: PublishingOptions) {
    this.#options = options;
    this.#idPrefix = options.random.hex(8);
  }

  get store(): DoorStore {
    return this.#options.store;
  }

  get retained(): Retained {
    return this.#options.retained;
  }

  get clock(): Clock {
    return this.#options.clock;
  }

  /** Whose message it is goes with it only while somebody asks. */
  get wantsPublishers(): boolean {
    return this.noLocalCount > 0;
  }

  noteFailure(error: unknown): void {
    if (error instanceof Error && error.name === 'Violation') return;
    if (!isMqError(error) || error.code === 'MQ_INTERNAL') this.#options.onDefect(error);
  }

  sent({ topic, partition, offset }: Receipt): void {
    if (offset === null || partition !== 0 || !this.store.isDurable) return;
    if (this.#nextOffsets.size >= TOPICS_MAX) this.#nextOffsets.clear();
    this.#nextOffsets.set(topic, offset);
  }

  /** One that is to be published once. */
  incomingTo(topic: string): Incoming {
    const fromOffset = this.#nextOffsets.get(topic) ?? 0;
    this.#idCount += 1;
    const messageId = this.store.isDurable ? `${this.#idPrefix}-${this.#idCount}` : undefined;
    return { messageId, topic, fromOffset, state: 'publishing', ending: undefined };
  }

  /** Whether it was stored before the door was restarted. */
  async isStored({ messageId, topic, fromOffset }: Incoming): Promise<boolean> {
    const { broker } = this.#options;
    if (messageId === undefined || !broker.capabilities.has('offsets')) return false;
    try {
      const [description] = await broker.describeTopics({ topic });
      const count = description?.partitionCount ?? 0;
      for (let partition = 0; partition < count; partition += 1) {
        if (await this.#find(messageId, { topic, partition, from: count === 1 ? fromOffset : 0 })) return true;
      }
      return false;
    } catch (error) {
      if (isMqError(error, 'MQ_UNKNOWN_TOPIC')) return false;
      throw error;
    }
  }

  async #find(
    id: string,
    { topic, partition, from }: { readonly topic: string; readonly partition: number; readonly from: number },
  ): Promise<boolean> {
    const { broker } = this.#options;
    const max = broker.limits.receiveCountMax;
    for (let offset = from; ; ) {
      try {
        const { records, nextOffset, highWatermark } = await broker.fetch(topic, { partition, offset, max });
        if (records.some((record) => record.id === id)) return true;
        if (nextOffset >= highWatermark || nextOffset <= offset) return false;
        offset = nextOffset;
      } catch (error) {
        const start = isMqError(error, 'MQ_OFFSET_OUT_OF_RANGE') ? Number(error.details.logStartOffset) : Number.NaN;
        if (!(start > offset)) throw error;
        offset = start;
      }
    }
  }
}
