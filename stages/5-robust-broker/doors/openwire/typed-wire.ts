/**
 * Values with their types as ActiveMQ writes them: properties of messages, bodies that are maps or streams, and what both
 * sides say of themselves at the start.
 *
 *     map      count int, then for each: name text, value            value    type code, then its bytes
 *     list     count int, then the values
 *
 * Always true: depth and count are bounded before anything is built, and a count can be no larger than the bytes that follow;
 * reading what was written gives the same values. Pure.
 */
import { MqError } from '../../../../shared/contract/errors.ts';
import { DEPTH_MAX, VALUES_COUNT_MAX } from '../typed-json.ts';
import type { TypedValue } from '../typed-values.ts';
import { modifiedLength } from './modified-utf8.ts';
import { WireReader } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

const CODE = Object.freeze({
  null: 0,
  boolean: 1,
  byte: 2,
  char: 3,
  short: 4,
  int: 5,
  long: 6,
  double: 7,
  float: 8,
  string: 9,
  bytes: 10,
  map: 11,
  list: 12,
  longString: 13,
});
/** Longer texts have four bytes of length. */
const SHORT_TEXT_BYTES_MAX = 8191;
/**
 * The Java client writes all texts as Java does, and reads those in streams likewise; but the values of maps it reads as plain
 * UTF-8. Only NUL and characters beyond U+FFFF differ.
 */
type Texts = 'modified' | 'utf8';
type Contained = Extract<TypedValue, { type: 'bytes' | 'map' | 'list' }>;
/** Values of this kind are the same in every version. */
const ANY_VERSION = 12;

/** What the bytes say; a map that is not there is empty. */
export function decodeMap(bytes: Buffer): Map<string, TypedValue> {
  const reader = new ValueReader(bytes);
  const map = reader.map(0);
  reader.end();
  return map;
}

export function encodeMap(map: ReadonlyMap<string, TypedValue>): Buffer {
  const writer = new WireWriter(ANY_VERSION);
  writeMap(writer, map);
  return writer.take();
}

/** Values one behind the other, to the end of the bytes. */
export function decodeStream(bytes: Buffer): TypedValue[] {
  const reader = new ValueReader(bytes);
  const values: TypedValue[] = [];
  while (reader.hasMore) values.push(reader.value(1));
  return values;
}

export function encodeStream(values: readonly TypedValue[]): Buffer {
  const writer = new WireWriter(ANY_VERSION);
  for (const value of values) writeValue(writer, value, 'modified');
  return writer.take();
}

class ValueReader {
  readonly #reader: WireReader;
  #count = 0;

  constructor(bytes: Buffer) {
    this.#reader = new WireReader(bytes, ANY_VERSION);
  }

  get hasMore(): boolean {
    return this.#reader.remaining > 0;
  }

  end(): void {
    if (this.hasMore) throw new MqError('MQ_PROTOCOL', `${this.#reader.remaining} bytes are left over behind a map`);
  }

  map(depth: number): Map<string, TypedValue> {
    const map = new Map<string, TypedValue>();
    const count = this.#countOf(depth);
    for (let index = 0; index < count; index += 1) map.set(this.#reader.text(), this.value(depth + 1));
    return map;
  }

  value(depth: number): TypedValue {
    this.#count += 1;
    if (this.#count > VALUES_COUNT_MAX) throw new MqError('MQ_PROTOCOL', `more than ${VALUES_COUNT_MAX} values`);
    const reader = this.#reader;
    const code = reader.unsignedByte();
    switch (code) {
      case CODE.null:
        return { type: 'null', value: null };
      case CODE.boolean:
        return { type: 'boolean', value: reader.boolean() };
      case CODE.byte:
        return { type: 'byte', value: reader.byte() };
      case CODE.char:
        return { type: 'char', value: String.fromCharCode(reader.unsignedShort()) };
      case CODE.short:
        return { type: 'short', value: reader.short() };
      case CODE.int:
        return { type: 'int', value: reader.int() };
      case CODE.long:
        return { type: 'long', value: reader.exactLong() };
      case CODE.double:
        return { type: 'double', value: reader.double() };
      case CODE.float:
        return { type: 'float', value: reader.float() };
      default:
        return this.#longerValue(code, depth);
    }
  }

  #longerValue(code: number, depth: number): TypedValue {
    const reader = this.#reader;
    switch (code) {
      case CODE.string:
        return { type: 'string', value: reader.text() };
      case CODE.longString:
        return { type: 'string', value: reader.longText() ?? '' };
      case CODE.bytes:
        return { type: 'bytes', value: new Uint8Array(reader.bytes(reader.int())) };
      case CODE.map:
        return { type: 'map', value: this.map(depth) };
      case CODE.list:
        return { type: 'list', value: Array.from({ length: this.#countOf(depth) }, () => this.value(depth + 1)) };
      default:
        throw new MqError('MQ_PROTOCOL', `no value is of type ${code}`);
    }
  }

  #countOf(depth: number): number {
    if (depth > DEPTH_MAX) throw new MqError('MQ_PROTOCOL', `more than ${DEPTH_MAX} maps and lists within each other`);
    const count = this.#reader.int();
    return count === -1 ? 0 : this.#reader.count(count);
  }
}

function writeMap(writer: WireWriter, map: ReadonlyMap<string, TypedValue>): void {
  writer.int(map.size);
  for (const [name, value] of map) {
    writer.text(name);
    writeValue(writer, value, 'utf8');
  }
}

function writeValue(writer: WireWriter, value: TypedValue, texts: Texts): void {
  if (value.type === 'string') {
    writeText(writer, value.value, texts);
    return;
  }
  writer.byte(CODE[value.type]);
  switch (value.type) {
    case 'null':
      break;
    case 'boolean':
      writer.boolean(value.value);
      break;
    case 'byte':
      writer.byte(value.value);
      break;
    case 'char':
      writer.unsignedShort(value.value.charCodeAt(0));
      break;
    case 'short':
      writer.short(value.value);
      break;
    case 'int':
      writer.int(value.value);
      break;
    case 'long':
      writer.exactLong(value.value);
      break;
    case 'double':
      writer.double(value.value);
      break;
    case 'float':
      writer.float(value.value);
      break;
    default:
      writeContained(writer, value, texts);
      break;
  }
}

function writeContained(writer: WireWriter, value: Contained, texts: Texts): void {
  if (value.type === 'map') {
    writeMap(writer, value.value);
    return;
  }
  writer.int(value.value.length);
  if (value.type === 'bytes') writer.bytes(value.value);
  else for (const each of value.value) writeValue(writer, each, texts);
}

function writeText(writer: WireWriter, text: string, texts: Texts): void {
  const plain = texts === 'utf8' ? Buffer.from(text) : undefined;
  const length = plain?.length ?? modifiedLength(text);
  const isShort = length <= SHORT_TEXT_BYTES_MAX;
  writer.byte(isShort ? CODE.string : CODE.longString);
  if (plain === undefined) {
    if (isShort) writer.text(text);
    else writer.longText(text);
    return;
  }
  if (isShort) writer.unsignedShort(length);
  else writer.int(length);
  writer.bytes(plain);
}
