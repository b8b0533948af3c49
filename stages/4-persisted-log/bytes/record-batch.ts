/**
 * A batch: the records that were sent together, with a head of 64 bytes. It is made once, by the sender, checked once, by
 * the broker, and from then on only copied: to the disk, to readers, who take it apart.
 *
 *      0 | batchBytes u32 | headCrc u32                     | baseOffset u64                       |  placement:
 *     16 | appendedAt u64                                   | logId u32       | syncedPosition u32 |  the broker's
 *     32 | contentCrc u32 | format u8, codec u8, flags u16  | recordCount u32 | recordsBytes u32   |  content:
 *     48 | producerId i64                                   | baseSequence i32| epoch i16, 0 u16   |  the sender's
 *     64 | records block, compressed as a whole unless codec is 0 ...
 *
 * Always true: `contentCrc` is over all that follows it, `headCrc` over the head but itself, so a flipped bit anywhere is
 * found, and one in the head without reading the rest; the content is never changed after `encodeBatch`.
 * Pure, but for `placeBatch`, which fills in the placement of the bytes it is given.
 */
import assert from 'node:assert/strict';
import { crc32cOf } from '../../../shared/crc32c.ts';
import { readU16, readU32, readU64, writeU16, writeU32, writeU64 } from './big-endian.ts';
import { CODECS, type Codec, deflate } from './compression.ts';
import { type EncodableMessage, FIELD, fieldsOf, recordBytesOf, textBytes, writeRecord, writeText } from './record.ts';
import { smallBytes } from './small-bytes.ts';
import { varintBytes, writeVarint } from './varint.ts';

/** Where the fields of the head are. */
export const AT = Object.freeze({
  batchBytes: 0,
  headCrc: 4,
  baseOffset: 8,
  appendedAt: 16,
  logId: 24,
  syncedPosition: 28,
  contentCrc: 32,
  format: 36,
  codec: 37,
  flags: 38,
  recordCount: 40,
  recordsBytes: 44,
  producerId: 48,
  baseSequence: 56,
  producerEpoch: 60,
  reserved: 62,
});

export const BATCH_HEAD_BYTES = 64;
export const BATCH_FORMAT = 1;
/** -1. */
export const NO_SEQUENCE = 0xffff_ffff;
export const NO_EPOCH = 0xffff;

/** Bits of `flags`: what some record of the batch has, and what the batch is. */
export const SUMMARY = Object.freeze({
  priority: 1,
  ttl: 2,
  forGroup: 4,
  movedFrom: 8,
  deliverAt: 16,
  /** It counts when its transaction is committed, and not before. */
  transactional: 32,
  /** It says how a transaction of its producer ended; no reader gets it. */
  marker: 64,
});
/** The bits that are about the batch and not about its records. */
export const OF_BATCH = SUMMARY.transactional | SUMMARY.marker;
/** A batch with one of these is not handed out record after record: it has to be looked into. */
export const NOT_PLAIN = SUMMARY.priority | SUMMARY.ttl | SUMMARY.forGroup | SUMMARY.marker;

export interface EncodeBatchOptions {
  /** Default none. Not used when it does not make the batch smaller. */
  readonly codec?: Codec;
  /** Record i without an id of its own has the id `${idPrefix}${firstIdNumber + i}`. */
  readonly idPrefix: string;
  readonly firstIdNumber: number;
  /** True: the ids that records have are these, and are not written into them. */
  readonly isNumbered?: boolean;
  /** Default: nobody in particular. */
  readonly sender?: BatchSender | undefined;
}

/** Who sends a batch, and as what. */
export interface BatchSender {
  readonly producerId: number;
  readonly epoch: number;
  /** Number of its first message; undefined in a transaction, which has an epoch of its own. */
  readonly sequence?: number | undefined;
  /** Bits of `OF_BATCH`. */
  readonly flags?: number;
}

/** What the broker fills in. */
export interface Placement {
  readonly baseOffset: number;
  /** Epoch ms. */
  readonly appendedAt: number;
  /** `logIdOf` the log. */
  readonly logId: number;
  /** Below this position the segment was on the disk for sure when the batch was written. */
  readonly syncedPosition: number;
}

/** The batch of at least one message, its placement empty. */
export function encodeBatch(messages: readonly EncodableMessage[], options: EncodeBatchOptions): Uint8Array {
  assert(messages.length > 0, 'a batch has a record');
  const { codec = 'none', idPrefix, firstIdNumber, isNumbered = false, sender } = options;
  const written = isNumbered ? ~FIELD.id : ~0;
  const prologueBytes = textBytes(idPrefix) + varintBytes(firstIdNumber);
  const { sizes, fields, blockBytes, fieldsSeen } = measure(messages, prologueBytes, written);
  const batch = smallBytes(BATCH_HEAD_BYTES + blockBytes);
  let at = writeVarint(batch, writeText(batch, BATCH_HEAD_BYTES, idPrefix), firstIdNumber);
  for (let index = 0; index < messages.length; index += 1) {
    const message = messages[index] as EncodableMessage;
    at = writeRecord(batch, at, { message, fields: fields[index] ?? 0, recordBytes: sizes[index] ?? 0 });
  }
  assert(at === batch.length, 'the records take what was measured');
  return sealContent(batch, { codec, recordCount: messages.length, flags: summaryOf(fieldsSeen), sender });
}

/** One pass before anything is written, so that a batch is allocated once. `written`: bits of `FIELD`. */
function measure(messages: readonly EncodableMessage[], prologueBytes: number, written: number): Measures {
  const sizes: number[] = [];
  const fieldsOfEach: number[] = [];
  let blockBytes = prologueBytes;
  let fieldsSeen = 0;
  for (let index = 0; index < messages.length; index += 1) {
    const message = messages[index] as EncodableMessage;
    const fields = fieldsOf(message) & written;
    const recordBytes = recordBytesOf(message, fields);
    sizes.push(recordBytes);
    fieldsOfEach.push(fields);
    blockBytes += varintBytes(recordBytes) + recordBytes;
    fieldsSeen |= fields;
  }
  return { sizes, fields: fieldsOfEach, blockBytes, fieldsSeen };
}

interface Measures {
  /** Of each record, in bytes, */
  readonly sizes: readonly number[];
  /** and which fields it has. */
  readonly fields: readonly number[];
  readonly blockBytes: number;
  readonly fieldsSeen: number;
}

/** The flags of a batch whose records have the fields `fieldsSeen`. */
export function summaryOf(fieldsSeen: number): number {
  let flags = 0;
  if (fieldsSeen & FIELD.priority) flags |= SUMMARY.priority;
  if (fieldsSeen & FIELD.ttl) flags |= SUMMARY.ttl;
  if (fieldsSeen & FIELD.forGroup) flags |= SUMMARY.forGroup;
  if (fieldsSeen & FIELD.movedFrom) flags |= SUMMARY.movedFrom;
  if (fieldsSeen & FIELD.deliverAt) flags |= SUMMARY.deliverAt;
  return flags;
}

/** Compresses the block of `plain` where that helps, and fills in the content part of the head. */
function sealContent(plain: Uint8Array, { codec, recordCount, flags, sender }: ContentHead): Uint8Array {
  const recordsBytes = plain.length - BATCH_HEAD_BYTES;
  const compressed = deflate(codec, plain.subarray(BATCH_HEAD_BYTES));
  const batch = compressed === undefined ? plain : new Uint8Array(BATCH_HEAD_BYTES + compressed.length);
  if (compressed !== undefined) batch.set(compressed, BATCH_HEAD_BYTES);
  writeU32(batch, AT.batchBytes, batch.length);
  batch[AT.format] = BATCH_FORMAT;
  batch[AT.codec] = compressed === undefined ? CODECS.none : CODECS[codec];
  writeU16(batch, AT.flags, flags | (sender?.flags ?? 0));
  writeU32(batch, AT.recordCount, recordCount);
  writeU32(batch, AT.recordsBytes, recordsBytes);
  writeSender(batch, sender);
  writeU32(batch, AT.contentCrc, contentCrcOf(batch));
  return batch;
}

interface ContentHead {
  readonly codec: Codec;
  readonly recordCount: number;
  readonly flags: number;
  readonly sender: BatchSender | undefined;
}

function writeSender(batch: Uint8Array, sender: BatchSender | undefined): void {
  batch.fill(0xff, AT.producerId, AT.reserved); // no producer, no sequence, no epoch: all -1
  if (sender === undefined) return;
  writeU64(batch, AT.producerId, sender.producerId);
  writeU16(batch, AT.producerEpoch, sender.epoch);
  if (sender.sequence !== undefined) writeU32(batch, AT.baseSequence, sender.sequence);
}

/** Who sent the batch; undefined when it does not say. */
export function senderOf(batch: Uint8Array): BatchSender | undefined {
  const epoch = readU16(batch, AT.producerEpoch);
  if (epoch === NO_EPOCH) return undefined;
  const sequence = readU32(batch, AT.baseSequence);
  return {
    producerId: readU64(batch, AT.producerId),
    epoch,
    sequence: sequence === NO_SEQUENCE ? undefined : sequence,
    flags: readU16(batch, AT.flags) & OF_BATCH,
  };
}

/** Makes a batch of nobody in particular, which must be the caller's own, one of this sender. */
export function signBatch(batch: Uint8Array, sender: BatchSender): void {
  writeU16(batch, AT.flags, readU16(batch, AT.flags) | (sender.flags ?? 0));
  writeSender(batch, sender);
  writeU32(batch, AT.contentCrc, contentCrcOf(batch));
}

/** Fills in the placement; the bytes must be those of a checked batch, and the caller's own. */
export function placeBatch(batch: Uint8Array, { baseOffset, appendedAt, logId, syncedPosition }: Placement): void {
  writeU64(batch, AT.baseOffset, baseOffset);
  writeU64(batch, AT.appendedAt, appendedAt);
  writeU32(batch, AT.logId, logId);
  writeU32(batch, AT.syncedPosition, syncedPosition);
  writeU32(batch, AT.headCrc, headCrcOf(batch));
}

/** What `headCrc` of the batch that begins `bytes` must be. */
export function headCrcOf(bytes: Uint8Array): number {
  return crc32cOf(bytes.subarray(AT.baseOffset, BATCH_HEAD_BYTES), crc32cOf(bytes.subarray(0, AT.headCrc)));
}

/** What `contentCrc` of the batch must be. */
export function contentCrcOf(batch: Uint8Array): number {
  return crc32cOf(batch.subarray(AT.format));
}

/** Tells the logs of a broker apart, so that a batch that was written to the wrong file is found. */
export function logIdOf({ topicId, partition }: { readonly topicId: Uint8Array; readonly partition: number }): number {
  const partitionBytes = new Uint8Array(4);
  writeU32(partitionBytes, 0, partition);
  return crc32cOf(partitionBytes, crc32cOf(topicId));
}

/** The offset after the last record of a placed batch, from its head alone. */
export function nextOffsetOf(batch: Uint8Array): number {
  return readU64(batch, AT.baseOffset) + readU32(batch, AT.recordCount);
}

/** Of a transaction, and not its end. */
export function isUndecided(flags: number): boolean {
  return (flags & (SUMMARY.transactional | SUMMARY.marker)) === SUMMARY.transactional;
}
