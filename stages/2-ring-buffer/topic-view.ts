/**
 * A topic seen from outside: its numbers (`describeTopics`) and its inside (`inspect`), as plain JSON.
 *
 * Always true: looking changes nothing. The counts of a topic are the sums over its groups, so the two can never
 * disagree. Only the spine uses it.
 */
import type { Clock } from '../../shared/clock.ts';
import type { Counts, GroupDescription, TopicDescription } from '../../shared/contract/description.ts';
import {
  type CellState,
  type CellView,
  type GroupPointerView,
  previewOf,
  type RingView,
} from '../../shared/contract/inside.ts';
import { viewWaiters } from '../1-blocking-queue/waiter-line.ts';
import type { GroupDesk } from './group-desk.ts';
import type { TopicLog } from './topic-log.ts';

export function describeTopic(topic: TopicLog): TopicDescription {
  const { ring, name, options } = topic;
  const { logStartOffset, logEndOffset, bytes } = ring;
  const groups = [...topic.desks.values()].map((desk) => describeGroup(desk, topic));
  const sum = (count: (counts: Counts) => number): number => groups.reduce((total, group) => total + count(group), 0);
  const heldCount = logEndOffset - logStartOffset;
  return {
    topic: name,
    partitionCount: 1,
    options,
    bytes,
    availableCount: groups.length === 0 ? heldCount : sum((group) => group.availableCount),
    inFlightCount: sum((group) => group.inFlightCount),
    delayedCount: 0,
    redeliveredCount: sum((group) => group.redeliveredCount),
    expiredCount: 0,
    deadCount: 0,
    droppedCount: topic.room.droppedCount,
    waiterCount: topic.sends.size + topic.waitingReaderCount,
    lag: groups.reduce((slowest, { lag }) => Math.max(slowest, lag), groups.length === 0 ? heldCount : 0),
    logStartOffset,
    logEndOffset,
    groups,
  };
}

function describeGroup(desk: GroupDesk, topic: TopicLog): GroupDescription {
  const { group, leases, members, options } = desk;
  const { logStartOffset, logEndOffset } = topic.ring;
  return {
    group: desk.name,
    kind: group.kind,
    isEphemeral: options.isEphemeral,
    onOutOfRange: options.onOutOfRange,
    mode: options.mode,
    committedOffset: group.committedOffset,
    members: [...members.ids()].map((memberId) => ({ memberId, inFlightCount: leases.countOf(memberId) })),
    availableCount: group.availableCount(logEndOffset),
    inFlightCount: group.inFlightCount,
    delayedCount: 0,
    redeliveredCount: group.redeliveredCount,
    expiredCount: 0,
    deadCount: 0,
    droppedCount: group.droppedCount,
    waiterCount: desk.line.size,
    lag: logEndOffset - group.committedOffset,
    logStartOffset,
    logEndOffset,
  };
}

/** The ring as the screen draws it: at most `max` cells, and at most `max` of everything else that may be many. */
export function inspectTopic(
  topic: TopicLog,
  { max, clock }: { readonly max: number; readonly clock: Clock },
): RingView {
  const { ring, sends, fetches } = topic;
  const { slotCount, bytes, bytesMax, logStartOffset, logEndOffset } = ring;
  const limits = { max, clock };
  return {
    kind: 'ring',
    topic: topic.name,
    slotCount,
    bytes,
    bytesMax,
    logStartOffset,
    logEndOffset,
    writeSlot: ring.slotOf(logEndOffset),
    cells: viewCells(topic, max),
    groups: [...topic.desks.values()].map((desk) => viewPointers(desk, { ...limits, logEndOffset })),
    waitingSends: viewWaiters(sends, { ...limits, whoOf: ({ messageIds }) => messageIds[0] ?? '' }),
    waitingSendsCount: sends.size,
    waitingFetches: viewWaiters(fetches, { ...limits, whoOf: ({ offset }) => `offset ${offset}` }),
    waitingFetchesCount: fetches.size,
  };
}

/** Dropped offsets first, as they are the oldest, when held records leave room for them; free cells last. */
function viewCells(topic: TopicLog, max: number): CellView[] {
  const { ring } = topic;
  const { overwrittenOffsets } = topic.room;
  const { logStartOffset, logEndOffset, slotCount } = ring;
  const from = Math.max(logStartOffset, logEndOffset - max);
  const held: CellView[] = [];
  for (let offset = from; offset < logEndOffset; offset += 1) held.push(viewHeld(topic, offset));
  const droppedCount = Math.min(max - held.length, overwrittenOffsets.length);
  const dropped = overwrittenOffsets
    .slice(overwrittenOffsets.length - droppedCount)
    .map((offset) => emptyCell({ slot: ring.slotOf(offset), offset, state: 'overwritten' }));
  const freeCount = Math.min(max - held.length - droppedCount, slotCount - (logEndOffset - logStartOffset));
  const free = Array.from({ length: freeCount }, (_, index) =>
    emptyCell({ slot: ring.slotOf(logEndOffset + index), offset: null, state: 'free' }),
  );
  return [...dropped, ...held, ...free];
}

function viewHeld(topic: TopicLog, offset: number): CellView {
  const { ring } = topic;
  const record = ring.at(offset);
  return {
    slot: ring.slotOf(offset),
    offset,
    state: stateForAll(topic, offset),
    id: record?.id ?? null,
    bytes: record?.body.length ?? 0,
    preview: record === undefined ? '' : previewOf(record.body),
  };
}

function stateForAll({ desks }: TopicLog, offset: number): CellState {
  const states = new Set([...desks.values()].map(({ group }) => group.stateOf(offset)));
  if (states.has('in-flight')) return 'in-flight';
  return states.size === 0 || states.has('available') ? 'ready' : 'acked';
}

function emptyCell(cell: Pick<CellView, 'slot' | 'offset' | 'state'>): CellView {
  return { ...cell, id: null, bytes: 0, preview: '' };
}

function viewPointers(
  desk: GroupDesk,
  { max, clock, logEndOffset }: { readonly max: number; readonly clock: Clock; readonly logEndOffset: number },
): GroupPointerView {
  const { group, leases, line } = desk;
  const nowMs = clock.monotonicMs();
  const inFlight: GroupPointerView['inFlight'][number][] = [];
  for (let offset = group.committedOffset; offset < group.nextOffset && inFlight.length < max; offset += 1) {
    const lease = leases.at(offset);
    if (lease === undefined) continue;
    const { memberId, deadlineMs } = lease;
    const deliveryCount = group.deliveryCountOf(offset);
    inFlight.push({ offset, memberId, deliveryCount, leaseLeftMs: Math.max(deadlineMs - nowMs, 0) });
  }
  return {
    group: desk.name,
    kind: group.kind,
    nextOffset: group.nextOffset,
    committedOffset: group.committedOffset,
    lag: logEndOffset - group.committedOffset,
    inFlight,
    inFlightCount: group.inFlightCount,
    redeliveredCount: group.redeliveredCount,
    droppedCount: group.droppedCount,
    waitingReceives: viewWaiters(line, { max, clock, whoOf: ({ memberId }) => memberId }),
    waitingReceivesCount: line.size,
  };
}
