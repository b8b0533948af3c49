/**
 * A batch in memory, as its bytes lie in the log: what a broker hands to readers, whole or record by record.
 *
 * Always true: its head and checksums were right when it was made (whoever reads it from a disk checks); a record is
 * decoded only when it is asked for, and where the records begin is found out once. Bodies are views of `bytes`.
 */
import { MqError } from '../../../shared/contract/errors.ts';
import { inflatedBlockOf } from './batch-check.ts';
import { readU16, readU32, readU64 } from './big-endian.ts';
import { CODECS } from './compression.ts';
import type { LogRecord } from './record.ts';
import { AT, NOT_PLAIN, SUMMARY } from './record-batch.ts';
import { contentBytesOf, decodeRecord, priorityOf, RecordFault, textOf } from './record-reader.ts';
import { NO_VARINT, readVarint, varintBytes } from './varint.ts';

/** What JavaScript keeps for a batch besides its bytes, when its records were read: measured, not declared. */
const OBJECTS_BYTES = 768;
/** Where a record begins and ends. */
const RANGE_BYTES = 2 * Uint32Array.BYTES_PER_ELEMENT;

/** Where everything of a records block is. */
interface BlockPlan {
  readonly block: Uint8Array;
  readonly idPrefix: string;
  readonly firstIdNumber: number;
  /** Of record i: [2i] where its `fields` are, [2i + 1] where it ends. */
  readonly ranges: Uint32Array;
}

export class StoredBatch {
  readonly bytes: Uint8Array;
  readonly baseOffset: number;
  readonly count: number;
  /** Epoch ms, of every record. */
  readonly timestamp: number;
  /** Bits of `SUMMARY`. */
  readonly flags: number;
  #plan: BlockPlan | undefined;

  /** `bytes` are exactly one placed batch. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.baseOffset = readU64(bytes, AT.baseOffset);
    this.count = readU32(bytes, AT.recordCount);
    this.timestamp = readU64(bytes, AT.appendedAt);
    this.flags = readU16(bytes, AT.flags);
  }

  /** The offset after its last record. */
  get nextOffset(): number {
    return this.baseOffset + this.count;
  }

  /** What it takes in memory at most: its bytes, and what is kept when its records were read, inflated if they have to be. */
  get heldBytes(): number {
    const inflatedBytes = this.bytes[AT.codec] === CODECS.none ? 0 : readU32(this.bytes, AT.recordsBytes);
    return this.bytes.length + OBJECTS_BYTES + this.count * RANGE_BYTES + inflatedBytes;
  }

  /** True for the end of a transaction: its one record is for no reader. */
  get isMarker(): boolean {
    return (this.flags & SUMMARY.marker) !== 0;
  }

  /** True when no record has a priority, can expire, or is only for one group, and it is no marker. */
  get isPlain(): boolean {
    return (this.flags & NOT_PLAIN) === 0;
  }

  /** `MQ_CORRUPT` when its bytes are no record: that batch was never right, though its checksum is. */
  recordAt(offset: number): LogRecord {
    const index = this.#indexOf(offset);
    try {
      const { block, ranges, idPrefix, firstIdNumber } = this.#blockPlan();
      const place = { offset, timestamp: this.timestamp, generatedId: `${idPrefix}${firstIdNumber + index}` };
      return decodeRecord(block, ranges[2 * index] ?? 0, ranges[2 * index + 1] ?? 0, place);
    } catch (error) {
      throw this.#corrupt(error);
    }
  }

  /** Body, key, own id and headers of one record, in bytes. */
  contentBytesAt(offset: number): number {
    const index = this.#indexOf(offset);
    try {
      const { block, ranges } = this.#blockPlan();
      return contentBytesOf(block, ranges[2 * index] ?? 0, ranges[2 * index + 1] ?? 0);
    } catch (error) {
      throw this.#corrupt(error);
    }
  }

  /** Of its records, 0 for one that has none. */
  priorities(): readonly number[] {
    try {
      const { block, ranges } = this.#blockPlan();
      const priorities: number[] = [];
      for (let at = 0; at < ranges.length; at += 2) {
        priorities.push(priorityOf(block, ranges[at] ?? 0, ranges[at + 1] ?? 0));
      }
      return priorities;
    } catch (error) {
      throw this.#corrupt(error);
    }
  }

  #indexOf(offset: number): number {
    const index = offset - this.baseOffset;
    if (!(index >= 0 && index < this.count)) throw new RangeError(`offset ${offset} is not in this batch`);
    return index;
  }

  #blockPlan(): BlockPlan {
    this.#plan ??= planOf(this.bytes, this.count);
    return this.#plan;
  }

  #corrupt(error: unknown): unknown {
    if (!(error instanceof RecordFault)) return error;
    const where = `the batch at offset ${this.baseOffset} (${this.count} records)`;
    return new MqError('MQ_CORRUPT', `${where} cannot be read: ${error.message}`, { cause: error });
  }
}

/** Finds out where the records of a batch are; throws `RecordFault`. */
function planOf(batch: Uint8Array, count: number): BlockPlan {
  const block = inflatedBlockOf(batch);
  if (typeof block === 'string') throw new RecordFault(block);
  const prefixBytes = readVarint(block, 0, block.length);
  const prefixFrom = varintBytes(prefixBytes);
  const prefixEnd = prefixFrom + prefixBytes;
  const firstIdNumber = readVarint(block, prefixEnd, block.length);
  if (prefixBytes === NO_VARINT || firstIdNumber === NO_VARINT) throw new RecordFault('its ids have no beginning');
  // Each record takes two bytes at least: the count of a batch that lies is not believed.
  if (count * 2 > block.length) throw new RecordFault(`${count} records do not fit into ${block.length} bytes`);
  const ranges = new Uint32Array(2 * count);
  let position = prefixEnd + varintBytes(firstIdNumber);
  for (let index = 0; index < count; index += 1) {
    const recordBytes = readVarint(block, position, block.length);
    const from = position + varintBytes(recordBytes);
    position = from + recordBytes;
    if (recordBytes < 1 || position > block.length) throw new RecordFault(`record ${index} does not end in it`);
    ranges[2 * index] = from;
    ranges[2 * index + 1] = position;
  }
  if (position !== block.length) throw new RecordFault('it has bytes behind its records');
  return { block, idPrefix: textOf(block, prefixFrom, prefixEnd), firstIdNumber, ranges };
}
