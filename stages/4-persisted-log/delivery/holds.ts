/**
 * Deliveries that a transaction has acked: they stay in flight until it ends, however long their lease was, and are nobody
 * else's to finish or give back.
 *
 *     "7-3" holds 4 .. 8 of one lease, 12 of another          offset -> the lease it is held under, in each partition
 *
 * Always true: an offset is held once; a hold is over when its offset is not in flight under that lease any more (the group was
 * sought elsewhere, the record is gone). In memory only: a restart ends transactions, and then leases end by themselves.
 */
import type { LeaseBlock } from './lease-block.ts';
import type { OffsetSpan } from './offset-spans.ts';

/** Neighbours held under one lease. */
export interface HeldRun {
  readonly block: LeaseBlock;
  readonly from: number;
  below: number;
}

export class Holds {
  readonly #byOwner = new Map<string, HeldRun[]>();
  /** By partition. */
  readonly #blocks: readonly Map<number, LeaseBlock>[];

  constructor(partitionCount: number) {
    this.#blocks = Array.from({ length: partitionCount }, () => new Map());
  }

  get isEmpty(): boolean {
    return this.#byOwner.size === 0;
  }

  has(block: LeaseBlock, offset: number): boolean {
    return !this.isEmpty && this.#blocks[block.partition]?.get(offset) === block;
  }

  /** Whose it is. */
  isHeldBy(owner: string, block: LeaseBlock, offset: number): boolean {
    const runs = this.#byOwner.get(owner) ?? [];
    return runs.some((run) => run.block === block && offset >= run.from && offset < run.below);
  }

  add(owner: string, block: LeaseBlock, offset: number): void {
    this.#blocks[block.partition]?.set(offset, block);
    const runs = this.#byOwner.get(owner) ?? [];
    const last = runs.at(-1);
    if (last?.block === block && last.below === offset) last.below = offset + 1;
    else runs.push({ block, from: offset, below: offset + 1 });
    this.#byOwner.set(owner, runs);
  }

  /** What it still holds, as runs that are in flight. */
  of(owner: string): HeldRun[] {
    const open: HeldRun[] = [];
    for (const { block, from, below } of this.#byOwner.get(owner) ?? []) {
      for (const span of block.openSpans({ from, below })) open.push({ block, ...span });
    }
    return open;
  }

  /** What of an open span nobody holds. */
  freeIn(block: LeaseBlock, span: OffsetSpan): readonly OffsetSpan[] {
    if (this.isEmpty) return [span];
    const free: OffsetSpan[] = [];
    for (let offset = span.from; offset < span.below; offset += 1) {
      if (this.has(block, offset)) continue;
      const from = offset;
      while (offset < span.below && !this.has(block, offset)) offset += 1;
      free.push({ from, below: offset });
    }
    return free;
  }

  release(owner: string): void {
    for (const { block, from, below } of this.#byOwner.get(owner) ?? []) {
      const blocks = this.#blocks[block.partition];
      for (let offset = from; offset < below; offset += 1) if (blocks?.get(offset) === block) blocks.delete(offset);
    }
    this.#byOwner.delete(owner);
  }
}
