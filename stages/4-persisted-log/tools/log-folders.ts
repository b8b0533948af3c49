/**
 * Finds the logs below a folder, whatever the folder is: one log, a topic, or all data of a broker.
 *
 * Always true: nothing is written; a log is a folder with a segment or a state in it, and who it belongs to is what most
 * of its segments say in their heads. For the tools.
 */
import { join } from 'node:path';
import type { Disk } from '../../../shared/disk.ts';
import { logIdOf } from '../bytes/record-batch.ts';
import { LOG_STATE_NAME } from '../log/log-state.ts';
import type { LogPlace } from '../log/segment.ts';
import { baseOffsetIn, decodeSegmentHead, SEGMENT_HEAD_BYTES, segmentName } from '../log/segment-head.ts';

/** Folders below folders, at most. */
const DEPTH_MAX = 6;

/** All logs below `folder`, itself included. */
export async function findLogs(disk: Disk, folder: string, depth = 0): Promise<string[]> {
  const names = await namesIn(disk, folder);
  if (names === undefined) return [];
  const found = names.some((name) => baseOffsetIn(name, 'log') !== undefined || name === LOG_STATE_NAME)
    ? [folder]
    : [];
  if (depth === DEPTH_MAX) return found;
  for (const name of names) {
    if (!/\.(log|index|json|db|new)$/.test(name)) found.push(...(await findLogs(disk, join(folder, name), depth + 1)));
  }
  return found;
}

/** The log in `folder`; undefined when no segment says whose it is. */
export async function identify(disk: Disk, folder: string): Promise<LogPlace | undefined> {
  const votes = new Map<string, { readonly place: LogPlace; count: number }>();
  for (const name of await disk.list(folder)) {
    const base = baseOffsetIn(name, 'log');
    if (base === undefined) continue;
    const head = decodeSegmentHead(await readStart(disk, join(folder, segmentName(base)), SEGMENT_HEAD_BYTES));
    if (typeof head === 'string') continue;
    const { topicId, partition } = head;
    const place = { disk, folder, topicId, partition, logId: logIdOf({ topicId, partition }) };
    const hex = Buffer.from(topicId).toString('hex');
    const vote = votes.get(`${hex} ${partition}`) ?? { place, count: 0 };
    vote.count += 1;
    votes.set(`${hex} ${partition}`, vote);
  }
  return [...votes.values()].sort((a, b) => b.count - a.count)[0]?.place;
}

async function readStart(disk: Disk, path: string, bytesMax: number): Promise<Uint8Array> {
  const file = await disk.open(path, 'read');
  try {
    const bytes = new Uint8Array(bytesMax);
    return bytes.subarray(0, await file.read(bytes, 0));
  } finally {
    await file.close();
  }
}

/** undefined for what is no folder. */
export async function namesIn(disk: Disk, folder: string): Promise<readonly string[] | undefined> {
  try {
    return await disk.list(folder);
  } catch (error) {
    // ENOENT: a link that leads nowhere, or what was removed meanwhile.
    if (error instanceof Error && 'code' in error && /^(ENOTDIR|ENOENT)$/.test(String(error.code))) return undefined;
    throw error;
  }
}
