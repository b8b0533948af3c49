/**
 * What `createServer` takes, with its defaults: one place for every limit and time-out of the door.
 *
 * Always true: a misspelt option or a number out of range is `MQ_INVALID_ARGUMENT` with the option's name, before any
 * socket is opened. docs/protocol-http.md explains each number.
 */
import type { FastifyInstance } from 'fastify';
import { type Admission, checkAdmission } from '../../shared/admission.ts';
import { type Clock, SystemClock } from '../../shared/clock.ts';
import type { Broker } from '../../shared/contract/broker.ts';
import type { ConnectionDescription } from '../../shared/contract/connections.ts';
import type { MqError } from '../../shared/contract/errors.ts';
import type { Metric } from '../../shared/contract/metrics.ts';
import { checkInteger, checkOptions, invalidArgument } from '../../shared/contract/validation.ts';
import type { ConnectionListener } from './connections.ts';
import type { RequestLogEntry } from './request-log.ts';
import { checkTls, type TlsOptions } from './tls.ts';

/** Of `createServer`: where it listens, whom it lets in, and its limits. */
export interface ServerOptions {
  /** Default `127.0.0.1`: nobody outside this machine. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** When set, every route but `/healthz` and `/readyz` asks for `Authorization: Bearer <token>`. Instead of `admission`. */
  readonly token?: string;
  /** Asked for every request but those two: the broker it answers serves that request. Default: everybody may do everything. */
  readonly admission?: Admission;
  /** Then it is reached by `https:` alone. Default: no TLS. */
  readonly tls?: TlsOptions;
  /** Host names under which this server may be called, beside loopback names and `host`. */
  readonly allowedHosts?: readonly string[];
  /** Adds routes of a later stage, behind the same guard and with the same errors. */
  readonly extraRoutes?: (routes: FastifyInstance, broker: Broker) => void | Promise<void>;
  /** What `/metrics` tells besides the numbers of the broker: of the process, of other doors. */
  readonly moreMetrics?: () => readonly Metric[];
  /** What `GET /connections` tells: who is connected, through all doors. Default: it tells nothing. */
  readonly connections?: () => readonly ConnectionDescription[];
  /** Topics, and likewise groups, of which `/metrics` tells each by itself; the rest is summed. Default 1,000. */
  readonly metricsTopicsMax?: number;
  /** Told of every answered request. Costs a little on each; left out, it costs nothing. */
  readonly onRequest?: (entry: RequestLogEntry) => void;
  /** Told of every error that is a defect (the caller sees only `MQ_INTERNAL`). Default: a warning of the process. */
  readonly onDefect?: (error: unknown) => void;
  /** Told of every other error that is answered, and to which address. */
  readonly onRefused?: (reason: MqError, from: string) => void;
  /** Told of every connection that is opened, and when it is closed. */
  readonly onConnection?: ConnectionListener;
  /** Default: the system's. Times the log entries and the end of `close`; sockets keep their own time. */
  readonly clock?: Clock;
  /** A whole request body, in bytes. */
  readonly requestBytesMax?: number;
  /** Request line and headers, in bytes. */
  readonly headerBytesMax?: number;
  readonly connectionsCountMax?: number;
  /** Requests that wait on one connection for their turn. */
  readonly pipelinedCountMax?: number;
  /** Bodies of answers that have not left yet, of all connections together, in bytes. */
  readonly unsentBytesMax?: number;
  readonly headersTimeoutMs?: number;
  readonly requestTimeoutMs?: number;
  readonly keepAliveTimeoutMs?: number;
  readonly idleTimeoutMs?: number;
}

/** Options with every default filled in. */
export interface CheckedServerOptions extends ServerOptions {
  readonly host: string;
  readonly port: number;
  readonly allowedHosts: readonly string[];
  readonly onDefect: (error: unknown) => void;
  readonly clock: Clock;
  readonly requestBytesMax: number;
  readonly headerBytesMax: number;
  readonly connectionsCountMax: number;
  readonly pipelinedCountMax: number;
  readonly unsentBytesMax: number;
  readonly metricsTopicsMax: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

/** Longest time a send may ask to wait for room, and the time it waits when it does not ask. */
export const SEND_TIMEOUT_MS_MAX = 60_000;
export const SEND_TIMEOUT_MS = 30_000;

const MEBIBYTE = 1024 * 1024;
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

/** I12: whatever a stranger can make larger has a number here, or in the broker's limits. */
const NUMBERS = {
  port: { min: 0, max: 65_535, fallback: 0 },
  requestBytesMax: { min: 1, max: 1024 * MEBIBYTE, fallback: 16 * MEBIBYTE },
  headerBytesMax: { min: 1024, max: 16 * MEBIBYTE, fallback: 64 * 1024 },
  connectionsCountMax: { min: 1, max: 1_000_000, fallback: 16_384 },
  pipelinedCountMax: { min: 0, max: 1_000_000, fallback: 128 },
  unsentBytesMax: { min: 1, max: Number.MAX_SAFE_INTEGER, fallback: 256 * MEBIBYTE },
  metricsTopicsMax: { min: 0, max: 1_000_000, fallback: 1000 },
  headersTimeoutMs: { min: 1, max: TIMEOUT_MS_MAX, fallback: 10_000 },
  requestTimeoutMs: { min: 1, max: TIMEOUT_MS_MAX, fallback: 30_000 },
  keepAliveTimeoutMs: { min: 1, max: TIMEOUT_MS_MAX, fallback: 72_000 },
  idleTimeoutMs: { min: 1, max: TIMEOUT_MS_MAX, fallback: 150_000 },
} as const;

const isFunction = (value: unknown): boolean => typeof value === 'function';
const isFilled = (value: unknown): boolean => typeof value === 'string' && value !== '';

/** Of every other option: whether a value will do, and what would. */
const OTHERS: Readonly<Record<string, readonly [isRight: (value: unknown) => boolean, expected: string]>> = {
  host: [isFilled, 'a host name or address'],
  token: [(value) => typeof value === 'string' && /^[\x21-\x7e]+$/.test(value), 'one or more visible ASCII characters'],
  allowedHosts: [(value) => Array.isArray(value) && value.every(isFilled), 'a list of host names'],
  extraRoutes: [isFunction, 'a function'],
  moreMetrics: [isFunction, 'a function'],
  connections: [isFunction, 'a function'],
  onRequest: [isFunction, 'a function'],
  onDefect: [isFunction, 'a function'],
  onRefused: [isFunction, 'a function'],
  onConnection: [isFunction, 'a function'],
  clock: [isClock, 'a clock, which has now() and setTimer()'],
};

export function checkServerOptions(options: ServerOptions = {}): CheckedServerOptions {
  checkOptions('options', options, [...Object.keys(NUMBERS), ...Object.keys(OTHERS), 'admission', 'tls']);
  for (const [name, [isRight, expected]] of Object.entries(OTHERS)) {
    const value = options[name as keyof ServerOptions];
    // The value is not shown: a token never appears in a message.
    if (value !== undefined && !isRight(value)) throw invalidArgument(`options.${name}`, expected);
  }
  checkAdmission('options', options);
  checkTls('options.tls', options.tls);
  const { host = '127.0.0.1', allowedHosts = [], onDefect = warn, clock = new SystemClock() } = options;
  const names = Object.keys(NUMBERS) as (keyof typeof NUMBERS)[];
  const numbers = names.map((name) => [name, checkInteger(`options.${name}`, options[name], NUMBERS[name])] as const);
  const checked = Object.fromEntries(numbers) as Record<keyof typeof NUMBERS, number>;
  return { ...options, host, allowedHosts, onDefect, clock, ...checked };
}

function isClock(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return 'now' in value && isFunction(value.now) && 'setTimer' in value && isFunction(value.setTimer);
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : new Error(String(error)));
}
