/**
 * The requests of one connection that have no answer yet: how many, how heavy, and how each is given up.
 *
 *     run --> act(signal) ... --> its answer, or its error         bounded: how many, and how many bytes of sends
 *
 * Always true (I25): too many requests are refused, too many bytes are not read until some are answered; after `stop` whatever
 * waits comes to an end. The desk of a connection owns it.
 */
import { setMaxListeners } from 'node:events';
import { isMqError, MqError } from '../../../../shared/contract/errors.ts';
import type { Channel } from './channel.ts';
import type { CheckedTcpServerOptions } from './server-options.ts';

/** What an unanswered request costs, and whether the client may take it back. */
export interface Weight {
  readonly bytes?: number;
  readonly isCancellable?: boolean;
}

export interface UnansweredOptions {
  readonly channel: Channel;
  readonly limits: Pick<CheckedTcpServerOptions, 'requestsCountMax' | 'unansweredBytesMax'>;
  /** Answers with an error. */
  readonly onFailed: (id: number, error: unknown) => void;
  /** No request is unanswered, after `stop`. */
  readonly onIdle: () => void;
}

export class Unanswered {
  readonly #options: UnansweredOptions;
  readonly #channel: Channel;
  /** Aborts when nothing is to wait any more. */
  readonly #over = new AbortController();
  /** Of the requests that may be cancelled. */
  readonly #cancels = new Map<number, AbortController>();
  #count = 0;
  #bytes = 0;

  constructor(options: UnansweredOptions) {
    this.#options = options;
    this.#channel = options.channel;
    // All waiting calls of a connection listen to one signal.
    setMaxListeners(0, this.#over.signal);
  }

  /** Runs `act`, which writes the answer, or answers with its error. Never rejects. */
  async run(id: number, weight: Weight, act: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { requestsCountMax } = this.#options.limits;
    if (this.#count >= requestsCountMax) {
      const full = `a connection has at most ${requestsCountMax} requests without an answer`;
      this.#options.onFailed(id, new MqError('MQ_LIMIT_EXCEEDED', full));
      return;
    }
    const { bytes = 0, isCancellable = false } = weight;
    this.#count += 1;
    this.#bytes += bytes;
    this.balance();
    try {
      if (this.#over.signal.aborted) throw closedError();
      await act(isCancellable ? this.cancellable(id) : this.#over.signal);
      this.#channel.flush();
    } catch (error) {
      const isOver = this.#over.signal.aborted && isMqError(error, 'MQ_ABORTED');
      this.#options.onFailed(id, isOver ? closedError() : error);
    } finally {
      this.#cancels.delete(id);
      this.#count -= 1;
      this.#bytes -= bytes;
      this.balance();
    }
  }

  /** A signal of its own; it too aborts when all is over. */
  cancellable(id: number): AbortSignal {
    if (this.#cancels.has(id)) throw new MqError('MQ_PROTOCOL', `request ${id} is not answered yet`);
    const cancel = new AbortController();
    this.#cancels.set(id, cancel);
    return cancel.signal;
  }

  /** The client takes it back. One that was answered meanwhile, or may not be cancelled, goes on. */
  cancel(id: number): void {
    this.#cancels.get(id)?.abort();
  }

  /** The answer, or, of a call that waited when all was over, what is said instead. */
  async unlessOver<T>(asked: Promise<T>, otherwise: () => T | Promise<T>): Promise<T> {
    try {
      return await asked;
    } catch (error) {
      if (this.#over.signal.aborted && !this.#channel.isGone && isMqError(error, 'MQ_ABORTED')) return otherwise();
      throw error;
    }
  }

  /** Nothing waits any more. */
  stop(): void {
    this.#over.abort();
    for (const cancel of this.#cancels.values()) cancel.abort();
  }

  /** Reads on, or not; and says when nothing is left to do. */
  balance(): void {
    const isTooMuch = this.#bytes > this.#options.limits.unansweredBytesMax || this.#channel.isCongested;
    if (isTooMuch) this.#channel.pause();
    else this.#channel.resume();
    if (this.#count === 0 && this.#over.signal.aborted) this.#options.onIdle();
  }
}

export function closedError(): MqError {
  return new MqError('MQ_CLOSED', 'the connection is closing, and takes no new calls');
}
