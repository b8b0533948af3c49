/**
 * All doors in front of one broker, opened and closed together: HTTP, TCP, STOMP, MQTT and OpenWire, each where it is asked for.
 *
 *     HTTP    TCP    STOMP    MQTT    OpenWire        one Admission, one book of connections
 *       \______\______\__ one ___\______/             one Exchange: subscribers of one door are known to all
 *                   any Broker
 *
 * Always true: either all doors that were asked for listen, or none does; a door that is not asked for is not even loaded;
 * `close` drains all of them at the same time and leaves the broker open. Whoever serves a broker as a process calls it.
 */
import type { Admission } from '../../../shared/admission.ts';
import { SystemClock } from '../../../shared/clock.ts';
import type { Broker } from '../../../shared/contract/broker.ts';
import type { ConnectionListener } from '../../3-http-server/connections.ts';
import type { HttpServer } from '../../3-http-server/server.ts';
import type { ServerOptions } from '../../3-http-server/server-options.ts';
import type { TlsOptions } from '../../3-http-server/tls.ts';
import type { TcpServer } from '../../4-persisted-log/doors/tcp/server.ts';
import type { TcpServerOptions } from '../../4-persisted-log/doors/tcp/server-options.ts';
import { ConnectionBook } from './connection-book.ts';
import type { DoorServer } from './door-server.ts';
import { createExchange } from './exchange.ts';
import type { MqttServerOptions } from './mqtt/server-options.ts';
import type { OpenWireServerOptions } from './openwire/server-options.ts';
import type { StompServerOptions } from './stomp/server-options.ts';

/** What each protocol door takes. */
export interface ProtocolDoorsOptions {
  readonly stomp?: StompServerOptions | undefined;
  readonly mqtt?: MqttServerOptions | undefined;
  readonly openwire?: OpenWireServerOptions | undefined;
}

/** The protocols of others, in the order in which they are told of. */
export const PROTOCOLS = ['stomp', 'mqtt', 'openwire'] as const satisfies readonly (keyof ProtocolDoorsOptions)[];
export type Protocol = (typeof PROTOCOLS)[number];

/** What is left out is not opened. */
export interface DoorsOptions extends ProtocolDoorsOptions {
  readonly http?: ServerOptions | undefined;
  readonly tcp?: TcpServerOptions | undefined;
  /** Of all doors. Default: each decides by its own options. */
  readonly admission?: Admission | undefined;
  /** What goes wrong between doors while nobody waits. Default: a warning of the process. */
  readonly onNotice?: ((text: string) => void) | undefined;
}

export interface OpenDoors {
  readonly http: HttpServer | null;
  readonly tcp: TcpServer | null;
  readonly protocols: ReadonlyMap<Protocol, DoorServer>;
  readonly book: ConnectionBook;
  /** For connections made from now on; only where there is TLS. */
  setTls(tls: TlsOptions): void;
  /** What is left after `timeoutMs` is ended. */
  close(options: { readonly timeoutMs: number }): Promise<void>;
}

/** Rejects with `MQ_INVALID_ARGUMENT`, or with Node's error when a port cannot be had. */
export async function openDoors(broker: Broker, options: DoorsOptions): Promise<OpenDoors> {
  const { http: ofHttp, tcp: ofTcp, admission, onNotice, ...ofProtocols } = options;
  const asked = admission && { admission };
  const book = new ConnectionBook({ clock: new SystemClock() });
  await using opened = new AsyncDisposableStack();
  const http = ofHttp === undefined ? null : opened.use(await openHttp(broker, { ...ofHttp, ...asked }, book));
  const tcp = ofTcp === undefined ? null : opened.use(await openTcp(broker, { ...ofTcp, ...asked }, book));
  const protocols = new Map<Protocol, DoorServer>();
  const wanted = PROTOCOLS.filter((protocol) => ofProtocols[protocol] !== undefined);
  const exchange = wanted.length === 0 ? undefined : createExchange(broker, onNotice && { onNotice });
  if (exchange !== undefined) opened.defer(() => exchange.close());
  for (const protocol of wanted) {
    book.add(protocol);
    const create = await CREATORS[protocol]();
    const server = await create(broker, { ...ofProtocols[protocol], ...asked, ...(exchange && { exchange }), book });
    protocols.set(protocol, opened.use(server));
  }
  opened.move();
  const all = [http, tcp, ...protocols.values()].filter((server) => server !== null);
  return {
    ...{ http, tcp, protocols, book },
    setTls: (tls) => {
      for (const server of all) server.setTls(tls);
    },
    close: async ({ timeoutMs }) => {
      await Promise.all(all.map((server) => server.close({ timeoutMs })));
      exchange?.close();
    },
  };
}

/** Loaded when they are asked for: each brings its codec. */
const CREATORS: {
  readonly [Name in Protocol]: () => Promise<
    (broker: Broker, options: NonNullable<ProtocolDoorsOptions[Name]>) => Promise<DoorServer>
  >;
} = {
  stomp: async () => (await import('./stomp/server.ts')).createStompServer,
  mqtt: async () => (await import('./mqtt/server.ts')).createMqttServer,
  openwire: async () => (await import('./openwire/server.ts')).createOpenWireServer,
};

async function openHttp(broker: Broker, options: ServerOptions, book: ConnectionBook): Promise<HttpServer> {
  const { createServer } = await import('../../3-http-server/server.ts');
  const { moreMetrics, onConnection } = options;
  return createServer(broker, {
    ...options,
    connections: book.connections,
    moreMetrics: () => [...book.metrics(), ...(moreMetrics?.() ?? [])],
    onConnection: both(book.listenerOf('http'), onConnection),
  });
}

async function openTcp(broker: Broker, options: TcpServerOptions, book: ConnectionBook): Promise<TcpServer> {
  const { createTcpServer } = await import('../../4-persisted-log/doors/tcp/server.ts');
  book.add('tcp', { counts: false });
  return createTcpServer(broker, { ...options, book });
}

function both(first: ConnectionListener, second: ConnectionListener | undefined): ConnectionListener {
  if (second === undefined) return first;
  return (change) => {
    first(change);
    second(change);
  };
}
