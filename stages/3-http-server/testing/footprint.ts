/**
 * What this process holds, and whether that is more than before: tests of doors look at it after peers have come and gone.
 *
 * Always true: what is weighed is what is still referred to, not what has not been collected yet; files are counted where the
 * system tells of them, and are 0 elsewhere.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const FILES_FOLDER = '/proc/self/fd';
/** A timer or a socket of whoever looks. */
const MORE_MAX = 5;

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

export interface Footprint {
  /** Sockets, timers and requests that keep the process going. */
  readonly handleCount: number;
  /** Files and sockets the process has open. */
  readonly fileCount: number;
  readonly rssBytes: number;
}

export function footprint(): Footprint {
  const handleCount = process.getActiveResourcesInfo().length;
  return { handleCount, fileCount: openFileCount(), rssBytes: process.memoryUsage.rss() };
}

/** No more is open than before: what was begun for peers that have gone may take a moment to end. */
export function isAllClosed(before: Footprint): boolean {
  const now = footprint();
  return now.handleCount <= before.handleCount + MORE_MAX && now.fileCount <= before.fileCount + MORE_MAX;
}

/**
 * `rssBytesMore`: what may come on top, for memory that was used once and not given back. V8 keeps hundreds of MiB of empty
 * pages for the next short-lived objects, so this finds only what leaks outside of it; `assertAlive` finds the rest.
 */
export function assertFlat(before: Footprint, { when, rssBytesMore }: { when: string; rssBytesMore: number }): void {
  const now = footprint();
  const text = `${JSON.stringify(before)}, then ${JSON.stringify(now)} ${when}`;
  assert.ok(now.handleCount <= before.handleCount + MORE_MAX, `handles are left: ${text}`);
  assert.ok(now.fileCount <= before.fileCount + MORE_MAX, `files are left open: ${text}`);
  assert.ok(now.rssBytes < before.rssBytes + rssBytesMore, `memory grew: ${text}`);
}

/** `before`, `bytesMore`: of `aliveBytes`. */
export function assertAlive(before: number, { when, bytesMore }: { when: string; bytesMore: number }): void {
  const now = aliveBytes();
  assert.ok(now < before + bytesMore, `${before} bytes were referred to, and ${now} are ${when}`);
}

/** On the heap and outside it. Buffers outside are freed beside the program: the second collection waits for those of the first. */
export function aliveBytes(): number {
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function openFileCount(): number {
  try {
    return readdirSync(FILES_FOLDER).length;
  } catch {
    return 0;
  }
}
