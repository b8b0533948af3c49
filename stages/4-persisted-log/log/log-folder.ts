/**
 * Which files of a log's folder are its segments, before any is read to its end.
 *
 *     00000000000000000000.log   .index          a segment and its index
 *     log-state.json                             what is known without reading
 *     *.new                                      was being written when a crash came: removed
 *     *.set-aside                                a stranger: a copy, or of another log; kept, and never read
 *
 * Always true: only what a crash can leave half made is removed; whatever has a batch in it stays. Called by recovery.
 */
import { join } from 'node:path';
import type { DiskFile } from '../../../shared/disk.ts';
import type { LogState } from './log-state.ts';
import type { LogPlace } from './segment.ts';
import { baseOffsetIn, faultOfHead, indexName, SEGMENT_HEAD_BYTES, segmentName } from './segment-head.ts';
import { findBatch } from './segment-scan.ts';
import { corruptError } from './storage-error.ts';
import { UNFINISHED } from './whole-file.ts';

/** Put behind the name of a file that is no segment of this log. */
export const SET_ASIDE = '.set-aside';

/** Something that was found wrong, and that a log can live with. */
export interface LogFinding {
  readonly file: string;
  readonly position: number;
  readonly fromOffset: number;
  /** Excluded; equal to `fromOffset` when no record is missing. */
  readonly toOffset: number;
  readonly reason: string;
}

export interface FolderContent {
  /** The baseOffsets of its segments, ascending. */
  readonly bases: readonly number[];
  readonly findings: readonly LogFinding[];
}

/** Removes and sets aside what is no segment, and lists the rest. */
export async function tidyLogFolder(place: LogPlace, state: LogState | undefined): Promise<FolderContent> {
  const { disk, folder } = place;
  const names = await disk.list(folder);
  const bases = names.flatMap((name) => baseOffsetIn(name, 'log') ?? []);
  const findings: LogFinding[] = [];
  for (const name of names) {
    const indexOf = baseOffsetIn(name, 'index');
    const isOrphan = indexOf !== undefined && !bases.includes(indexOf);
    if (isOrphan || name.endsWith(UNFINISHED)) await disk.remove(join(folder, name));
  }
  const kept: number[] = [];
  const known = new Set(state?.segments.map(({ baseOffset }) => baseOffset));
  const firstKnown = state?.segments[0]?.baseOffset ?? 0;
  const lastKnown = state?.segments.at(-1)?.baseOffset ?? -1;
  for (const base of bases) {
    // Below the first known one: released, and the crash came before the file was gone.
    if (base < firstKnown) await removeSegmentFiles(place, base);
    else if (known.has(base)) kept.push(base);
    else {
      const stranger = base < lastKnown ? 'V1: the log never began such a segment' : await faultOfStranger(place, base);
      if (stranger === undefined) kept.push(base);
      else findings.push(await setAside(place, base, stranger));
    }
  }
  await removeEmptyEnd(place, kept, known);
  return { bases: kept, findings };
}

async function removeSegmentFiles({ disk, folder }: LogPlace, base: number): Promise<void> {
  await disk.remove(join(folder, segmentName(base)));
  const indexPath = join(folder, indexName(base));
  if (await disk.exists(indexPath)) await disk.remove(indexPath);
}

/** Why a file that the state does not name is not ours; undefined when it is, or was never finished. */
async function faultOfStranger(place: LogPlace, base: number): Promise<string | undefined> {
  const fault = await withFile(place, base, (file) => headFault(place, file, base));
  return fault?.startsWith('V1') || fault?.startsWith('V5') ? fault : undefined;
}

async function setAside({ disk, folder }: LogPlace, base: number, reason: string): Promise<LogFinding> {
  const path = join(folder, segmentName(base));
  await disk.rename(path, `${path}${SET_ASIDE}`);
  return { file: path, position: 0, fromOffset: base, toOffset: base, reason };
}

/**
 * The last files, as long as they have no batch: what a crash or a failed sync left while a segment was begun. The only file
 * of a log is kept unless it begins at 0, and so is what the state names: they know where offsets go on.
 */
async function removeEmptyEnd(place: LogPlace, bases: number[], known: ReadonlySet<number>): Promise<void> {
  for (let last = bases.at(-1); last !== undefined && !known.has(last); last = bases.at(-1)) {
    const base = last;
    const isEmpty = await withFile(place, base, (file) => isWithoutBatch(place, file));
    const isOnly = bases.length === 1 && known.size === 0;
    const isHeadless = (await withFile(place, base, (file) => headFault(place, file, base))) !== undefined;
    if (!isEmpty || (isOnly && !isHeadless && base > 0)) return;
    await removeSegmentFiles(place, base);
    bases.pop();
  }
}

async function isWithoutBatch({ logId }: LogPlace, file: DiskFile): Promise<boolean> {
  const fileBytes = await file.size();
  return (await findBatch({ file, fileBytes, logId, from: SEGMENT_HEAD_BYTES, offsetMin: 0 })) === undefined;
}

/** What is wrong with the head of a segment file. */
async function headFault(
  { topicId, partition }: LogPlace,
  file: DiskFile,
  baseOffset: number,
): Promise<string | undefined> {
  const head = new Uint8Array(SEGMENT_HEAD_BYTES);
  const readBytes = await file.read(head, 0);
  return faultOfHead(head.subarray(0, readBytes), { topicId, partition, baseOffset });
}

async function withFile<T>({ disk, folder }: LogPlace, base: number, use: (file: DiskFile) => Promise<T>): Promise<T> {
  const file = await disk.open(join(folder, segmentName(base)), 'read');
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

/** `MQ_CORRUPT` when the segment's head is not what it must be. */
export async function checkHead(place: LogPlace, file: DiskFile, base: number): Promise<void> {
  const reason = await headFault(place, file, base);
  const path = join(place.folder, segmentName(base));
  if (reason !== undefined) throw corruptError({ file: path, position: 0, offset: base, reason });
}
