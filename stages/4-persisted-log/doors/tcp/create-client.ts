/**
 * Makes a client: connects, shakes hands, and goes on only if the other side speaks this protocol.
 *
 * Always true: a client that was made knows its broker's capabilities and limits, and is connected; one that could not be
 * made holds nothing.
 */
import { type Clock, checkClock } from '../../../../shared/clock.ts';
import type { Broker } from '../../../../shared/contract/broker.ts';
import type { MqError } from '../../../../shared/contract/errors.ts';
import { checkChoice, checkInteger, checkOptions, invalidArgument } from '../../../../shared/contract/validation.ts';
import { checkRandom, type Random } from '../../../../shared/random.ts';
import { checkPassword } from '../../../3-http-server/later-options.ts';
import { type ClientTlsOptions, checkClientTls } from '../../../3-http-server/tls.ts';
import type { Codec } from '../../bytes/compression.ts';
import { isToken } from '../door-options.ts';
import { TcpClient } from './client.ts';
import { ClientCalls, type Closable } from './client-calls.ts';
import { ClientPolls } from './client-polls.ts';
import { Outbox } from './client-sending.ts';
import { ClientSubscriptions } from './client-subscriptions.ts';
import { type ConnectionState, Link } from './link.ts';

/** Of `createTcpClient`: who it is, what it does when the connection breaks, and how long it waits. */
export interface TcpClientOptions {
  /** Where the server asks for one. */
  readonly token?: string;
  /** Where the server asks for them: both, or neither. */
  readonly user?: string;
  readonly password?: string;
  /** Of an `mqs:` address: whom to trust, and which certificate to show. */
  readonly tls?: ClientTlsOptions;
  /** What it is called where connections are listed, 1 to 249 bytes of UTF-8. Default `stagemq` and a random number. */
  readonly name?: string;
  /** How batches are compressed before they leave, where the broker stores them as they come. Default `none`. */
  readonly codec?: Codec;
  /** A broken connection is made again, and its subscriptions with it. Default true. */
  readonly reconnects?: boolean;
  /** Told of each change of `connection.state`; `error` says why it is not connected. */
  readonly onState?: (state: ConnectionState, error: MqError | undefined) => void;
  /** A subscription ended on the broker's side: nothing more comes. Default: a warning, unless its topic was deleted. */
  readonly onSubscriptionEnded?: (
    error: MqError,
    subscription: { readonly topic: string; readonly group: string },
  ) => void;
  /** Told of what `onDelivery` of a subscription throws. Default: a warning of the process. */
  readonly onDefect?: (error: unknown) => void;
  /** How often either side makes sure that the other is there; the server may ask for less time. Default 10 s. */
  readonly heartbeatMs?: number;
  /** Until a connection is made, also while it is made again. Default 10 s. */
  readonly connectTimeoutMs?: number;
  readonly clock?: Clock;
  /** Source of ids, and of the jitter between attempts. */
  readonly random?: Random;
}

/** A Broker behind a TCP connection. */
export interface TcpBroker extends Broker {
  readonly connection: { readonly state: ConnectionState };
}

const NUMBERS = {
  heartbeatMs: { min: 20, max: 600_000, fallback: 10_000 },
  connectTimeoutMs: { min: 1, max: 2 ** 31 - 1, fallback: 10_000 },
} as const;
const CODECS: readonly Codec[] = ['none', 'gzip', 'zstd'];
const DEFAULT_PORT = 6768;
const NAME_BYTES_MAX = 249;
const MEBIBYTE = 1024 * 1024;
/** What a server may send at once, and what may wait for a server that does not read. */
const FRAME_BYTES_MAX = 64 * MEBIBYTE;
const UNSENT_BYTES_MAX = 256 * MEBIBYTE;
const STALLED_MS = 30_000;
const FUNCTIONS = ['onState', 'onSubscriptionEnded', 'onDefect'] as const;

/** A Broker at `mq://host:port`, or `mqs://` with TLS. `MQ_UNREACHABLE` when nobody answers, `MQ_PROTOCOL` when somebody else does. */
export async function createTcpClient(url: string, options: TcpClientOptions = {}): Promise<TcpBroker> {
  return tcpClientOf(url, options, []);
}

/** A client with which `behind` is closed too, in this order. When it cannot be made, `behind` is its caller's still. */
export async function tcpClientOf(
  url: string,
  options: TcpClientOptions,
  behind: readonly Closable[],
): Promise<TcpBroker> {
  const { host, port, isTls } = placeOf(url);
  const {
    clock,
    random,
    codec,
    tls = {},
    token,
    user,
    password,
    reconnects,
    onState,
    onSubscriptionEnded,
    onDefect,
    name,
    ...times
  } = check(options);
  const instanceId = random.hex(8);
  const link: Link = new Link({
    ...{
      host,
      port,
      tls: isTls ? tls : undefined,
      token,
      user,
      password,
      clock,
      random,
      reconnects,
      onState,
      ...times,
    },
    name: name ?? `stagemq ${instanceId}`,
    stalledMs: STALLED_MS,
    frameTimeoutMs: STALLED_MS,
    frameBytesMax: FRAME_BYTES_MAX,
    unsentBytesMax: UNSENT_BYTES_MAX,
    onReconnected: () => subscriptions.reopen(),
  });
  const { capabilities, limits, door } = await link.open();
  const takesBatches = capabilities.has('raw-batches');
  const calls = new ClientCalls({ link, clock, behind });
  const memberId = `member-${instanceId}`;
  const { frameBytesMax } = door;
  const outbox = new Outbox({ capabilities, limits, clock, instanceId, codec, frameBytesMax });
  const polls = new ClientPolls({ calls, limits, memberId, takesBatches });
  const subscriptions = new ClientSubscriptions({ link, clock, takesBatches, onEnded: onSubscriptionEnded, onDefect });
  return new TcpClient({ capabilities, limits, memberId, calls, outbox, polls, subscriptions });
}

function check(options: TcpClientOptions) {
  const others = ['name', 'token', 'user', 'password', 'tls', 'codec', 'reconnects', 'clock', 'random'];
  checkOptions('options', options, [...others, ...FUNCTIONS, ...Object.keys(NUMBERS)]);
  const { name, token, reconnects = true } = options;
  if (name !== undefined && !(typeof name === 'string' && name !== '' && Buffer.byteLength(name) <= NAME_BYTES_MAX)) {
    throw invalidArgument('options.name', `a text of 1 to ${NAME_BYTES_MAX} bytes`, name);
  }
  // The token is not shown: it never appears in a message.
  if (token !== undefined && !isToken(token)) {
    throw invalidArgument('options.token', 'one or more visible ASCII characters');
  }
  const { user, password } = options;
  if (user !== undefined || password !== undefined) checkPassword(user, password);
  if (typeof reconnects !== 'boolean') throw invalidArgument('options.reconnects', 'true or false', reconnects);
  for (const name of FUNCTIONS) {
    const value = options[name];
    if (value !== undefined && typeof value !== 'function')
      throw invalidArgument(`options.${name}`, 'a function', value);
  }
  return {
    tls: checkClientTls('options.tls', options.tls),
    name,
    token,
    user,
    password,
    reconnects,
    codec: checkChoice('options.codec', options.codec, CODECS, 'none'),
    clock: checkClock('options.clock', options.clock),
    random: checkRandom('options.random', options.random),
    onState: options.onState ?? ((): void => undefined),
    onSubscriptionEnded: options.onSubscriptionEnded ?? warnOfEnd,
    onDefect: options.onDefect ?? warn,
    heartbeatMs: checkInteger('options.heartbeatMs', options.heartbeatMs, NUMBERS.heartbeatMs),
    connectTimeoutMs: checkInteger('options.connectTimeoutMs', options.connectTimeoutMs, NUMBERS.connectTimeoutMs),
  };
}

function placeOf(text: string): { readonly host: string; readonly port: number; readonly isTls: boolean } {
  const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : undefined;
  const isBare = url !== undefined && url.username === '' && url.search === '' && /^\/?$/.test(url.pathname);
  if (url === undefined || !['mq:', 'mqs:'].includes(url.protocol) || url.hostname === '' || !isBare) {
    throw invalidArgument('url', 'an address such as mq://127.0.0.1:6768', text);
  }
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? DEFAULT_PORT : Number(url.port),
    isTls: url.protocol === 'mqs:',
  };
}

/** That somebody deleted what was subscribed to, or closed it, is no accident. */
function warnOfEnd(error: MqError): void {
  if (!['MQ_UNKNOWN_TOPIC', 'MQ_UNKNOWN_GROUP', 'MQ_CLOSED'].includes(error.code)) warn(error);
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : new Error(String(error)));
}
