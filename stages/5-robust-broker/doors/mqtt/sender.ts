/**
 * What one connected client is sent: deliveries of its feeds, retained messages, and the packets that end them.
 *
 *     delivery --who wants it?--> QoS 0 --> PUBLISH, finished at once
 *                             \-> QoS 1, 2 --> queue --receive maximum--> PUBLISH ... PUBACK / PUBREC, PUBREL, PUBCOMP
 *
 * Always true: no more QoS 1 and 2 is on the wire than the client takes; a delivery is finished when the client has answered, or
 * when the message is nothing for it: expired, too large, not subscribed to any more. The Connection has one.
 */
import type { Clock } from '../../../../shared/clock.ts';
import type { Delivery } from '../../../../shared/contract/message.ts';
import type { ByteChannel } from '../byte-channel.ts';
import type { Destination } from '../destinations.ts';
import type { Feed } from '../feed.ts';
import { encodeAnswer, encodePublish, type PublishOut, publishSize, type Reader, writePublish } from './encode.ts';
import type { InFlight, Outgoing, OutgoingEntry } from './in-flight.ts';
import { propertiesAt, saidBy } from './messages.ts';
import type { QoS } from './packets.ts';
import { FIRST_FAILURE, protocolError, REASON, Violation } from './reasons.ts';
import { placeOf, type RecordPlace } from './record-book.ts';
import type { RetainedMessage } from './retained.ts';
import type { DoorStore } from './store.ts';
import { matchOf, type Subscription, type SubscriptionSet } from './subscriptions.ts';
import { nameOf } from './topics.ts';

/** Messages that wait for room on the wire: who asks for retained ones again and again, and reads none, has enough. */
const QUEUED_MAX = 65_536;

export interface SenderOptions {
  readonly channel: ByteChannel;
  readonly reader: Reader;
  readonly clientId: string;
  readonly inFlight: InFlight;
  readonly subscriptions: SubscriptionSet;
  readonly store: DoorStore;
  readonly clock: Clock;
  /** That of the exchange. */
  readonly destinationOf: (topic: string) => Destination;
  /** What the broker can do. */
  readonly hasLease: boolean;
  readonly hasDeadLetters: boolean;
  /** What the client takes. */
  readonly receiveMaximum: number;
  readonly topicAliasMaximum: number;
  /** The client has more to read than is sensible. */
  readonly onCongested: () => void;
  /** Work that goes on: a failure of it is for the log, unless what it was about is gone. */
  readonly work: (work: Promise<unknown>) => void;
}

/** How a delivery came. */
export interface CameBy {
  readonly feed: Feed;
  readonly shared: Subscription | undefined;
}

type Queued = { readonly message: Outgoing; readonly record: RecordPlace | undefined };

export class Sender {
  readonly #options: SenderOptions;
  /** For the client, and not on the wire: there is no room. */
  #queue: Queued[] = [];
  #onWireCount = 0;
  readonly #aliases = new Map<string, number>();
  /** The topic of the last delivery, as the client calls it: most often the next one is of it too. */
  #lastTopic: string | undefined;
  #lastName = '';

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** What an earlier connection left open. Records come again by themselves. */
  resume(): void {
    for (const entry of this.#options.inFlight.outgoing) {
      if (entry.state === 'received') {
        this.#nowOnWire(entry);
        this.#answer('pubrel', entry.packetId, REASON.success);
      } else if (entry.message !== undefined) {
        this.#publish(entry, entry.message, { isDup: true });
      }
    }
  }

  deliver(delivery: Delivery, { feed, shared }: CameBy): void {
    const { destinationOf, subscriptions, clientId, hasLease, channel, onCongested } = this.#options;
    const name = this.#nameOf(delivery.topic);
    const said = saidBy(delivery, destinationOf);
    const isOwnMessage = said.publisher === clientId;
    const match = shared === undefined ? subscriptions.match(name, { isOwnMessage }) : matchOf([shared]);
    if (match === undefined) {
      this.#finish({ delivery, feed });
      return;
    }
    const most = hasLease ? (shared === undefined ? 2 : 1) : 0;
    const { properties, expiresAt } = said;
    this.#take({
      ...{ name, payload: delivery.body, properties, expiresAt, identifiers: match.identifiers },
      qos: Math.min(said.qos, match.qos, most) as QoS,
      retain: match.isRetainAsPublished && said.retain,
      source: { delivery, feed, isOwn: shared === undefined },
    });
    if (channel.isCongested) onCongested();
  }

  /** Because of a new subscription. */
  sendRetained(message: RetainedMessage, subscription: Subscription): void {
    if (this.#queue.length >= QUEUED_MAX) {
      throw new Violation(REASON.quotaExceeded, 'more retained messages wait for this client than it takes');
    }
    const { name, payload, properties, expiresAt } = message;
    const { qos, identifiers } = matchOf([subscription]);
    this.#take({
      ...{ name, payload, properties, expiresAt, identifiers, retain: true, source: undefined },
      qos: Math.min(message.qos, qos) as QoS,
    });
  }

  acknowledged(packetId: number, reason: number): void {
    const entry = this.#onWire(packetId);
    if (entry === undefined) return;
    if (entry.qos !== 1) throw protocolError('PUBACK for a message of QoS 2');
    this.#done(entry, reason);
  }

  /** PUBREC. */
  received(packetId: number, reason: number): void {
    const entry = this.#onWire(packetId);
    if (entry === undefined) {
      this.#answer('pubrel', packetId, REASON.packetIdNotFound);
      return;
    }
    if (entry.qos !== 2) throw protocolError('PUBREC for a message of QoS 1');
    if (entry.state === 'received') this.#answer('pubrel', packetId, REASON.success);
    else if (reason >= FIRST_FAILURE) this.#done(entry, reason);
    else this.#options.work(this.#release(entry));
  }

  /** PUBCOMP. */
  completed(packetId: number): void {
    const entry = this.#onWire(packetId);
    if (entry === undefined) return;
    if (entry.state !== 'received') throw protocolError('PUBCOMP before PUBREC');
    this.#removed(entry);
  }

  #take(message: Outgoing): void {
    const { inFlight } = this.#options;
    if (message.qos === 0) {
      this.#write(message, { packetId: 0, qos: 0, isDup: false });
      if (message.source !== undefined) this.#finish(message.source);
      return;
    }
    const record = message.source?.isOwn === true ? placeOf(message.source.delivery) : undefined;
    if (record !== undefined && inFlight.isFinished(record) && message.source !== undefined) {
      this.#finish(message.source);
      return;
    }
    const known = record === undefined ? undefined : inFlight.findRecord(record);
    if (known?.state === 'received') {
      known.message = message;
      if (message.source !== undefined) this.#options.work(this.#ack(known, message.source));
      return;
    }
    this.#queue.push({ message, record });
    this.#pump();
  }

  #pump(): void {
    const { inFlight, receiveMaximum } = this.#options;
    while (this.#onWireCount < receiveMaximum) {
      const next = this.#queue[0];
      if (next === undefined) return;
      const { message, record } = next;
      const known = record === undefined ? undefined : inFlight.findRecord(record);
      const entry = known ?? inFlight.add(message, record);
      if (entry === undefined) return;
      this.#queue.shift();
      const isDup = known !== undefined || message.source?.delivery.redeliveryReason !== undefined;
      this.#publish(entry, message, { isDup });
    }
  }

  #publish(entry: OutgoingEntry, message: Outgoing, { isDup }: { readonly isDup: boolean }): void {
    entry.message = message;
    this.#nowOnWire(entry);
    const write = (): void => {
      const { packetId, qos } = entry;
      if (!this.#write(message, { packetId, qos, isDup })) this.#done(entry, REASON.success);
    };
    // The client must not see an id of QoS 2 that a restart would give to something else.
    const saved = entry.qos === 2 ? this.#options.store.commit() : undefined;
    if (saved === undefined) write();
    else this.#options.work(saved.then(write));
  }

  /** False when it is nothing for this client. */
  #write(message: Outgoing, { packetId, qos, isDup }: Pick<PublishOut, 'packetId' | 'qos' | 'isDup'>): boolean {
    const { channel, reader, clock } = this.#options;
    const { name, payload, retain, identifiers } = message;
    const left = message.expiresAt === undefined ? message.properties : propertiesAt(message, clock.now());
    if (left === undefined) return false;
    const properties = identifiers.length === 0 ? left : { ...left, subscriptionIdentifiers: identifiers };
    const publish = this.#aliased({ topic: name, qos, isDup, retain, packetId, payload, properties });
    const size = publishSize(reader, publish);
    if (size.whole > reader.packetBytesMax) {
      this.#aliases.delete(name);
      return false;
    }
    channel.booked.messagesOut();
    const room = channel.reserve(size.whole);
    if (room === undefined) channel.write(encodePublish(reader, publish));
    else writePublish(reader, publish, { bytes: room.bytes, at: room.at, size });
    return true;
  }

  /** The topic name is sent once where the client keeps names. */
  #aliased(publish: PublishOut): PublishOut {
    const { topicAliasMaximum } = this.#options;
    if (topicAliasMaximum === 0) return publish;
    const { topic, properties } = publish;
    const known = this.#aliases.get(topic);
    if (known !== undefined) return { ...publish, topic: '', properties: { ...properties, topicAlias: known } };
    if (this.#aliases.size >= topicAliasMaximum) return publish;
    const topicAlias = this.#aliases.size + 1;
    this.#aliases.set(topic, topicAlias);
    return { ...publish, properties: { ...properties, topicAlias } };
  }

  /** First it is written down that the client has it, then the broker is told, then the client. */
  async #release(entry: OutgoingEntry): Promise<void> {
    const { inFlight, store } = this.#options;
    inFlight.received(entry);
    await store.commit();
    const source = entry.message?.source;
    if (source !== undefined) await this.#ack(entry, source);
    this.#answer('pubrel', entry.packetId, REASON.success);
  }

  /** Also when the lease is over: then it comes again, and is known. */
  async #ack(entry: OutgoingEntry, { delivery, feed }: NonNullable<Outgoing['source']>): Promise<void> {
    try {
      await feed.ack(delivery);
      entry.isAcked = true;
    } finally {
      entry.message = undefined;
    }
  }

  #done(entry: OutgoingEntry, reason: number): void {
    const source = entry.message?.source;
    if (source !== undefined) this.#finish(source, reason);
    this.#removed(entry);
  }

  #removed(entry: OutgoingEntry): void {
    this.#options.inFlight.remove(entry);
    this.#onWireCount -= 1;
    this.#pump();
  }

  /** What a client refuses is no message for it: it becomes a dead letter where there are any. */
  #finish({ delivery, feed }: Pick<CameBy, 'feed'> & { readonly delivery: Delivery }, reason = 0): void {
    const { hasDeadLetters, work } = this.#options;
    const isRefused = reason >= FIRST_FAILURE && hasDeadLetters;
    if (isRefused) work(feed.nack(delivery, { outcome: 'reject', reason: `reason ${reason}` }));
    else feed.finish(delivery, this.#onNotFinished);
  }

  readonly #onNotFinished = (error: unknown): void => this.#options.work(Promise.reject(error));

  #nameOf(topic: string): string {
    if (topic !== this.#lastTopic) {
      this.#lastName = nameOf(this.#options.destinationOf(topic));
      this.#lastTopic = topic;
    }
    return this.#lastName;
  }

  #onWire(packetId: number): OutgoingEntry | undefined {
    const entry = this.#options.inFlight.find(packetId);
    return entry?.isOnWire === true ? entry : undefined;
  }

  #nowOnWire(entry: OutgoingEntry): void {
    if (!entry.isOnWire) this.#onWireCount += 1;
    entry.isOnWire = true;
  }

  #answer(type: 'pubrel', packetId: number, reason: number): void {
    const { channel, reader } = this.#options;
    channel.write(encodeAnswer(reader, { type, packetId, reason }));
  }
}
