/**
 * What `createOpenWireServer` takes, with its defaults: what every protocol door takes, and the limits that are this door's.
 *
 * Always true: what is wrong is `MQ_INVALID_ARGUMENT` before any socket is opened. docs/protocol-openwire.md explains each number.
 */
import { LIMITS } from '../../../../shared/contract/limits.ts';
import { TIMEOUT_MS_MAX } from '../../../4-persisted-log/doors/door-options.ts';
import {
  type CheckedProtocolDoorOptions,
  checkProtocolDoorOptions,
  type ProtocolDoorOptions,
} from '../door-server-options.ts';

/** Of `createOpenWireServer`: where it listens, whom it lets in, and its limits. */
export interface OpenWireServerOptions extends ProtocolDoorOptions {
  /** How long either side may be silent; a client may ask for less time. Default 30 s. */
  readonly inactivityMs?: number;
  /** Of one frame, in bytes. Default 16 MiB. */
  readonly frameBytesMax?: number;
  /** Sends of one connection that the broker has not taken yet, in bytes: above it nothing more is read. Default 32 MiB. */
  readonly unansweredBytesMax?: number;
  /** How long a send waits for room before it is refused. Default 30 s. */
  readonly sendTimeoutMs?: number;
  /** Sessions, producers and consumers of one connection together. Default 16,384. */
  readonly membersCountMax?: number;
  /** Deliveries that one consumer may ask for at once; of one that asks for more, so many. Default 32,768. */
  readonly prefetchCountMax?: number;
  /** Messages sent in the open transactions of one connection, in bytes. Default 64 MiB. */
  readonly transactionBytesMax?: number;
  /** Open ones of one connection. Default 1024. */
  readonly transactionsCountMax?: number;
  /** Temporary destinations of one connection. Default 256. */
  readonly temporariesCountMax?: number;
}

/** Options with every default filled in. */
export type CheckedOpenWireServerOptions = CheckedProtocolDoorOptions & Readonly<Record<keyof typeof NUMBERS, number>>;

const MEBIBYTE = 1024 ** 2;
const GIBIBYTE = 1024 ** 3;
const ANY = Number.MAX_SAFE_INTEGER;

const NUMBERS = {
  inactivityMs: { min: 100, max: TIMEOUT_MS_MAX, fallback: 30_000 },
  frameBytesMax: { min: 1024, max: GIBIBYTE, fallback: 16 * MEBIBYTE },
  unansweredBytesMax: { min: 1, max: ANY, fallback: 32 * MEBIBYTE },
  sendTimeoutMs: { min: 1, max: TIMEOUT_MS_MAX, fallback: 30_000 },
  membersCountMax: { min: 1, max: 1_000_000, fallback: 16_384 },
  prefetchCountMax: { min: 1, max: LIMITS.inFlightCountMax, fallback: 32_768 },
  transactionBytesMax: { min: 1, max: ANY, fallback: 64 * MEBIBYTE },
  transactionsCountMax: { min: 1, max: 1_000_000, fallback: 1024 },
  temporariesCountMax: { min: 0, max: 10_000, fallback: 256 },
} as const;

export function checkOpenWireServerOptions(options: OpenWireServerOptions = {}): CheckedOpenWireServerOptions {
  return checkProtocolDoorOptions(options, { numbers: NUMBERS });
}
