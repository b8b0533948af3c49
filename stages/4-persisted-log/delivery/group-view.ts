/** A group as others see it: its numbers, where a record stands for it, and what it has not finished. Changes nothing. */

import type { Clock } from '../../../shared/clock.ts';
import type { LogGroupView } from '../../../shared/contract/inside.ts';
import type { BrowsedRecord, StoredRecord } from '../../../shared/contract/message.ts';
import { viewWaiters, type WaiterLine } from '../../1-blocking-queue/waiter-line.ts';
import type { LogRecord } from '../bytes/record.ts';
import type { DeliveryCursor } from './delivery-cursor.ts';
import type { GroupCounts, PartitionReader, ReadableBatch, ReceiveWant, Standing } from './desk-surroundings.ts';
import { expiresAtOf } from './gathering.ts';
import type { GroupState } from './group-state.ts';
import type { LeaseBlock } from './lease-block.ts';
import { openSpansOf } from './lease-blocks.ts';
import { matches } from './matching.ts';
import type { Looks, RecordMatcher } from './record-matcher.ts';
import { turnLooks } from './turn-looks.ts';

export interface BrowseWant {
  readonly partition: number;
  readonly partitions: readonly PartitionReader[];
  readonly fromOffset: number;
  readonly max: number;
  readonly topic: string;
  /** The name of the group. */
  readonly name: string;
  /** Expiry of records that say nothing themselves, ms. */
  readonly ttlMs: number | undefined;
  readonly clock: { now(): number };
  /** Of the group's filter. */
  readonly matcher: RecordMatcher | undefined;
}

export function countsOf(
  state: GroupState,
  partitions: readonly PartitionReader[],
  { waiterCount }: { readonly waiterCount: number },
): GroupCounts {
  const { redeliveredCount, expiredCount, deadCount, droppedCount } = state;
  let [availableCount, delayedCount, lag] = [0, 0, 0];
  for (const reader of partitions) {
    const { partition, highWatermark } = reader;
    const cursor = state.cursors[partition];
    availableCount += (cursor?.givenBack.readyCount ?? 0) + (cursor === undefined ? 0 : freshCountOf(cursor, reader));
    delayedCount += cursor?.givenBack.delayedCount ?? 0;
    lag += highWatermark - state.floorOf(partition);
  }
  const inFlightCount = state.leases.openCount;
  return {
    ...{ availableCount, inFlightCount, delayedCount, redeliveredCount, expiredCount, deadCount, droppedCount },
    ...{ waiterCount, lag },
  };
}

/** Never handed out, and somebody may get it. */
function freshCountOf(cursor: DeliveryCursor, reader: PartitionReader): number {
  const { lastStableOffset: below } = reader;
  let count = cursor.freshCount(below) - reader.hiddenCountIn({ from: cursor.next, below });
  for (const taken of cursor.taken.spans)
    count += reader.hiddenCountIn({ ...taken, below: Math.min(taken.below, below) });
  return Math.max(count, 0);
}

/** Where one offset stands. */
export function standingOf(state: GroupState, partition: number, offset: number): Standing {
  const cursor = state.cursors[partition];
  if (cursor === undefined || offset < state.floorOf(partition)) return { state: 'finished', deliveryCount: 0 };
  return standingIn(cursor, offset, leaseOn(state, partition, offset));
}

export interface ViewOptions {
  readonly name: string;
  readonly max: number;
  readonly clock: Clock;
  readonly partitions: readonly PartitionReader[];
  readonly line: WaiterLine<ReceiveWant, unknown>;
}

/** The group for the screen; offsets are summed over partitions. */
export function viewOf(state: GroupState, { name, max, clock, partitions, line }: ViewOptions): LogGroupView {
  const nowMs = clock.monotonicMs();
  const { waiterCount, availableCount, ...counts } = countsOf(state, partitions, { waiterCount: line.size });
  return {
    group: name,
    kind: state.kind,
    mode: state.options.mode,
    isPaused: state.isPaused,
    nextOffset: sumOf(state.cursors, ({ next }) => next),
    committedOffset: sumOf(partitions, ({ partition }) => state.floorOf(partition)),
    ...counts,
    inFlight: inFlightOf(state, { max, nowMs }),
    delayed: delayedOf(state, { max, nowMs }),
    waitingReceives: viewWaiters(line, { max, clock, whoOf: ({ memberId }) => memberId }),
    waitingReceivesCount: waiterCount,
  };
}

interface ViewRange {
  readonly max: number;
  readonly nowMs: number;
}

function inFlightOf(state: GroupState, { max, nowMs }: ViewRange): LogGroupView['inFlight'] {
  const spans = openSpansOf(state.leases.all(), { from: 0, below: Number.MAX_SAFE_INTEGER });
  const views: LogGroupView['inFlight'][number][] = [];
  for (const { from, below, block } of spans) {
    const { partition, memberId, history, deadlineMs } = block;
    for (let offset = from; offset < below && views.length < max; offset += 1) {
      const { deliveryCount } = history;
      views.push({ partition, offset, memberId, deliveryCount, leaseLeftMs: Math.max(deadlineMs - nowMs, 0) });
    }
  }
  return views;
}

function delayedOf(state: GroupState, { max, nowMs }: ViewRange): LogGroupView['delayed'] {
  const delayed = state.cursors.flatMap(({ givenBack }, partition) =>
    [...givenBack.all]
      .filter(({ offset }) => givenBack.isDelayed(offset))
      .map(({ offset, history, dueMs }) => ({
        partition,
        offset,
        deliveryCount: history.deliveryCount,
        dueInMs: dueMs - nowMs,
      })),
  );
  return delayed.sort((one, other) => one.dueInMs - other.dueInMs).slice(0, max);
}

function sumOf<T>(all: readonly T[], numberOf: (one: T) => number): number {
  return all.reduce((sum, one) => sum + numberOf(one), 0);
}

/** What the group has not finished, ascending; expired records and those for other groups are none of it. */
export async function browseGroup(state: GroupState, want: BrowseWant): Promise<BrowsedRecord[]> {
  const browsed: BrowsedRecord[] = [];
  const { partition } = want;
  const reader = want.partitions[partition] as PartitionReader;
  let offset = Math.max(want.fromOffset, state.floorOf(partition), reader.logStartOffset);
  // What does not match is not answered, so that there may be a lot to look at.
  const looks = { left: want.matcher === undefined ? Number.POSITIVE_INFINITY : 0 };
  while (offset < reader.lastStableOffset && browsed.length < want.max) {
    if (looks.left <= 0) looks.left = await turnLooks.someOfALaterTurn();
    const batch: ReadableBatch | undefined = reader.cachedAt(offset);
    if (batch === undefined) {
      offset = Math.max(await reader.load(offset), reader.logStartOffset);
      continue;
    }
    const end = Math.min(batch.nextOffset, reader.lastStableOffset);
    if (batch.isMarker) offset = end;
    const leases = leasesBetween(state, partition, { from: offset, below: end });
    for (; offset < end && browsed.length < want.max && looks.left > 0; offset += 1) {
      looks.left -= 1;
      const cursor = state.cursors[partition];
      const standing = cursor === undefined ? undefined : standingIn(cursor, offset, leases.get(offset));
      if (standing === undefined || standing.state === 'finished' || standing.state === 'dying') continue;
      const record = batch.recordAt(offset);
      if (standing.state !== 'in-flight' && !isFor(record, reader, { ...want, looks })) continue;
      browsed.push(browsedRecord(record, want, { ...standing, state: standing.state }));
    }
  }
  return browsed;
}

function standingIn(cursor: DeliveryCursor, offset: number, lease: LeaseBlock | undefined): Standing {
  if (lease !== undefined) {
    return { state: 'in-flight', deliveryCount: lease.history.deliveryCount, memberId: lease.memberId };
  }
  const given = cursor.givenBack.at(offset);
  if (given === undefined) return { state: cursor.isFresh(offset) ? 'available' : 'finished', deliveryCount: 0 };
  const { why, availableAt, history } = given;
  const { deliveryCount } = history;
  if (why !== undefined) return { state: 'dying', deliveryCount };
  if (cursor.givenBack.isDelayed(offset)) return { state: 'delayed', deliveryCount, availableAt };
  return { state: 'available', deliveryCount };
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

function isFor(record: LogRecord, reader: PartitionReader, want: BrowseWant & { readonly looks: Looks }): boolean {
  const { name, ttlMs, clock, matcher, looks } = want;
  if (reader.isGone(record.offset)) return false;
  if (matcher !== undefined && !matches(matcher, { record, deliveryCount: 1, looks })) return false;
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
