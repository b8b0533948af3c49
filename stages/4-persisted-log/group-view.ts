/** A group as others see it: its numbers, where a record stands for it, and what it has not finished. Changes nothing. */
import type { BrowsedRecord, StoredRecord } from '../../shared/contract/message.ts';
import type { DeliveryCursor } from './delivery-cursor.ts';
import type { GroupCounts, PartitionReader, ReadableBatch, Standing } from './desk-surroundings.ts';
import { expiresAtOf } from './gathering.ts';
import type { GroupState } from './group-state.ts';
import type { LeaseBlock } from './lease-block.ts';
import type { LogRecord } from './record.ts';

export interface BrowseWant {
  readonly partition: number;
  readonly fromOffset: number;
  readonly max: number;
  readonly topic: string;
  /** The name of the group. */
  readonly name: string;
  /** Expiry of records that say nothing themselves, ms. */
  readonly ttlMs: number | undefined;
  readonly clock: { now(): number };
}

export function countsOf(
  state: GroupState,
  partitions: readonly PartitionReader[],
  { waiterCount }: { readonly waiterCount: number },
): GroupCounts {
  const { redeliveredCount, expiredCount, deadCount, droppedCount } = state;
  let [availableCount, delayedCount, lag] = [0, 0, 0];
  for (const { partition, highWatermark } of partitions) {
    const { readyCount, delayedCount: notDueCount, freshCount } = numbersOf(state.cursors[partition], highWatermark);
    availableCount += readyCount + freshCount;
    delayedCount += notDueCount;
    lag += highWatermark - state.floorOf(partition);
  }
  const inFlightCount = state.leases.openCount;
  return {
    ...{ availableCount, inFlightCount, delayedCount, redeliveredCount, expiredCount, deadCount, droppedCount },
    ...{ waiterCount, lag },
  };
}

function numbersOf(cursor: DeliveryCursor | undefined, end: number) {
  if (cursor === undefined) return { readyCount: 0, delayedCount: 0, freshCount: 0 };
  return { readyCount: cursor.readyCount, delayedCount: cursor.delayedCount, freshCount: cursor.freshCount(end) };
}

/** Where one offset stands. */
export function standingOf(state: GroupState, partition: number, offset: number): Standing {
  const cursor = state.cursors[partition];
  if (cursor === undefined || offset < state.floorOf(partition)) return { state: 'finished', deliveryCount: 0 };
  return standingIn(cursor, offset, leaseOn(state, partition, offset));
}

/** What the group has not finished, ascending; expired records and those for other groups are none of it. */
export async function browseGroup(
  state: GroupState,
  reader: PartitionReader,
  want: BrowseWant,
): Promise<BrowsedRecord[]> {
  const browsed: BrowsedRecord[] = [];
  const { partition } = reader;
  let offset = Math.max(want.fromOffset, state.floorOf(partition), reader.logStartOffset);
  while (offset < reader.highWatermark && browsed.length < want.max) {
    const batch: ReadableBatch | undefined = reader.cachedAt(offset);
    if (batch === undefined) {
      offset = Math.max(await reader.load(offset), reader.logStartOffset);
      continue;
    }
    const end = Math.min(batch.nextOffset, reader.highWatermark);
    const leases = leasesBetween(state, partition, { from: offset, below: end });
    for (; offset < end && browsed.length < want.max; offset += 1) {
      const cursor = state.cursors[partition];
      const standing = cursor === undefined ? undefined : standingIn(cursor, offset, leases.get(offset));
      if (standing === undefined || standing.state === 'finished' || standing.state === 'dying') continue;
      const record = batch.recordAt(offset);
      if (standing.state !== 'in-flight' && !isFor(record, reader, want)) continue;
      browsed.push(browsedRecord(record, want, { ...standing, state: standing.state }));
    }
  }
  return browsed;
}

function standingIn(cursor: DeliveryCursor, offset: number, lease: LeaseBlock | undefined): Standing {
  if (lease !== undefined) {
    return { state: 'in-flight', deliveryCount: lease.history.deliveryCount, memberId: lease.memberId };
  }
  const given = cursor.givenBackAt(offset);
  const state = cursor.stateOf(offset);
  const deliveryCount = given?.history.deliveryCount ?? 0;
  if (state === 'delayed') return { state, deliveryCount, availableAt: given?.availableAt ?? 0 };
  if (state === 'dying') return { state, deliveryCount };
  return { state: state === 'none' ? 'finished' : 'available', deliveryCount };
}

/** The lease under which an offset is in flight. */
function leaseOn(state: GroupState, partition: number, offset: number): LeaseBlock | undefined {
  // What is asked for most is the oldest, and then no lease is looked for.
  const first = state.leases.firstIn(partition);
  if (first === undefined || offset < first.openFrom) return undefined;
  if (first.isOpen(offset)) return first;
  for (const block of state.leases.all(partition)) if (block.isOpen(offset)) return block;
  return undefined;
}

function leasesBetween(
  state: GroupState,
  partition: number,
  span: { readonly from: number; readonly below: number },
): ReadonlyMap<number, LeaseBlock> {
  const leases = new Map<number, LeaseBlock>();
  for (const block of state.leases.all(partition)) {
    for (const { from, below } of block.openSpans(span)) {
      for (let offset = from; offset < below; offset += 1) leases.set(offset, block);
    }
  }
  return leases;
}

function isFor(record: LogRecord, reader: PartitionReader, { name, ttlMs, clock }: BrowseWant): boolean {
  if (reader.isGone(record.offset)) return false;
  if (record.forGroup !== undefined && record.forGroup !== name) return false;
  return (expiresAtOf(record, ttlMs) ?? Number.POSITIVE_INFINITY) >= clock.now();
}

function browsedRecord(
  record: LogRecord,
  { topic, partition, ttlMs }: BrowseWant,
  { state, deliveryCount }: { readonly state: BrowsedRecord['state']; readonly deliveryCount: number },
): BrowsedRecord {
  const { offset, timestamp, id, headers, body, key, priority } = record;
  const stored: StoredRecord = { topic, partition, offset, timestamp, id, headers, body };
  const expiresAt = expiresAtOf(record, ttlMs);
  return {
    ...stored,
    ...(key === undefined ? {} : { key }),
    ...(priority === 0 ? {} : { priority }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    state,
    deliveryCount,
  };
}
