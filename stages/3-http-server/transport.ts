/**
 * Requests and answers between a client and a server: connections, repetition, and errors in our words.
 *
 *     calls     few connections; answers come at once: sends, acks, everything else
 *     polls     a connection each while they wait for messages
 *     blocked   a connection each while they wait for room
 *
 * Always true: what waits never holds a connection that something else needs, so an ack gets through while a thousand
 * polls and sends wait (and makes room for them); a call is repeated only when repeating cannot change what happens;
 * every failure is an `MqError`; an answer has the status the protocol gives to its route. The client owns it.
 */
import { Pool } from 'undici';
import type { Clock } from '../../shared/clock.ts';
import { abortedError, isMqError, MqError } from '../../shared/contract/errors.ts';
import type { Random } from '../../shared/random.ts';
import { type Answer, Exchange, type OnLate } from './exchange.ts';
import { errorOf } from './problem.ts';
import { type ClientTlsOptions, clientContextOf } from './tls.ts';
import { closedError } from './transport-error.ts';
import { type Line, type LineOptions, WaitingLane } from './waiting-lane.ts';

export interface Call {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Below the server's address, percent-encoded, with its query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** The status of success. Default 200. */
  readonly status?: 200 | 204;
  /** True: made twice, it comes to the same, so a lost answer is no reason to give up. */
  readonly isRepeatable?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What becomes of an answer that comes after the caller has gone, or the client was closed. */
  readonly onLate?: OnLate | undefined;
  /** True: part of closing, and so made after it has begun. */
  readonly isFarewell?: boolean;
}

/** A call that waits at the server. */
export interface Wait {
  readonly lane: 'polls' | 'blocked';
  /** How long it may take in all, to get a connection as well as at the server. */
  readonly waitMs: number;
  readonly signal: AbortSignal | undefined;
  /** The call that asks the server to wait for so long. */
  readonly callOf: (waitMs: number) => Call;
}

export interface TransportOptions {
  /** Of every request: who asks. */
  readonly authorization?: string | undefined;
  readonly tls?: ClientTlsOptions | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /** Connections of the lane `calls`. */
  readonly connectionsMax: number;
  /** Connections of each of the two lanes whose requests wait. */
  readonly waitingConnectionsMax: number;
  /** How long an answer may take, to its last byte, beyond what the server was asked to wait. */
  readonly requestTimeoutMs: number;
  /** How often a call that may be repeated is repeated. */
  readonly retriesMax: number;
}

/** Where a request travels. */
type Way = { readonly lane: 'calls' } | { readonly lane: Wait['lane']; readonly line: Line; readonly waitMs: number };

const CONNECT_TIMEOUT_MS = 5000;
const ANSWER_BYTES_MAX = 128 * 1024 * 1024;
/** Before the first repetition; doubled for each further one, and each time a random part of it. */
const BACKOFF_MS = 50;

export class Transport {
  /** I8: who waits and who does not never share a connection. */
  readonly #calls: Pool;
  readonly #waits: Readonly<Record<Wait['lane'], WaitingLane>>;
  readonly #basePath: string;
  readonly #options: TransportOptions;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #ongoing = new Map<Exchange, Way['lane']>();
  #isClosed = false;
  #finished: Promise<void> | undefined;

  constructor({ origin, pathname }: URL, options: TransportOptions) {
    const { clock, connectionsMax, waitingConnectionsMax: linesMax, authorization, tls = {} } = options;
    const connect = { timeout: CONNECT_TIMEOUT_MS, ...clientContextOf(tls) };
    const line: LineOptions = { origin, connect, answerBytesMax: ANSWER_BYTES_MAX };
    this.#calls = new Pool(origin, {
      connections: connectionsMax,
      connect,
      maxResponseSize: ANSWER_BYTES_MAX,
    });
    const lane = (): WaitingLane => new WaitingLane({ ...line, clock, linesMax });
    this.#waits = { polls: lane(), blocked: lane() };
    this.#basePath = pathname.replace(/\/$/, '');
    this.#options = options;
    this.#headers = authorization === undefined ? {} : { authorization };
  }

  /** A call that is answered at once. Rejects with the error the server answered, or with what kept it from answering. */
  request(call: Call): Promise<Answer> {
    return this.#repeating(call, () => this.#exchange(call, { lane: 'calls' }));
  }

  /** A call that waits; undefined when no connection became free in the time it had. */
  wait({ lane, waitMs, signal, callOf }: Wait): Promise<Answer | undefined> {
    const { clock } = this.#options;
    const endMs = clock.monotonicMs() + waitMs;
    const leftMs = (): number => Math.max(0, Math.ceil(endMs - clock.monotonicMs()));
    return this.#repeating(callOf(0), async () => {
      const line = await this.#waits[lane].acquire({ withinMs: leftMs(), signal });
      if (line === undefined) return undefined;
      const askedMs = leftMs();
      return this.#exchange(callOf(askedMs), { lane, line, waitMs: askedMs });
    });
  }

  /** New calls are refused from now on. */
  refuse(): void {
    this.#isClosed = true;
  }

  /**
   * Who waits for messages is told now that it is closed, and who waits for room as soon as it is known what became of
   * the send; other calls may finish, all of them for so long. Always settles.
   */
  async close(timeoutMs: number): Promise<void> {
    this.refuse();
    const timer = this.#options.clock.setTimer(() => void this.#destroy(), timeoutMs);
    this.#finished ??= this.#finish();
    await this.#finished;
    timer.cancel();
  }

  /** Tries again where that is safe. */
  async #repeating<T>(call: Call, once: () => Promise<T>): Promise<T> {
    for (let repetition = 0; ; repetition += 1) {
      if (this.#isClosed && call.isFarewell !== true) throw closedError();
      try {
        return await once();
      } catch (error) {
        if (this.#isClosed && isMqError(error, 'MQ_UNREACHABLE')) throw closedError();
        if (repetition >= this.#options.retriesMax || !mayRepeat(error, call) || this.#isClosed) throw error;
      }
      await this.#backOff(repetition, call.signal);
    }
  }

  async #exchange(call: Call, way: Way): Promise<Answer> {
    const { signal, onLate } = call;
    const line = way.lane === 'calls' ? undefined : way.line;
    const exchange = new Exchange({
      clock: this.#options.clock,
      timeoutMs: this.#options.requestTimeoutMs + (way.lane === 'calls' ? 0 : way.waitMs),
      onLate: onLate && (async (answer) => onLate(accepted(answer, call))),
      endRequests: line && (() => line.halfClose()),
    });
    this.#ongoing.set(exchange, way.lane);
    void exchange.over.then(() => {
      this.#ongoing.delete(exchange);
      if (way.lane !== 'calls') this.#waits[way.lane].release(way.line);
    });
    const onAbort = (): void => exchange.leave(abortedError(signal as AbortSignal));
    signal?.addEventListener('abort', onAbort);
    if (signal?.aborted) onAbort();
    else this.#dispatch(call, exchange, line ?? this.#calls);
    try {
      return accepted(await exchange.answer, call);
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Time is kept by the exchange, from the first byte out to the last byte in; undici's clocks know only pauses. */
  #dispatch({ method, path, headers, body }: Call, exchange: Exchange, to: Line | Pool): void {
    const request = {
      method,
      path: this.#basePath + path,
      headers: headers === undefined ? this.#headers : { ...this.#headers, ...headers },
      body: body ?? null,
      headersTimeout: 0,
      bodyTimeout: 0,
    };
    to.dispatch(request, exchange);
  }

  async #finish(): Promise<void> {
    const { polls, blocked } = this.#waits;
    polls.close();
    blocked.close();
    for (const [exchange, lane] of [...this.#ongoing]) {
      if (lane === 'blocked') exchange.hurry();
      else if (lane === 'polls' || exchange.isClaim) exchange.leave(closedError());
    }
    await Promise.all(Array.from(this.#ongoing.keys(), (exchange) => exchange.over));
    await this.#destroy();
  }

  async #destroy(): Promise<void> {
    const { polls, blocked } = this.#waits;
    await Promise.all([this.#calls.destroy(), polls.destroy(), blocked.destroy()]);
  }

  async #backOff(repetition: number, signal: AbortSignal | undefined): Promise<void> {
    const delayMs = BACKOFF_MS * 2 ** repetition * (0.5 + this.#options.random.next());
    await new Promise<void>((resolve) => {
      const timer = this.#options.clock.setTimer(done, delayMs);
      function done(): void {
        timer.cancel();
        signal?.removeEventListener('abort', done);
        resolve();
      }
      signal?.addEventListener('abort', done);
    });
  }
}

/** The answer, when its status is that of success; else the error it is. */
function accepted(answer: Answer, { status = 200 }: Call): Answer {
  if (answer.status === status) return answer;
  if (answer.status >= 400) throw errorOf(answer.status, parsedOrNothing(answer.body));
  throw new MqError('MQ_PROTOCOL', `the server answered ${answer.status}, where ${status} says that it was done`);
}

/** I9: what could not even connect did nothing; what lost its answer may have done it. */
function mayRepeat(error: unknown, { isRepeatable = false, signal }: Call): boolean {
  if (signal?.aborted) return false;
  return isMqError(error, 'MQ_UNREACHABLE') || (isRepeatable && isMqError(error, 'MQ_CONNECTION_LOST'));
}

function parsedOrNothing(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
