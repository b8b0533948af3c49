/**
 * A port that connections come to, with or without TLS: how many there may be, who is there, and how all of them end.
 *
 *     socket --> (TLS) --> accept --> a Guest, until it says that it is gone
 *
 * Always true: every socket that was accepted belongs to one Guest; `close` settles, with every Guest drained if the time
 * allows, and with every socket closed. It knows no protocol: every door that has sockets uses it.
 */
import { type AddressInfo, createServer, isIPv6, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { Clock } from '../../../shared/clock.ts';
import type { CloseOptions } from '../../../shared/contract/broker.ts';
import { MqError } from '../../../shared/contract/errors.ts';
import { checkInteger, checkOptions, invalidArgument } from '../../../shared/contract/validation.ts';
import type { ConnectionChange, ConnectionListener } from '../../3-http-server/connections.ts';
import { checkTls, isTlsServer, secureContextOf, serverTlsOf, type TlsOptions } from '../../3-http-server/tls.ts';
import { TlsGreetings } from '../../3-http-server/tls-greetings.ts';

const CLOSE_TIMEOUT = { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: 5000 };
/** Bytes of a connection that are read at once. */
const READ_BYTES = 256 * 1024;

/** One connection, as far as the port is concerned. */
export interface Guest {
  /** Takes nothing new, finishes what was begun, and ends. */
  drain(reason: MqError): void;
  /** Ends now. */
  destroy(): void;
}

export interface ListenerOptions {
  readonly host: string;
  readonly port: number;
  readonly tls: TlsOptions | undefined;
  /** What its url begins with: `mq`, and `mqs` with TLS. */
  readonly schemes: { readonly plain: string; readonly tls: string };
  readonly connectionsCountMax: number;
  /** For the handshake of TLS. */
  readonly handshakeTimeoutMs: number;
  readonly clock: Clock;
  readonly onDefect: (error: unknown) => void;
  readonly onRefused: ((reason: MqError) => void) | undefined;
  readonly onConnection: ConnectionListener | undefined;
  /** A connection is there; whoever takes it calls `onGone` once, when its socket is closed. */
  readonly accept: (socket: Socket, onGone: () => void) => Guest;
  /** Resolves when nothing is done any more for connections that are gone. */
  readonly settled: () => Promise<unknown>;
}

/** Where a connection came from. */
type Peer = Pick<ConnectionChange, 'from' | 'fromPort'>;

export class Listener implements AsyncDisposable {
  readonly #options: ListenerOptions;
  readonly #server: Server;
  readonly #guests = new Set<Guest>();
  readonly #greetings: TlsGreetings;
  /** Set when it listens. */
  port = 0;
  /** Resolves the wait for the last guest. */
  #onLastGone: () => void = () => undefined;
  /** Set by the first `close`. */
  #closed: Promise<void> | undefined;

  constructor(options: ListenerOptions) {
    this.#options = options;
    const { connectionsCountMax, tls, handshakeTimeoutMs, clock } = options;
    this.#greetings = new TlsGreetings({ clock, timeoutMs: handshakeTimeoutMs });
    const sockets = { noDelay: true, keepAlive: true, highWaterMark: READ_BYTES };
    const accept = (socket: Socket): void => this.#accept(socket);
    this.#server =
      tls === undefined
        ? createServer(sockets, accept)
        : createTlsServer({ ...sockets, ...serverTlsOf(tls, handshakeTimeoutMs) }, accept);
    this.#server.maxConnections = connectionsCountMax;
    if (tls !== undefined) this.#server.on('connection', (socket: Socket) => this.#greetings.add(socket));
    this.#server.on('tlsClientError', (error: Error, socket: Socket) => {
      socket.destroy(); // which Node leaves to us
      options.onRefused?.(noTlsError(error));
    });
  }

  get url(): string {
    const { host, schemes, tls } = this.#options;
    const scheme = tls === undefined ? schemes.plain : schemes.tls;
    return `${scheme}://${isIPv6(host) ? `[${host}]` : host}:${this.port}`;
  }

  get connectionCount(): number {
    return this.#guests.size;
  }

  /** Rejects with Node's error when the port cannot be had. */
  listen(): Promise<void> {
    const { host, port, onDefect } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', reject);
        this.port = (this.#server.address() as AddressInfo).port;
        // Out of descriptors, or the like: the next connection may be accepted again.
        this.#server.on('error', (error) => onDefect(error));
        resolve();
      });
    });
  }

  setTls(tls: TlsOptions): void {
    const checked = checkTls('tls', tls);
    if (checked === undefined || !isTlsServer(this.#server)) {
      throw invalidArgument('tls', 'given to a server that has TLS');
    }
    this.#server.setSecureContext(secureContextOf(checked));
  }

  async close(options?: CloseOptions): Promise<void> {
    checkOptions('options', options, ['timeoutMs']);
    const timeoutMs = checkInteger('options.timeoutMs', options?.timeoutMs, CLOSE_TIMEOUT);
    if (this.#closed === undefined) this.#closed = this.#drain(timeoutMs);
    else this.#destroyAll();
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #accept(socket: Socket): void {
    this.#greetings.done(socket);
    const peer = { from: socket.remoteAddress ?? '', fromPort: socket.remotePort };
    const guest = this.#options.accept(socket, () => this.#left(guest, peer));
    this.#guests.add(guest);
    this.#tell({ isOpen: true, ...peer });
  }

  #left(guest: Guest, peer: Peer): void {
    this.#guests.delete(guest);
    this.#tell({ isOpen: false, ...peer });
    if (this.#guests.size === 0) this.#onLastGone();
  }

  #tell(change: Peer & { readonly isOpen: boolean }): void {
    this.#options.onConnection?.({ ...change, connectionCount: this.connectionCount });
  }

  async #drain(timeoutMs: number): Promise<void> {
    const stopped = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const lastGone = new Promise<void>((resolve) => {
      this.#onLastGone = resolve;
    });
    const timer = this.#options.clock.setTimer(() => this.#destroyAll(), timeoutMs);
    const closing = new MqError('MQ_CLOSED', 'the server is closing');
    this.#greetings.destroyAll();
    for (const guest of this.#guests) guest.drain(closing);
    if (this.#guests.size > 0) await lastGone;
    timer.cancel();
    await stopped;
    await this.#options.settled();
  }

  #destroyAll(): void {
    this.#greetings.destroyAll();
    for (const guest of this.#guests) guest.destroy();
  }
}

/** Whoever came speaks something else, or trusts this server as little as it trusts him. */
function noTlsError(error: Error): MqError {
  const code = 'code' in error ? String(error.code) : error.name;
  return new MqError('MQ_PROTOCOL', `no TLS came of a connection to a port that speaks it (${code})`, { cause: error });
}
