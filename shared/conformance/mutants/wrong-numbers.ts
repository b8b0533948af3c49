/** A number that makes no sense, made into one that does: what a mutant does instead of refusing it. Pure. */

/** `value` as a whole number from `min` to `max`; what is no number at all becomes `min`. */
export function clampedNumber(value: number, min: number, max = Number.MAX_SAFE_INTEGER): number {
  return Number.isNaN(value) ? min : Math.min(Math.max(Math.ceil(value), min), max);
}
