/**
 * One record in the bytes of a records block: how long it is, which fields it has, those fields, and then the body, which
 * is all the rest.
 *
 *     | recordBytes | fields | id | key | headers | priority | ttlMs | forGroup | movedFrom | deliverAt | body ...
 *     | varint      | u8     |  each only when its bit in `fields` is set, in this order    |           |
 *
 * Always true: no field says where the record is or when it was accepted; that is in the head of its batch, so records
 * are encoded by the sender and never touched again. `docs/format-log.md` has every field in words. Pure.
 */
import type { Headers } from '../../../shared/contract/message.ts';
import { utf8Length } from '../../../shared/contract/validation.ts';
import { varintBytes, writeVarint } from './varint.ts';

/** Bits of `fields`. */
export const FIELD = Object.freeze({
  id: 1,
  key: 2,
  headers: 4,
  priority: 8,
  ttl: 16,
  forGroup: 32,
  movedFrom: 64,
  deliverAt: 128,
});

/** Where a record was before it was moved here: in the delayed log, in a dead-letter log, or among half messages. */
export interface MovedFrom {
  readonly log: 'delayed' | 'dead' | 'half';
  readonly offset: number;
}

/** Number in the bytes -> name. */
export const MOVED_FROM_LOGS = Object.freeze(['delayed', 'dead', 'half'] as const);

/** A record to be. */
export interface EncodableMessage {
  readonly body: Uint8Array;
  readonly key?: string | undefined;
  readonly headers?: Headers | undefined;
  /** Without one its id is made of the batch's `idPrefix` and its place in the batch. */
  readonly id?: string | undefined;
  readonly priority?: number | undefined;
  /** It expires so many ms after the broker accepted it. */
  readonly ttlMs?: number | undefined;
  /** All other groups step over it. */
  readonly forGroup?: string | undefined;
  readonly movedFrom?: MovedFrom | undefined;
  /** In the delayed log: when it moves on, epoch ms, */
  readonly deliverAt?: number | undefined;
  /** and where to. */
  readonly targetPartition?: number | undefined;
}

/** A record, decoded. `body` is a view of the bytes it was decoded from. */
export interface LogRecord {
  readonly offset: number;
  /** The broker's clock when it was accepted, epoch ms. */
  readonly timestamp: number;
  readonly id: string;
  readonly key?: string;
  readonly headers: Headers;
  readonly body: Uint8Array;
  /** 0 when it has none. */
  readonly priority: number;
  /** Epoch ms; left out when never. */
  readonly expiresAt?: number;
  readonly forGroup?: string;
  readonly movedFrom?: MovedFrom;
  readonly deliverAt?: number;
  readonly targetPartition?: number;
}

/** Texts up to here are written and read character by character, which is faster than to ask for it. */
export const SHORT_TEXT_CHARACTERS = 48;

export const NO_HEADERS: Headers = Object.freeze(Object.create(null) as Headers);
const encoder = new TextEncoder();

/** The bits of the fields that `message` has. */
export function fieldsOf(message: EncodableMessage): number {
  let fields = 0;
  if (message.id !== undefined) fields |= FIELD.id;
  if (message.key !== undefined) fields |= FIELD.key;
  if (hasHeaders(message.headers)) fields |= FIELD.headers;
  if (message.priority !== undefined && message.priority > 0) fields |= FIELD.priority;
  if (message.ttlMs !== undefined) fields |= FIELD.ttl;
  if (message.forGroup !== undefined) fields |= FIELD.forGroup;
  if (message.movedFrom !== undefined) fields |= FIELD.movedFrom;
  if (message.deliverAt !== undefined) fields |= FIELD.deliverAt;
  return fields;
}

/** What follows `recordBytes`, and is counted by it. */
export function recordBytesOf(message: EncodableMessage, fields: number): number {
  let bytes = 1 + message.body.length;
  if (fields === 0) return bytes;
  if (fields & FIELD.id) bytes += textBytes(message.id ?? '');
  if (message.key !== undefined) bytes += textBytes(message.key);
  if (fields & FIELD.headers) bytes += headersBytes(message.headers ?? NO_HEADERS);
  if (fields & FIELD.priority) bytes += 1;
  if (message.ttlMs !== undefined) bytes += varintBytes(message.ttlMs);
  if (message.forGroup !== undefined) bytes += textBytes(message.forGroup);
  if (message.movedFrom !== undefined) bytes += 1 + varintBytes(message.movedFrom.offset);
  if (message.deliverAt !== undefined) {
    bytes += varintBytes(message.deliverAt) + varintBytes(message.targetPartition ?? 0);
  }
  return bytes;
}

/** Answers the position behind it. `fields` and `recordBytes` are those of the two functions above. */
export function writeRecord(
  into: Uint8Array,
  position: number,
  record: { readonly message: EncodableMessage; readonly fields: number; readonly recordBytes: number },
): number {
  const { message, fields, recordBytes } = record;
  let at = writeVarint(into, position, recordBytes);
  into[at] = fields;
  at += 1;
  if (fields !== 0) at = writeFields(into, at, message, fields);
  into.set(message.body, at);
  return at + message.body.length;
}

function writeFields(into: Uint8Array, position: number, message: EncodableMessage, fields: number): number {
  let at = position;
  if (fields & FIELD.id) at = writeText(into, at, message.id ?? '');
  if (message.key !== undefined) at = writeText(into, at, message.key);
  if (fields & FIELD.headers) at = writeHeaders(into, at, message.headers ?? NO_HEADERS);
  if (message.priority !== undefined && message.priority > 0) {
    into[at] = message.priority;
    at += 1;
  }
  if (message.ttlMs !== undefined) at = writeVarint(into, at, message.ttlMs);
  if (message.forGroup !== undefined) at = writeText(into, at, message.forGroup);
  if (message.movedFrom !== undefined) {
    into[at] = MOVED_FROM_LOGS.indexOf(message.movedFrom.log);
    at = writeVarint(into, at + 1, message.movedFrom.offset);
  }
  if (message.deliverAt === undefined) return at;
  return writeVarint(into, writeVarint(into, at, message.deliverAt), message.targetPartition ?? 0);
}

/** A text with its length before it; answers the position behind it. */
export function writeText(into: Uint8Array, position: number, text: string): number {
  const bytes = utf8Length(text);
  const from = writeVarint(into, position, bytes);
  if (bytes !== text.length || bytes > SHORT_TEXT_CHARACTERS) encoder.encodeInto(text, into.subarray(from));
  else for (let index = 0; index < bytes; index += 1) into[from + index] = text.charCodeAt(index);
  return from + bytes;
}

/** With its length before it. */
export function textBytes(text: string): number {
  const bytes = utf8Length(text);
  return varintBytes(bytes) + bytes;
}

function hasHeaders(headers: Headers | undefined): boolean {
  if (headers === undefined) return false;
  for (const _name in headers) return true;
  return false;
}

function headersBytes(headers: Headers): number {
  const names = Object.keys(headers); // an array for each of the entries would take longer than all the rest
  let bytes = varintBytes(names.length);
  for (const name of names) bytes += textBytes(name) + textBytes(headers[name] ?? '');
  return bytes;
}

function writeHeaders(into: Uint8Array, position: number, headers: Headers): number {
  const names = Object.keys(headers);
  let at = writeVarint(into, position, names.length);
  for (const name of names) at = writeText(into, writeText(into, at, name), headers[name] ?? '');
  return at;
}
