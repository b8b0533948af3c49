/**
 * The frame: all that travels on a connection, in both directions.
 *
 *     | length u32 | type u8 | id u32 | content ...        length counts what follows it: 5 bytes and the content
 *
 * Always true of `FrameReader`: it gives the same frames however the stream is cut into pieces; a length is refused before
 * anything is reserved for it, and what is reserved grows with what has come. Pure but for the bytes it keeps of a frame
 * that is not whole yet. docs/protocol-tcp.md tells what each frame means.
 */
import { MqError } from '../../../../shared/contract/errors.ts';
import { readU32 } from '../../bytes/big-endian.ts';
import { freeBytes } from './spent-bytes.ts';

/** Types of frames. Those from 0x80 on are sent by servers only, those from 0x10 to 0x7f by clients only. */
export const FRAME = Object.freeze({
  hello: 0x01,
  welcome: 0x02,
  heartbeat: 0x03,
  goodbye: 0x04,
  send: 0x10,
  receive: 0x11,
  ack: 0x12,
  fetch: 0x13,
  call: 0x14,
  cancel: 0x15,
  credit: 0x16,
  begin: 0x17,
  end: 0x18,
  done: 0x80,
  failed: 0x81,
  sent: 0x82,
  deliveries: 0x83,
  records: 0x84,
  result: 0x85,
  begun: 0x86,
  push: 0x90,
  ended: 0x91,
  pushFrom: 0x92,
});

/** Of the length. */
export const LENGTH_BYTES = 4;
/** Of type and id, which `length` counts. */
const MARK_BYTES = 5;
export const HEAD_BYTES = LENGTH_BYTES + MARK_BYTES;

/** First reserved for a frame that comes in pieces; then twice as much each time it is full. */
const RESERVED_BYTES = 256 * 1024;

/**
 * Given each whole frame. `content` is valid during the call only, unless `isOwn`: then nobody else has these bytes, and
 * they may be kept. A frame that came in pieces is always own.
 */
export type OnFrame = (type: number, id: number, content: Uint8Array, isOwn: boolean) => void;

export interface FrameReaderOptions {
  /** Longest frame taken, its length not counted. */
  readonly frameBytesMax: number;
  readonly onFrame: OnFrame;
}

export class FrameReader {
  readonly #onFrame: OnFrame;
  #bytesMax: number;
  /** The first `#heldBytes` are those of the frame that is not whole. */
  #held: Uint8Array = new Uint8Array(HEAD_BYTES);
  #heldBytes = 0;
  /** How many must be held until more is known: first the length, then the frame. */
  #neededBytes = LENGTH_BYTES;
  #begunCount = 0;
  #isStopped = false;
  /** While it holds, what comes is kept as it is. */
  #isHolding = false;
  #later: Uint8Array[] = [];

  constructor({ frameBytesMax, onFrame }: FrameReaderOptions) {
    this.#bytesMax = frameBytesMax;
    this.#onFrame = onFrame;
  }

  /** True while a frame has begun and is not whole. */
  get isWithinFrame(): boolean {
    return this.#heldBytes > 0;
  }

  /** Frames so far that did not come in one piece. */
  get begunCount(): number {
    return this.#begunCount;
  }

  /** Longest frame taken from now on, its length not counted. */
  set frameBytesMax(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** What comes after this is not looked at. */
  stop(): void {
    this.#isStopped = true;
  }

  /** No frame is given on until `release`; whoever calls it sees to it that little more comes. */
  hold(): void {
    this.#isHolding = true;
  }

  /** Goes on with what came meanwhile. */
  release(): void {
    const later = this.#later;
    this.#later = [];
    this.#isHolding = false;
    for (const piece of later) this.push(piece);
  }

  /** The next bytes of the stream; `MQ_PROTOCOL` for a length no frame has. */
  push(piece: Uint8Array): void {
    if (this.#isHolding) this.#keep(piece);
    else this.#read(piece);
  }

  #keep(piece: Uint8Array): void {
    if (piece.length > 0 && !this.#isStopped) this.#later.push(new Uint8Array(piece));
  }

  #read(piece: Uint8Array): void {
    let at = this.#heldBytes === 0 ? 0 : this.#complete(piece);
    while (!this.#isStopped && !this.#isHolding && piece.length - at >= LENGTH_BYTES) {
      const end = at + LENGTH_BYTES + this.#checkLength(readU32(piece, at));
      if (end > piece.length) break;
      const start = at + LENGTH_BYTES;
      at = end;
      this.#emit(piece.subarray(start, end), false);
    }
    if (this.#isHolding) this.#keep(piece.subarray(at));
    else if (!this.#isStopped && at < piece.length) this.#complete(piece.subarray(at));
  }

  /** Adds what the held frame lacks; answers how much of `piece` that took. */
  #complete(piece: Uint8Array): number {
    let at = 0;
    if (this.#heldBytes === 0) this.#begunCount += 1;
    while (at < piece.length) {
      const taken = Math.min(this.#neededBytes - this.#heldBytes, piece.length - at);
      this.#reserve(this.#heldBytes + taken);
      this.#held.set(piece.subarray(at, at + taken), this.#heldBytes);
      this.#heldBytes += taken;
      at += taken;
      if (this.#heldBytes < this.#neededBytes) break;
      if (this.#neededBytes > LENGTH_BYTES) {
        this.#release();
        break;
      }
      this.#neededBytes = LENGTH_BYTES + this.#checkLength(readU32(this.#held, 0));
    }
    return at;
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#held.length) return;
    const wanted = Math.max(bytes, RESERVED_BYTES, this.#held.length * 2);
    const larger = new Uint8Array(Buffer.allocUnsafeSlow(Math.min(this.#neededBytes, wanted)).buffer);
    larger.set(this.#held.subarray(0, this.#heldBytes));
    freeBytes(this.#held);
    this.#held = larger;
  }

  /** The held frame is whole. */
  #release(): void {
    const frame = this.#held.subarray(LENGTH_BYTES, this.#heldBytes);
    this.#held = new Uint8Array(HEAD_BYTES);
    this.#heldBytes = 0;
    this.#neededBytes = LENGTH_BYTES;
    this.#emit(frame, true);
  }

  #emit(frame: Uint8Array, isOwn: boolean): void {
    this.#onFrame(frame[0] ?? 0, readU32(frame, 1), frame.subarray(MARK_BYTES), isOwn);
  }

  #checkLength(length: number): number {
    if (length >= MARK_BYTES && length <= this.#bytesMax) return length;
    throw new MqError('MQ_PROTOCOL', `a frame has ${MARK_BYTES} to ${this.#bytesMax} bytes, not ${length}`);
  }
}
