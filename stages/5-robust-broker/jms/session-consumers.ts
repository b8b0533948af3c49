/**
 * The consumers of one session, and the listeners that are called one after the other.
 *
 *     open --> receive, or a listener --> closed, messages unfinished --> end of the session
 *
 * Always true: what was taken from a consumer can be finished after it was closed, until the session ends. Only Session uses it.
 */
import type { Broker } from '../../../shared/contract/broker.ts';
import type { Filter } from '../../../shared/contract/filter.ts';
import { need } from '../../1-blocking-queue/rules.ts';
import { topicOf } from '../doors/destinations.ts';
import type { Subscriber } from '../doors/exchange.ts';
import { Selector } from '../filters/selector/selector.ts';
import { MessageConsumer, type MessageListener } from './consumer.ts';
import { checkReadable, type Destination, kitDestination, type Topic } from './destinations.ts';
import { IllegalStateException, InvalidClientIDException, jmsExceptionOf } from './errors.ts';
import { Inbox } from './inbox.ts';
import type { Message } from './message.ts';
import { otherReaders } from './other-readers.ts';
import type { SessionOwner } from './session-owner.ts';
import type { SessionWork } from './session-work.ts';
import { Turns } from './turns.ts';

/** What belongs to one consumer. */
interface Reading {
  readonly inbox: Inbox;
  /** Of a durable subscriber. */
  readonly group: string | undefined;
  readonly destination: Destination;
}

/** A durable subscription: as the program calls it, and its group. */
interface DurableName {
  readonly name: string;
  readonly group: string;
}

export interface SessionConsumersOptions {
  readonly owner: SessionOwner;
  readonly work: SessionWork;
  readonly isRunning: () => boolean;
  readonly newMemberId: () => string;
  /** Throws when the session is closed. */
  readonly checkOpen: () => void;
}

export class SessionConsumers {
  readonly #options: SessionConsumersOptions;
  readonly #turns = new Turns();
  readonly #readings = new Map<MessageConsumer, Reading>();
  /** Of closed consumers whose messages are not finished. */
  #closedInboxes: readonly Inbox[] = [];

  constructor(options: SessionConsumersOptions) {
    this.#options = options;
  }

  /** True for what a listener of the session calls. */
  get isInside(): boolean {
    return this.#turns.isInside;
  }

  idle(): Promise<void> {
    return this.#turns.idle();
  }

  started(): void {
    for (const { inbox } of this.#readings.values()) inbox.started();
  }

  reads(name: string): boolean {
    return [...this.#readings.values()].some(({ destination }) => destination.destination.name === name);
  }

  async open(
    destination: Destination,
    { subscriber, selector }: { readonly subscriber: Subscriber; readonly selector: string | null },
  ): Promise<MessageConsumer> {
    const { owner, isRunning, newMemberId } = this.#options;
    const kit = kitDestination(destination);
    checkReadable(destination, owner);
    const filter = selector ? checkedFilter(owner.provider.broker, selector) : undefined;
    const inbox = new Inbox({
      provider: owner.provider,
      isRunning,
      onEnd: (error) => owner.onTrouble(error),
    });
    await inbox.open({ destination: kit, subscriber, memberId: newMemberId(), ...(filter && { filter }) });
    const session = {
      checkReceive: () => this.#checkReceive(),
      receive: (_: MessageConsumer, from: Inbox, waitMs: number | null | 'now') => this.#receive(from, waitMs),
      deliver: (from: Inbox, listener: () => MessageListener | null) => this.#deliver(from, listener),
      closed: (closed: MessageConsumer) => this.#consumerClosed(closed),
    };
    const consumer = new MessageConsumer(session, inbox, selector || null);
    const group = subscriber.kind === 'durable' ? subscriber.group : undefined;
    this.#readings.set(consumer, { inbox, group, destination });
    return consumer;
  }

  /** The same of a durable subscriber, whom nobody else may be. */
  async openDurable(topic: Topic, { selector, ...of }: DurableName & { readonly selector: string | null }) {
    const { owner } = this.#options;
    const { activeGroups, broker } = owner.provider;
    const { group } = of;
    checkInactive(activeGroups, of);
    activeGroups.add(group);
    try {
      const reading = { group, topic: topicOf(kitDestination(topic)), ownPrefix: `${owner.id}:` };
      const taken = new InvalidClientIDException(`${owner.getClientID()} is connected already, and reads this`);
      const before = await otherReaders(broker, reading);
      if (before.areReading) throw taken;
      const consumer = await this.open(topic, { subscriber: { kind: 'durable', group }, selector });
      const { memberIds } = await otherReaders(broker, reading);
      if (memberIds.isSubsetOf(before.memberIds)) return consumer;
      await consumer.close(); // another one came at the same time
      throw taken;
    } catch (error) {
      activeGroups.delete(group);
      throw error;
    }
  }

  /** Nobody reads the durable subscription, here or anywhere. */
  async checkUnread(of: DurableName): Promise<void> {
    const { id, provider } = this.#options.owner;
    checkInactive(provider.activeGroups, of);
    const { areReading } = await otherReaders(provider.broker, { group: of.group, ownPrefix: `${id}:` });
    if (areReading) throw inUse(of);
  }

  /** Nothing more is taken, and no listener runs. */
  async close(): Promise<void> {
    await Promise.all([...this.#readings.values()].map(({ inbox }) => inbox.close()));
    await this.#turns.idle();
  }

  /** What was taken and is not finished goes back. */
  async end(): Promise<void> {
    const readings = [...this.#readings.values()];
    this.#readings.clear();
    await Promise.all([...readings.map(({ inbox }) => inbox), ...this.#closedInboxes].map((inbox) => inbox.end()));
    for (const { group } of readings) this.#forgetGroup(group);
  }

  async #receive(inbox: Inbox, waitMs: number | null | 'now'): Promise<Message | null> {
    const { clock } = this.#options.owner.provider;
    const endsAtMs = clock.monotonicMs() + (typeof waitMs === 'number' ? waitMs : 0);
    let leftMs = waitMs;
    for (;;) {
      const delivery = leftMs === 'now' ? await inbox.takeNow() : await inbox.take(leftMs);
      if (delivery === null) return null;
      const message = await this.#options.work.takenByAsking(inbox, delivery);
      if (message !== null) return message;
      if (typeof waitMs === 'number') leftMs = Math.max(endsAtMs - clock.monotonicMs(), 0);
    }
  }

  #deliver(inbox: Inbox, listenerOf: () => MessageListener | null): void {
    this.#turns.add(async () => {
      const listener = listenerOf();
      const delivery = listener === null ? undefined : inbox.shift();
      if (listener === null || delivery === undefined) return;
      try {
        await this.#options.work.takenByListener(inbox, delivery, listener);
      } catch (error) {
        this.#options.owner.onTrouble(jmsExceptionOf(error));
      }
    });
  }

  async #consumerClosed(consumer: MessageConsumer): Promise<void> {
    const reading = this.#readings.get(consumer);
    if (reading === undefined) return;
    this.#readings.delete(consumer);
    await reading.inbox.close();
    if (!this.#turns.isInside) await this.#turns.idle();
    this.#forgetGroup(reading.group);
    // What was taken from it can still be acknowledged, until the session ends.
    if (reading.inbox.heldCount === 0) await reading.inbox.end();
    this.#closedInboxes = [...this.#closedInboxes, reading.inbox].filter(({ heldCount }) => heldCount > 0);
  }

  #forgetGroup(group: string | undefined): void {
    if (group !== undefined) this.#options.owner.provider.activeGroups.delete(group);
  }

  #checkReceive(): void {
    this.#options.checkOpen();
    if ([...this.#readings.keys()].every((consumer) => consumer.getMessageListener() === null)) return;
    throw new IllegalStateException('a session with a listener belongs to its listeners; receive in another one');
  }
}

function checkInactive(activeGroups: ReadonlySet<string>, of: DurableName): void {
  if (activeGroups.has(of.group)) throw inUse(of);
}

function inUse({ name }: DurableName): IllegalStateException {
  return new IllegalStateException(`subscription ${JSON.stringify(name)} is in use`);
}

/** So that a wrong selector is refused now, and not when the connection is started. */
function checkedFilter(broker: Broker, selector: string): Filter {
  need(broker, 'filters', 'a selector');
  return { selector: new Selector(selector, broker.limits).text };
}
