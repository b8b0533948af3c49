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
  #bytes: Buffer;
  #at = 0;

  /** `firstBytes`: room to begin with. */
  constructor(version: number, firstBytes = FIRST_BYTES) {
    this.version = version;
    this.#bytes = Buffer.allocUnsafe(firstBytes);
  }

  byte(value: number): void {
    const at = this.#room(1);
    this.#bytes[at] = value;
  }

  boolean(value: boolean): void {
    this.byte(value ? 1 : 0);
  }

  short(value: number): void {
    const at = this.#room(2);
    this.#bytes.writeInt16BE(value, at);
  }

  unsignedShort(value: number): void {
    const at = this.#room(2);
    this.#bytes.writeUInt16BE(value, at);
  }

  int(value: number): void {
    const at = this.#room(4);
    this.#bytes.writeInt32BE(value, at);
  }

  long(value: number): void {
    const at = this.#room(8);
    this.#bytes.writeInt32BE(Math.floor(value / TWO_TO_32), at);
    this.#bytes.writeUInt32BE(value - Math.floor(value / TWO_TO_32) * TWO_TO_32, at + 4);
  }

  exactLong(value: bigint): void {
    const at = this.#room(8);
    this.#bytes.writeBigInt64BE(value, at);
  }

  float(value: number): void {
    const at = this.#room(4);
    this.#bytes.writeFloatBE(value, at);
  }

  double(value: number): void {
    const at = this.#room(8);
    this.#bytes.writeDoubleBE(value, at);
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
    const at = this.#room(length);
    writeModified(this.#bytes, value, at);
  }

  longText(value: string | null): void {
    if (value === null) {
      this.int(-1);
      return;
    }
    const length = modifiedLength(value);
    this.int(length);
    const at = this.#room(length);
    writeModified(this.#bytes, value, at);
  }

  bytes(value: Uint8Array): void {
    const at = this.#room(value.length);
    this.#bytes.set(value, at);
  }

  /** The size of what stands from `at` on, as an int before it. */
  sizeAt(at: number): void {
    this.#bytes.writeInt32BE(this.#at - at - 4, at);
  }

  /** All that was written; the writer is of no use after it. */
  take(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  /** Where so many bytes go. The buffer may be another one afterwards. */
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
