/**
 * How long a message waits after it failed, and the delays that senders of other systems know by level. Pure, except for
 * the jitter, which comes from the source of randomness it is given.
 */
import type { RetryDelays } from '../../../shared/contract/description.ts';
import type { Random } from '../../../shared/random.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** Of `{ firstMs, delayMsMax }` without a factor. */
const FACTOR = 2;

/** Delay of level n is element n - 1: 1 s, 5 s, 10 s, 30 s, 1 to 10 min, 20 min, 30 min, 1 h, 2 h. */
export const DELAY_LEVELS_MS: readonly number[] = Object.freeze([
  ...[1, 5, 10, 30].map((seconds) => seconds * SECOND),
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2].map((hours) => hours * HOUR),
]);

/** Delay after failure n is element n - 1, and the last one for ever: 10 s, 30 s, and on like the levels to 2 h. */
export const CLASSIC_RETRY_DELAYS_MS: readonly number[] = Object.freeze(DELAY_LEVELS_MS.slice(2));

/** The delay after failure number `failureCount`, from 1; whole ms. */
export function retryDelayMs(delays: RetryDelays, failureCount: number, random: Random): number {
  if (delays === 'classic') return elementOf(CLASSIC_RETRY_DELAYS_MS, failureCount);
  if (isList(delays)) return elementOf(delays, failureCount);
  const { firstMs, factor = FACTOR, delayMsMax, jitter = 0 } = delays;
  // With many failures the power is Infinity, and times a first delay of 0 no number.
  const delayMs = firstMs === 0 ? 0 : Math.min(firstMs * factor ** (failureCount - 1), delayMsMax);
  return Math.round(jitter === 0 ? delayMs : delayMs * (1 - jitter * random.next()));
}

/** True when two messages that fail alike may wait for different times. */
export function isRandom(delays: RetryDelays): boolean {
  return delays !== 'classic' && !isList(delays) && (delays.jitter ?? 0) > 0;
}

function isList(delays: Exclude<RetryDelays, 'classic'>): delays is readonly number[] {
  return Array.isArray(delays);
}

function elementOf(delays: readonly number[], failureCount: number): number {
  return delays[Math.min(failureCount, delays.length) - 1] ?? 0;
}
