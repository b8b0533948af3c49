/**
 * Writes the binary format from front to back: big-endian numbers, counted texts.
 *
 * Always true: what is written is exactly as long as the size it was made for, which the caller computed before.
 * The message codec calls it.
 */
import assert from 'node:assert/strict';

const U32_SIZE = 2 ** 32;

export class ByteWriter {
  readonly #bytes: Buffer<ArrayBuffer>;
  #position = 0;

  constructor(size: number) {
    this.#bytes = Buffer.allocUnsafeSlow(size);
  }

  /** What was written, once all of it was. */
  get bytes(): Uint8Array<ArrayBuffer> {
    // I6: memory is handed out as it was reserved, so no byte of it may be one that was never written.
    assert.equal(this.#position, this.#bytes.length, 'I6: what was written is as long as it was said to be');
    return this.#bytes;
  }

  u8(value: number): void {
    this.#position = this.#bytes.writeUInt8(value, this.#position);
  }

  u16(value: number): void {
    this.#position = this.#bytes.writeUInt16BE(value, this.#position);
  }

  u32(value: number): void {
    this.#position = this.#bytes.writeUInt32BE(value, this.#position);
  }

  /** A safe integer in two halves; null sets all bits. */
  u64(value: number | null): void {
    this.u32(value === null ? U32_SIZE - 1 : Math.floor(value / U32_SIZE));
    this.u32(value === null ? U32_SIZE - 1 : value % U32_SIZE);
  }

  text(text: string): void {
    const size = this.#bytes.write(text, this.#position + 2, 'utf8');
    this.u16(size);
    this.#position += size;
  }

  body(body: Uint8Array | string): void {
    if (typeof body === 'string') this.#position += this.#bytes.write(body, this.#position, 'utf8');
    else {
      this.#bytes.set(body, this.#position);
      this.#position += body.length;
    }
  }
}
