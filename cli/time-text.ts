/** Moments as a person reads them in a table. Pure. */

/** Epoch ms as 2026-11-20T08:00:00.123Z; what no calendar has as a number. */
export function timeText(epochMs: number): string {
  const date = new Date(epochMs);
  return Number.isNaN(date.getTime()) ? String(epochMs) : date.toISOString();
}

const UNITS: readonly (readonly [unit: string, ms: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
];

/** 90_000 as "1 min": in the largest unit of which there is at least one. */
export function durationText(ms: number): string {
  const [unit, unitMs] = UNITS.find(([, least]) => ms >= least) ?? ['ms', 1];
  return `${Math.floor(ms / unitMs)} ${unit}`;
}
