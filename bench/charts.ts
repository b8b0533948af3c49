/**
 * Draws the report: vega-lite specifications as data, turned into SVG text by vega, without a browser.
 *
 * Always true: a bar shows a median and the thin line across it the lowest and the highest round, because a bar alone
 * claims more than was measured; one colour means one role in every chart.
 */
import type { TopLevelSpec } from 'vega-lite';
import { loadOptional } from './optional-package.ts';
import { type BarReport, judgedRatio, type ScenarioReport, type WaitersReport } from './report.ts';
import type { Summary } from './statistics.ts';

/** Readable on white and on dark grey, and told apart by people who see few colours. */
const COLORS = { stage: '#0072b2', peer: '#999999', floor: '#d8a200', bad: '#c44e00' } as const;
const WIDTH_PX = 560;
const ROW_PX = 30;
const FONT = 'system-ui, sans-serif';
const CONFIG = {
  font: FONT,
  background: 'transparent',
  axis: { labelColor: '#777', titleColor: '#777', gridColor: '#8883', domainColor: '#8888', tickColor: '#8888' },
  legend: { labelColor: '#777', titleColor: '#777' },
  view: { stroke: null },
};

/** Messages per second of every contestant, fastest possible first as the scenario lists them. */
export function rateChart(scenario: ScenarioReport): TopLevelSpec {
  const values = scenario.rows.map(({ contestant, role, messagesPerSecond: { median, min, max } }) => ({
    contestant,
    role,
    median,
    min,
    max,
  }));
  const order = values.map(({ contestant }) => contestant);
  const y = { field: 'contestant', type: 'nominal', sort: order, title: null } as const;
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    config: CONFIG,
    width: WIDTH_PX,
    height: { step: ROW_PX },
    data: { values },
    layer: [
      {
        mark: { type: 'bar', height: { band: 0.62 }, cornerRadiusEnd: 2 },
        encoding: {
          y: { ...y, axis: { labelLimit: 260 } },
          x: { field: 'median', type: 'quantitative', title: 'messages per second', axis: { format: '~s' } },
          color: {
            field: 'role',
            type: 'nominal',
            scale: { domain: ['floor', 'stage', 'peer'], range: [COLORS.floor, COLORS.stage, COLORS.peer] },
            legend: null,
          },
        },
      },
      {
        mark: { type: 'rule', color: '#444', strokeWidth: 1.5 },
        encoding: { y, x: { field: 'min', type: 'quantitative' }, x2: { field: 'max' } },
      },
    ],
  };
}

/** Response times on a logarithmic scale: half of the answers, 99 %, 99.9 %. */
export function latencyChart(scenario: ScenarioReport): TopLevelSpec | null {
  const values = scenario.rows.flatMap(({ contestant, p50Us, p99Us, p999Us }) => [
    ...latencyPoint(contestant, 'p50', p50Us),
    ...latencyPoint(contestant, 'p99', p99Us),
    ...latencyPoint(contestant, 'p99.9', p999Us),
  ]);
  if (values.length === 0) return null;
  const order = scenario.rows.map(({ contestant }) => contestant);
  const y = { field: 'contestant', type: 'nominal', sort: order, title: null } as const;
  const color = {
    field: 'share',
    type: 'nominal',
    title: null,
    scale: { domain: ['p50', 'p99', 'p99.9'], range: ['#56b4e9', '#0072b2', '#c44e00'] },
  } as const;
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    config: CONFIG,
    width: WIDTH_PX,
    height: { step: ROW_PX },
    data: { values },
    layer: [
      {
        mark: { type: 'rule', strokeWidth: 2, opacity: 0.6 },
        encoding: {
          y: { ...y, axis: { labelLimit: 260 } },
          x: {
            field: 'min',
            type: 'quantitative',
            scale: { type: 'log' },
            title: 'response time, µs (logarithmic)',
            axis: { format: '~s' },
          },
          x2: { field: 'max' },
          color,
        },
      },
      {
        mark: { type: 'point', filled: true, size: 90, opacity: 1 },
        encoding: { y, x: { field: 'median', type: 'quantitative', scale: { type: 'log' } }, color },
      },
    ],
  };
}

function latencyPoint(contestant: string, share: string, summary: Summary | null): object[] {
  if (summary === null) return [];
  const { median, min, max } = summary;
  return [{ contestant, share, median, min, max }];
}

/** How far each measured bar was reached, by what it is judged by: 1 is the bar itself. */
export function barsChart(bars: readonly BarReport[]): TopLevelSpec | null {
  const values = bars.flatMap((bar) => {
    const { name, verdict } = bar;
    const ratio = judgedRatio(bar);
    if (ratio === null) return [];
    const reached = (value: number): number => value / (bar.ratioMin ?? 1);
    const kept = (value: number): number => (bar.ratioMax ?? 1) / value;
    const { median, min, max } = ratio;
    return bar.ratioMax === null
      ? [{ name, verdict, median: reached(median), min: reached(min), max: reached(max) }]
      : [{ name, verdict, median: kept(median), min: kept(max), max: kept(min) }];
  });
  if (values.length === 0) return null;
  const y = { field: 'name', type: 'nominal', sort: values.map(({ name }) => name), title: null } as const;
  const x = { type: 'quantitative', scale: { type: 'log' } } as const;
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    config: CONFIG,
    width: WIDTH_PX,
    height: { step: ROW_PX },
    data: { values },
    layer: [
      {
        mark: { type: 'rule', strokeWidth: 3, opacity: 0.5, color: '#777' },
        encoding: {
          y,
          x: { ...x, field: 'min', title: 'how far the bar is reached: 1 is the bar' },
          x2: { field: 'max' },
        },
      },
      {
        mark: { type: 'point', filled: true, size: 110, opacity: 1 },
        encoding: {
          y,
          x: { ...x, field: 'median' },
          color: {
            field: 'verdict',
            type: 'nominal',
            title: null,
            scale: { domain: ['met', 'not met'], range: [COLORS.stage, COLORS.bad] },
          },
        },
      },
      { mark: { type: 'rule', strokeDash: [4, 3], color: COLORS.bad }, encoding: { x: { datum: 1 } } },
    ],
  };
}

/** Memory of the server before, with and after its waiters. */
export function waitersChart({ waiterCount, before, during, after }: WaitersReport): TopLevelSpec {
  const phases = [
    { phase: 'before', ...before },
    { phase: `${waiterCount.toLocaleString('en')} waiting`, ...during },
    { phase: 'after', ...after },
  ];
  const mebi = 2 ** 20;
  const values = phases.flatMap(({ phase, heldBytes, residentBytes }) => [
    { phase, what: 'held (heap and buffers)', mebibytes: heldBytes / mebi },
    { phase, what: 'resident', mebibytes: residentBytes / mebi },
  ]);
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    config: CONFIG,
    width: WIDTH_PX,
    height: { step: ROW_PX },
    data: { values },
    mark: { type: 'bar', cornerRadiusEnd: 2 },
    encoding: {
      y: { field: 'phase', type: 'nominal', sort: phases.map(({ phase }) => phase), title: null },
      yOffset: { field: 'what' },
      x: { field: 'mebibytes', type: 'quantitative', title: 'memory of the server, MiB' },
      color: { field: 'what', type: 'nominal', title: null, scale: { range: [COLORS.stage, COLORS.peer] } },
    },
  };
}

/** One `<svg>` element. `MQ_MISSING_DEPENDENCY` without vega or vega-lite. */
export async function drawSvg(spec: TopLevelSpec, label: string): Promise<string> {
  const [vega, vegaLite] = await Promise.all([loadOptional('vega'), loadOptional('vega-lite')]);
  const view = new vega.View(vega.parse(vegaLite.compile(spec).spec), { renderer: 'none' });
  try {
    const svg = await view.toSVG();
    return svg.replace('<svg ', `<svg role="img" aria-label="${label.replaceAll('"', '&quot;')}" `);
  } finally {
    view.finalize();
  }
}
