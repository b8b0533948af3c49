/**
 * Cuts packets out of what comes, whatever pieces it comes in.
 *
 *     head u8 | length varint | content of that length
 *
 * Always true (I33): a packet that says it is longer than `packetBytesMax` is refused before any of it is kept; memory grows
 * with what has come, not with what was announced; after a Violation, or `stop`, nothing more is handed over. A packet that
 * lies in one piece is not copied.
 */
import { varintBytes } from './fields.ts';
import { malformed, protocolError, REASON, Violation } from './reasons.ts';

const FIRST_BYTES = 1024;

export interface PacketReaderOptions {
  /** Of one packet, with its head and length. */
  readonly packetBytesMax: number;
  /** `content` is only valid during the call where it was not copied; it may be kept: nothing writes there again. */
  readonly onPacket: (head: number, content: Buffer) => void;
}

export class PacketReader {
  readonly #onPacket: (head: number, content: Buffer) => void;
  packetBytesMax: number;
  /** MQTT 5: a length has no byte that it does not need. */
  isStrict = false;
  /** While it is set, a packet that begins in another way is refused at once. */
  onlyHead: number | undefined;
  /** Packets begun so far, by their first byte. */
  begunCount = 0;
  /** Of the packet that has begun; 0: none has. */
  #head = 0;
  #length = 0;
  /** Bytes of the length that came. */
  #lengthBytes = 0;
  #isLengthKnown = false;
  /** What came of a content that is not whole. */
  #part: Buffer | undefined;
  #partBytes = 0;
  #isHeld = false;
  #held: Buffer[] = [];
  #isStopped = false;

  constructor({ packetBytesMax, onPacket }: PacketReaderOptions) {
    this.packetBytesMax = packetBytesMax;
    this.#onPacket = onPacket;
  }

  /** A packet has begun and is not whole. */
  get isWithinPacket(): boolean {
    return this.#head !== 0;
  }

  stop(): void {
    this.#isStopped = true;
    this.#part = undefined;
    this.#held = [];
  }

  /** Nothing more is handed over until `release`: what comes meanwhile is kept, so the caller reads no more for now. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    const held = this.#held;
    this.#held = [];
    for (const piece of held) this.push(piece);
  }

  push(piece: Uint8Array): void {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    for (let at = 0; at < bytes.length; ) {
      if (this.#isStopped) return;
      if (this.#isHeld) {
        this.#held.push(bytes.subarray(at));
        return;
      }
      if (this.#head === 0) {
        this.#begin(bytes.readUInt8(at));
        at += 1;
      } else if (!this.#isLengthKnown) {
        this.#lengthByte(bytes.readUInt8(at));
        at += 1;
      } else {
        at += this.#content(bytes, at);
      }
    }
  }

  #begin(head: number): void {
    if (this.onlyHead !== undefined && head !== this.onlyHead) {
      throw protocolError('the first packet of a client is CONNECT');
    }
    if (head < 0x10) throw malformed('there is no packet of type 0');
    this.#head = head;
    this.begunCount += 1;
  }

  #lengthByte(byte: number): void {
    this.#length += (byte & 0x7f) * 2 ** (7 * this.#lengthBytes);
    this.#lengthBytes += 1;
    if ((byte & 0x80) !== 0) {
      if (this.#lengthBytes === 4) throw malformed('the length of a packet has more than four bytes');
      return;
    }
    if (this.isStrict && this.#lengthBytes > varintBytes(this.#length)) {
      throw malformed('the length of a packet is written with more bytes than it needs');
    }
    if (1 + this.#lengthBytes + this.#length > this.packetBytesMax) {
      throw new Violation(REASON.packetTooLarge, `a packet has at most ${this.packetBytesMax} bytes`);
    }
    this.#isLengthKnown = true;
    if (this.#length === 0) this.#whole(Buffer.alloc(0));
  }

  /** How many of the bytes from `at` on belong to the packet. */
  #content(bytes: Buffer, at: number): number {
    const here = Math.min(this.#length - this.#partBytes, bytes.length - at);
    if (this.#part === undefined && here === this.#length) {
      this.#whole(bytes.subarray(at, at + here));
      return here;
    }
    const part = this.#roomFor(this.#partBytes + here);
    bytes.copy(part, this.#partBytes, at, at + here);
    this.#partBytes += here;
    if (this.#partBytes === this.#length) this.#whole(part.subarray(0, this.#length));
    return here;
  }

  #roomFor(bytes: number): Buffer {
    const now = this.#part ?? Buffer.allocUnsafeSlow(Math.min(this.#length, Math.max(bytes, FIRST_BYTES)));
    this.#part = now;
    if (now.length >= bytes) return now;
    const larger = Buffer.allocUnsafeSlow(Math.min(this.#length, Math.max(bytes, 2 * now.length)));
    now.copy(larger, 0, 0, this.#partBytes);
    this.#part = larger;
    return larger;
  }

  #whole(content: Buffer): void {
    const head = this.#head;
    this.#head = 0;
    this.#length = 0;
    this.#lengthBytes = 0;
    this.#isLengthKnown = false;
    this.#part = undefined;
    this.#partBytes = 0;
    this.#onPacket(head, content);
  }
}
