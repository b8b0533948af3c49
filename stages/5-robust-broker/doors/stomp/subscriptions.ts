/**
 * All subscriptions of one connection, by the names the client gives them.
 *
 *     /queue/a                                     one of those who share the queue
 *     /topic/a                                     from now on, until it goes
 *     /topic/a, durable: client-id and a name      from its first time on, until UNSUBSCRIBE says so
 *
 * Always true: a name is in use once; how many there are, and how much they may hold together, is bounded; a durable subscription
 * has one reader, and a connection that comes later takes it over: most often it is the same client, whose old connection nobody
 * has found dead yet; a subscription whose connection ends before it is in force ends too, and what came for it goes back.
 */
import type { Broker } from '../../../../shared/contract/broker.ts';
import { MqError } from '../../../../shared/contract/errors.ts';
import { DEFAULTS } from '../../../../shared/contract/limits.ts';
import type { Delivery } from '../../../../shared/contract/message.ts';
import { invalidArgument, quote } from '../../../../shared/contract/validation.ts';
import { need } from '../../../1-blocking-queue/rules.ts';
import type { ByteChannel } from '../byte-channel.ts';
import { type Destination, isTopicLike, namedGroup, topicOf } from '../destinations.ts';
import type { Door } from '../door-server.ts';
import type { OpenSubscription, Subscriber } from '../exchange.ts';
import { coverOf } from '../wildcards.ts';
import type { Version } from './frame.ts';
import { flagOf, numberOf } from './messages.ts';
import type { Names } from './names.ts';
import type { CheckedStompServerOptions } from './server-options.ts';
import { type AckMode, type HeldMessage, StompSubscription } from './subscription.ts';

type Headers = ReadonlyMap<string, string>;

export interface SubscriptionsOptions {
  readonly broker: Broker;
  readonly channel: ByteChannel;
  readonly door: Door;
  readonly version: Version;
  readonly clientId: string | undefined;
  readonly options: CheckedStompServerOptions;
  readonly names: Names;
  readonly write: (delivery: Delivery, subscription: StompSubscription) => string;
  readonly onTrouble: (error: unknown) => void;
  readonly takenOver: () => Promise<void>;
}

/** What an ACK or NACK is about. */
export interface TakenMessages {
  readonly subscription: StompSubscription;
  readonly messages: readonly HeldMessage[];
}

/** A SUBSCRIBE that is about to be in force. */
interface Beginning {
  readonly subscription: StompSubscription;
  readonly key: string;
  readonly creditMax: number;
  readonly destination: Destination;
  readonly subscriber: Subscriber;
  readonly covers: ((topic: string) => boolean) | undefined;
  /** Somebody else may read it. */
  readonly free: () => void;
}

const ACK_MODES: readonly AckMode[] = ['auto', 'client', 'client-individual'];
/** The name of a durable subscription, as clients of other brokers say it. */
const DURABLE_NAMES = ['activemq.subscriptionName', 'durable-subscriber-name'];

export class Subscriptions {
  readonly #options: SubscriptionsOptions;
  readonly #open = new Map<string, { readonly subscription: StompSubscription; readonly creditMax: number }>();
  /** SUBSCRIBEs that are not in force yet. */
  readonly #beginning = new Set<Promise<void>>();
  #isPaused = false;
  #isStopped = false;

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
  }

  async subscribe(headers: Headers): Promise<void> {
    const { broker, names, onTrouble, write } = this.#options;
    const key = this.#keyOf(headers);
    if (this.#open.has(key)) throw invalidArgument('id', `that of no open subscription, not ${quote(key)}`);
    const ackMode = ackModeOf(headers);
    if (ackMode !== 'auto') need(broker, 'lease', `ack:${ackMode}`);
    const creditMax = this.#creditOf(headers);
    const destination = await names.destinationOf(headers.get('destination') ?? '');
    const subscriber = this.#subscriberOf(headers, destination);
    const covers = coverOf(destination);
    const subscription = new StompSubscription({ id: headers.get('id'), ackMode, write, onTrouble });
    this.#open.set(key, { subscription, creditMax });
    try {
      // Whoever closes this connection does not wait for this: it may be the one that this waits for.
      const free = subscriber.kind === 'durable' ? await this.#takeDurable(subscriber.group) : () => undefined;
      const beginning = this.#begin(headers, { subscription, key, creditMax, destination, subscriber, covers, free });
      this.#beginning.add(beginning);
      await beginning.finally(() => this.#beginning.delete(beginning));
    } catch (error) {
      this.#open.delete(key);
      throw error;
    }
  }

  #takeDurable(group: string): Promise<() => void> {
    const { door, channel, takenOver } = this.#options;
    return door.exchange.durableReaders.takeOver(group, { connection: channel, takenOver });
  }

  async #begin(headers: Headers, beginning: Beginning): Promise<void> {
    const { subscription, key, creditMax, destination, subscriber, covers, free } = beginning;
    const { channel, door } = this.#options;
    if (subscription.isOver) return free();
    const memberId = `stomp-${door.random.hex(12)}`;
    const open = await this.#read(headers, { ...beginning, memberId });
    if (subscription.isOver) return await open.close();
    const booked = channel.booked.subscribed({
      ...{ id: key, destination: headers.get('destination') ?? '', group: groupOf(subscriber, memberId) },
      topic: covers === undefined ? topicOf(destination) : destination.name,
      creditMax: () => creditMax,
      heldCount: () => subscription.heldCount,
    });
    if (this.#isStopped) await open.feed.stop();
    if (this.#isPaused) open.feed.pause();
    subscription.begin(open, booked);
  }

  /** Who had it is free of it when it is closed, or was never opened. */
  async #read(
    headers: Headers,
    { subscription, creditMax, destination, subscriber, covers, memberId, free }: Beginning & { memberId: string },
  ): Promise<OpenSubscription> {
    const { broker, door, onTrouble } = this.#options;
    const selector = headers.get('selector');
    try {
      const { feed, close } = await door.exchange.subscribe(broker, {
        ...(covers === undefined ? { destination } : { covers }),
        ...{ subscriber, memberId, creditMax },
        ...(selector !== undefined && selector !== '' && { filter: { selector } }),
        onDelivery: (delivery) => subscription.deliver(delivery),
        onEnd: onTrouble,
      });
      return { feed, close: (how) => close(how).finally(free) };
    } catch (error) {
      free();
      throw error;
    }
  }

  async unsubscribe(headers: Headers): Promise<void> {
    const key = this.#keyOf(headers);
    const open = this.#open.get(key);
    const group = this.#durableGroupOf(headers);
    if (open === undefined && group === undefined) {
      throw invalidArgument('id', `that of an open subscription, not ${quote(key)}`);
    }
    this.#open.delete(key);
    await open?.subscription.close({ isFailure: false });
    if (group !== undefined) await this.#forget(group);
  }

  async #forget(group: string): Promise<void> {
    const { door, broker } = this.#options;
    if (door.exchange.durableReaders.has(group)) {
      throw new MqError('MQ_GROUP_TAKEN', 'the durable subscription is read by another connection');
    }
    await door.exchange.forget(broker, group);
  }

  /** Of 1.2: by what the MESSAGE says in `ack`. */
  takeByAck(ackId: string): TakenMessages | undefined {
    for (const { subscription } of this.#open.values()) {
      if (!subscription.has(ackId)) continue;
      return { subscription, messages: subscription.take((message) => message.ackId === ackId) ?? [] };
    }
    return undefined;
  }

  /** Of 1.0 and 1.1: by `message-id`, and in 1.1 by the subscription. */
  takeById(messageId: string, key: string | undefined): TakenMessages | undefined {
    for (const [name, { subscription }] of this.#open) {
      if (key !== undefined && name !== key) continue;
      const messages = subscription.take(({ delivery }) => delivery.id === messageId);
      if (messages !== undefined) return { subscription, messages };
    }
    return undefined;
  }

  /** The channel takes no more for now. */
  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    for (const { subscription } of this.#open.values()) subscription.feed?.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    for (const { subscription } of this.#open.values()) subscription.feed?.resume();
  }

  /** Nothing more is handed out. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all([...this.#open.values()].map(({ subscription }) => subscription.feed?.stop()));
  }

  async closeAll(how: { readonly isFailure: boolean }): Promise<void> {
    this.#isStopped = true;
    const all = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(all.map(({ subscription }) => subscription.close(how)));
    await Promise.allSettled(this.#beginning);
  }

  /** In 1.0 a subscription needs no id: then it goes by its destination. */
  #keyOf(headers: Headers): string {
    const id = headers.get('id');
    if (id !== undefined && id !== '') return id;
    const destination = headers.get('destination');
    if (this.#options.version === '1.0' && destination !== undefined) return destination;
    throw invalidArgument('id', 'a header of this frame');
  }

  #creditOf(headers: Headers): number {
    const { prefetchCount, unackedCountMax, subscriptionsCountMax } = this.#options.options;
    const asked = numberOf(headers, 'prefetch-count') ?? numberOf(headers, 'activemq.prefetchSize') ?? prefetchCount;
    if (asked === 0) throw invalidArgument('prefetch-count', 'at least 1: nothing can be pulled over STOMP');
    if (this.#open.size >= subscriptionsCountMax) {
      throw new MqError('MQ_LIMIT_EXCEEDED', `a connection has at most ${subscriptionsCountMax} subscriptions`);
    }
    const taken = [...this.#open.values()].reduce((sum, { creditMax }) => sum + creditMax, 0);
    if (taken + asked > unackedCountMax) {
      throw new MqError(
        'MQ_LIMIT_EXCEEDED',
        `the subscriptions of a connection hold at most ${unackedCountMax} messages`,
      );
    }
    return asked;
  }

  #subscriberOf(headers: Headers, { kind }: Destination): Subscriber {
    // A queue lasts by itself, whatever is said of it.
    if (!isTopicLike(kind)) return { kind: 'queue' };
    const group = this.#durableGroupOf(headers);
    return group === undefined ? { kind: 'ephemeral' } : { kind: 'durable', group };
  }

  /** Undefined for a subscription that ends with its connection. */
  #durableGroupOf(headers: Headers): string | undefined {
    const given = DURABLE_NAMES.map((name) => headers.get(name)).find((name) => name !== undefined && name !== '');
    const name = given ?? (flagOf(headers, 'durable') === true ? this.#keyOf(headers) : undefined);
    if (name === undefined) return undefined;
    const { clientId, door, broker } = this.#options;
    if (clientId === undefined || clientId === '') {
      throw invalidArgument('client-id', 'said with CONNECT (or a login): a durable subscription is that of a client');
    }
    return namedGroup({ clientId, name, owner: door.nameOf(broker) });
  }
}

function groupOf(subscriber: Subscriber, memberId: string): string {
  if (subscriber.kind === 'queue') return DEFAULTS.group;
  return subscriber.kind === 'ephemeral' ? memberId : subscriber.group;
}

function ackModeOf(headers: Headers): AckMode {
  const asked = headers.get('ack') ?? 'auto';
  const mode = ACK_MODES.find((known) => known === asked);
  if (mode === undefined) throw invalidArgument('ack', ACK_MODES.join(', '), asked);
  return mode;
}
