/**
 * Answers requests: a consumer whose handler returns the reply.
 *
 *     topic "prices" --> handler("tea") returns "3.50" --> topic in `reply-to`, with the `correlation-id` --> ack
 *
 * Always true: a request is acked after its reply was accepted, so it is handled again when that failed for now, and may be
 * answered twice; a reply that nobody can get any more (its topic is gone, or full of replies nobody fetches) is dropped
 * and counted. A message without `reply-to` is handled and not answered. Everything else is as in Consumer.
 */
import type { Broker, CloseOptions } from '../contract/broker.ts';
import { isMqError } from '../contract/errors.ts';
import { CORRELATION_ID_HEADER, REPLY_TO_HEADER } from '../contract/filter.ts';
import type { Message } from '../contract/message.ts';
import { checkBroker, checkOptions, invalidArgument } from '../contract/validation.ts';
import type { ConsumedMessage } from './consumed-message.ts';
import { Consumer } from './consumer.ts';
import type { ConsumerOptions } from './consumer-options.ts';
import type { ConsumerState } from './consumer-state.ts';

/** A whole message, or its body; undefined: this request is not answered. */
export type Reply = Message | string | Uint8Array | undefined;

/** What `respond` calls with each request; throwing retries it later. */
export type RequestHandler = (request: ConsumedMessage) => Promise<Reply> | Reply;

/** Of `respond`: those of a Consumer, and where replies may go. */
export interface RespondOptions extends Omit<ConsumerOptions, 'broker' | 'topic' | 'ackMode'> {
  /** Requests name any topic; false keeps the reply from going there. Default: any. */
  readonly mayReplyTo?: (topic: string) => boolean;
}

/** What a Responder has done so far, on one topic. */
export interface RespondingState extends ConsumerState {
  readonly repliedCount: number;
  /** Replies nobody can get any more, or that may not go where they were asked to. */
  readonly droppedCount: number;
}

/** One topic whose requests are answered, until `close`. */
export interface Responding extends AsyncDisposable {
  readonly state: RespondingState;
  /** Resolves when it was closed; rejects when it failed. */
  readonly ended: Promise<void>;
  close(options?: CloseOptions): Promise<void>;
}

/** Of `new Responder`. */
export interface ResponderOptions {
  readonly broker: Broker;
}

/** Answers requests on any broker whose messages have headers; their senders need not be Requesters. */
export class Responder {
  readonly #broker: Broker;
  readonly #open = new Set<Answering>();

  constructor(options: ResponderOptions) {
    checkOptions('options', options, ['broker']);
    this.#broker = checkBroker('options.broker', options?.broker);
  }

  /** Handles each request of the topic, as a member of a group that shares them. Throws `MQ_INVALID_ARGUMENT`. */
  respond(topic: string, options: RespondOptions, handler: RequestHandler): Responding {
    if (typeof handler !== 'function') throw invalidArgument('handler', 'a function', handler);
    const { mayReplyTo = () => true, ...others } = options ?? {};
    if (typeof mayReplyTo !== 'function') throw invalidArgument('options.mayReplyTo', 'a function', mayReplyTo);
    const consumer = new Consumer({ ...others, broker: this.#broker, topic });
    const answering = new Answering({ broker: this.#broker, consumer, mayReplyTo, handler });
    this.#open.add(answering);
    const forget = (): void => void this.#open.delete(answering);
    answering.ended.then(forget, forget);
    return answering;
  }

  /** Closes all that respond. */
  async close(options?: CloseOptions): Promise<void> {
    await Promise.all([...this.#open].map((answering) => answering.close(options)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

interface AnsweringOptions {
  readonly broker: Broker;
  readonly consumer: Consumer;
  readonly mayReplyTo: (topic: string) => boolean;
  readonly handler: RequestHandler;
}

class Answering implements Responding {
  readonly ended: Promise<void>;
  readonly #options: AnsweringOptions;
  #repliedCount = 0;
  #droppedCount = 0;

  constructor(options: AnsweringOptions) {
    this.#options = options;
    this.ended = options.consumer.onMessage((request) => this.#answer(request));
  }

  get state(): RespondingState {
    const { state } = this.#options.consumer;
    return { ...state, repliedCount: this.#repliedCount, droppedCount: this.#droppedCount };
  }

  async close(options?: CloseOptions): Promise<void> {
    await this.#options.consumer.close(options);
    await this.ended.catch(() => undefined); // whoever wants to know looks at `ended`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Returning acks the request. */
  async #answer(request: ConsumedMessage): Promise<void> {
    const { broker, handler, mayReplyTo } = this.#options;
    const reply = await handler(request);
    const { [REPLY_TO_HEADER]: topic, [CORRELATION_ID_HEADER]: correlationId } = request.delivery.headers;
    if (reply === undefined || topic === undefined) return;
    if (!mayReplyTo(topic)) {
      this.#droppedCount += 1;
      return;
    }
    const message = typeof reply === 'string' || reply instanceof Uint8Array ? { body: reply } : reply;
    const headers: Record<string, string> = { ...message.headers };
    if (correlationId !== undefined) headers[CORRELATION_ID_HEADER] = correlationId;
    try {
      await broker.send(topic, { ...message, headers }, { timeoutMs: 0 });
      this.#repliedCount += 1;
    } catch (error) {
      if (!isForNobody(error)) throw error;
      this.#droppedCount += 1;
    }
  }
}

/** Nobody is there to get it, and trying again changes nothing for who asks next. */
function isForNobody(error: unknown): boolean {
  return (
    isMqError(error, 'MQ_UNKNOWN_TOPIC') || isMqError(error, 'MQ_QUEUE_FULL') || isMqError(error, 'MQ_INVALID_ARGUMENT')
  );
}
