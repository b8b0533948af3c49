/**
 * Sends messages to one destination, or to any.
 *
 * Always true: `send` resolves when the broker has taken responsibility, in a transacted session when the message has its place
 * in the transaction; then the message has the id, the time and all else that it was sent with. Sessions make it.
 */
import { checkInteger } from '../../../shared/contract/validation.ts';
import { type Destination, kitDestination, Queue, Topic } from './destinations.ts';
import {
  asFormat,
  asJms,
  IllegalStateException,
  InvalidDestinationException,
  UnsupportedOperationException,
} from './errors.ts';
import { DEFAULT_PRIORITY, DeliveryMode, Message, STATE } from './message.ts';
import type { Sending } from './wire.ts';

const PRIORITY_MAX = 9;

/** Of one `send`; what is left out is as the producer says. */
export interface SendOptions {
  /** `DeliveryMode.PERSISTENT` or `NON_PERSISTENT`. */
  readonly deliveryMode?: number;
  /** 0 to 9. */
  readonly priority?: number;
  /** ms; 0: it never expires. */
  readonly timeToLive?: number;
  /** ms before it is delivered. */
  readonly deliveryDelay?: number;
}

/** What a producer needs of its session. */
export interface ProducerSession {
  newMessageId(): string;
  now(): number;
  send(destination: Destination, message: Message, sending: Sending): Promise<void>;
}

/** Sends messages to one destination, or to any. */
export class MessageProducer implements AsyncDisposable {
  readonly #session: ProducerSession;
  readonly #destination: Destination | null;
  #deliveryMode: number = DeliveryMode.PERSISTENT;
  #priority = DEFAULT_PRIORITY;
  #timeToLive = 0;
  #deliveryDelay = 0;
  #isMessageIdDisabled = false;
  #isTimestampDisabled = false;
  #isClosed = false;

  constructor(session: ProducerSession, destination: Destination | null) {
    this.#session = session;
    this.#destination = destination;
  }

  /** null: each `send` names it. */
  getDestination(): Destination | null {
    return this.#destination;
  }

  getDeliveryMode(): number {
    return this.#deliveryMode;
  }

  setDeliveryMode(deliveryMode: number): void {
    this.#deliveryMode = checkMode(deliveryMode);
  }

  getPriority(): number {
    return this.#priority;
  }

  setPriority(priority: number): void {
    this.#priority = asFormat(() => checkPriority(priority));
  }

  getTimeToLive(): number {
    return this.#timeToLive;
  }

  /** ms; 0: messages never expire. */
  setTimeToLive(timeToLive: number): void {
    this.#timeToLive = asFormat(() => checkMs('timeToLive', timeToLive));
  }

  getDeliveryDelay(): number {
    return this.#deliveryDelay;
  }

  /** ms before messages are delivered. */
  setDeliveryDelay(deliveryDelay: number): void {
    this.#deliveryDelay = asFormat(() => checkMs('deliveryDelay', deliveryDelay));
  }

  getDisableMessageID(): boolean {
    return this.#isMessageIdDisabled;
  }

  /** The broker makes one all the same; this program is not told. */
  setDisableMessageID(isDisabled: boolean): void {
    this.#isMessageIdDisabled = isDisabled;
  }

  getDisableMessageTimestamp(): boolean {
    return this.#isTimestampDisabled;
  }

  /** The broker has one all the same; this program is not told. */
  setDisableMessageTimestamp(isDisabled: boolean): void {
    this.#isTimestampDisabled = isDisabled;
  }

  send(message: Message, options?: SendOptions): Promise<void>;
  /** Of a producer that was made without a destination. */
  send(destination: Destination, message: Message, options?: SendOptions): Promise<void>;
  send(first: Message | Destination, second?: Message | SendOptions, third?: SendOptions): Promise<void> {
    return asJms(() => {
      if (this.#isClosed) throw new IllegalStateException('the producer is closed');
      if (first instanceof Message) return this.#send(this.#own(), first, second as SendOptions | undefined);
      if (this.#destination !== null) {
        throw new UnsupportedOperationException(`the producer sends to ${this.#destination} only`);
      }
      if (!(second instanceof Message)) throw new InvalidDestinationException('send takes a destination and a message');
      return this.#send(first, second, third);
    });
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #own(): Destination {
    if (this.#destination !== null) return this.#destination;
    throw new UnsupportedOperationException('the producer has no destination; name one: send(destination, message)');
  }

  async #send(destination: Destination, message: Message, options: SendOptions = {}): Promise<void> {
    kitDestination(destination);
    const { deliveryMode, priority, timeToLive, deliveryDelay } = options;
    const id = this.#isMessageIdDisabled ? undefined : this.#session.newMessageId();
    const sending: Sending = {
      id,
      deliveryMode: deliveryMode === undefined ? this.#deliveryMode : checkMode(deliveryMode),
      priority: priority === undefined ? this.#priority : checkPriority(priority),
      timeToLiveMs: timeToLive === undefined ? this.#timeToLive : checkMs('timeToLive', timeToLive),
      deliveryDelayMs: deliveryDelay === undefined ? this.#deliveryDelay : checkMs('deliveryDelay', deliveryDelay),
    };
    await this.#session.send(destination, message, sending);
    const now = this.#session.now();
    Object.assign(message[STATE], {
      ...{ id: id ?? null, destination, deliveryMode: sending.deliveryMode, priority: sending.priority },
      timestamp: this.#isTimestampDisabled ? 0 : now,
      expiration: sending.timeToLiveMs === 0 ? 0 : now + sending.timeToLiveMs,
    });
  }
}

/** A destination, or null for a producer that sends to any. */
export function checkProducerDestination(destination: unknown): Destination | null {
  if (destination === null || destination instanceof Queue || destination instanceof Topic) return destination;
  throw new InvalidDestinationException('a producer needs a Queue, a Topic or null');
}

function checkMode(deliveryMode: number): number {
  if (deliveryMode === DeliveryMode.PERSISTENT || deliveryMode === DeliveryMode.NON_PERSISTENT) return deliveryMode;
  throw new UnsupportedOperationException(`there is no delivery mode ${deliveryMode}`);
}

function checkPriority(priority: number): number {
  return checkInteger('priority', priority, { min: 0, max: PRIORITY_MAX, fallback: DEFAULT_PRIORITY });
}

function checkMs(path: string, ms: number): number {
  return checkInteger(path, ms, { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: 0 });
}
