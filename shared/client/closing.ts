/** How long the `close` of what this folder has waits for what is under way. */
import type { CloseOptions } from '../contract/broker.ts';
import { checkInteger, checkOptions } from '../contract/validation.ts';

/** How long `close` waits when its caller does not say. */
export const CLOSE_TIMEOUT_MS = 10_000;

const TIMEOUT_RANGE = { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: CLOSE_TIMEOUT_MS };

/** ms; `MQ_INVALID_ARGUMENT` for what is no option of `close`. */
export function closeTimeoutMsOf(options: CloseOptions | undefined): number {
  checkOptions('options', options, ['timeoutMs']);
  return checkInteger('options.timeoutMs', options?.timeoutMs, TIMEOUT_RANGE);
}
