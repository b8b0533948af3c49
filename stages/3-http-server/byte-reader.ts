/**
 * Reads the binary format from front to back: entries, and inside an entry big-endian numbers and counted texts.
 *
 * Always true: inside an entry nothing beyond its end is read, and before the first one nothing beyond the end of the
 * bytes; what cannot be read is refused with the number of its condition in docs/protocol-http.md. The message codec calls it.
 */
import { isUtf8 } from 'node:buffer';
import { MqError } from '../../shared/contract/errors.ts';

/** Bytes of the length before each entry. */
const LENGTH_BYTES = 4;
const U32_SIZE = 2 ** 32;
/** Largest high half of a safe integer. */
const SAFE_HIGH_MAX = 2 ** 21 - 1;

export class ByteReader {
  position = 0;
  readonly #bytes: Buffer;
  /** Of the bytes; asked for once, since every body is a view of it. */
  readonly #buffer: ArrayBufferLike;
  readonly #byteOffset: number;
  /** Where the present entry ends; before the first entry, where the bytes end. */
  #end: number;
  #index = 0;

  constructor(bytes: Uint8Array) {
    this.#buffer = bytes.buffer;
    this.#byteOffset = bytes.byteOffset;
    this.#bytes = Buffer.from(this.#buffer, this.#byteOffset, bytes.length);
    this.#end = bytes.length;
  }

  beginEntry(index: number): void {
    this.#index = index;
    this.#end = this.#bytes.length;
    if (this.position + LENGTH_BYTES > this.#end) throw invalidBytes(2, this.pathOf(), 'there, as the count says');
    const size = this.u32();
    if (size === 0) throw invalidBytes(2, this.pathOf(), 'at least one byte long');
    if (this.position + size > this.#end) throw invalidBytes(3, this.pathOf(), 'complete');
    this.#end = this.position + size;
  }

  pathOf(member?: string): string {
    return member === undefined ? `messages[${this.#index}]` : `messages[${this.#index}].${member}`;
  }

  u8(): number {
    return this.#bytes[this.#take(1)] ?? 0;
  }

  u16(): number {
    return this.#bytes.readUInt16BE(this.#take(2));
  }

  u32(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  u64(member: string): number {
    return this.u64OrNull(member) ?? this.#refuseNumber(member);
  }

  /** null when all bits are set. */
  u64OrNull(member: string): number | null {
    const high = this.u32();
    const low = this.u32();
    if (high <= SAFE_HIGH_MAX) return high * U32_SIZE + low;
    return high === U32_SIZE - 1 && low === U32_SIZE - 1 ? null : this.#refuseNumber(member);
  }

  text(member: string): string {
    const size = this.u16();
    const start = this.#take(size);
    const text = this.#bytes.toString('utf8', start, start + size);
    // Decoding puts U+FFFD where bytes are wrong; only then look closer, for a sender may also have meant it.
    if (text.includes('\ufffd') && !isUtf8(this.#bytes.subarray(start, start + size))) {
      throw invalidBytes(5, this.pathOf(member), 'valid UTF-8');
    }
    return text;
  }

  /** What is left of the entry, as a plain Uint8Array. */
  rest(): Uint8Array {
    const start = this.position;
    this.position = this.#end;
    return new Uint8Array(this.#buffer, this.#byteOffset + start, this.#end - start);
  }

  /** I6: the one place that moves the position, and it stays inside the entry. */
  #take(size: number): number {
    const start = this.position;
    if (start + size > this.#end) throw invalidBytes(4, this.pathOf(), 'long enough for its fields');
    this.position = start + size;
    return start;
  }

  #refuseNumber(member: string): never {
    throw invalidBytes(7, this.pathOf(member), 'at most 2^53 - 1');
  }
}

/** `expected` completes "... must be"; `condition` is the number in docs/protocol-http.md. */
export function invalidBytes(condition: number, path: string, expected: string): MqError {
  const detail = `${path} must be ${expected} (condition ${condition} of the binary format)`;
  return new MqError('MQ_INVALID_ARGUMENT', detail, { details: { path } });
}
