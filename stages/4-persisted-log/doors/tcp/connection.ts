/**
 * One connection, seen from the client: from its handshake to its end.
 *
 *     request --id--> frames --> server ... --> frame with that id --> its promise         any number in flight, bounded
 *
 * Always true (I26): every request settles: with its answer, with its error, or with `MQ_CONNECTION_LOST` when the
 * connection is gone; what was never sent is told apart. Sends leave in the order they were made, and no more of them at
 * once than the server takes. Made by `openConnection`.
 */
import type { Socket } from 'node:net';
import type { Clock } from '../../../../shared/clock.ts';
import { abortedError, isMqError, MqError } from '../../../../shared/contract/errors.ts';
import type { ClientTlsOptions } from '../../../3-http-server/tls.ts';
import { Channel } from './channel.ts';
import { FRAME } from './frame.ts';
import type { FrameWriter } from './frame-writer.ts';
import { readWelcome, VERSIONS, type Welcome, writeHello } from './handshake.ts';
import { writeCancel } from './requests.ts';
import { readError, writeError } from './wire-error.ts';

const ID_MAX = 2 ** 32 - 1;
/** Calls that wait until the server has room for them. */
const WAITING_COUNT_MAX = 65_536;
const LEAVING = new MqError('MQ_CLOSED', 'the client is leaving');

export interface ConnectionOptions {
  readonly host: string;
  readonly port: number;
  readonly token: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** undefined: no TLS. */
  readonly tls?: ClientTlsOptions | undefined;
  /** What this client is called, for people. */
  readonly name: string;
  readonly heartbeatMs: number;
  readonly connectTimeoutMs: number;
  readonly stalledMs: number;
  readonly frameTimeoutMs: number;
  readonly frameBytesMax: number;
  readonly unsentBytesMax: number;
  readonly clock: Clock;
}

export interface ConnectionEvents {
  /** The server will take no more requests; those it has it still answers. */
  readonly onLeaving: (reason: MqError) => void;
  readonly onGone: (reason: MqError | undefined) => void;
}

/** One request: how it is written, and how its answer is read. */
export interface Request<T> {
  /** Writes one frame, with this id. */
  readonly write: (out: FrameWriter, id: number) => void;
  /** `content` is valid during the call only, unless `isOwn`. Throws `MQ_PROTOCOL` for an answer of another type. */
  readonly read: (type: number, content: Uint8Array, isOwn: boolean) => T;
  /** Of a send: what it weighs at the server until it is answered. */
  readonly bytes?: number;
  readonly signal?: AbortSignal | undefined;
}

interface Pending {
  readonly request: Request<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** 0 while it waits for its turn. */
  id: number;
  onAbort: (() => void) | undefined;
}

/** Given what a subscription is pushed. */
export type OnPush = (type: number, content: Uint8Array, isOwn: boolean) => void;

export class Connection {
  readonly #channel: Channel;
  readonly #events: ConnectionEvents;
  readonly #pending = new Map<number, Pending>();
  /** Those that wait for their turn, oldest first: sends apart, since only sends wait for sends. */
  readonly #waitingSends = new Set<Pending>();
  readonly #waitingCalls = new Set<Pending>();
  readonly #pushes = new Map<number, OnPush>();
  readonly #onWelcome: (welcome: Welcome) => void;
  #welcome: Welcome | undefined;
  #lastId = 0;
  #unansweredBytes = 0;
  #goneBecause: MqError | undefined;

  constructor(
    socket: Socket,
    options: ConnectionOptions & ConnectionEvents & { onWelcome: (welcome: Welcome) => void },
  ) {
    this.#events = options;
    this.#onWelcome = options.onWelcome;
    this.#channel = new Channel({
      ...options,
      socket,
      onFrame: (type, id, content, isOwn) => this.#frame(type, id, content, isOwn),
      onBroken: (error) => this.#broken(error),
      onGone: (error) => this.#gone(error),
    });
    const { token = null, user = null, password = null, name, heartbeatMs, frameBytesMax } = options;
    const versions = { versionMin: VERSIONS.min, versionMax: VERSIONS.max };
    writeHello(this.#channel.out, { ...versions, heartbeatMs, frameBytesMax, token, user, password, name });
    this.#channel.flush();
  }

  get isGone(): boolean {
    return this.#channel.isGone;
  }

  /** The next bytes that came. */
  receive(piece: Uint8Array): void {
    this.#channel.receive(piece);
  }

  request<T>(request: Request<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const pending: Pending = { request, resolve: resolve as Pending['resolve'], reject, id: 0, onAbort: undefined };
      if (this.isGone) reject(unsentError(this.#goneBecause));
      else {
        this.#listen(pending);
        const line = request.bytes === undefined ? this.#waitingCalls : this.#waitingSends;
        if (line.size === 0 && this.#hasRoomFor(request)) this.#start(pending);
        else this.#wait(pending, line);
      }
    });
  }

  /** Writes a frame that has no answer. */
  say(write: (out: FrameWriter) => void): void {
    if (this.isGone) return;
    write(this.#channel.out);
    this.#channel.flush();
  }

  onPush(subscription: number, onPush: OnPush): void {
    this.#pushes.set(subscription, onPush);
  }

  offPush(subscription: number): void {
    this.#pushes.delete(subscription);
  }

  /** Asks the server to answer all it has, and to end. */
  leave(): void {
    this.say((out) => writeError(out, FRAME.goodbye, 0, LEAVING));
  }

  destroy(reason?: MqError): void {
    this.#channel.destroy(reason);
  }

  /** Whether the server takes it now, besides what it has. An ack never waits for room that it could be what makes. */
  #hasRoomFor({ bytes = 0 }: Request<unknown>): boolean {
    if (this.#welcome === undefined) return true;
    const { requestsCountMax, unansweredBytesMax } = this.#welcome.door;
    if (this.#pending.size >= requestsCountMax) return false;
    return bytes === 0 || this.#unansweredBytes === 0 || this.#unansweredBytes + bytes <= unansweredBytesMax;
  }

  #start(pending: Pending): void {
    this.#lastId = this.#lastId === ID_MAX ? 1 : this.#lastId + 1;
    pending.id = this.#lastId;
    this.#unansweredBytes += pending.request.bytes ?? 0;
    this.#pending.set(pending.id, pending);
    pending.request.write(this.#channel.out, pending.id);
    this.#channel.flush();
  }

  #wait(pending: Pending, line: Set<Pending>): void {
    if (line.size < WAITING_COUNT_MAX) line.add(pending);
    else this.#settle(pending).reject(tooManyError());
  }

  /** Starts those of a line that there is room for now. */
  #advance(line: Set<Pending>): void {
    for (const first of line) {
      if (!this.#hasRoomFor(first.request)) return;
      line.delete(first);
      this.#start(first);
    }
  }

  /** An abort takes a request back that has not left; of one that has, the server says what became of it. */
  #listen(pending: Pending): void {
    const { signal } = pending.request;
    if (signal === undefined) return;
    pending.onAbort = () => {
      if (pending.id > 0) this.say((out) => writeCancel(out, pending.id));
      else {
        this.#settle(pending).reject(abortedError(signal));
      }
    };
    signal.addEventListener('abort', pending.onAbort, { once: true });
  }

  /** It will have its answer now. */
  #settle(pending: Pending): Pending {
    if (pending.onAbort !== undefined) pending.request.signal?.removeEventListener('abort', pending.onAbort);
    this.#waitingSends.delete(pending);
    this.#waitingCalls.delete(pending);
    if (this.#pending.delete(pending.id)) this.#unansweredBytes -= pending.request.bytes ?? 0;
    return pending;
  }

  #frame(type: number, id: number, content: Uint8Array, isOwn: boolean): void {
    if (type === FRAME.heartbeat) return;
    if (this.#welcome === undefined) this.#greeted(type, content);
    else if (type === FRAME.goodbye) this.#events.onLeaving(readError(content));
    else if (type === FRAME.push || type === FRAME.pushFrom || type === FRAME.ended)
      this.#pushes.get(id)?.(type, content, isOwn);
    else this.#answered(type, id, content, isOwn);
  }

  #greeted(type: number, content: Uint8Array): void {
    if (type === FRAME.goodbye) {
      this.destroy(readError(content));
      return;
    }
    if (type !== FRAME.welcome) throw new MqError('MQ_PROTOCOL', 'the first frame of a server is welcome');
    this.#welcome = readWelcome(content);
    this.#channel.startPulse(this.#welcome.heartbeatMs);
    this.#onWelcome(this.#welcome);
  }

  #answered(type: number, id: number, content: Uint8Array, isOwn: boolean): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) throw new MqError('MQ_PROTOCOL', `an answer to request ${id}, which nobody made`);
    const { request, resolve, reject } = this.#settle(pending);
    try {
      if (type === FRAME.failed) reject(errorFor(request, readError(content)));
      else resolve(request.read(type, content, isOwn));
    } catch (error) {
      reject(error);
      throw error;
    }
    this.#advance(this.#waitingCalls);
    this.#advance(this.#waitingSends);
  }

  #broken(error: MqError): void {
    this.say((out) => writeError(out, FRAME.goodbye, 0, error));
    this.#channel.end(error);
  }

  #gone(reason: MqError | undefined): void {
    this.#goneBecause = reason;
    const unsent = [...this.#waitingCalls, ...this.#waitingSends];
    for (const pending of unsent) this.#settle(pending).reject(unsentError(reason));
    for (const pending of [...this.#pending.values()]) this.#settle(pending).reject(lostError(reason));
    this.#pushes.clear();
    this.#events.onGone(reason);
  }
}

/** The server's "aborted" is the caller's own doing: it has the caller's reason. */
function errorFor({ signal }: Request<unknown>, error: MqError): MqError {
  return signal?.aborted && isMqError(error, 'MQ_ABORTED') ? abortedError(signal) : error;
}

function unsentError(reason: MqError | undefined): MqError {
  return new MqError('MQ_UNREACHABLE', 'the connection was gone before the call was sent', { cause: reason });
}

function lostError(reason: MqError | undefined): MqError {
  const why = reason === undefined ? 'it was closed' : reason.message;
  return new MqError('MQ_CONNECTION_LOST', `the connection was lost before the answer came: ${why}`, { cause: reason });
}

function tooManyError(): MqError {
  return new MqError('MQ_LIMIT_EXCEEDED', `${WAITING_COUNT_MAX} calls already wait to be sent`);
}
