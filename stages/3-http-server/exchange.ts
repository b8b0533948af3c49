/**
 * One request on its way, and its answer.
 *
 *     queued --> sent --> answered
 *
 *     leave    the caller is told now; an answer that still comes goes to `onLate`, so that nothing is claimed for nobody
 *     hurry    the server is asked to answer at once or never, and has so long to do it
 *     cut      over, and the connection with it
 *
 * Always true: the caller is told exactly once, and the call is over once nothing can come any more; what is cut before it
 * was sent is never sent; an answer takes no longer than it may, however slowly its bytes drip. The transport makes them.
 */
import type { Dispatcher } from 'undici';
import type { Clock, Timer } from '../../shared/clock.ts';
import type { MqError } from '../../shared/contract/errors.ts';
import { closedError, failureOf, lostError, timeoutError } from './transport-error.ts';

/** What a server answered, whole. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** What becomes of an answer whose caller has gone. */
export type OnLate = (answer: Answer) => Promise<void>;

export interface ExchangeOptions {
  readonly clock: Clock;
  /** From the moment the request leaves to the last byte of its answer. */
  readonly timeoutMs: number;
  /** Without it a call is cut when its caller goes. */
  readonly onLate?: OnLate | undefined;
  /** Says on the connection that no more requests come. Where there is no such way, hurrying is only a shorter wait. */
  readonly endRequests?: (() => void) | undefined;
}

/** How long an answer may still come after its caller has gone; far more than one way to the server and back. */
export const GRACE_MS = 2000;

export class Exchange implements Dispatcher.DispatchHandler {
  readonly #options: ExchangeOptions;
  readonly #told = Promise.withResolvers<Answer>();
  readonly #ended = Promise.withResolvers<void>();
  /** Set when the request leaves. */
  #controller: Dispatcher.DispatchController | undefined;
  #timer: Timer | undefined;
  #hasCaller = true;
  #isOver = false;
  #status = 0;
  #headers: Answer['headers'] = {};
  readonly #chunks: Buffer[] = [];

  constructor(options: ExchangeOptions) {
    this.#options = options;
  }

  /** What the caller is told. */
  get answer(): Promise<Answer> {
    return this.#told.promise;
  }

  /** Resolves when nothing of this call is left, not even a late answer. */
  get over(): Promise<void> {
    return this.#ended.promise;
  }

  /** True for a call whose answer somebody must take, whoever asked for it. */
  get isClaim(): boolean {
    return this.#options.onLate !== undefined;
  }

  leave(error: MqError): void {
    if (!this.#hasCaller) return;
    this.#hasCaller = false;
    this.#told.reject(error);
    if (this.isClaim) this.hurry();
    else this.cut(error);
  }

  hurry(): void {
    if (this.#isOver) return;
    if (this.#controller === undefined) {
      this.cut(closedError());
      return;
    }
    this.#options.endRequests?.();
    this.#startTimer(GRACE_MS, lostError);
  }

  cut(error: MqError): void {
    if (this.#isOver) return;
    this.#finish();
    this.#told.reject(error);
    this.#ended.resolve();
    this.#controller?.abort(error);
  }

  // ---- what undici calls

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#isOver) {
      controller.abort(closedError());
      return;
    }
    this.#controller = controller;
    this.#startTimer(this.#options.timeoutMs, timeoutError);
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: Answer['headers']): void {
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#isOver) this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#isOver) return;
    this.#finish();
    const answer = { status: this.#status, headers: this.#headers, body: joined(this.#chunks) };
    if (this.#hasCaller) {
      this.#hasCaller = false;
      this.#told.resolve(answer);
      this.#ended.resolve();
    } else {
      // It came for nobody: whatever `onLate` meets, nobody is left who could be told.
      const late = this.#options.onLate?.(answer).catch(() => undefined);
      this.#ended.resolve(late);
    }
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.cut(failureOf(error, { isSent: this.#controller !== undefined }));
  }

  #startTimer(delayMs: number, error: () => MqError): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.setTimer(() => this.cut(error()), delayMs);
  }

  #finish(): void {
    this.#isOver = true;
    this.#timer?.cancel();
  }
}

/** In memory of its own: what was read is cut out of it, and must not share it with strangers. */
function joined(chunks: readonly Buffer[]): Buffer {
  const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const bytes = Buffer.from(new ArrayBuffer(size));
  let position = 0;
  for (const chunk of chunks) position += chunk.copy(bytes, position);
  return bytes;
}
