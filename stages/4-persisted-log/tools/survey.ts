/**
 * One segment, looked through from end to end: which stretches of it are batches, and which are not.
 *
 *     [head][batch][batch][ ? ? ? ? ][batch][batch][ ? ? ]                   or 00000000: room
 *      good   good         bad: 130 to 134    good        bad, and nothing behind it
 *
 * Always true: the stretches lie next to each other and cover the file, but for the room; every record of a good one can be read. Memory is
 * bounded by the largest batch. Reads only.
 */

import { join } from 'node:path';
import { isMqError } from '../../../shared/contract/errors.ts';
import type { DiskFile } from '../../../shared/disk.ts';
import { checkContent, faultOfPlacement } from '../bytes/batch-check.ts';
import { readU32 } from '../bytes/big-endian.ts';
import { AT, BATCH_HEAD_BYTES, nextOffsetOf } from '../bytes/record-batch.ts';
import type { LogPlace } from '../log/segment.ts';
import { emptyEnd } from '../log/segment.ts';
import { faultOfHead, SEGMENT_HEAD_BYTES, segmentName } from '../log/segment-head.ts';
import { bytesBeforeZeros, findBatch, type SegmentEnd, scanBatches } from '../log/segment-scan.ts';

/** No limit but those of the format itself: what a broker with other limits stored is no damage. */
const NO_LIMITS = Object.freeze({
  bodyBytesMax: 2 ** 32,
  keyBytesMax: 2 ** 32,
  idBytesMax: 2 ** 32,
  headersCountMax: 2 ** 32,
  headersBytesMax: 2 ** 32,
  batchCountMax: 2 ** 32,
  batchBytesMax: 2 ** 32,
  nameBytesMax: 2 ** 32,
});

export interface BadStretch {
  readonly fromPosition: number;
  readonly toPosition: number;
  /** The records that should be there. */
  readonly fromOffset: number;
  /** Excluded; undefined when nothing behind it says. */
  readonly toOffset: number | undefined;
  readonly reason: string;
  /** It was on the disk for sure when a batch behind it was written. */
  readonly wasSynced: boolean;
}

export interface SegmentSurvey {
  readonly baseOffset: number;
  /** Without the room. */
  readonly fileBytes: number;
  /** Zeros behind the last good batch up to the end of the file: for what is written next. */
  readonly roomBytes: number;
  /** What is wrong with its head; undefined when nothing is. */
  readonly headFault: string | undefined;
  readonly bad: readonly BadStretch[];
  readonly batchCount: number;
  readonly recordCount: number;
  /** Behind the last good batch. */
  readonly end: SegmentEnd;
}

/** What else is known of the segment that a stretch lies in. */
export interface TailFacts {
  readonly fileBytes: number;
  /** How far the state knows it. */
  readonly knownPosition: number | undefined;
  /** The last one of its log. */
  readonly isLast: boolean;
}

/** True for what a start cuts off as half-written; anything else that is bad is damage. */
export function isTornTail(stretch: BadStretch, { fileBytes, knownPosition = 0, isLast }: TailFacts): boolean {
  const { fromPosition, toPosition, wasSynced } = stretch;
  return isLast && toPosition === fileBytes && !wasSynced && fromPosition >= knownPosition;
}

export interface SurveyOptions {
  readonly file: DiskFile;
  readonly place: LogPlace;
  readonly baseOffset: number;
}

export async function surveySegment(options: SurveyOptions): Promise<SegmentSurvey> {
  return await new Survey(options, await options.file.size()).run();
}

/** The same, of the segment's file. */
export async function surveyFile(place: LogPlace, baseOffset: number): Promise<SegmentSurvey> {
  const file = await place.disk.open(join(place.folder, segmentName(baseOffset)), 'read');
  try {
    return await surveySegment({ file, place, baseOffset });
  } finally {
    await file.close();
  }
}

class Survey {
  readonly #options: SurveyOptions;
  #fileBytes: number;
  #roomBytes = 0;
  readonly #bad: Omit<BadStretch, 'wasSynced'>[] = [];
  #end: SegmentEnd;
  #recordCount = 0;
  /** The largest syncedPosition that was seen: what lies below it was on the disk. */
  #syncedPosition = 0;

  constructor(options: SurveyOptions, fileBytes: number) {
    this.#options = options;
    this.#fileBytes = fileBytes;
    this.#end = emptyEnd(options.baseOffset);
  }

  async run(): Promise<SegmentSurvey> {
    const headFault = await this.#headFault();
    while (this.#end.position < this.#fileBytes) {
      const fault = await this.#scanGood();
      if (fault === undefined || (await this.#isRoom())) break;
      await this.#stepOver(fault);
    }
    const bad = this.#bad.map((stretch) => ({ ...stretch, wasSynced: this.#syncedPosition > stretch.fromPosition }));
    const { batchCount } = this.#end;
    const [end, recordCount, fileBytes, roomBytes] = [this.#end, this.#recordCount, this.#fileBytes, this.#roomBytes];
    const { baseOffset } = this.#options;
    return { baseOffset, fileBytes, roomBytes, headFault, bad, batchCount, recordCount, end };
  }

  async #headFault(): Promise<string | undefined> {
    const { file, place, baseOffset } = this.#options;
    const head = new Uint8Array(SEGMENT_HEAD_BYTES);
    const readBytes = await file.read(head, 0);
    return faultOfHead(head.subarray(0, readBytes), { ...place, baseOffset });
  }

  /** Goes over right batches; answers why the next thing is none, undefined at the end of the file. */
  async #scanGood(): Promise<string | undefined> {
    const { file, place } = this.#options;
    const onBatch = (batch: Uint8Array): void => {
      this.#recordCount += readU32(batch, AT.recordCount);
      this.#syncedPosition = Math.max(this.#syncedPosition, readU32(batch, AT.syncedPosition));
    };
    const [fileBytes, from] = [this.#fileBytes, this.#end];
    const scanned = await scanBatches({ file, fileBytes, logId: place.logId, from, faultOf: faultOfRecords, onBatch });
    const { position, nextOffset, lastTimestamp, batchCount, fault } = scanned;
    this.#end = { position, nextOffset, lastTimestamp, batchCount };
    return fault;
  }

  /** All from `end` on is zeros; then the file counts as ending there. */
  async #isRoom(): Promise<boolean> {
    const { file } = this.#options;
    const { position: from } = this.#end;
    if ((await bytesBeforeZeros({ file, fileBytes: this.#fileBytes, from })) > 0) return false;
    this.#roomBytes = this.#fileBytes - from;
    this.#fileBytes = from;
    return true;
  }

  /** Notes what is bad at `end`, and goes on behind it. */
  async #stepOver(reason: string): Promise<void> {
    const { position: fromPosition, nextOffset: fromOffset } = this.#end;
    const next = (await this.#behindDamagedBatch(fromPosition)) ?? (await this.#nextBatch(fromPosition));
    const { position: toPosition, offset: toOffset } = next;
    const last = this.#bad.at(-1);
    if (last?.toPosition === fromPosition) this.#bad.pop();
    const stretch = last?.toPosition === fromPosition ? last : { fromPosition, fromOffset, reason };
    this.#bad.push({ ...stretch, toPosition, toOffset });
    this.#end = { ...this.#end, position: toPosition, nextOffset: toOffset ?? fromOffset };
  }

  /** When the head of the batch is right, it says where the next one is. */
  async #behindDamagedBatch(position: number): Promise<NextPlace | undefined> {
    const head = new Uint8Array(BATCH_HEAD_BYTES);
    const readBytes = await this.#options.file.read(head, position);
    const { logId } = this.#options.place;
    const { nextOffset: offsetMin, lastTimestamp: appendedAtMin } = this.#end;
    const place = { logId, offsetMin, appendedAtMin, position };
    if (faultOfPlacement(head.subarray(0, readBytes), place) !== undefined) return undefined;
    const toPosition = position + readU32(head, AT.batchBytes);
    if (toPosition > this.#fileBytes) return undefined;
    this.#syncedPosition = Math.max(this.#syncedPosition, readU32(head, AT.syncedPosition));
    return { position: toPosition, offset: nextOffsetOf(head) };
  }

  async #nextBatch(position: number): Promise<NextPlace> {
    const [fileBytes, offsetMin] = [this.#fileBytes, this.#end.nextOffset];
    const { file, place } = this.#options;
    const found = await findBatch({ file, fileBytes, logId: place.logId, from: position + 1, offsetMin });
    if (found === undefined) return { position: fileBytes, offset: undefined };
    return { position: found.position, offset: found.baseOffset };
  }
}

interface NextPlace {
  readonly position: number;
  readonly offset: number | undefined;
}

/** What is wrong with the records of a batch whose checksums are right. */
function faultOfRecords(batch: Uint8Array): string | undefined {
  try {
    checkContent(batch, NO_LIMITS, { isOurs: true });
    return undefined;
  } catch (error) {
    if (isMqError(error)) return error.message;
    throw error;
  }
}
