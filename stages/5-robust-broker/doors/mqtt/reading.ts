/**
 * The feeds of one connected client: which of its subscriptions reads what.
 *
 *     a/#      --> feed of its own --\
 *     a/+/c    --> feed of its own ----> one group of the client in each topic; each topic in one of the feeds
 *     a/b      --> none: a/# reads it
 *     $queue/x --> feed of its own: group "default";   $share/g/... --> feed of its own: the group they share
 *
 * Always true: a topic is read by at most one feed of the client's own group, so a message comes once and topics stay in order;
 * what no subscription covers any more is given up, group and all; changes come one after the other.
 */
import type { Broker } from '../../../../shared/contract/broker.ts';
import type { Delivery } from '../../../../shared/contract/message.ts';
import { destinationOf, topicOf } from '../destinations.ts';
import type { Exchange, OpenSubscription, SubscribedTo, Subscriber } from '../exchange.ts';
import type { Feed } from '../feed.ts';
import { ignoringGone } from '../gone.ts';
import { isOwn, type Subscription, type SubscriptionSet } from './subscriptions.ts';
import { nameOf, type TopicFilter } from './topics.ts';

export interface ReadingOptions {
  readonly exchange: Exchange;
  /** As the client may use it. */
  readonly broker: Broker;
  /** As the door may. */
  readonly served: Broker;
  readonly subscriptions: SubscriptionSet;
  /** The client's durable group; undefined: it has none, and what it does not get now it does not get. */
  readonly group: string | undefined;
  readonly nextMemberId: () => string;
  readonly creditMax: number;
  /** `shared`: the subscription it came by, where that has a group of its own. */
  readonly onDelivery: (
    delivery: Delivery,
    by: { readonly feed: Feed; readonly shared: Subscription | undefined },
  ) => void;
  /** Nothing more comes of a topic. */
  readonly onEnd: (error: unknown, topic: string) => void;
}

/** A filter, and what reads for it. */
interface Reader {
  readonly filter: TopicFilter;
  readonly memberId: string;
  /** Topics that it reads, or is about to. */
  readonly claimed: Set<string>;
  /** Set when it is open. */
  subscription: OpenSubscription | undefined;
  /** Its filter is not subscribed to any more: it takes no new topics. */
  isRetired: boolean;
}

export class Reading {
  readonly #options: ReadingOptions;
  #readers: Reader[] = [];
  #isPaused = false;
  #isClosed = false;

  constructor(options: ReadingOptions) {
    this.#options = options;
  }

  /** Deliveries that the client has not answered. */
  get heldCount(): number {
    return this.#readers.reduce((sum, { subscription }) => sum + (subscription?.feed.heldCount ?? 0), 0);
  }

  /** What is published from now on comes. Rejects when it cannot be read. */
  async subscribe({ filter }: Subscription): Promise<void> {
    if (this.#isClosed || this.#readers.some((reader) => reader.filter.text === filter.text && !reader.isRetired))
      return;
    if (isOwn(filter) && this.#isReadAnyway(filter)) return;
    await this.#open(filter);
  }

  /** After the filter has left the set. */
  async unsubscribe(filter: TopicFilter): Promise<void> {
    const reader = this.#readers.find((candidate) => candidate.filter.text === filter.text && !candidate.isRetired);
    if (!isOwn(filter)) {
      if (reader !== undefined) await this.#close(reader);
      return;
    }
    if (reader !== undefined) reader.isRetired = true;
    await Promise.all(this.#readers.filter(({ filter: own }) => isOwn(own)).map((each) => this.#giveUp(each)));
    await this.#fillGaps();
  }

  /** The client has more to read than is sensible. */
  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    for (const { subscription } of this.#readers) subscription?.feed.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    for (const { subscription } of this.#readers) subscription?.feed.resume();
  }

  /** What the client has not answered goes back. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#readers.map((reader) => this.#close(reader)));
  }

  async #open(filter: TopicFilter): Promise<void> {
    const { exchange, broker, subscriptions, creditMax, onDelivery, onEnd, nextMemberId } = this.#options;
    const memberId = nextMemberId();
    const reader: Reader = { filter, memberId, claimed: new Set(), subscription: undefined, isRetired: false };
    this.#readers.push(reader);
    const isShared = !isOwn(filter);
    try {
      const subscription = await exchange.subscribe(broker, {
        ...this.#placesOf(reader),
        subscriber: this.#subscriberOf(filter),
        memberId,
        creditMax: 0, // until it is known to whom an ack is to be given
        onDelivery: (delivery) => {
          const shared = isShared ? subscriptions.get(filter.text) : undefined;
          if (reader.subscription !== undefined) onDelivery(delivery, { feed: reader.subscription.feed, shared });
        },
        onEnd: (error, topic) => {
          reader.claimed.delete(topic);
          onEnd(error, topic);
        },
      });
      reader.subscription = subscription;
      if (this.#isClosed) await this.#close(reader);
      if (this.#isPaused) subscription.feed.pause();
      subscription.feed.setCredit(creditMax);
    } catch (error) {
      this.#readers = this.#readers.filter((other) => other !== reader);
      throw error;
    }
  }

  #placesOf(reader: Reader): SubscribedTo {
    const { destination } = reader.filter;
    if (destination !== undefined) {
      reader.claimed.add(topicOf(destination));
      return { destination };
    }
    if (!isOwn(reader.filter)) return { covers: (topic) => coversTopic(reader.filter, topic) };
    return {
      covers: (topic) => {
        if (reader.isRetired || !coversTopic(reader.filter, topic)) return false;
        if (this.#readers.some((other) => other !== reader && other.claimed.has(topic) && isOwn(other.filter)))
          return false;
        reader.claimed.add(topic);
        return true;
      },
    };
  }

  #subscriberOf({ kind, sharedGroup }: TopicFilter): Subscriber {
    const { group } = this.#options;
    if (kind === 'queue') return { kind: 'queue' };
    if (sharedGroup !== undefined) return { kind: 'shared', group: sharedGroup };
    return group === undefined ? { kind: 'ephemeral' } : { kind: 'durable', group };
  }

  /** Of one topic: another reader has it, or will have it as soon as it is there. */
  #isReadAnyway({ destination }: TopicFilter): boolean {
    if (destination === undefined) return false;
    const topic = topicOf(destination);
    return this.#readers.some(({ filter, claimed, isRetired }) => {
      if (!isOwn(filter)) return false;
      return (
        claimed.has(topic) || (!isRetired && filter.destination === undefined && filter.matches(nameOf(destination)))
      );
    });
  }

  /** Topics that nothing in the set covers are given up; a reader that has none left is closed. */
  async #giveUp(reader: Reader): Promise<void> {
    const { subscriptions, group, served } = this.#options;
    const gone = [...reader.claimed].filter((topic) => !subscriptions.covers(nameOf(destinationOf(topic))));
    for (const topic of gone) reader.claimed.delete(topic);
    if (reader.isRetired && reader.claimed.size === 0) await this.#close(reader);
    const ofTopics = group ?? reader.memberId;
    await Promise.all(gone.map((topic) => ignoringGone(served.deleteGroup(topic, ofTopics))));
  }

  /** Topics that were read for a filter that has left. */
  async #fillGaps(): Promise<void> {
    for (const { filter } of this.#options.subscriptions) {
      if (isOwn(filter) && filter.destination !== undefined && !this.#isReadAnyway(filter)) await this.#open(filter);
    }
  }

  async #close(reader: Reader): Promise<void> {
    this.#readers = this.#readers.filter((other) => other !== reader);
    await reader.subscription?.close();
  }
}

/** `topic`: of the contract. */
export function coversTopic(filter: Pick<TopicFilter, 'matches'>, topic: string): boolean {
  const destination = destinationOf(topic);
  return destination.kind === 'topic' && filter.matches(nameOf(destination));
}
