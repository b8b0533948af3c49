/**
 * A broker behind a TCP port, as docs/protocol-tcp.md says.
 *
 *     socket --> (TLS) --> Session --> RequestDesk --> broker           any number of sessions, one broker, any Broker
 *
 * Always true: it never closes the broker it was given; `close` settles, with every request that was read answered if the
 * time allows, and with every socket closed. `createTcpServer` makes it.
 */
import { type AddressInfo, createServer, isIPv6, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { Broker, CloseOptions } from '../../../../shared/contract/broker.ts';
import { MqError } from '../../../../shared/contract/errors.ts';
import { checkBroker, checkInteger, checkOptions, invalidArgument } from '../../../../shared/contract/validation.ts';
import { checkTls, isTlsServer, secureContextOf, serverTlsOf, type TlsOptions } from '../../../3-http-server/tls.ts';
import { tokenAdmission } from '../../../3-http-server/token-admission.ts';
import type { Door } from './door.ts';
import { Farewells } from './farewells.ts';
import { Members } from './members.ts';
import { type CheckedTcpServerOptions, checkTcpServerOptions, type TcpServerOptions } from './server-options.ts';
import { Session } from './session.ts';

const CLOSE_TIMEOUT = { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: 5000 };
/** Bytes of a connection that are read at once. */
const READ_BYTES = 256 * 1024;

/** A listening server. Closing it leaves the broker open. */
export interface TcpServer extends AsyncDisposable {
  readonly port: number;
  /** `mq://host:port`, or `mqs:` with TLS, for `createTcpClient`. */
  readonly url: string;
  /** Connections now, with those that have not said hello. */
  readonly connectionCount: number;
  /** For connections made from now on: another certificate and key. `MQ_INVALID_ARGUMENT` on a server without TLS. */
  setTls(tls: TlsOptions): void;
  close(options?: CloseOptions): Promise<void>;
}

/** Serves `broker` over TCP. Rejects with `MQ_INVALID_ARGUMENT`, or with Node's error when the port cannot be had. */
export async function createTcpServer(broker: Broker, options?: TcpServerOptions): Promise<TcpServer> {
  const checked = checkTcpServerOptions(options);
  const server = new ListeningServer(doorOf(checkBroker('broker', broker), checked));
  await server.listen();
  return server;
}

class ListeningServer implements TcpServer {
  readonly #door: Door;
  readonly #server: Server;
  readonly #sessions = new Set<Session>();
  /** By where they come from, which is all that a socket and the one TLS makes of it have in common. */
  readonly #greeting = new Map<string, Socket>();
  /** Set when it listens. */
  port = 0;
  /** Resolves the wait for the last session. */
  #onLastGone: () => void = () => undefined;
  /** Set by the first `close`. */
  #closed: Promise<void> | undefined;

  constructor(door: Door) {
    this.#door = door;
    const { connectionsCountMax, tls, handshakeTimeoutMs } = door.options;
    const sockets = { noDelay: true, keepAlive: true, highWaterMark: READ_BYTES };
    const accept = (socket: Socket): void => this.#accept(socket);
    this.#server =
      tls === undefined
        ? createServer(sockets, accept)
        : createTlsServer({ ...sockets, ...serverTlsOf(tls, handshakeTimeoutMs) }, accept);
    this.#server.maxConnections = connectionsCountMax;
    if (tls !== undefined) this.#server.on('connection', (socket: Socket) => this.#greet(socket));
    this.#server.on('tlsClientError', (error: Error) => this.#door.onRefused?.(noTlsError(error)));
  }

  get url(): string {
    const { host } = this.#door.options;
    const scheme = this.#door.options.tls === undefined ? 'mq' : 'mqs';
    return `${scheme}://${isIPv6(host) ? `[${host}]` : host}:${this.port}`;
  }

  get connectionCount(): number {
    return this.#sessions.size;
  }

  listen(): Promise<void> {
    const { host, port } = this.#door.options;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', reject);
        this.port = (this.#server.address() as AddressInfo).port;
        // Out of descriptors, or the like: the next connection may be accepted again.
        this.#server.on('error', (error) => this.#door.onDefect(error));
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

  /** Of TLS: connected, and not yet so far that anything can be said. It ends in time by itself. */
  #greet(socket: Socket): void {
    const place = placeOf(socket);
    this.#greeting.set(place, socket);
    socket.once('close', () => {
      if (this.#greeting.get(place) === socket) this.#greeting.delete(place);
    });
  }

  #accept(socket: Socket): void {
    this.#greeting.delete(placeOf(socket));
    const from = socket.remoteAddress ?? '';
    this.#sessions.add(new Session(socket, this.#door, (session) => this.#left(session, from)));
    this.#tell({ isOpen: true, from });
  }

  #left(session: Session, from: string): void {
    this.#sessions.delete(session);
    this.#tell({ isOpen: false, from });
    if (this.#sessions.size === 0) this.#onLastGone();
  }

  #tell(change: { readonly isOpen: boolean; readonly from: string }): void {
    this.#door.options.onConnection?.({ ...change, connectionCount: this.connectionCount });
  }

  async #drain(timeoutMs: number): Promise<void> {
    const stopped = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const lastGone = new Promise<void>((resolve) => {
      this.#onLastGone = resolve;
    });
    const timer = this.#door.options.clock.setTimer(() => this.#destroyAll(), timeoutMs);
    const closing = new MqError('MQ_CLOSED', 'the server is closing');
    for (const socket of this.#greeting.values()) socket.destroy();
    for (const session of this.#sessions) session.drain(closing);
    if (this.#sessions.size > 0) await lastGone;
    timer.cancel();
    await stopped;
    await this.#door.members.settled();
    await this.#door.farewells.settled();
  }

  #destroyAll(): void {
    for (const socket of this.#greeting.values()) socket.destroy();
    for (const session of this.#sessions) session.destroy();
  }
}

function doorOf(broker: Broker, options: CheckedTcpServerOptions): Door {
  const { clock, random, onDefect, onRefused, token, admission } = options;
  return {
    broker,
    options,
    admission: token === undefined ? admission : tokenAdmission(broker, token),
    members: new Members(broker, { clock, onDefect }),
    farewells: new Farewells(onDefect),
    nextMemberId: () => `member-${random.hex(8)}`,
    onDefect,
    onRefused,
  };
}

function placeOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

/** Whoever came speaks something else, or trusts this server as little as it trusts him. */
function noTlsError(error: Error): MqError {
  const code = 'code' in error ? String(error.code) : error.name;
  return new MqError('MQ_PROTOCOL', `no TLS came of a connection to a port that speaks it (${code})`, { cause: error });
}
