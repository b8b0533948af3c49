/**
 * The index of one segment: for a batch every `INDEX_EVERY_BYTES` its first offset, where it lies and when it was
 * appended. All three ascend, so one table answers both questions.
 *
 *     offset     position   appendedAt
 *          0           64   ..., 12:00:00.001       offset 700?        the row at or before: read on from 32 840
 *        512       32 840   ..., 12:00:00.740       12:00:01.000?      the last row that is earlier: the same
 *      1 033       65 790   ..., 12:00:01.309
 *
 * Always true: it only says where to begin to read, so a reader finds the same with a row less; it can be made again from
 * its segment, and is when its file is missing, damaged or about something else. Pure: files are the segment's.
 */
import { crc32cOf } from '../../../shared/crc32c.ts';
import { readU32, readU64, writeU32, writeU64 } from '../bytes/big-endian.ts';
import { AT as BATCH_AT } from '../bytes/record-batch.ts';

const INDEX_EVERY_BYTES = 32 * 1024;
const INDEX_FORMAT = 1;

const MAGIC = Uint8Array.from([0x4d, 0x51, 0x49, 0x44, 0x58, 0x0d, 0x0a, 0x1a]); // MQIDX \r \n ^Z
const HEAD_BYTES = 48;
const ROW_BYTES = 20;
const CRC_BYTES = 4;
const AT = Object.freeze({ format: 8, logId: 12, baseOffset: 16, segmentBytes: 24, nextOffset: 32, rowCount: 40 });

export interface IndexRow {
  readonly offset: number;
  readonly position: number;
  /** Epoch ms. */
  readonly appendedAt: number;
}

/** What an index file must be about to be believed. */
export interface IndexSubject {
  readonly logId: number;
  readonly baseOffset: number;
  /** Of the segment when the index was written. */
  readonly segmentBytes: number;
  readonly nextOffset: number;
}

export class SegmentIndex {
  readonly #rows: IndexRow[] = [];

  get rows(): readonly IndexRow[] {
    return this.#rows;
  }

  /** Rows that say something of time which the row before does not. */
  get timeCount(): number {
    let count = 0;
    for (let index = 0; index < this.#rows.length; index += 1) {
      if (this.#rows[index]?.appendedAt !== this.#rows[index - 1]?.appendedAt) count += 1;
    }
    return count;
  }

  /** A batch; it gets a row when it is far enough from the last one. */
  note(row: IndexRow): void {
    const last = this.#rows.at(-1);
    if (last === undefined || row.position - last.position >= INDEX_EVERY_BYTES) this.#rows.push(row);
  }

  /** The same, of a placed batch. */
  noteBatch(batch: Uint8Array, position: number): void {
    this.note({
      offset: readU64(batch, BATCH_AT.baseOffset),
      position,
      appendedAt: readU64(batch, BATCH_AT.appendedAt),
    });
  }

  /** Forgets all from `position` on. */
  cut(position: number): void {
    const kept = this.#countWhere((row) => row.position < position);
    this.#rows.length = kept;
  }

  /** The last row at or before `offset`. */
  atOffset(offset: number): IndexRow | undefined {
    return this.#rows[this.#countWhere((row) => row.offset <= offset) - 1];
  }

  /** The last row before the time `ms`. */
  beforeTime(ms: number): IndexRow | undefined {
    return this.#rows[this.#countWhere((row) => row.appendedAt < ms) - 1];
  }

  /** How many rows, from the first on, fulfil what the first ones fulfil and the last ones do not. */
  #countWhere(isBefore: (row: IndexRow) => boolean): number {
    let from = 0;
    let to = this.#rows.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (isBefore(this.#rows[middle] as IndexRow)) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}

/** The bytes of an index file. */
export function encodeIndex(index: SegmentIndex, subject: IndexSubject): Uint8Array {
  const { rows } = index;
  const bytes = new Uint8Array(HEAD_BYTES + rows.length * ROW_BYTES + CRC_BYTES);
  bytes.set(MAGIC);
  writeU32(bytes, AT.format, INDEX_FORMAT);
  writeU32(bytes, AT.logId, subject.logId);
  writeU64(bytes, AT.baseOffset, subject.baseOffset);
  writeU64(bytes, AT.segmentBytes, subject.segmentBytes);
  writeU64(bytes, AT.nextOffset, subject.nextOffset);
  writeU64(bytes, AT.rowCount, rows.length);
  for (const [number, row] of rows.entries()) {
    const at = HEAD_BYTES + number * ROW_BYTES;
    writeU64(bytes, at, row.offset);
    writeU32(bytes, at + 8, row.position);
    writeU64(bytes, at + 12, row.appendedAt);
  }
  writeU32(bytes, bytes.length - CRC_BYTES, crc32cOf(bytes.subarray(0, -CRC_BYTES)));
  return bytes;
}

/** What an index file says it is about; its checksum is for `decodeIndex` to check. */
export function indexSubjectIn(bytes: Uint8Array): IndexSubject {
  return {
    logId: readU32(bytes, AT.logId),
    baseOffset: readU64(bytes, AT.baseOffset),
    segmentBytes: readU64(bytes, AT.segmentBytes),
    nextOffset: readU64(bytes, AT.nextOffset),
  };
}

/** The index in a file; a sentence when the file is none, or about something else. */
export function decodeIndex(bytes: Uint8Array, subject: IndexSubject): SegmentIndex | string {
  if (bytes.length < HEAD_BYTES + CRC_BYTES) return `V22: ${bytes.length} bytes are too few`;
  if (MAGIC.some((byte, index) => bytes[index] !== byte)) return 'V22: it is no index file';
  if (readU32(bytes, bytes.length - CRC_BYTES) !== crc32cOf(bytes.subarray(0, -CRC_BYTES)))
    return 'V23: its crc is another';
  if (readU32(bytes, AT.format) !== INDEX_FORMAT) return `V22: index format ${readU32(bytes, AT.format)} is not known`;
  const said = indexSubjectIn(bytes);
  const isAbout =
    said.logId === subject.logId &&
    said.baseOffset === subject.baseOffset &&
    said.segmentBytes === subject.segmentBytes &&
    said.nextOffset === subject.nextOffset;
  if (!isAbout) return 'V24: it is about another segment, or another state of this one';
  const rowCount = readU64(bytes, AT.rowCount);
  if (bytes.length !== HEAD_BYTES + rowCount * ROW_BYTES + CRC_BYTES) return `V22: it has no room for ${rowCount} rows`;
  const index = new SegmentIndex();
  for (let at = HEAD_BYTES; at < bytes.length - CRC_BYTES; at += ROW_BYTES) {
    index.note({ offset: readU64(bytes, at), position: readU32(bytes, at + 8), appendedAt: readU64(bytes, at + 12) });
  }
  return index;
}
