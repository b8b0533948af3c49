/**
 * What a log knows of itself without reading its segments, in a small file of its own: where it begins, and how far each
 * of its segments is known to be right.
 *
 *     log-state.json   { logStartOffset: 130, segments: [ {base 100, next 512, ...}, {base 512, next 700, ...} ] }
 *                                                          sealed: complete            the last one: right so far, at least
 *
 * Always true: what it says was on the disk when it was written, and a file beyond what it names is newer than it. When it
 * is missing or damaged (V25) the log reads all its segments instead, and begins where the first one does.
 */
import { join } from 'node:path';
import { isMqError, MqError } from '../../../shared/contract/errors.ts';
import type { Disk } from '../../../shared/disk.ts';
import type { SegmentEnd } from './segment-scan.ts';
import { readSealed, writeSealed } from './whole-file.ts';

export const LOG_STATE_NAME = 'log-state.json';
const STATE_FORMAT = 1;

export interface KnownSegment extends SegmentEnd {
  readonly baseOffset: number;
}

export interface LogState {
  readonly logStartOffset: number;
  /** Ascending, at least one. */
  readonly segments: readonly KnownSegment[];
}

export async function writeLogState(disk: Disk, folder: string, state: LogState): Promise<void> {
  await writeSealed(disk, join(folder, LOG_STATE_NAME), { format: STATE_FORMAT, ...state });
}

/** undefined when there is none that can be believed; `MQ_DATA_VERSION` when it is of a later time. */
export async function readLogState(disk: Disk, folder: string): Promise<LogState | undefined> {
  const path = join(folder, LOG_STATE_NAME);
  const content = await readSealed(disk, path).catch((error: unknown) => {
    if (isMqError(error, 'MQ_CORRUPT')) return undefined;
    throw error;
  });
  if (typeof content !== 'object' || content === null || !('format' in content)) return undefined;
  if (content.format !== STATE_FORMAT) {
    throw new MqError(
      'MQ_DATA_VERSION',
      `${path} has format ${String(content.format)}, which this version does not know (V25)`,
    );
  }
  return content as unknown as LogState; // its checksum is right, so we wrote it
}
