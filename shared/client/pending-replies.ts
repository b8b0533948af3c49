/**
 * Requests that wait for their replies, by correlation id.
 *
 *     expect("r-7") --> reply with "r-7" | its time is over | its signal aborts | all fail      whichever is first
 *
 * Always true: each settles once, and leaves no timer and no listener behind; `ended` of an expectation aborts then, so that
 * whatever is done for it stops too. Only Requester uses it.
 */
import type { Clock } from '../clock.ts';
import { abortedError, MqError } from '../contract/errors.ts';
import type { Delivery } from '../contract/message.ts';

export interface Expectation {
  readonly reply: Promise<Delivery>;
  /** Aborts when it is settled, in whichever way. */
  readonly ended: AbortSignal;
  fail(error: unknown): void;
}

interface Waiting {
  readonly settle: (end: () => void) => void;
  readonly resolve: (reply: Delivery) => void;
  readonly reject: (error: unknown) => void;
}

export class PendingReplies {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, Waiting>();
  /** Made for the first who waits until none is left. */
  #empty: PromiseWithResolvers<void> | undefined;
  timedOutCount = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get count(): number {
    return this.#waiting.size;
  }

  expect(
    id: string,
    { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal | undefined },
  ): Expectation {
    const { promise, resolve, reject } = Promise.withResolvers<Delivery>();
    const ended = new AbortController();
    const settle = (end: () => void): void => {
      if (!this.#waiting.delete(id)) return;
      timer.cancel();
      signal?.removeEventListener('abort', onAbort);
      end();
      ended.abort();
      if (this.#waiting.size === 0) this.#empty?.resolve();
    };
    const fail = (error: unknown): void => settle(() => reject(error));
    const onAbort = (): void => fail(abortedError(signal as AbortSignal));
    const timer = this.#clock.setTimer(() => {
      this.timedOutCount += 1;
      fail(new MqError('MQ_TIMEOUT', `no reply came within ${timeoutMs} ms; the request may have been handled`));
    }, timeoutMs);
    this.#waiting.set(id, { settle, resolve, reject });
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    return { reply: promise, ended: ended.signal, fail };
  }

  /** False when nobody waits for it, or not any more. */
  take(id: string | undefined, reply: Delivery): boolean {
    const waiting = id === undefined ? undefined : this.#waiting.get(id);
    waiting?.settle(() => waiting.resolve(reply));
    return waiting !== undefined;
  }

  failAll(error: unknown): void {
    for (const { settle, reject } of [...this.#waiting.values()]) settle(() => reject(error));
  }

  /** Resolves when none is left. */
  async whenEmpty(): Promise<void> {
    if (this.#waiting.size === 0) return;
    this.#empty ??= Promise.withResolvers<void>();
    await this.#empty.promise;
    this.#empty = undefined;
  }
}
