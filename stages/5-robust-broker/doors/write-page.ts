/**
 * Puts what is written in one turn together: small frames are copied behind one another, large pieces go as they are.
 *
 *     write(small) write(small) write(large) write(small)  -->  take():  [small small] [large] [small]
 *
 * Always true: what was taken is never written to again, and is in the order in which it was written. Only ByteChannel uses it.
 */

/** The first page is small, since most connections say little; each next one is twice as large. */
const PAGE_BYTES_MIN = 4096;
const PAGE_BYTES_MAX = 64 * 1024;
/** Longer pieces are not copied. */
const COPIED_BYTES_MAX = 2048;

/** Where a piece is to be written. */
export interface Room {
  readonly bytes: Buffer;
  readonly at: number;
}

export class WritePage {
  #pieces: Uint8Array[] = [];
  #pieceBytes = 0;
  #page = Buffer.allocUnsafeSlow(PAGE_BYTES_MIN);
  /** Written up to `#at`; taken, or among the pieces, up to `#from`. */
  #from = 0;
  #at = 0;

  /** Of what was not taken. */
  get bytes(): number {
    return this.#pieceBytes + this.#at - this.#from;
  }

  write(piece: Uint8Array): void {
    const { length } = piece;
    if (length > COPIED_BYTES_MAX) {
      this.#cut();
      this.#add(piece);
      return;
    }
    this.#makeRoom(length);
    this.#page.set(piece, this.#at);
    this.#at += length;
  }

  /** Room for a small piece, which the caller writes at once: it is made in its place, and never copied. */
  reserve(length: number): Room | undefined {
    if (length > COPIED_BYTES_MAX) return undefined;
    this.#makeRoom(length);
    const room = { bytes: this.#page, at: this.#at };
    this.#at += length;
    return room;
  }

  take(): readonly Uint8Array[] {
    this.#cut();
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#pieceBytes = 0;
    return pieces;
  }

  #makeRoom(length: number): void {
    if (this.#page.length - this.#at >= length) return;
    this.#cut();
    this.#page = Buffer.allocUnsafeSlow(Math.min(this.#page.length * 2, PAGE_BYTES_MAX));
    this.#from = 0;
    this.#at = 0;
  }

  /** What is on the page is a piece. */
  #cut(): void {
    if (this.#at === this.#from) return;
    this.#add(this.#page.subarray(this.#from, this.#at));
    this.#from = this.#at;
  }

  #add(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#pieceBytes += piece.length;
  }
}
