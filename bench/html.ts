/**
 * A bench report as one HTML file: charts inlined as SVG, no script, nothing loaded from anywhere, so it can be mailed,
 * kept beside the code and opened in ten years. Light and dark by the reader's own setting.
 */
import type { TopLevelSpec } from 'vega-lite';
import { barsChart, drawSvg, latencyChart, rateChart, waitersChart } from './charts.ts';
import type { BarReport, BenchReport, FigureReport, Row, ScenarioReport, Table, WaitersReport } from './report.ts';
import { addCounts, type Counts, NO_COUNTS } from './tally.ts';
import {
  countsText,
  formatBytes,
  formatPercent,
  formatRate,
  formatRatio,
  formatThree,
  formatValue,
  verdictText,
  wantedText,
} from './text-table.ts';

const STYLE = `
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.25rem; margin-top: 2.5rem; border-top: 1px solid #8886; padding-top: 1rem; }
h3 { font-size: 1.05rem; margin: 1.5rem 0 .2rem; } p { margin: .2rem 0 .6rem; } .quiet { opacity: .75; }
table { border-collapse: collapse; margin: .5rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .15rem .9rem .15rem 0; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } td.claim { white-space: normal; min-width: 22rem; }
.bars th:nth-child(2), .bars th:nth-last-child(-n+2) { text-align: left; }
thead th { border-bottom: 1px solid #8886; font-weight: 600; } .wide { overflow-x: auto; }
td.text, th.text { text-align: left; } .met { color: #0072b2; } .missed { color: #c44e00; font-weight: 600; }
.key span { padding-right: 1.2rem; } .key i { display: inline-block; width: .8rem; height: .8rem; margin-right: .35rem; }
svg { max-width: 100%; height: auto; }`;

const KEY = `<p class="key"><span><i style="background:#d8a200"></i>floor</span><span><i style="background:#0072b2"></i>
StageMQ</span><span><i style="background:#999"></i>others</span>&nbsp;thin line: lowest to highest round</p>`;

export async function htmlOf(report: BenchReport): Promise<string> {
  const { machine } = report;
  const sections = [
    await barsSection(report.bars),
    figuresSection(report.figures),
    ...(await Promise.all(report.tables.map(tableSection))),
    report.waiters === null ? '' : await waitersSection(report.waiters),
  ];
  const facts = [
    `${machine.cpuModel}, ${machine.coreCount} cores, ${formatBytes(machine.memoryBytes)}, ${machine.os}`,
    `Node ${machine.node}, StageMQ ${machine.version}${machine.commit === null ? '' : `, commit ${machine.commit}`}`,
    `${report.roundsCount} rounds${report.isQuick ? ' (quick)' : ''}, ${Math.round(report.durationMs / 1000)} s, begun ${report.startedAt}`,
  ];
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>StageMQ bench, ${escaped(report.startedAt.slice(0, 10))}</title>
<style>${STYLE}</style>
<h1>StageMQ bench</h1>
<p>${facts.map(escaped).join('<br>')}</p>
<p>Made by <code>${escaped(report.command)}</code>. 100-byte messages; medians of the rounds; spread = (max &minus; min) / median.
Ratios are taken within one round. Figures of different machines, or of different tables, are not comparable.</p>
${sections.join('\n')}
</html>
`;
}

async function barsSection(bars: readonly BarReport[]): Promise<string> {
  const rows = bars.map((bar) => {
    const { name, claim, verdict, ratio, judgedBy, isWithinNoise, serverCpuRatio } = bar;
    return [
      textCell(name),
      `<td class="text claim">${escaped(claim)}</td>`,
      cell(wantedText(bar)),
      cell(ratio === null ? '' : formatRatio(ratio)),
      cell(serverCpuRatio === null ? '' : formatRatio(serverCpuRatio)),
      textCell(ratio === null ? '' : judgedBy),
      `<td class="text ${classOf({ verdict, isWithinNoise })}">${verdictText({ verdict, isWithinNoise })}</td>`,
    ].join('');
  });
  const heads = ['bar', 'claim', 'wanted', 'ratio (min .. max)', 'by server CPU', 'judged by', 'verdict'];
  const chart = await svgOf(barsChart(bars), 'Ratio judged by ratio wanted, for every bar');
  return `<div class="bars"><h2>Bars</h2>\n${chart}\n${tableOf(heads, rows)}</div>`;
}

function figuresSection(figures: readonly FigureReport[]): string {
  if (figures.length === 0) return '';
  const rows = figures.map(({ name, claim, value, valueMax, unit, details, verdict }) =>
    [
      textCell(name),
      `<td class="text claim">${escaped(claim)}<br><span class="quiet">${escaped(details)}</span></td>`,
      cell(`≤ ${formatValue(valueMax, unit)}`),
      cell(formatValue(value, unit)),
      `<td class="text ${classOf({ verdict, isWithinNoise: false })}">${verdict}</td>`,
    ].join(''),
  );
  const heads = ['bar', 'claim', 'wanted', 'found', 'verdict'];
  return `<div class="bars"><h2>Stage 4, measured by itself</h2>\n${tableOf(heads, rows)}</div>`;
}

/** What the rounds disagree about is neither praised nor blamed. */
function classOf({ verdict, isWithinNoise }: Pick<BarReport, 'verdict' | 'isWithinNoise'>): string {
  if (isWithinNoise || verdict === 'not measured') return 'quiet';
  return verdict === 'met' ? 'met' : 'missed';
}

async function tableSection({ title, scenarios }: Table): Promise<string> {
  const parts = await Promise.all(scenarios.map(scenarioSection));
  return `<h2>${escaped(title)}</h2>\n${KEY}\n${parts.join('\n')}`;
}

async function scenarioSection(scenario: ScenarioReport): Promise<string> {
  const { title, how, rows } = scenario;
  const hasLatency = rows.some(({ p50Us }) => p50Us !== null);
  const hasServer = rows.some(({ serverBusyShare }) => serverBusyShare !== null);
  const heads = ['contestant', 'messages/s', 'min .. max', 'spread', '&times; floor'];
  if (hasLatency) heads.push('p50 µs', 'p99 µs', 'p99.9 µs');
  if (hasServer) heads.push('server µs/message', 'server busy');
  const lines = rows.map((row) => {
    const { median, min, max, spread } = row.messagesPerSecond;
    const cells = [
      textCell(row.contestant),
      cell(formatRate(median)),
      cell(`${formatRate(min)} .. ${formatRate(max)}`),
    ];
    cells.push(
      cell(formatPercent(spread)),
      cell(row.ratioToFloor === null ? '' : formatThree(row.ratioToFloor.median)),
    );
    const latencies = [row.p50Us, row.p99Us, row.p999Us];
    if (hasLatency) cells.push(...latencies.map((value) => cell(value === null ? '' : formatThree(value.median))));
    if (hasServer) {
      cells.push(cell(row.serverCpuUsPerMessage === null ? '' : formatThree(row.serverCpuUsPerMessage.median)));
      cells.push(cell(row.serverBusyShare === null ? '' : formatPercent(row.serverBusyShare.median)));
    }
    cells.push(cell(`${row.counts.lost}`), cell(`${row.counts.duplicate}`));
    return cells.join('');
  });
  const charts = [
    await svgOf(rateChart(scenario), `${title}: messages per second`),
    await svgOf(latencyChart(scenario), `${title}: response times`),
  ];
  return `<h3>${escaped(title)}</h3>\n<p class="quiet">${escaped(how)}</p>\n${charts.join('\n')}
${tableOf([...heads, 'lost', 'dup'], lines)}
<p class="quiet">Counted: ${escaped(countsText(sumCounts(rows)))}</p>`;
}

function sumCounts(rows: readonly Row[]): Counts {
  return rows.map(({ counts }) => counts).reduce(addCounts, NO_COUNTS);
}

async function waitersSection(waiters: WaitersReport): Promise<string> {
  const { waiterCount, bytesPerWaiter, givenBackShare, wokenCount, lostCount, waiterCountAfter, verdict } = waiters;
  const whole = (value: number): string => value.toLocaleString('en');
  return `<h2>${whole(waiterCount)} long polls</h2>
${await svgOf(waitersChart(waiters), 'Memory of the server before, with and after its waiters')}
<p>${formatBytes(bytesPerWaiter)} per waiter (at most ${formatBytes(waiters.bytesPerWaiterMax)} wanted),
${formatPercent(givenBackShare)} given back (at least ${formatPercent(waiters.givenBackShareMin)} wanted):
<b class="${verdict === 'met' ? 'met' : 'missed'}">${verdict}</b>. Woken by a message: ${whole(wokenCount)}, lost:
${whole(lostCount)}, still waiting afterwards: ${whole(waiterCountAfter)}.</p>`;
}

async function svgOf(spec: TopLevelSpec | null, label: string): Promise<string> {
  return spec === null ? '' : drawSvg(spec, label);
}

function tableOf(heads: readonly string[], rows: readonly string[]): string {
  const headCells = heads.map((head) => `<th>${head}</th>`).join('');
  const lines = rows.map((row) => `<tr>${row}</tr>`).join('\n');
  return `<div class="wide"><table><thead><tr>${headCells}</tr></thead>\n<tbody>\n${lines}\n</tbody></table></div>`;
}

function cell(text: string): string {
  return `<td>${escaped(text)}</td>`;
}

function textCell(text: string): string {
  return `<td class="text">${escaped(text)}</td>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
