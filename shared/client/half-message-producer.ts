/**
 * A message together with a piece of work, on top of any Broker with half messages:
 *
 *     send(topic, message, work) --> sendHalf --> work --> done: commit     threw: abort
 *
 *     the broker asks: what became of this half message?   this producer works on it: unknown   it knows the end: that
 *                                                          else: what `check` says
 *
 * Always true: the work begins when the message is safe with the broker, and not before; a message is seen only if its work
 * ended well, as long as `check` says the truth; when this process is killed at any moment, any other producer of the group
 * answers by looking at what the work has left behind. `close` always settles.
 * For work in a database of one's own an `Outbox` needs no answer at all; half messages are for work elsewhere.
 */
import type { CloseOptions } from '../contract/broker.ts';
import { type ErrorCode, isMqError, MqError } from '../contract/errors.ts';
import type { HalfCheck, HalfOutcome, HalfReceipt } from '../contract/half-message.ts';
import type { Message, Receipt } from '../contract/message.ts';
import { invalidArgument } from '../contract/validation.ts';
import { closeTimeoutMsOf } from './closing.ts';
import {
  checkHalfMessageProducerOptions,
  type HalfMessageProducerOptions,
  type HalfMessageProducerState,
  type HalfMessageSettings,
  type HalfSendOptions,
  type HalfSent,
} from './half-message-options.ts';
import { pace } from './pace.ts';
import { pause, takeTurns, withRetry } from './retry.ts';
import { copyOf, identify } from './sent-copy.ts';

/** Ends that the broker may not have heard, kept for its questions; older ones `check` knows. */
const ENDS_REMEMBERED_COUNT = 1024;
/** Between two questions of a broker that does not wait. */
const PAUSE_MS = 1000;
/**
 * The half message may be there all the same. Sent once more there would be two of it; left alone the broker asks about it,
 * and its work, which never began, has left nothing behind.
 */
const MAY_BE_THERE: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['MQ_CONNECTION_LOST', 'MQ_TIMEOUT']);

/**
 * Sends messages that are seen when their work is done, and answers for its producer group from the moment it is made
 * (capability `half-message`).
 */
export class HalfMessageProducer {
  readonly #settings: HalfMessageSettings;
  readonly #stop = new AbortController();
  /** Aborts when `close` has run out of time. */
  readonly #outOfTime = new AbortController();
  readonly #sends = new Set<Promise<unknown>>();
  /** By halfId: undefined while the work runs, then how it ended; oldest first. */
  readonly #ends = new Map<string, 'commit' | 'abort' | undefined>();
  readonly #instanceId: string;
  readonly #answering: Promise<void>;
  #idCount = 0;
  #status: HalfMessageProducerState['status'] = 'running';
  #reason: Error | null = null;
  #committedCount = 0;
  #abortedCount = 0;
  #answeredCount = 0;
  #closing: Promise<void> | undefined;

  /** Begins to answer questions at once. `MQ_INVALID_ARGUMENT`. */
  constructor(options: HalfMessageProducerOptions) {
    this.#settings = checkHalfMessageProducerOptions(options);
    this.#instanceId = this.#settings.random.hex(8);
    this.#answering = this.#answerQuestions();
  }

  get state(): HalfMessageProducerState {
    return {
      status: this.#status,
      reason: this.#reason,
      inFlightCount: this.#sends.size,
      committedCount: this.#committedCount,
      abortedCount: this.#abortedCount,
      answeredCount: this.#answeredCount,
    };
  }

  /**
   * Keeps the message, does the work, and shows the message. Rejects with what `work` threw, and then nobody ever sees it;
   * with what the broker said, and then the work has not begun; or with `MQ_TRANSACTION_ENDED` or another error of the
   * commit, when the work is done: unless it says that the message was aborted, the broker asks, and `check` answers.
   * A message without an id gets one, so that the work can keep it for `check`: `half.id`.
   */
  async send<Result>(
    topic: string,
    message: Message,
    work: (half: HalfReceipt) => Promise<Result> | Result,
    options: HalfSendOptions = {},
  ): Promise<HalfSent<Result>> {
    if (typeof work !== 'function') throw invalidArgument('work', 'a function', work);
    if (this.#closing !== undefined) throw new MqError('MQ_CLOSED', 'the producer is closed');
    const { inFlightMax } = this.#settings;
    if (this.#sends.size >= inFlightMax) {
      throw new MqError('MQ_LIMIT_EXCEEDED', `${inFlightMax} half messages are under way, which is the limit`);
    }
    const copy = copyOf(message);
    identify(copy, () => this.#nextId());
    const sending = this.#send(topic, copy, { work, options });
    const settled = sending.catch(() => undefined);
    this.#sends.add(settled);
    try {
      return await sending;
    } finally {
      this.#sends.delete(settled);
    }
  }

  /**
   * Takes no new sends, asks for no more questions, and lets what is under way finish for `timeoutMs` (default 10 s). What
   * is not decided then is left to the questions of the broker. Always settles; the broker stays open.
   */
  async close(options?: CloseOptions): Promise<void> {
    const timeoutMs = closeTimeoutMsOf(options);
    this.#closing ??= this.#shutDown(timeoutMs);
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #shutDown(timeoutMs: number): Promise<void> {
    const { clock } = this.#settings;
    const closed = new MqError('MQ_CLOSED', 'the producer is closed');
    this.#stop.abort(closed);
    const settled = Promise.allSettled([...this.#sends, this.#answering]);
    const patience = new AbortController();
    const tooLong = pause(timeoutMs, { clock, signal: patience.signal }).catch(() => undefined);
    await Promise.race([settled, tooLong]);
    patience.abort();
    this.#outOfTime.abort(closed);
    this.#status = 'closed';
  }

  async #send<Result>(
    topic: string,
    message: Message,
    how: { readonly work: (half: HalfReceipt) => Promise<Result> | Result; readonly options: HalfSendOptions },
  ): Promise<HalfSent<Result>> {
    const half = await this.#keep(topic, message, how.options);
    this.#ends.set(half.halfId, undefined);
    let result: Result;
    try {
      result = await how.work(half);
    } catch (error) {
      this.#abortedCount += 1;
      // The broker may not hear of it: then it asks.
      await this.#end(half, 'abort').catch((reason: unknown) => this.#note(reason));
      throw error;
    }
    const receipt = await this.#end(half, 'commit');
    this.#committedCount += 1;
    if (receipt === null) throw new MqError('MQ_PROTOCOL', 'the broker committed a half message and gave no receipt');
    return { receipt, result };
  }

  async #keep(topic: string, message: Message, options: HalfSendOptions): Promise<HalfReceipt> {
    const { broker, producerGroup, retry, clock, random } = this.#settings;
    const signal = this.#outOfTime.signal;
    const call = async (): Promise<HalfReceipt> => {
      try {
        return await broker.sendHalf(topic, message, { ...options, producerGroup });
      } catch (error) {
        if (isMqError(error) && MAY_BE_THERE.has(error.code)) throw new Unrepeated(error);
        throw error;
      }
    };
    try {
      return await withRetry(call, { policy: retry, clock, random, signal });
    } catch (error) {
      throw error instanceof Unrepeated ? error.cause : error;
    }
  }

  async #end(
    { topic, halfId }: Pick<HalfReceipt, 'topic' | 'halfId'>,
    outcome: 'commit' | 'abort',
  ): Promise<Receipt | null> {
    const { broker, retry: policy, clock, random } = this.#settings;
    this.#remember(halfId, outcome);
    const call = (): Promise<Receipt | null> => broker.endHalf(topic, { halfId, outcome });
    const receipt = await withRetry(call, { policy, clock, random, signal: this.#outOfTime.signal });
    this.#ends.delete(halfId);
    return receipt;
  }

  /** The broker may ask about it before, or instead of, hearing of its end. */
  #remember(halfId: string, outcome: 'commit' | 'abort'): void {
    this.#ends.delete(halfId);
    this.#ends.set(halfId, outcome);
    if (this.#ends.size <= ENDS_REMEMBERED_COUNT + this.#settings.inFlightMax) return;
    for (const [oldest, end] of this.#ends) {
      if (end === undefined) continue; // its work runs
      this.#ends.delete(oldest);
      return;
    }
  }

  async #answerQuestions(): Promise<void> {
    const { clock, random, retry: policy } = this.#settings;
    const { signal } = this.#stop;
    const onRetry = (error: Error): void => {
      this.#status = 'retrying';
      this.#reason = error;
    };
    try {
      await takeTurns(() => this.#answerSome(), { clock, random, policy, signal, onRetry });
    } catch (error) {
      this.#reason = error as Error;
      if (!signal.aborted) this.#status = 'failed';
    }
  }

  async #answerSome(): Promise<void> {
    const { broker, producerGroup, checksInFlightMax: max, waitMs, clock } = this.#settings;
    const { signal } = this.#stop;
    const askedAtMs = clock.monotonicMs();
    const questions = await broker.receiveHalfChecks(producerGroup, { max, waitMs, signal });
    if (this.#status === 'retrying') this.#status = 'running';
    await Promise.all(questions.map((question) => this.#answer(question).catch((error) => this.#note(error))));
    await pace({ count: questions.length, askedAtMs, waitMs }, { clock, signal, pauseMs: PAUSE_MS });
  }

  async #answer(question: HalfCheck): Promise<void> {
    const outcome = await this.#outcomeOf(question);
    const { topic, halfId } = question;
    if (outcome === 'unknown') await this.#settings.broker.endHalf(topic, { halfId, outcome });
    else await this.#end({ topic, halfId }, outcome);
    this.#answeredCount += 1;
  }

  async #outcomeOf(question: HalfCheck): Promise<HalfOutcome> {
    const { halfId } = question;
    if (this.#ends.has(halfId)) return this.#ends.get(halfId) ?? 'unknown';
    try {
      return await this.#settings.check(question);
    } catch (error) {
      this.#note(error);
      return 'unknown';
    }
  }

  #note(error: unknown): void {
    this.#reason = error instanceof Error ? error : new Error(String(error));
  }

  #nextId(): string {
    this.#idCount += 1;
    return `${this.#instanceId}-${this.#idCount}`;
  }
}

/** Wraps what must not be tried again, whatever its code says. */
class Unrepeated extends Error {
  override readonly cause: MqError;

  constructor(cause: MqError) {
    super(cause.message);
    this.cause = cause;
  }
}
