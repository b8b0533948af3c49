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

import { PRIORITY_MAX } from '../policies/priority-index.ts';
import type { DeliveryCursor } from './delivery-cursor.ts';
import type { PartitionReader } from './desk-surroundings.ts';
import type { GroupState } from './group-state.ts';
import { isSameHistory } from './history.ts';
import type { OffsetSpan } from './offset-spans.ts';

/** What one group may have given back at once; with more it gets nothing fresh until some of that is finished. */
const GIVEN_BACK_COUNT_MAX = 262_144;

export interface Candidate extends OffsetSpan {
  readonly reader: PartitionReader;
  readonly cursor: DeliveryCursor;
  readonly priority: number;
  /** Of the only record; in a key-ordered group. */
  readonly key: string | undefined;
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
  if ('missing' in fresh) return ready;
  if (fresh.priority !== ready.priority) return fresh.priority > ready.priority ? fresh : ready;
  return fresh.from < ready.from ? fresh : ready;
}

/** Something is there, as far as can be seen without looking at records. */
export function hasCandidate(state: GroupState, { partition, lastStableOffset }: PartitionReader): boolean {
  const cursor = state.cursors[partition];
  return cursor !== undefined && (cursor.givenBack.readyCount > 0 || cursor.freshCount(lastStableOffset) > 0);
}

function readyCandidate(reader: PartitionReader, cursor: DeliveryCursor): Candidate | undefined {
  const first = cursor.givenBack.first;
  if (first === undefined) return undefined;
  const { offset: from, key } = first;
  const priority = cursor.givenBack.firstPriority;
  let below = from + 1;
  for (; key === undefined && cursor.givenBack.isReady(below); below += 1) {
    const next = cursor.givenBack.at(below);
    const isAlike = next !== undefined && next.key === undefined && isSameHistory(first.history, next.history);
    if (!isAlike || reader.priorities.priorityOf(below) !== priority) break;
  }
  return { reader, cursor, from, below, priority, key };
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
    let below = from + 1;
    while (below < lastStableOffset && cursor.isFresh(below) && priorities.firstFrom(priority, below) === below)
      below += 1;
    return { reader, cursor, from, below: sameBelow(cursor, { from, below }), priority, key: undefined };
  }
  const from = cursor.next;
  if (from >= lastStableOffset) return undefined;
  const below = sameBelow(cursor, { from, below: Math.min(lastStableOffset, cursor.taken.firstFrom(from)) });
  return { reader, cursor, from, below, priority: 0, key: undefined };
}

/** The first whose key nobody holds. */
function unlockedCandidate(
  state: GroupState,
  reader: PartitionReader,
  cursor: DeliveryCursor,
): Candidate | Unknown | undefined {
  const locks = state.locks[reader.partition];
  while (locks !== undefined && locks.firstReady === undefined && locks.mayLookOn) {
    const offset = cursor.taken.firstGapFrom(Math.max(locks.lookedTo, cursor.next));
    if (offset >= reader.lastStableOffset) return undefined;
    const batch = reader.cachedAt(offset);
    if (batch === undefined) return { missing: offset };
    locks.look({ offset, key: batch.recordAt(offset).key });
  }
  const ready = locks?.firstReady;
  if (ready === undefined) return undefined;
  const { offset: from, key } = ready;
  return { reader, cursor, from, below: from + 1, priority: 0, key };
}

/** Fresh neighbours that were all handed out before a seek, or all not. */
function sameBelow(cursor: DeliveryCursor, { from, below }: OffsetSpan): number {
  if (cursor.earlier.size === 0) return below;
  return Math.min(below, cursor.earlier.spanWith(from)?.below ?? cursor.earlier.firstFrom(from));
}
