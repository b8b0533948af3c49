/**
 * Is this a batch? The check that a broker does of bytes that came encoded, and a reader of bytes that come from a disk.
 *
 *     checkContent      whole: lengths, checksum, codec, count, every field of every record, every limit  (at the door)
 *     faultOfPlacement  that it is whole, and belongs where it lies                                       (at every read)
 *     faultOfContent    that nothing of it changed                                                        (at every read)
 *
 * Always true: no object is made per record, and nothing is allocated by a length that the bytes claim, except the one
 * buffer to inflate into, which `batchBytesMax` bounds. V1 and so on are the conditions of docs/format-log.md. Pure.
 */
import { isUtf8 } from 'node:buffer';
import { type ErrorCode, MqError } from '../../../shared/contract/errors.ts';
import type { Limits } from '../../../shared/contract/limits.ts';
import { EPOCH_MAX, SEQUENCE_MAX } from '../../../shared/contract/producer.ts';
import { readU16, readU32, readU64 } from './big-endian.ts';
import { codecOf, inflate } from './compression.ts';
import { FIELD, MOVED_FROM_LOGS } from './record.ts';
import {
  AT,
  BATCH_FORMAT,
  BATCH_HEAD_BYTES,
  contentCrcOf,
  headCrcOf,
  NO_EPOCH,
  NO_SEQUENCE,
  OF_BATCH,
  SUMMARY,
  senderOf,
  summaryOf,
} from './record-batch.ts';
import { NO_VARINT, readVarint, varintBytes } from './varint.ts';

const BROKERS_OWN = OF_BATCH | SUMMARY.forGroup | SUMMARY.movedFrom | SUMMARY.deliverAt;
/** Half of -1. */
const ALL_ONES = 0xffff_ffff;
/** Of a record besides its content: its length, fields and numbers, at most. */
const RECORD_FRAME_BYTES_MAX = 64;

export type BatchLimits = Pick<
  Limits,
  | 'bodyBytesMax'
  | 'keyBytesMax'
  | 'idBytesMax'
  | 'headersCountMax'
  | 'headersBytesMax'
  | 'batchCountMax'
  | 'batchBytesMax'
  | 'nameBytesMax'
>;

/** What a checked batch has. */
export interface BatchSummary {
  readonly count: number;
  /** Bits of `SUMMARY`. */
  readonly flags: number;
  /** Bodies, keys, ids and headers, in bytes. */
  readonly contentBytes: number;
}

/**
 * The whole check of a batch that came encoded. `MQ_CORRUPT`: it is damaged. `MQ_INVALID_ARGUMENT`: it was never right.
 * `MQ_MESSAGE_TOO_LARGE`, `MQ_BATCH_TOO_LARGE`: above a limit. What only the broker may set (`forGroup`, `movedFrom`,
 * `deliverAt`, that it is of a transaction) is refused unless `isOurs`.
 */
export function checkContent(
  batch: Uint8Array,
  limits: BatchLimits,
  { isOurs = false }: { readonly isOurs?: boolean } = {},
): BatchSummary {
  if (batch.length < BATCH_HEAD_BYTES) throw refused('V6', `a batch has at least ${BATCH_HEAD_BYTES} bytes`);
  if (readU32(batch, AT.batchBytes) !== batch.length) {
    throw refused('V6', `the batch says it has ${readU32(batch, AT.batchBytes)} bytes, and has ${batch.length}`);
  }
  if (readU32(batch, AT.contentCrc) !== contentCrcOf(batch)) {
    throw new MqError('MQ_CORRUPT', 'the batch is damaged: its contentCrc is another (V12)');
  }
  if (batch[AT.format] !== BATCH_FORMAT) throw refused('V13', `batch format ${batch[AT.format]} is not known`);
  checkSender(batch);
  const count = readU32(batch, AT.recordCount);
  if (count === 0) throw refused('V15', 'the batch has no record');
  if (count > limits.batchCountMax) throw tooLarge(count, limits.batchCountMax, 'messages');
  const { contentBytes, fieldsSeen } = new BlockWalk(blockOf(batch, count, limits), limits).walk(count);
  const flags = readU16(batch, AT.flags);
  if ((flags & ~OF_BATCH) !== summaryOf(fieldsSeen))
    throw refused('V20', `flags ${flags} are not those of its records`);
  if (!isOurs && (flags & BROKERS_OWN) !== 0) {
    const names = 'forGroup, movedFrom, deliverAt, transactional and marker';
    throw new MqError('MQ_INVALID_ARGUMENT', `${names} are set by the broker alone`);
  }
  if (contentBytes > limits.batchBytesMax) throw tooLarge(contentBytes, limits.batchBytesMax, 'bytes');
  return { count, flags, contentBytes };
}

/** V21. A batch has no sender; or one and a sequence; or it is of a transaction, and has one and no sequence. */
function checkSender(batch: Uint8Array): void {
  if (readU16(batch, AT.reserved) !== 0) throw refused('V21', 'the reserved bytes are not zero');
  const flags = readU16(batch, AT.flags) & OF_BATCH;
  const isTransactional = (flags & SUMMARY.transactional) !== 0;
  if (flags === SUMMARY.marker) throw refused('V20', 'a marker is of a transaction');
  const hasSequence = readU32(batch, AT.baseSequence) !== NO_SEQUENCE;
  if (readU16(batch, AT.producerEpoch) === NO_EPOCH) {
    const isNobody = readU32(batch, AT.producerId) === ALL_ONES && readU32(batch, AT.producerId + 4) === ALL_ONES;
    if (!isNobody || hasSequence || isTransactional) throw refused('V21', 'it has half a producer');
    return;
  }
  const { producerId = 0, epoch = 0, sequence = 0 } = senderOf(batch) ?? {};
  const isInRange = Number.isSafeInteger(producerId) && epoch <= EPOCH_MAX && sequence <= SEQUENCE_MAX;
  if (!isInRange || hasSequence === isTransactional) throw refused('V21', 'its producer is none');
}

/** The records block, inflated where it is compressed, which is bounded before it begins. */
function blockOf(batch: Uint8Array, count: number, limits: BatchLimits): Uint8Array {
  const recordsBytes = readU32(batch, AT.recordsBytes);
  const bytesMax = limits.batchBytesMax + (count + 1) * RECORD_FRAME_BYTES_MAX + count * 4 * limits.headersCountMax;
  if (recordsBytes > bytesMax) throw tooLarge(recordsBytes, bytesMax, 'bytes of records');
  if (codecOf(batch[AT.codec] ?? 0) === undefined) throw refused('V14', `codec ${batch[AT.codec]} is not known`);
  const block = inflatedBlockOf(batch);
  if (typeof block === 'string') throw refused('V16', block);
  return block;
}

/** The records block of a batch whose lengths and checksum are right; a sentence when there is none. */
export function inflatedBlockOf(batch: Uint8Array): Uint8Array | string {
  const codec = codecOf(batch[AT.codec] ?? 0);
  if (codec === undefined) return `codec ${batch[AT.codec]} is not known`;
  const recordsBytes = readU32(batch, AT.recordsBytes);
  const block = inflate(codec, batch.subarray(BATCH_HEAD_BYTES), recordsBytes);
  return block ?? `the records are not ${recordsBytes} bytes of codec ${codec}`;
}

/** One pass over a records block. */
class BlockWalk {
  readonly #block: Uint8Array;
  readonly #limits: BatchLimits;
  #position = 0;
  /** Where the record ends that the pass is in. */
  #end: number;
  #contentBytes = 0;

  constructor(block: Uint8Array, limits: BatchLimits) {
    this.#block = block;
    this.#limits = limits;
    this.#end = block.length;
  }

  walk(count: number): { readonly contentBytes: number; readonly fieldsSeen: number } {
    const block = this.#block;
    const { bodyBytesMax } = this.#limits;
    this.#walkPrologue(count);
    let fieldsSeen = 0;
    for (let index = 0; index < count; index += 1) {
      const recordBytes = readVarint(block, this.#position, block.length);
      const from = this.#position + varintBytes(recordBytes);
      this.#end = from + recordBytes;
      if (recordBytes < 1 || this.#end > block.length)
        throw refused('V18', `record ${index} does not end in the batch`);
      const fields = block[from] ?? 0;
      this.#position = from + 1;
      if (fields !== 0) this.#walkFields(fields);
      fieldsSeen |= fields;
      const bodyBytes = this.#end - this.#position;
      if (bodyBytes > bodyBytesMax) throw tooLargePart(bodyBytes, bodyBytesMax, 'body');
      this.#contentBytes += bodyBytes;
      this.#position = this.#end;
    }
    if (this.#position !== block.length) throw refused('V18', `the batch has bytes behind its ${count} records`);
    return { contentBytes: this.#contentBytes, fieldsSeen };
  }

  #walkPrologue(count: number): void {
    const prefixBytes = this.#text('idPrefix', this.#limits.idBytesMax);
    const firstIdNumber = this.#number();
    if (firstIdNumber > Number.MAX_SAFE_INTEGER - (count - 1)) throw refused('V17', 'its ids have too large numbers');
    const idBytes = prefixBytes + String(firstIdNumber + count - 1).length;
    if (idBytes > this.#limits.idBytesMax) throw tooLargePart(idBytes, this.#limits.idBytesMax, 'id');
  }

  #walkFields(fields: number): void {
    const { idBytesMax, keyBytesMax, nameBytesMax } = this.#limits;
    if (fields & FIELD.id) {
      const idBytes = this.#text('id', idBytesMax);
      if (idBytes === 0) throw refused('V19', 'an id is empty');
      this.#contentBytes += idBytes;
    }
    if (fields & FIELD.key) this.#contentBytes += this.#text('key', keyBytesMax);
    if (fields & FIELD.headers) this.#walkHeaders();
    if (fields & FIELD.priority) {
      const priority = this.#byte();
      if (priority < 1 || priority > 9) throw refused('V19', `priority ${priority} is not from 1 to 9`);
    }
    if (fields & FIELD.ttl) this.#number();
    if (fields & FIELD.forGroup) this.#text('forGroup', nameBytesMax);
    if (fields & FIELD.movedFrom) {
      if (this.#byte() >= MOVED_FROM_LOGS.length) throw refused('V19', 'movedFrom is no kind of log');
      this.#number();
    }
    if (fields & FIELD.deliverAt) {
      this.#number();
      this.#number();
    }
  }

  #walkHeaders(): void {
    const { headersCountMax, headersBytesMax } = this.#limits;
    const count = this.#number();
    if (count === 0) throw refused('V19', 'the headers are empty');
    if (count > headersCountMax) throw tooLargePart(count, headersCountMax, 'headers');
    let bytes = 0;
    for (let index = 0; index < count; index += 1) {
      const nameBytes = this.#text('header name', headersBytesMax);
      if (nameBytes === 0) throw refused('V19', 'a header has no name');
      bytes += nameBytes + this.#text('header value', headersBytesMax);
    }
    if (bytes > headersBytesMax) throw tooLargePart(bytes, headersBytesMax, 'bytes of headers');
    this.#contentBytes += bytes;
  }

  #byte(): number {
    if (this.#position >= this.#end) throw refused('V19', 'a record ends within its fields');
    this.#position += 1;
    return this.#block[this.#position - 1] ?? 0;
  }

  #number(): number {
    const value = readVarint(this.#block, this.#position, this.#end);
    if (value === NO_VARINT) throw refused('V19', 'a number is none: cut off, too large, or not the shortest');
    this.#position += varintBytes(value);
    return value;
  }

  /** Steps over a text; answers how many bytes it has. */
  #text(what: string, bytesMax: number): number {
    const bytes = this.#number();
    if (bytes > bytesMax) throw tooLargePart(bytes, bytesMax, what);
    const from = this.#position;
    this.#position = from + bytes;
    if (this.#position > this.#end) throw refused('V19', `a record ends within a text (${what})`);
    for (let at = from; at < this.#position; at += 1) {
      if ((this.#block[at] ?? 0) < 0x80) continue;
      if (isUtf8(this.#block.subarray(from, this.#position))) break;
      throw refused('V19', `a text is no UTF-8 (${what})`);
    }
    return bytes;
  }
}

/** What must hold of a batch that lies in a log, besides its own bytes. */
export interface PlaceInLog {
  readonly logId: number;
  /** The least its `baseOffset` may be. */
  readonly offsetMin: number;
  /** The least its `appendedAt` may be. */
  readonly appendedAtMin: number;
  /** Where in its file it lies. */
  readonly position: number;
}

/** What is wrong with the head of the stored batch that should begin `bytes`; undefined when it is right, and belongs here. */
export function faultOfPlacement(bytes: Uint8Array, place: PlaceInLog): string | undefined {
  if (bytes.length < BATCH_HEAD_BYTES)
    return `V6: ${bytes.length} bytes are left, a batch has at least ${BATCH_HEAD_BYTES}`;
  const batchBytes = readU32(bytes, AT.batchBytes);
  if (batchBytes < BATCH_HEAD_BYTES) return `V6: batchBytes is ${batchBytes}`;
  if (readU32(bytes, AT.headCrc) !== headCrcOf(bytes)) return 'V7: headCrc is another';
  const logId = readU32(bytes, AT.logId);
  if (logId !== place.logId) return `V8: the batch is of another log (logId ${logId}, not ${place.logId})`;
  const baseOffset = readU64(bytes, AT.baseOffset);
  if (!Number.isSafeInteger(baseOffset) || baseOffset < place.offsetMin) {
    return `V9: baseOffset is ${baseOffset}, and must be ${place.offsetMin} at least`;
  }
  if (readU64(bytes, AT.appendedAt) < place.appendedAtMin) return 'V10: appendedAt goes back';
  if (readU32(bytes, AT.syncedPosition) > place.position) return 'V11: syncedPosition is behind the batch';
  return readU32(bytes, AT.recordCount) > 0 ? undefined : 'V15: the batch has no record';
}

/** What is wrong with the content of a whole stored batch; undefined when it is right. */
export function faultOfContent(batch: Uint8Array): string | undefined {
  return readU32(batch, AT.contentCrc) === contentCrcOf(batch) ? undefined : 'V12: contentCrc is another';
}

function refused(condition: string, reason: string): MqError {
  return new MqError('MQ_INVALID_ARGUMENT', `this is no batch: ${reason} (${condition})`, {
    details: { path: 'batch' },
  });
}

function tooLarge(got: number, max: number, unit: string): MqError {
  return aboveLimit('MQ_BATCH_TOO_LARGE', `the batch has ${got} ${unit}; at most ${max} are accepted`);
}

function tooLargePart(got: number, max: number, part: string): MqError {
  return aboveLimit('MQ_MESSAGE_TOO_LARGE', `a message of the batch has ${part} ${got}; at most ${max} is accepted`);
}

function aboveLimit(code: ErrorCode, text: string): MqError {
  return new MqError(code, text, { details: { path: 'batch' } });
}
