/**
 * The requests of one connection that was let in: takes each, asks the broker, and writes its answer.
 *
 *     frame --> take --> broker ... --> answer         bounded: how many are unanswered, and how many bytes of sends
 *
 * Always true: requests are begun in the order they came in, so sends of one connection are stored in order; answers go
 * out as they are ready; too many requests are refused, too many bytes are not read until some are answered; when the
 * connection is gone, all that waits for it is given up, and what it held goes back.
 */
import type { Broker } from '../../../../shared/contract/broker.ts';
import { isMqError, MqError } from '../../../../shared/contract/errors.ts';
import { DEFAULTS } from '../../../../shared/contract/limits.ts';
import type { ConnectionEntry } from '../connection-entry.ts';
import * as answers from './answers.ts';
import { Belongings } from './belongings.ts';
import { CallDesk } from './call-desk.ts';
import { readCall } from './calls.ts';
import type { Channel } from './channel.ts';
import type { Door } from './door.ts';
import { FRAME } from './frame.ts';
import { giveBack, takeDeliveries, takeRecords } from './handing-out.ts';
import { Holdings } from './holdings.ts';
import * as requests from './requests.ts';
import { Subscriptions } from './subscriptions.ts';
import { takeIn } from './taking-in.ts';
import { type BeginRequest, type EndRequest, readBegin, readEnd, writeBegun } from './transaction-frames.ts';
import { closedError, Unanswered } from './unanswered.ts';
import { asMqError, writeError } from './wire-error.ts';

export interface RequestDeskOptions {
  readonly door: Door;
  /** As this client may use it. */
  readonly broker: Broker;
  /** Where what it subscribes to is told; undefined: nobody wants to know. */
  readonly entry: ConnectionEntry | undefined;
  /** Of the protocol, as it was agreed. */
  readonly version: number;
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

export class RequestDesk {
  readonly #options: RequestDeskOptions;
  readonly #door: Door;
  readonly #channel: Channel;
  readonly #holdings: Holdings;
  readonly #subscriptions: Subscriptions;
  readonly #broker: Broker;
  readonly #isOfVersion1: boolean;
  readonly #belongings: Belongings;
  readonly #calls: CallDesk;
  readonly #unanswered: Unanswered;

  constructor(options: RequestDeskOptions) {
    const { door, broker, entry, version, channel, memberId } = options;
    this.#options = options;
    this.#door = door;
    this.#channel = channel;
    this.#broker = broker;
    this.#isOfVersion1 = version === 1;
    this.#belongings = new Belongings(door, broker);
    this.#holdings = new Holdings({ members: door.members, broker, clock: door.options.clock, memberId });
    this.#subscriptions = new Subscriptions({
      door,
      broker,
      entry,
      holdings: this.#holdings,
      push: (subscription, topic, answer) => this.#handOut(FRAME.push, subscription, topic, answer),
      pushFrom: (subscription, topic, answer) => this.#handOut(FRAME.pushFrom, subscription, topic, answer),
      giveBack: (topic, answer) => this.#giveBack(topic, answer),
      isCongested: () => channel.isCongested,
      onEnd: (subscription, error) => this.#fail(FRAME.ended, subscription, error),
    });
    const [belongings, holdings, subscriptions] = [this.#belongings, this.#holdings, this.#subscriptions];
    this.#calls = new CallDesk({ broker, belongings, holdings, subscriptions });
    this.#unanswered = new Unanswered({
      channel,
      limits: door.options,
      onFailed: (id, error) => this.#fail(FRAME.failed, id, error),
      onIdle: options.onIdle,
    });
  }

  /** `content` is valid during the call only, unless `isOwn`: then it may be kept. */
  take(type: number, id: number, content: Uint8Array, isOwn: boolean): void {
    if (type === FRAME.send) this.#send(id, content, isOwn);
    else if (type === FRAME.receive) this.#receive(id, requests.readReceive(content));
    else if (type === FRAME.ack) this.#ack(id, requests.readAck(content));
    else if (type === FRAME.fetch) this.#fetch(id, requests.readFetch(content));
    else if (type === FRAME.call) this.#call(id, content);
    else if (type === FRAME.begin) this.#begin(id, readBegin(content));
    else if (type === FRAME.end) this.#end(id, readEnd(content));
    else if (type === FRAME.cancel) this.#unanswered.cancel(id);
    else if (type === FRAME.credit) this.#subscriptions.addCredit(id, requests.readCredit(content));
    else throw new MqError('MQ_PROTOCOL', `no client sends a frame of type ${type}`);
  }

  /** The channel has room again. */
  drained(): void {
    this.#subscriptions.wake();
    this.#unanswered.balance();
  }

  /** What waits comes to its end now; all is still answered. */
  drain(): void {
    this.#stopWaiting();
    this.#unanswered.balance();
  }

  /** The connection is gone. */
  leave(): void {
    this.#stopWaiting();
    this.#belongings.leave();
    this.#holdings.leave();
  }

  #stopWaiting(): void {
    this.#subscriptions.stop();
    this.#unanswered.stop();
  }

  #send(id: number, content: Uint8Array, isOwn: boolean): void {
    const request = requests.readSend(content);
    const { isCancellable, transaction } = request;
    void this.#unanswered.run(id, { bytes: content.length, isCancellable }, async (signal) => {
      const within = transaction === undefined ? undefined : () => this.#belongings.find(transaction);
      const answer = await takeIn(this.#broker, request, { signal, within, isOwn });
      answers.writeSent(this.#channel.out, id, this.#isOfVersion1 ? { ...answer, isDuplicate: false } : answer);
    });
  }

  #receive(id: number, request: requests.ReceiveRequest): void {
    const { isCancellable, topic, memberId = this.#holdings.ownMemberId, ...options } = request;
    void this.#unanswered.run(id, { isCancellable }, async (signal) => {
      const { group = DEFAULTS.group } = options;
      const asked = this.#holdings.asMember({ topic, group, memberId }, () =>
        takeDeliveries(this.#broker, topic, { ...options, memberId, signal }),
      );
      const answer = await this.#unanswered.unlessOver(asked, () => ({ group, memberId, blocks: [] }));
      this.#handOut(FRAME.deliveries, id, topic, answer);
    });
  }

  #fetch(id: number, request: requests.FetchRequest): void {
    const { isCancellable, isolation, topic, ...rest } = request;
    const options = isolation === undefined ? rest : { ...rest, isolation };
    const broker = this.#broker;
    void this.#unanswered.run(id, { isCancellable }, async (signal) => {
      const asked = takeRecords(broker, topic, { ...options, signal });
      // Over while it waited: then one look at what there is.
      const answer = await this.#unanswered.unlessOver(asked, () =>
        takeRecords(broker, topic, { ...options, waitMs: 0 }),
      );
      this.#checkSize(answers.bytesIn(answer.pieces));
      const { lastStableOffset: _, ...plain } = answer;
      answers.writeRecords(this.#channel.out, id, this.#isOfVersion1 ? plain : answer);
    });
  }

  #ack(id: number, request: requests.AckRequest): void {
    const { transaction: within } = request;
    void this.#unanswered.run(id, {}, async () => {
      const refs = requests.refsIn(request, this.#broker.limits.receiveCountMax);
      const transaction = within === undefined ? undefined : await this.#belongings.find(within);
      try {
        if (transaction !== undefined) await transaction.ack(refs);
        else await this.#broker.ack(refs, request.isCumulative ? { cumulative: true } : undefined);
      } catch (error) {
        if (isMqError(error, 'MQ_LEASE_EXPIRED')) this.#holdings.acked(request);
        throw error;
      }
      this.#holdings.acked(request);
      answers.writeDone(this.#channel.out, id);
    });
  }

  #begin(id: number, request: BeginRequest): void {
    const { isCancellable, timeoutMs, transactionalId } = request;
    void this.#unanswered.run(id, { isCancellable }, async (signal) => {
      const transaction = await this.#belongings.begin({ timeoutMs, transactionalId, signal });
      writeBegun(this.#channel.out, id, transaction.id);
    });
  }

  #end(id: number, { transaction, outcome }: EndRequest): void {
    void this.#unanswered.run(id, {}, async () => {
      await this.#belongings.end(transaction, outcome);
      answers.writeDone(this.#channel.out, id);
    });
  }

  #call(id: number, content: Uint8Array): void {
    void this.#unanswered.run(id, { bytes: content.length }, async (over) => {
      const call = readCall(content);
      const signal = call.cancellable ? this.#unanswered.cancellable(id) : over;
      const asked = this.#calls.run(call, signal, (result) => this.#writeResult(id, result));
      if (call.op !== 'receiveHalfChecks') return asked;
      return this.#unanswered.unlessOver(asked, () => this.#writeResult(id, []));
    });
  }

  #writeResult(id: number, result: unknown): void {
    if (result === undefined) answers.writeDone(this.#channel.out, id);
    else {
      const json = Buffer.from(JSON.stringify(result));
      this.#checkSize(json.length);
      answers.writeResult(this.#channel.out, id, json);
    }
  }

  #handOut(type: number, id: number, topic: string, answer: answers.DeliveriesAnswer): void {
    try {
      if (this.#channel.isGone) throw closedError();
      this.#checkSize(answer.blocks.reduce((sum, { pieces }) => sum + answers.bytesIn(pieces), 0));
    } catch (error) {
      this.#giveBack(topic, answer);
      throw error;
    }
    this.#holdings.handedOut(topic, answer);
    if (type === FRAME.pushFrom) answers.writePushFrom(this.#channel.out, id, topic, answer);
    else answers.writeDeliveries(this.#channel.out, type, id, answer);
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
    void giveBack({ admitted: this.#broker, broker: this.#door.broker }, topic, answer);
  }

  #fail(type: number, id: number, thrown: unknown): void {
    const error = asMqError(thrown);
    if (error.code === 'MQ_INTERNAL') this.#door.onDefect(error.cause ?? error);
    if (this.#channel.isGone) return;
    writeError(this.#channel.out, type, id, error);
    this.#channel.flush();
  }
}
