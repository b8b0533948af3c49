/**
 * Stage 5 as a picture: the log of stage 4 with what is undecided in it, where transactions ended, and who has to decide.
 *
 *               ◇88           ▼94       ◇ the last stable offset: from here on nobody gets anything
 *     86A  [C]  88U  89U  90U  [A]      U undecided   [C] [A] markers: committed, aborted   84- was aborted   91w not synced
 *          △1   ▲1
 *     open 1  0-3-47be p1 open 3.2 s of 20 s: 4 records, 0 acks
 *     half 1  p2-7 of "shop": asked 0/15, next in 5.1 s
 *
 * A pure function of the broker's own view. Always true: it has exactly `height` lines; where there are fewer than it could
 * fill, the least important are left out.
 */
import type { HalfView, LogView, MarkerView, PartitionView, TransactionView } from '../../shared/contract/inside.ts';
import type { Language } from '../../shared/lesson.ts';
import { CELL_LETTERS, legendLine } from './cells.ts';
import {
  CELL_WIDTH,
  detail,
  filesLine,
  groupLines,
  indexLine,
  type LogPicture,
  marksBelow,
  marksLegend,
  statusLine,
} from './log-lines.ts';
import { say, translate } from './messages.ts';
import { secondsText } from './numbers.ts';
import { centred } from './pointers.ts';
import { shortId } from './producer-transaction.ts';
import { EMPTY_LINE, fit, fitLine, type Line, lineWidth, type Span, span, type Tone, truncateStart } from './text.ts';

/** Lines for open transactions, and as many for half messages. */
const DECISIONS_MAX = 2;

export interface RobustPicture extends LogPicture {
  readonly height: number;
}

/** A line, and how soon it is left out: the highest rank first. */
type Ranked = readonly [rank: number, line: Line];

export function hasTransactions({ transactions }: LogView): boolean {
  return transactions !== undefined;
}

export function robustTitle(view: LogView, language: Language): string {
  const [partition] = view.partitions;
  if (partition === undefined) return view.topic;
  const { logStartOffset, logEndOffset } = partition;
  const isEmpty = logStartOffset === logEndOffset;
  const range = isEmpty ? say(language, 'ring.empty') : `#${logStartOffset}..#${logEndOffset - 1}`;
  const counts = { open: view.transactions?.length ?? 0, half: view.halves?.length ?? 0 };
  const title = translate(language, 'robust.title', { topic: view.topic, range, ...counts });
  if (view.waitingSendsCount === 0) return title;
  return `${title} · ${translate(language, 'ring.sendsWait', { count: view.waitingSendsCount })}`;
}

export function robustLines(view: LogView, picture: RobustPicture): Line[] {
  const [partition] = view.partitions;
  if (partition === undefined) return [];
  const { language, width, height, isTall } = picture;
  const cells = cellsOf(partition, picture);
  const lines: readonly Ranked[] = [
    [7, filesLine(partition, picture)],
    [9, indexLine(partition, picture)],
    [0, marksAbove(cells, partition)],
    [0, cells.flatMap(({ text, tone }) => [span(fit(text, CELL_WIDTH - 1, 'center'), tone), span(' ')])],
    [isTall ? 5 : 8, cells.map((cell) => detail(cell, view))],
    [0, cells.flatMap((cell) => marksBelow(cell, view.groups))],
    ...groupLines(view.groups, picture).map((line): Ranked => [1, line]),
    ...ranked(1, transactionLines(view.transactions ?? [], language)),
    ...ranked(1, halfLines(view.halves ?? [], language)),
    [3, statusLine(view, partition, picture)],
    [2, legend(language)],
    [4, [...legendLine(language, ['ready', 'in-flight', 'overwritten']), ...marksLegend(language)]],
  ];
  return mostImportant(lines, height).map((line) => fitLine(line, width));
}

/** In their order. */
function mostImportant(lines: readonly Ranked[], count: number): Line[] {
  const kept = new Set([...lines].sort(([one], [other]) => one - other).slice(0, count));
  const shown = lines.filter((line) => kept.has(line)).map(([, line]) => line);
  return Array.from({ length: count }, (_, index) => shown[index] ?? EMPTY_LINE);
}

/** The first at `rank`, the others a little less important than what has room in a low picture. */
function ranked(rank: number, lines: readonly Line[]): Ranked[] {
  return lines.map((line, index) => [index === 0 ? rank : 6, line]);
}

interface StripCell {
  readonly offset: number;
  readonly text: string;
  readonly tone: Tone;
  readonly preview: string;
  readonly isFirst: boolean;
}

/** Records, markers between them, what is written and not synced, and the place of the next one: the youngest there is room for. */
function cellsOf(partition: PartitionView, { width }: LogPicture): StripCell[] {
  const { highWatermark, logEndOffset, lastStableOffset = highWatermark, markers = [] } = partition;
  const oldest = partition.cells[0]?.offset ?? 0;
  const strip = [
    ...partition.cells.map((cell) => ({ ...recordCell(cell, lastStableOffset), preview: cell.preview })),
    ...markers.filter(({ offset }) => offset >= oldest).map(markerCell),
    ...Array.from({ length: logEndOffset - highWatermark }, (_, index) => writtenCell(highWatermark + index)),
  ].sort((one, other) => one.offset - other.offset);
  const next = { offset: logEndOffset, text: CELL_LETTERS.free, tone: 'free', preview: '' } as const;
  const count = Math.floor(width / CELL_WIDTH) - 1;
  return [...strip.slice(-count), next].map((cell, index) => ({ ...cell, isFirst: index === 0 }));
}

function recordCell({ offset, state, isAborted }: PartitionView['cells'][number], lastStableOffset: number) {
  const at = offset ?? 0;
  if (isAborted) return { offset: at, text: lettered(at, '-'), tone: 'aborted' } as const;
  if (at >= lastStableOffset) return { offset: at, text: lettered(at, 'U'), tone: 'undecided' } as const;
  return { offset: at, text: lettered(at, CELL_LETTERS[state]), tone: state };
}

function markerCell({ offset, outcome }: MarkerView) {
  const isCommitted = outcome === 'committed';
  return { offset, text: isCommitted ? '[C]' : '[A]', tone: `marker-${outcome}`, preview: '' } as const;
}

function writtenCell(offset: number) {
  return { offset, text: lettered(offset, 'w'), tone: 'written', preview: '' } as const;
}

function lettered(offset: number, letter: string): string {
  return truncateStart(String(offset), CELL_WIDTH - 2) + letter;
}

/** The last stable offset, up to where all is on the disk, and the next record: each at the first cell in sight it applies to. */
function marksAbove(cells: readonly StripCell[], partition: PartitionView): Line {
  const { logEndOffset, syncedOffset, highWatermark, lastStableOffset = highWatermark } = partition;
  const unstable = cells.find(({ offset }) => offset >= lastStableOffset);
  const unsynced = cells.find(({ offset }) => offset >= syncedOffset);
  return cells.flatMap((cell) => {
    const isNext = cell.offset === logEndOffset;
    const stable = cell === unstable ? [span(isNext ? '◇' : `◇${lastStableOffset}`, 'title')] : [];
    const synced = cell === unsynced ? [span('◆', 'good')] : [];
    const marks = [...stable, ...synced, ...(isNext ? [span(`▼${logEndOffset}`, 'key')] : [])];
    return centred(lineWidth(marks) <= CELL_WIDTH ? marks : marks.map(firstCharacter), CELL_WIDTH);
  });
}

function firstCharacter({ text, tone }: Span): Span {
  return span(text.slice(0, 1), tone);
}

/** The oldest open ones. */
function transactionLines(transactions: readonly TransactionView[], language: Language): Line[] {
  const count = transactions.length;
  const head = span(` ${translate(language, 'robust.transactions', { count })}  `, count > 0 ? 'warn' : 'dim');
  if (count === 0) return [[head, span(say(language, 'robust.noTransaction'), 'dim')]];
  return withHead(
    head,
    transactions.slice(0, DECISIONS_MAX).map((transaction) => {
      const { id, transactionalId, state, ageMs, timeoutInMs, recordCount, ackCount } = transaction;
      const times = { age: secondsText(ageMs), whole: ((ageMs + timeoutInMs) / 1000).toFixed(0) };
      const told = { ...times, id: shortId(id), records: recordCount, acks: ackCount };
      const words = { owner: transactionalId ?? '', state: say(language, `state.${state}`) };
      return translate(language, 'robust.transaction', { ...told, ...words });
    }),
  );
}

/** Those that are asked about next. */
function halfLines(halves: readonly HalfView[], language: Language): Line[] {
  const count = halves.length;
  const head = span(` ${translate(language, 'robust.halves', { count })}  `, count > 0 ? 'warn' : 'dim');
  if (count === 0) return [[head, span(say(language, 'robust.noHalf'), 'dim')]];
  return withHead(
    head,
    halves
      .slice(0, DECISIONS_MAX)
      .map(({ id, producerGroup: group, checkCount: checks, checksMax: max, nextCheckInMs }) => {
        const told = { id, group, checks, max };
        if (nextCheckInMs === 0) return translate(language, 'robust.halfDue', told);
        return translate(language, 'robust.half', { ...told, seconds: secondsText(nextCheckInMs) });
      }),
  );
}

/** The head in front of the first, the others below it. */
function withHead(head: Span, texts: readonly string[]): Line[] {
  const indent = span(' '.repeat(lineWidth([head])));
  return texts.map((text, index) => [index === 0 ? head : indent, span(text, 'warn')]);
}

function legend(language: Language): Line {
  const cells = (
    [
      ['U', 'undecided', 'cell.undecided'],
      ['-', 'aborted', 'cell.aborted'],
      ['w', 'written', 'cell.written'],
      ['[C]', 'marker-committed', 'mark.committedMarker'],
      ['[A]', 'marker-aborted', 'mark.abortedMarker'],
      ['◇', 'title', 'mark.stable'],
    ] as const
  ).flatMap(([letter, tone, key]) => [span(' '), span(letter, tone), span(` ${say(language, key)}`, 'dim')]);
  return [...legendLine(language, ['acked']), ...cells];
}
