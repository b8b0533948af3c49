/**
 * Sending with comfort, on top of any Broker: batches, a bound on what is under way, retries with jitter, an orderly end.
 *
 *     send() ... send() -->  lane of the topic, or of a partition  -->  [ inFlightMax batches ]  -->  broker
 *                            awaiting it is the back-pressure            retries in here
 *
 * Always true: a message has its id before the first attempt and keeps it, so a repeated send can be recognised; every
 * promise settles with a receipt or error of its own, also when the broker never answers, once `close` has run out of
 * time; nothing is retried whose error says that repeating is no use. A lonely message goes at once. With `isIdempotent`, or
 * with `inFlightMax` 1, the messages of one producer to one partition stay in order, also across retries; else a batch that
 * had to be repeated may come behind later ones.
 * A retry after a lost answer may store messages twice, but with `isIdempotent`, or in a topic with `dedupWindowMs`.
 */
import type { CloseOptions, SendOptions } from '../contract/broker.ts';
import { MqError } from '../contract/errors.ts';
import type { BatchReceipt, Message, Receipt } from '../contract/message.ts';
import { checkOptions, invalidArgument } from '../contract/validation.ts';
import { CallSignals } from './call-signals.ts';
import { closeTimeoutMsOf } from './closing.ts';
import { callAlone, DepartureCalls, partitionOf } from './departure-calls.ts';
import { LaneTable } from './lane-table.ts';
import { MessageBatch, sendAll } from './message-batch.ts';
import { NumberedCalls } from './numbered-calls.ts';
import { OwnSend } from './own-send.ts';
import { checkProducerOptions, type ProducerOptions, type ProducerSettings } from './producer-options.ts';
import { pause, withRetry } from './retry.ts';
import { SendDesk } from './send-desk.ts';
import type { Departure, SendLane } from './send-lane.ts';
import { contentBytesOf, copyOf, identify, isDelayed, type SentCopy } from './sent-copy.ts';
import { type Round, Tally } from './tally.ts';
import type { Place } from './topic-lanes.ts';

/** Of the number in an id that is not made yet: its bytes are counted as if it were the largest. */
const ID_DIGITS = 16;

/** A send as it was called. */
interface Called<T> {
  readonly topic: string;
  readonly place: Place;
  readonly own: SendOptions | undefined;
  /** The messages as they are sent. */
  readonly copies: readonly Message[];
  readonly call: (options: SendOptions) => Promise<T>;
}

/**
 * Sends with ids of its own, several messages in one call where there are several, retries what may be retried, and
 * bounds what is under way. Unless it is idempotent, the broker may store a message twice when an answer was lost; both copies
 * have the same id.
 */
export class Producer {
  readonly #settings: ProducerSettings;
  readonly #desk: SendDesk;
  readonly #lanes: LaneTable;
  /** Makes ids unlike those of every other producer. */
  readonly #idPrefix: string;
  #idCount = 0;
  /** The sends that have not settled. */
  readonly #tally = new Tally();
  /** Of each departure one, aborted when `close` has run out of time; then this one as well. */
  readonly #signals = new CallSignals();
  readonly #outOfTime = new AbortController();
  #closing: Promise<void> | undefined;

  constructor(options: ProducerOptions) {
    this.#settings = checkProducerOptions(options);
    this.#desk = new SendDesk({
      ...this.#settings,
      depart: (departure, lane) => this.#depart(departure, lane),
      onEmpty: (lane) => this.#lanes.forget(lane),
    });
    const { broker, isIdempotent } = this.#settings;
    const retry = <T>(call: () => Promise<T>): Promise<T> => this.#retrying(call, this.#outOfTime.signal);
    this.#lanes = new LaneTable({
      ...{ broker, retry, lane: { ...this.#settings, onReady: (lane) => this.#desk.offer(lane) } },
      newNumbers: isIdempotent ? () => new NumberedCalls(() => broker.openProducer()) : undefined,
    });
    this.#idPrefix = `${this.#settings.random.hex(8)}-`;
  }

  /** Calls of `send` and `sendBatch` that have not settled: waiting, at the broker, or pausing before a retry. */
  get underWayCount(): number {
    return this.#tally.openCount;
  }

  /**
   * Resolves when the broker has taken responsibility. Rejects with the last error, `MQ_ABORTED` or `MQ_CLOSED`. What is
   * sent is what `message` and `options` are at the call; only the bytes of a body belong to the broker from then on.
   * With a `signal` or `timeoutMs`, and when it is delayed, a message goes on its own and not in a batch.
   */
  send(topic: string, message: Message, options?: SendOptions): Promise<Receipt> {
    try {
      const own = this.#begin(options);
      const copy = copyOf(message);
      const place = { key: copy?.key, partition: own?.partition };
      if (this.#settings.hasBatch && mayShare(copy, own)) return this.#sendInBatch(topic, copy, place);
      identify(copy, this.#makeId);
      const call = (sent: SendOptions): Promise<Receipt> => this.#settings.broker.send(topic, copy, sent);
      return this.#sendAlone({ topic, place, own, copies: [copy], call });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Like `send` for a batch that stays what it is: one partition, all or nothing, retried as a whole. */
  async sendBatch(topic: string, messages: readonly Message[], options?: SendOptions): Promise<BatchReceipt> {
    const own = this.#begin(options);
    const call = (copies: readonly Message[], sent: SendOptions) =>
      this.#settings.broker.sendBatch(topic, copies, sent);
    const isList = Array.isArray(messages);
    const copies = isList ? Array.from(messages, copyOf) : [];
    for (const copy of copies) identify(copy, this.#makeId);
    return this.#sendAlone({
      ...{ topic, own, copies },
      place: { key: copies.find((copy) => copy?.key !== undefined)?.key, partition: own?.partition },
      call: (sent) => call(isList ? copies : messages, sent),
    });
  }

  /** Sends what waits for company, and resolves when every send begun before has settled, well or badly. */
  async flush(): Promise<void> {
    this.#lanes.hurry();
    await this.#tally.whenEnded();
  }

  /**
   * Takes no new sends, lets those under way finish for `timeoutMs` (default 10 s), then gives up on the rest: they
   * reject with `MQ_CLOSED`, which says whether they may have been stored. Always settles; the broker stays open.
   */
  async close(options?: CloseOptions): Promise<void> {
    const timeoutMs = closeTimeoutMsOf(options);
    this.#closing ??= this.#finish(timeoutMs);
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The options as they are at the call. */
  #begin(options: SendOptions | undefined): SendOptions | undefined {
    if (this.#closing !== undefined) throw new MqError('MQ_CLOSED', 'the producer is closed');
    if (options === undefined) return undefined;
    checkOptions('options', options, ['partition', 'signal', 'timeoutMs']);
    const own = { ...options };
    if (own.signal !== undefined && !(own.signal instanceof AbortSignal)) {
      throw invalidArgument('options.signal', 'an AbortSignal', own.signal);
    }
    return own;
  }

  #sendInBatch(topic: string, message: SentCopy, place: Place): Promise<Receipt> {
    const idBytes = message.id === undefined ? this.#idPrefix.length + ID_DIGITS : 0;
    const bytes = contentBytesOf(message) + idBytes;
    this.#desk.admit({ count: 1, bytes });
    const round = this.#tally.begin();
    const lanes = this.#lanes.of(topic);
    const lane = lanes.laneOf(place);
    if (lane !== undefined) return this.#enter(lane, message, { round, bytes });
    const { promise, resolve, reject } = Promise.withResolvers<Receipt>();
    const refuse = (error: unknown): void => {
      this.#desk.dismiss({ count: 1, bytes });
      this.#tally.end(round);
      reject(error);
    };
    const enter = (known: SendLane): void => resolve(this.#enter(known, message, { round, bytes }));
    lanes.sort({ place, enter, refuse, whenOver: () => Promise.allSettled([promise]) });
    return promise;
  }

  #enter(lane: SendLane, message: SentCopy, how: { readonly round: Round; readonly bytes: number }): Promise<Receipt> {
    const { closedCount } = lane;
    const receipt = lane.add(message, how);
    this.#desk.offer(lane);
    if (lane.closedCount > closedCount) this.#desk.letGo();
    return receipt;
  }

  async #sendAlone<T>(called: Called<T>): Promise<T> {
    const { topic, place, own, copies } = called;
    const count = Math.max(1, copies.length);
    const bytes = copies.reduce((sum, copy) => sum + contentBytesOf(copy), 0);
    this.#desk.admit({ count, bytes });
    const round = this.#tally.begin();
    try {
      return await this.#signals.use(own?.signal, async (signal) => {
        const turn = new OwnSend({
          ...{ count, bytes, signal },
          call: (lane) => callAlone({ ...called, lane, signal, retry: this.#retrying }),
          onLeave: (left) => this.#desk.dismiss(left),
        });
        const enter = (lane: SendLane): void => {
          turn.enter(lane);
          this.#desk.offer(lane);
        };
        const lanes = this.#lanes.of(topic);
        const lane = lanes.laneOf(place);
        const refuse = (error: unknown): void => turn.refuse(error);
        if (lane !== undefined) enter(lane);
        else lanes.sort({ place, enter, refuse, whenOver: () => Promise.allSettled([turn.settled]) });
        return await turn.settled.catch((error: unknown) => {
          throw this.#errorOf(error, turn.hasBegun);
        });
      });
    } finally {
      this.#tally.end(round);
    }
  }

  /** Never rejects: whoever waits for it is told. */
  async #depart(departure: Departure, lane: SendLane): Promise<void> {
    if (!(departure instanceof MessageBatch)) return departure.begin(lane);
    const { broker } = this.#settings;
    const { topic } = lane;
    const { count, messages, rounds } = departure;
    const firstIdNumber = this.#idCount + 1;
    this.#idCount += count;
    departure.identify((place) => `${this.#idPrefix}${firstIdNumber + place}`);
    const partition = partitionOf(lane, [messages[0]?.key]);
    const onSettled = (from: number, below: number): void => {
      for (let place = from; place < below; place += 1) this.#tally.end(rounds[place] as Round);
    };
    await this.#signals.use(undefined, async (signal) => {
      const options = partition === undefined ? { signal } : { partition, signal };
      const calls = new DepartureCalls({ lane, count, isNumbered: true, options, retry: this.#retrying });
      const errorOf = (failure: unknown): unknown => this.#errorOf(failure, true);
      const call = { broker, topic, make: calls.make, onSettled, errorOf };
      const error = await sendAll({ messages, from: 0 }, call, (outcome) => departure.tell(outcome));
      calls.end();
      if (error !== undefined) this.#lanes.onRefused(topic, error);
    });
  }

  #errorOf(error: unknown, hasBegun: boolean): unknown {
    if (!this.#outOfTime.signal.aborted) return error;
    const fate = hasBegun ? 'may have been stored' : 'was not sent';
    return new MqError('MQ_CLOSED', `the producer was closed; the message ${fate}`, { cause: error });
  }

  readonly #retrying = <T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> => {
    const { clock, random, retry } = this.#settings;
    return withRetry(call, { policy: retry, clock, random, signal });
  };

  async #finish(timeoutMs: number): Promise<void> {
    const isFlushed = new AbortController();
    const outOfTime = pause(timeoutMs, { clock: this.#settings.clock, signal: isFlushed.signal }).then(
      () => this.#giveUp(),
      () => undefined,
    );
    await this.flush();
    isFlushed.abort();
    await outOfTime;
  }

  #giveUp(): void {
    const reason = new MqError('MQ_CLOSED', 'the producer ran out of time to close');
    this.#outOfTime.abort(reason);
    this.#signals.abortAll(reason);
    const error = this.#errorOf(reason, false);
    for (const lane of this.#lanes.giveUp(error)) {
      for (const departure of lane.empty()) this.#refuse(departure, error);
    }
  }

  /** What never went. */
  #refuse(departure: Departure, error: unknown): void {
    if (!(departure instanceof MessageBatch)) {
      departure.refuse(error);
      return;
    }
    this.#desk.dismiss(departure);
    for (const round of departure.rounds) this.#tally.end(round);
    departure.tell(() => {
      throw error;
    });
  }

  readonly #makeId = (): string => {
    this.#idCount += 1;
    return `${this.#idPrefix}${this.#idCount}`;
  };
}

/** Several such messages may go in one batch: each is told all there is to tell by its place in it. */
function mayShare(message: Message, own: SendOptions | undefined): boolean {
  if (typeof message !== 'object' || message === null) return false;
  if (isDelayed(message)) return false;
  return own === undefined || (own.signal === undefined && own.timeoutMs === undefined);
}
