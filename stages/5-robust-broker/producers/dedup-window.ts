/**
 * The ids a topic accepted lately, and where their messages are.
 *
 *     Map: id -> number        columns: number % capacity -> id, when, where
 *
 *              first                                   end
 *     forgotten  |  a   b [ c0 c1 c2 ]   d   -   e   f  |  next        - : taken back, its write failed
 *                   oldest                      youngest
 *
 * Always true:
 *   - I4: ids are compared as they are: no two that differ in a single byte are the same
 *   - an id is known from when it was accepted until `windowMs` later, and no longer; of more than `idsMax` the oldest go
 *     before their time
 *   - a message takes 107 bytes here with an id of 24 characters, measured on V8 with a million of them: the text of the
 *     id, its entry in the map and its row in the columns
 * Pure: no clock, no disk. The rules of a topic use it.
 */

/** Where the messages of one batch are. */
export interface AcceptedBatch {
  readonly ids: readonly string[];
  /** Epoch ms. */
  readonly at: number;
  readonly partition: number;
  /** In the partition; of what is not due yet, in the delayed log. */
  readonly baseOffset: number;
  /** Of each message, epoch ms; only when they are not due yet. */
  readonly deliverAts?: readonly number[] | undefined;
}

/** The place of messages that were accepted before. */
export interface KnownMessages {
  /** Of the first message of their batch. */
  readonly batchNumber: number;
  readonly partition: number;
  readonly baseOffset: number;
  /** Of the first of them; only when it was not due when it was accepted. */
  readonly deliverAt: number | undefined;
}

/** `partly`: some of the ids are known, or all, but not as one batch. */
export type Finding = KnownMessages | 'new' | 'partly';

export interface DedupWindowOptions {
  readonly windowMs: number;
  readonly idsMax: number;
}

const CAPACITY_FIRST = 1024;
/** In the columns, for a message that is not due yet: its partition, below zero. */
const DELAYED = -1;

export class DedupWindow {
  readonly #options: DedupWindowOptions;
  readonly #numbers = new Map<string, number>();
  #first = 0;
  #end = 0;
  #columns = new Columns(CAPACITY_FIRST);
  /** Number -> when it is due, of messages that came before that; ascending. */
  readonly #deliverAts = new Map<number, number>();
  /** Partition -> where its first known message was when that was last asked; it only moves up. */
  readonly #firstIn = new Map<number, number>();

  constructor(options: DedupWindowOptions) {
    this.#options = options;
  }

  /** Ids that are known. */
  get size(): number {
    return this.#numbers.size;
  }

  find(ids: readonly string[], now: number): Finding {
    this.#forget(now);
    const number = this.#numbers.get(ids[0] ?? '');
    if (ids.length === 1) return number === undefined ? 'new' : this.#known(number);
    if (number !== undefined && this.#isBatchFrom(number, ids)) return this.#known(number);
    const areNew = ids.every((id) => !this.#numbers.has(id)) && new Set(ids).size === ids.length;
    return areNew ? 'new' : 'partly';
  }

  /** Ids that were found to be new. Answers the number of the first; those of the others follow. */
  add(batch: AcceptedBatch): number {
    const { ids, partition, baseOffset, deliverAts } = batch;
    const at = Math.max(batch.at, this.#first < this.#end ? this.#columns.atOf(this.#end - 1) : batch.at);
    const number = this.#end;
    const place = deliverAts === undefined ? partition : DELAYED - partition;
    for (let index = 0; index < ids.length; index += 1) {
      const id = ids[index] as string;
      this.#makeRoom();
      const deliverAt = deliverAts?.[index];
      if (deliverAt !== undefined) this.#deliverAts.set(this.#end, deliverAt);
      this.#columns.set(this.#end, { id, at, offset: baseOffset + index, place, index, count: ids.length });
      this.#numbers.set(id, this.#end);
      this.#end += 1;
    }
    return number;
  }

  /** Of `count` messages from `number` on nothing is known any more. */
  takeBack(number: number, count: number): void {
    for (let own = Math.max(number, this.#first); own < number + count; own += 1) this.#drop(own);
  }

  /** The least offset of a message in this partition that is known; `Infinity` without one. */
  firstOffsetIn(partition: number, now: number): number {
    this.#forget(now);
    let number = Math.max(this.#firstIn.get(partition) ?? 0, this.#first);
    while (number < this.#end && !this.#columns.isIn(partition, number)) number += 1;
    this.#firstIn.set(partition, number);
    return number < this.#end ? this.#columns.rowOf(number).offset : Number.POSITIVE_INFINITY;
  }

  /** The least offset of a message in the delayed log that is needed to build this again; `Infinity` without one. */
  firstDelayedOffset(now: number): number {
    this.#forget(now);
    const [number] = this.#deliverAts.keys();
    return number === undefined ? Number.POSITIVE_INFINITY : this.#columns.rowOf(number).offset;
  }

  #known(number: number): KnownMessages {
    const { place, offset, index } = this.#columns.rowOf(number);
    return {
      batchNumber: number - index,
      partition: place < 0 ? DELAYED - place : place,
      baseOffset: offset,
      deliverAt: this.#deliverAts.get(number),
    };
  }

  #isBatchFrom(number: number, ids: readonly string[]): boolean {
    const { index: first, count } = this.#columns.rowOf(number);
    if (first !== 0 || count !== ids.length) return false;
    return ids.every((id, index) => this.#numbers.get(id) === number + index);
  }

  #makeRoom(): void {
    if (this.#end - this.#first === this.#options.idsMax) this.#dropFirst();
    if (this.#end - this.#first < this.#columns.capacity) return;
    const larger = new Columns(this.#columns.capacity * 2);
    for (let number = this.#first; number < this.#end; number += 1) larger.set(number, this.#columns.rowOf(number));
    this.#columns = larger;
  }

  #forget(now: number): void {
    const { windowMs } = this.#options;
    while (this.#first < this.#end && now - this.#columns.atOf(this.#first) >= windowMs) this.#dropFirst();
  }

  #dropFirst(): void {
    this.#drop(this.#first);
    this.#first += 1;
  }

  #drop(number: number): void {
    const { id } = this.#columns.rowOf(number);
    if (this.#numbers.get(id) === number) this.#numbers.delete(id);
    this.#columns.clearId(number);
    this.#deliverAts.delete(number);
  }
}

interface Row {
  readonly id: string;
  /** Epoch ms. */
  readonly at: number;
  readonly offset: number;
  /** The partition, or `DELAYED` less it. */
  readonly place: number;
  /** In its batch, which has `count`. */
  readonly index: number;
  readonly count: number;
}

/** Rows as columns: of a million objects the heads alone would take more. */
class Columns {
  readonly capacity: number;
  readonly #ids: (string | undefined)[];
  readonly #ats: Float64Array;
  readonly #offsets: Float64Array;
  readonly #places: Int32Array;
  readonly #indexes: Uint32Array;
  readonly #counts: Uint32Array;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#ids = Array.from({ length: capacity });
    this.#ats = new Float64Array(capacity);
    this.#offsets = new Float64Array(capacity);
    this.#places = new Int32Array(capacity);
    this.#indexes = new Uint32Array(capacity);
    this.#counts = new Uint32Array(capacity);
  }

  set(number: number, { id, at, offset, place, index, count }: Row): void {
    const slot = number % this.capacity;
    this.#ids[slot] = id;
    this.#ats[slot] = at;
    this.#offsets[slot] = offset;
    this.#places[slot] = place;
    this.#indexes[slot] = index;
    this.#counts[slot] = count;
  }

  rowOf(number: number): Row {
    const slot = number % this.capacity;
    return {
      id: this.#ids[slot] ?? '',
      at: this.#ats[slot] ?? 0,
      offset: this.#offsets[slot] ?? 0,
      place: this.#places[slot] ?? 0,
      index: this.#indexes[slot] ?? 0,
      count: this.#counts[slot] ?? 0,
    };
  }

  atOf(number: number): number {
    return this.#ats[number % this.capacity] ?? 0;
  }

  isIn(partition: number, number: number): boolean {
    const slot = number % this.capacity;
    return this.#places[slot] === partition && this.#ids[slot] !== undefined;
  }

  clearId(number: number): void {
    this.#ids[number % this.capacity] = undefined;
  }
}
