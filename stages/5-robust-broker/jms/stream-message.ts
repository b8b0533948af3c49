/**
 * A message with typed values in it, one after the other.
 *
 *     made --> write... --> reset --> read...          received --> read... --> reset --> read...
 *
 * Always true: it is either written or read, never both; a read that fails has not moved on. Sessions make it.
 */
import type { Body } from '../doors/bodies.ts';
import { readAs, type ScalarType, type TypedValue, typed, typeOfPlain, type ValueOf } from '../doors/typed-values.ts';
import { asFormat, MessageEOFException, MessageFormatException, MessageNotReadableException } from './errors.ts';
import { BODY, Message, STATE } from './message.ts';

/** A message with typed values in it, one after the other. */
export class StreamMessage extends Message {
  #values: TypedValue[];
  #at = 0;

  constructor(values: readonly TypedValue[] = []) {
    super();
    this.#values = [...values];
  }

  override [BODY](): Body {
    return { kind: 'stream', values: [...this.#values] };
  }

  /** What was written is read from its beginning. */
  reset(): void {
    this[STATE].isBodyReadOnly = true;
    this.#at = 0;
  }

  readBoolean(): boolean {
    return this.#read('boolean') ?? false;
  }

  readByte(): number {
    return this.#read('byte') ?? isNull();
  }

  readShort(): number {
    return this.#read('short') ?? isNull();
  }

  readChar(): string {
    return this.#read('char') ?? isNull();
  }

  readInt(): number {
    return this.#read('int') ?? isNull();
  }

  readLong(): bigint {
    return this.#read('long') ?? isNull();
  }

  readFloat(): number {
    return this.#read('float') ?? isNull();
  }

  readDouble(): number {
    return this.#read('double') ?? isNull();
  }

  readString(): string | null {
    return this.#read('string');
  }

  /** All of them: there is no buffer to be filled piece by piece. */
  readBytes(): Uint8Array | null {
    return this.#read('bytes')?.slice() ?? null;
  }

  /** A bigint for a long. */
  readObject(): unknown {
    const { value } = this.#next();
    this.#at += 1;
    return value;
  }

  writeBoolean(value: boolean): void {
    this.#write('boolean', value);
  }

  writeByte(value: number): void {
    this.#write('byte', value);
  }

  writeShort(value: number): void {
    this.#write('short', value);
  }

  /** One UTF-16 unit. */
  writeChar(value: string): void {
    this.#write('char', value);
  }

  writeInt(value: number): void {
    this.#write('int', value);
  }

  writeLong(value: bigint | number): void {
    this.#write('long', value);
  }

  writeFloat(value: number): void {
    this.#write('float', value);
  }

  writeDouble(value: number): void {
    this.#write('double', value);
  }

  writeString(value: string | null): void {
    this.#write(value === null ? 'null' : 'string', value);
  }

  writeBytes(value: Uint8Array): void {
    this.#write('bytes', value instanceof Uint8Array ? value.slice() : value);
  }

  /** A boolean, number (an int where it is one, else a double), bigint (a long), string, Uint8Array or null. */
  writeObject(value: unknown): void {
    const type = value === null ? 'null' : typeOfPlain(value);
    if (type === undefined) throw new MessageFormatException(`no value of a stream: ${typeof value}`);
    this.#write(type, value);
  }

  override clearBody(): void {
    super.clearBody();
    this.#values = [];
    this.#at = 0;
  }

  #next(): TypedValue {
    if (!this[STATE].isBodyReadOnly) throw new MessageNotReadableException('it is being written; reset() first');
    const value = this.#values[this.#at];
    if (value === undefined) throw new MessageEOFException('there are no more values');
    return value;
  }

  #read<T extends ScalarType>(type: T): ValueOf<T> | null {
    const next = this.#next();
    const value = asFormat(() => readAs('the next value', next, type));
    if (value === null && type !== 'string' && type !== 'bytes') isNull();
    this.#at += 1;
    return value;
  }

  #write(type: ScalarType | 'null', value: unknown): void {
    this.checkBodyWritable();
    this.#values.push(type === 'null' ? { type, value: null } : asFormat(() => typed('the value', type, value)));
  }
}

function isNull(): never {
  throw new MessageFormatException('the next value is null');
}
