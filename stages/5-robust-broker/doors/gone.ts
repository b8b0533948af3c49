/**
 * Errors that say nothing is left to be done: what was to be given back, ended or covered is gone.
 *
 * Always true: defects and failures of a disk are none of them. Pure. The doors use it where they clean up.
 */
import { type ErrorCode, isMqError } from '../../../shared/contract/errors.ts';

const GONE: ReadonlySet<ErrorCode> = new Set([
  'MQ_CLOSED',
  'MQ_ABORTED',
  'MQ_UNKNOWN_TOPIC',
  'MQ_UNKNOWN_GROUP',
  'MQ_LEASE_EXPIRED',
  'MQ_CONNECTION_LOST',
]);

/** True when what the call was about is not there any more. */
export function isGone(error: unknown): boolean {
  return isMqError(error) && GONE.has(error.code);
}

/** Resolves also when what the call was about is gone. */
export async function ignoringGone(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}
