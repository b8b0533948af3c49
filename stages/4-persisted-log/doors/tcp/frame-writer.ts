/**
 * Writes frames one after the other: small fields into pages, large runs of bytes as they are, without a copy.
 *
 *     begin(type, id)  u8 u16 u32 u64 text bytes ...  end()         then take(): all pieces, in order, for one write
 *
 *     pages      [ head fields | head fields ]           [ head fields ]
 *     pieces     [        one slice         ] [ stored batch, as it is ] [ slice ]
 *
 * Always true: what was taken is never written to again; between `end` and the next `begin` the bytes are whole frames.
 * Knows no socket.
 */
import { utf8Length } from '../../../../shared/contract/validation.ts';
import { HEAD_BYTES, LENGTH_BYTES } from './frame.ts';

/** The first page is small, since most connections say little; each next one is twice as large. */
const PAGE_BYTES_MIN = 4096;
const PAGE_BYTES_MAX = 64 * 1024;
/** Longer runs of bytes are not copied. */
const COPIED_BYTES_MAX = 2048;
const U32_SIZE = 2 ** 32;
/** In the place of a u32 or u64 that is not there: all bits set. */
const NO_U32 = U32_SIZE - 1;
/** In the place of the length of a text that is not there. */
export const NO_TEXT = 0xffff;

export class FrameWriter {
  #pieces: Uint8Array[] = [];
  /** Bytes of `#pieces`. */
  #pieceBytes = 0;
  #page = Buffer.allocUnsafeSlow(PAGE_BYTES_MIN);
  /** Written up to `#at`, taken or among the pieces up to `#from`. */
  #from = 0;
  #at = 0;
  /** Where the length of the open frame is to stand, and what was written before it. */
  #headPage = this.#page;
  #headAt = 0;
  #bytesBefore = 0;

  /** Of what was not taken. */
  get bytes(): number {
    return this.#pieceBytes + this.#at - this.#from;
  }

  begin(type: number, id: number): this {
    this.#reserve(HEAD_BYTES);
    this.#bytesBefore = this.bytes;
    this.#headPage = this.#page;
    this.#headAt = this.#at;
    this.#at += LENGTH_BYTES;
    return this.u8(type).u32(id);
  }

  /** The frame is whole. */
  end(): void {
    this.#headPage.writeUInt32BE(this.bytes - this.#bytesBefore - LENGTH_BYTES, this.#headAt);
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#page[this.#at] = value;
    this.#at += 1;
    return this;
  }

  u16(value: number): this {
    this.#reserve(2);
    this.#at = this.#page.writeUInt16BE(value, this.#at);
    return this;
  }

  /** undefined: not there. */
  u32(value: number | undefined): this {
    this.#reserve(4);
    this.#at = this.#page.writeUInt32BE(value ?? NO_U32, this.#at);
    return this;
  }

  /** A safe integer from 0; null or undefined: not there. */
  u64(value: number | null | undefined): this {
    const isThere = value !== null && value !== undefined;
    this.#reserve(8);
    this.#at = this.#page.writeUInt32BE(isThere ? Math.floor(value / U32_SIZE) : NO_U32, this.#at);
    this.#at = this.#page.writeUInt32BE(isThere ? value % U32_SIZE : NO_U32, this.#at);
    return this;
  }

  /** UTF-8 with its length as u16 before it, at most 65,534 bytes; null: not there. */
  text(text: string | null): this {
    if (text === null) return this.u16(NO_TEXT);
    const bytes = utf8Length(text);
    if (bytes >= NO_TEXT) throw new RangeError('a text of a frame has at most 65,534 bytes');
    this.u16(bytes).#reserve(bytes);
    this.#at += this.#page.write(text, this.#at, 'utf8');
    return this;
  }

  /** All that follows in the frame, or what a length was written for. Long ones are not copied, and must not change. */
  bytesOf(bytes: Uint8Array): this {
    if (bytes.length > COPIED_BYTES_MAX) {
      this.#cut();
      this.#pieces.push(bytes);
      this.#pieceBytes += bytes.length;
    } else {
      this.#reserve(bytes.length);
      this.#page.set(bytes, this.#at);
      this.#at += bytes.length;
    }
    return this;
  }

  /** One behind the other. */
  bytesOfAll(pieces: readonly Uint8Array[]): this {
    for (const piece of pieces) this.bytesOf(piece);
    return this;
  }

  /** What was written since the last time. */
  take(): Uint8Array[] {
    this.#cut();
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#pieceBytes = 0;
    return pieces;
  }

  /** Moves what was written into the page to the pieces. */
  #cut(): void {
    if (this.#at === this.#from) return;
    this.#pieces.push(this.#page.subarray(this.#from, this.#at));
    this.#pieceBytes += this.#at - this.#from;
    this.#from = this.#at;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#page.length) return;
    this.#cut();
    const pageBytes = Math.min(this.#page.length * 2, PAGE_BYTES_MAX);
    this.#page = Buffer.allocUnsafeSlow(Math.max(pageBytes, bytes));
    this.#from = 0;
    this.#at = 0;
  }
}
