/**
 * Makes a client: asks the server who it is, and goes on only if it speaks this protocol.
 *
 * Always true: a client that was made knows its broker's capabilities and limits, and holds at least one connection to
 * it; one that could not be made holds nothing. `index.ts` exports it.
 */
import { type Clock, SystemClock } from '../../shared/clock.ts';
import type { Broker } from '../../shared/contract/broker.ts';
import { type Capability, isCapability } from '../../shared/contract/capabilities.ts';
import type { ConnectionDescription } from '../../shared/contract/connections.ts';
import { LIMITS, type Limits } from '../../shared/contract/limits.ts';
import { checkInteger, checkOptions, describeValue, invalidArgument } from '../../shared/contract/validation.ts';
import { type Random, SystemRandom } from '../../shared/random.ts';
import { HttpClient } from './client.ts';
import { readConnections } from './client-answers.ts';
import type { Closable } from './client-requests.ts';
import { checkPassword } from './later-options.ts';
import { BrokerAnswer } from './routes/answers.ts';
import { type ClientTlsOptions, checkClientTls } from './tls.ts';
import { Transport, type TransportOptions } from './transport.ts';
import { jsonIn, notTheProtocol, readerOf } from './wire.ts';

/** Of `createClient`: who it is, how many connections it uses, and how long it waits. */
export interface ClientOptions {
  /** Bearer token, where the server asks for one. */
  readonly token?: string;
  /** Where the server asks for them: both, or neither, and no token beside them. */
  readonly user?: string;
  readonly password?: string;
  /** Of an `https:` address: whom to trust, and which certificate to show. */
  readonly tls?: ClientTlsOptions;
  readonly clock?: Clock;
  /** Source of ids and of the jitter between repetitions. */
  readonly random?: Random;
  /** Connections for calls that do not wait. Default 16. */
  readonly connectionsMax?: number;
  /** Connections for polls that wait, and as many for sends that wait for room. Default 1024. */
  readonly waitingConnectionsMax?: number;
  /** How long an answer may take, to its last byte, beyond the time the server was asked to wait. Default 30 s. */
  readonly requestTimeoutMs?: number;
  /** How often a call is repeated where that is safe. Default 2. */
  readonly retriesMax?: number;
}

/** Version of docs/protocol-http.md this client speaks. */
const PROTOCOL_VERSION = 1;

const readBroker = readerOf('the description of a broker', BrokerAnswer);

/** What no request of the protocol can carry: a server pushes nothing, and stored bytes are for another door. */
const NOT_CARRIED: ReadonlySet<Capability> = new Set(['push', 'raw-batches']);

const NUMBERS = {
  connectionsMax: { min: 1, max: 65_535, fallback: 16 },
  waitingConnectionsMax: { min: 1, max: 65_535, fallback: 1024 },
  requestTimeoutMs: { min: 1, max: 2 ** 31 - 1 - LIMITS.waitMsMax, fallback: 30_000 },
  retriesMax: { min: 0, max: 100, fallback: 2 },
} as const;

/** A Broker at `url`. Rejects with `MQ_UNREACHABLE` when nobody answers, `MQ_PROTOCOL` when somebody else does. */
export async function createClient(url: string, options: ClientOptions = {}): Promise<Broker> {
  return clientOf(url, options, []);
}

/** A client with which `behind` is closed too, in this order. When it cannot be made, `behind` is its caller's still. */
export async function clientOf(url: string, options: ClientOptions, behind: readonly Closable[]): Promise<Broker> {
  const checked = checkClientOptions(options);
  const { clock, random } = checked;
  const transport = new Transport(checkUrl(url), checked);
  try {
    const { capabilities, limits } = await introduce(transport);
    return new HttpClient({ transport, capabilities, limits, clock, instanceId: random.hex(8), behind });
  } catch (error) {
    await transport.close(0);
    throw error;
  }
}

/** Asks a server who is connected to it, as often as somebody wants to know. */
export interface ConnectionsReader extends AsyncDisposable {
  /** Through all its doors. Rejects with `MQ_NOT_SUPPORTED` when it keeps no book of that. */
  read(): Promise<readonly ConnectionDescription[]>;
}

/** For the server at `url`; nothing is asked before the first `read`. */
export function createConnectionsReader(url: string, options: ClientOptions = {}): ConnectionsReader {
  const transport = new Transport(checkUrl(url), checkClientOptions(options));
  return {
    read: async () =>
      readConnections(await transport.request({ method: 'GET', path: '/connections', isRepeatable: true })),
    [Symbol.asyncDispose]: () => transport.close(0),
  };
}

async function introduce(transport: Transport): Promise<{ capabilities: Set<Capability>; limits: Limits }> {
  const answer = await transport.request({ method: 'GET', path: '/broker', isRepeatable: true });
  checkVersion(jsonIn(answer));
  const { capabilities, limits } = readBroker(answer);
  // A capability this client has never heard of is none it could use.
  const known = capabilities.filter(isCapability);
  return { capabilities: new Set(known.filter((name) => !NOT_CARRIED.has(name))), limits: limitsOf(limits) };
}

/** First of all: what another version answers beside its number may be anything. */
function checkVersion(about: unknown): void {
  const version = typeof about === 'object' && about !== null && 'protocolVersion' in about && about.protocolVersion;
  if (version === PROTOCOL_VERSION) return;
  throw notTheProtocol(`protocolVersion ${describeValue(version)}, and this client speaks ${PROTOCOL_VERSION}`);
}

/** The server's limits; where it does not state one, ours. */
function limitsOf(stated: Readonly<Record<string, number>>): Limits {
  const limits: { -readonly [name in keyof Limits]: number } = { ...LIMITS };
  for (const [name, value] of Object.entries(stated)) {
    if (!Number.isSafeInteger(value) || value < 1) throw notTheProtocol(`a limit "${name}" that is no whole number`);
    if (isLimit(name)) limits[name] = value;
  }
  return Object.freeze(limits);
}

function isLimit(name: string): name is keyof Limits {
  return Object.hasOwn(LIMITS, name);
}

function checkClientOptions(options: ClientOptions): TransportOptions {
  checkOptions('options', options, ['token', 'user', 'password', 'tls', 'clock', 'random', ...Object.keys(NUMBERS)]);
  const { clock = new SystemClock(), random = new SystemRandom() } = options;
  if (typeof clock?.monotonicMs !== 'function') throw invalidArgument('options.clock', 'a Clock', clock);
  if (typeof random?.hex !== 'function') throw invalidArgument('options.random', 'a Random', random);
  return {
    authorization: authorizationOf(options),
    tls: checkClientTls('options.tls', options.tls),
    clock,
    random,
    connectionsMax: numberOf(options, 'connectionsMax'),
    waitingConnectionsMax: numberOf(options, 'waitingConnectionsMax'),
    requestTimeoutMs: numberOf(options, 'requestTimeoutMs'),
    retriesMax: numberOf(options, 'retriesMax'),
  };
}

/** Nothing of it is shown: no credential appears in a message. */
function authorizationOf({ token, user, password }: ClientOptions): string | undefined {
  if (user !== undefined || password !== undefined) {
    checkPassword(user, password);
    if (token !== undefined) throw invalidArgument('options.token', 'left out beside a user');
    return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  }
  if (token === undefined) return undefined;
  if (!isToken(token)) throw invalidArgument('options.token', 'one or more visible ASCII characters');
  return `Bearer ${token}`;
}

/** What a header can carry, and a server can ask for. */
function isToken(token: unknown): boolean {
  return typeof token === 'string' && /^[\x21-\x7e]+$/.test(token);
}

function checkUrl(text: string): URL {
  const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol) || url.search !== '' || url.username !== '') {
    throw invalidArgument('url', 'an address such as http://127.0.0.1:6767', text);
  }
  return url;
}

function numberOf(options: ClientOptions, name: keyof typeof NUMBERS): number {
  return checkInteger(`options.${name}`, options[name], NUMBERS[name]);
}
