/**
 * A log in a fixed number of slots: appending goes round and round, and reading takes nothing away.
 *
 *     slotCount 8          logStartOffset 6            logEndOffset 13
 *                               v                           v
 *     slot      0    1    2    3    4    5    6    7        the record with offset o is in slot o % 8;
 *             [ 8 ][ 9 ][10 ][11 ][12 ][   ][ 6 ][ 7 ]      the write pointer is at slot 13 % 8 = 5
 *                                        ^
 *                                  next append
 *
 * Always true (the README explains each):
 *   I1  0 <= logEndOffset - logStartOffset <= slotCount, and 0 <= bytes <= bytesMax
 *   I2  offset o is in slot o % slotCount exactly while logStartOffset <= o < logEndOffset; every other slot is empty
 *
 * It never decides what may go: its owner calls `releaseOldest`, to reclaim a slot everybody is done with or to
 * overwrite one nobody read. Knows nothing of groups, time or waiting.
 */
import assert from 'node:assert/strict';
import { NumberList } from './number-list.ts';

export interface RingBufferOptions {
  readonly slotCount: number;
  /** What all held records weigh together. */
  readonly bytesMax: number;
}

/** What asks for room: `count` records that weigh `heldBytes` together. */
export interface RoomRequest {
  readonly count: number;
  readonly heldBytes: number;
}

/** One record: what a reader gets of it, and what it weighs in memory, which is more. */
export interface RecordWeight {
  readonly bytes: number;
  readonly heldBytes: number;
}

/** Values that entered together and are kept as one object, in the slots of all of them. */
export class Pack<T> {
  /** The value with an offset, which is one of those in the pack. */
  readonly at: (offset: number) => T;

  constructor(at: (offset: number) => T) {
    this.at = at;
  }
}

/** A fixed number of slots and bytes for values with offsets 0, 1, 2, ...; the oldest make room when asked to. */
export class RingBuffer<T extends NonNullable<unknown>> {
  readonly slotCount: number;
  readonly bytesMax: number;
  /** I2. Grows to `slotCount` on the first lap and never again, so a ring that was never used costs nothing. */
  readonly #values: (T | Pack<T> | undefined)[] = [];
  /** Of the value in the same slot. */
  readonly #contentBytes: NumberList;
  readonly #heldBytes: NumberList;
  #logStartOffset = 0;
  #logEndOffset = 0;
  #bytes = 0;

  constructor(options: RingBufferOptions) {
    this.slotCount = options.slotCount;
    this.bytesMax = options.bytesMax;
    this.#contentBytes = new NumberList({ countMax: this.slotCount });
    this.#heldBytes = new NumberList({ countMax: this.slotCount });
    assert(Number.isSafeInteger(this.slotCount) && this.slotCount >= 1, 'slotCount must be a whole number from 1');
  }

  /** Offset of the oldest held record; equal to `logEndOffset` when none is held. */
  get logStartOffset(): number {
    return this.#logStartOffset;
  }

  /** Offset the next record will get. */
  get logEndOffset(): number {
    return this.#logEndOffset;
  }

  /** What is held weighs so much. */
  get bytes(): number {
    return this.#bytes;
  }

  /** False for what would not fit even into an empty ring. */
  canEverHold({ count, heldBytes }: RoomRequest): boolean {
    return count <= this.slotCount && heldBytes <= this.bytesMax;
  }

  hasRoomFor({ count, heldBytes }: RoomRequest): boolean {
    const isRoomInSlots = this.#logEndOffset - this.#logStartOffset + count <= this.slotCount;
    return isRoomInSlots && this.#bytes + heldBytes <= this.bytesMax;
  }

  /** Takes the slot at the write pointer; the caller has made room. A pack is appended once for each of its values. */
  append(value: T | Pack<T>, { bytes, heldBytes }: RecordWeight): number {
    const offset = this.#logEndOffset;
    const slot = this.slotOf(offset);
    this.#values[slot] = value;
    this.#contentBytes.set(slot, bytes);
    this.#heldBytes.set(slot, heldBytes);
    this.#bytes += heldBytes;
    this.#logEndOffset += 1;
    assert(offset - this.#logStartOffset < this.slotCount && this.#bytes <= this.bytesMax, 'I1: append needs room');
    return offset;
  }

  /** Empties the oldest slot: the one way out of the ring, whatever the reason. */
  releaseOldest(): void {
    assert(this.#logStartOffset < this.#logEndOffset, 'I1: nothing is held');
    const slot = this.slotOf(this.#logStartOffset);
    this.#bytes -= this.#heldBytes.at(slot);
    this.#values[slot] = undefined;
    this.#logStartOffset += 1;
  }

  /** The record with this offset; undefined when it is not held. */
  at(offset: number): T | undefined {
    const isHeld = offset >= this.#logStartOffset && offset < this.#logEndOffset;
    const kept = isHeld ? this.#values[this.slotOf(offset)] : undefined;
    return kept instanceof Pack ? kept.at(offset) : kept;
  }

  /** Content bytes of a held record. */
  contentBytesAt(offset: number): number {
    return this.#contentBytes.at(this.slotOf(offset));
  }

  slotOf(offset: number): number {
    return offset % this.slotCount;
  }
}
