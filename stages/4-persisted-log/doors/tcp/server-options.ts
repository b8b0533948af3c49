/**
 * What `createTcpServer` takes, with its defaults: one place for every limit and time-out of the door.
 *
 * Always true: a misspelt option or a number out of range is `MQ_INVALID_ARGUMENT` with the option's name, before any
 * socket is opened; whoever listens beyond this machine has a token or an Admission. docs/protocol-tcp.md explains each number.
 */
import { type Admission, checkAdmission } from '../../../../shared/admission.ts';
import { type Clock, checkClock } from '../../../../shared/clock.ts';
import type { MqError } from '../../../../shared/contract/errors.ts';
import { checkInteger, checkOptions, invalidArgument } from '../../../../shared/contract/validation.ts';
import { checkRandom, type Random } from '../../../../shared/random.ts';
import type { ConnectionListener } from '../../../3-http-server/connections.ts';
import { checkTls, type TlsOptions } from '../../../3-http-server/tls.ts';
import { DOOR_LIMITS } from './handshake.ts';

/** Of `createTcpServer`: where it listens, whom it lets in, and its limits. */
export interface TcpServerOptions {
  /**
   * Default `127.0.0.1`: nobody outside this machine. Any other address than this machine's own asks for a token or an
   * Admission.
   */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** When set, a client must say it. Instead of `admission`. */
  readonly token?: string;
  /** Asked for every connection: the broker it answers serves it. Default: everybody may do everything. */
  readonly admission?: Admission;
  /** Then it is reached by `mqs:` alone. Default: no TLS. */
  readonly tls?: TlsOptions;
  /** How often either side makes sure that the other is there; a client may ask for less time. Default 10 s. */
  readonly heartbeatMs?: number;
  /** Until the first frame is there. Default 10 s. */
  readonly handshakeTimeoutMs?: number;
  /** For one frame, from its first byte to its last. Default 30 s. */
  readonly frameTimeoutMs?: number;
  /** A client that takes nothing for so long of what waits for it is disconnected. Default 30 s. */
  readonly stalledMs?: number;
  /** Of one frame, in bytes. Default 16 MiB. */
  readonly frameBytesMax?: number;
  /** Requests of one connection without an answer. Default 16,384. */
  readonly requestsCountMax?: number;
  /** Sends of one connection without an answer, in bytes: above it nothing more is read. Default 32 MiB. */
  readonly unansweredBytesMax?: number;
  /** What one client has not read yet, in bytes: above it it is disconnected. Default 64 MiB. */
  readonly unsentBytesMax?: number;
  /** Of one connection. Default 1024. */
  readonly subscriptionsCountMax?: number;
  /** Default 16,384. */
  readonly connectionsCountMax?: number;
  /** Told of every error that is a defect (the caller sees only `MQ_INTERNAL`). Default: a warning of the process. */
  readonly onDefect?: (error: unknown) => void;
  /** Told once of every connection that was refused, or that broke the protocol. */
  readonly onRefused?: (reason: MqError) => void;
  /** Told of every connection that is opened, and when it is closed. */
  readonly onConnection?: ConnectionListener;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** Options with every default filled in. */
export interface CheckedTcpServerOptions
  extends Required<Omit<TcpServerOptions, 'token' | 'admission' | 'tls' | 'onRefused' | 'onConnection'>> {
  readonly tls: TlsOptions | undefined;
  readonly token: string | undefined;
  readonly admission: Admission | undefined;
  readonly onRefused: ((reason: MqError) => void) | undefined;
  readonly onConnection: ConnectionListener | undefined;
}

const TIMEOUT_MS_MAX = 2 ** 31 - 1;
const GIBIBYTE = 1024 ** 3;
const MEBIBYTE = 1024 ** 2;

/** Whatever a stranger can make larger has a number here, or in the broker's limits. */
const NUMBERS = {
  port: { min: 0, max: 65_535, fallback: 0 },
  heartbeatMs: { min: 20, max: 600_000, fallback: 10_000 },
  handshakeTimeoutMs: { min: 1, max: TIMEOUT_MS_MAX, fallback: 10_000 },
  frameTimeoutMs: { min: 1, max: TIMEOUT_MS_MAX, fallback: 30_000 },
  stalledMs: { min: 1, max: TIMEOUT_MS_MAX, fallback: 30_000 },
  frameBytesMax: { min: 1024, max: GIBIBYTE, fallback: DOOR_LIMITS.frameBytesMax },
  requestsCountMax: { min: 1, max: 1_000_000, fallback: DOOR_LIMITS.requestsCountMax },
  unansweredBytesMax: { min: 1, max: Number.MAX_SAFE_INTEGER, fallback: DOOR_LIMITS.unansweredBytesMax },
  unsentBytesMax: { min: 1, max: Number.MAX_SAFE_INTEGER, fallback: 64 * MEBIBYTE },
  subscriptionsCountMax: { min: 1, max: 1_000_000, fallback: DOOR_LIMITS.subscriptionsCountMax },
  connectionsCountMax: { min: 1, max: 1_000_000, fallback: 16_384 },
} as const;

const isFunction = (value: unknown): boolean => typeof value === 'function';

/** Of every other option: whether a value will do, and what would. */
const OTHERS: Readonly<Record<string, readonly [isRight: (value: unknown) => boolean, expected: string]>> = {
  host: [(value) => typeof value === 'string' && value !== '', 'a host name or address'],
  token: [isToken, 'one or more visible ASCII characters'],
  onDefect: [isFunction, 'a function'],
  onRefused: [isFunction, 'a function'],
  onConnection: [isFunction, 'a function'],
};

/** Addresses that only this machine reaches. */
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/;

export function checkTcpServerOptions(options: TcpServerOptions = {}): CheckedTcpServerOptions {
  checkOptions('options', options, [
    ...Object.keys(NUMBERS),
    ...Object.keys(OTHERS),
    'admission',
    'tls',
    'clock',
    'random',
  ]);
  for (const [name, [isRight, expected]] of Object.entries(OTHERS)) {
    const value = options[name as keyof TcpServerOptions];
    // The value is not shown: a token never appears in a message.
    if (value !== undefined && !isRight(value)) throw invalidArgument(`options.${name}`, expected);
  }
  checkAdmission('options', options);
  const { host = '127.0.0.1', token, admission, onDefect = warn, onRefused, onConnection } = options;
  if (token === undefined && admission === undefined && !LOOPBACK.test(host)) {
    throw invalidArgument('options.token', `given: whoever reaches ${host} from another machine could read everything`);
  }
  const names = Object.keys(NUMBERS) as (keyof typeof NUMBERS)[];
  const numbers = names.map((name) => [name, checkInteger(`options.${name}`, options[name], NUMBERS[name])] as const);
  return {
    ...(Object.fromEntries(numbers) as Record<keyof typeof NUMBERS, number>),
    host,
    token,
    admission,
    tls: checkTls('options.tls', options.tls),
    onDefect,
    onRefused,
    onConnection,
    clock: checkClock('options.clock', options.clock),
    random: checkRandom('options.random', options.random),
  };
}

/** What a person can type, and a server can ask for. */
export function isToken(token: unknown): boolean {
  return typeof token === 'string' && /^[\x21-\x7e]{1,1024}$/.test(token);
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : new Error(String(error)));
}
