/**
 * How a client asks: requests of its own kind, calls in JSON, and what each comes to when the client closes meanwhile.
 *
 * Always true: after `close` has begun nothing new is asked; a wait that closing ends is answered empty, not with an error.
 */
import type { Clock } from '../../../../shared/clock.ts';
import type { Broker } from '../../../../shared/contract/broker.ts';
import { isMqError, MqError } from '../../../../shared/contract/errors.ts';
import type { Callable } from './calls.ts';
import type { Request } from './connection.ts';
import { refuse } from './fields-reader.ts';
import { FRAME } from './frame.ts';
import type { Link } from './link.ts';
import { writeCall } from './requests.ts';
import { jsonIn } from './wire-error.ts';

/** What a call may name: an operation of the contract, or one on a transaction by its id. */
type Asked = Callable | 'findTransaction' | 'commitOffset';

/** Calls that come to the same when they are made twice, so that a lost connection need not be the caller's trouble. */
const SAFE: ReadonlySet<Asked> = new Set<Asked>([
  ...(['createTopic', 'describeTopics', 'createGroup', 'browse', 'committed', 'commit'] as const),
  ...(['pause', 'resume', 'explain', 'inspect'] as const),
  ...(['endHalf', 'receiveHalfChecks', 'lookup', 'findTransaction', 'commitOffset'] as const),
]);
const ATTEMPTS_MAX = 3;

/** What can be closed. */
export type Closable = Pick<Broker, 'close'>;

export class ClientCalls {
  readonly link: Link;
  readonly #clock: Clock;
  readonly #behind: readonly Closable[];
  #isClosed = false;

  /** `behind`: what can be reached through this client alone, and is closed with it, in this order. */
  constructor({ link, clock, behind }: { link: Link; clock: Clock; behind: readonly Closable[] }) {
    this.link = link;
    this.#clock = clock;
    this.#behind = behind;
  }

  checkOpen(): void {
    if (this.#isClosed) throw new MqError('MQ_CLOSED', 'the client is closed');
  }

  request<T>(request: Request<T>): Promise<T> {
    return this.link.request(request);
  }

  /** A request that only reads: made again on the next connection when it is lost on this one. */
  async safely<T>(request: Request<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.link.request(request);
      } catch (error) {
        const isLost = isMqError(error, 'MQ_CONNECTION_LOST') || isMqError(error, 'MQ_UNREACHABLE');
        if (!isLost || this.#isClosed || attempt === ATTEMPTS_MAX) throw error;
      }
    }
  }

  /** A receive or fetch, which may wait; undefined when the client was closed before it had an answer. */
  async poll<T>(asked: Promise<T>): Promise<T | undefined> {
    try {
      return await asked;
    } catch (error) {
      const isOver = isMqError(error, 'MQ_CLOSED') || isMqError(error, 'MQ_CONNECTION_LOST');
      if (this.#isClosed && isOver) return undefined;
      throw error;
    }
  }

  /** What the operation answers; undefined when it has nothing to say. */
  call(op: Asked, ...args: unknown[]): Promise<unknown> {
    return this.callWith(undefined, op, ...args);
  }

  /** The same, until `signal` aborts. */
  async callWith(signal: AbortSignal | undefined, op: Asked, ...args: unknown[]): Promise<unknown> {
    this.checkOpen();
    while (args.length > 0 && args.at(-1) === undefined) args.pop();
    const call = signal === undefined ? { op, args } : { op, args, cancellable: true };
    const json = Buffer.from(JSON.stringify(call));
    const request: Request<unknown> = { write: (out, id) => writeCall(out, id, json), read: readResult, signal };
    return SAFE.has(op) ? this.safely(request) : this.request(request);
  }

  async callForNumber(op: Asked, ...args: unknown[]): Promise<number> {
    const result = await this.call(op, ...args);
    return typeof result === 'number' ? result : refuse(`the result of ${op}`, 'is no number');
  }

  async callForList(op: Asked, ...args: unknown[]): Promise<readonly unknown[]> {
    const result = await this.call(op, ...args);
    return Array.isArray(result) ? result : refuse(`the result of ${op}`, 'is no list');
  }

  async callForObject(op: Asked, ...args: unknown[]): Promise<object | null> {
    const result = await this.call(op, ...args);
    return typeof result === 'object' ? result : refuse(`the result of ${op}`, 'is no object');
  }

  async close(timeoutMs: number): Promise<void> {
    this.#isClosed = true;
    this.link.refuse();
    const endMs = this.#clock.monotonicMs() + timeoutMs;
    const leftMs = (): number => Math.max(0, Math.ceil(endMs - this.#clock.monotonicMs()));
    // What is behind goes first: it answers the calls that still wait, and then nobody has to guess what became of them.
    for (const part of this.#behind) await part.close({ timeoutMs: leftMs() });
    await this.link.close(leftMs());
  }
}

export function readDone(type: number): void {
  if (type !== FRAME.done) refuse('the answer', `has type ${type} where nothing was to say`);
}

function readResult(type: number, content: Uint8Array): unknown {
  if (type === FRAME.done) return undefined;
  if (type !== FRAME.result) refuse('the answer', `has type ${type} where a result was due`);
  return jsonIn('the result', Buffer.from(content.buffer, content.byteOffset, content.length));
}
