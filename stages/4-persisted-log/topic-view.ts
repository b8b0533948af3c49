/**
 * A topic seen from outside: its numbers (`describeTopics`) and its inside (`inspect`), as plain JSON.
 *
 * Always true: looking changes nothing, but that what expired at the head of a group is stepped over first. The counts of a
 * topic are the sums over its groups, so the two can never disagree. Only the spine uses it.
 */
import type { Clock } from '../../shared/clock.ts';
import type { Counts, GroupDescription, TopicDescription } from '../../shared/contract/description.ts';
import { type CellState, type LogView, type PartitionView, previewOf } from '../../shared/contract/inside.ts';
import { viewWaiters } from '../1-blocking-queue/waiter-line.ts';
import type { GroupDesk } from './delivery/group-desk.ts';
import { batchFrom } from './log-reading.ts';
import type { Partition } from './partition.ts';
import type { Topic } from './topic.ts';

/** Offsets of a topic are those of its partitions, added up. */
type Ends = Pick<Counts, 'logStartOffset' | 'logEndOffset'>;

export function describeTopic(topic: Topic): TopicDescription {
  const { name, options, room, partitions } = topic;
  const ends = endsOf(partitions);
  const groups = [...topic.groups.desks.values()].map((desk) => describeGroup(desk, ends));
  const sum = (count: (counts: Counts) => number): number => groups.reduce((total, group) => total + count(group), 0);
  const heldCount = topic.box?.count ?? availableIn(partitions);
  return {
    topic: name,
    partitionCount: partitions.length,
    options,
    bytes: room.bytes,
    availableCount: groups.length === 0 ? heldCount : sum((group) => group.availableCount),
    inFlightCount: sum((group) => group.inFlightCount),
    delayedCount: (topic.delayed?.count ?? 0) + sum((group) => group.delayedCount),
    redeliveredCount: sum((group) => group.redeliveredCount),
    expiredCount: sum((group) => group.expiredCount),
    deadCount: sum((group) => group.deadCount),
    droppedCount: room.droppedCount,
    waiterCount: topic.entrance.line.size + topic.waitingReaderCount,
    lag: groups.reduce((slowest, { lag }) => Math.max(slowest, lag), groups.length === 0 ? heldCount : 0),
    ...ends,
    isPaused: topic.groups.isPaused,
    ...topic.rules.describe(),
    ...stableEnd(partitions),
    groups,
  };
}

/** Held, and not undecided or hidden. */
function availableIn(partitions: readonly Partition[]): number {
  return partitions.reduce((sum, partition) => {
    const { logStartOffset: from, lastStableOffset: below } = partition;
    return sum + Math.max(below - from, 0) - partition.hiddenCountIn({ from, below });
  }, 0);
}

function stableEnd(partitions: readonly Partition[]): Pick<TopicDescription, 'lastStableOffset'> {
  if (!partitions.some(({ rules }) => rules.isTransactional)) return {};
  return { lastStableOffset: partitions.reduce((sum, { lastStableOffset }) => sum + lastStableOffset, 0) };
}

function endsOf(partitions: readonly Partition[]): Ends {
  let [logStartOffset, logEndOffset] = [0, 0];
  for (const partition of partitions) {
    logStartOffset += partition.logStartOffset;
    logEndOffset += partition.highWatermark;
  }
  return { logStartOffset, logEndOffset };
}

function describeGroup(desk: GroupDesk, ends: Ends): GroupDescription {
  const { isEphemeral, onOutOfRange, mode, deliveriesMax, filter } = desk.options;
  return {
    group: desk.name,
    kind: desk.state.kind,
    ...{ isEphemeral, onOutOfRange, mode },
    ...desk.counts(),
    committedOffset: desk.floorOf(0),
    members: desk.members(),
    ...ends,
    deliveriesMax,
    isPaused: desk.state.isPaused,
    ...(filter.tags === undefined && filter.selector === undefined ? {} : { filter }),
  };
}

/** The topic as the screen draws it: at most `max` of everything that may be many. */
export async function inspectTopic(
  topic: Topic,
  { max, clock }: { readonly max: number; readonly clock: Clock },
): Promise<LogView> {
  const { name, room, entrance, groups, settings, delayed } = topic;
  const sends = entrance.line;
  const limits = { max, clock };
  return {
    kind: 'log',
    topic: name,
    bytes: room.bytes,
    bytesMax: room.bytesMax,
    flushPolicy: settings.flushPolicy,
    isPaused: groups.isPaused,
    partitions: await Promise.all(topic.partitions.map((partition) => viewPartition(topic, partition, max))),
    groups: [...groups.desks.values()].map((desk) => desk.view(max)),
    delayed: await viewDelayed(topic, limits),
    delayedCount: delayed?.count ?? 0,
    waitingSends: viewWaiters(sends, { ...limits, whoOf: ({ batch }) => batch.label }),
    waitingSendsCount: sends.size,
    waitingFetches: topic.partitions
      .flatMap(({ fetches }) => viewWaiters(fetches, { ...limits, whoOf: ({ offset }) => `offset ${offset}` }))
      .slice(0, max),
    waitingFetchesCount: topic.partitions.reduce((sum, { fetches }) => sum + fetches.size, 0),
    ...(await topic.rules.view(max)),
  };
}

async function viewPartition(topic: Topic, partition: Partition, max: number): Promise<PartitionView> {
  const { logStartOffset, lastStableOffset, rules } = partition;
  const cells = await viewCells(topic, partition, max);
  const view = { ...partition.log.inspect(max), logStartOffset, cells };
  return rules.isTransactional ? { ...view, lastStableOffset, ...rules.view(max) } : view;
}

/** Dropped offsets first, as they are the oldest, when held records leave room for them. */
async function viewCells(topic: Topic, partition: Partition, max: number): Promise<PartitionView['cells']> {
  const { log, logStartOffset } = partition;
  const held: PartitionView['cells'][number][] = [];
  let next = Math.max(logStartOffset, log.highWatermark - max);
  for (const end = log.highWatermark; next < end; ) {
    const batch = await batchFrom(log, next);
    if (batch === undefined) break;
    if (batch.isMarker) next = batch.nextOffset;
    for (next = Math.max(next, batch.baseOffset); next < Math.min(batch.nextOffset, end); next += 1) {
      const { id, body } = batch.recordAt(next);
      const state = stateForAll(topic, partition.partition, next);
      const aborted = partition.rules.isHidden(next) ? ({ isAborted: true } as const) : {};
      held.push({ offset: next, state, id, bytes: body.length, preview: previewOf(body), ...aborted });
    }
  }
  const dropped = topic.room.overwritten
    .filter(({ partition: number, offset }) => number === partition.partition && offset < logStartOffset)
    .slice(-Math.max(max - held.length, 0) || Number.POSITIVE_INFINITY)
    .map(({ offset }) => ({ offset, state: 'overwritten', id: null, bytes: 0, preview: '' }) as const);
  return [...dropped, ...held];
}

function stateForAll({ groups }: Topic, partition: number, offset: number): CellState {
  const states = new Set([...groups.desks.values()].map((desk) => desk.standingOf(partition, offset).state));
  if (states.has('in-flight')) return 'in-flight';
  const isFinished = states.size > 0 && [...states].every((state) => state === 'finished');
  return isFinished ? 'acked' : 'ready';
}

async function viewDelayed(
  { delayed }: Topic,
  { max, clock }: { readonly max: number; readonly clock: Clock },
): Promise<LogView['delayed']> {
  if (delayed === undefined) return [];
  const now = clock.now();
  return await Promise.all(
    delayed.soonest(max).map(async (message) => {
      const { id, body } = await delayed.recordOf(message);
      return { id, dueInMs: Math.max(message.deliverAt - now, 0), preview: previewOf(body) };
    }),
  );
}
