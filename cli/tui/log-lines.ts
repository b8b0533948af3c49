/**
 * Stage 4 as a picture: the files of the log, the youngest records with what is written and what is synced, and for each
 * group what it has in flight, to come again, and dead.
 *
 *     files  #0..#41 4.0K  #42..#83 4.0K  [#84..#97 1.3K]         the last one is written to
 *                                ◆                       ▼         ◆ all before is on the disk, ▼ the next record
 *     86A  87F  88F  89R  90R  91R  92R  93R  94R  95R  96R  97R   ·
 *          △1        ▲1
 *     1 pay   fly 2  again later 1: #80 1.2s  dead 1
 *
 * A pure function of the broker's own view, whose parts robust-lines.ts takes too. Of several partitions it shows the first: the screen's topic has one.
 */
import type { LogGroupView, LogView, PartitionView, SegmentView } from '../../shared/contract/inside.ts';
import type { Language } from '../../shared/lesson.ts';
import { cellSpan, legendLine } from './cells.ts';
import { say, translate } from './messages.ts';
import { bytesText, secondsText } from './numbers.ts';
import { centred, groupTone, pointerSpans } from './pointers.ts';
import { EMPTY_LINE, fit, fitLine, type Line, lineWidth, type Span, span } from './text.ts';

export const CELL_WIDTH = 6;
const EARLIER_WIDTH = 14;
const FILE_DIGITS = 20;
/** Groups with a line of their own. */
const TALL_GROUPS = 2;

export interface LogPicture {
  readonly language: Language;
  readonly width: number;
  readonly isTall: boolean;
}

export function logTitle(view: LogView, language: Language): string {
  const { topic, partitions, waitingSendsCount } = view;
  const [partition] = partitions;
  if (partition === undefined) return topic;
  const { logStartOffset, logEndOffset, segmentCount, segments } = partition;
  const isEmpty = logStartOffset === logEndOffset;
  const range = isEmpty ? say(language, 'ring.empty') : `#${logStartOffset}..#${logEndOffset - 1}`;
  const size = bytesText(segments.reduce((sum, { bytes }) => sum + bytes, 0));
  const title = translate(language, 'log.title', { topic, range, files: segmentCount, size });
  if (waitingSendsCount === 0) return title;
  return `${title} · ${translate(language, 'ring.sendsWait', { count: waitingSendsCount })}`;
}

export function logLines(view: LogView, picture: LogPicture): Line[] {
  const [partition] = view.partitions;
  if (partition === undefined) return [];
  const { isTall, width } = picture;
  const cells = cellsOf(partition, picture);
  const lines = [
    filesLine(partition, picture),
    ...(isTall ? [indexLine(partition, picture)] : []),
    marksAbove(cells, partition),
    cells.flatMap(({ cell }) => [cellSpan(cell, CELL_WIDTH - 1), span(' ')]),
    ...(isTall ? [cells.map((cell) => detail(cell, view))] : []),
    cells.flatMap((cell) => marksBelow(cell, view.groups)),
    ...groupLines(view.groups, picture),
    statusLine(view, partition, picture),
    legend(picture.language),
  ];
  return lines.map((line) => fitLine(line, width));
}

interface RecordCell {
  readonly offset: number;
  readonly cell: Parameters<typeof cellSpan>[0];
  readonly preview: string;
  readonly isFirst: boolean;
}

/** The youngest records there is room for, and the place of the next one. */
function cellsOf({ cells, logEndOffset }: PartitionView, { width }: LogPicture): RecordCell[] {
  const count = Math.floor(width / CELL_WIDTH) - 1;
  const shown = cells.slice(-count).map(({ offset, state, preview }, index) => {
    return { offset: offset ?? 0, cell: { offset, state }, preview, isFirst: index === 0 };
  });
  const next = { offset: logEndOffset, cell: { offset: null, state: 'free' }, preview: '' } as const;
  return [...shown, { ...next, isFirst: shown.length === 0 }];
}

/** `#0..#41 4.0 KiB`, the youngest files there is room for; the one that is written to stands out. */
export function filesLine({ segments, segmentCount }: PartitionView, { language, width }: LogPicture): Line {
  const head = span(` ${say(language, 'log.files')}  `, 'dim');
  const shown: Span[] = [];
  let shownCount = 0;
  for (const segment of segments.toReversed()) {
    const spans = fileSpans(segment);
    // Room for the word about those that are not shown.
    if (lineWidth([head, ...shown, ...spans]) > width - EARLIER_WIDTH) break;
    shown.unshift(...spans);
    shownCount += 1;
  }
  const hiddenCount = segmentCount - shownCount;
  const earlier =
    hiddenCount > 0 ? [span(`${translate(language, 'log.earlier', { count: hiddenCount })}  `, 'dim')] : [];
  return [head, ...earlier, ...shown];
}

function fileSpans({ baseOffset, nextOffset, bytes, isActive }: SegmentView): Span[] {
  const range = nextOffset === baseOffset ? `#${baseOffset}..` : `#${baseOffset}..#${nextOffset - 1}`;
  return [span(` ${range} ${bytesText(bytes)} `, isActive ? 'chosen' : 'strong'), span(' ')];
}

/** The file that is written to, by its name, and what its index has. */
export function indexLine({ segments }: PartitionView, { language }: LogPicture): Line {
  const active = segments.at(-1);
  if (active === undefined) return [];
  const { baseOffset, batchCount, indexEntryCount, timeEntryCount } = active;
  const file = `${String(baseOffset).padStart(FILE_DIGITS, '0')}.log`;
  const values = { batches: batchCount, offsets: indexEntryCount, times: timeEntryCount };
  return [span(` ${file}  ${translate(language, 'log.index', values)}`, 'dim')];
}

/** Where the next record goes, and up to where everything is on the disk: of what is in sight the first that is not. */
function marksAbove(cells: readonly RecordCell[], { logEndOffset, syncedOffset }: PartitionView): Line {
  const unsynced = cells.find(({ offset }) => offset >= syncedOffset);
  return cells.flatMap((cell) => {
    const synced = cell === unsynced ? [span('◆', 'good')] : [];
    const next = cell.offset === logEndOffset ? [span(`▼${logEndOffset}`, 'key')] : [];
    return centred([...synced, ...next], CELL_WIDTH);
  });
}

/** Pointers of groups; at the oldest record in sight also who stands further back. */
export function marksBelow(
  { offset, isFirst }: Pick<RecordCell, 'offset' | 'isFirst'>,
  groups: readonly LogGroupView[],
): Line {
  const at = (isThere: (group: LogGroupView) => boolean): number[] =>
    groups.flatMap((group, index) => (isThere(group) ? [index] : []));
  const behind = isFirst ? at(({ nextOffset }) => nextOffset < offset) : [];
  if (behind.length > 0) return centred([span(`‹▲${behind.map((index) => index + 1).join('')}`, 'dim')], CELL_WIDTH);
  const next = at(({ nextOffset }) => nextOffset === offset);
  return pointerSpans({ next, committed: at(({ committedOffset }) => committedOffset === offset) }, CELL_WIDTH);
}

/** Who works on it and for how long, else what it says. */
export function detail({ offset, preview }: Pick<RecordCell, 'offset' | 'preview'>, { groups }: LogView): Span {
  const lease = groups.flatMap(({ inFlight }) => inFlight).find((held) => held.offset === offset);
  const text = lease === undefined ? preview : `${lease.memberId} ${(lease.leaseLeftMs / 1000).toFixed(0)}s`;
  return span(`${fit(text, CELL_WIDTH - 1, 'center')} `, lease === undefined ? 'dim' : 'warn');
}

/** A line each where there is room, with what comes again and when; else all in one. */
export function groupLines(groups: readonly LogGroupView[], { language, isTall }: LogPicture): Line[] {
  const lines = groups.map((group, index): Line => [...groupSpans(group, index, language)]);
  if (!isTall) return [lines.flat()];
  const shown = groups
    .slice(0, TALL_GROUPS)
    .map((group, index) => [...(lines[index] ?? []), ...againSpans(group, language)]);
  return Array.from({ length: TALL_GROUPS }, (_, index) => shown[index] ?? EMPTY_LINE);
}

function groupSpans(group: LogGroupView, index: number, language: Language): Span[] {
  const { inFlightCount, delayedCount, deadCount } = group;
  const part = (text: string, count: number, tone: 'warn' | 'bad'): Span => span(`  ${text}`, count > 0 ? tone : 'dim');
  return [
    span(` ${index + 1} ${fit(group.group, 5)}`, groupTone(index)),
    part(translate(language, 'log.inFlight', { count: inFlightCount }), inFlightCount, 'warn'),
    part(translate(language, 'log.waitAgain', { count: delayedCount }), delayedCount, 'warn'),
    part(translate(language, 'log.dead', { count: deadCount }), deadCount, 'bad'),
    span('  '),
  ];
}

function againSpans({ delayed }: LogGroupView, language: Language): Span[] {
  return delayed.map(({ offset, dueInMs }) =>
    span(` ${translate(language, 'log.due', { id: `#${offset}`, seconds: secondsText(dueInMs) })}`, 'warn'),
  );
}

/** How safe it all is, and what has no offset yet. */
export function statusLine(view: LogView, partition: PartitionView, { language }: LogPicture): Line {
  const { syncCount: syncs, appendCount: appends, logEndOffset, syncedOffset } = partition;
  const unsyncedCount = logEndOffset - syncedOffset;
  const safety =
    unsyncedCount > 0
      ? span(translate(language, 'log.unsynced', { count: unsyncedCount }), 'warn')
      : span(say(language, 'log.allSynced'), 'good');
  const delayed = view.delayed.map(({ id, dueInMs }) =>
    span(` ${translate(language, 'log.due', { id, seconds: secondsText(dueInMs) })}`, 'warn'),
  );
  return [
    span(' '),
    safety,
    span(` · ${translate(language, 'log.syncs', { syncs, appends })}`, 'dim'),
    span(
      ` · ${translate(language, 'log.delayed', { count: view.delayedCount })}`,
      view.delayedCount > 0 ? 'warn' : 'dim',
    ),
    ...delayed,
  ];
}

function legend(language: Language): Line {
  return [...legendLine(language, ['ready', 'in-flight', 'acked', 'overwritten']), ...marksLegend(language)];
}

export function marksLegend(language: Language): Line {
  return (
    [
      ['◆', 'mark.synced'],
      ['▼', 'mark.write'],
      ['▲', 'mark.next'],
      ['△', 'mark.committed'],
    ] as const
  ).flatMap(([mark, key]) => [span(` ${mark}`, 'strong'), span(` ${say(language, key)}`, 'dim')]);
}
