/**
 * What all protocol doors of one broker share: publishing and subscribing in the words of JMS and MQTT, over any Broker.
 *
 *     publish    queue a ----------------------------> send to "a"
 *                topic a --anybody awaits it?-- yes --> send to "topic/a"
 *                                            \-- no --> dropped: null
 *     subscribe  queue a ----------------------------> group "default" of "a"
 *                topic a, or a pattern --------------> a group of its own, of each topic covered
 *
 * Always true (I29, I30): a message of a topic is stored once, however many subscribers there are, and each of them gets it;
 * it is dropped only when no group of the topic was there when it came; a pattern covers a topic before the first message that
 * is published to it; everything is done as the caller may do it (`view`). One exchange for each broker and process, so that
 * subscribers of one door are known to publishers of another.
 */
import { type Clock, checkClock } from '../../../shared/clock.ts';
import type { Broker, SendOptions } from '../../../shared/contract/broker.ts';
import type { Filter } from '../../../shared/contract/filter.ts';
import type { Delivery, Message, Receipt } from '../../../shared/contract/message.ts';
import type { Transaction } from '../../../shared/contract/transaction.ts';
import { checkBroker, checkOptions, invalidArgument } from '../../../shared/contract/validation.ts';
import { checkRandom, type Random } from '../../../shared/random.ts';
import { need } from '../../1-blocking-queue/rules.ts';
import { AwaitedTopics } from './awaited-topics.ts';
import { canBeGroup, type Destination, destinationOf, isTopicLike, topicOf } from './destinations.ts';
import { DurableReaders } from './durable-readers.ts';
import { Feed } from './feed.ts';
import { IdleTopics } from './idle-topics.ts';
import { type Awaiting, PublishLane } from './publish-lane.ts';
import { SubscribedTopics } from './subscribed-topics.ts';
import { SubscriberGroups } from './subscriber-groups.ts';
import { Temporaries, type TemporaryChange, type TemporaryKind } from './temporaries.ts';
import { TopicBook } from './topic-book.ts';

export interface ExchangeOptions {
  readonly clock?: Clock;
  readonly random?: Random;
  /** What goes wrong while nobody waits. Default: a warning of the process. */
  readonly onNotice?: (text: string) => void;
}

/** Who reads, and what becomes of its place when it goes. */
export type Subscriber =
  /** One of those who share a queue. */
  | { readonly kind: 'queue' }
  /** Of a topic, from now on, until it goes. */
  | { readonly kind: 'ephemeral' }
  /** Of a topic, from its first time on; `subscriberGroup` names it. */
  | { readonly kind: 'durable'; readonly group: string }
  /** One of those who share a group of a topic; it stays when all are gone. */
  | { readonly kind: 'shared'; readonly group: string };

/** One destination, or all whose topics a pattern covers. */
export type SubscribedTo = { readonly destination: Destination } | { readonly covers: (topic: string) => boolean };

export type SubscriptionWant = SubscribedTo & {
  readonly subscriber: Subscriber;
  /** Its own: no other subscription has it. */
  readonly memberId: string;
  readonly creditMax: number;
  readonly leaseMs?: number;
  /** Of a queue what does not match stays for others; of a topic it is finished for this subscriber. */
  readonly filter?: Filter;
  readonly onDelivery: (delivery: Delivery) => void;
  /** Nothing more comes of this topic. */
  readonly onEnd?: (error: unknown, topic: string) => void;
};

/** A subscriber that is away, and whose durable groups are to cover new topics as well. */
export interface AbsentSubscriber {
  readonly group: string;
  readonly covers: (topic: string) => boolean;
  readonly filter?: Filter;
}

/** Of `publish`. */
export interface PublishOptions extends SendOptions {
  readonly transaction?: Transaction;
}

/** Of `post`. */
export interface PostOptions {
  readonly options: SendOptions;
  readonly awaiting: Awaiting;
}

export interface OpenSubscription {
  readonly feed: Feed;
  /** Nothing more comes, and what is held goes back; an ephemeral subscriber is forgotten. */
  close(options?: { readonly isFailure?: boolean }): Promise<void>;
}

/** `MQ_INVALID_ARGUMENT` for options it cannot honour. */
export function createExchange(broker: Broker, options: ExchangeOptions = {}): Exchange {
  checkOptions('options', options, ['clock', 'random', 'onNotice']);
  return new Exchange(checkBroker('broker', broker), {
    clock: checkClock('options.clock', options.clock),
    random: checkRandom('options.random', options.random),
    onNotice: options.onNotice ?? ((text) => process.emitWarning(text)),
  });
}

export class Exchange {
  readonly #broker: Broker;
  readonly #options: Required<ExchangeOptions>;
  readonly #book: TopicBook;
  readonly #temporaries: Temporaries;
  /** What is published in this turn, by caller and topic. */
  readonly #lanes = new WeakMap<Broker, Map<string, PublishLane>>();
  /** The one that was used last, and most often is the next one too: it stays when it has nothing to do. */
  #lastLane: { readonly view: Broker; readonly topic: string; readonly lane: PublishLane } | undefined;
  readonly #awaited: AwaitedTopics;
  readonly #idle: IdleTopics;
  readonly #groups: SubscriberGroups;
  #lookingAtAll: Promise<void> | undefined;
  /** Of doors that let one reader have a durable subscription at a time. */
  readonly durableReaders = new DurableReaders();

  constructor(broker: Broker, options: Required<ExchangeOptions>) {
    this.#broker = broker;
    this.#options = options;
    this.#book = new TopicBook({ broker, ...options });
    this.#awaited = new AwaitedTopics({ broker, book: this.#book });
    this.#idle = new IdleTopics({ broker, book: this.#book, ...options });
    this.#groups = new SubscriberGroups({ broker, book: this.#book });
    this.#temporaries = new Temporaries(broker, options.clock);
  }

  /** Resolves when the broker has taken responsibility; null: to a topic that nobody awaits, and dropped. */
  async publish(
    view: Broker,
    destination: Destination,
    message: Message,
    { transaction, ...options }: PublishOptions = {},
  ): Promise<Receipt | null> {
    if (transaction === undefined) {
      return await new Promise((resolve, reject) => {
        this.post(view, destination, message, { options, awaiting: { published: resolve, refused: reject } });
      });
    }
    const topic = topicOf(destination);
    const isTopic = isTopicLike(destination.kind);
    if (isTopic) needGroups(view);
    if (isTopic && !(await this.#awaited.isAwaited(view, { ...destination, topic }))) return null;
    return await transaction.send(topic, message, options);
  }

  /** The same without a promise for each message: `awaiting` is told, once, after this returned. Throws when it is refused now. */
  post(view: Broker, destination: Destination, message: Message, { options, awaiting }: PostOptions): void {
    this.#laneOf(view, destination).add(message, options, awaiting);
  }

  /** Resolves when it is in force: what is published from then on comes. */
  async subscribe(view: Broker, want: SubscriptionWant): Promise<OpenSubscription> {
    if (want.subscriber.kind !== 'queue') needGroups(view);
    if ('group' in want.subscriber) checkGroup(want.subscriber.group);
    const { memberId, creditMax, leaseMs, onDelivery } = want;
    const topics = new SubscribedTopics({ awaited: this.#awaited, idle: this.#idle });
    const onEnd = (error: unknown, topic: string): void => {
      topics.end(topic);
      want.onEnd?.(error, topic);
    };
    const feed = new Feed({
      ...{ ...this.#options, broker: view, served: this.#broker, memberId, creditMax, onDelivery, onEnd },
      ...(leaseMs !== undefined && { leaseMs }),
    });
    const add = (topic: string, isNew: boolean): Promise<void> =>
      topics.open(topic, () => feed.add(this.#groups.placeOf(view, want, { topic, isNew })));
    let unwatch = (): void => undefined;
    const close: OpenSubscription['close'] = (how) => {
      unwatch();
      topics.endAll();
      return feed.close(how);
    };
    try {
      unwatch = await this.#addAll(want, add);
      return { feed, close };
    } catch (error) {
      await close();
      throw error;
    }
  }

  /** Until it is called back, new topics are covered for somebody who is away. */
  watchFor(view: Broker, { covers, ...subscriber }: AbsentSubscriber): Promise<() => void> {
    needGroups(view);
    return this.#book.watch({
      covers,
      cover: async (topic, isNew) => {
        this.#idle.hold(topic);
        try {
          await this.#groups.cover(view, { topic, isNew }, subscriber);
        } finally {
          this.#idle.release(topic);
        }
      },
    });
  }

  /**
   * A durable subscriber is forgotten, with all that waits for it, by who may read it. Resolves to how many topics had it.
   * `MQ_FORBIDDEN`: it is another's.
   */
  async forget(view: Broker, group: string): Promise<number> {
    const topics = await this.#groups.forget(view, group);
    for (const topic of topics) this.#idle.look(topic);
    return topics.length;
  }

  /** What the doors of an earlier process left behind goes too, when nobody comes back to it. Never rejects. */
  lookForLeftovers(): Promise<void> {
    this.#lookingAtAll ??= this.#idle.lookAtAll();
    return this.#lookingAtAll;
  }

  /** Of what was made by a door of this exchange also the kind is known. */
  destinationOf(topic: string): Destination {
    return this.#temporaries.get(topic)?.destination ?? destinationOf(topic);
  }

  createTemporary(view: Broker, kind: TemporaryKind, owner: string): Promise<Destination> {
    return this.#temporaries.create(view, kind, owner);
  }

  deleteTemporary(name: string): Promise<void> {
    return this.#temporaries.delete(name);
  }

  /** What the connection with this name made goes with it. */
  deleteTemporariesOf(owner: string): Promise<void> {
    return this.#temporaries.deleteAllOf(owner);
  }

  /** Temporary destinations there are, and `listener` is told of each that comes or goes. */
  watchTemporaries(listener: (change: TemporaryChange) => void): {
    readonly present: readonly TemporaryChange[];
    readonly stop: () => void;
  } {
    const present = this.#temporaries.all().map((temporary) => ({ ...temporary, isCreated: true }));
    return { present, stop: this.#temporaries.listen(listener) };
  }

  /** Nothing is watched any more; what is open is closed by its door. */
  close(): void {
    this.#book.close();
    this.#idle.close();
    this.#temporaries.close();
  }

  async #addAll(want: SubscribedTo, add: (topic: string, isNew: boolean) => Promise<void>): Promise<() => void> {
    if ('covers' in want) return await this.#book.watch({ covers: want.covers, cover: add });
    await add(topicOf(want.destination), false);
    return () => undefined;
  }

  #laneOf(view: Broker, destination: Destination): PublishLane {
    const topic = topicOf(destination);
    const last = this.#lastLane;
    if (last?.view === view && last.topic === topic) return last.lane;
    const lane = this.#openLane(view, { ...destination, topic });
    if (last?.lane.isIdle === true) this.#lanes.get(last.view)?.delete(last.topic);
    this.#lastLane = { view, topic, lane };
    return lane;
  }

  #openLane(view: Broker, place: Destination & { readonly topic: string }): PublishLane {
    const { topic } = place;
    if (isTopicLike(place.kind)) needGroups(view);
    const lanes = this.#lanes.get(view) ?? new Map<string, PublishLane>();
    this.#lanes.set(view, lanes);
    const present = lanes.get(topic);
    if (present !== undefined) return present;
    const isAwaited = isTopicLike(place.kind) ? () => this.#awaited.isAwaited(view, place) : () => true as const;
    const onIdle = (): void => {
      if (this.#lastLane?.lane !== lane) lanes.delete(topic);
    };
    const lane = new PublishLane({ view, topic, isAwaited, onIdle });
    lanes.set(topic, lane);
    return lane;
  }
}

/** A pattern has no topic yet whose broker could refuse it. */
function checkGroup(group: string): void {
  if (!canBeGroup(group)) throw invalidArgument('subscription', 'a shorter name, without control characters', group);
}

function needGroups(broker: Broker): void {
  need(broker, 'groups', 'a topic with subscribers');
}
