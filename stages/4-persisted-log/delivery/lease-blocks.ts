/**
 * Who holds which deliveries of one group, and until when: a lease for each run that was handed out.
 *
 *     by place       7 -> lease {member "a", 20 .. 28, token "a3f1-7-912"}     a token names the place of its lease
 *     by member      "a" -> 7, 8, 11       "b" -> 9                            cumulative ack, leave
 *     by deadline    7, 8, 9, 11                                               which one ends first
 *     by offset      8, 7, 9, 11           one order per partition             which offset is the lowest in flight
 *
 * Always true:
 *   I12  a lease with something open is in all orders, one without is in none;
 *        an offset is open in one lease at most;
 *        a token was never given out before and never will be again: its prefix is random and new at each start.
 *
 * To extend one offset of a run moves it to a lease of its own, with the same token. Instead of stage 2's `LeaseTable`,
 * which has a lease for each delivery. Knows nothing of records, positions and time.
 */
import { Heap } from '../../2-ring-buffer/heap.ts';
import type { LeaseClaim } from './desk-surroundings.ts';
import { LeaseBlock, type LeaseBlockOptions } from './lease-block.ts';
import type { OffsetSpan } from './offset-spans.ts';

interface MemberLeases {
  openCount: number;
  first: LeaseBlock | undefined;
  last: LeaseBlock | undefined;
}

interface PartitionLeases {
  openCount: number;
  /** By the offset that was the lowest open one when it was last looked at: never above the true one. */
  readonly byOffset: Heap<LeaseBlock>;
  /** Offsets with a lease of their own. */
  readonly moved: Map<number, LeaseBlock>;
}

export class LeaseBlocks {
  /** From 1; 0 is no place. */
  readonly #places: (LeaseBlock | undefined)[] = [undefined];
  #freePlaces: number[] = [];
  readonly #members = new Map<string, MemberLeases>();
  readonly #partitions: readonly PartitionLeases[];
  readonly #byDeadline = new Heap<LeaseBlock>((one, other) => one.deadlineMs < other.deadlineMs);
  #openCount = 0;

  constructor(partitionCount: number) {
    this.#partitions = Array.from({ length: partitionCount }, () => ({
      openCount: 0,
      byOffset: new Heap<LeaseBlock>((one, other) => one.orderOffset < other.orderOffset),
      moved: new Map(),
    }));
  }

  /** Deliveries in flight. */
  get openCount(): number {
    return this.#openCount;
  }

  /** Ids of those who have something in flight. */
  get memberIds(): Iterable<string> {
    return this.#members.keys();
  }

  openCountIn(partition: number): number {
    return this.#partition(partition).openCount;
  }

  openCountOf(memberId: string): number {
    return this.#members.get(memberId)?.openCount ?? 0;
  }

  /** The lease that ends first. */
  get firstToEnd(): LeaseBlock | undefined {
    return this.#byDeadline.first;
  }

  /** The lowest offset of a partition that is in flight; `Infinity` when none is. */
  firstOpenIn(partition: number): number {
    return this.firstIn(partition)?.openFrom ?? Number.POSITIVE_INFINITY;
  }

  /** The lease with the lowest offset of a partition that is in flight. */
  firstIn(partition: number): LeaseBlock | undefined {
    const { byOffset } = this.#partition(partition);
    for (let block = byOffset.first; block !== undefined; block = byOffset.first) {
      if (block.orderOffset === block.openFrom) return block;
      if (block.byOffset !== undefined) byOffset.remove(block.byOffset);
      block.orderOffset = block.openFrom;
      block.byOffset = byOffset.push(block);
    }
    return undefined;
  }

  /** A place for a new lease. */
  freePlace(): number {
    return this.#freePlaces.at(-1) ?? this.#places.length;
  }

  isFree(place: number): boolean {
    return place > 0 && this.#places[place] === undefined;
  }

  /** A new lease; its place is free, or 0. */
  add(options: LeaseBlockOptions): LeaseBlock {
    const block = new LeaseBlock(options);
    if (block.place > 0) this.#occupy(block);
    else this.#partition(block.partition).moved.set(block.from, block);
    block.byOffset = this.#partition(block.partition).byOffset.push(block);
    block.byDeadline = this.#byDeadline.push(block);
    this.#join(block);
    this.#count(block, block.openCount);
    return block;
  }

  /** The lease under which this offset is in flight, when it is at this place, or has been moved from there. */
  at(place: number, partition: number, offset: number): LeaseBlock | undefined {
    const { moved } = this.#partition(partition);
    const own = moved.size > 0 ? moved.get(offset) : undefined;
    if (own !== undefined) return own;
    const block = this.#places[place];
    return block?.partition === partition && block.isOpen(offset) ? block : undefined;
  }

  /** The lease this claim opens; undefined when it ended, or was never the claimant's. */
  find({ partition, offset, memberId, token }: LeaseClaim): LeaseBlock | undefined {
    if (partition >= this.#partitions.length) return undefined;
    const block = this.at(placeOfToken(token), partition, offset);
    return block?.token === token && block.memberId === memberId ? block : undefined;
  }

  /** These offsets of the lease, which are open, are not in flight any more. */
  close(block: LeaseBlock, from: number, below: number): void {
    block.close(from, below);
    this.#count(block, from - below);
    if (block.openCount === 0) this.#remove(block);
  }

  /** One offset of a lease, and no other, ends at a new time. Answers the lease it has then. */
  extend(block: LeaseBlock, offset: number, end: Pick<LeaseBlock, 'deadlineMs' | 'deadlineAt'>): LeaseBlock {
    if (block.openCount > 1) {
      this.close(block, offset, offset + 1);
      return this.add({ ...optionsOf(block), ...end, place: 0, from: offset, below: offset + 1 });
    }
    if (block.byDeadline !== undefined) this.#byDeadline.remove(block.byDeadline);
    block.deadlineMs = end.deadlineMs;
    block.deadlineAt = end.deadlineAt;
    block.byDeadline = this.#byDeadline.push(block);
    return block;
  }

  /** It does not end by itself any more, and is still to be ended. */
  keepOpen(block: LeaseBlock): void {
    if (block.byDeadline !== undefined) this.#byDeadline.remove(block.byDeadline);
    block.byDeadline = undefined;
  }

  /** The member's leases, in the order in which they were made. They may end while this goes on. */
  *of(memberId: string): IterableIterator<LeaseBlock> {
    for (let block = this.#members.get(memberId)?.first; block !== undefined; ) {
      const { next } = block;
      yield block;
      block = next;
    }
  }

  /** All leases, or those of one partition. They may end while this goes on. */
  *all(partition?: number): IterableIterator<LeaseBlock> {
    for (const memberId of [...this.#members.keys()]) {
      for (const block of this.of(memberId)) if (partition === undefined || block.partition === partition) yield block;
    }
  }

  /** After restoring: places in between that nothing was put into. */
  findFreePlaces(): void {
    this.#freePlaces = [];
    for (let place = this.#places.length - 1; place > 0; place -= 1) {
      if (this.#places[place] === undefined) this.#freePlaces.push(place);
    }
  }

  #partition(partition: number): PartitionLeases {
    return this.#partitions[partition] as PartitionLeases;
  }

  #occupy(block: LeaseBlock): void {
    const { place } = block;
    if (this.#freePlaces.at(-1) === place) this.#freePlaces.pop();
    else if (place < this.#places.length) this.#freePlaces = this.#freePlaces.filter((free) => free !== place);
    while (this.#places.length < place) {
      this.#freePlaces.unshift(this.#places.length);
      this.#places.push(undefined);
    }
    this.#places[place] = block;
  }

  #remove(block: LeaseBlock): void {
    if (block.place > 0) {
      this.#places[block.place] = undefined;
      this.#freePlaces.push(block.place);
    } else this.#partition(block.partition).moved.delete(block.from);
    if (block.byOffset !== undefined) this.#partition(block.partition).byOffset.remove(block.byOffset);
    if (block.byDeadline !== undefined) this.#byDeadline.remove(block.byDeadline);
    this.#leave(block);
  }

  #count(block: LeaseBlock, change: number): void {
    this.#openCount += change;
    this.#partition(block.partition).openCount += change;
    const member = this.#members.get(block.memberId);
    if (member !== undefined) member.openCount += change;
  }

  #join(block: LeaseBlock): void {
    let member = this.#members.get(block.memberId);
    if (member === undefined) {
      member = { openCount: 0, first: undefined, last: undefined };
      this.#members.set(block.memberId, member);
    }
    block.previous = member.last;
    if (member.last === undefined) member.first = block;
    else member.last.next = block;
    member.last = block;
  }

  #leave(block: LeaseBlock): void {
    const member = this.#members.get(block.memberId);
    if (member === undefined) return;
    if (block.previous === undefined) member.first = block.next;
    else block.previous.next = block.next;
    if (block.next === undefined) member.last = block.previous;
    else block.next.previous = block.previous;
    if (member.first === undefined) this.#members.delete(block.memberId);
  }
}

/** What opens a lease. */
export function tokenOf(
  prefix: string,
  { place, serial }: { readonly place: number; readonly serial: number },
): string {
  return `${prefix}-${place}-${serial}`;
}

/** The place that a token names; 0 when it is none of ours. */
function placeOfToken(token: string): number {
  const end = token.lastIndexOf('-');
  const place = Number(token.slice(token.lastIndexOf('-', end - 1) + 1, end));
  return Number.isSafeInteger(place) && place > 0 ? place : 0;
}

function optionsOf(block: LeaseBlock): LeaseBlockOptions {
  const { partition, from, below, place, serial, token, memberId, history, key, deadlineMs, deadlineAt } = block;
  return { partition, from, below, place, serial, token, memberId, history, key, deadlineMs, deadlineAt };
}

/** All that is open in these leases, from `span.from` up to `span.below`, ascending. */
export function openSpansOf(blocks: Iterable<LeaseBlock>, span: OffsetSpan): (OffsetSpan & { block: LeaseBlock })[] {
  const spans: (OffsetSpan & { block: LeaseBlock })[] = [];
  for (const block of blocks) for (const open of block.openSpans(span)) spans.push({ ...open, block });
  return spans.sort((one, other) => one.from - other.from);
}
