/**
 * What `createTcpServer` takes, with its defaults: what every door takes, and the limits and time-outs that are this door's.
 *
 * Always true: what is wrong is `MQ_INVALID_ARGUMENT` before any socket is opened. docs/protocol-tcp.md explains each number.
 */
import { checkMethods } from '../../../../shared/contract/validation.ts';
import type { ConnectionsBook } from '../connection-entry.ts';
import { type CheckedDoorOptions, checkDoorOptions, type DoorOptions } from '../door-options.ts';
import { DOOR_LIMITS } from './handshake.ts';

/** Of `createTcpServer`: where it listens, whom it lets in, and its limits. */
export interface TcpServerOptions extends DoorOptions {
  /** How often either side makes sure that the other is there; a client may ask for less time. Default 10 s. */
  readonly heartbeatMs?: number;
  /** Of one frame, in bytes. Default 16 MiB. */
  readonly frameBytesMax?: number;
  /** Requests of one connection without an answer. Default 16,384. */
  readonly requestsCountMax?: number;
  /** Sends of one connection without an answer, in bytes: above it nothing more is read. Default 32 MiB. */
  readonly unansweredBytesMax?: number;
  /** Of one connection. Default 1024. */
  readonly subscriptionsCountMax?: number;
  /** Where connections and their subscriptions are listed. Default: nowhere. */
  readonly book?: ConnectionsBook;
}

/** Options with every default filled in. */
export type CheckedTcpServerOptions = CheckedDoorOptions &
  Readonly<Record<keyof typeof NUMBERS, number>> &
  Pick<TcpServerOptions, 'book'>;

/** Whatever a stranger can make larger has a number here, or in the broker's limits. */
const NUMBERS = {
  heartbeatMs: { min: 20, max: 600_000, fallback: 10_000 },
  frameBytesMax: { min: 1024, max: 1024 ** 3, fallback: DOOR_LIMITS.frameBytesMax },
  requestsCountMax: { min: 1, max: 1_000_000, fallback: DOOR_LIMITS.requestsCountMax },
  unansweredBytesMax: { min: 1, max: Number.MAX_SAFE_INTEGER, fallback: DOOR_LIMITS.unansweredBytesMax },
  subscriptionsCountMax: { min: 1, max: 1_000_000, fallback: DOOR_LIMITS.subscriptionsCountMax },
} as const;

export function checkTcpServerOptions(options: TcpServerOptions = {}): CheckedTcpServerOptions {
  const checked = checkDoorOptions(options, { numbers: NUMBERS, others: ['book'] });
  if (options.book === undefined) return checked;
  checkMethods('options.book', options.book, 'a book of connections', ['opened']);
  return { ...checked, book: options.book };
}
