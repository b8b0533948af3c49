/**
 * Where one group stands in the log: which record goes out next, and which are not finished.
 *
 *     finished (floor)      between floor and next: in flight, given back, or finished     never handed out
 *     ... 3  4  5  6  |  7       8       9       10      11      12  |  13  14  15
 *                     |  in      done    given   done    in      done|
 *              committedOffset 7 flight          back    flight      nextOffset 13         logEndOffset 16
 *
 * Always true (the README explains each):
 *   I4  logStartOffset <= committedOffset <= nextOffset <= logEndOffset, except that a stranded group's
 *       committedOffset stays where it fell behind
 *   I5  an offset from committedOffset up to nextOffset is in flight, or given back, or finished, and only one of them
 *   I6  committedOffset is the lowest unfinished offset; it moves back only by `seek`
 *
 * By I5 finished offsets above the floor, the gaps, need no memory: they are those that are neither in flight nor given
 * back. A log group is the simple case: nothing is ever in flight, and `commit` moves both pointers at once.
 * Pure: no clock, no tokens, no records. The desk of the group is the only caller.
 */
import assert from 'node:assert/strict';
import type { OutOfRangeReset } from '../../shared/contract/description.ts';
import type { RedeliveryReason } from '../../shared/contract/message.ts';
import { Heap } from './heap.ts';
import { OffsetMap } from './offset-map.ts';
import { OffsetRuns } from './offset-runs.ts';

export type GroupKind = 'undecided' | 'queue' | 'log';

/** Where a record stands for one group. */
export type OffsetState = 'available' | 'in-flight' | 'finished';

/** The latest handing-out of an offset: in flight, `reason` says why it came again; given back, why it will. */
export interface Attempt {
  readonly offset: number;
  readonly deliveryCount: number;
  readonly reason: RedeliveryReason | undefined;
}

/** The ends of the log, as a ring has them. */
export interface LogRange {
  readonly logStartOffset: number;
  readonly logEndOffset: number;
}

export interface ConsumerGroupOptions {
  readonly startOffset: number;
  readonly onOutOfRange: OutOfRangeReset;
}

export class ConsumerGroup {
  kind: GroupKind = 'undecided';
  readonly #onOutOfRange: OutOfRangeReset;
  /** I6 */
  #committedOffset: number;
  /** Lowest offset never handed out since the last seek. */
  #nextOffset: number;
  /** I5 */
  readonly #inFlight = new OffsetMap<Attempt>();
  /** I5; `#givenBackOrder` has the same offsets, lowest first. */
  readonly #givenBack = new OffsetMap<Attempt>();
  readonly #givenBackOrder = new Heap<number>((one, other) => one < other);
  /** From here up to `#nextOffset` all was handed out; */
  #runFrom: number;
  /** and before a seek or a reset took it here, these: what it gets of them comes again. */
  readonly #earlierRuns = new OffsetRuns();
  /** Nothing below is looked at again: the floor of a stranded group stays, and the way from it would get ever longer. */
  #droppedBelow = 0;
  #isStranded = false;
  #redeliveredCount = 0;
  #droppedCount = 0;

  constructor(options: ConsumerGroupOptions) {
    this.#committedOffset = options.startOffset;
    this.#nextOffset = options.startOffset;
    this.#runFrom = options.startOffset;
    this.#onOutOfRange = options.onOutOfRange;
  }

  /** Next offset to read; of a queue group its ack floor. */
  get committedOffset(): number {
    return this.#committedOffset;
  }

  get nextOffset(): number {
    return this.#nextOffset;
  }

  get inFlightCount(): number {
    return this.#inFlight.size;
  }

  /** Deliveries that were not the first of their record. */
  get redeliveredCount(): number {
    return this.#redeliveredCount;
  }

  /** Records the group will never finish because they were overwritten, or skipped by a reset to the latest. */
  get droppedCount(): number {
    return this.#droppedCount;
  }

  /** True when it fell behind and its reset is `error`: only a seek, or a commit further on, gets it going again. */
  get isStranded(): boolean {
    return this.#isStranded;
  }

  availableCount(logEndOffset: number): number {
    return this.#givenBack.size + logEndOffset - this.#nextOffset;
  }

  /** The offset `take` would hand out: what was given back first, as it is always older. */
  peek(logEndOffset: number): number | undefined {
    return this.#givenBackOrder.first ?? (this.#nextOffset < logEndOffset ? this.#nextOffset : undefined);
  }

  /** Hands out the offset that `peek` answered. */
  take(offset: number): Attempt {
    const earlier = this.#givenBack.get(offset);
    assert(offset === this.#givenBackOrder.first || offset === this.#nextOffset, 'I5: only what is next goes out');
    if (earlier !== undefined) {
      this.#givenBackOrder.shift();
      this.#givenBack.delete(offset);
    } else {
      this.#nextOffset += 1;
    }
    const attempt = earlier === undefined ? this.#firstAttempt(offset) : nextAttempt(earlier);
    if (attempt.reason !== undefined) this.#redeliveredCount += 1;
    this.#inFlight.set(attempt);
    return attempt;
  }

  /** An in-flight offset is done. */
  finish(offset: number): void {
    const attempt = this.#inFlight.delete(offset);
    assert(attempt !== undefined, 'I5: only what is in flight is finished');
    this.#advanceFloor();
  }

  /** An in-flight offset becomes available again. */
  giveBack(offset: number, reason: RedeliveryReason): void {
    const attempt = this.#inFlight.delete(offset);
    assert(attempt !== undefined, 'I5: only what is in flight is given back');
    this.#givenBack.set({ offset, deliveryCount: attempt.deliveryCount, reason });
    this.#givenBackOrder.push(offset);
  }

  /** Moves a log group on; an offset it has passed already changes nothing. */
  commit(offset: number): void {
    if (offset <= this.#committedOffset) return;
    assert(this.#inFlight.size === 0 && this.#givenBack.size === 0, 'I5: a log group has nothing in flight');
    this.#committedOffset = offset;
    this.#nextOffset = Math.max(this.#nextOffset, offset);
    this.#isStranded = false;
  }

  /** Stands at `offset` with nothing in flight; deliveryCounts start again. */
  seek(offset: number, { logStartOffset }: Pick<LogRange, 'logStartOffset'>): void {
    this.#inFlight.clear();
    this.#givenBack.clear();
    this.#givenBackOrder.clear();
    this.#committedOffset = offset;
    this.#goOnAt(offset);
    this.#earlierRuns.forgetBelow(logStartOffset);
    this.#isStranded = false;
  }

  /** After records were overwritten. Answers the offsets among them that were in flight: their leases are over. */
  fallBehind({ logStartOffset, logEndOffset }: LogRange): readonly number[] {
    if (this.#committedOffset >= logStartOffset) return [];
    const ended = this.#dropBelow(logStartOffset);
    if (this.#onOutOfRange === 'error') {
      this.#isStranded = true;
      return ended;
    }
    this.#committedOffset = logStartOffset;
    if (this.#onOutOfRange === 'latest') this.#skipTo(logEndOffset);
    this.#advanceFloor();
    return ended;
  }

  stateOf(offset: number): OffsetState {
    if (offset < this.#committedOffset) return 'finished';
    if (this.#inFlight.has(offset)) return 'in-flight';
    return offset >= this.#nextOffset || this.#givenBack.has(offset) ? 'available' : 'finished';
  }

  /** The count its latest delivery carried; 0 when it has none since the last seek. */
  deliveryCountOf(offset: number): number {
    const attempt = this.#inFlight.get(offset) ?? this.#givenBack.get(offset);
    return attempt?.deliveryCount ?? 0;
  }

  #firstAttempt(offset: number): Attempt {
    return { offset, deliveryCount: 1, reason: this.#earlierRuns.has(offset) ? 'seek' : undefined };
  }

  /** I6. Each offset is passed once, so a long run of acks costs O(1) per ack. */
  #advanceFloor(): void {
    if (this.#isStranded) return; // what it missed is not finished: it must not slide over it
    let offset = this.#committedOffset;
    while (offset < this.#nextOffset && !this.#inFlight.has(offset) && !this.#givenBack.has(offset)) offset += 1;
    this.#committedOffset = offset;
  }

  /** Forgets what is not held any more and counts what of it was unfinished. */
  #dropBelow(logStartOffset: number): number[] {
    const ended: number[] = [];
    const from = Math.max(this.#committedOffset, this.#droppedBelow);
    for (let offset = from; offset < logStartOffset; offset += 1) {
      if (this.stateOf(offset) !== 'finished') this.#droppedCount += 1;
      if (this.#inFlight.delete(offset) !== undefined) ended.push(offset);
      this.#givenBack.delete(offset);
    }
    while ((this.#givenBackOrder.first ?? logStartOffset) < logStartOffset) this.#givenBackOrder.shift();
    this.#nextOffset = Math.max(this.#nextOffset, logStartOffset);
    this.#droppedBelow = logStartOffset;
    return ended;
  }

  #skipTo(logEndOffset: number): void {
    this.#droppedCount += this.availableCount(logEndOffset);
    this.#givenBack.clear();
    this.#givenBackOrder.clear();
    this.#goOnAt(logEndOffset);
  }

  /** The next one to be handed out for the first time is not the one after the last. */
  #goOnAt(offset: number): void {
    this.#earlierRuns.add({ from: this.#runFrom, below: this.#nextOffset });
    this.#runFrom = offset;
    this.#nextOffset = offset;
  }
}

/** deliveryCount counts failures: what was returned, or left behind by a member that went, keeps its count. */
function nextAttempt({ offset, deliveryCount, reason }: Attempt): Attempt {
  const hasFailed = reason === 'retry' || reason === 'lease-expired';
  return { offset, deliveryCount: hasFailed ? deliveryCount + 1 : deliveryCount, reason };
}
