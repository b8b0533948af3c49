/** Moments as a person reads them in a table. Pure. */

/** Epoch ms as 2026-11-20T08:00:00.123Z; what no calendar has as a number. */
export function timeText(epochMs: number): string {
  const date = new Date(epochMs);
  return Number.isNaN(date.getTime()) ? String(epochMs) : date.toISOString();
}
