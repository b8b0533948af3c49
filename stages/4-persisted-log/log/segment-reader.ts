/**
 * One reading of a segment: find a batch from the row of the index on, and take whole batches from there.
 *
 *     offset 700?   index row: 512 at 32 840   heads:  512..599  600..688  689..740 <- here
 *                                                      |--------- steps over ------|  then one read, cut into batches
 *
 * Always true (I4): a head is believed after its headCrc, a batch after both checksums; what is handed out lies in memory
 * of its own. Reads only; the segment makes one for each call.
 */
import type { DiskFile } from '../../../shared/disk.ts';
import { faultOfContent, faultOfPlacement, type PlaceInLog } from '../bytes/batch-check.ts';
import { readU32, readU64 } from '../bytes/big-endian.ts';
import { AT, BATCH_HEAD_BYTES, nextOffsetOf } from '../bytes/record-batch.ts';
import { StoredBatch } from '../bytes/stored-batch.ts';
import { FileWindow } from './file-window.ts';
import { SEGMENT_HEAD_BYTES } from './segment-head.ts';
import type { IndexRow, SegmentIndex } from './segment-index.ts';
import { corruptError } from './storage-error.ts';

/** Read at once by who looks for a place from an index row on. */
const LOOK_BYTES = 64 * 1024;

export interface SegmentReaderOptions {
  readonly file: DiskFile;
  readonly path: string;
  readonly logId: number;
  readonly baseOffset: number;
  /** Where the accepted batches end. */
  readonly endPosition: number;
  readonly index: SegmentIndex;
}

export interface LoadWant {
  readonly offset: number;
  readonly bytesMax: number;
  /** Batches from here on are not shown yet. */
  readonly endOffset: number;
}

export interface FoundPlace {
  readonly position: number;
  /** Of the batch there. */
  readonly baseOffset: number;
}

export class SegmentReader {
  readonly #options: SegmentReaderOptions;

  constructor(options: SegmentReaderOptions) {
    this.#options = options;
  }

  /** The batch that has `offset`, or the next one. */
  findOffset(offset: number): Promise<FoundPlace | undefined> {
    return this.#find(this.#options.index.atOffset(offset), (head) => nextOffsetOf(head) > offset);
  }

  /** The first batch appended at `ms` or later. */
  findTime(ms: number): Promise<FoundPlace | undefined> {
    return this.#find(this.#options.index.beforeTime(ms), (head) => readU64(head, AT.appendedAt) >= ms);
  }

  /** Whole batches from `position` on, at least one. A damaged one ends the answer, and is an error when it is the first. */
  async load(position: number, { offset, bytesMax, endOffset }: LoadWant): Promise<StoredBatch[]> {
    const bytes = await this.#read(position, Math.max(bytesMax, BATCH_HEAD_BYTES));
    const batches: StoredBatch[] = [];
    let place = this.#placeAt(position, this.#options.baseOffset);
    for (let at = 0; at < bytes.length && place.offsetMin < endOffset; ) {
      const rest = bytes.subarray(at);
      const batchBytes = readU32(rest, AT.batchBytes);
      const isWhole = rest.length >= BATCH_HEAD_BYTES && batchBytes <= rest.length;
      if (!isWhole && batches.length > 0) break;
      const fault = faultOfPlacement(rest, place);
      if (fault === undefined && !isWhole) return this.#loadLarge(position, batchBytes, offset);
      const batch = rest.subarray(0, batchBytes);
      const wrong = fault ?? faultOfContent(batch);
      if (wrong !== undefined) {
        if (batches.length > 0) break;
        throw this.#corrupt(place, offset, wrong);
      }
      const stored = new StoredBatch(batch);
      if (stored.baseOffset >= endOffset) break;
      batches.push(stored);
      at += batchBytes;
      place = { ...this.#placeAt(position + at, stored.nextOffset), appendedAtMin: stored.timestamp };
    }
    return batches;
  }

  /** One batch that is larger than what was asked for. */
  async #loadLarge(position: number, batchBytes: number, offset: number): Promise<StoredBatch[]> {
    const bytes = await this.#read(position, batchBytes);
    const place = this.#placeAt(position, this.#options.baseOffset);
    if (bytes.length < batchBytes)
      throw this.#corrupt(place, offset, `V6: batchBytes is ${batchBytes}, and ${bytes.length} are left`);
    const fault = faultOfPlacement(bytes, place) ?? faultOfContent(bytes);
    if (fault !== undefined) throw this.#corrupt(place, offset, fault);
    return [new StoredBatch(bytes)];
  }

  /** The first batch from `row` on whose head is what is looked for. */
  async #find(row: IndexRow | undefined, isIt: (head: Uint8Array) => boolean): Promise<FoundPlace | undefined> {
    const { file, baseOffset, endPosition } = this.#options;
    const window = new FileWindow({ file, fileBytes: endPosition, windowBytes: LOOK_BYTES });
    let place = this.#placeAt(row?.position ?? SEGMENT_HEAD_BYTES, row?.offset ?? baseOffset);
    while (place.position < endPosition) {
      const head = await window.at(place.position, BATCH_HEAD_BYTES);
      const fault = faultOfPlacement(head, place);
      if (fault !== undefined) throw this.#corrupt(place, place.offsetMin, fault);
      if (isIt(head)) return { position: place.position, baseOffset: readU64(head, AT.baseOffset) };
      place = this.#placeAt(place.position + readU32(head, AT.batchBytes), nextOffsetOf(head));
    }
    return undefined;
  }

  async #read(position: number, bytesMax: number): Promise<Uint8Array> {
    const { file, endPosition } = this.#options;
    const bytes = new Uint8Array(Math.min(bytesMax, endPosition - position));
    return bytes.subarray(0, await file.read(bytes, position));
  }

  #placeAt(position: number, offsetMin: number): PlaceInLog {
    return { logId: this.#options.logId, offsetMin, appendedAtMin: 0, position };
  }

  #corrupt({ position }: PlaceInLog, offset: number, reason: string): Error {
    return corruptError({ file: this.#options.path, position, offset, reason });
  }
}
