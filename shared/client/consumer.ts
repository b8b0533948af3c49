/**
 * Receiving with comfort, on top of any Broker: prefetch, concurrency, lease extension, back-off, an orderly end.
 *
 *     broker --receive or push--> [ buffered ] --> handlers of onMessage, or for await --> ack, return, reject
 *                         \_________ at most prefetchCount of these _________/      \--> retry: backs off, then given back
 *
 * Always true: never more than `prefetchCount` messages wait for a handler or are in one; each has its lease extended
 * for as long as `holdMsMax` allows; failing messages are held back, and up to `backingOffMax` of them take no room from
 * the rest; `close` always settles.
 * At least once: a message is lost only when its lease ends, and then another delivery follows. On a broker without
 * leases receiving is the end: nothing is fetched ahead, retry and reject are refused.
 */
import type { CloseOptions } from '../contract/broker.ts';
import { MqError } from '../contract/errors.ts';
import type { Delivery } from '../contract/message.ts';
import { invalidArgument } from '../contract/validation.ts';
import { closeTimeoutMsOf } from './closing.ts';
import type { ConsumedMessage } from './consumed-message.ts';
import { type ConsumerOptions, type ConsumerSettings, checkConsumerOptions } from './consumer-options.ts';
import type { ConsumerState, ConsumerStatus } from './consumer-state.ts';
import { HeldMessages } from './held-messages.ts';
import { type DeliveryLoop, loopOf } from './push-loop.ts';
import { pause } from './retry.ts';

/** Of a handler's failure the broker is told so many characters. */
const REASON_LENGTH_MAX = 1000;

/** What `onMessage` calls with each message. With automatic ack, returning acks it and throwing retries it. */
export type MessageHandler = (message: ConsumedMessage) => Promise<unknown> | unknown;

/** A handler or loop that is ready for a message. */
interface Taker {
  readonly resolve: (message: ConsumedMessage | undefined) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A member of a queue group that receives, keeps leases alive, retries and gives back. Messages come to `onMessage`, or
 * to `for await`. The constructor throws `MQ_INVALID_ARGUMENT`; whatever goes wrong later is in `state`.
 */
export class Consumer implements AsyncIterable<ConsumedMessage> {
  readonly #settings: ConsumerSettings;
  readonly #held: HeldMessages;
  readonly #loop: DeliveryLoop;
  /** Oldest first; non-empty only while no message waits for one. */
  readonly #takers: Taker[] = [];
  readonly #stop = new AbortController();
  #status: ConsumerStatus = 'idle';
  #reason: Error | null = null;
  #receivedCount = 0;
  #failedCount = 0;
  /** The run of the loop, from the first taker on, and what ended it before `close` did. */
  #pumping: Promise<void> | undefined;
  #failure: Error | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: ConsumerOptions) {
    this.#settings = checkConsumerOptions(options);
    this.#held = new HeldMessages({
      settings: this.#settings,
      onRoom: () => this.#loop.wake(),
      onTrouble: (error) => this.#note(error),
    });
    this.#loop = loopOf({
      settings: this.#settings,
      stop: this.#stop.signal,
      credit: () => this.#credit(),
      unfinishedCount: () => this.#held.unfinishedCount,
      onAnswer: (deliveries, askedAtMs) => this.#arrive(deliveries, askedAtMs),
      onRetry: (error) => this.#note(error, 'retrying'),
    });
  }

  get memberId(): string {
    return this.#settings.memberId;
  }

  get state(): ConsumerState {
    return {
      status: this.#status,
      reason: this.#reason,
      bufferedCount: this.#held.bufferedCount,
      handlingCount: this.#held.handlingCount,
      backingOffCount: this.#held.backingOffCount,
      receivedCount: this.#receivedCount,
      ackedCount: this.#held.ackedCount,
      givenBackCount: this.#held.givenBackCount,
      failedCount: this.#failedCount,
      lostCount: this.#held.lostCount,
    };
  }

  /**
   * Hands every message to `handler`, `concurrency` at a time. With automatic ack, returning acks; throwing backs off and
   * retries. Resolves when the consumer has been closed; rejects when it failed.
   */
  async onMessage(handler: MessageHandler): Promise<void> {
    if (typeof handler !== 'function') throw invalidArgument('handler', 'a function', handler);
    const workers = Array.from({ length: this.#settings.concurrency }, () => this.#work(handler));
    for (const result of await Promise.allSettled(workers)) if (result.status === 'rejected') throw result.reason;
  }

  /**
   * One message after the other. With automatic ack, asking for the next one acks the one before. Leaving the loop early
   * gives back the message it was at and closes the consumer. Ends when it is closed; throws when it failed. Calls of
   * `next` wait for each other.
   */
  [Symbol.asyncIterator](): AsyncIterator<ConsumedMessage, undefined> {
    const loop = this.#loopOver();
    return {
      next: () => loop.next(),
      return: async () => {
        // Also ends a `next` that waits for a message.
        const closed = this.close();
        await loop.return(undefined);
        await closed;
        return { done: true, value: undefined };
      },
    };
  }

  /**
   * Receives nothing more, gives back what no handler has begun, waits until the rest has its outcome, and leaves the
   * group. What has none after `timeoutMs` (default 10 s) is let go: its signal aborts, and its lease ends by itself, so
   * that nobody else gets it at once under a handler that still runs. Always settles; the broker stays open.
   * Awaited in a handler or loop body it waits for the message of that body too: ack it first, or leave the loop, or do
   * not await.
   */
  async close(options?: CloseOptions): Promise<void> {
    const timeoutMs = closeTimeoutMsOf(options);
    this.#closing ??= this.#shutDown(timeoutMs);
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The next message for a handler or loop; undefined when there will be none. */
  #take(): Promise<ConsumedMessage | undefined> {
    if (this.#stop.signal.aborted) return Promise.resolve(undefined);
    this.#pumping ??= this.#pump();
    const message = this.#held.beginBody();
    if (message !== undefined) return Promise.resolve(message);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#takers.push({ resolve, reject });
      this.#loop.wake();
    });
  }

  async #pump(): Promise<void> {
    this.#setStatus('running');
    try {
      await this.#loop.run();
    } catch (error) {
      this.#failure = error as Error;
      this.#note(this.#failure, 'failed');
    }
    for (const taker of this.#takers.splice(0)) {
      if (this.#failure === undefined) taker.resolve(undefined);
      else taker.reject(this.#failure);
    }
  }

  /** Room for how many more. Without leases only what somebody waits for: nothing is fetched ahead. */
  #credit(): number {
    return this.#settings.hasLease ? this.#held.room : this.#takers.length;
  }

  #arrive(deliveries: readonly Delivery[], askedAtMs: number): void {
    this.#receivedCount += deliveries.length;
    if (this.#status === 'retrying') this.#setStatus('running');
    for (const delivery of deliveries) this.#held.add(delivery, askedAtMs);
    // What comes while the consumer stops is given back, but for what cannot be.
    if (!this.#stop.signal.aborted || !this.#settings.hasLease) this.#handOut();
    if (this.#status === 'closed') this.#held.abandonAll(new MqError('MQ_CLOSED', 'it came after the consumer closed'));
  }

  #handOut(): void {
    while (this.#takers.length > 0) {
      const message = this.#held.beginBody();
      if (message === undefined) return;
      this.#takers.shift()?.resolve(message);
    }
  }

  async #work(handler: MessageHandler): Promise<void> {
    for (let message = await this.#take(); message !== undefined; message = await this.#take()) {
      let failure: { readonly error: unknown } | undefined;
      try {
        await handler(message);
      } catch (error) {
        failure = { error };
      }
      this.#held.endBody(message);
      await (failure === undefined ? this.#finish(message) : this.#onHandlerFailed(message, failure.error));
    }
  }

  async *#loopOver(): AsyncGenerator<ConsumedMessage, undefined, undefined> {
    for (let message = await this.#take(); message !== undefined; message = await this.#take()) {
      let isLeft = true;
      try {
        yield message;
        isLeft = false;
      } finally {
        this.#held.endBody(message);
        if (isLeft) await this.#untried(message);
      }
      await this.#finish(message);
    }
  }

  async #onHandlerFailed(message: ConsumedMessage, error: unknown): Promise<void> {
    this.#failedCount += 1;
    const failure = errorOf(error);
    this.#note(failure);
    if (!isUndecided(message)) return;
    const reason = failure.message.slice(0, REASON_LENGTH_MAX);
    // Without leases the broker finished it long ago: there is no way back, only the count above.
    await this.#quietly(this.#settings.hasLease ? message.retry({ reason }) : message.ack());
  }

  /** Left in the middle: back to the group, without counting as a failure. */
  async #untried(message: ConsumedMessage): Promise<void> {
    if (!isUndecided(message)) return;
    await this.#quietly(this.#settings.hasLease ? message.return() : message.ack());
  }

  /** The automatic ack, when it is wanted and nothing else was decided. */
  async #finish(message: ConsumedMessage): Promise<void> {
    if (this.#settings.ackMode === 'automatic' && isUndecided(message)) await this.#quietly(message.ack());
  }

  /** For outcomes nobody waits for: that it failed is in the state, with its reason. */
  #quietly(outcome: Promise<void>): Promise<void> {
    return outcome.catch((error: Error) => this.#note(error));
  }

  async #shutDown(timeoutMs: number): Promise<void> {
    this.#setStatus('closing');
    this.#stop.abort();
    this.#loop.wake();
    const isDrained = new AbortController();
    const drained = this.#drain().then(() => isDrained.abort());
    const { clock } = this.#settings;
    const outOfTime = pause(timeoutMs, { clock, signal: isDrained.signal }).catch(() => undefined);
    await Promise.race([drained, outOfTime]);
    this.#setStatus('closed');
    const error = new MqError('MQ_CLOSED', 'the consumer ran out of time to close');
    this.#held.abandonAll(error);
    for (const taker of this.#takers.splice(0)) taker.resolve(undefined);
  }

  async #drain(): Promise<void> {
    this.#held.hurry();
    await this.#held.returnBuffered();
    await this.#pumping;
    await this.#held.returnBuffered();
    await this.#held.whenFinished();
    // Out of time, handlers may still run: leaving would hand their messages to somebody else at once.
    if (this.#status !== 'closed') await this.#leave();
  }

  /** Only a courtesy to the other members: nothing is held any more. */
  async #leave(): Promise<void> {
    const { broker, topic, group, memberId, hasLease } = this.#settings;
    if (hasLease && this.#receivedCount > 0) await this.#quietly(broker.leave(topic, { group, memberId }));
  }

  #setStatus(status: ConsumerStatus): void {
    if (this.#status === status || this.#status === 'closed') return;
    this.#status = status;
    this.#settings.onState(this.state);
  }

  #note(error: Error, status?: ConsumerStatus): void {
    this.#reason = error;
    const isEnding = this.#status === 'closing' || this.#status === 'closed';
    if (status !== undefined && !isEnding) this.#status = status;
    this.#settings.onState(this.state);
  }
}

function isUndecided(message: ConsumedMessage): boolean {
  return message.outcome === undefined && !message.isLost;
}

/** Anything can be thrown, also what has no text. */
function errorOf(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  try {
    return new Error(String(thrown));
  } catch {
    return new Error('a handler threw something that is no error');
  }
}
