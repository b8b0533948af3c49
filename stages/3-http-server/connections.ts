/**
 * The open connections of a server: whose turn it is on each, who is still there, and how all of them end.
 *
 *     request --> [ held | held ] --> current, being answered --> its answer has left --> the next one's turn
 *                     \                  \
 *                      \__________________\__ gone: the wait it is in is aborted, what is held is never begun
 *
 * Always true: of each connection one request is being answered at a time, so a caller who reads nothing makes the server
 * hold one answer; the others wait in their order, as bare requests, at most `pipelinedCountMax` of them. A connection has
 * one AbortSignal, made when a call of its first needs it, and aborted once: with `GONE` when the connection closes, with
 * `DRAINING` when the server stops. The server owns it; routes ask for signals.
 */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../shared/clock.ts';
import { TlsGreetings } from './tls-greetings.ts';

/** Reasons of an abort. */
export const GONE = 'the connection is closed';
export const DRAINING = 'the server is stopping';

interface Connection {
  /** I3: one for all calls of the connection, aborted once. */
  controller: AbortController | undefined;
  /** The answer being given: from its request's turn until its last byte has left, or the connection is closed. */
  current: ServerResponse | undefined;
  /** I13: requests that came meanwhile, in their order; each is the answer its request will get. */
  readonly held: ServerResponse[];
  /** The request that arrived last, perhaps not with all of its body yet. */
  latest: IncomingMessage | undefined;
  /** Called when the current answer is closed; one for the connection and not one a request. */
  readonly onAnswered: () => void;
}

/** A connection that was opened or closed, and how many there are now. */
export interface ConnectionChange {
  readonly isOpen: boolean;
  /** The address of the peer, */
  readonly from: string;
  /** and its port, which no other connection of this address has meanwhile; undefined of one that was gone already. */
  readonly fromPort?: number | undefined;
  readonly connectionCount: number;
}

/** Told of each. It must be quick, and must not throw. */
export type ConnectionListener = (change: ConnectionChange) => void;

interface ConnectionsOptions {
  readonly pipelinedCountMax: number;
  /** For the handshake of TLS. */
  readonly headersTimeoutMs: number;
  readonly clock: Clock;
  readonly onConnection?: ConnectionListener | undefined;
}

export class Connections {
  readonly #open = new Map<Duplex, Connection>();
  /** Of TLS: nothing can be asked yet. */
  readonly #greetings: TlsGreetings;
  readonly #pipelinedCountMax: number;
  #serve: RequestListener | undefined;
  #isDraining = false;
  #refusedCount = 0;
  #whenEmpty: (() => void) | undefined;

  readonly #onConnection: ConnectionListener | undefined;

  constructor({ pipelinedCountMax, headersTimeoutMs: timeoutMs, clock, onConnection }: ConnectionsOptions) {
    this.#greetings = new TlsGreetings({ clock, timeoutMs });
    this.#pipelinedCountMax = pipelinedCountMax;
    this.#onConnection = onConnection;
  }

  /** Looks after all connections of `server` from now on; each request goes to `serve` when it is its turn. */
  attend(server: Server, { serve, isTls }: { readonly serve: RequestListener; readonly isTls: boolean }): void {
    this.#serve = serve;
    if (isTls) {
      server.on('connection', (socket: Socket) => this.#greetings.add(socket));
      server.on('secureConnection', (socket: Socket) => {
        this.#greetings.done(socket);
        this.#add(socket);
      });
    } else server.on('connection', (socket) => this.#add(socket));
    const take: RequestListener = (request, answer) => this.#take(request, answer);
    server.on('request', take);
    // With an Expect, known to Node or not, which the guard looks at.
    server.on('checkContinue', take);
    server.on('checkExpectation', take);
    const refuse = (): void => {
      this.#refusedCount += 1;
    };
    server.on('drop', refuse);
    // A server that listens has no other errors; without a listener this one would end the process.
    server.on('listening', () => server.on('error', refuse));
  }

  get count(): number {
    return this.#open.size;
  }

  /** Connections that could not be taken: above the limit, or no file descriptor was left. */
  get refusedCount(): number {
    return this.#refusedCount;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Aborts when nobody waits for an answer any more, or nobody may. */
  signalOf(socket: Duplex): AbortSignal {
    const connection = this.#open.get(socket);
    if (connection === undefined) return AbortSignal.abort(GONE);
    connection.controller ??= new AbortController();
    return connection.controller.signal;
  }

  /**
   * True when bytes that are no request may be answered: they belong to no request whose answer was begun, and no answer
   * to an earlier request is still to come, which would be taken for theirs.
   */
  mayRefuse(socket: Duplex): boolean {
    const connection = this.#open.get(socket);
    if (connection === undefined) return false;
    const { current, held, latest } = connection;
    if (current === undefined) return latest === undefined || latest.complete;
    return held.length === 0 && !current.headersSent && !current.req.complete;
  }

  /** Ends all waits, lets each connection finish its answer, and resolves when the last one is closed. */
  drain(): Promise<void> {
    this.#isDraining = true;
    this.#greetings.destroyAll();
    for (const [socket, { current, controller }] of this.#open) {
      if (current === undefined) socket.end();
      else if (!current.headersSent) current.setHeader('connection', 'close');
      controller?.abort(DRAINING);
    }
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenEmpty = resolve;
    });
  }

  /** Closes everything now. */
  destroyAll(): void {
    this.#greetings.destroyAll();
    for (const socket of this.#open.keys()) socket.destroy();
  }

  #add(socket: Duplex): void {
    const connection: Connection = {
      controller: undefined,
      current: undefined,
      held: [],
      latest: undefined,
      onAnswered: () => this.#next(connection, socket),
    };
    this.#open.set(socket, connection);
    const { remoteAddress: from = '', remotePort: fromPort } = socket as Partial<Socket>;
    this.#onConnection?.({ isOpen: true, from, fromPort, connectionCount: this.count });
    socket.once('close', () => {
      this.#open.delete(socket);
      this.#onConnection?.({ isOpen: false, from, fromPort, connectionCount: this.count });
      connection.held.length = 0;
      connection.controller?.abort(GONE);
      if (this.#open.size === 0) this.#whenEmpty?.();
    });
  }

  #take(request: IncomingMessage, answer: ServerResponse): void {
    const connection = this.#open.get(request.socket);
    if (connection === undefined) return;
    connection.latest = request;
    if (connection.current === undefined) this.#begin(connection, answer);
    else if (connection.held.length < this.#pipelinedCountMax) connection.held.push(answer);
    // Reading no further would also be a bound, but then nobody would notice that the caller has gone.
    else request.socket.destroy();
  }

  #begin(connection: Connection, answer: ServerResponse): void {
    connection.current = answer;
    answer.on('close', connection.onAnswered);
    this.#serve?.(answer.req, answer);
  }

  #next(connection: Connection, socket: Duplex): void {
    connection.current = undefined;
    // An answer that says it is the last one has ended the socket: what is held behind it is not begun.
    if (!socket.writable) return;
    const next = connection.held.shift();
    if (next !== undefined) this.#begin(connection, next);
    else if (this.#isDraining) socket.end();
  }
}
