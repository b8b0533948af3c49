/**
 * The first 64 bytes of a segment file: whose it is, and where it begins.
 *
 *      0 | "MQLOG" 0d 0a 1a       | format u32           | partition u32           |
 *     16 | topicId, 16 random bytes                                                |
 *     32 | baseOffset u64         | createdAt u64                                  |
 *     48 | 12 zeros                                      | headCrc u32             |
 *
 * Always true: the name of the file is its baseOffset in 20 digits, so that names sort as offsets do; a file that was
 * moved, copied or swapped says so itself. Pure.
 */
import { MqError } from '../../../shared/contract/errors.ts';
import { crc32cOf } from '../../../shared/crc32c.ts';
import { readU32, readU64, writeU32, writeU64 } from '../bytes/big-endian.ts';

export const SEGMENT_HEAD_BYTES = 64;
const SEGMENT_FORMAT = 1;

const MAGIC = Uint8Array.from([0x4d, 0x51, 0x4c, 0x4f, 0x47, 0x0d, 0x0a, 0x1a]); // MQLOG \r \n ^Z
const TOPIC_ID_BYTES = 16;
/** Where the fields are. */
export const HEAD_AT = Object.freeze({
  magic: 0,
  format: 8,
  partition: 12,
  topicId: 16,
  baseOffset: 32,
  createdAt: 40,
  reserved: 48,
  headCrc: 60,
});
const OFFSET_DIGITS = 20;

export interface SegmentHead {
  readonly partition: number;
  /** 16 bytes. */
  readonly topicId: Uint8Array;
  readonly baseOffset: number;
  /** Epoch ms. */
  readonly createdAt: number;
}

export function encodeSegmentHead({ partition, topicId, baseOffset, createdAt }: SegmentHead): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEAD_BYTES);
  bytes.set(MAGIC);
  writeU32(bytes, HEAD_AT.format, SEGMENT_FORMAT);
  writeU32(bytes, HEAD_AT.partition, partition);
  bytes.set(topicId.subarray(0, TOPIC_ID_BYTES), HEAD_AT.topicId);
  writeU64(bytes, HEAD_AT.baseOffset, baseOffset);
  writeU64(bytes, HEAD_AT.createdAt, createdAt);
  writeU32(bytes, HEAD_AT.headCrc, crc32cOf(bytes.subarray(0, HEAD_AT.headCrc)));
  return bytes;
}

/** The head in `bytes`; a sentence when there is none. `MQ_DATA_VERSION` for a format of a later time. */
export function decodeSegmentHead(bytes: Uint8Array): SegmentHead | string {
  if (bytes.length < SEGMENT_HEAD_BYTES) return `V2: ${bytes.length} bytes are too few for a segment`;
  if (MAGIC.some((byte, index) => bytes[index] !== byte)) return 'V2: it does not begin like a segment';
  const headCrc = crc32cOf(bytes.subarray(0, HEAD_AT.headCrc));
  if (readU32(bytes, HEAD_AT.headCrc) !== headCrc) return 'V4: headCrc is another';
  const format = readU32(bytes, HEAD_AT.format);
  if (format !== SEGMENT_FORMAT) {
    throw new MqError('MQ_DATA_VERSION', `segment format ${format} is not known to this version (V3)`);
  }
  return {
    partition: readU32(bytes, HEAD_AT.partition),
    topicId: bytes.slice(HEAD_AT.topicId, HEAD_AT.baseOffset),
    baseOffset: readU64(bytes, HEAD_AT.baseOffset),
    createdAt: readU64(bytes, HEAD_AT.createdAt),
  };
}

/** What is wrong with a head where `expected` should be; undefined when nothing is. */
export function faultOfHead(bytes: Uint8Array, expected: Omit<SegmentHead, 'createdAt'>): string | undefined {
  const head = decodeSegmentHead(bytes);
  if (typeof head === 'string') return head;
  if (head.baseOffset !== expected.baseOffset) return `V1: it is the segment of offset ${head.baseOffset}`;
  const isOfTopic = head.topicId.every((byte, index) => byte === expected.topicId[index]);
  return isOfTopic && head.partition === expected.partition ? undefined : 'V5: it belongs to another log';
}

/** `00000000000000000042.log` */
export function segmentName(baseOffset: number): string {
  return `${String(baseOffset).padStart(OFFSET_DIGITS, '0')}.log`;
}

/** `00000000000000000042.index` */
export function indexName(baseOffset: number): string {
  return `${String(baseOffset).padStart(OFFSET_DIGITS, '0')}.index`;
}

/** The baseOffset in a name; undefined when it is no such name. */
export function baseOffsetIn(name: string, extension: 'log' | 'index'): number | undefined {
  const [digits = '', rest] = name.split('.');
  const isName = /^\d{20}$/.test(digits) && rest === extension && name.length === OFFSET_DIGITS + 1 + extension.length;
  const baseOffset = Number(digits);
  return isName && Number.isSafeInteger(baseOffset) ? baseOffset : undefined;
}
