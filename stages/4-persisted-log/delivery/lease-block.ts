/**
 * One lease: the right of one member to work on a run of neighbours that were handed out together.
 *
 *     from 20   openFrom 22                       below 28        token "a3f1-7-912" opens each of them
 *      | 20 . 21 . | 22 . 23 x 24 . 25 x 26 . 27 |                x: closed out of turn
 *        closed in     open: 22, 24, 26, 27
 *        turn
 *
 * Always true: `openCount` offsets from `openFrom` on are in flight under this lease, `openFrom` is the lowest of them, and
 * all others of the run are not (acked, given back, or moved to a lease of their own). What is closed in turn, as nearly
 * everything is, only moves `openFrom`; the bytes for what is closed out of turn are made when the first one is.
 */
import type { HeapNode } from '../../2-ring-buffer/heap.ts';
import type { History } from './history.ts';
import type { OffsetSpan } from './offset-spans.ts';

/**
 * When a lease ends on the clock that cannot be set, whatever became of the other one meanwhile: a broker that starts with
 * its wall clock set back a year does not keep what was in flight for a year.
 */
export function leaseEndMs(
  { deadlineAt, leaseMsMax }: { readonly deadlineAt: number; readonly leaseMsMax: number },
  { now, monotonicMs }: { readonly now: number; readonly monotonicMs: number },
): number {
  return monotonicMs + Math.min(deadlineAt - now, leaseMsMax);
}

export interface LeaseBlockOptions {
  readonly partition: number;
  readonly from: number;
  readonly below: number;
  /** Where the table keeps it; 0 for one that was moved out of another. */
  readonly place: number;
  readonly serial: number;
  readonly token: string;
  readonly memberId: string;
  readonly history: History;
  readonly key: string | undefined;
  /** Monotonic ms. */
  readonly deadlineMs: number;
  /** Epoch ms. */
  readonly deadlineAt: number;
}

export class LeaseBlock {
  readonly partition: number;
  readonly from: number;
  readonly below: number;
  readonly place: number;
  readonly serial: number;
  readonly token: string;
  readonly memberId: string;
  readonly history: History;
  readonly key: string | undefined;
  deadlineMs: number;
  deadlineAt: number;
  openFrom: number;
  openCount: number;
  /** What `openFrom` was when it was last put in order; the table's own. */
  orderOffset: number;
  byOffset: HeapNode<LeaseBlock> | undefined = undefined;
  byDeadline: HeapNode<LeaseBlock> | undefined = undefined;
  /** Neighbours among the leases of the member. */
  previous: LeaseBlock | undefined = undefined;
  next: LeaseBlock | undefined = undefined;
  /** By offset minus `from`; 1 is closed. */
  #closed: Uint8Array | undefined = undefined;

  constructor(options: LeaseBlockOptions) {
    this.partition = options.partition;
    this.from = options.from;
    this.below = options.below;
    this.place = options.place;
    this.serial = options.serial;
    this.token = options.token;
    this.memberId = options.memberId;
    this.history = options.history;
    this.key = options.key;
    this.deadlineMs = options.deadlineMs;
    this.deadlineAt = options.deadlineAt;
    this.openFrom = options.from;
    this.openCount = options.below - options.from;
    this.orderOffset = options.from;
  }

  isOpen(offset: number): boolean {
    if (offset < this.openFrom || offset >= this.below) return false;
    return this.#closed === undefined || this.#closed[offset - this.from] === 0;
  }

  isAllOpen(from: number, below: number): boolean {
    if (from < this.openFrom || below > this.below) return false;
    for (let offset = from; this.#closed !== undefined && offset < below; offset += 1) {
      if (this.#closed[offset - this.from] === 1) return false;
    }
    return true;
  }

  /** All of `from` up to `below`, which are open, are no more. */
  close(from: number, below: number): void {
    this.openCount -= below - from;
    if (from !== this.openFrom) {
      this.#closed ??= new Uint8Array(this.below - this.from);
      this.#closed.fill(1, from - this.from, below - this.from);
      return;
    }
    let offset = below;
    while (this.#closed !== undefined && offset < this.below && this.#closed[offset - this.from] === 1) offset += 1;
    this.openFrom = offset;
  }

  /** What is open from `from` up to `below`, as runs of neighbours, ascending. */
  openSpans({ from, below }: OffsetSpan = this): OffsetSpan[] {
    const spans: OffsetSpan[] = [];
    const end = Math.min(below, this.below);
    for (let offset = Math.max(from, this.openFrom); offset < end; offset += 1) {
      if (!this.isOpen(offset)) continue;
      const first = offset;
      while (offset < end && this.isOpen(offset)) offset += 1;
      spans.push({ from: first, below: offset });
    }
    return spans;
  }
}
