/**
 * What a client that was let in says: publishing, subscribing, and the answers to what it was sent.
 *
 * Always true: what is said takes effect in the order in which it came: behind a SUBSCRIBE or UNSUBSCRIBE nothing is looked at
 * until that is in force, written down and answered. The Connection makes it.
 */
import type { Broker } from '../../../../shared/contract/broker.ts';
import type { ByteChannel } from '../byte-channel.ts';
import { topicOf } from '../destinations.ts';
import type { Door } from '../door-server.ts';
import { isGone } from '../gone.ts';
import { mayRead } from '../rights.ts';
import type { ClientSession } from './client-session.ts';
import { encodeGranted, type Reader } from './encode.ts';
import type { ClientPacket, Subscribe, SubscriptionRequest, Unsubscribe } from './packets.ts';
import { Publisher } from './publisher.ts';
import type { Publishing } from './publishing.ts';
import { Reading } from './reading.ts';
import { FIRST_FAILURE, REASON, subscribeReasonOf, Violation } from './reasons.ts';
import type { RetainedMessage } from './retained.ts';
import { Sender } from './sender.ts';
import type { CheckedMqttServerOptions } from './server-options.ts';
import type { Sessions } from './sessions.ts';
import { isOwn, type Subscription } from './subscriptions.ts';
import { destinationOfName, parseFilter } from './topics.ts';

/** Why the client is to wait. */
export interface Holds {
  /** Nothing more is read. */
  readonly isPaused: boolean;
  /** What was read is not looked at either. */
  readonly isHeld: boolean;
}

export interface ConversationOptions {
  readonly channel: ByteChannel;
  readonly door: Door;
  readonly options: CheckedMqttServerOptions;
  readonly sessions: Sessions;
  readonly publishing: Publishing;
  readonly reader: Reader;
  readonly session: ClientSession;
  /** As the client may use it. */
  readonly view: Broker;
  /** What the client takes. */
  readonly receiveMaximum: number;
  readonly topicAliasMaximum: number;
  readonly work: (work: Promise<unknown>) => void;
  readonly onHold: (holds: Holds) => void;
  readonly fail: (error: unknown) => void;
}

export class Conversation {
  readonly #options: ConversationOptions;
  readonly #reading: Reading;
  readonly #sender: Sender;
  readonly #publisher: Publisher;
  /** The last change of subscriptions. */
  #change: Promise<void> = Promise.resolve();
  readonly #holds = new Set<'publishing' | 'subscribing'>();
  #wantsPublishers = false;
  #isClosed = false;

  constructor(options: ConversationOptions) {
    this.#options = options;
    const { door, session, view, channel, publishing, reader, work } = options;
    const { clientId, inFlight, subscriptions } = session;
    const { exchange, random, clock } = door;
    const shared = { channel, reader, clientId, inFlight, work };
    this.#publisher = new Publisher({
      ...{ ...options.options, ...shared, publishing, exchange, view },
      onRefused: (error) => options.fail(error),
      onFull: (isFull) => this.#hold('publishing', isFull),
    });
    this.#sender = new Sender({
      ...{ ...options, ...shared, subscriptions, clock, store: publishing.store },
      destinationOf: (topic) => exchange.destinationOf(topic),
      hasLease: view.capabilities.has('lease'),
      hasDeadLetters: view.capabilities.has('dead-letter'),
      onCongested: () => this.#reading.pause(),
    });
    this.#reading = new Reading({
      ...{ exchange, subscriptions, broker: view, served: door.broker, group: session.group },
      creditMax: Math.min(options.options.creditMax, options.receiveMaximum),
      nextMemberId: () => `mqtt-${random.hex(8)}`,
      onDelivery: (delivery, by) => this.#sender.deliver(delivery, by),
      onEnd: (error) => {
        if (!isGone(error)) work(Promise.reject(error));
      },
    });
  }

  /** What an earlier connection of the session left. */
  async resume(): Promise<void> {
    const { session, work } = this.#options;
    this.#noteNoLocal();
    this.#sender.resume();
    for (const subscription of [...session.subscriptions]) {
      try {
        await this.#reading.subscribe(subscription);
        this.#book(subscription);
      } catch (error) {
        // Its right to it is gone; the others are not.
        if (!isGone(error)) work(Promise.reject(error));
      }
    }
    session.stopWatching();
  }

  take(packet: Exclude<ClientPacket, { readonly type: 'connect' | 'disconnect' | 'auth' | 'pingreq' }>): void {
    switch (packet.type) {
      case 'publish':
        this.#publisher.take(packet);
        break;
      case 'pubrel':
        this.#publisher.release(packet.packetId);
        break;
      case 'puback':
        this.#sender.acknowledged(packet.packetId, packet.reason);
        break;
      case 'pubrec':
        this.#sender.received(packet.packetId, packet.reason);
        break;
      case 'pubcomp':
        this.#sender.completed(packet.packetId);
        break;
      case 'subscribe':
        this.#alone(() => this.#subscribe(packet));
        break;
      case 'unsubscribe':
        this.#alone(() => this.#unsubscribe(packet));
        break;
    }
  }

  drained(): void {
    this.#reading.resume();
  }

  /** Resolves when everything the client published is answered. */
  async finish(): Promise<void> {
    this.#reading.pause();
    await this.#change;
    await this.#publisher.idle();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#wantsPublishers) this.#options.publishing.noLocalCount -= 1;
    this.#wantsPublishers = false;
    await this.#reading.close();
    await this.#change;
  }

  /** What was published before it is on its way first; what comes behind it waits until it is done. */
  #alone(act: () => Promise<void>): void {
    this.#hold('subscribing', true);
    const change = this.#change.then(() => (this.#isClosed ? undefined : act()));
    this.#change = change.catch(() => undefined).then(() => this.#hold('subscribing', false));
    this.#options.work(change);
  }

  #hold(reason: 'publishing' | 'subscribing', isHeld: boolean): void {
    if (isHeld) this.#holds.add(reason);
    else this.#holds.delete(reason);
    this.#options.onHold({ isPaused: this.#holds.size > 0, isHeld: this.#holds.has('subscribing') });
  }

  async #subscribe({ packetId, subscriptions, properties }: Subscribe): Promise<void> {
    const { session, publishing, channel, reader } = this.#options;
    const identifier = properties.subscriptionIdentifiers?.[0];
    const reasons: number[] = [];
    const retained: (readonly [RetainedMessage, Subscription])[] = [];
    let text: string | undefined;
    for (const request of subscriptions) {
      try {
        const isNew = session.subscriptions.get(request.filter) === undefined;
        const subscription = await this.#add(request, identifier);
        reasons.push(subscription.qos);
        retained.push(...(await this.#retainedFor(subscription, { isNew, handling: request.retainHandling })));
      } catch (error) {
        publishing.noteFailure(error);
        reasons.push(subscribeReasonOf(error));
        text ??= error instanceof Error ? error.message : undefined;
      }
    }
    session.save();
    await publishing.store.commit();
    const reasonString = reasons.some((reason) => reason >= FIRST_FAILURE) ? text : undefined;
    const said = reasonString === undefined ? {} : { reasonString };
    channel.write(encodeGranted(reader, { type: 'suback', packetId, reasons, properties: said }));
    for (const [message, subscription] of retained) this.#sender.sendRetained(message, subscription);
  }

  async #add(request: SubscriptionRequest, identifier: number | undefined): Promise<Subscription> {
    const { session, options, view } = this.#options;
    const { subscriptions } = session;
    const filter = parseFilter(request.filter);
    if (subscriptions.get(filter.text) === undefined && subscriptions.size >= options.subscriptionsCountMax) {
      throw new Violation(REASON.quotaExceeded, `a client has at most ${options.subscriptionsCountMax} subscriptions`);
    }
    const most = view.capabilities.has('lease') ? (isOwn(filter) ? 2 : 1) : 0;
    const qos = Math.min(request.qos, most) as Subscription['qos'];
    const { isNoLocal, isRetainAsPublished } = request;
    const subscription: Subscription = { filter, qos, isNoLocal, isRetainAsPublished, identifier };
    const before = subscriptions.get(filter.text);
    subscriptions.add(subscription); // first, since a delivery looks for it
    try {
      await this.#reading.subscribe(subscription);
    } catch (error) {
      if (before === undefined) subscriptions.delete(filter.text);
      throw error;
    }
    this.#noteNoLocal();
    if (before === undefined) this.#book(subscription);
    return subscription;
  }

  async #retainedFor(
    subscription: Subscription,
    { isNew, handling }: { readonly isNew: boolean; readonly handling: number },
  ): Promise<readonly (readonly [RetainedMessage, Subscription])[]> {
    const { publishing, view, door, session } = this.#options;
    if (!isOwn(subscription.filter) || handling === 2 || (handling === 1 && !isNew)) return [];
    const found: (readonly [RetainedMessage, Subscription])[] = [];
    for (const message of publishing.retained.matching(subscription.filter)) {
      if (subscription.isNoLocal && message.publisher === session.clientId) continue;
      if (view !== door.broker && !(await this.#mayRead(message))) continue;
      found.push([message, subscription]);
    }
    return found;
  }

  async #mayRead({ name }: RetainedMessage): Promise<boolean> {
    try {
      await mayRead(this.#options.view, topicOf(destinationOfName(name)));
      return true;
    } catch {
      return false;
    }
  }

  async #unsubscribe({ packetId, filters }: Unsubscribe): Promise<void> {
    const { session, sessions, publishing, channel, reader } = this.#options;
    const reasons: number[] = [];
    for (const text of filters) {
      const subscription = session.subscriptions.get(text);
      reasons.push(subscription === undefined ? REASON.noSubscriptionExisted : REASON.success);
      if (subscription === undefined) continue;
      session.subscriptions.delete(text);
      this.#booked.get(text)?.closed();
      this.#booked.delete(text);
      await this.#reading.unsubscribe(subscription.filter);
      await sessions.giveUpShared(subscription.filter);
    }
    this.#noteNoLocal();
    session.save();
    await publishing.store.commit();
    channel.write(encodeGranted(reader, { type: 'unsuback', packetId, reasons }));
  }

  readonly #booked = new Map<string, { closed(): void }>();

  #book({ filter }: Subscription): void {
    const { channel, session } = this.#options;
    const topic = filter.destination === undefined ? filter.text : topicOf(filter.destination);
    const group = filter.kind === 'queue' ? 'default' : (filter.sharedGroup ?? session.group ?? session.clientId);
    const heldCount = (): number => this.#reading.heldCount;
    this.#booked.set(
      filter.text,
      channel.booked.subscribed({ id: filter.text, destination: filter.text, topic, group, heldCount }),
    );
  }

  #noteNoLocal(): void {
    const { session, publishing } = this.#options;
    const wants = [...session.subscriptions].some(({ isNoLocal }) => isNoLocal);
    if (wants === this.#wantsPublishers) return;
    this.#wantsPublishers = wants;
    publishing.noLocalCount += wants ? 1 : -1;
  }
}
