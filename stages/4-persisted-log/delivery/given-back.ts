/**
 * What a group gave back in one partition: ready to go out again, or delayed until its time, or dying (nobody gets it any
 * more, it is on its way to the dead letters).
 *
 *     ready     17, 18, 40       by priority, then by offset
 *     delayed   9 (in 4 s), 21   by time
 *     dying     5, 33            in the order in which they began
 *
 * Always true: an offset is in one of the three at most. Knows no clock: whoever puts something in says what time it is.
 */
import { Heap, type HeapNode } from '../../2-ring-buffer/heap.ts';
import type { DeathReason } from './group-events.ts';
import type { History } from './history.ts';
import type { OffsetSpan } from './offset-spans.ts';

/** An offset that was handed out, or at least looked at, and waits for what comes next. */
export interface GivenBack {
  readonly offset: number;
  readonly history: History;
  /** Of its record; in a key-ordered group, unless it is dying. */
  readonly key: string | undefined;
  /** Epoch ms; 0 for at once. */
  readonly availableAt: number;
  /** Monotonic ms of the same. */
  readonly dueMs: number;
  /** Set: it is dying, since `diedAt`. */
  readonly why: DeathReason | undefined;
  readonly diedAt: number;
}

/** One with its priority. */
export interface ReadyOffset extends GivenBack {
  readonly priority: number;
}

interface Kept extends ReadyOffset {
  byOffset: HeapNode<Kept> | undefined;
  /** In one of the two, or, when dying, in none. */
  whenReady: HeapNode<Kept> | undefined;
  whenDue: HeapNode<Kept> | undefined;
}

export class GivenBackOffsets {
  readonly #priorityOf: (offset: number) => number;
  readonly #kept = new Map<number, Kept>();
  readonly #byOffset = new Heap<Kept>((one, other) => one.offset < other.offset);
  readonly #ready = new Heap<Kept>(goesFirst);
  readonly #delayed = new Heap<Kept>((one, other) => one.dueMs < other.dueMs);
  readonly #dying = new Set<Kept>();
  /** Those who look through what is ready with other eyes. */
  readonly #watchers = new Set<(ready: ReadyOffset) => void>();

  constructor(priorityOf: (offset: number) => number) {
    this.#priorityOf = priorityOf;
  }

  get size(): number {
    return this.#kept.size;
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

  /** In no order. */
  get all(): Iterable<GivenBack> {
    return this.#kept.values();
  }

  /** Oldest first. */
  get dying(): Iterable<GivenBack> {
    return this.#dying;
  }

  /** `Infinity` when there is none. */
  get lowestOffset(): number {
    return this.#byOffset.first?.offset ?? Number.POSITIVE_INFINITY;
  }

  /** What goes out before all others that are ready. */
  get first(): ReadyOffset | undefined {
    return this.#ready.first;
  }

  /** Monotonic ms at which the first delayed one is due. */
  get firstDueMs(): number | undefined {
    return this.#delayed.first?.dueMs;
  }

  at(offset: number): GivenBack | undefined {
    return this.#kept.get(offset);
  }

  isReady(offset: number): boolean {
    return this.#kept.get(offset)?.whenReady !== undefined;
  }

  /** It is still what it was then. */
  isStillReady(ready: ReadyOffset): boolean {
    const kept = this.#kept.get(ready.offset);
    return kept === ready && kept.whenReady !== undefined;
  }

  isDelayed(offset: number): boolean {
    return this.#kept.get(offset)?.whenDue !== undefined;
  }

  /** All of them, and none of them is dying. */
  hasAll({ from, below }: OffsetSpan): boolean {
    for (let offset = from; offset < below; offset += 1) {
      const kept = this.#kept.get(offset);
      if (kept === undefined || kept.why !== undefined) return false;
    }
    return true;
  }

  /** An offset that is not in it. `nowMs` is monotonic. */
  put(given: GivenBack, nowMs: number): void {
    const { offset, why } = given;
    const priority = this.#priorityOf(offset);
    const kept: Kept = { ...given, priority, byOffset: undefined, whenReady: undefined, whenDue: undefined };
    this.#kept.set(offset, kept);
    kept.byOffset = this.#byOffset.push(kept);
    if (why !== undefined) this.#dying.add(kept);
    else if (given.dueMs > nowMs) kept.whenDue = this.#delayed.push(kept);
    else this.#makeReady(kept);
  }

  take(offset: number): GivenBack | undefined {
    const kept = this.#kept.get(offset);
    if (kept === undefined) return undefined;
    this.#kept.delete(offset);
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
      this.#makeReady(kept);
    }
  }

  /** `onReady` gets what is ready now, and what becomes so until the answer is called. */
  watchReady(onReady: (ready: ReadyOffset) => void): () => void {
    for (const kept of this.#kept.values()) if (kept.whenReady !== undefined) onReady(kept);
    this.#watchers.add(onReady);
    return () => void this.#watchers.delete(onReady);
  }

  clear(): void {
    this.#kept.clear();
    this.#byOffset.clear();
    this.#ready.clear();
    this.#delayed.clear();
    this.#dying.clear();
  }

  #makeReady(kept: Kept): void {
    kept.whenReady = this.#ready.push(kept);
    for (const onReady of this.#watchers) onReady(kept);
  }
}

/** By priority, then by offset. */
export function goesFirst(one: ReadyOffset, other: ReadyOffset): boolean {
  return one.priority > other.priority || (one.priority === other.priority && one.offset < other.offset);
}
