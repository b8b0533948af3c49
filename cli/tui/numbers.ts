/** Numbers as the screen writes them: short, and steady in width. Pure functions. */
import { valuesToSymbols } from '@pppp606/ink-chart';

/** 4 -> "4", 3.94 -> "3.9", 120.4 -> "120". */
export function rateText(perSecond: number): string {
  return perSecond >= 100 ? perSecond.toFixed(0) : perSecond.toFixed(1);
}

/** 0.052 -> "52µs", 3.14 -> "3.1ms", 420 -> "420ms", 1234 -> "1.2s"; "-" for none. */
export function durationText(ms: number | null): string {
  if (ms === null) return '-';
  if (ms < 1) return `${Math.round(ms * 1000)}µs`;
  if (ms < 10) return `${ms.toFixed(1)}ms`;
  return ms < 1000 ? `${ms.toFixed(0)}ms` : `${(ms / 1000).toFixed(1)}s`;
}

/** 960 -> "960 B", 4300 -> "4.2 KiB". */
export function bytesText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const kibibytes = bytes / 1024;
  return kibibytes < 1024 ? `${kibibytes.toFixed(1)} KiB` : `${(kibibytes / 1024).toFixed(1)} MiB`;
}

/** 12345 ms -> "12.3 s". */
export function clockText(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** 4512 ms -> "4.5". */
export function secondsText(ms: number): string {
  return (ms / 1000).toFixed(1);
}

/** The last `width` values as a row of bars on a scale from zero; padded on the left. */
export function trendText(values: readonly number[], width: number): string {
  if (width <= 0) return '';
  const shown = values.slice(-width);
  const highest = Math.max(1, ...shown);
  const bars = valuesToSymbols(
    shown.map((value) => value / highest),
    'block',
    true,
  );
  return bars.join('').padStart(width);
}
