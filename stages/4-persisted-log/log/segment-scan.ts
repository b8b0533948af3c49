/**
 * Reading a segment from one end to the other: which batches are right, where that ends, and whether anything comes after.
 *
 *     [head][batch][batch][batch][ ? ? ? ][batch]
 *           `from`               ^ end    ^ what `findBatch` finds behind it
 *
 * Always true: memory is bounded by the largest batch that proves to be one (its placement has a checksum of its own, so a
 * length is believed before it is used); a scan goes forward, and ends. Reads only.
 */
import type { DiskFile } from '../../../shared/disk.ts';
import { faultOfContent, faultOfPlacement, type PlaceInLog } from '../bytes/batch-check.ts';
import { readU32, readU64, writeU32 } from '../bytes/big-endian.ts';
import { AT, BATCH_HEAD_BYTES, nextOffsetOf } from '../bytes/record-batch.ts';
import { FileWindow } from './file-window.ts';

/** Read at once. */
const WINDOW_BYTES = 1024 * 1024;

/** A place between two batches of a segment, and what is known of all before it. */
export interface SegmentEnd {
  readonly position: number;
  /** The least offset that may follow. */
  readonly nextOffset: number;
  /** Of the last batch, epoch ms. */
  readonly lastTimestamp: number;
  readonly batchCount: number;
}

/** How far right batches go. */
export interface ScanEnd extends SegmentEnd {
  /** Why what is at `position` is no batch; undefined at the end of the file. */
  readonly fault: string | undefined;
}

export interface ScanOptions {
  readonly file: DiskFile;
  /** Of the file, or less. */
  readonly fileBytes: number;
  readonly logId: number;
  readonly from: SegmentEnd;
  /** A further condition; answers what is wrong. The bytes are only lent. */
  readonly faultOf?: (batch: Uint8Array) => string | undefined;
  /** Called for each right batch; the bytes are only lent. */
  readonly onBatch?: (batch: Uint8Array, position: number) => void;
}

/** Goes over the batches from `from` on, up to the first that is not right. */
export async function scanBatches({ file, fileBytes, logId, from, faultOf, onBatch }: ScanOptions): Promise<ScanEnd> {
  const window = new FileWindow({ file, fileBytes, windowBytes: WINDOW_BYTES });
  let { position, nextOffset, lastTimestamp, batchCount } = from;
  for (;;) {
    const ended = (fault: string | undefined): ScanEnd => ({ position, nextOffset, lastTimestamp, batchCount, fault });
    const left = fileBytes - position;
    if (left <= 0) return ended(undefined);
    let bytes = await window.at(position, BATCH_HEAD_BYTES);
    const place: PlaceInLog = { logId, offsetMin: nextOffset, appendedAtMin: lastTimestamp, position };
    const placementFault = faultOfPlacement(bytes, place);
    if (placementFault !== undefined) return ended(placementFault);
    const batchBytes = readU32(bytes, AT.batchBytes);
    if (batchBytes > left) return ended(`V6: batchBytes is ${batchBytes}, and ${left} are left`);
    bytes = await window.at(position, batchBytes);
    const batch = bytes.subarray(0, batchBytes);
    const contentFault = faultOfContent(batch) ?? faultOf?.(batch);
    if (contentFault !== undefined) return ended(contentFault);
    onBatch?.(batch, position);
    position += batchBytes;
    nextOffset = nextOffsetOf(batch);
    lastTimestamp = readU64(batch, AT.appendedAt);
    batchCount += 1;
  }
}

/** How many of the bytes from `from` on are followed by nothing but zeros: 0 where there is only room. */
export async function bytesBeforeZeros({
  file,
  fileBytes,
  from,
}: {
  readonly file: DiskFile;
  readonly fileBytes: number;
  readonly from: number;
}): Promise<number> {
  const window = new FileWindow({ file, fileBytes, windowBytes: WINDOW_BYTES });
  let end = from;
  for (let position = from; position < fileBytes; ) {
    const bytes = await window.at(position, 1);
    if (bytes.length === 0) break;
    const last = bytes.findLastIndex((byte) => byte !== 0);
    if (last >= 0) end = position + last + 1;
    position += bytes.length;
  }
  return end - from;
}

/** A batch whose placement is right; its content may not be. */
export interface FoundBatch {
  readonly position: number;
  readonly batchBytes: number;
  readonly baseOffset: number;
  readonly nextOffset: number;
  readonly syncedPosition: number;
}

export interface FindOptions {
  readonly file: DiskFile;
  readonly fileBytes: number;
  readonly logId: number;
  /** Where to begin to look, */
  readonly from: number;
  /** and for which offsets. */
  readonly offsetMin: number;
}

/** The first batch behind damage, known by the logId in its head and by its checksum. */
export async function findBatch({
  file,
  fileBytes,
  logId,
  from,
  offsetMin,
}: FindOptions): Promise<FoundBatch | undefined> {
  const window = new FileWindow({ file, fileBytes, windowBytes: WINDOW_BYTES });
  const needle = new Uint8Array(4);
  writeU32(needle, 0, logId);
  for (let position = from; fileBytes - position >= BATCH_HEAD_BYTES; ) {
    const bytes = await window.at(position, BATCH_HEAD_BYTES);
    if (bytes.length < BATCH_HEAD_BYTES) return undefined;
    const at = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(needle, AT.logId) - AT.logId;
    if (at < 0 || at + BATCH_HEAD_BYTES > bytes.length) {
      // Behind the last place of this window at which a head could begin and still be seen whole.
      position += bytes.length - BATCH_HEAD_BYTES + 1;
      continue;
    }
    const found = foundAt(bytes, at, { logId, offsetMin, appendedAtMin: 0, position: position + at });
    if (found !== undefined) return found;
    position += at + 1;
  }
  return undefined;
}

function foundAt(bytes: Uint8Array, at: number, place: PlaceInLog): FoundBatch | undefined {
  const batch = bytes.subarray(at);
  if (faultOfPlacement(batch, place) !== undefined) return undefined;
  return {
    position: place.position,
    batchBytes: readU32(batch, AT.batchBytes),
    baseOffset: readU64(batch, AT.baseOffset),
    nextOffset: nextOffsetOf(batch),
    syncedPosition: readU32(batch, AT.syncedPosition),
  };
}
