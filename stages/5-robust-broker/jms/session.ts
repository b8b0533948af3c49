/**
 * A session: makes messages, producers and consumers, and is one thread of control for them.
 *
 *     producers --send--> work (its mode) <--take-- inboxes <-- feeds
 *                           |
 *                     acknowledge, commit, rollback, recover
 *
 * Always true: listeners of a session are called one after the other, by a session whose connection runs; what a closed session
 * had not finished goes back. Connections make it.
 */
import { namedGroup } from '../doors/destinations.ts';
import { QueueBrowser } from './browser.ts';
import { BytesMessage } from './bytes-message.ts';
import type { MessageConsumer } from './consumer.ts';
import { type Destination, kitDestination, Queue, TemporaryQueue, TemporaryTopic, Topic } from './destinations.ts';
import { asJms, IllegalStateException, InvalidDestinationException, jmsExceptionOf } from './errors.ts';
import { MapMessage } from './map-message.ts';
import { Message } from './message.ts';
import { checkProducerDestination, MessageProducer } from './producer.ts';
import { SessionConsumers } from './session-consumers.ts';
import type { SessionOwner } from './session-owner.ts';
import { AcknowledgeMode, SessionWork } from './session-work.ts';
import { StreamMessage } from './stream-message.ts';
import { ObjectMessage, TextMessage } from './text-message.ts';

/** Makes messages, producers and consumers, and is one thread of control for them. */
export class Session implements AsyncDisposable {
  static readonly SESSION_TRANSACTED = AcknowledgeMode.SESSION_TRANSACTED;
  static readonly AUTO_ACKNOWLEDGE = AcknowledgeMode.AUTO;
  static readonly CLIENT_ACKNOWLEDGE = AcknowledgeMode.CLIENT;
  static readonly DUPS_OK_ACKNOWLEDGE = AcknowledgeMode.DUPS_OK;
  /** ActiveMQ's: `acknowledge` of a message finishes that message only. */
  static readonly INDIVIDUAL_ACKNOWLEDGE = AcknowledgeMode.INDIVIDUAL;

  readonly #owner: SessionOwner;
  readonly #name: string;
  readonly #mode: number;
  readonly #work: SessionWork;
  readonly #consumers: SessionConsumers;
  readonly #browsers = new Set<QueueBrowser>();
  #madeCount = 0;
  #isClosed = false;

  constructor(owner: SessionOwner, { name, mode }: { readonly name: string; readonly mode: number }) {
    this.#owner = owner;
    this.#name = name;
    this.#mode = mode;
    try {
      this.#work = new SessionWork(owner.provider, { mode, onTrouble: (error) => owner.onTrouble(error) });
    } catch (error) {
      throw jmsExceptionOf(error);
    }
    const isRunning = (): boolean => owner.isRunning && !this.#isClosed;
    const newMemberId = (): string => `${name}:${this.#nextNumber()}`;
    const checkOpen = (): void => this.#checkOpen();
    this.#consumers = new SessionConsumers({ owner, work: this.#work, isRunning, newMemberId, checkOpen });
  }

  getTransacted(): boolean {
    return this.#mode === AcknowledgeMode.SESSION_TRANSACTED;
  }

  getAcknowledgeMode(): number {
    return this.#mode;
  }

  createQueue(name: string): Queue {
    return checked(new Queue({ kind: 'queue', name: checkDestinationName(name) }));
  }

  createTopic(name: string): Topic {
    return checked(new Topic({ kind: 'topic', name: checkDestinationName(name) }));
  }

  createTemporaryQueue(): Promise<TemporaryQueue> {
    return this.#asking(
      async () => new TemporaryQueue(await this.#owner.createTemporary('temporary-queue'), this.#owner),
    );
  }

  createTemporaryTopic(): Promise<TemporaryTopic> {
    return this.#asking(
      async () => new TemporaryTopic(await this.#owner.createTemporary('temporary-topic'), this.#owner),
    );
  }

  createMessage(): Message {
    return new Message();
  }

  createTextMessage(text: string | null = null): TextMessage {
    const message = new TextMessage();
    message.setText(text);
    return message;
  }

  createBytesMessage(): BytesMessage {
    return new BytesMessage();
  }

  createMapMessage(): MapMessage {
    return new MapMessage();
  }

  createStreamMessage(): StreamMessage {
    return new StreamMessage();
  }

  /** `bytes`: the object, serialised. */
  createObjectMessage(bytes?: Uint8Array): ObjectMessage {
    const message = new ObjectMessage();
    if (bytes !== undefined) message.setObject(bytes);
    return message;
  }

  /** null: each `send` names its destination. */
  createProducer(destination: Destination | null): MessageProducer {
    this.#checkOpen();
    const made = `${this.#name}:${this.#nextNumber()}`;
    let sentCount = 0;
    const newMessageId = (): string => {
      sentCount += 1;
      return `ID:${made}:${sentCount}`;
    };
    const session = {
      newMessageId,
      now: () => this.#owner.provider.clock.now(),
      send: async (...sent: Parameters<SessionWork['send']>): Promise<void> => {
        this.#checkOpen();
        await this.#work.send(...sent);
      },
    };
    return new MessageProducer(session, checkProducerDestination(destination));
  }

  /** Resolves when it is in force. A topic is read from now on. */
  createConsumer(destination: Destination, selector: string | null = null): Promise<MessageConsumer> {
    return this.#asking(() => {
      const isTopic = destination instanceof Topic;
      return this.#consumers.open(destination, { subscriber: { kind: isTopic ? 'ephemeral' : 'queue' }, selector });
    });
  }

  /** Reads a topic from the first time on that it was called with this name, also what came while nobody was here. */
  createDurableSubscriber(topic: Topic, name: string, selector: string | null = null): Promise<MessageConsumer> {
    return this.#asking(async () => {
      const group = this.#groupOf(name);
      if (!(topic instanceof Topic) || topic instanceof TemporaryTopic) {
        throw new InvalidDestinationException('a durable subscriber reads a Topic that is not temporary');
      }
      return await this.#consumers.openDurable(topic, { name, group, selector });
    });
  }

  createBrowser(queue: Queue, selector: string | null = null): QueueBrowser {
    this.#checkOpen();
    kitDestination(queue);
    const onClosed = (closed: QueueBrowser): void => void this.#browsers.delete(closed);
    const browser = new QueueBrowser(this.#owner.provider, queue, { selector: selector || null, onClosed });
    this.#browsers.add(browser);
    return browser;
  }

  /** The durable subscription of this name is forgotten, with all that waits for it. */
  unsubscribe(name: string): Promise<void> {
    return this.#asking(async () => {
      const { exchange, broker } = this.#owner.provider;
      const group = this.#groupOf(name);
      await this.#consumers.checkUnread({ name, group });
      const count = await exchange.forget(broker, group);
      if (count === 0) throw new InvalidDestinationException(`there is no subscription ${JSON.stringify(name)}`);
    });
  }

  commit(): Promise<void> {
    return this.#asking(async () => {
      this.#checkTransacted(true, 'commit');
      await this.#work.commit();
    });
  }

  rollback(): Promise<void> {
    return this.#asking(async () => {
      this.#checkTransacted(true, 'rollback');
      await this.#work.rollback();
    });
  }

  /** What is not acknowledged comes again, and all that came after it. */
  recover(): Promise<void> {
    return this.#asking(async () => {
      this.#checkTransacted(false, 'recover');
      await this.#work.recover();
    });
  }

  /** Waits for the listener that runs; what is not finished goes back, and a transaction is rolled back. */
  close(): Promise<void> {
    return asJms(async () => {
      this.checkOutside();
      if (this.#isClosed) return;
      this.#isClosed = true;
      for (const browser of this.#browsers) await browser.close();
      await this.#consumers.close();
      await this.#work.end();
      await this.#consumers.end();
      this.#owner.closed(this);
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** For the connection: it was started. */
  started(): void {
    this.#consumers.started();
  }

  /** For the connection: resolves when no listener runs. */
  idle(): Promise<void> {
    return this.#consumers.idle();
  }

  /** For what must wait for the listeners of this session, so that none of them can ask for it. */
  checkOutside(): void {
    if (!this.#consumers.isInside) return;
    throw new IllegalStateException('a listener cannot stop or close what it is called by');
  }

  /** For the connection: whether one of its consumers reads it. */
  reads(name: string): boolean {
    return this.#consumers.reads(name);
  }

  #groupOf(name: string): string {
    const clientId = this.#owner.getClientID();
    if (clientId === null) throw new IllegalStateException('a durable subscriber needs a client id: setClientID first');
    if (typeof name !== 'string' || name === '') throw new IllegalStateException('a subscription needs a name');
    return namedGroup({ clientId, name, owner: this.#owner.provider.user });
  }

  #asking<T>(work: () => T | Promise<T>): Promise<T> {
    return asJms(() => {
      this.#checkOpen();
      return work();
    });
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new IllegalStateException('the session is closed');
  }

  #checkTransacted(isWanted: boolean, what: string): void {
    if (this.getTransacted() === isWanted) return;
    throw new IllegalStateException(`${what} is for sessions that are ${isWanted ? '' : 'not '}transacted`);
  }

  #nextNumber(): number {
    this.#madeCount += 1;
    return this.#madeCount;
  }
}

function checkDestinationName(name: string): string {
  if (typeof name === 'string' && name !== '') return name;
  throw new InvalidDestinationException('a destination needs a name');
}

function checked<T extends Destination>(destination: T): T {
  try {
    kitDestination(destination);
    return destination;
  } catch (error) {
    throw new InvalidDestinationException(error instanceof Error ? error.message : String(error), error);
  }
}
