/** Says a bench report in plain text, for a terminal of 100 columns. Pure: a report in, a string out. */
import type { Unit } from './bars.ts';
import type { BarReport, BenchReport, FigureReport, Row, ScenarioReport, Verdict, WaitersReport } from './report.ts';
import type { Summary } from './statistics.ts';
import { addCounts, type Counts, NO_COUNTS } from './tally.ts';

/** Nothing that is measured is as small as the last of them. */
const DECIMALS_MAX = 9;
const BYTES_UNITS = ['B', 'KiB', 'MiB', 'GiB'] as const;

const MARKS: Readonly<Record<Verdict, string>> = {
  met: 'met      ',
  'not met': 'NOT MET  ',
  'not measured': '-        ',
};

export function printReport(report: BenchReport): string {
  const parts = [head(report)];
  for (const table of report.tables) {
    parts.push(`\n== ${table.title} ==`);
    for (const scenario of table.scenarios) parts.push(scenarioText(scenario));
    const counts = table.scenarios.flatMap(({ rows }) => rows.map((row) => row.counts)).reduce(addCounts, NO_COUNTS);
    parts.push(`Counted under load: ${countsText(counts)}`);
  }
  if (report.waiters !== null) parts.push(waitersText(report.waiters));
  if (report.figures.length > 0) parts.push(figuresText(report.figures));
  parts.push(barsText(report));
  return `${parts.join('\n')}\n`;
}

/** 11,600,000 -> `11.6 M`, 4,620 -> `4.62 k`: three significant digits. */
export function formatRate(perSecond: number): string {
  const [scaled, unit] =
    perSecond >= 1e6 ? [perSecond / 1e6, ' M'] : perSecond >= 1e3 ? [perSecond / 1e3, ' k'] : [perSecond, ''];
  return `${formatThree(scaled)}${unit}`;
}

/** Three significant digits, below 1 two (`0.50`, `0.0042`), without an exponent. */
export function formatThree(value: number): string {
  if (value > 0 && value < 0.1) return value.toFixed(Math.min(1 - Math.floor(Math.log10(value)), DECIMALS_MAX));
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toFixed(digits);
}

export function formatBytes(bytes: number): string {
  const sign = bytes < 0 ? '-' : '';
  let scaled = Math.abs(bytes);
  let unit = 0;
  while (scaled >= 1024 && unit < BYTES_UNITS.length - 1) {
    scaled /= 1024;
    unit += 1;
  }
  return `${sign}${unit === 0 ? scaled : formatThree(scaled)} ${BYTES_UNITS[unit]}`;
}

export function formatValue(value: number, unit: Unit): string {
  if (unit === 'bytes') return formatBytes(value);
  if (unit === 'share') return formatPercent(value);
  return `${formatThree(value)} ${unit === 'times' ? 'x' : unit}`;
}

export function formatPercent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}

/** `1.83 (1.71 .. 1.90)`: the median, then the lowest and the highest round. */
export function formatRatio({ median, min, max }: Summary): string {
  return `${formatThree(median)} (${formatThree(min)} .. ${formatThree(max)})`;
}

export function countsText(counts: Counts): string {
  const whole = (value: number): string => value.toLocaleString('en');
  const text = `sent ${whole(counts.sent)}, lost ${whole(counts.lost)}, duplicate ${whole(counts.duplicate)}`;
  const unanswered = counts.unanswered > 0 ? `, unanswered at the end ${whole(counts.unanswered)}` : '';
  const unknown = counts.unknown > 0 ? `, unknown ${whole(counts.unknown)}` : '';
  return `${text}${unanswered}${unknown}`;
}

function head({ machine, ...report }: BenchReport): string {
  const { cpuModel, coreCount, memoryBytes, os, node, commit, version, loadAverage } = machine;
  return [
    `StageMQ ${version}${commit === null ? '' : ` (${commit})`}, ${report.startedAt}`,
    `${cpuModel}, ${coreCount} cores, ${formatBytes(memoryBytes)}, ${os}, Node ${node}, load ${loadAverage} before`,
    `${report.roundsCount} rounds${report.isQuick ? ', quick: short runs, more noise' : ''}; ` +
      '100-byte messages; medians, spread = (max - min) / median',
  ].join('\n');
}

interface Column {
  readonly title: string;
  readonly cell: (row: Row) => string;
  readonly isLeft?: boolean;
}

function scenarioText({ title, how, rows }: ScenarioReport): string {
  const has = (pick: (row: Row) => unknown): boolean => rows.some((row) => pick(row) !== null);
  const median = (value: Summary | null, format: (value: number) => string): string =>
    value === null ? '' : format(value.median);
  const micros = (value: number): string => `${formatThree(value)}`;
  const columns: Column[] = [
    { title: '', isLeft: true, cell: ({ contestant, role }) => (role === 'floor' ? `${contestant} *` : contestant) },
    { title: 'messages/s', cell: ({ messagesPerSecond }) => formatRate(messagesPerSecond.median) },
    { title: 'spread', cell: ({ messagesPerSecond }) => formatPercent(messagesPerSecond.spread) },
  ];
  if (has((row) => row.ratioToFloor))
    columns.push({ title: 'x floor', cell: ({ ratioToFloor }) => median(ratioToFloor, formatThree) });
  if (has((row) => row.p50Us)) {
    columns.push({ title: 'p50 µs', cell: ({ p50Us }) => median(p50Us, micros) });
    columns.push({ title: 'p99 µs', cell: ({ p99Us }) => median(p99Us, micros) });
    columns.push({ title: 'p99.9 µs', cell: ({ p999Us }) => median(p999Us, micros) });
  }
  if (has((row) => row.serverCpuUsPerMessage)) {
    columns.push({ title: 'server µs/msg', cell: (row) => median(row.serverCpuUsPerMessage, formatThree) });
    columns.push({ title: 'server busy', cell: (row) => median(row.serverBusyShare, formatPercent) });
  }
  columns.push({ title: 'lost', cell: ({ counts }) => `${counts.lost}` });
  columns.push({ title: 'dup', cell: ({ counts }) => `${counts.duplicate}` });
  return `\n${title}\n${how}\n${alignedTable(columns, rows)}`;
}

function alignedTable(columns: readonly Column[], rows: readonly Row[]): string {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => columns.map(({ cell }) => cell(row)))];
  const widths = columns.map((_, at) => Math.max(...cells.map((line) => (line[at] ?? '').length)));
  const lines = cells.map((line) =>
    line
      .map((text, at) => (columns[at]?.isLeft ? text.padEnd(widths[at] ?? 0) : text.padStart(widths[at] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  return lines.map((line) => `  ${line}`).join('\n');
}

function waitersText(waiters: WaitersReport): string {
  const { waiterCount, before, during, after } = waiters;
  const total = (memory: typeof before): string => formatBytes(memory.heldBytes);
  return [
    `\n== ${waiters.waiterCount.toLocaleString('en')} long polls ==`,
    `  held by the server: before ${total(before)}, with ${waiterCount.toLocaleString('en')} waiting ${total(during)}, ` +
      `after ${total(after)}`,
    `  ${formatBytes(waiters.bytesPerWaiter)} per waiter, ${formatPercent(waiters.givenBackShare)} given back; ` +
      `resident ${formatBytes(before.residentBytes)} / ${formatBytes(during.residentBytes)} / ${formatBytes(after.residentBytes)}`,
    `  woken by a message ${waiters.wokenCount.toLocaleString('en')}, lost ${waiters.lostCount}, ` +
      `still waiting afterwards ${waiters.waiterCountAfter}`,
  ].join('\n');
}

function figuresText(figures: readonly FigureReport[]): string {
  const lines = figures.map(({ name, details, counts }) => `  ${name}: ${details}\n    ${countsText(counts)}`);
  return ['\n== Stage 4, measured by itself ==', ...lines].join('\n');
}

function barsText({ bars, figures, waiters }: BenchReport): string {
  const lines = bars.filter(({ ratio }) => ratio !== null).map((bar) => barLine(bar, barText(bar)));
  if (waiters !== null) {
    const { bytesPerWaiter, givenBackShare } = waiters;
    lines.push(barLine(waiters, `${formatBytes(bytesPerWaiter)} each, ${formatPercent(givenBackShare)} given back`));
  }
  for (const figure of figures) lines.push(barLine(figure, formatValue(figure.value, figure.unit)));
  const others = bars.filter(({ ratio }) => ratio === null).map(({ name }) => name);
  if (others.length > 0) lines.push(`${MARKS['not measured']}not measured: ${others.join(', ')}`);
  return ['\n== Bars ==', ...lines.map((line) => `  ${line}`)].join('\n');
}

/** `0.40`, or `<= 2.00` where less is better. */
export function wantedText({ ratioMin, ratioMax }: Pick<BarReport, 'ratioMin' | 'ratioMax'>): string {
  return ratioMax === null ? formatThree(ratioMin ?? 0) : `<= ${formatThree(ratioMax)}`;
}

/** The ratio that was judged, then the other one, so that nobody takes one for the other. */
function barText({ judgedBy, ratio, serverCpuRatio }: BarReport): string {
  if (ratio === null) return '';
  if (judgedBy === 'median response time') return `${formatRatio(ratio)} of its median response time`;
  if (serverCpuRatio === null) return formatRatio(ratio);
  return judgedBy === 'server CPU'
    ? `${formatRatio(serverCpuRatio)} by server CPU; by messages/s, as far as the load reached, ${formatThree(ratio.median)}`
    : `${formatRatio(ratio)} by messages/s; by server CPU ${formatThree(serverCpuRatio.median)}`;
}

interface JudgedBar {
  readonly verdict: Verdict;
  readonly claim: string;
  readonly isWithinNoise?: boolean;
}

function barLine(bar: JudgedBar, found: string): string {
  const begin = bar.isWithinNoise ? `${verdictText(bar)}: ` : MARKS[bar.verdict];
  return `${begin}${found}\n           ${bar.claim}`;
}

/** `not met, but within the noise`: the rounds disagree, and the verdict alone would say too much. */
export function verdictText({ verdict, isWithinNoise }: Pick<JudgedBar, 'verdict' | 'isWithinNoise'>): string {
  if (!isWithinNoise) return verdict;
  return verdict === 'not met' ? 'not met, but within the noise' : `${verdict}, within the noise`;
}
