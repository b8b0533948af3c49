/**
 * Reads the fields of one frame, or of one body, from its bytes.
 *
 *     | type | int | boolean | text | ... |        each read moves on; nothing is read beyond the end
 *
 * Always true: what is not there is `MQ_PROTOCOL`, and nothing is made room for before it is known to be there; bytes that are
 * handed out are those of the frame, not copies. Pure. The codec uses it.
 */
import { MqError } from '../../../../shared/contract/errors.ts';
import { readModified } from './modified-utf8.ts';

const TWO_TO_32 = 2 ** 32;

export class WireReader {
  /** Of the protocol: later ones have more fields. */
  readonly version: number;
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer, version: number) {
    this.#bytes = bytes;
    this.version = version;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    return this.#bytes.readInt8(this.#take(1));
  }

  /** Also of a type code. */
  unsignedByte(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  /** Java takes any number but 0 for true. */
  boolean(): boolean {
    return this.unsignedByte() !== 0;
  }

  short(): number {
    return this.#bytes.readInt16BE(this.#take(2));
  }

  unsignedShort(): number {
    return this.#bytes.readUInt16BE(this.#take(2));
  }

  int(): number {
    return this.#bytes.readInt32BE(this.#take(4));
  }

  /** Beyond 2^53 the nearest number there is: for times and counters. */
  long(): number {
    const at = this.#take(8);
    return this.#bytes.readInt32BE(at) * TWO_TO_32 + this.#bytes.readUInt32BE(at + 4);
  }

  exactLong(): bigint {
    return this.#bytes.readBigInt64BE(this.#take(8));
  }

  float(): number {
    return this.#bytes.readFloatBE(this.#take(4));
  }

  double(): number {
    return this.#bytes.readDoubleBE(this.#take(8));
  }

  /** A text of at most 65,535 bytes, behind its length. */
  text(): string {
    return this.#textOf(this.unsignedShort());
  }

  /** A text of any length, behind its length; null where that is -1. */
  longText(): string | null {
    const length = this.int();
    return length === -1 ? null : this.#textOf(length);
  }

  #textOf(length: number): string {
    const at = this.#take(length);
    return readModified(this.#bytes, at, at + length);
  }

  bytes(length: number): Buffer {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** All that was not read. */
  rest(): Buffer {
    return this.bytes(this.remaining);
  }

  /** How many things follow, each of at least one byte. */
  count(count: number): number {
    if (count < 0 || count > this.remaining) throw truncated(count, this.remaining);
    return count;
  }

  #take(length: number): number {
    if (length < 0 || length > this.remaining) throw truncated(length, this.remaining);
    const at = this.#at;
    this.#at += length;
    return at;
  }
}

function truncated(wanted: number, remaining: number): MqError {
  return new MqError('MQ_PROTOCOL', `${wanted} bytes are announced where ${remaining} are left`);
}
