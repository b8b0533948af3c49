/**
 * The option that says how long what failed waits before it comes again, checked once for all stages.
 *
 * Always true: the same delays come out in the same form, so equal options are equal texts; anything else is refused with
 * its path. Pure; `checkGroupOptions` calls it.
 */
import type { RetryDelays } from '../../shared/contract/description.ts';
import { checkInteger, checkOptions, invalidArgument } from '../../shared/contract/validation.ts';

const RETRY_DELAYS_MAX = 100;
/** Longest delay of a retry: a year. */
const DELAY_RANGE = { min: 0, max: 366 * 24 * 60 * 60 * 1000, fallback: 0 };

/** Undefined: at once. */
export function checkRetryDelays(path: string, delays: unknown): RetryDelays {
  if (delays === undefined) return [];
  if (delays === 'classic') return delays;
  if (Array.isArray(delays)) {
    if (delays.length > RETRY_DELAYS_MAX) throw invalidArgument(path, `at most ${RETRY_DELAYS_MAX} delays`);
    return Array.from(delays, (delayMs: unknown, index) => checkInteger(`${path}[${index}]`, delayMs, DELAY_RANGE));
  }
  if (typeof delays !== 'object' || delays === null) {
    throw invalidArgument(path, 'an array of ms, "classic" or {firstMs, factor, delayMsMax, jitter}', delays);
  }
  checkOptions(path, delays, ['firstMs', 'factor', 'delayMsMax', 'jitter']);
  const given = delays as Record<string, unknown>;
  return {
    firstMs: checkInteger(`${path}.firstMs`, given.firstMs ?? Number.NaN, DELAY_RANGE),
    factor: checkBetween(`${path}.factor`, given.factor, { min: 1, max: 100, fallback: 2 }),
    delayMsMax: checkInteger(`${path}.delayMsMax`, given.delayMsMax ?? Number.NaN, DELAY_RANGE),
    jitter: checkBetween(`${path}.jitter`, given.jitter, { min: 0, max: 1, fallback: 0 }),
  };
}

function checkBetween(
  path: string,
  value: unknown,
  { min, max, fallback }: { readonly min: number; readonly max: number; readonly fallback: number },
): number {
  if (value === undefined) return fallback;
  if (typeof value !== 'number' || !(value >= min && value <= max)) {
    throw invalidArgument(path, `a number from ${min} to ${max}`, value);
  }
  return value;
}
