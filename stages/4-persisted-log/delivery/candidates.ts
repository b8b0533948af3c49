/**
 * What is next for a group in one partition: the first of what was given back and is ready, or the first fresh record.
 *
 *     ready   17 (priority 0)                    by priority, the highest first; then by offset:
 *     fresh   40 (priority 0), 55 (priority 4)   55, 17, 40
 *
 * A key-ordered group goes by offset alone, past records whose key is held. Always true: a candidate is a run of neighbours
 * that would all be the same kind of delivery, as far as that can be told without their records. Changes nothing, except
 * that a key-ordered group remembers which records it looked at.
 */

import type { KeyedOffset, KeyLocks } from '../policies/key-locks.ts';
import { PRIORITY_MAX } from '../policies/priority-index.ts';
import type { DeliveryCursor } from './delivery-cursor.ts';
import type { PartitionReader } from './desk-surroundings.ts';
import type { ReadyOffset } from './given-back.ts';
import type { GroupState } from './group-state.ts';
import { isSameHistory, nextHistory } from './history.ts';
import type { OffsetSpan } from './offset-spans.ts';

/** What one group may have given back at once; with more it gets nothing fresh until some of that is finished. */
const GIVEN_BACK_COUNT_MAX = 262_144;

export interface Candidate extends OffsetSpan {
  readonly reader: PartitionReader;
  readonly cursor: DeliveryCursor;
  readonly priority: number;
  /** Of the only record; in a key-ordered group. */
  readonly key: string | undefined;
  /** Of the deliveries they would become. */
  readonly deliveryCount: number;
}

/** A partition whose next record is not in memory, so that nobody knows whether it is one. */
export interface Unknown {
  readonly missing: number;
}

/** False when so much was given back that nothing fresh may go out. It looks at all partitions: ask once, not for each. */
export function mayTakeFresh(state: GroupState): boolean {
  return state.givenBackCount < GIVEN_BACK_COUNT_MAX;
}

export function candidateOf(
  state: GroupState,
  reader: PartitionReader,
  { isFreshWanted }: { readonly isFreshWanted: boolean },
): Candidate | Unknown | undefined {
  const cursor = state.cursors[reader.partition];
  if (cursor === undefined) return undefined;
  const ready = readyCandidate(reader, cursor);
  const fresh = isFreshWanted ? freshCandidate(state, reader, cursor) : undefined;
  if (fresh === undefined || ready === undefined) return fresh ?? ready;
  return 'missing' in fresh ? ready : firstOf(ready, fresh);
}

/** By priority, then by offset. */
export function firstOf(ready: Candidate, fresh: Candidate): Candidate {
  if (fresh.priority !== ready.priority) return fresh.priority > ready.priority ? fresh : ready;
  return fresh.from < ready.from ? fresh : ready;
}

/** Something is there, as far as can be seen without looking at records. */
export function hasCandidate(state: GroupState, { partition, lastStableOffset }: PartitionReader): boolean {
  const cursor = state.cursors[partition];
  return cursor !== undefined && (cursor.givenBack.readyCount > 0 || cursor.freshCount(lastStableOffset) > 0);
}

function readyCandidate(reader: PartitionReader, cursor: DeliveryCursor): Candidate | undefined {
  const { first } = cursor.givenBack;
  return first === undefined ? undefined : readyRun(reader, cursor, first);
}

/** The run that begins with `first`, which is ready. */
export function readyRun(reader: PartitionReader, cursor: DeliveryCursor, first: ReadyOffset): Candidate {
  const { offset: from, key, priority, history } = first;
  let below = from + 1;
  for (; key === undefined && cursor.givenBack.isReady(below); below += 1) {
    const next = cursor.givenBack.at(below);
    const isAlike = next !== undefined && next.key === undefined && isSameHistory(history, next.history);
    if (!isAlike || reader.priorities.priorityOf(below) !== priority) break;
  }
  const { deliveryCount } = nextHistory(history);
  return { reader, cursor, from, below, priority, key, deliveryCount };
}

function freshCandidate(
  state: GroupState,
  reader: PartitionReader,
  cursor: DeliveryCursor,
): Candidate | Unknown | undefined {
  if (state.locks.length > 0) return unlockedCandidate(state, reader, cursor);
  const { priorities, lastStableOffset } = reader;
  for (let priority = priorities.size > 0 ? PRIORITY_MAX : 0; priority > 0; priority -= 1) {
    const from = cursor.firstFreshOf(priority, priorities);
    if (from === undefined || from >= lastStableOffset) continue;
    return freshRun(reader, cursor, { from, priority });
  }
  const from = cursor.next;
  return from >= lastStableOffset ? undefined : freshRun(reader, cursor, { from, priority: 0 });
}

/** The run that begins at `from`, which is fresh. */
export function freshRun(
  reader: PartitionReader,
  cursor: DeliveryCursor,
  { from, priority }: { readonly from: number; readonly priority: number },
): Candidate {
  const { priorities, lastStableOffset } = reader;
  let below = priority === 0 ? Math.min(lastStableOffset, cursor.taken.firstFrom(from)) : from + 1;
  if (priority > 0) {
    while (below < lastStableOffset && cursor.isFresh(below) && priorities.firstFrom(priority, below) === below)
      below += 1;
  }
  below = sameBelow(cursor, { from, below });
  return { reader, cursor, from, below, priority, key: undefined, deliveryCount: 1 };
}

/** The first whose key nobody holds. */
function unlockedCandidate(
  state: GroupState,
  reader: PartitionReader,
  cursor: DeliveryCursor,
): Candidate | Unknown | undefined {
  const locks = state.locks[reader.partition];
  while (locks !== undefined && locks.firstReady === undefined && locks.mayLookOn) {
    const end = lookAhead(locks, reader, cursor);
    if (end !== true) return end;
  }
  const ready = locks?.firstReady;
  if (ready === undefined) return undefined;
  return lockedRun(reader, cursor, ready);
}

/** Shows the locks one more record; true when there was one, and its key is known now. */
export function lookAhead(
  locks: KeyLocks,
  reader: PartitionReader,
  cursor: DeliveryCursor,
): Unknown | undefined | true {
  const offset = cursor.taken.firstGapFrom(Math.max(locks.lookedTo, cursor.next));
  if (offset >= reader.lastStableOffset) return undefined;
  const batch = reader.cachedAt(offset);
  if (batch === undefined) return { missing: offset };
  locks.look({ offset, key: batch.recordAt(offset).key });
  return true;
}

/** One record, whose key is free. */
export function lockedRun(
  reader: PartitionReader,
  cursor: DeliveryCursor,
  { offset: from, key }: KeyedOffset,
): Candidate {
  return { reader, cursor, from, below: from + 1, priority: 0, key, deliveryCount: 1 };
}

/** Fresh neighbours that were all handed out before a seek, or all not. */
function sameBelow(cursor: DeliveryCursor, { from, below }: OffsetSpan): number {
  if (cursor.earlier.size === 0) return below;
  return Math.min(below, cursor.earlier.spanWith(from)?.below ?? cursor.earlier.firstFrom(from));
}
