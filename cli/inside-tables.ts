/**
 * The inside of a live topic as tables for a person: that of a queue, a ring, or a log. Pure; the screen draws the same
 * numbers as pictures.
 */
import type { GroupPointerView, Inside, LogView, WaiterView } from '../shared/contract/inside.ts';
import { counted, grouped, printable, tableLines } from './text.ts';

type RingView = Extract<Inside, { readonly kind: 'ring' }>;
type QueueView = Extract<Inside, { readonly kind: 'queue' }>;
type PartitionView = LogView['partitions'][number];
type LogGroupView = LogView['groups'][number];

export function insideLines(inside: Inside): string[] {
  switch (inside.kind) {
    case 'queue':
      return queueLines(inside);
    case 'ring':
      return ringLines(inside);
    case 'log':
      return logLines(inside);
  }
}

function queueLines({ topic, size, capacity, slots, waitingSends, waitingReceives }: QueueView): string[] {
  const rows = slots.map(({ offset, id, bytes, preview }) => [offset, id, bytes, preview]);
  return [
    `queue ${printable(topic)}: ${size} of ${grouped(capacity)} messages`,
    '',
    ...tableLines(['offset', 'id', 'bytes', 'body'], rows),
    ...waiterLines('send', waitingSends),
    ...waiterLines('receive', waitingReceives),
  ];
}

function ringLines(view: RingView): string[] {
  const { topic, slotCount, bytes, logStartOffset, logEndOffset, writeSlot, cells, groups } = view;
  const held = cells.filter(({ offset }) => offset !== null);
  const rows = held.map(({ slot, offset, state, id, bytes: size, preview }) => {
    return [slot, offset ?? '', state, id ?? '', size, preview];
  });
  return [
    `ring ${printable(topic)}: ${grouped(slotCount)} slots, offsets ${logStartOffset} to ${logEndOffset}, ` +
      `${grouped(bytes)} bytes; the next record takes slot ${writeSlot}`,
    '',
    ...tableLines(['slot', 'offset', 'state', 'id', 'bytes', 'body'], rows),
    ...groupLines(groups),
    ...waiterLines('send', view.waitingSends),
    ...waiterLines('fetch', view.waitingFetches),
  ];
}

function logLines(view: LogView): string[] {
  const { topic, bytes, bytesMax, flushPolicy, isPaused, partitions, groups, delayed, delayedCount } = view;
  const due = delayed.map(({ id, dueInMs, preview }) => [id, dueInMs, preview]);
  return [
    `log ${printable(topic)}: ${grouped(bytes)} of ${grouped(bytesMax)} bytes, flushed: ${flushPolicy}${isPaused ? ', paused' : ''}`,
    ...partitions.flatMap(partitionLines),
    ...groupLines(groups),
    ...(delayedCount === 0 ? [] : ['', `${counted(delayedCount, 'delayed message')}, soonest first:`]),
    ...(due.length === 0 ? [] : tableLines(['id', 'due in ms', 'body'], due)),
    ...waiterLines('send', view.waitingSends),
    ...waiterLines('fetch', view.waitingFetches),
  ];
}

function partitionLines(view: PartitionView): string[] {
  const { partition, logStartOffset, logEndOffset, highWatermark, syncedOffset, syncCount, appendCount } = view;
  const segments = view.segments.map((segment) => {
    const { baseOffset, nextOffset, batchCount, bytes, indexEntryCount, timeEntryCount, isActive } = segment;
    const counts = [baseOffset, nextOffset, batchCount, bytes, indexEntryCount, timeEntryCount];
    return [...counts, isActive ? 'written to' : 'sealed'];
  });
  const cells = view.cells.map(({ offset, state, id, bytes, preview }) => [
    offset ?? '',
    state,
    id ?? '',
    bytes,
    preview,
  ]);
  const perSync = syncCount === 0 ? '' : ` (${(appendCount / syncCount).toFixed(1)} appends each)`;
  return [
    '',
    `partition ${partition}: offsets ${logStartOffset} to ${logEndOffset}, readers see below ${highWatermark}, ` +
      `on the disk below ${syncedOffset}; ${counted(syncCount, 'sync')}${perSync}`,
    ...tableLines(['base', 'next', 'batches', 'bytes', 'index', 'times', ''], segments),
    ...(segments.length < view.segmentCount ? [`${segments.length} of ${grouped(view.segmentCount)} segments`] : []),
    ...(cells.length === 0 ? [] : ['', ...tableLines(['offset', 'state', 'id', 'bytes', 'body'], cells)]),
  ];
}

function groupLines(groups: readonly (GroupPointerView | LogGroupView)[]): string[] {
  if (groups.length === 0) return [];
  const header = ['group', 'kind', 'next', 'committed', 'lag', 'in flight', 'waiting'];
  const ofLog = ['delayed', 'dead', 'expired', 'mode'];
  const isLog = groups.some((group) => 'mode' in group);
  const rows = groups.map((group) => {
    const { nextOffset, committedOffset, lag, inFlightCount, waitingReceivesCount } = group;
    const ofAll = [group.group, group.kind, nextOffset, committedOffset, lag, inFlightCount, waitingReceivesCount];
    if (!('mode' in group)) return ofAll;
    const { mode, isPaused, delayedCount, deadCount, expiredCount } = group;
    return [...ofAll, delayedCount, deadCount, expiredCount, isPaused ? `${mode}, paused` : mode];
  });
  return ['', ...tableLines(isLog ? [...header, ...ofLog] : header, rows)];
}

function waiterLines(call: string, waiters: readonly WaiterView[]): string[] {
  return waiters.map(({ who, waitedMs }) => `waiting ${call}: ${printable(who)}, for ${grouped(waitedMs)} ms`);
}
