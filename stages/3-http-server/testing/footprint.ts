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

/** What `assertFlat` looks for, asked: where what was begun for peers that have gone may take a moment to end. */
export function isFlat(before: Footprint, { rssBytesMore }: { readonly rssBytesMore: number }): boolean {
  const now = footprint();
  const isAsBefore = now.handleCount <= before.handleCount + MORE_MAX && now.fileCount <= before.fileCount + MORE_MAX;
  return isAsBefore && now.rssBytes < before.rssBytes + rssBytesMore;
}

/** `rssBytesMore`: what may come on top, for memory that was used once and not given back. */
export function assertFlat(before: Footprint, { when, rssBytesMore }: { when: string; rssBytesMore: number }): void {
  const now = footprint();
  const text = `${JSON.stringify(before)}, then ${JSON.stringify(now)} ${when}`;
  assert.ok(now.handleCount <= before.handleCount + MORE_MAX, `handles are left: ${text}`);
  assert.ok(now.fileCount <= before.fileCount + MORE_MAX, `files are left open: ${text}`);
  assert.ok(now.rssBytes < before.rssBytes + rssBytesMore, `memory grew: ${text}`);
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
