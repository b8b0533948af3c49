/**
 * Reading one record out of a records block: as an object, or only how much of it is content.
 *
 * Always true: bytes that are no record are a `RecordFault`, never a wrong value and never a loop without an end; a body
 * is a view of the bytes. Pure. record.ts has the other direction.
 */
import type { Headers } from '../../../shared/contract/message.ts';
import { FIELD, type LogRecord, MOVED_FROM_LOGS, type MovedFrom, NO_HEADERS, SHORT_TEXT_CHARACTERS } from './record.ts';
import { NO_VARINT, readVarint, varintBytes } from './varint.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What a record takes from its batch. */
export interface RecordPlace {
  readonly offset: number;
  readonly timestamp: number;
  /** Of a record that has no id of its own. */
  readonly generatedId: string;
}

/** Bytes that are no record, found while it is decoded; whoever knows where they are says so. */
export class RecordFault extends Error {
  override readonly name = 'RecordFault';
}

/** Reads the fields of one record, one after the other. */
export class FieldReader {
  /** Of the next field. */
  position: number;
  readonly bytes: Uint8Array;
  readonly end: number;

  constructor(bytes: Uint8Array, position: number, end: number) {
    this.bytes = bytes;
    this.position = position;
    this.end = end;
  }

  byte(): number {
    if (this.position >= this.end) throw new RecordFault('a record ends within its fields');
    this.position += 1;
    return this.bytes[this.position - 1] ?? 0;
  }

  varint(): number {
    const value = readVarint(this.bytes, this.position, this.end);
    if (value === NO_VARINT) throw new RecordFault('a record has a number that is none');
    this.position += varintBytes(value);
    return value;
  }

  text(): string {
    const from = this.skipText();
    return textOf(this.bytes, from, this.position);
  }

  /** What lies from here to `end`. */
  bytesTo(end: number): Uint8Array {
    if (end < this.position || end > this.end) throw new RecordFault('a record does not end where it says');
    const from = this.position;
    this.position = end;
    return this.bytes.subarray(from, end);
  }

  /** Answers where the text itself begins. */
  skipText(): number {
    const bytes = this.varint();
    const from = this.position;
    if (bytes > this.end - from) throw new RecordFault('a record ends within a text');
    this.position = from + bytes;
    return from;
  }

  headers(): Headers {
    const headers: Record<string, string> = Object.create(null);
    for (let left = this.varint(); left > 0; left -= 1) {
      const name = this.text();
      headers[name] = this.text();
    }
    return Object.freeze(headers);
  }

  movedFrom(): MovedFrom {
    const log = MOVED_FROM_LOGS[this.byte()];
    if (log === undefined) throw new RecordFault('a record was moved from a log of no known kind');
    return { log, offset: this.varint() };
  }
}

/** The record whose `fields` byte is at `from` and which ends at `end`; throws `RecordFault`. */
export function decodeRecord(bytes: Uint8Array, from: number, end: number, place: RecordPlace): LogRecord {
  const { offset, timestamp, generatedId } = place;
  const fields = bytes[from] ?? 0;
  if (fields === 0) {
    return {
      offset,
      timestamp,
      id: generatedId,
      headers: NO_HEADERS,
      body: bytes.subarray(from + 1, end),
      priority: 0,
    };
  }
  const reader = new FieldReader(bytes, from + 1, end);
  const id = fields & FIELD.id ? reader.text() : generatedId;
  const key = fields & FIELD.key ? { key: reader.text() } : undefined;
  const headers = fields & FIELD.headers ? reader.headers() : NO_HEADERS;
  const priority = fields & FIELD.priority ? reader.byte() : 0;
  const expiry = fields & FIELD.ttl ? { expiresAt: timestamp + reader.varint() } : undefined;
  const forGroup = fields & FIELD.forGroup ? { forGroup: reader.text() } : undefined;
  const movedFrom = fields & FIELD.movedFrom ? { movedFrom: reader.movedFrom() } : undefined;
  const due = fields & FIELD.deliverAt ? { deliverAt: reader.varint(), targetPartition: reader.varint() } : undefined;
  const body = bytes.subarray(reader.position, end);
  return { offset, timestamp, id, ...key, headers, body, priority, ...expiry, ...forGroup, ...movedFrom, ...due };
}

/** Body, key, own id and headers in bytes, as the limits of a batch and of an answer count. */
export function contentBytesOf(bytes: Uint8Array, from: number, end: number): number {
  const fields = bytes[from] ?? 0;
  if (fields === 0) return end - from - 1;
  const reader = new FieldReader(bytes, from + 1, end);
  let texts = 0;
  const countText = (): void => {
    texts += -reader.skipText() + reader.position;
  };
  if (fields & FIELD.id) countText();
  if (fields & FIELD.key) countText();
  if (fields & FIELD.headers) for (let left = 2 * reader.varint(); left > 0; left -= 1) countText();
  if (fields & FIELD.priority) reader.byte();
  if (fields & FIELD.ttl) reader.varint();
  if (fields & FIELD.forGroup) reader.skipText();
  if (fields & FIELD.movedFrom) reader.movedFrom();
  if (fields & FIELD.deliverAt) {
    reader.varint();
    reader.varint();
  }
  return texts + end - reader.position;
}

/** Of a record, without reading what comes before it. */
export function priorityOf(bytes: Uint8Array, from: number, end: number): number {
  const fields = bytes[from] ?? 0;
  if ((fields & FIELD.priority) === 0) return 0;
  const reader = new FieldReader(bytes, from + 1, end);
  if (fields & FIELD.id) reader.skipText();
  if (fields & FIELD.key) reader.skipText();
  if (fields & FIELD.headers) for (let left = 2 * reader.varint(); left > 0; left -= 1) reader.skipText();
  return reader.byte();
}

/** The UTF-8 text from `from` to `end`; throws `RecordFault`. */
export function textOf(bytes: Uint8Array, from: number, end: number): string {
  if (end - from <= SHORT_TEXT_CHARACTERS) {
    let text = '';
    let at = from;
    for (; at < end; at += 1) {
      const byte = bytes[at] ?? 0;
      if (byte > 0x7f) break;
      text += String.fromCharCode(byte);
    }
    if (at === end) return text;
  }
  try {
    return decoder.decode(bytes.subarray(from, end));
  } catch {
    throw new RecordFault('a text of a record is no UTF-8');
  }
}
