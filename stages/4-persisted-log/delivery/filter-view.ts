/**
 * The records of a group through the eyes of one filter: what is next of those that match, wherever it stands among the
 * others, which stay where they are.
 *
 *     fresh    3 x   4 x   5 MATCH   6 ?   7 ?        up to 5 was looked at, and nothing below needs another look
 *     ready    1 x   2 ?                              what comes back is put here too, until it was looked at
 *
 * Always true: a record is looked at once for each time it becomes available, however many calls ask with this filter, so a
 * search goes on where the last one stopped; it stops after as many looks as it is given, and says so. Forgetting a view
 * costs time and nothing else. Changes nothing but what it remembers. Only `Serving` makes it.
 */
import { Heap } from '../../2-ring-buffer/heap.ts';
import type { KeyedOffset } from '../policies/key-locks.ts';
import { PRIORITY_MAX } from '../policies/priority-index.ts';
import { type Candidate, firstOf, freshRun, lockedRun, lookAhead, readyRun, type Unknown } from './candidates.ts';
import type { DeliveryCursor } from './delivery-cursor.ts';
import type { PartitionReader, ReadableBatch } from './desk-surroundings.ts';
import { expiresAtOf, type ReadAs, stepOverOf } from './gathering.ts';
import { goesFirst, type ReadyOffset } from './given-back.ts';
import type { GroupState } from './group-state.ts';
import { nextHistory } from './history.ts';
import { matches } from './matching.ts';
import type { Looks, RecordMatcher } from './record-matcher.ts';

/** There may be more, and it was enough for one turn. */
export const UNFINISHED = 'unfinished';

type Found = Candidate | Unknown | typeof UNFINISHED | undefined;

/** What is known of one partition. */
interface Scan {
  /** Of the cursor, when the rest was true. */
  moveCount: number;
  /** By priority: nothing fresh below matches. */
  freshFrom: number[];
  /** Not looked at, or matching. */
  readonly ready: Heap<ReadyOffset>;
  /** In a key-ordered group: looked at, and not matching; until when it is worth no other look, epoch ms. */
  refused: WeakMap<KeyedOffset, number>;
  readonly unwatch: () => void;
}

export class FilterView {
  readonly matcher: RecordMatcher;
  readonly #state: GroupState;
  readonly #scans: readonly Scan[];

  constructor(matcher: RecordMatcher, state: GroupState) {
    this.matcher = matcher;
    this.#state = state;
    this.#scans = state.cursors.map(({ givenBack }) => {
      const ready = new Heap<ReadyOffset>(goesFirst);
      const unwatch = givenBack.watchReady((offset) => void ready.push(offset));
      return { moveCount: -1, freshFrom: [], ready, refused: new WeakMap(), unwatch };
    });
  }

  /** Offsets it remembers. */
  get size(): number {
    return this.#scans.reduce((sum, { ready }) => sum + ready.size, 0);
  }

  /** The first that matches, by the same order as without a filter. */
  candidateOf(reader: PartitionReader, how: { readonly isFreshWanted: boolean; readonly as: ReadAs }): Found {
    const cursor = this.#state.cursors[reader.partition];
    const scan = this.#scans[reader.partition];
    if (cursor === undefined || scan === undefined) return undefined;
    const place = { reader, cursor, scan, as: how.as, looks: how.as.looks };
    const ready = this.#readyCandidate(place);
    if (ready !== undefined && !isCandidate(ready)) return ready;
    const fresh = how.isFreshWanted ? this.#freshCandidate(place) : undefined;
    if (ready === undefined || fresh === undefined) return ready ?? fresh;
    return isCandidate(fresh) ? firstOf(ready, fresh) : ready;
  }

  /** It is told nothing any more. */
  close(): void {
    for (const { unwatch } of this.#scans) unwatch();
  }

  #readyCandidate({ reader, cursor, scan, looks }: Place): Found {
    for (let { first } = scan.ready; first !== undefined; { first } = scan.ready) {
      if (cursor.givenBack.isStillReady(first)) {
        const batch = reader.cachedAt(first.offset);
        if (batch === undefined) return { missing: first.offset };
        if (!mayLook(looks)) return UNFINISHED;
        const { deliveryCount } = nextHistory(first.history);
        if (this.#matches({ batch, reader, offset: first.offset, deliveryCount, looks }))
          return readyRun(reader, cursor, first);
      }
      scan.ready.shift();
    }
    return undefined;
  }

  #freshCandidate(place: Place): Found {
    const { reader, cursor, scan } = place;
    if (scan.moveCount !== cursor.moveCount) {
      scan.moveCount = cursor.moveCount;
      scan.freshFrom = [];
      scan.refused = new WeakMap();
    }
    if (this.#state.locks.length > 0) return this.#unlockedCandidate(place);
    for (let priority = reader.priorities.size > 0 ? PRIORITY_MAX : 0; priority >= 0; priority -= 1) {
      const found = this.#freshOf(priority, place);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Priority 0 looks through all that is fresh, whatever its priority. */
  #freshOf(priority: number, { reader, cursor, scan, looks }: Place): Found {
    const nextFrom = (from: number): number => {
      for (let offset = from; ; offset = cursor.taken.firstGapFrom(offset)) {
        if (priority > 0) offset = reader.priorities.firstFrom(priority, offset) ?? Number.POSITIVE_INFINITY;
        if (!cursor.taken.has(offset)) return offset;
      }
    };
    const from = Math.max(cursor.next, scan.freshFrom[priority] ?? 0);
    for (let offset = nextFrom(from); ; offset = nextFrom(offset + 1)) {
      scan.freshFrom[priority] = Math.min(offset, reader.lastStableOffset);
      if (offset >= reader.lastStableOffset) return undefined;
      const batch = reader.cachedAt(offset);
      if (batch === undefined) return { missing: offset };
      if (!mayLook(looks)) return UNFINISHED;
      if (this.#matches({ batch, reader, offset, deliveryCount: 1, looks }))
        return freshRun(reader, cursor, { from: offset, priority });
    }
  }

  /**
   * The first whose key nobody holds; it looks ahead as far as the locks do. What is never handed out is a candidate too:
   * whoever hands out steps over it, and it holds its key no longer.
   */
  #unlockedCandidate({ reader, cursor, scan, looks, as }: Place): Found {
    const locks = this.#state.locks[reader.partition];
    let end: Unknown | undefined | true = true;
    while (locks?.mayLookOn && end === true) {
      if (!mayLook(looks)) return UNFINISHED;
      end = lookAhead(locks, reader, cursor);
    }
    for (const ready of locks?.readyInOrder() ?? []) {
      if (as.now < (scan.refused.get(ready) ?? 0)) continue;
      const batch = reader.cachedAt(ready.offset);
      if (batch === undefined) return { missing: ready.offset };
      if (!mayLook(looks)) return UNFINISHED;
      const record = batch.recordAt(ready.offset);
      const isNobodys = batch.isMarker || stepOverOf(record, { as, reader, deliveryCount: 1 }) !== undefined;
      if (isNobodys || matches(this.matcher, { record, deliveryCount: 1, looks })) {
        return lockedRun(reader, cursor, ready);
      }
      scan.refused.set(ready, (expiresAtOf(record, as.ttlMs) ?? Number.POSITIVE_INFINITY) + 1);
    }
    return end === true ? undefined : end;
  }

  #matches({ batch, reader, offset, deliveryCount, looks }: Look): boolean {
    if (batch.isMarker || reader.isGone(offset)) return false;
    const record = batch.recordAt(offset);
    return matches(this.matcher, { record, deliveryCount, looks });
  }
}

/** Where a view looks, and how far it may. */
interface Place {
  readonly reader: PartitionReader;
  readonly cursor: DeliveryCursor;
  readonly scan: Scan;
  readonly as: ReadAs;
  readonly looks: Looks;
}

/** One record. */
interface Look {
  readonly batch: ReadableBatch;
  readonly reader: PartitionReader;
  readonly offset: number;
  readonly deliveryCount: number;
  readonly looks: Looks;
}

function mayLook(looks: Looks): boolean {
  if (looks.left <= 0) return false;
  looks.left -= 1;
  return true;
}

function isCandidate(found: Found): found is Candidate {
  return typeof found === 'object' && 'from' in found;
}
