/**
 * The requests of one connection that was let in: takes each, asks the broker, and writes its answer.
 *
 *     frame --> take --> broker ... --> answer         bounded: how many are unanswered, and how many bytes of sends
 *
 * Always true: requests are begun in the order they came in, so sends of one connection are stored in order; answers go
 * out as they are ready; too many requests are refused, too many bytes are not read until some are answered; when the
 * connection is gone, all that waits for it is given up, and what it held goes back.
 */
import { setMaxListeners } from 'node:events';
import { isMqError, MqError } from '../../../../shared/contract/errors.ts';
import { DEFAULTS } from '../../../../shared/contract/limits.ts';
import type { DeliveryRef } from '../../../../shared/contract/message.ts';
import * as answers from './answers.ts';
import { callBroker, readCall } from './calls.ts';
import type { Channel } from './channel.ts';
import type { Door } from './door.ts';
import { FRAME } from './frame.ts';
import { giveBack, takeDeliveries, takeRecords } from './handing-out.ts';
import { Holdings } from './holdings.ts';
import * as requests from './requests.ts';
import { Subscriptions } from './subscriptions.ts';
import { takeIn } from './taking-in.ts';
import { asMqError, writeError } from './wire-error.ts';

export interface RequestDeskOptions {
  readonly door: Door;
  readonly channel: Channel;
  /** Random, so that no two connections are one member by chance. */
  readonly memberId: string;
  /** Longest frame the client takes. */
  readonly frameBytesMax: number;
  /** No request is unanswered, after `drain`. */
  readonly onIdle: () => void;
}

/** Of a frame besides its records: names, runs and numbers; more of them than this say so in the client's limit. */
const AROUND_BYTES = 512 * 1024;

/** What an unanswered request costs, and whether the client may take it back. */
interface Weight {
  readonly bytes?: number;
  readonly isCancellable?: boolean;
}

export class RequestDesk {
  readonly #options: RequestDeskOptions;
  readonly #door: Door;
  readonly #channel: Channel;
  readonly #holdings: Holdings;
  readonly #subscriptions: Subscriptions;
  /** Aborts when nothing is to wait any more. */
  readonly #over = new AbortController();
  /** Of the requests that may be cancelled. */
  readonly #cancels = new Map<number, AbortController>();
  #unansweredCount = 0;
  #unansweredBytes = 0;

  constructor(options: RequestDeskOptions) {
    const { door, channel, memberId } = options;
    this.#options = options;
    this.#door = door;
    this.#channel = channel;
    this.#holdings = new Holdings({ members: door.members, clock: door.options.clock, memberId });
    this.#subscriptions = new Subscriptions({
      door,
      holdings: this.#holdings,
      push: (subscription, topic, answer) => this.#handOut(FRAME.push, subscription, topic, answer),
      giveBack: (topic, answer) => this.#giveBack(topic, answer),
      isCongested: () => channel.isCongested,
      onEnd: (subscription, error) => this.#fail(FRAME.ended, subscription, error),
    });
    // All waiting calls of a connection listen to one signal.
    setMaxListeners(0, this.#over.signal);
  }

  take(type: number, id: number, content: Uint8Array): void {
    if (type === FRAME.send) this.#send(id, content);
    else if (type === FRAME.receive) this.#receive(id, requests.readReceive(content));
    else if (type === FRAME.ack) this.#ack(id, requests.readAck(content));
    else if (type === FRAME.fetch) this.#fetch(id, requests.readFetch(content));
    else if (type === FRAME.call) this.#call(id, content);
    else if (type === FRAME.cancel) this.#cancels.get(id)?.abort();
    else if (type === FRAME.credit) this.#subscriptions.addCredit(id, requests.readCredit(content));
    else throw new MqError('MQ_PROTOCOL', `no client sends a frame of type ${type}`);
  }

  /** The channel has room again. */
  drained(): void {
    this.#subscriptions.wake();
    this.#balance();
  }

  /** What waits comes to its end now; all is still answered. */
  drain(): void {
    this.#stopWaiting();
    this.#balance();
  }

  /** The connection is gone. */
  leave(): void {
    this.#stopWaiting();
    this.#holdings.leave();
  }

  #stopWaiting(): void {
    this.#subscriptions.stop();
    this.#over.abort();
    for (const cancel of this.#cancels.values()) cancel.abort();
  }

  #send(id: number, content: Uint8Array): void {
    const request = requests.readSend(content);
    const { isCancellable } = request;
    void this.#answer(id, { bytes: content.length, isCancellable }, async (signal) => {
      answers.writeSent(this.#channel.out, id, await takeIn(this.#door.broker, request, signal));
    });
  }

  #receive(id: number, request: requests.ReceiveRequest): void {
    const { isCancellable, topic, memberId = this.#holdings.ownMemberId, ...options } = request;
    void this.#answer(id, { isCancellable }, async (signal) => {
      const { group = DEFAULTS.group } = options;
      this.#holdings.join({ topic, group, memberId });
      const asked = takeDeliveries(this.#door.broker, topic, { ...options, memberId, signal });
      const answer = await this.#unlessOver(asked, () => ({ group, memberId, blocks: [] }));
      this.#handOut(FRAME.deliveries, id, topic, answer);
    });
  }

  #fetch(id: number, request: requests.FetchRequest): void {
    const { isCancellable, isReadCommitted, topic, ...rest } = request;
    const options = isReadCommitted ? { ...rest, isolation: 'read-committed' as const } : rest;
    const { broker } = this.#door;
    void this.#answer(id, { isCancellable }, async (signal) => {
      const asked = takeRecords(broker, topic, { ...options, signal });
      // Over while it waited: then one look at what there is.
      const answer = await this.#unlessOver(asked, () => takeRecords(broker, topic, { ...options, waitMs: 0 }));
      this.#checkSize(answer.bytes.length);
      answers.writeRecords(this.#channel.out, id, answer);
    });
  }

  #ack(id: number, request: requests.AckRequest): void {
    const { broker } = this.#door;
    void this.#answer(id, {}, async () => {
      const refs = requests.refsIn(request, broker.limits.receiveCountMax);
      try {
        await broker.ack(refs, request.isCumulative ? { cumulative: true } : undefined);
      } catch (error) {
        if (isMqError(error, 'MQ_LEASE_EXPIRED')) this.#holdings.acked(request);
        throw error;
      }
      this.#holdings.acked(request);
      answers.writeDone(this.#channel.out, id);
    });
  }

  #call(id: number, content: Uint8Array): void {
    void this.#answer(id, { bytes: content.length }, async () => {
      const call = readCall(content);
      const { op, args } = call;
      const { out } = this.#channel;
      if (op === 'subscribe') {
        await this.#subscriptions.open(args, (subscription) => {
          answers.writeResult(out, id, Buffer.from(JSON.stringify({ subscription })));
        });
      } else if (op === 'unsubscribe') {
        this.#subscriptions.close(args);
        answers.writeDone(out, id);
      } else {
        const result = await callBroker(this.#door.broker, call);
        this.#noteCall(op, args);
        if (result === undefined) answers.writeDone(out, id);
        else {
          const json = Buffer.from(JSON.stringify(result));
          this.#checkSize(json.length);
          answers.writeResult(out, id, json);
        }
      }
    });
  }

  /** What a call that succeeded means for what is held. */
  #noteCall(op: string, args: readonly unknown[]): void {
    const [ref, options] = args as readonly [DeliveryRef, { readonly leaseMs?: number } | undefined];
    if (op === 'nack') this.#holdings.givenBack(ref);
    else if (op === 'extendLease') this.#holdings.prolonged(ref, options?.leaseMs);
  }

  /** Runs `act`, which writes the answer, or answers with its error. Never rejects. */
  async #answer(id: number, weight: Weight, act: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { requestsCountMax } = this.#door.options;
    if (this.#unansweredCount >= requestsCountMax) {
      const full = `a connection has at most ${requestsCountMax} requests without an answer`;
      this.#fail(FRAME.failed, id, new MqError('MQ_LIMIT_EXCEEDED', full));
      return;
    }
    const { bytes = 0, isCancellable = false } = weight;
    this.#unansweredCount += 1;
    this.#unansweredBytes += bytes;
    this.#balance();
    try {
      if (this.#over.signal.aborted) throw closedError();
      await act(isCancellable ? this.#cancellable(id) : this.#over.signal);
      this.#channel.flush();
    } catch (error) {
      this.#fail(FRAME.failed, id, this.#over.signal.aborted && isMqError(error, 'MQ_ABORTED') ? closedError() : error);
    } finally {
      if (isCancellable) this.#cancels.delete(id);
      this.#unansweredCount -= 1;
      this.#unansweredBytes -= bytes;
      this.#balance();
    }
  }

  /** A signal of its own; it too aborts when all is over. */
  #cancellable(id: number): AbortSignal {
    if (this.#cancels.has(id)) throw new MqError('MQ_PROTOCOL', `request ${id} is not answered yet`);
    const cancel = new AbortController();
    this.#cancels.set(id, cancel);
    return cancel.signal;
  }

  /** The answer, or, of a call that waited when all was over, what is said instead. */
  async #unlessOver<T>(asked: Promise<T>, otherwise: () => T | Promise<T>): Promise<T> {
    try {
      return await asked;
    } catch (error) {
      if (this.#over.signal.aborted && !this.#channel.isGone && isMqError(error, 'MQ_ABORTED')) return otherwise();
      throw error;
    }
  }

  /** Reads on, or not; and says when nothing is left to do. */
  #balance(): void {
    const isTooMuch = this.#unansweredBytes > this.#door.options.unansweredBytesMax || this.#channel.isCongested;
    if (isTooMuch) this.#channel.pause();
    else this.#channel.resume();
    if (this.#unansweredCount === 0 && this.#over.signal.aborted) this.#options.onIdle();
  }

  #handOut(type: number, id: number, topic: string, answer: answers.DeliveriesAnswer): void {
    try {
      if (this.#channel.isGone) throw closedError();
      this.#checkSize(answer.blocks.reduce((sum, { bytes }) => sum + bytes.length, 0));
    } catch (error) {
      this.#giveBack(topic, answer);
      throw error;
    }
    this.#holdings.handedOut(topic, answer);
    answers.writeDeliveries(this.#channel.out, type, id, answer);
    this.#channel.flush();
  }

  /** What the client does not take, it is not sent. */
  #checkSize(bytes: number): void {
    const { frameBytesMax } = this.#options;
    if (bytes + AROUND_BYTES <= frameBytesMax) return;
    const tooLarge = `the answer has ${bytes} bytes, and the client takes frames of at most ${frameBytesMax}`;
    throw new MqError('MQ_PAYLOAD_TOO_LARGE', tooLarge);
  }

  #giveBack(topic: string, answer: answers.DeliveriesAnswer): void {
    void giveBack(this.#door.broker, topic, answer);
  }

  #fail(type: number, id: number, thrown: unknown): void {
    const error = asMqError(thrown);
    if (error.code === 'MQ_INTERNAL') this.#door.onDefect(error.cause ?? error);
    if (this.#channel.isGone) return;
    writeError(this.#channel.out, type, id, error);
    this.#channel.flush();
  }
}

function closedError(): MqError {
  return new MqError('MQ_CLOSED', 'the connection is closing, and takes no new calls');
}
