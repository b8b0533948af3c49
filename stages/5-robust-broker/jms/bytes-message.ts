/**
 * A message with bytes in it, written and read as Java writes and reads data: big-endian, texts with their length.
 *
 *     made --> write... --> reset --> read...          received --> read... --> reset --> read...
 *
 * Always true: it is either written or read, never both; a read that fails has not moved on. Sessions make it.
 */
import type { Body } from '../doors/bodies.ts';
import { modifiedLength, readModified, writeModified } from '../doors/openwire/modified-utf8.ts';
import { type ScalarType, typed, typeOfPlain } from '../doors/typed-values.ts';
import { asFormat, MessageEOFException, MessageFormatException, MessageNotReadableException } from './errors.ts';
import { BODY, Message, STATE } from './message.ts';

const SMALLEST_BYTES = 256;
/** What `writeUTF` can say of the length of a text. */
const UTF_BYTES_MAX = 0xffff;

/** A message with bytes in it. */
export class BytesMessage extends Message {
  #bytes: Uint8Array;
  #view: DataView;
  /** How many of them are the body. */
  #length: number;
  #at = 0;

  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    super();
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
    this.#length = bytes.length;
  }

  override [BODY](): Body {
    return { kind: 'bytes', bytes: this.#bytes.slice(0, this.#length) };
  }

  getBodyLength(): number {
    this.#checkReadable();
    return this.#length;
  }

  /** What was written is read from its beginning. */
  reset(): void {
    this[STATE].isBodyReadOnly = true;
    this.#at = 0;
  }

  readBoolean(): boolean {
    return this.#view.getUint8(this.#pass(1)) !== 0;
  }

  readByte(): number {
    return this.#view.getInt8(this.#pass(1));
  }

  readUnsignedByte(): number {
    return this.#view.getUint8(this.#pass(1));
  }

  readShort(): number {
    return this.#view.getInt16(this.#pass(2));
  }

  readUnsignedShort(): number {
    return this.#view.getUint16(this.#pass(2));
  }

  readChar(): string {
    return String.fromCharCode(this.#view.getUint16(this.#pass(2)));
  }

  readInt(): number {
    return this.#view.getInt32(this.#pass(4));
  }

  readLong(): bigint {
    return this.#view.getBigInt64(this.#pass(8));
  }

  readFloat(): number {
    return this.#view.getFloat32(this.#pass(4));
  }

  readDouble(): number {
    return this.#view.getFloat64(this.#pass(8));
  }

  /** A text as `writeUTF` of Java writes it. */
  readUTF(): string {
    const from = this.#at;
    const length = this.readUnsignedShort();
    try {
      const start = this.#pass(length);
      return asFormat(() => readModified(Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + start, length)));
    } catch (error) {
      this.#at = from;
      throw error;
    }
  }

  /** The next `length` bytes, or as many as there are; of none left, none. Default: all that are left. */
  readBytes(length = this.#length): Uint8Array {
    this.#checkReadable();
    const from = this.#at;
    this.#at = Math.min(from + Math.max(0, length), this.#length);
    return this.#bytes.slice(from, this.#at);
  }

  writeBoolean(value: boolean): void {
    const bit = check('boolean', value) ? 1 : 0;
    this.#put(1, (view, at) => view.setUint8(at, bit));
  }

  writeByte(value: number): void {
    check('byte', value);
    this.#put(1, (view, at) => view.setInt8(at, value));
  }

  writeShort(value: number): void {
    check('short', value);
    this.#put(2, (view, at) => view.setInt16(at, value));
  }

  /** One UTF-16 unit. */
  writeChar(value: string): void {
    check('char', value);
    this.#put(2, (view, at) => view.setUint16(at, value.charCodeAt(0)));
  }

  writeInt(value: number): void {
    check('int', value);
    this.#put(4, (view, at) => view.setInt32(at, value));
  }

  writeLong(value: bigint | number): void {
    check('long', value);
    this.#put(8, (view, at) => view.setBigInt64(at, BigInt(value)));
  }

  writeFloat(value: number): void {
    check('float', value);
    this.#put(4, (view, at) => view.setFloat32(at, value));
  }

  writeDouble(value: number): void {
    check('double', value);
    this.#put(8, (view, at) => view.setFloat64(at, value));
  }

  /** A text as `writeUTF` of Java writes it: at most 65,535 bytes. */
  writeUTF(value: string): void {
    check('string', value);
    const length = modifiedLength(value);
    if (length > UTF_BYTES_MAX) throw new MessageFormatException(`a text of ${length} bytes is too long`);
    const bytes = Buffer.alloc(length);
    writeModified(bytes, value, 0);
    this.#put(2, (view, at) => view.setUint16(at, length));
    this.writeBytes(bytes);
  }

  writeBytes(value: Uint8Array): void {
    check('bytes', value);
    const from = this.#room(value.length);
    this.#bytes.set(value, from);
  }

  /** A boolean, number (an int where it is one, else a double), bigint (a long), string or Uint8Array. */
  writeObject(value: unknown): void {
    const type = typeOfPlain(value);
    if (type === 'boolean') this.writeBoolean(value as boolean);
    else if (type === 'int') this.writeInt(value as number);
    else if (type === 'double') this.writeDouble(value as number);
    else if (type === 'long') this.writeLong(value as bigint);
    else if (type === 'string') this.writeUTF(value as string);
    else if (type === 'bytes') this.writeBytes(value as Uint8Array);
    else throw new MessageFormatException(`no value of bytes: ${typeof value}`);
  }

  override clearBody(): void {
    super.clearBody();
    this.#bytes = new Uint8Array(0);
    this.#view = viewOf(this.#bytes);
    this.#length = 0;
    this.#at = 0;
  }

  #checkReadable(): void {
    if (!this[STATE].isBodyReadOnly) throw new MessageNotReadableException('it is being written; reset() first');
  }

  /** Where the next `count` bytes to read begin. */
  #pass(count: number): number {
    this.#checkReadable();
    const from = this.#at;
    if (from + count > this.#length) throw new MessageEOFException(`there are no ${count} more bytes`);
    this.#at += count;
    return from;
  }

  /** `write` puts so many bytes at an offset of the view. */
  #put(count: number, write: (view: DataView, at: number) => void): void {
    const from = this.#room(count);
    write(this.#view, from);
  }

  /** Where the next `count` bytes to write go. */
  #room(count: number): number {
    this.checkBodyWritable();
    const from = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2, SMALLEST_BYTES));
      larger.set(this.#bytes.subarray(0, from));
      this.#bytes = larger;
      this.#view = viewOf(larger);
    }
    return from;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function check(type: ScalarType, value: unknown): unknown {
  return asFormat(() => typed('the value', type, value)).value;
}
