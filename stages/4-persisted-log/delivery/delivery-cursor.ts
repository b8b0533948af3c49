/**
 * Where one group stands in one partition: which record goes out next, and which were given back.
 *
 *     finished (floor)      between floor and next: in flight, given back, or finished     never handed out
 *     ... 3  4  5  6  |  7       8       9       10      11      12  |  13  14  [15]  16  ...
 *                     |  in      done    given   done    in      done|          taken
 *              floor 7   flight          back    flight              next 13    out of turn     highWatermark
 *
 * Always true:
 *   I10: an offset below `next`, or taken out of turn, is in flight (a lease has it), or given back, or finished, and only
 *   one of them; so what is finished needs no memory: it is what is neither of the other two
 *   `next` is the lowest offset that was never handed out; nothing that is taken out of turn is below it
 *
 * Fresh records need no memory here at all: their lease has them. Instead of the position half of stage 2's
 * `ConsumerGroup`, which keeps an object for each delivery. Knows no clock, no lease and no record.
 */

import type { PriorityIndex } from '../policies/priority-index.ts';
import { GivenBackOffsets } from './given-back.ts';
import { type OffsetSpan, OffsetSpans } from './offset-spans.ts';

export interface DeliveryCursorOptions {
  readonly startOffset: number;
  /** What is given back and ready goes out by it, then by offset. */
  readonly priorityOf: (offset: number) => number;
}

export class DeliveryCursor {
  /** I10. Lowest offset never handed out since the last seek. */
  #next: number;
  /** Above `#next`: handed out, or finished, before their turn. */
  readonly taken = new OffsetSpans();
  /** From here up to `#next` all had their turn; */
  #runFrom: number;
  /** and before a seek or a reset took it here, these: what it gets of them comes again. */
  readonly earlier = new OffsetSpans();
  /** Where a group fell behind whose reset is `error`; only a seek, or a commit further on, gets it going again. */
  strandedAt: number | undefined = undefined;
  /** How often the group was taken elsewhere: what somebody knows of fresh records is worth nothing after that. */
  moveCount = 0;
  /** By priority: nothing of it below is fresh, so that what went out is not looked through again and again. */
  #freshFrom: number[] = [];
  readonly givenBack: GivenBackOffsets;

  constructor({ startOffset, priorityOf }: DeliveryCursorOptions) {
    this.#next = startOffset;
    this.#runFrom = startOffset;
    this.givenBack = new GivenBackOffsets(priorityOf);
  }

  get next(): number {
    return this.#next;
  }

  get runFrom(): number {
    return this.#runFrom;
  }

  /** Above everything that was ever handed out. */
  get endOffset(): number {
    return Math.max(this.#next, this.taken.spans.at(-1)?.below ?? 0);
  }

  /** The lowest offset that is not finished; `firstOpen` is the lowest one in flight. */
  floor(firstOpen: number): number {
    return this.strandedAt ?? this.lowest(firstOpen);
  }

  /** The same, and of a stranded group too what it still has. */
  lowest(firstOpen: number): number {
    return Math.min(this.#next, firstOpen, this.givenBack.lowestOffset);
  }

  /** Records up to `end` that were never handed out. */
  freshCount(end: number): number {
    return Math.max(end - this.#next, 0) - this.taken.countBelow(end);
  }

  /** Never handed out since the last seek. */
  isFresh(offset: number): boolean {
    return offset >= this.#next && !this.taken.has(offset);
  }

  /** The lowest fresh offset of a priority above 0. */
  firstFreshOf(priority: number, index: PriorityIndex): number | undefined {
    let from = Math.max(this.#next, this.#freshFrom[priority] ?? 0);
    let offset = index.firstFrom(priority, from);
    while (offset !== undefined && this.taken.has(offset)) {
      from = this.taken.firstGapFrom(offset);
      offset = index.firstFrom(priority, from);
    }
    this.#freshFrom[priority] = from;
    return offset;
  }

  isFreshRun({ from, below }: OffsetSpan): boolean {
    return from >= this.#next && this.taken.firstFrom(from) >= below;
  }

  /** Fresh offsets had their turn. */
  take({ from, below }: OffsetSpan): void {
    if (from > this.#next) {
      this.taken.add({ from, below });
      return;
    }
    this.#next = below;
    if (this.taken.size === 0) return;
    this.#next = this.taken.firstGapFrom(below);
    this.taken.forgetBelow(this.#next);
  }

  /** Moves a log group on; an offset it has passed already changes nothing. */
  commit(offset: number): void {
    if (offset <= this.floor(Number.POSITIVE_INFINITY)) return;
    this.#next = Math.max(this.#next, offset);
    this.strandedAt = undefined;
  }

  /** Stands at `offset`, with nothing given back and everything before forgotten, except that it was handed out. */
  seek(offset: number, { logStartOffset }: { readonly logStartOffset: number }): void {
    this.givenBack.clear();
    this.#goOnAt(offset);
    this.earlier.forgetBelow(logStartOffset);
    this.strandedAt = undefined;
  }

  /** What is below is not held any more. Answers how many of that were fresh or given back. */
  dropBelow(logStartOffset: number): number {
    let droppedCount = this.freshCount(logStartOffset);
    for (let offset = this.givenBack.lowestOffset; offset < logStartOffset; offset = this.givenBack.lowestOffset) {
      this.givenBack.take(offset);
      droppedCount += 1;
    }
    if (logStartOffset > this.#next) this.take({ from: this.#next, below: logStartOffset });
    return droppedCount;
  }

  /** Goes on at `end` as if all before had been finished. Answers how many of that were fresh or given back. */
  skipTo(end: number): number {
    const droppedCount = this.freshCount(end) + this.givenBack.size;
    this.givenBack.clear();
    this.#goOnAt(end);
    return droppedCount;
  }

  /** The log has lost its end: nothing from `end` on was ever there. */
  cutBack(end: number): void {
    for (const { offset } of [...this.givenBack.all]) if (offset >= end) this.givenBack.take(offset);
    this.taken.forgetFrom(end);
    this.earlier.forgetFrom(end);
    if (this.strandedAt !== undefined && this.strandedAt > end) this.strandedAt = end;
    this.#next = Math.min(this.#next, end);
    this.#runFrom = Math.min(this.#runFrom, end);
    this.#freshFrom = [];
    this.moveCount += 1;
  }

  /** As a snapshot has it. */
  standAt({ next, runFrom }: { readonly next: number; readonly runFrom: number }): void {
    this.#next = next;
    this.#runFrom = runFrom;
  }

  #goOnAt(offset: number): void {
    this.earlier.add({ from: this.#runFrom, below: this.#next });
    for (const span of this.taken.spans) this.earlier.add(span);
    this.taken.clear();
    this.#runFrom = offset;
    this.#next = offset;
    this.#freshFrom = [];
    this.moveCount += 1;
  }
}
