/**
 * Writes the fields of one frame, or of one body.
 *
 * Always true: what is written is exactly what WireReader reads; what was taken is not written to again. Pure. The codec uses it.
 */
import { MqError } from '../../../../shared/contract/errors.ts';
import { modifiedLength, writeModified } from './modified-utf8.ts';

const FIRST_BYTES = 512;
/** Of a text behind two bytes of length. */
const TEXT_BYTES_MAX = 0xffff;
const TWO_TO_32 = 2 ** 32;

export class WireWriter {
  readonly version: number;
  #bytes = Buffer.allocUnsafe(FIRST_BYTES);
  #at = 0;

  constructor(version: number) {
    this.version = version;
  }

  byte(value: number): void {
    this.#bytes[this.#room(1)] = value;
  }

  boolean(value: boolean): void {
    this.byte(value ? 1 : 0);
  }

  short(value: number): void {
    this.#bytes.writeInt16BE(value, this.#room(2));
  }

  unsignedShort(value: number): void {
    this.#bytes.writeUInt16BE(value, this.#room(2));
  }

  int(value: number): void {
    this.#bytes.writeInt32BE(value, this.#room(4));
  }

  long(value: number): void {
    const at = this.#room(8);
    this.#bytes.writeInt32BE(Math.floor(value / TWO_TO_32), at);
    this.#bytes.writeUInt32BE(value - Math.floor(value / TWO_TO_32) * TWO_TO_32, at + 4);
  }

  exactLong(value: bigint): void {
    this.#bytes.writeBigInt64BE(value, this.#room(8));
  }

  float(value: number): void {
    this.#bytes.writeFloatBE(value, this.#room(4));
  }

  double(value: number): void {
    this.#bytes.writeDoubleBE(value, this.#room(8));
  }

  /** `MQ_MESSAGE_TOO_LARGE` for one of more than 65,535 bytes. */
  text(value: string): void {
    const length = modifiedLength(value);
    if (length > TEXT_BYTES_MAX) {
      throw new MqError(
        'MQ_MESSAGE_TOO_LARGE',
        `a text of ${length} bytes where OpenWire has room for ${TEXT_BYTES_MAX}`,
      );
    }
    this.unsignedShort(length);
    writeModified(this.#bytes, value, this.#room(length));
  }

  longText(value: string | null): void {
    if (value === null) {
      this.int(-1);
      return;
    }
    const length = modifiedLength(value);
    this.int(length);
    writeModified(this.#bytes, value, this.#room(length));
  }

  bytes(value: Uint8Array): void {
    this.#bytes.set(value, this.#room(value.length));
  }

  /** The size of what stands from `at` on, as an int before it. */
  sizeAt(at: number): void {
    this.#bytes.writeInt32BE(this.#at - at - 4, at);
  }

  /** All that was written; the writer is of no use after it. */
  take(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  #room(length: number): number {
    const at = this.#at;
    const end = at + length;
    if (end > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(end, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    this.#at = end;
    return at;
  }
}
