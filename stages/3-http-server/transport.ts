/**
 * Requests and answers between a client and a server: connections, repetition, and errors in our words.
 *
 *     calls     few connections; answers come at once: sends, acks, everything else
 *     polls     a connection each while they wait for messages
 *     blocked   a connection each while they wait for room
 *
 * Always true: what waits never holds a connection that something else needs, so an ack gets through while a thousand
 * polls and sends wait (and makes room for them); a call is repeated only when repeating cannot change what happens;
 * every failure is an `MqError`. The client owns it.
 */
import { Pool } from 'undici';
import type { Clock } from '../../shared/clock.ts';
import { isMqError, MqError } from '../../shared/contract/errors.ts';
import type { Random } from '../../shared/random.ts';
import { errorOf } from './problem.ts';
import { failureOf } from './transport-error.ts';

export type Lane = 'calls' | 'polls' | 'blocked';

export interface Call {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Below the server's address, percent-encoded, with its query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Default `calls`. */
  readonly lane?: Lane;
  /** How long the server was asked to wait before it answers. */
  readonly waitMs?: number | undefined;
  /** True: made twice, it comes to the same, so a lost answer is no reason to give up. */
  readonly isRepeatable?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface Answer {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

export interface TransportOptions {
  readonly token?: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /** Connections of the lane `calls`. */
  readonly connectionsMax: number;
  /** Connections of each of the two lanes whose requests wait. */
  readonly waitingConnectionsMax: number;
  /** How long an answer may take, beyond what the server was asked to wait. */
  readonly requestTimeoutMs: number;
  /** How often a call that may be repeated is repeated. */
  readonly retriesMax: number;
}

const CONNECT_TIMEOUT_MS = 5000;
const ANSWER_BYTES_MAX = 128 * 1024 * 1024;
/** Before the first repetition; doubled for each further one, and each time a random part of it. */
const BACKOFF_MS = 50;

export class Transport {
  /** I8: who waits and who does not never share a connection. */
  readonly #lanes: Readonly<Record<Lane, Pool>>;
  readonly #basePath: string;
  readonly #options: TransportOptions;
  readonly #headers: Readonly<Record<string, string>>;
  #isClosed = false;

  constructor(url: URL, options: TransportOptions) {
    const { connectionsMax, waitingConnectionsMax, token } = options;
    const lane = (connections: number): Pool =>
      new Pool(url.origin, {
        connections,
        connect: { timeout: CONNECT_TIMEOUT_MS },
        maxResponseSize: ANSWER_BYTES_MAX,
      });
    this.#lanes = {
      calls: lane(connectionsMax),
      polls: lane(waitingConnectionsMax),
      blocked: lane(waitingConnectionsMax),
    };
    this.#basePath = url.pathname.replace(/\/$/, '');
    this.#options = options;
    this.#headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  }

  /** Rejects with the error the server answered, or with what kept it from answering. */
  async request(call: Call): Promise<Answer> {
    for (let repetition = 0; ; repetition += 1) {
      try {
        return await this.#requestOnce(call);
      } catch (error) {
        if (repetition >= this.#options.retriesMax || !mayRepeat(error, call) || this.#isClosed) throw error;
      }
      await this.#backOff(repetition, call.signal);
    }
  }

  /** Waiting requests end now with `MQ_CLOSED`; others may finish for so long. Always settles. */
  async close(timeoutMs: number): Promise<void> {
    this.#isClosed = true;
    const { calls, polls, blocked } = this.#lanes;
    const closed = new MqError('MQ_CLOSED', 'the client is closed');
    const finished = calls.close();
    const timer = this.#options.clock.setTimer(() => void calls.destroy(closed), timeoutMs);
    await Promise.allSettled([polls.destroy(closed), blocked.destroy(closed), finished]);
    timer.cancel();
  }

  async #requestOnce(call: Call): Promise<Answer> {
    if (this.#isClosed) throw new MqError('MQ_CLOSED', 'the client is closed');
    const { method, path, headers, body, lane = 'calls', waitMs = 0, signal } = call;
    const timeoutMs = this.#options.requestTimeoutMs + (Number.isFinite(waitMs) ? waitMs : 0);
    try {
      const response = await this.#lanes[lane].request({
        method,
        path: this.#basePath + path,
        headers: headers === undefined ? this.#headers : { ...this.#headers, ...headers },
        body: body ?? null,
        signal: signal ?? null,
        headersTimeout: timeoutMs,
        bodyTimeout: this.#options.requestTimeoutMs,
      });
      const bytes = Buffer.from(await response.body.arrayBuffer());
      if (response.statusCode < 400) return { headers: response.headers, body: bytes };
      throw errorOf(response.statusCode, parsedOrNothing(bytes));
    } catch (error) {
      throw isMqError(error) ? error : failureOf(error, { signal, isClosed: this.#isClosed });
    }
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
