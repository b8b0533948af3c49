/**
 * The ways in which a client asks: get, put, post, delete, and polls, which may wait at the server.
 *
 *     client --> Requests --> Transport --> connections
 *
 * Always true: after `close` has begun nothing new is asked, but deliveries that still come for somebody who has gone are
 * given back. The client owns it.
 */
import type { Clock } from '../../shared/clock.ts';
import type { Broker } from '../../shared/contract/broker.ts';
import { isMqError, MqError } from '../../shared/contract/errors.ts';
import { giveBack } from './client-ack.ts';
import { readDeliveries } from './client-answers.ts';
import type { Answer } from './exchange.ts';
import type { Call, Transport, Wait } from './transport.ts';
import { JSON_HEADERS, pathOf } from './wire.ts';

/** How a request is repeated, and what says that it was done. */
export type Manner = Pick<Call, 'isRepeatable' | 'status'>;

/** Made twice it comes to the same. */
export const SAFE: Manner = Object.freeze({ isRepeatable: true });
/** Success has nothing to say. */
export const DONE: Manner = Object.freeze({ status: 204 });
export const SAFE_DONE: Manner = Object.freeze({ isRepeatable: true, status: 204 });

/** What can be closed. */
export type Closable = Pick<Broker, 'close'>;

export interface RequestsOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  /** What can be reached through this client alone, and is closed with it, in this order. */
  readonly behind: readonly Closable[];
}

export class Requests {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #behind: readonly Closable[];
  #isClosed = false;

  constructor({ transport, clock, behind }: RequestsOptions) {
    this.#transport = transport;
    this.#clock = clock;
    this.#behind = behind;
  }

  checkOpen(): void {
    if (this.#isClosed) throw new MqError('MQ_CLOSED', 'the client is closed');
  }

  get(path: string): Promise<Answer> {
    return this.#transport.request({ method: 'GET', path, ...SAFE });
  }

  delete(path: string, manner: Manner): Promise<Answer> {
    return this.#transport.request({ method: 'DELETE', path, ...manner });
  }

  put(path: string, body: object, manner: Manner = {}): Promise<Answer> {
    return this.#transport.request({ method: 'PUT', path, ...json(body), ...manner });
  }

  post(path: string, body: object, manner: Manner & Pick<Call, 'isFarewell' | 'signal'>): Promise<Answer> {
    return this.#transport.request({ method: 'POST', path, ...json(body), ...manner });
  }

  /** A receive. I2: what comes when nobody waits for it any more goes back. */
  claim(path: string, body: object, { waitMs, signal }: Omit<Wait, 'lane' | 'callOf'>): Promise<Answer | undefined> {
    const callOf = (leftMs: number): Call => {
      const asked = json({ ...body, waitMs: leftMs === 0 ? undefined : leftMs });
      return { method: 'POST', path, ...asked, signal, onLate: this.#giveBack };
    };
    return this.poll({ waitMs, signal, callOf });
  }

  /** A call that may wait at the server; undefined when this client was closed meanwhile. */
  async poll({ waitMs, signal, callOf }: Omit<Wait, 'lane'>): Promise<Answer | undefined> {
    try {
      const waited = waitMs === 0 ? undefined : await this.#transport.wait({ lane: 'polls', waitMs, signal, callOf });
      // No time to wait, or all of it gone before a connection was free: one look at what there is.
      return waited ?? (await this.#transport.request(callOf(0)));
    } catch (error) {
      const isOver = isMqError(error, 'MQ_CLOSED') || isMqError(error, 'MQ_CONNECTION_LOST');
      if (this.#isClosed && isOver) return undefined;
      throw error;
    }
  }

  async close(timeoutMs: number): Promise<void> {
    this.#isClosed = true;
    this.#transport.refuse();
    const endMs = this.#clock.monotonicMs() + timeoutMs;
    const leftMs = (): number => Math.max(0, Math.ceil(endMs - this.#clock.monotonicMs()));
    // What is behind goes first: it answers the calls that still wait, and then nobody has to guess what became of them.
    for (const part of this.#behind) await part.close({ timeoutMs: leftMs() });
    await this.#transport.close(leftMs());
  }

  readonly #giveBack = async (answer: Answer): Promise<void> => {
    await giveBack(readDeliveries(answer), async ({ topic }, body) => {
      await this.post(pathOf('topics', topic, 'deliveries', 'nack'), body, { ...DONE, isFarewell: true });
    });
  };
}

function json(body: object): Required<Pick<Call, 'headers' | 'body'>> {
  return { headers: JSON_HEADERS, body: JSON.stringify(body) };
}
