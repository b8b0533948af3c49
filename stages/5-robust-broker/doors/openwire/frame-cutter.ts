/**
 * Bytes as they come, cut into frames.
 *
 *     pieces:  [size, fra][me, size, frame, si][ze, ...      -->  frame, frame, ...
 *
 * Always true (I33): a size is judged before a byte of its frame is kept; what is kept of a frame that is not whole is bounded
 * by what has come of it, doubled; how the bytes were cut makes no difference. Nothing is handed out while it is held. Pure
 * but for its state: the session uses one for each connection.
 */
import { MqError } from '../../../../shared/contract/errors.ts';
import { SIZE_BYTES } from './codec.ts';

const FIRST_KEPT_BYTES = 1024;

export class FrameCutter {
  /** Of one frame without its size. */
  frameBytesMax: number;
  readonly #onFrame: (frame: Buffer) => void;
  /** The beginning of a frame, with its size, or what waits because of `hold`. */
  #kept = Buffer.alloc(0);
  #keptBytes = 0;
  #isHeld = false;
  #frameCount = 0;

  constructor(frameBytesMax: number, onFrame: (frame: Buffer) => void) {
    this.frameBytesMax = frameBytesMax;
    this.#onFrame = onFrame;
  }

  /** The number of the frame that has begun and is not whole; undefined between frames and while held. */
  get openFrame(): number | undefined {
    return this.#keptBytes > 0 && !this.#isHeld ? this.#frameCount : undefined;
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** What waits to be looked at. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** The next bytes; those of a frame are handed out as they are. */
  push(bytes: Buffer): void {
    if (this.#keptBytes === 0) this.#keep(bytes, this.#cut(bytes));
    else if (this.#isHeld) this.#keep(bytes, 0);
    else this.#complete(bytes);
  }

  /** No frame is handed out until `release`. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    const waiting = this.#kept.subarray(0, this.#keptBytes);
    this.#forget();
    this.push(waiting);
  }

  /** Of a frame that has begun, whatever belongs to it; then the rest as it is. */
  #complete(bytes: Buffer): void {
    let from = 0;
    if (this.#keptBytes < SIZE_BYTES) {
      from = Math.min(SIZE_BYTES - this.#keptBytes, bytes.length);
      this.#append(bytes.subarray(0, from));
      if (this.#keptBytes < SIZE_BYTES) return;
    }
    const missing = SIZE_BYTES + this.#sizeAt(this.#kept, 0) - this.#keptBytes;
    const piece = bytes.subarray(from, from + missing);
    this.#append(piece);
    if (piece.length < missing) return;
    const frame = this.#kept.subarray(SIZE_BYTES, this.#keptBytes);
    this.#forget();
    this.#hand(frame);
    this.push(bytes.subarray(from + missing));
  }

  /** Hands out the whole frames; answers where the rest begins. */
  #cut(bytes: Buffer): number {
    let at = 0;
    while (!this.#isHeld && bytes.length - at >= SIZE_BYTES) {
      const end = at + SIZE_BYTES + this.#sizeAt(bytes, at);
      if (end > bytes.length) break;
      this.#hand(bytes.subarray(at + SIZE_BYTES, end));
      at = end;
    }
    return at;
  }

  #hand(frame: Buffer): void {
    this.#frameCount += 1;
    this.#onFrame(frame);
  }

  #sizeAt(bytes: Buffer, at: number): number {
    const size = bytes.readInt32BE(at);
    if (size > 0 && size <= this.frameBytesMax) return size;
    throw new MqError('MQ_PROTOCOL', `a frame of ${size} bytes; expected 1 to ${this.frameBytesMax}`);
  }

  #keep(bytes: Buffer, from: number): void {
    if (from < bytes.length) this.#append(bytes.subarray(from));
  }

  #append(piece: Buffer): void {
    const end = this.#keptBytes + piece.length;
    if (end > this.#kept.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(end, this.#kept.length * 2, FIRST_KEPT_BYTES));
      this.#kept.copy(larger, 0, 0, this.#keptBytes);
      this.#kept = larger;
    }
    piece.copy(this.#kept, this.#keptBytes);
    this.#keptBytes = end;
  }

  /** The bytes belong to whom they were handed. */
  #forget(): void {
    this.#kept = Buffer.alloc(0);
    this.#keptBytes = 0;
  }
}
