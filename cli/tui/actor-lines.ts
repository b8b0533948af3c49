/**
 * The tables of the two upper panes: one line a producer, one line a consumer. The chosen one has a mark in front.
 * Pure functions of the views.
 */
import type { GroupPointerView, Inside } from '../../shared/contract/inside.ts';
import type { Language } from '../../shared/lesson.ts';
import { offsetsText, type ReaderState, type ReaderView } from './actor.ts';
import { NO_GROUP } from './measurements.ts';
import { say, translate } from './messages.ts';
import { rateText, trendText } from './numbers.ts';
import { groupTone } from './pointers.ts';
import type { ProducerView } from './producer.ts';
import type { SimulationView } from './simulation.ts';
import { type Align, fit, fitLine, type Line, lineWidth, type Span, span, type Tone, widthOf } from './text.ts';

const MARK = '>';
/** Columns a title leaves of the width inside its frame. */
const TITLE_EDGES = 3;

interface Table {
  readonly language: Language;
  readonly width: number;
  /** Lines there is room for, the heading included. */
  readonly height: number;
  /** Name of the chosen one. */
  readonly chosen: string | undefined;
}

interface TitleContent {
  readonly name: string;
  readonly ratePerSecond: number;
  readonly rowsCount: number;
  /** Those that choose another row, and so bring it into sight. */
  readonly keys: string;
}

/** The title of such a table: `consumers 4.2/s · 2 more: ↑ ↓`, where it is narrow `producers 4/s +2`. */
export function tableTitle(table: Table, { name, ratePerSecond, rowsCount, keys }: TitleContent): string {
  const title = `${name} ${rateText(ratePerSecond)}/s`;
  const count = rowsCount - (table.height - 1);
  if (count <= 0) return title;
  const inWords = `${title} · ${translate(table.language, 'pane.more', { count, keys })}`;
  return widthOf(inWords) <= table.width - TITLE_EDGES ? inWords : `${name} ${Math.round(ratePerSecond)}/s +${count}`;
}

export function producerLines(simulation: SimulationView, table: Table): Line[] {
  const { language, width } = table;
  const column = (text: string, tone: Tone, width = 5): Span => span(` ${fit(text, width, 'right')}`, tone);
  const heading: Line = [
    span(fit('', 4)),
    column(say(language, 'column.rate'), 'dim'),
    column(say(language, 'column.sent'), 'dim'),
    column(say(language, 'column.waiting'), 'dim', 4),
  ];
  const { producers } = simulation;
  if (producers.length === 0) return [heading, [span(` ${say(language, 'state.none')}`, 'warn')]];
  const rows = producers.map((producer): Line => {
    const isChosen = producer.name === table.chosen;
    const [rate, tone] = rateCell(producer, language);
    const [letter, open] = openWork(producer, language);
    return [
      span(fit((isChosen ? MARK : ' ') + producer.name, 4), isChosen ? 'key' : 'strong'),
      // Where there is no room for words, a letter in the gap.
      span(letter, 'undecided'),
      span(fit(rate, 5, 'right'), tone),
      column(String(producer.sentCount), 'plain'),
      column(String(producer.waitingCount), producer.waitingCount > 1 ? 'warn' : 'dim', 4),
      span(` ${open}`, 'warn'),
    ];
  });
  const chosenIndex = producers.findIndex(({ name }) => name === table.chosen);
  return [heading, ...around(rows, chosenIndex, table.height - 1)].map((line) => fitLine(line, width));
}

function rateCell({ isCrashed, ratePerSecond }: ProducerView, language: Language): readonly [string, Tone] {
  if (isCrashed) return [say(language, 'state.dead'), 'bad'];
  return [`${ratePerSecond}/s`, ratePerSecond === 0 ? 'dim' : 'plain'];
}

/** What it has begun and not ended: a letter, and words. */
function openWork({ transactionCount, halfCount }: ProducerView, language: Language): readonly [string, string] {
  if (transactionCount !== undefined) {
    return ['T', translate(language, 'state.inTransaction', { count: transactionCount })];
  }
  return halfCount > 0 ? ['H', translate(language, 'state.inHalf', { count: halfCount })] : [' ', ''];
}

/** A column of the consumers' table. */
interface Column {
  readonly title: Parameters<typeof say>[1];
  readonly width: number;
  readonly align: Align;
  readonly cell: (row: ReaderRow) => readonly [text: string, tone: Tone];
}

/** Where a group of a ring or a log stands. */
type Pointers = Pick<GroupPointerView, 'group' | 'committedOffset' | 'lag'>;

/** What is known of one reader: by itself, and of its group by the broker. */
interface ReaderRow {
  readonly language: Language;
  readonly view: ReaderView;
  readonly groupIndex: number;
  readonly group: Pointers | undefined;
  readonly lag: number;
  readonly trend: readonly number[];
}

const COLUMNS: readonly Column[] = [
  { title: 'column.group', width: 7, align: 'left', cell: groupCell },
  { title: 'column.state', width: 8, align: 'left', cell: stateCell },
  { title: 'column.next', width: 4, align: 'right', cell: ({ view }) => [String(view.nextOffset ?? '-'), 'plain'] },
  {
    title: 'column.committed',
    width: 6,
    align: 'right',
    cell: ({ group }) => [group === undefined ? '-' : String(group.committedOffset), 'plain'],
  },
  {
    title: 'column.inFlight',
    width: 4,
    align: 'right',
    cell: ({ view }) => [String(view.held.length), view.held.length > 0 ? 'warn' : 'dim'],
  },
  {
    title: 'column.redelivered',
    width: 5,
    align: 'right',
    cell: ({ view }) => [String(view.redeliveredCount), view.redeliveredCount > 0 ? 'warn' : 'dim'],
  },
  { title: 'column.lag', width: 4, align: 'right', cell: ({ lag }) => [String(lag), lag > 12 ? 'warn' : 'plain'] },
];
const NAME_WIDTH = 4;
const HELD_WIDTH = 18;

export function readerLines(simulation: SimulationView, table: Table & { readonly isWide: boolean }): Line[] {
  const { language, width } = table;
  const held: readonly Column[] = table.isWide
    ? [{ title: 'column.held', width: HELD_WIDTH, align: 'left', cell: ({ view }) => [offsetsText(view.held), 'dim'] }]
    : [];
  const columns = [...COLUMNS, ...held];
  const trendWidth = width - NAME_WIDTH - columns.reduce((sum, column) => sum + column.width + 1, 0) - 1;
  const heading: Line = [
    span(' '.repeat(NAME_WIDTH)),
    ...columns.map((column) => span(` ${fit(say(language, column.title), column.width, column.align)}`, 'dim')),
    span(` ${say(language, 'column.trend')}`, 'dim'),
  ];
  const { readers } = simulation;
  if (readers.length === 0) return [heading, [span(` ${say(language, 'state.noReader')}`, 'warn')]];
  const rows = readers.map((view): Line => {
    const row = rowOf(view, simulation, language);
    const isChosen = view.name === table.chosen;
    const cells = columns.map((column) => {
      const [text, tone] = column.cell(row);
      return span(` ${fit(text, column.width, column.align)}`, tone);
    });
    const name = span(fit((isChosen ? MARK : ' ') + view.name, NAME_WIDTH), isChosen ? 'key' : 'strong');
    const choice = choiceSpans(view, language);
    return [name, ...cells, ...choice, span(` ${trendText(row.trend, trendWidth - lineWidth(choice))}`, 'dim')];
  });
  const chosenIndex = readers.findIndex(({ name }) => name === table.chosen);
  return [heading, ...around(rows, chosenIndex, table.height - 1)].map((line) => fitLine(line, width));
}

/** What it takes, where that is not simply all that is committed; it stands before the trend. */
function choiceSpans({ filter, isUncommitted }: ReaderView, language: Language): Span[] {
  const choice = isUncommitted ? say(language, 'state.uncommitted') : filter;
  return choice === '' ? [] : [span(` ${choice}`, 'warn')];
}

function rowOf(view: ReaderView, simulation: SimulationView, language: Language): ReaderRow {
  const groups = groupsOf(simulation.inside);
  const groupIndex = groups.findIndex(({ group }) => group === view.group);
  const group = groups[groupIndex];
  return {
    language,
    view,
    groupIndex,
    group,
    lag: group?.lag ?? simulation.description?.availableCount ?? 0,
    trend: simulation.measurements.lagTrends.get(view.group) ?? [],
  };
}

function groupsOf(inside: Inside | undefined): readonly Pointers[] {
  return inside === undefined || inside.kind === 'queue' ? [] : inside.groups;
}

function groupCell({ view, groupIndex }: ReaderRow): readonly [string, Tone] {
  if (view.group === NO_GROUP) return ['-', 'dim'];
  const number = groupIndex < 0 ? ' ' : String(groupIndex + 1);
  return [`${number} ${view.group}`, groupIndex < 0 ? 'dim' : groupTone(groupIndex)];
}

const STATE_TONES: Readonly<Record<ReaderState, Tone>> = {
  waiting: 'dim',
  working: 'good',
  paused: 'warn',
  crashed: 'bad',
};

function stateCell({ view, language }: ReaderRow): readonly [string, Tone] {
  const isSlow = view.isSlow && view.state === 'working';
  return [say(language, isSlow ? 'state.slow' : `state.${view.state}`), isSlow ? 'warn' : STATE_TONES[view.state]];
}

/** The `count` rows around the chosen one. */
function around(rows: readonly Line[], chosenIndex: number, count: number): readonly Line[] {
  const first = Math.max(Math.min(chosenIndex - Math.floor(count / 2), rows.length - count), 0);
  return rows.slice(first, first + count);
}
