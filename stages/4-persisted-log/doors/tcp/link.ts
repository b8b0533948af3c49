/**
 * The connection of a client, as long as the client lives: when one breaks, the next one is made.
 *
 *     connecting --> connected <--> reconnecting          closed: by `close`, or because it may not reconnect
 *
 * Always true: the state is what `onState` heard last; a call that finds no connection waits for one, at most
 * `connectTimeoutMs`; a call that was on its way when the connection broke is not repeated here. Between two attempts it
 * waits longer each time, up to `backoffMsMax`, with jitter, so that a thousand clients do not come back at once.
 */
import type { Clock, Timer } from '../../../../shared/clock.ts';
import { abortedError, isMqError, MqError } from '../../../../shared/contract/errors.ts';
import type { Random } from '../../../../shared/random.ts';
import type { Connection, ConnectionOptions, Request } from './connection.ts';
import type { FrameWriter } from './frame-writer.ts';
import type { Welcome } from './handshake.ts';
import { openConnection } from './open-connection.ts';

const BACKOFF_MS_MIN = 50;
const BACKOFF_MS_MAX = 5000;

/** Where the connection of a client stands. */
export type ConnectionState = 'connecting' | 'connected' | 'reconnecting' | 'closed';

export interface LinkOptions extends ConnectionOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly reconnects: boolean;
  /** `error` says why it is not connected. */
  readonly onState: (state: ConnectionState, error: MqError | undefined) => void;
  /** Connected again, after it was not. */
  readonly onReconnected: () => void;
}

interface Waiter {
  readonly resolve: (connection: Connection) => void;
  readonly reject: (error: MqError) => void;
  readonly timer: Timer;
  readonly stopListening: () => void;
}

export class Link {
  readonly #options: LinkOptions;
  #state: ConnectionState = 'connecting';
  #connection: Connection | undefined;
  /** The one that ends: it takes nothing new, and still has answers to come. */
  readonly #leaving = new Set<Connection>();
  readonly #waiters = new Set<Waiter>();
  #attempts = 0;
  #retry: Timer | undefined;
  #lastError: MqError | undefined;
  #isClosing = false;
  #onAllGone: () => void = () => undefined;
  /** Set by the first `close`. */
  #closed: Promise<void> | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** The first connection. Rejects when it cannot be made; then nothing is left of it. */
  async open(): Promise<Welcome> {
    try {
      return await this.#connect();
    } catch (error) {
      this.#become('closed', isMqError(error) ? error : undefined);
      throw error;
    }
  }

  async request<T>(request: Request<T>): Promise<T> {
    const connection = this.#connection ?? (await this.#connected(request.signal));
    return connection.request(request);
  }

  /** A frame that has no answer; when there is no connection, nobody needs it. */
  say(write: (out: FrameWriter) => void): void {
    this.#connection?.say(write);
  }

  /** The connection of now. */
  get connection(): Connection | undefined {
    return this.#connection;
  }

  /** No new connection is made any more. */
  refuse(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#retry?.cancel();
    for (const waiter of [...this.#waiters]) this.#release(waiter).reject(closedError());
  }

  /** Lets the server answer what it has, for at most `timeoutMs`. */
  close(timeoutMs: number): Promise<void> {
    this.#closed ??= this.#close(timeoutMs);
    return this.#closed;
  }

  async #close(timeoutMs: number): Promise<void> {
    this.refuse();
    const open = [this.#connection, ...this.#leaving].filter((connection) => connection !== undefined);
    if (open.some((connection) => !connection.isGone)) {
      const gone = new Promise<void>((resolve) => {
        this.#onAllGone = resolve;
      });
      const timer = this.#options.clock.setTimer(() => {
        for (const connection of open) connection.destroy();
      }, timeoutMs);
      this.#connection?.leave();
      await gone;
      timer.cancel();
    }
    this.#become('closed', undefined);
  }

  async #connect(): Promise<Welcome> {
    let mine: Connection | undefined;
    const { connection, welcome } = await openConnection({
      ...this.#options,
      onLeaving: (reason) => this.#left(mine, reason),
      onGone: (reason) => this.#gone(mine, reason),
    });
    mine = connection;
    if (this.#isClosing) {
      connection.destroy();
      throw closedError();
    }
    if (connection.isGone) throw new MqError('MQ_UNREACHABLE', 'the connection broke as soon as it was made');
    this.#connection = connection;
    this.#attempts = 0;
    this.#become('connected', undefined);
    for (const waiter of [...this.#waiters]) this.#release(waiter).resolve(connection);
    return welcome;
  }

  /** The server takes no more requests on it. */
  #left(connection: Connection | undefined, reason: MqError): void {
    if (connection === undefined || this.#connection !== connection) return;
    this.#connection = undefined;
    this.#leaving.add(connection);
    this.#reconnect(reason);
  }

  #gone(connection: Connection | undefined, reason: MqError | undefined): void {
    if (connection === undefined) return;
    this.#leaving.delete(connection);
    const wasCurrent = this.#connection === connection;
    if (wasCurrent) this.#connection = undefined;
    if (this.#connection === undefined && this.#leaving.size === 0) this.#onAllGone();
    if (wasCurrent) this.#reconnect(reason);
  }

  #reconnect(reason: MqError | undefined): void {
    this.#lastError = reason;
    if (this.#isClosing) return;
    if (!this.#options.reconnects) {
      this.refuse();
      this.#become('closed', reason);
      return;
    }
    this.#become('reconnecting', reason);
    const backoffMs = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** this.#attempts);
    this.#attempts += 1;
    const pauseMs = backoffMs * (0.5 + this.#options.random.next() / 2);
    this.#retry = this.#options.clock.setTimer(() => void this.#again(), pauseMs, { isBackground: true });
  }

  async #again(): Promise<void> {
    try {
      await this.#connect();
      this.#options.onReconnected();
    } catch (error) {
      this.#reconnect(isMqError(error) ? error : undefined);
    }
  }

  /** Resolves with the next connection. */
  #connected(signal: AbortSignal | undefined): Promise<Connection> {
    if (this.#isClosing) return Promise.reject(closedError());
    return new Promise((resolve, reject) => {
      const { clock, connectTimeoutMs, host, port } = this.#options;
      const timer = clock.setTimer(() => {
        const why = this.#lastError === undefined ? '' : `: ${this.#lastError.message}`;
        const message = `no connection to ${host}:${port} within ${connectTimeoutMs} ms${why}`;
        this.#release(waiter).reject(new MqError('MQ_UNREACHABLE', message, { cause: this.#lastError }));
      }, connectTimeoutMs);
      const onAbort = (): void => {
        if (signal !== undefined) this.#release(waiter).reject(abortedError(signal));
      };
      const waiter: Waiter = {
        resolve,
        reject,
        timer,
        stopListening: () => signal?.removeEventListener('abort', onAbort),
      };
      this.#waiters.add(waiter);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  #release(waiter: Waiter): Waiter {
    waiter.timer.cancel();
    waiter.stopListening();
    this.#waiters.delete(waiter);
    return waiter;
  }

  #become(state: ConnectionState, error: MqError | undefined): void {
    if (this.#state === state && error === undefined) return;
    this.#state = state;
    this.#options.onState(state, error);
  }
}

function closedError(): MqError {
  return new MqError('MQ_CLOSED', 'the client is closed');
}
