/**
 * Where one group stands in one partition: which record goes out next, and which were given back.
 *
 *     finished (floor)      between floor and next: in flight, given back, or finished     never handed out
 *     ... 3  4  5  6  |  7       8       9       10      11      12  |  13  14  [15]  16  ...
 *                     |  in      done    given   done    in      done|          taken
 *              floor 7   flight          back    flight              next 13    out of turn     highWatermark
 *
 * Always true:
 *   an offset below `next`, or taken out of turn, is in flight (a lease has it), or given back, or finished, and only one
 *   of them; so what is finished needs no memory: it is what is neither of the other two
 *   `next` is the lowest offset that was never handed out; nothing that is taken out of turn is below it
 *   a given-back offset is ready, or delayed until its time, or dying (nobody gets it any more, it is on its way to the
 *   dead letters)
 *
 * Fresh records need no memory here at all: their lease has them. Instead of the position half of stage 2's
 * `ConsumerGroup`, which keeps an object for each delivery. Knows no clock, no lease and no record.
 */
import { Heap, type HeapNode } from '../2-ring-buffer/heap.ts';
import type { DeathReason } from './group-events.ts';
import type { History } from './history.ts';
import { type OffsetSpan, OffsetSpans } from './offset-spans.ts';
import type { PriorityIndex } from './policies/priority-index.ts';

/** An offset that was handed out, or at least looked at, and waits for what comes next. */
export interface GivenBack {
  readonly offset: number;
  readonly history: History;
  /** Of its record; in a key-ordered group. */
  readonly key: string | undefined;
  /** Epoch ms; 0 for at once. */
  readonly availableAt: number;
  /** Monotonic ms of the same. */
  readonly dueMs: number;
  /** Set: it is dying, since `diedAt`. */
  readonly why: DeathReason | undefined;
  readonly diedAt: number;
}

interface Kept extends GivenBack {
  readonly priority: number;
  byOffset: HeapNode<Kept> | undefined;
  /** In one of the two, or, when dying, in none. */
  whenReady: HeapNode<Kept> | undefined;
  whenDue: HeapNode<Kept> | undefined;
}

export interface DeliveryCursorOptions {
  readonly startOffset: number;
  /** What is ready goes out by it, then by offset. */
  readonly priorityOf: (offset: number) => number;
}

export class DeliveryCursor {
  /** Lowest offset never handed out since the last seek. */
  #next: number;
  /** Above `#next`: handed out, or finished, before their turn. */
  readonly taken = new OffsetSpans();
  /** From here up to `#next` all had their turn; */
  #runFrom: number;
  /** and before a seek or a reset took it here, these: what it gets of them comes again. */
  readonly earlier = new OffsetSpans();
  /** Where a group fell behind whose reset is `error`; only a seek, or a commit further on, gets it going again. */
  strandedAt: number | undefined = undefined;
  /** By priority: nothing of it below is fresh, so that what went out is not looked through again and again. */
  #freshFrom: number[] = [];
  readonly #priorityOf: (offset: number) => number;
  readonly #givenBack = new Map<number, Kept>();
  readonly #byOffset = new Heap<Kept>((one, other) => one.offset < other.offset);
  readonly #ready = new Heap<Kept>(goesFirst);
  readonly #delayed = new Heap<Kept>((one, other) => one.dueMs < other.dueMs);
  /** As many as the group ever had here, in the order in which they began to die. */
  readonly #dying = new Set<Kept>();

  constructor({ startOffset, priorityOf }: DeliveryCursorOptions) {
    this.#next = startOffset;
    this.#runFrom = startOffset;
    this.#priorityOf = priorityOf;
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
    return Math.min(this.#next, firstOpen, this.#byOffset.first?.offset ?? this.#next);
  }

  get readyCount(): number {
    return this.#ready.size;
  }

  get delayedCount(): number {
    return this.#delayed.size;
  }

  get dyingCount(): number {
    return this.#dying.size;
  }

  get givenBackCount(): number {
    return this.#givenBack.size;
  }

  /** Records up to `end` that were never handed out. */
  freshCount(end: number): number {
    return Math.max(end - this.#next, 0) - this.taken.countBelow(end);
  }

  /** What goes out before everything else that was given back. */
  get firstReady(): GivenBack | undefined {
    return this.#ready.first;
  }

  get firstReadyPriority(): number {
    return this.#ready.first?.priority ?? 0;
  }

  /** Monotonic ms at which the first delayed one is due. */
  get firstDueMs(): number | undefined {
    return this.#delayed.first?.dueMs;
  }

  givenBackAt(offset: number): GivenBack | undefined {
    return this.#givenBack.get(offset);
  }

  stateOf(offset: number): 'fresh' | 'ready' | 'delayed' | 'dying' | 'none' {
    const kept = this.#givenBack.get(offset);
    if (kept !== undefined)
      return kept.why !== undefined ? 'dying' : kept.whenReady !== undefined ? 'ready' : 'delayed';
    return this.isFresh(offset) ? 'fresh' : 'none';
  }

  isReady(offset: number): boolean {
    return this.#givenBack.get(offset)?.whenReady !== undefined;
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

  /** All that was given back, in no order. */
  get allGivenBack(): Iterable<GivenBack> {
    return this.#givenBack.values();
  }

  /** Oldest first. */
  get allDying(): Iterable<GivenBack> {
    return this.#dying;
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

  /** An offset that is in flight no more, or that dies in its turn. `nowMs` is monotonic. */
  giveBack(given: GivenBack, nowMs: number): void {
    const { offset, why } = given;
    const priority = this.#priorityOf(offset);
    const kept: Kept = { ...given, priority, byOffset: undefined, whenReady: undefined, whenDue: undefined };
    this.#givenBack.set(offset, kept);
    kept.byOffset = this.#byOffset.push(kept);
    if (why !== undefined) this.#dying.add(kept);
    else if (given.dueMs > nowMs) kept.whenDue = this.#delayed.push(kept);
    else kept.whenReady = this.#ready.push(kept);
  }

  /** A given-back offset is so no more: it is in flight again, or finished. */
  takeBack(offset: number): GivenBack | undefined {
    const kept = this.#givenBack.get(offset);
    if (kept === undefined) return undefined;
    this.#givenBack.delete(offset);
    this.#dying.delete(kept);
    if (kept.byOffset !== undefined) this.#byOffset.remove(kept.byOffset);
    if (kept.whenReady !== undefined) this.#ready.remove(kept.whenReady);
    if (kept.whenDue !== undefined) this.#delayed.remove(kept.whenDue);
    return kept;
  }

  /** What is due becomes ready. */
  wake(nowMs: number): void {
    for (let kept = this.#delayed.first; kept !== undefined && kept.dueMs <= nowMs; kept = this.#delayed.first) {
      this.#delayed.shift();
      kept.whenDue = undefined;
      kept.whenReady = this.#ready.push(kept);
    }
  }

  /** Moves a log group on; an offset it has passed already changes nothing. */
  commit(offset: number): void {
    if (offset <= this.floor(Number.POSITIVE_INFINITY)) return;
    this.#next = Math.max(this.#next, offset);
    this.strandedAt = undefined;
  }

  /** Stands at `offset`, with nothing given back and everything before forgotten, except that it was handed out. */
  seek(offset: number, { logStartOffset }: { readonly logStartOffset: number }): void {
    this.forgetGivenBack();
    this.#goOnAt(offset);
    this.earlier.forgetBelow(logStartOffset);
    this.strandedAt = undefined;
  }

  /** What is below is not held any more. Answers how many of that were fresh or given back. */
  dropBelow(logStartOffset: number): number {
    let droppedCount = this.freshCount(logStartOffset);
    for (let first = this.#byOffset.first; first !== undefined && first.offset < logStartOffset; ) {
      this.takeBack(first.offset);
      droppedCount += 1;
      first = this.#byOffset.first;
    }
    if (logStartOffset > this.#next) this.take({ from: this.#next, below: logStartOffset });
    return droppedCount;
  }

  /** Goes on at `end` as if all before had been finished. Answers how many of that were fresh or given back. */
  skipTo(end: number): number {
    const droppedCount = this.freshCount(end) + this.#givenBack.size;
    this.forgetGivenBack();
    this.#goOnAt(end);
    return droppedCount;
  }

  /** The log has lost its end: nothing from `end` on was ever there. */
  cutBack(end: number): void {
    for (const offset of [...this.#givenBack.keys()]) if (offset >= end) this.takeBack(offset);
    this.taken.forgetFrom(end);
    this.earlier.forgetFrom(end);
    if (this.strandedAt !== undefined && this.strandedAt > end) this.strandedAt = end;
    this.#next = Math.min(this.#next, end);
    this.#runFrom = Math.min(this.#runFrom, end);
    this.#freshFrom = [];
  }

  forgetGivenBack(): void {
    this.#givenBack.clear();
    this.#byOffset.clear();
    this.#ready.clear();
    this.#delayed.clear();
    this.#dying.clear();
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
  }
}

function goesFirst(one: Kept, other: Kept): boolean {
  return one.priority > other.priority || (one.priority === other.priority && one.offset < other.offset);
}
