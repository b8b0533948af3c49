/**
 * Who reads on one connection: consumers, browsers, and the reader of advisories, each made as its ConsumerInfo asks.
 *
 *     queue a                    members of the group "default" of "a"
 *     topic a                    a group of its own, from now on
 *     topic a, named "n"         the durable group "<client id>/n"
 *     topic a.*, a.>             all of it again, over each topic covered
 *     browser of queue a         what "default" has not finished
 *
 * Always true: one durable subscription has one consumer; what is asked for and cannot be had is refused by name.
 */
import type { Broker } from '../../../../shared/contract/broker.ts';
import { MqError } from '../../../../shared/contract/errors.ts';
import { DEFAULTS } from '../../../../shared/contract/limits.ts';
import type { BookedConnection } from '../booked-connection.ts';
import { type Destination, isTopicLike, namedGroup, topicOf } from '../destinations.ts';
import type { Door } from '../door-server.ts';
import type { Subscriber } from '../exchange.ts';
import { coverOf } from '../wildcards.ts';
import { Advisories } from './advisories.ts';
import { Browser } from './browser.ts';
import type { ConsumerId, ConsumerInfo } from './commands.ts';
import { Consumer } from './consumer.ts';
import type { Dispatcher } from './dispatcher.ts';
import { consumerKey } from './members.ts';
import { isTemporaryAdvisory, type Names } from './names.ts';
import type { Reader } from './reader.ts';

export interface ReadersOptions {
  readonly door: Door;
  readonly broker: Broker;
  readonly names: Names;
  readonly dispatcher: Dispatcher;
  readonly advisories: Set<Advisories>;
  readonly prefetchCountMax: number;
  readonly connectionId: string;
  readonly clientId: string;
  readonly booked: BookedConnection;
  readonly onTrouble: (error: unknown) => void;
}

/** What the protocol leaves open is said. */
type WholeConsumerInfo = ConsumerInfo & {
  readonly consumerId: NonNullable<ConsumerInfo['consumerId']>;
  readonly destination: NonNullable<ConsumerInfo['destination']>;
};

export class Readers {
  readonly #options: ReadersOptions;
  readonly #readers = new Map<string, Reader>();
  /** Of those with a durable subscription: somebody else may read it. */
  readonly #frees = new Map<string, () => void>();

  constructor(options: ReadersOptions) {
    this.#options = options;
  }

  find(id: ConsumerId | null): Reader | undefined {
    return id === null ? undefined : this.#readers.get(consumerKey(id));
  }

  /** Resolves to its key, when it is in force. */
  async open(info: ConsumerInfo): Promise<string> {
    const { consumerId, destination } = info;
    if (consumerId === null || destination === null) throw new MqError('MQ_PROTOCOL', 'a consumer of nothing');
    const whole = { ...info, consumerId, destination };
    const key = consumerKey(consumerId);
    if (isTemporaryAdvisory(destination)) this.#openAdvisories(key, whole);
    else if (info.isBrowser) await this.#openBrowser(key, whole);
    else await this.#openConsumer(key, whole);
    return key;
  }

  pause(): void {
    for (const reader of this.#readers.values()) reader.pause();
  }

  resume(): void {
    for (const reader of this.#readers.values()) reader.resume();
  }

  async close(key: string, lastDelivered: number): Promise<void> {
    await this.#end(key, (reader) => reader.close(lastDelivered));
  }

  async gone(isFailure: boolean): Promise<void> {
    const keys = [...this.#readers.keys()];
    await Promise.all(keys.map((key) => this.#end(key, (reader) => reader.gone(isFailure))));
  }

  /** A durable subscription is to be no more. */
  async forget(clientId: string, name: string): Promise<void> {
    const { door, broker } = this.#options;
    const group = namedGroup({ clientId, name, owner: door.nameOf(broker) });
    if (door.exchange.durableReaders.has(group)) {
      throw new MqError('MQ_GROUP_TAKEN', `subscription ${name} has a consumer`);
    }
    if ((await door.exchange.forget(broker, group)) === 0) {
      throw new MqError('MQ_UNKNOWN_GROUP', `client ${clientId} has no subscription ${name}`);
    }
  }

  /** Nothing finds it any more; when `close` is done, somebody else may have what it read. */
  async #end(key: string, close: (reader: Reader) => Promise<void>): Promise<void> {
    const reader = this.#readers.get(key);
    const free = this.#frees.get(key);
    this.#readers.delete(key);
    this.#frees.delete(key);
    if (reader instanceof Advisories) this.#options.advisories.delete(reader);
    try {
      if (reader !== undefined) await close(reader);
    } finally {
      free?.();
    }
  }

  #openAdvisories(key: string, { consumerId }: WholeConsumerInfo): void {
    const { door, broker, names, dispatcher, advisories, booked } = this.#options;
    const mayHearOf = (owner: string): boolean => broker === door.broker || owner === booked.id;
    const reader = new Advisories({ consumerId, exchange: door.exchange, names, dispatcher, mayHearOf });
    this.#readers.set(key, reader);
    advisories.add(reader);
    reader.open();
  }

  async #openBrowser(key: string, info: WholeConsumerInfo): Promise<void> {
    const destination = this.#options.names.destinationOf(info.destination);
    if (isTopicLike(destination.kind)) throw new MqError('MQ_INVALID_ARGUMENT', 'only queues are browsed');
    await this.#open(key, new Browser({ ...this.#options, info, topic: topicOf(destination) }));
  }

  async #openConsumer(key: string, info: WholeConsumerInfo): Promise<void> {
    const { door, broker, names, connectionId } = this.#options;
    refuseUnserved(info);
    const destination = names.destinationOf(info.destination);
    const covers = coverOf(destination);
    const memberId = `openwire-${door.random.hex(8)}`;
    const subscriber = this.#subscriberOf(destination, info);
    const from = { ...(covers === undefined ? { destination } : { covers }), subscriber };
    const consumer = new Consumer({
      ...this.#options,
      ...{ info, broker, exchange: door.exchange, clock: door.clock, memberId, from },
      ownIdPrefix: `${connectionId}:`,
    });
    if (subscriber.kind === 'durable') this.#takeDurable(key, subscriber.group);
    await this.#open(key, consumer);
    consumer.book((live) =>
      this.#options.booked.subscribed({
        id: key,
        destination: `${info.destination.type === 'Queue' ? 'queue' : 'topic'}://${info.destination.physicalName}`,
        topic: covers === undefined ? topicOf(destination) : destination.name,
        group: groupOf(subscriber, memberId),
        ...live,
      }),
    );
  }

  async #open(key: string, reader: Consumer | Browser): Promise<void> {
    this.#readers.set(key, reader);
    try {
      await reader.open();
    } catch (error) {
      await this.#end(key, () => Promise.resolve());
      throw error;
    }
  }

  #subscriberOf({ kind }: Destination, { subscriptionName: name }: ConsumerInfo): Subscriber {
    if (!isTopicLike(kind)) return { kind: 'queue' };
    if (name === null || name === '') return { kind: 'ephemeral' };
    const { clientId, door, broker } = this.#options;
    return { kind: 'durable', group: namedGroup({ clientId, name, owner: door.nameOf(broker) }) };
  }

  #takeDurable(key: string, group: string): void {
    const { durableReaders } = this.#options.door.exchange;
    this.#frees.set(key, durableReaders.takeFree(group, { connection: this }));
  }
}

/** Better refused than served as something else. */
function refuseUnserved({ isExclusive, isNetworkSubscription }: ConsumerInfo): void {
  if (isExclusive) throw new MqError('MQ_NOT_SUPPORTED', 'exclusive consumers: here it is the group that is exclusive');
  if (isNetworkSubscription) throw new MqError('MQ_NOT_SUPPORTED', 'networks of brokers are not served');
}

function groupOf(subscriber: Subscriber, memberId: string): string {
  if (subscriber.kind === 'queue') return DEFAULTS.group;
  return subscriber.kind === 'ephemeral' ? memberId : subscriber.group;
}
