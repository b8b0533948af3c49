/**
 * Reads the content of one frame from front to back.
 *
 * Always true: nothing beyond the content is read, nothing is reserved by a number that stands in it, and what cannot be
 * read is `MQ_PROTOCOL` with the name of the field: a peer that writes such a frame is broken, and its connection ends.
 * Pure.
 */
import { isUtf8 } from 'node:buffer';
import { MqError } from '../../../../shared/contract/errors.ts';
import { NO_TEXT } from './frame-writer.ts';

const U32_SIZE = 2 ** 32;
/** Largest high half of a safe integer. */
const SAFE_HIGH_MAX = 2 ** 21 - 1;

export class FieldsReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(content: Uint8Array) {
    this.#bytes = Buffer.from(content.buffer, content.byteOffset, content.length);
  }

  u8(field: string): number {
    return this.#bytes[this.#take(field, 1)] ?? 0;
  }

  u16(field: string): number {
    return this.#bytes.readUInt16BE(this.#take(field, 2));
  }

  u32(field: string): number {
    return this.#bytes.readUInt32BE(this.#take(field, 4));
  }

  /** undefined when all bits are set. */
  u32IfThere(field: string): number | undefined {
    const value = this.u32(field);
    return value === U32_SIZE - 1 ? undefined : value;
  }

  u64(field: string): number {
    return this.u64IfThere(field) ?? refuse(field, 'is not there');
  }

  /** null when all bits are set. */
  u64IfThere(field: string): number | null {
    const high = this.u32(field);
    const low = this.u32(field);
    if (high <= SAFE_HIGH_MAX) return high * U32_SIZE + low;
    return high === U32_SIZE - 1 && low === U32_SIZE - 1 ? null : refuse(field, 'is above 2^53 - 1');
  }

  text(field: string): string {
    return this.textIfThere(field) ?? refuse(field, 'is not there');
  }

  textIfThere(field: string): string | null {
    const length = this.u16(field);
    if (length === NO_TEXT) return null;
    const start = this.#take(field, length);
    const text = this.#bytes.toString('utf8', start, start + length);
    // Decoding puts U+FFFD where bytes are wrong; only then look closer, for a sender may also have meant it.
    if (text.includes('\ufffd') && !isUtf8(this.#bytes.subarray(start, start + length))) {
      refuse(field, 'is not valid UTF-8');
    }
    return text;
  }

  /** A view of the next `length` bytes. */
  bytes(field: string, length: number): Buffer {
    const start = this.#take(field, length);
    return this.#bytes.subarray(start, start + length);
  }

  /** A view of all that is left. */
  rest(): Buffer {
    return this.bytes('the rest', this.#bytes.length - this.#at);
  }

  /** True when nothing is left, so that a field that may be left out was. */
  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Nothing may be left. */
  end(): void {
    if (this.#at !== this.#bytes.length) refuse('the content', 'is longer than its fields');
  }

  #take(field: string, length: number): number {
    const start = this.#at;
    if (length > this.#bytes.length - start) refuse(field, 'ends beyond the frame');
    this.#at = start + length;
    return start;
  }
}

export function refuse(field: string, why: string): never {
  throw new MqError('MQ_PROTOCOL', `in a frame, ${field} ${why}`);
}
