/**
 * `application/vnd.stagemq.messages.v1`: many messages, or stored records, as one run of bytes.
 *
 *     count u32 | entryBytes u32, flags u8, [key] [id] [headers] [delayMs] [deliverAt] [ttlMs or expiresAt] [priority] [stored], body
 *
 * docs/protocol-http.md lays it out byte by byte and numbers the conditions of valid bytes; an error names the number.
 * Always true: decoding is pure, reads nothing outside its bytes, allocates no more than they justify, and accepts
 * exactly what encoding can produce. Server and client both call it.
 */
import { MqError } from '../../shared/contract/errors.ts';
import type { Headers, Message, StoredRecord } from '../../shared/contract/message.ts';
import { checkInteger, utf8Length } from '../../shared/contract/validation.ts';
import { ByteReader, invalidBytes } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';

export const MESSAGES_TYPE = 'application/vnd.stagemq.messages.v1';

const HAS_KEY = 0x01;
const HAS_ID = 0x02;
const HAS_HEADERS = 0x04;
const HAS_DELAY = 0x08;
const HAS_DELIVER_AT = 0x10;
const HAS_TTL = 0x20;
const HAS_PRIORITY = 0x40;
const IS_STORED = 0x80;

const LENGTH_BYTES = 4;
const U8_MAX = 0xff;
/** Longest text and most headers a u16 can count. */
const U16_MAX = 0xffff;
const NO_HEADERS: Headers = Object.freeze(Object.create(null) as Headers);

/** What an entry can hold: everything a Message has, and what makes it a StoredRecord. */
type Entry = Message & Partial<Pick<StoredRecord, 'offset' | 'timestamp' | 'expiresAt'>>;

/** The bytes of `messages`; `MQ_MESSAGE_TOO_LARGE` for a text the format has no room for. */
export function encodeMessages(messages: readonly Entry[]): Uint8Array<ArrayBuffer> {
  const entrySizes = messages.map(entrySize);
  const bytesTotal = entrySizes.reduce((sum, size) => sum + LENGTH_BYTES + size, LENGTH_BYTES);
  const writer = new ByteWriter(bytesTotal);
  writer.u32(messages.length);
  messages.forEach((message, index) => {
    writer.u32(entrySizes[index] ?? 0);
    writeEntry(writer, message);
  });
  return writer.bytes;
}

/**
 * The messages of a request; what makes a record of an entry is skipped. Bodies are views of `bytes`. More than
 * `countMax` are `MQ_BATCH_TOO_LARGE` before the first is looked at: small entries take many times their bytes in memory.
 */
export function decodeMessages(bytes: Uint8Array, { countMax }: { readonly countMax: number }): Message[] {
  return decodeEntries(bytes, { countMax, make: (message) => message });
}

/** Refuses a batch of too many messages, as a broker would, but before anything is made of them. */
export function checkMessageCount(count: number, countMax: number): void {
  if (count <= countMax) return;
  const detail = `messages has ${count} messages; at most ${countMax} are accepted`;
  throw new MqError('MQ_BATCH_TOO_LARGE', detail, { details: { path: 'messages' } });
}

/** The records of an answer from one partition of a topic. Bodies are views of `bytes`. */
export function decodeRecords(
  bytes: Uint8Array,
  from: { readonly topic: string; readonly partition: number },
): StoredRecord[] {
  const make: Make<StoredRecord> = ({ body, key, id, headers = NO_HEADERS, priority }, stored) => {
    if (stored === undefined || id === undefined || typeof body === 'string') {
      throw new MqError('MQ_PROTOCOL', 'an entry of the answer lacks its id, offset or timestamp');
    }
    const { topic, partition } = from;
    const { offset, timestamp, expiresAt } = stored;
    const record = { topic, partition, offset, timestamp, id, headers, body };
    if (key === undefined && priority === undefined && expiresAt === undefined) return record;
    return {
      ...record,
      ...(key === undefined ? {} : { key }),
      ...(priority === undefined ? {} : { priority }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
    };
  };
  return decodeEntries(bytes, { countMax: Number.POSITIVE_INFINITY, make });
}

function entrySize(entry: Entry): number {
  const { body, key, id, headers, delayMs, deliverAt, priority, timestamp } = entry;
  const life = lifeOf(entry);
  let size = 1 + (typeof body === 'string' ? utf8Length(body) : body.length);
  if (key !== undefined) size += textSize('key', key);
  if (id !== undefined) size += textSize('id', id);
  if (headers !== undefined) size += headersSize(headers);
  if (delayMs !== undefined) size += wholeSize('delayMs', delayMs, 8);
  if (deliverAt !== undefined) size += wholeSize('deliverAt', deliverAt, 8);
  if (life !== undefined) size += wholeSize('ttlMs', life, 8);
  if (priority !== undefined) size += wholeSize('priority', priority, 1);
  if (timestamp !== undefined) size += 16;
  return size;
}

/** How long a message lives; of a record, until when. */
function lifeOf({ timestamp, ttlMs, expiresAt }: Entry): number | undefined {
  return timestamp === undefined ? ttlMs : expiresAt;
}

function textSize(what: string, text: string): number {
  const size = utf8Length(text);
  if (size > U16_MAX) throw new MqError('MQ_MESSAGE_TOO_LARGE', `${what} has ${size} bytes; at most ${U16_MAX} travel`);
  return 2 + size;
}

/** `size`, once `value` is known to fit into so many bytes. */
function wholeSize(path: string, value: number, size: 1 | 8): number {
  checkInteger(path, value, { min: 0, max: size === 1 ? U8_MAX : Number.MAX_SAFE_INTEGER, fallback: 0 });
  return size;
}

/** 0 when there are none: an entry without headers does not even have their count. */
function headersSize(headers: Headers): number {
  let size = 0;
  for (const name in headers) size += textSize('a header name', name) + textSize('a header value', headers[name] ?? '');
  return size === 0 ? 0 : 2 + size;
}

function writeEntry(writer: ByteWriter, entry: Entry): void {
  const { body, key, id, headers, delayMs, deliverAt, priority, offset, timestamp } = entry;
  const life = lifeOf(entry);
  const names = headers === undefined ? [] : Object.keys(headers);
  const flags =
    (key === undefined ? 0 : HAS_KEY) |
    (id === undefined ? 0 : HAS_ID) |
    (names.length === 0 ? 0 : HAS_HEADERS) |
    (delayMs === undefined ? 0 : HAS_DELAY) |
    (deliverAt === undefined ? 0 : HAS_DELIVER_AT) |
    (life === undefined ? 0 : HAS_TTL) |
    (priority === undefined ? 0 : HAS_PRIORITY) |
    (timestamp === undefined ? 0 : IS_STORED);
  writer.u8(flags);
  if (key !== undefined) writer.text(key);
  if (id !== undefined) writer.text(id);
  if (headers !== undefined && names.length > 0) writeHeaders(writer, headers, names);
  if (delayMs !== undefined) writer.u64(delayMs);
  if (deliverAt !== undefined) writer.u64(deliverAt);
  if (life !== undefined) writer.u64(life);
  if (priority !== undefined) writer.u8(priority);
  if (timestamp !== undefined) {
    writer.u64(offset ?? null);
    writer.u64(timestamp);
  }
  writer.body(body);
}

function writeHeaders(writer: ByteWriter, headers: Headers, names: readonly string[]): void {
  writer.u16(names.length);
  for (const name of names) {
    writer.text(name);
    writer.text(headers[name] ?? '');
  }
}

interface Stored {
  readonly offset: number | null;
  readonly timestamp: number;
  readonly expiresAt: number | undefined;
}

/** Makes of a decoded entry what is wanted of it. */
type Make<T> = (message: Message, stored: Stored | undefined) => T;

function decodeEntries<T>(
  bytes: Uint8Array,
  { countMax, make }: { readonly countMax: number; readonly make: Make<T> },
): T[] {
  const reader = new ByteReader(bytes);
  if (bytes.length < LENGTH_BYTES) throw invalidBytes(1, 'body', 'at least four bytes long');
  const count = reader.u32();
  checkMessageCount(count, countMax);
  const entries: T[] = [];
  // Not an array of `count` places: four hostile bytes must not reserve gigabytes.
  for (let index = 0; index < count; index += 1) {
    reader.beginEntry(index);
    entries.push(decodeEntry(reader, make));
  }
  if (reader.position !== bytes.length) throw invalidBytes(8, 'body', 'over after its last entry');
  return entries;
}

function decodeEntry<T>(reader: ByteReader, make: Make<T>): T {
  const flags = reader.u8();
  if (flags === 0) return make({ body: reader.rest() }, undefined);
  const key = flags & HAS_KEY ? reader.text('key') : undefined;
  const id = flags & HAS_ID ? reader.text('id') : undefined;
  const headers = flags & HAS_HEADERS ? readHeaders(reader) : undefined;
  if ((flags & ~(HAS_KEY | HAS_ID | HAS_HEADERS)) === 0) {
    return make({ body: reader.rest(), key, id, headers }, undefined);
  }
  const delayMs = flags & HAS_DELAY ? reader.u64('delayMs') : undefined;
  const deliverAt = flags & HAS_DELIVER_AT ? reader.u64('deliverAt') : undefined;
  const life = flags & HAS_TTL ? reader.u64('ttlMs') : undefined;
  const priority = flags & HAS_PRIORITY ? reader.u8() : undefined;
  if ((flags & IS_STORED) === 0) {
    return make({ body: reader.rest(), key, id, headers, delayMs, deliverAt, ttlMs: life, priority }, undefined);
  }
  const stored = { offset: reader.u64OrNull('offset'), timestamp: reader.u64('timestamp'), expiresAt: life };
  // Sent on, a record lives as long as it was meant to, from then on.
  const ttlMs = life === undefined ? undefined : Math.max(1, life - stored.timestamp);
  return make({ body: reader.rest(), key, id, headers, delayMs, deliverAt, ttlMs, priority }, stored);
}

function readHeaders(reader: ByteReader): Headers {
  const headers: Record<string, string> = Object.create(null);
  for (let left = reader.u16(); left > 0; left -= 1) {
    const name = reader.text('headers');
    if (name in headers) throw invalidBytes(6, reader.pathOf('headers'), 'free of repeated names');
    headers[name] = reader.text('headers');
  }
  return headers;
}
