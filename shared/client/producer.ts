/**
 * Sending with comfort, on top of any Broker: a bound on what is under way, retries with jitter, an orderly end.
 *
 *     send() ... send() -->  [ line, first come first served ]  -->  [ inFlightMax sends ]  -->  broker
 *                                 awaiting it is the back-pressure        retries in here
 *
 * Always true: a message has its id before the first attempt and keeps it, so a repeated send can be recognised; every
 * promise settles, also when the broker never answers, once `close` has run out of time; nothing is retried whose
 * error says that repeating is no use. With `inFlightMax` 1 the messages of one producer stay in order, also across
 * retries; with more, a message that had to be repeated may come behind later ones.
 * A retry after a lost answer may store the message twice (until a broker has the capability `dedup`).
 */
import { type Clock, checkClock } from '../clock.ts';
import type { Broker, CloseOptions, SendOptions } from '../contract/broker.ts';
import { MqError } from '../contract/errors.ts';
import type { BatchReceipt, Headers, Message, Receipt } from '../contract/message.ts';
import { checkBroker, checkInteger, checkOptions, invalidArgument } from '../contract/validation.ts';
import { checkRandom, type Random } from '../random.ts';
import { CallSignals } from './call-signals.ts';
import { checkRetryPolicy, pause, type RetryPolicy, withRetry } from './retry.ts';
import { SendSlots } from './send-slots.ts';

/** How long `close` waits for sends under way when its caller does not say. */
export const CLOSE_TIMEOUT_MS = 10_000;

/** Of `new Producer`: to which broker, how many sends at once, and how often to try again. */
export interface ProducerOptions {
  readonly broker: Broker;
  /** Sends at the broker at the same time. Default 64. */
  readonly inFlightMax?: number;
  /** Sends that may stand in line behind those. Default 65,536; one more is `MQ_LIMIT_EXCEEDED`. */
  readonly waitingMax?: number;
  readonly retry?: Partial<RetryPolicy>;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** Of one send, with a signal of its own. */
type Own = SendOptions & { readonly signal: AbortSignal };

/**
 * Sends with ids of its own, retries what may be retried, and bounds what is under way. The broker may store a message
 * twice when an answer was lost; both copies have the same id.
 */
export class Producer {
  readonly #broker: Broker;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #policy: RetryPolicy;
  readonly #slots: SendSlots;
  /** Makes ids unlike those of every other producer. */
  readonly #instanceId: string;
  #idCount = 0;
  /** One entry for each send that has not settled; the entry itself never rejects. */
  readonly #underWay = new Set<Promise<void>>();
  /** Of each send one, aborted when `close` has run out of time. */
  readonly #signals = new CallSignals();
  #hasGivenUp = false;
  #closing: Promise<void> | undefined;

  constructor(options: ProducerOptions) {
    checkOptions('options', options, ['broker', 'inFlightMax', 'waitingMax', 'retry', 'clock', 'random']);
    this.#broker = checkBroker('options.broker', options?.broker);
    const { inFlightMax, waitingMax } = options;
    this.#clock = checkClock('options.clock', options.clock);
    this.#random = checkRandom('options.random', options.random);
    this.#policy = checkRetryPolicy('options.retry', options.retry);
    this.#slots = new SendSlots({
      slotCount: checkInteger('options.inFlightMax', inFlightMax, { min: 1, max: 65_536, fallback: 64 }),
      waitingMax: checkInteger('options.waitingMax', waitingMax, { min: 0, max: 2 ** 24, fallback: 65_536 }),
    });
    this.#instanceId = this.#random.hex(8);
  }

  /** Sends that have not settled: in line, at the broker, or pausing before a retry. */
  get underWayCount(): number {
    return this.#underWay.size;
  }

  /**
   * Resolves when the broker has taken responsibility. Rejects with the last error, `MQ_ABORTED` or `MQ_CLOSED`. What is
   * sent is what `message` and `options` are at the call; only the bytes of a body belong to the broker from then on.
   */
  async send(topic: string, message: Message, options?: SendOptions): Promise<Receipt> {
    const copy = this.#copyOf(message);
    return this.#run(options, (own) => this.#broker.send(topic, copy, own));
  }

  /** Like `send` for a batch: one slot, one partition, all or nothing, retried as a whole. */
  async sendBatch(topic: string, messages: readonly Message[], options?: SendOptions): Promise<BatchReceipt> {
    const copies = Array.isArray(messages) ? Array.from(messages, (message) => this.#copyOf(message)) : messages;
    return this.#run(options, (own) => this.#broker.sendBatch(topic, copies, own));
  }

  /** Resolves when every send that was begun before has settled, well or badly: their own promises say which. */
  async flush(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  /**
   * Takes no new sends, lets those under way finish for `timeoutMs` (default 10 s), then gives up on the rest: they
   * reject with `MQ_CLOSED`, which says whether they may have been stored. Always settles; the broker stays open.
   */
  async close(options: CloseOptions = {}): Promise<void> {
    checkOptions('options', options, ['timeoutMs']);
    const range = { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: CLOSE_TIMEOUT_MS };
    const timeoutMs = checkInteger('options.timeoutMs', options.timeoutMs, range);
    this.#closing ??= this.#finish(timeoutMs);
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #run<T>(options: SendOptions | undefined, call: (options: SendOptions) => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) throw new MqError('MQ_CLOSED', 'the producer is closed');
    checkOptions('options', options, ['partition', 'signal', 'timeoutMs']);
    const own = { ...options };
    if (own.signal !== undefined && !(own.signal instanceof AbortSignal)) {
      throw invalidArgument('options.signal', 'an AbortSignal', own.signal);
    }
    const sending = this.#signals.use(own.signal, (signal) => this.#attempt({ ...own, signal }, call));
    const entry = sending.then(
      () => undefined,
      () => undefined,
    );
    this.#underWay.add(entry);
    try {
      return await sending;
    } finally {
      this.#underWay.delete(entry);
    }
  }

  async #attempt<T>(options: Own, call: (options: SendOptions) => Promise<T>): Promise<T> {
    const { signal } = options;
    const surroundings = { clock: this.#clock, random: this.#random };
    let fate = 'was not sent';
    try {
      await this.#slots.enter(signal);
      fate = 'may have been stored';
      try {
        return await withRetry(() => call(options), { ...surroundings, policy: this.#policy, signal });
      } finally {
        this.#slots.leave();
      }
    } catch (error) {
      if (!this.#hasGivenUp) throw error;
      throw new MqError('MQ_CLOSED', `the producer was closed; the message ${fate}`, { cause: error });
    }
  }

  async #finish(timeoutMs: number): Promise<void> {
    const isFlushed = new AbortController();
    const outOfTime = pause(timeoutMs, { clock: this.#clock, signal: isFlushed.signal }).then(
      () => this.#giveUp(),
      () => undefined,
    );
    await this.flush();
    isFlushed.abort();
    await outOfTime;
  }

  #giveUp(): void {
    this.#hasGivenUp = true;
    this.#signals.abortAll(new MqError('MQ_CLOSED', 'the producer ran out of time to close'));
  }

  /**
   * With an id. Reads each member once, also inherited ones; what is no message, or has strange members, stays so, and
   * the broker says what is wrong with it.
   */
  #copyOf(message: Message): Message {
    if (typeof message !== 'object' || message === null) return message;
    const { body, key, headers, id, delayMs, deliverAt, ttlMs, priority, ...strange } = message;
    return {
      ...strange,
      body,
      key,
      headers: copyOfHeaders(headers),
      id: id === undefined ? this.#makeId() : id,
      delayMs,
      deliverAt,
      ttlMs,
      priority,
    };
  }

  #makeId(): string {
    this.#idCount += 1;
    return `${this.#instanceId}-${this.#idCount}`;
  }
}

/** Of the same kind: an array or a Map stays what the broker refuses. */
function copyOfHeaders(headers: Headers | undefined): Headers | undefined {
  if (typeof headers !== 'object' || headers === null) return headers;
  return Object.setPrototypeOf({ ...headers }, Object.getPrototypeOf(headers));
}
