/**
 * Makes room in a full ring: what everybody is done with goes first, and under `drop-oldest` then what is oldest.
 *
 *     logStartOffset        lowest committedOffset               logEndOffset
 *           | finished by all |  somebody still needs these           |
 *           +-- reclaimed --->+-- overwritten, counted as dropped --->|
 *
 * Always true:
 *   I15  under `wait` and `reject` a record leaves the ring only when room is needed, there is a group, and every
 *        group has finished it
 * The one place from which anything leaves the ring. Only the topic uses it.
 */
import type { Overflow } from '../../shared/contract/description.ts';
import type { GroupDesk, HeldRecord } from './group-desk.ts';
import type { RingBuffer, RoomRequest } from './ring-buffer.ts';

/** Dropped offsets the screen still shows. */
const OVERWRITTEN_SHOWN_COUNT = 8;

export interface RoomMakerOptions {
  readonly ring: RingBuffer<HeldRecord>;
  /** The topic's own, so that it is always those of now. */
  readonly desks: ReadonlyMap<string, GroupDesk>;
  readonly overflow: Overflow | undefined;
}

export class RoomMaker {
  /** The youngest offsets that were overwritten before every group had finished them. */
  readonly overwrittenOffsets: number[] = [];
  readonly #ring: RingBuffer<HeldRecord>;
  readonly #desks: ReadonlyMap<string, GroupDesk>;
  readonly #isDropping: boolean;
  #droppedCount = 0;

  constructor({ ring, desks, overflow }: RoomMakerOptions) {
    this.#ring = ring;
    this.#desks = desks;
    this.#isDropping = overflow === 'drop-oldest';
  }

  /** Records overwritten before every group had finished them, or while there was no group. */
  get droppedCount(): number {
    return this.#droppedCount;
  }

  /** True when `batch` fits now. */
  makeFor(batch: RoomRequest): boolean {
    if (this.#ring.hasRoomFor(batch)) return true;
    const finishedBelow = this.#finishedBelow();
    while (this.#ring.logStartOffset < finishedBelow && !this.#ring.hasRoomFor(batch)) this.#ring.releaseOldest(); // I15
    if (!this.#isDropping) return this.#ring.hasRoomFor(batch);
    while (!this.#ring.hasRoomFor(batch)) this.#overwriteOldest();
    for (const desk of this.#desks.values()) desk.fallBehind();
    return true;
  }

  /** Every group has finished all offsets below; without a group, none. */
  #finishedBelow(): number {
    if (this.#desks.size === 0) return this.#ring.logStartOffset;
    let lowest = this.#ring.logEndOffset;
    for (const { group } of this.#desks.values()) lowest = Math.min(lowest, group.committedOffset);
    return lowest;
  }

  #overwriteOldest(): void {
    const offset = this.#ring.logStartOffset;
    const isMissed = this.#desks.size === 0 || this.#isUnfinished(offset);
    this.#ring.releaseOldest();
    if (!isMissed) return;
    this.#droppedCount += 1;
    this.overwrittenOffsets.push(offset);
    if (this.overwrittenOffsets.length > OVERWRITTEN_SHOWN_COUNT) this.overwrittenOffsets.shift();
  }

  #isUnfinished(offset: number): boolean {
    for (const { group } of this.#desks.values()) if (group.stateOf(offset) !== 'finished') return true;
    return false;
  }
}
