/**
 * One file of a log: batches back to back, the oldest first. The last one of a log is written to (active), the others are
 * only read (sealed).
 *
 *     00000000000000000000.log     [head][batch][batch][batch][batch]00000000|
 *                                                     ^ synced       ^ end: the next write goes here, into the room (zeros)
 *
 * Always true:
 *   - `end` is behind the last batch that was accepted, `synced` behind the last that is on the disk for sure;
 *     what is behind `end` is nobody's and is written over
 *   - I4: a batch is served only after its checksums were found right and its head says that it belongs here
 * Only the log's own files use it.
 */
import { join } from 'node:path';
import type { Disk, DiskFile } from '../../../shared/disk.ts';
import type { StoredBatch } from '../bytes/stored-batch.ts';
import { SegmentFile } from './segment-file.ts';
import { encodeSegmentHead, indexName, SEGMENT_HEAD_BYTES, segmentName } from './segment-head.ts';
import { decodeIndex, encodeIndex, type IndexSubject, SegmentIndex } from './segment-index.ts';
import { type LoadWant, SegmentReader } from './segment-reader.ts';
import { SegmentRoom } from './segment-room.ts';
import { type SegmentEnd, scanBatches } from './segment-scan.ts';
import { readWholeFile, writeWholeFile } from './whole-file.ts';

/** Which log, and where. */
export interface LogPlace {
  readonly disk: Disk;
  readonly folder: string;
  /** 16 bytes. */
  readonly topicId: Uint8Array;
  readonly partition: number;
  /** `logIdOf` the two above. */
  readonly logId: number;
}

export interface SegmentOptions {
  readonly baseOffset: number;
  readonly end: SegmentEnd;
  /** When it is known already; else it is read or made when somebody needs it. */
  readonly index?: SegmentIndex;
  readonly isSealed: boolean;
}

export interface NewSegment {
  readonly baseOffset: number;
  /** Epoch ms. */
  readonly createdAt: number;
  /** Of the last batch before it, epoch ms. */
  readonly lastTimestamp?: number;
}

/** The end of a segment without batches; `lastTimestamp` is that of the one before. */
export function emptyEnd(baseOffset: number, lastTimestamp = 0): SegmentEnd {
  return { position: SEGMENT_HEAD_BYTES, nextOffset: baseOffset, lastTimestamp, batchCount: 0 };
}

export class Segment {
  readonly baseOffset: number;
  readonly path: string;
  readonly #place: LogPlace;
  #end: SegmentEnd;
  #synced: SegmentEnd;
  #index: SegmentIndex | undefined;
  /** How far the index on the disk goes. */
  #indexedPosition = 0;
  readonly #file: SegmentFile;
  readonly #room = new SegmentRoom();
  /** Where the last load ended: the next one mostly goes on there. */
  #lastLoaded: { readonly offset: number; readonly position: number } | undefined;

  constructor(place: LogPlace, { baseOffset, end, index, isSealed }: SegmentOptions) {
    this.#place = place;
    this.baseOffset = baseOffset;
    this.path = join(place.folder, segmentName(baseOffset));
    this.#end = end;
    this.#synced = end;
    this.#index = index;
    const { disk, topicId, partition } = place;
    this.#file = new SegmentFile({ disk, path: this.path, topicId, partition, baseOffset }, { isReadOnly: isSealed });
  }

  /** A new file; it is on the disk, name and head, when this resolves. */
  static async create(place: LogPlace, { baseOffset, createdAt, lastTimestamp = 0 }: NewSegment): Promise<Segment> {
    const { disk, folder, topicId, partition } = place;
    const path = join(folder, segmentName(baseOffset));
    // Left over from a try that failed: nothing was ever written to it but a head.
    if (await disk.exists(path)) await disk.remove(path);
    const file = await disk.open(path, 'create');
    try {
      await file.write([encodeSegmentHead({ partition, topicId, baseOffset, createdAt })], 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await disk.syncFolder(folder);
    const end = emptyEnd(baseOffset, lastTimestamp);
    const options = { baseOffset, end, index: new SegmentIndex(), isSealed: false };
    return new Segment(place, options);
  }

  get end(): SegmentEnd {
    return this.#end;
  }

  get synced(): SegmentEnd {
    return this.#synced;
  }

  /** Of its file, as far as it counts. */
  get bytes(): number {
    return this.#end.position;
  }

  /** undefined while nobody needed it. */
  get index(): SegmentIndex | undefined {
    return this.#index;
  }

  /** Writes placed batches, in `pieces` however they are cut, behind `end`; they count only after `accept`. */
  async write(pieces: readonly Uint8Array[]): Promise<void> {
    const file = await this.#file.open();
    const written = this.#withRoom(pieces);
    await file.write(written, this.#end.position);
    this.#room.wrote(this.#end.position + bytesOf(written));
  }

  /** The same of few bytes, done when it returns. False: not now, nothing was written. */
  writeNow(pieces: readonly Uint8Array[]): boolean {
    const written = this.#withRoom(pieces);
    const isWritten = this.#file.writeNow(written, this.#end.position);
    if (isWritten) this.#room.wrote(this.#end.position + bytesOf(written));
    return isWritten;
  }

  /** What was written last counts, `batches` being it. */
  accept(batches: readonly StoredBatch[]): void {
    let { position, nextOffset, lastTimestamp, batchCount } = this.#end;
    for (const { bytes, baseOffset, timestamp, count } of batches) {
      this.#index?.note({ offset: baseOffset, position, appendedAt: timestamp });
      position += bytes.length;
      nextOffset = baseOffset + count;
      lastTimestamp = timestamp;
      batchCount += 1;
    }
    this.#end = { position, nextOffset, lastTimestamp, batchCount };
  }

  /** All that was written is on the disk when it resolves; what counts of it is known as synced. */
  async syncFile(): Promise<void> {
    const file = await this.#file.open();
    await file.sync();
  }

  /** Of who called `syncFile`, and `accept` for all that was written by then. */
  markSynced(): void {
    this.#synced = this.#end;
  }

  /** The file ends where its last batch does; that is on the disk when it resolves. Of a segment all of which is synced. */
  async trim(): Promise<void> {
    if (!this.#room.isBehind(this.#end.position)) return;
    const file = await this.#file.open();
    await file.truncate(this.#end.position);
    await file.sync();
    this.#room.forget();
  }

  /** It is not written to any more. */
  async seal(): Promise<void> {
    await this.#file.seal();
  }

  /** Takes the index from its file, when that is about this segment as it is now. */
  async readIndex(): Promise<void> {
    const bytes = await readWholeFile(this.#place.disk, join(this.#place.folder, indexName(this.baseOffset)));
    const index = bytes === undefined ? undefined : decodeIndex(bytes, this.#indexSubject());
    if (!(index instanceof SegmentIndex)) return;
    this.#index ??= index;
    this.#indexedPosition = this.bytes;
  }

  /** Nothing is written when its file is about the segment as it is already. */
  async saveIndex(): Promise<void> {
    const position = this.bytes;
    if (this.#indexedPosition === position || this.#end.batchCount === 0) return;
    const index = await this.#knownIndex(await this.#file.open());
    const path = join(this.#place.folder, indexName(this.baseOffset));
    await writeWholeFile(this.#place.disk, path, encodeIndex(index, this.#indexSubject()));
    this.#indexedPosition = position;
  }

  /** After a failure: what was accepted is made safe again as far as it can be read; answers what was lost of it. */
  async reopen(): Promise<{ readonly fromOffset: number; readonly toOffset: number } | undefined> {
    await this.closeFile().catch(() => undefined); // it has failed already; the new handle shows what is true
    const file = await this.#file.open();
    const fileBytes = await file.size();
    const { position, nextOffset } = this.#end;
    const kept = await scanBatches({
      file,
      fileBytes: Math.min(fileBytes, position),
      logId: this.#place.logId,
      from: this.#synced,
    });
    if (fileBytes > kept.position) await file.truncate(kept.position);
    this.#room.forget();
    // Written once more: the system may have taken pages that never reached the disk for clean.
    const stretch = new Uint8Array(kept.position - this.#synced.position);
    await file.read(stretch, this.#synced.position);
    if (stretch.length > 0) await file.write([stretch], this.#synced.position);
    await file.sync();
    this.#index?.cut(kept.position);
    const { position: keptPosition, nextOffset: keptOffset, lastTimestamp, batchCount } = kept;
    this.#end = { position: keptPosition, nextOffset: keptOffset, lastTimestamp, batchCount };
    this.#synced = this.#end;
    return kept.nextOffset < nextOffset ? { fromOffset: kept.nextOffset, toOffset: nextOffset } : undefined;
  }

  /** Whole batches from the first one that ends behind `offset` on, at least one; none when there is none below `endOffset`. */
  load(want: LoadWant): Promise<readonly StoredBatch[]> {
    return this.#reading(async (reader) => {
      const wasHere = this.#lastLoaded?.offset === want.offset ? this.#lastLoaded : undefined;
      const found = wasHere ?? (await reader.findOffset(want.offset));
      if (found === undefined) return [];
      const batches = await reader.load(found.position, want);
      const last = batches.at(-1);
      const loadedBytes = batches.reduce((sum, { bytes }) => sum + bytes.length, 0);
      if (last !== undefined) this.#lastLoaded = { offset: last.nextOffset, position: found.position + loadedBytes };
      return batches;
    });
  }

  /** Where the batch begins that has `offset`, or the next one; its end when there is none. */
  positionOf(offset: number): Promise<number> {
    return this.#reading(async (reader) => (await reader.findOffset(offset))?.position ?? this.bytes);
  }

  /** The first offset appended at `ms` or later; undefined when all are earlier. */
  offsetOfTime(ms: number): Promise<number | undefined> {
    return this.#reading(async (reader) => (await reader.findTime(ms))?.baseOffset);
  }

  /** Resolves when nobody reads any more. */
  async closeFile(): Promise<void> {
    await this.#file.close();
  }

  /** Its files are gone when it resolves; may be called again when it rejects. */
  async remove(): Promise<void> {
    const { disk, folder } = this.#place;
    await this.closeFile();
    for (const path of [this.path, join(folder, indexName(this.baseOffset))]) {
      if (await disk.exists(path)) await disk.remove(path);
    }
  }

  /** Where all before is synced already, this will be too: then room pays. */
  #withRoom(pieces: readonly Uint8Array[]): readonly Uint8Array[] {
    const { position } = this.#end;
    if (this.#synced.position < position) return pieces;
    const zeros = this.#room.zerosBehind(position, bytesOf(pieces));
    return zeros === undefined ? pieces : [...pieces, zeros];
  }

  #reading<T>(read: (reader: SegmentReader) => Promise<T>): Promise<T> {
    return this.#file.reading(async (file) => {
      const { path, baseOffset, bytes } = this;
      const index = await this.#knownIndex(file);
      return read(new SegmentReader({ file, path, logId: this.#place.logId, baseOffset, endPosition: bytes, index }));
    });
  }

  /** The index: as it is in memory, as its file says when that can be believed, or made from the batches. */
  async #knownIndex(file: DiskFile): Promise<SegmentIndex> {
    if (this.#index === undefined) await this.readIndex();
    this.#index ??= await this.#makeIndex(file);
    return this.#index;
  }

  /** As far as the batches are right; reading on from the last row finds what is not. */
  async #makeIndex(file: DiskFile): Promise<SegmentIndex> {
    const index = new SegmentIndex();
    const onBatch = (batch: Uint8Array, position: number): void => index.noteBatch(batch, position);
    const { logId } = this.#place;
    await scanBatches({ file, fileBytes: this.bytes, logId, from: emptyEnd(this.baseOffset), onBatch });
    return index;
  }

  #indexSubject(): IndexSubject {
    const { position, nextOffset } = this.#end;
    return { logId: this.#place.logId, baseOffset: this.baseOffset, segmentBytes: position, nextOffset };
  }
}

function bytesOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}
