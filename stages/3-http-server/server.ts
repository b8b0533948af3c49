/**
 * The HTTP server: any Broker behind a socket.
 *
 *     socket --> guard --> body parser --> schema --> route --> Broker
 *                  \__________\____________\__________\________/
 *                       every error becomes a problem document
 *
 * Always true: it never closes the Broker it was given; whatever a stranger sends is answered or refused and never brings
 * it down; `close` always settles. `index.ts` exports it; the protocol is docs/protocol-http.md.
 */
import type { Server } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../../shared/clock.ts';
import type { Broker, CloseOptions } from '../../shared/contract/broker.ts';
import { checkInteger, checkOptions, invalidArgument } from '../../shared/contract/validation.ts';
import { createApp } from './app.ts';
import type { Connections } from './connections.ts';
import { type CheckedServerOptions, checkServerOptions, type ServerOptions } from './server-options.ts';
import { checkTls, isTlsServer, secureContextOf, type TlsOptions } from './tls.ts';

/** How long `close` lets answers finish when it is not told. */
const CLOSE_TIMEOUT = { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: 10_000 };

/** A server that listens in front of a broker. Closes itself at the end of an `await using`; the broker stays open. */
export interface HttpServer extends AsyncDisposable {
  /** Where it listens, such as `http://127.0.0.1:6767`, or `https:` with TLS; no trailing slash. */
  readonly url: string;
  readonly port: number;
  /** Connections that are open now. */
  readonly connectionCount: number;
  /** For connections made from now on: another certificate and key. `MQ_INVALID_ARGUMENT` on a server without TLS. */
  setTls(tls: TlsOptions): void;
  /**
   * Stops: waiting polls are answered empty, other requests finish, connections end. After `timeoutMs` (default 10 s),
   * or when it is called a second time, what is left is closed at once. Always settles.
   */
  close(options?: CloseOptions): Promise<void>;
}

/** Listens in front of `broker`; rejects with `MQ_INVALID_ARGUMENT`, or Node's error when the port is taken. */
export async function createServer(broker: Broker, options?: ServerOptions): Promise<HttpServer> {
  const checked = checkServerOptions(options);
  const { app, door } = await createApp(broker, checked);
  await listen(app.server, checked);
  return new RunningServer(app, { connections: door.connections, options: checked });
}

function listen(server: Server, { host, port }: CheckedServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Resolves when the last connection is closed too. */
function stopListening(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

class RunningServer implements HttpServer {
  readonly url: string;
  readonly port: number;
  readonly #app: FastifyInstance;
  readonly #connections: Connections;
  readonly #clock: Clock;
  /** Set by the first `close`. */
  #closed: Promise<void> | undefined;

  constructor(app: FastifyInstance, using: { connections: Connections; options: CheckedServerOptions }) {
    const { options, connections } = using;
    this.#app = app;
    this.#connections = connections;
    this.#clock = options.clock;
    this.port = (app.server.address() as AddressInfo).port;
    this.url = `${options.tls === undefined ? 'http' : 'https'}://${isIPv6(options.host) ? `[${options.host}]` : options.host}:${this.port}`;
  }

  get connectionCount(): number {
    return this.#connections.count;
  }

  setTls(tls: TlsOptions): void {
    const { server } = this.#app;
    const checked = checkTls('tls', tls);
    if (checked === undefined || !isTlsServer(server)) throw invalidArgument('tls', 'given to a server that has TLS');
    server.setSecureContext(secureContextOf(checked));
  }

  async close(options?: CloseOptions): Promise<void> {
    checkOptions('options', options, ['timeoutMs']);
    const timeoutMs = checkInteger('options.timeoutMs', options?.timeoutMs, CLOSE_TIMEOUT);
    if (this.#closed === undefined) this.#closed = this.#drain(timeoutMs);
    else this.#connections.destroyAll();
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** I1: everything of the server ends here, and nothing of the broker. I11: the timer ends what does not end itself. */
  async #drain(timeoutMs: number): Promise<void> {
    const drained = this.#connections.drain();
    const stopped = Promise.all([stopListening(this.#app.server), this.#app.close()]);
    const timer = this.#clock.setTimer(() => this.#connections.destroyAll(), timeoutMs);
    await drained;
    timer.cancel();
    await stopped;
  }
}
