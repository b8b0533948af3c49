/**
 * A consumer of a queue or topic: hands out deliveries as far as the client's window allows, and does what its acks say.
 *
 *     window = prefetch + what the program has seen     a client that prefetches nothing asks for each: `pull`
 *
 *     STANDARD, INDIVIDUAL, EXPIRED   finished          DELIVERED     makes room in the window
 *     POISON                          a dead letter     REDELIVERED   nothing: the client delivers it again by itself
 *
 * Always true: what is acked in a transaction stays held until that ends; what is held when the consumer closes goes back.
 */
import type { Clock, Timer } from '../../../../shared/clock.ts';
import type { Broker } from '../../../../shared/contract/broker.ts';
import { MqError } from '../../../../shared/contract/errors.ts';
import type { Delivery } from '../../../../shared/contract/message.ts';
import { need } from '../../../1-blocking-queue/rules.ts';
import type { BookedSubscription } from '../booked-connection.ts';
import type { Exchange, OpenSubscription, SubscribedTo, Subscriber } from '../exchange.ts';
import { ACK, type ConsumerInfo, type MessageAck, type MessagePull } from './commands.ts';
import type { Dispatcher } from './dispatcher.ts';
import { type HeldMessage, HeldMessages } from './held-messages.ts';
import type { Reader } from './reader.ts';
import type { OpenTransaction } from './transactions.ts';

/** A client that does not want to wait waits as long as it may take to find out that there is nothing. */
const NO_WAIT_MS = 100;
/** Open at once, of one consumer. */
const PULLS_COUNT_MAX = 1024;
/** Why a message comes to a client that may know it already. */
const COMES_ANEW: ReadonlySet<Delivery['redeliveryReason']> = new Set(['redrive', 'seek']);

export interface ConsumerOptions {
  readonly info: ConsumerInfo & { readonly consumerId: object; readonly destination: object };
  /** As the client may use it. */
  readonly broker: Broker;
  readonly exchange: Exchange;
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  readonly memberId: string;
  readonly from: SubscribedTo & { readonly subscriber: Subscriber };
  readonly prefetchCountMax: number;
  /** Of the connection's own messages, which `noLocal` leaves out. */
  readonly ownIdPrefix: string;
  /** Nothing can be said to the client about an error in answer to anything. */
  readonly onTrouble: (error: unknown) => void;
}

interface Pull {
  readonly timer: Timer | undefined;
}

export class Consumer implements Reader {
  readonly #options: ConsumerOptions;
  readonly #held = new HeldMessages();
  readonly #hasLease: boolean;
  #prefetch: number;
  #pulls: Pull[] = [];
  #subscription: OpenSubscription | undefined;
  #booked: BookedSubscription | undefined;
  /** Came before the subscription was there to ack it. */
  #ownEarly: Delivery[] = [];
  #opening: Promise<void> = Promise.resolve();
  #isOver = false;

  constructor(options: ConsumerOptions) {
    this.#options = options;
    this.#prefetch = this.#bounded(options.info.prefetchSize);
    this.#hasLease = options.broker.capabilities.has('lease');
  }

  /** Resolves when it is in force, or when nothing is left of it because it was closed meanwhile. */
  open(): Promise<void> {
    this.#opening = this.#open();
    return this.#opening;
  }

  async #open(): Promise<void> {
    const { info, exchange, broker, memberId, from, onTrouble } = this.#options;
    const hasSelector = info.selector !== null && info.selector !== '';
    if (hasSelector) need(broker, 'filters', 'a consumer with a selector');
    const subscription = await exchange.subscribe(broker, {
      ...from,
      memberId,
      // Without leases a delivery takes up nothing there: what is handed out is counted here, from the first one on.
      creditMax: this.#hasLease ? this.#prefetch : 0,
      ...(hasSelector && { filter: { selector: info.selector } }),
      onDelivery: (delivery) => this.#take(delivery),
      onEnd: onTrouble,
    });
    this.#subscription = subscription;
    if (this.#isOver) return await subscription.close();
    for (const delivery of this.#ownEarly.splice(0)) this.#leaveOut(delivery);
    this.#creditChanged();
  }

  /** Where it stands in the book of connections. */
  book(
    book: (live: { readonly creditMax: () => number; readonly heldCount: () => number }) => BookedSubscription,
  ): void {
    this.#booked = book({ creditMax: () => this.#prefetch, heldCount: () => this.#held.count });
    if (this.#isOver) this.#booked.closed();
  }

  ack(command: MessageAck, transaction: OpenTransaction | undefined): Promise<void> | void {
    switch (command.ackType) {
      case ACK.delivered:
        for (const message of this.#held.named(command)) this.#held.mark(message, { isDelivered: true });
        return this.#creditChanged();
      case ACK.redelivered:
        return;
      case ACK.poison:
        return this.#reject(this.#held.named(command), command.poisonCause?.message ?? 'the client cannot work on it');
      case ACK.individual:
        return this.#finish(this.#held.namedAlone(command), transaction);
      case ACK.standard:
      case ACK.unmatched:
      case ACK.expired:
        return this.#finish(this.#held.named(command), transaction);
      default:
        throw new MqError('MQ_PROTOCOL', `no ack is of type ${command.ackType}`);
    }
  }

  /** The transaction ended without it: it is held as before, since the client has it. */
  keep(message: HeldMessage): void {
    this.#held.mark(message, { isInTransaction: false });
    this.#creditChanged();
  }

  /** At the commit of a transaction. */
  async ackIn(message: HeldMessage, transaction: Parameters<OpenSubscription['feed']['ack']>[1]): Promise<void> {
    this.#forget(message);
    await this.#subscription?.feed.ack(message.delivery, transaction);
  }

  pull({ timeout }: MessagePull): void {
    if (this.#prefetch > 0) return;
    if (this.#pulls.length >= PULLS_COUNT_MAX)
      throw new MqError('MQ_LIMIT_EXCEEDED', `${PULLS_COUNT_MAX} pulls at once`);
    const waitMs = timeout < 0 ? NO_WAIT_MS : timeout;
    const timer = timeout === 0 ? undefined : this.#options.clock.setTimer(() => this.#nothingCame(pull), waitMs);
    const pull: Pull = { timer };
    this.#pulls.push(pull);
    this.#creditChanged();
  }

  setPrefetch(count: number): void {
    this.#prefetch = this.#bounded(count);
    this.#creditChanged();
  }

  pause(): void {
    this.#subscription?.feed.pause();
  }

  resume(): void {
    this.#subscription?.feed.resume();
  }

  async close(lastDelivered: number): Promise<void> {
    const subscription = this.#end();
    if (subscription === undefined) return;
    await subscription.feed.stop();
    const seen = this.#hasLease ? this.#held.all().filter(({ sequence }) => sequence <= lastDelivered) : [];
    const failures = seen.map(({ delivery }) => subscription.feed.nack(delivery, { outcome: 'retry' }));
    await Promise.allSettled(failures); // a lease that has ended has gone back by itself
    await subscription.close();
  }

  async gone(isFailure: boolean): Promise<void> {
    await this.#end()?.close({ isFailure });
    await Promise.allSettled([this.#opening]);
  }

  #end(): OpenSubscription | undefined {
    this.#isOver = true;
    this.#booked?.closed();
    for (const { timer } of this.#pulls.splice(0)) timer?.cancel();
    return this.#subscription;
  }

  #take(delivery: Delivery): void {
    if (this.#isOver) return;
    const { info, dispatcher, ownIdPrefix } = this.#options;
    if (info.isNoLocal && delivery.id.startsWith(ownIdPrefix)) {
      this.#leaveOut(delivery);
      return;
    }
    const comesAnew = COMES_ANEW.has(delivery.redeliveryReason);
    const handedOut = dispatcher.dispatch(info.consumerId, delivery, {
      redeliveryCounter: delivery.deliveryCount - 1,
      isTaken: (key) => comesAnew || this.#held.has(key),
    });
    this.#held.add({ ...handedOut, delivery, isDelivered: false, isInTransaction: false });
    this.#pulls.shift()?.timer?.cancel();
    if (!this.#hasLease || this.#prefetch === 0) this.#creditChanged();
  }

  /** Sent on this connection by a subscriber that does not want its own messages. */
  #leaveOut(delivery: Delivery): void {
    if (this.#subscription === undefined) this.#ownEarly.push(delivery);
    else void this.#subscription.feed.ack(delivery).catch(this.#options.onTrouble);
  }

  #finish(messages: readonly HeldMessage[], transaction: OpenTransaction | undefined): Promise<void> | void {
    if (transaction !== undefined) {
      for (const message of messages) {
        if (message.isInTransaction) continue;
        this.#held.mark(message, { isInTransaction: true });
        transaction.acks.push({ consumer: this, message });
      }
      return this.#creditChanged();
    }
    for (const message of messages) this.#forget(message);
    return allOf(messages.map(({ delivery }) => this.#subscription?.feed.ack(delivery)));
  }

  /** A broker without dead letters says so, and the messages stay where they are. */
  #reject(messages: readonly HeldMessage[], reason: string): Promise<void> {
    if (!this.#options.broker.capabilities.has('dead-letter')) {
      throw new MqError('MQ_NOT_SUPPORTED', 'dead letters are capability dead-letter, which this broker does not have');
    }
    for (const message of messages) this.#forget(message);
    return allOf(
      messages.map(({ delivery }) => this.#subscription?.feed.nack(delivery, { outcome: 'reject', reason })),
    );
  }

  #forget(message: HeldMessage): void {
    this.#held.remove(message);
    this.#creditChanged();
  }

  #nothingCame(pull: Pull): void {
    this.#pulls = this.#pulls.filter((open) => open !== pull);
    this.#creditChanged();
    const { info, dispatcher } = this.#options;
    dispatcher.dispatchNothing(info.consumerId, info.destination);
  }

  /** On a broker without leases nothing is held there, and this side alone keeps the window. */
  #creditChanged(): void {
    const { count, wideCount } = this.#held;
    const window = this.#prefetch === 0 ? count + this.#pulls.length : this.#prefetch + wideCount;
    this.#subscription?.feed.setCredit(this.#hasLease ? window : window - count);
  }

  #bounded(prefetch: number): number {
    if (prefetch < 0) throw new MqError('MQ_INVALID_ARGUMENT', `a prefetch of ${prefetch}`);
    return Math.min(prefetch, this.#options.prefetchCountMax);
  }
}

async function allOf(calls: readonly (Promise<void> | undefined)[]): Promise<void> {
  await Promise.all(calls);
}
