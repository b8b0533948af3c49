/** The answers of this stage to calls that ask for what is over or not there; each carries what the caller needs next. */
import { type FailedDelivery, isMqError, MqError } from '../../shared/contract/errors.ts';
import type { LogRange } from './consumer-group.ts';
import type { CheckedRef } from './reading-options.ts';

/** `MQ_OFFSET_OUT_OF_RANGE` with the valid range; `logEndOffset` itself would have been valid. */
export function outOfRangeError(offset: number, { logStartOffset, logEndOffset }: LogRange): MqError {
  const message = `offset ${offset} is not held: the log has ${logStartOffset} to ${logEndOffset}`;
  return new MqError('MQ_OFFSET_OUT_OF_RANGE', message, { details: { logStartOffset, logEndOffset } });
}

/**
 * Does `apply` for every delivery, also after one whose lease was over (`apply` says so by false). In the end it throws,
 * with all that did not apply in `failed`: `MQ_LEASE_EXPIRED`, or the unknown topic or group that was the first reason.
 */
export function forEachRef(refs: readonly CheckedRef[], apply: (ref: CheckedRef) => boolean): void {
  const failed: FailedDelivery[] = [];
  let reason: MqError | undefined;
  for (const ref of refs) {
    try {
      if (apply(ref)) continue;
    } catch (error) {
      if (!isMqError(error)) throw error;
      if (failed.length === 0) reason = error;
    }
    const { topic, partition, offset, token } = ref;
    failed.push({ topic, partition, offset, leaseToken: token });
  }
  if (failed.length === 0) return;
  const { code, message } = reason ?? { code: 'MQ_LEASE_EXPIRED', message: describeEnded(failed) };
  throw new MqError(code, message, { details: { failed } });
}

function describeEnded(failed: readonly FailedDelivery[]): string {
  const offsets = failed.slice(0, 10).map(({ offset }) => offset);
  const of = failed.length === 1 ? 'of a delivery is' : `of ${failed.length} deliveries is`;
  return `the lease ${of} over (offset ${offsets.join(', ')})`;
}
