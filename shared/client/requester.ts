/**
 * Questions and answers over topics: each request says where its reply goes and which one it is.
 *
 *     request("prices", { body: "tea" })                          reply: "3.50"
 *          |  headers reply-to: $temp/9f2c, correlation-id: r-7      ^  header correlation-id: r-7
 *          v                                                         |
 *       topic "prices" --> Responder, or anybody who knows the two headers --> topic "$temp/9f2c"
 *
 * Always true: one temporary topic serves all requests; never more than `inFlightMax` wait; each settles by its time-out at
 * the latest, and `close` settles the rest. A reply that comes too late, or again, is dropped and counted. A request whose
 * answer was lost on the way is sent again under the same id, so it may be handled twice; it is answered once.
 */
import type { CloseOptions } from '../contract/broker.ts';
import { isMqError, MqError } from '../contract/errors.ts';
import { CORRELATION_ID_HEADER, REPLY_TO_HEADER } from '../contract/filter.ts';
import type { Delivery, Message } from '../contract/message.ts';
import { checkInteger, checkMessage, checkOptions, invalidArgument } from '../contract/validation.ts';
import { closeTimeoutMsOf } from './closing.ts';
import { type Expectation, PendingReplies } from './pending-replies.ts';
import { ReplyInbox } from './reply-inbox.ts';
import {
  checkRequesterOptions,
  type RequesterOptions,
  type RequesterSettings,
  TIMEOUT_RANGE,
} from './requester-options.ts';
import { pause, untilAborted, withRetry } from './retry.ts';

/** Of `request`: how long to wait for the reply. */
export interface RequestOptions {
  /** From the call on. Default: that of the Requester. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** What a Requester has done so far. */
export interface RequesterState {
  readonly pendingCount: number;
  readonly answeredCount: number;
  readonly timedOutCount: number;
  /** Replies nobody waited for, or not any more. */
  readonly lateCount: number;
  /** Where replies go; null before the first request, and after the topic was lost. */
  readonly replyTopic: string | null;
}

/** Sends requests and waits for their replies, on a broker with the capability `filters`. */
export class Requester {
  readonly #settings: RequesterSettings;
  readonly #pending: PendingReplies;
  /** Begins the correlation ids: no other requester has them. */
  readonly #prefix: string;
  #requestCount = 0;
  #answeredCount = 0;
  #lateCount = 0;
  #inbox: ReplyInbox | undefined;
  #opening: Promise<ReplyInbox> | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: RequesterOptions) {
    this.#settings = checkRequesterOptions(options);
    this.#pending = new PendingReplies(this.#settings.clock);
    this.#prefix = this.#settings.random.hex(8);
  }

  get state(): RequesterState {
    return {
      pendingCount: this.#pending.count,
      answeredCount: this.#answeredCount,
      timedOutCount: this.#pending.timedOutCount,
      lateCount: this.#lateCount,
      replyTopic: this.#inbox?.topic ?? null,
    };
  }

  /**
   * Resolves to the reply. Rejects with `MQ_TIMEOUT` when none came in time, `MQ_ABORTED`, `MQ_LIMIT_EXCEEDED` when too many
   * wait, `MQ_CONNECTION_LOST` when replies cannot come any more (the broker was started again), or why it could not be sent.
   */
  async request(topic: string, message: Message, options: RequestOptions = {}): Promise<Delivery> {
    checkOptions('options', options, ['timeoutMs', 'signal']);
    const { broker, inFlightMax, timeoutMs: fallback } = this.#settings;
    const timeoutMs = checkInteger('options.timeoutMs', options.timeoutMs, { ...TIMEOUT_RANGE, fallback });
    checkMessage('message', message, broker.limits);
    for (const name of [REPLY_TO_HEADER, CORRELATION_ID_HEADER]) {
      if (message.headers?.[name] !== undefined)
        throw invalidArgument(`message.headers["${name}"]`, 'left to the requester');
    }
    if (this.#closing !== undefined) throw closedError();
    if (this.#pending.count >= inFlightMax) {
      throw new MqError('MQ_LIMIT_EXCEEDED', `${inFlightMax} requests wait for their replies, which is the limit`);
    }
    this.#requestCount += 1;
    const id = `${this.#prefix}-${this.#requestCount}`;
    const expected = this.#pending.expect(id, { timeoutMs, signal: options.signal });
    void this.#send(topic, { id, message, expected });
    return await expected.reply;
  }

  /** Takes no more requests, waits `timeoutMs` (default 10 s) for those that wait, and gives the topic back. Always settles. */
  async close(options?: CloseOptions): Promise<void> {
    const timeoutMs = closeTimeoutMsOf(options);
    this.#closing ??= this.#shutDown(timeoutMs);
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #send(
    topic: string,
    { id, message, expected }: { readonly id: string; readonly message: Message; readonly expected: Expectation },
  ): Promise<void> {
    const { broker, clock, random, retry: policy } = this.#settings;
    const signal = expected.ended;
    try {
      const inbox = await untilAborted(this.#openInbox(), signal);
      const headers = { ...message.headers, [REPLY_TO_HEADER]: inbox.topic, [CORRELATION_ID_HEADER]: id };
      const request = { ...message, id: message.id ?? id, headers };
      await withRetry(() => broker.send(topic, request, { signal }), { clock, random, policy, signal });
    } catch (error) {
      expected.fail(error); // of one that is settled already nobody hears
    }
  }

  async #openInbox(): Promise<ReplyInbox> {
    if (this.#inbox !== undefined) return this.#inbox;
    this.#opening ??= this.#newInbox().finally(() => {
      this.#opening = undefined;
    });
    return await this.#opening;
  }

  async #newInbox(): Promise<ReplyInbox> {
    const inbox = await ReplyInbox.open({
      ...this.#settings,
      onReply: (reply) => this.#take(reply),
      onLost: (error) => this.#lose(inbox, error),
    });
    this.#inbox = inbox;
    return inbox;
  }

  #take(reply: Delivery): void {
    if (this.#pending.take(reply.headers[CORRELATION_ID_HEADER], reply)) this.#answeredCount += 1;
    else this.#lateCount += 1;
  }

  /** Whoever is asked now answers to a topic that is not there; the next request makes another one. */
  #lose(inbox: ReplyInbox, cause: unknown): void {
    if (this.#inbox === inbox) this.#inbox = undefined;
    const lost = new MqError('MQ_CONNECTION_LOST', 'the topic for replies is gone; the request may have been handled', {
      cause,
    });
    this.#pending.failAll(isMqError(cause, 'MQ_CLOSED') ? cause : lost);
  }

  async #shutDown(timeoutMs: number): Promise<void> {
    const { clock } = this.#settings;
    const enough = new AbortController();
    const waited = pause(timeoutMs, { clock, signal: enough.signal }).catch(() => undefined);
    await Promise.race([this.#pending.whenEmpty(), waited]);
    enough.abort();
    this.#pending.failAll(closedError());
    const inbox = this.#inbox ?? (await this.#opening?.catch(() => undefined));
    await inbox?.close();
  }
}

function closedError(): MqError {
  return new MqError('MQ_CLOSED', 'the requester is closed');
}
