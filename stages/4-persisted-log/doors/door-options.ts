/**
 * What every door that has sockets takes, with its defaults: one place for what they have in common.
 *
 * Always true: a misspelt option or a number out of range is `MQ_INVALID_ARGUMENT` with the option's name, before any
 * socket is opened; whoever listens beyond this machine has a token or an Admission. Each door adds its own numbers.
 */
import { type Admission, checkAdmission } from '../../../shared/admission.ts';
import { type Clock, checkClock } from '../../../shared/clock.ts';
import type { MqError } from '../../../shared/contract/errors.ts';
import { checkInteger, checkOptions, invalidArgument } from '../../../shared/contract/validation.ts';
import { checkRandom, type Random } from '../../../shared/random.ts';
import type { ConnectionListener } from '../../3-http-server/connections.ts';
import { checkTls, type TlsOptions } from '../../3-http-server/tls.ts';

/** Of every door: where it listens, whom it lets in, and the limits of a connection. */
export interface DoorOptions {
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
  /** Then nothing but TLS is spoken. Default: no TLS. */
  readonly tls?: TlsOptions;
  /** Until a client has introduced itself. Default 10 s. */
  readonly handshakeTimeoutMs?: number;
  /** For one frame, from its first byte to its last. Default 30 s. */
  readonly frameTimeoutMs?: number;
  /** A client that takes nothing for so long of what waits for it is disconnected. Default 30 s. */
  readonly stalledMs?: number;
  /** What one client has not read yet, in bytes: above it it is disconnected. Default 64 MiB. */
  readonly unsentBytesMax?: number;
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

type Absent = 'token' | 'admission' | 'tls' | 'onRefused' | 'onConnection';

/** Options with every default filled in. */
export type CheckedDoorOptions = Required<Omit<DoorOptions, Absent>> & {
  readonly [Name in Absent]: DoorOptions[Name] | undefined;
};

/** A whole number that an option may be. */
export interface NumberRange {
  readonly min: number;
  readonly max: number;
  readonly fallback: number;
}

export const TIMEOUT_MS_MAX = 2 ** 31 - 1;
const MEBIBYTE = 1024 ** 2;

/** Whatever a stranger can make larger has a number here, or in the broker's limits. */
const NUMBERS = {
  port: { min: 0, max: 65_535, fallback: 0 },
  handshakeTimeoutMs: { min: 1, max: TIMEOUT_MS_MAX, fallback: 10_000 },
  frameTimeoutMs: { min: 1, max: TIMEOUT_MS_MAX, fallback: 30_000 },
  stalledMs: { min: 1, max: TIMEOUT_MS_MAX, fallback: 30_000 },
  unsentBytesMax: { min: 1, max: Number.MAX_SAFE_INTEGER, fallback: 64 * MEBIBYTE },
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

/** What a door has of its own: its numbers, and the names of options that it checks itself. */
interface OwnOptions<Name extends string> {
  readonly numbers: Readonly<Record<Name, NumberRange>>;
  readonly others?: readonly string[];
}

/** The options in force: those of every door, and this one's numbers. */
export function checkDoorOptions<Name extends string = never>(
  options: DoorOptions,
  own: OwnOptions<Name>,
): CheckedDoorOptions & Readonly<Record<Name, number>> {
  const ranges: Readonly<Record<string, NumberRange>> = { ...NUMBERS, ...own.numbers };
  const known = [...Object.keys(ranges), ...Object.keys(OTHERS), ...(own.others ?? [])];
  checkOptions('options', options, [...known, 'admission', 'tls', 'clock', 'random']);
  for (const [name, [isRight, expected]] of Object.entries(OTHERS)) {
    const value: unknown = Reflect.get(options, name);
    // The value is not shown: a token never appears in a message.
    if (value !== undefined && !isRight(value)) throw invalidArgument(`options.${name}`, expected);
  }
  checkAdmission('options', options);
  const { host = '127.0.0.1', token, admission, onDefect = warn, onRefused, onConnection } = options;
  if (token === undefined && admission === undefined && !LOOPBACK.test(host)) {
    throw invalidArgument('options.token', `given: whoever reaches ${host} from another machine could read everything`);
  }
  const numbers = Object.entries(ranges).map(([name, range]) => {
    return [name, checkInteger(`options.${name}`, Reflect.get(options, name), range)] as const;
  });
  return {
    ...(Object.fromEntries(numbers) as Record<keyof typeof NUMBERS | Name, number>),
    ...{ host, token, admission, onDefect, onRefused, onConnection },
    tls: checkTls('options.tls', options.tls),
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
