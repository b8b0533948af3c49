/**
 * The batches a broker keeps in memory, of all its logs together: the youngest, which readers that keep up want next, and
 * what was read lately. Each log has its shelf; a shelf has pieces of neighbouring batches; a piece comes and goes whole.
 *
 *     shelf of log 1   [ 5..8 | 9..9 ]  [ 10..20 | 21..24 ]        |  one bound for all shelves, in bytes;
 *     shelf of log 2   [ 0..99 | 100..180 ]                        |  the piece not wanted for longest goes first
 *
 * Always true (I9): `bytes` is at most `bytesMax`, but for one piece that may be there alone, and the memory taken is no
 * more than that; the pieces of a shelf ascend and do not overlap. Nothing here waits: a reader that finds nothing asks its
 * log to load.
 */
import assert from 'node:assert/strict';
import type { StoredBatch } from '../bytes/stored-batch.ts';

/** A piece of appended batches is closed when it has so much. */
const PIECE_BYTES = 64 * 1024;

interface Piece {
  readonly shelf: CacheShelf;
  /** Ascending, without a gap that another piece would fill. */
  readonly batches: StoredBatch[];
  bytes: number;
}

export class BatchCache {
  readonly bytesMax: number;
  /** Of all pieces; I9. */
  #bytes = 0;
  /** In the order of their last use; the youngest is last. */
  readonly #pieces = new Set<Piece>();
  #youngest: Piece | undefined;

  constructor({ bytesMax }: { readonly bytesMax: number }) {
    this.bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** A shelf for one log. */
  shelf(): CacheShelf {
    return new CacheShelf(this);
  }

  /** Of a shelf: the piece is wanted now. */
  use(piece: Piece): void {
    if (piece === this.#youngest) return;
    this.#pieces.delete(piece);
    this.#pieces.add(piece);
    this.#youngest = piece;
  }

  /** Of a shelf: the piece has grown by so much, or is new with it. */
  grow(piece: Piece, bytes: number): void {
    piece.bytes += bytes;
    this.#bytes += bytes;
    this.use(piece);
    for (const oldest of this.#pieces) {
      if (this.#bytes <= this.bytesMax || oldest === piece) return;
      oldest.shelf.drop(oldest);
    }
  }

  /** Of a shelf: the piece is gone. */
  forget(piece: Piece): void {
    if (!this.#pieces.delete(piece)) return;
    this.#bytes -= piece.bytes;
    if (this.#youngest === piece) this.#youngest = undefined;
  }
}

/** The batches of one log that are in memory. */
export class CacheShelf {
  readonly #cache: BatchCache;
  readonly #pieces: Piece[] = [];
  /** Where the last question was answered; the next one is mostly answered there too. */
  #lastPiece: Piece | undefined;
  #lastBatchIndex = 0;

  constructor(cache: BatchCache) {
    this.#cache = cache;
  }

  /** The batch that has `offset`. */
  at(offset: number): StoredBatch | undefined {
    const piece =
      this.#lastPiece !== undefined && hasOffset(this.#lastPiece, offset) ? this.#lastPiece : this.#find(offset);
    if (piece === undefined) return undefined;
    this.#lastPiece = piece;
    this.#cache.use(piece);
    return this.#batchIn(piece, offset);
  }

  /** The youngest batch of the log; it goes behind all others. */
  push(batch: StoredBatch): void {
    const last = this.#pieces.at(-1);
    const bytes = batch.heldBytes;
    if (last !== undefined && last.bytes < PIECE_BYTES && endOf(last) === batch.baseOffset) {
      last.batches.push(batch);
      this.#cache.grow(last, bytes);
      return;
    }
    const piece: Piece = { shelf: this, batches: [batch], bytes: 0 };
    this.#pieces.push(piece);
    this.#cache.grow(piece, bytes);
  }

  /** Neighbours that were read together; those that are here already are left out. */
  add(loaded: readonly StoredBatch[]): void {
    const batches = loaded.filter((batch) => this.#find(batch.baseOffset) === undefined);
    const [first] = batches;
    if (first === undefined) return;
    const index = this.#indexBehind(first.baseOffset);
    const next = this.#pieces[index];
    // A piece lies between two others as a whole.
    const fitting = next === undefined ? batches : batches.filter((batch) => batch.baseOffset < startOf(next));
    const piece: Piece = { shelf: this, batches: fitting, bytes: 0 };
    this.#pieces.splice(index, 0, piece);
    const bytes = fitting.reduce((sum, batch) => sum + batch.heldBytes, 0);
    this.#cache.grow(piece, bytes);
  }

  /** Forgets every batch that ends at or below `offset`, as far as whole pieces go. */
  dropBelow(offset: number): void {
    for (let first = this.#pieces[0]; first !== undefined && endOf(first) <= offset; first = this.#pieces[0]) {
      this.drop(first);
    }
  }

  /** Forgets every piece that has an offset from `offset` on. */
  dropFrom(offset: number): void {
    for (let last = this.#pieces.at(-1); last !== undefined && endOf(last) > offset; last = this.#pieces.at(-1)) {
      this.drop(last);
    }
  }

  /** Of the cache: there is no room for it any more. */
  drop(piece: Piece): void {
    const index = this.#pieces.indexOf(piece);
    assert(index >= 0, 'a piece is on its shelf');
    this.#pieces.splice(index, 1);
    if (this.#lastPiece === piece) this.#lastPiece = undefined;
    this.#cache.forget(piece);
  }

  #find(offset: number): Piece | undefined {
    const piece = this.#pieces[this.#indexBehind(offset) - 1];
    return piece !== undefined && hasOffset(piece, offset) ? piece : undefined;
  }

  /** Of the first piece that begins above `offset`. */
  #indexBehind(offset: number): number {
    let from = 0;
    let to = this.#pieces.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (startOf(this.#pieces[middle] as Piece) <= offset) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  #batchIn({ batches }: Piece, offset: number): StoredBatch | undefined {
    for (let index = this.#lastBatchIndex; index < this.#lastBatchIndex + 2; index += 1) {
      const batch = batches[index];
      if (batch === undefined || offset < batch.baseOffset || offset >= batch.nextOffset) continue;
      this.#lastBatchIndex = index;
      return batch;
    }
    let from = 0;
    let to = batches.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((batches[middle] as StoredBatch).nextOffset <= offset) from = middle + 1;
      else to = middle;
    }
    this.#lastBatchIndex = from;
    const found = batches[from];
    return found !== undefined && found.baseOffset <= offset ? found : undefined;
  }
}

function startOf({ batches }: Piece): number {
  return (batches[0] as StoredBatch).baseOffset;
}

function endOf({ batches }: Piece): number {
  return (batches.at(-1) as StoredBatch).nextOffset;
}

function hasOffset(piece: Piece, offset: number): boolean {
  return offset >= startOf(piece) && offset < endOf(piece);
}
