/**
 * What `createStompServer` takes, with its defaults: what every protocol door takes, and the limits that are this door's.
 *
 * Always true: what is wrong is `MQ_INVALID_ARGUMENT` before any socket is opened. docs/protocol-stomp.md explains each number.
 */
import { LIMITS } from '../../../../shared/contract/limits.ts';
import { TIMEOUT_MS_MAX } from '../../../4-persisted-log/doors/door-options.ts';
import {
  type CheckedProtocolDoorOptions,
  checkProtocolDoorOptions,
  type ProtocolDoorOptions,
} from '../door-server-options.ts';

/** Of `createStompServer`: where it listens, whom it lets in, and its limits. */
export interface StompServerOptions extends ProtocolDoorOptions {
  /** How often either side says something, for clients that ask for it. Default 10 s. */
  readonly heartbeatMs?: number;
  /** Of one frame. Default 200. */
  readonly headersCountMax?: number;
  /** Of one header: name, colon and value, as they are on the wire. Default 16 KiB. */
  readonly headerBytesMax?: number;
  /** Of the command and all headers of one frame. Default 64 KiB. */
  readonly headBytesMax?: number;
  /** Of one body; a broker may take less. Default 1 MiB. */
  readonly bodyBytesMax?: number;
  /** Frames of one connection that are not carried out yet: above it nothing more is read. Default 16,384. */
  readonly unansweredCountMax?: number;
  /** The same in bytes of bodies. Default 32 MiB. */
  readonly unansweredBytesMax?: number;
  /** Of one connection. Default 1024. */
  readonly subscriptionsCountMax?: number;
  /** Messages that a subscription holds without an ack, when it does not say how many. Default 100. */
  readonly prefetchCount?: number;
  /** The most that all subscriptions of one connection may ask for together. Default 65,536. */
  readonly unackedCountMax?: number;
  /** Open ones of one connection. Default 64. */
  readonly transactionsCountMax?: number;
  /** How long a transaction may stay open. Default 60 s. */
  readonly transactionTimeoutMs?: number;
  /** Temporary destinations of one connection. Default 256. */
  readonly temporariesCountMax?: number;
}

/** Options with every default filled in. */
export type CheckedStompServerOptions = CheckedProtocolDoorOptions & Readonly<Record<keyof typeof NUMBERS, number>>;

const KIBIBYTE = 1024;
const GIBIBYTE = 1024 ** 3;
const ANY = Number.MAX_SAFE_INTEGER;

const NUMBERS = {
  heartbeatMs: { min: 20, max: TIMEOUT_MS_MAX, fallback: 10_000 },
  headersCountMax: { min: 1, max: 10_000, fallback: 200 },
  headerBytesMax: { min: 64, max: GIBIBYTE, fallback: 16 * KIBIBYTE },
  headBytesMax: { min: 256, max: GIBIBYTE, fallback: 64 * KIBIBYTE },
  bodyBytesMax: { min: 0, max: GIBIBYTE, fallback: LIMITS.bodyBytesMax },
  unansweredCountMax: { min: 1, max: 1_000_000, fallback: 16_384 },
  unansweredBytesMax: { min: 1, max: ANY, fallback: 32 * KIBIBYTE ** 2 },
  subscriptionsCountMax: { min: 1, max: 1_000_000, fallback: 1024 },
  prefetchCount: { min: 1, max: 1_000_000, fallback: 100 },
  unackedCountMax: { min: 1, max: 10_000_000, fallback: 65_536 },
  transactionsCountMax: { min: 1, max: 10_000, fallback: 64 },
  transactionTimeoutMs: { min: 1, max: LIMITS.transactionMsMax, fallback: 60_000 },
  temporariesCountMax: { min: 0, max: 10_000, fallback: 256 },
} as const;

export function checkStompServerOptions(options: StompServerOptions = {}): CheckedStompServerOptions {
  return checkProtocolDoorOptions(options, { numbers: NUMBERS });
}
