/**
 * What a bench run amounts to, as plain JSON: the same object is printed, drawn and written to `bench/results`.
 *
 *     runs (race) --> rows: medians, spread, ratio to the floor --> verdicts on the bars
 *
 * Pure: no clock, no disk, no randomness; a report of a report file can be made again from its `runs`.
 */
import {
  FIGURE_BARS,
  type FigureName,
  RATIO_BARS,
  type RatioBar,
  TIME_BARS,
  type TimeBar,
  type Unit,
  WAITERS_BAR,
  type WaitersBar,
} from './bars.ts';
import type { WaitersResult } from './http-door/waiters.ts';
import type { Machine } from './machine.ts';
import type { RaceResult, Role, Run, Scenario } from './race.ts';
import { type Summary, summarise, summariseRatio } from './statistics.ts';
import { addCounts, type Counts, NO_COUNTS } from './tally.ts';

/** One contestant of one scenario. */
export interface Row {
  readonly contestant: string;
  readonly role: Role;
  readonly messagesPerSecond: Summary;
  /** Messages per second as a share of the floor's, round by round; null without a floor. */
  readonly ratioToFloor: Summary | null;
  readonly p50Us: Summary | null;
  readonly p99Us: Summary | null;
  readonly p999Us: Summary | null;
  readonly serverCpuUsPerMessage: Summary | null;
  readonly serverBusyShare: Summary | null;
  /** Of all rounds together. */
  readonly counts: Counts;
}

export interface ScenarioReport {
  readonly name: string;
  readonly title: string;
  readonly how: string;
  readonly rows: readonly Row[];
}

/** In process, or through one of the doors: figures of different tables are never compared. */
export interface Table {
  readonly name: 'in-process' | 'http-door' | 'tcp-door' | 'protocol-doors';
  readonly title: string;
  readonly scenarios: readonly ScenarioReport[];
}

export type Verdict = 'met' | 'not met' | 'not measured';

/** What a bar is judged by: what a caller sees, or what the server spent. */
export type Measure = 'messages per second' | 'server CPU' | 'median response time';

export interface BarReport {
  readonly name: string;
  readonly claim: string;
  readonly verdict: Verdict;
  /** What the subject has by what the reference has: messages per second, or response times; null when not measured. */
  readonly ratio: Summary | null;
  /** Wanted at least; null where less is better, */
  readonly ratioMin: number | null;
  /** and at most. */
  readonly ratioMax: number | null;
  /** Which of the two ratios the verdict is about; see `judge`. */
  readonly judgedBy: Measure;
  /** True when some rounds lie on the other side of the bar than the median: measure again, longer, alone. */
  readonly isWithinNoise: boolean;
  /** Server CPU per message of the reference by that of the subject: what the ratio would be if nothing but the server counted. */
  readonly serverCpuRatio: Summary | null;
}

export interface WaitersReport extends WaitersResult {
  readonly claim: string;
  readonly verdict: Verdict;
  readonly bytesPerWaiterMax: number;
  readonly givenBackShareMin: number;
}

/** One thing that is measured by itself. */
export interface FigureReport {
  readonly name: FigureName;
  readonly claim: string;
  readonly verdict: Verdict;
  readonly value: number;
  readonly valueMax: number;
  readonly unit: Unit;
  /** How it came about, in a sentence or two. */
  readonly details: string;
  readonly counts: Counts;
}

/** What a measurement in `figures/` answers. */
export type Figure = Pick<FigureReport, 'value' | 'details' | 'counts'>;

export interface BenchReport {
  /** Raised when a reader of old files would misread a new one. */
  readonly formatVersion: 2;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly durationMs: number;
  readonly command: string;
  readonly isQuick: boolean;
  readonly roundsCount: number;
  readonly targets: readonly string[];
  readonly machine: Machine;
  readonly tables: readonly Table[];
  /** Null when stage 3 was not a target. */
  readonly waiters: WaitersReport | null;
  /** Empty when stage 4 was not a target. */
  readonly figures: readonly FigureReport[];
  readonly bars: readonly BarReport[];
}

/** The rows of one scenario, from its runs. */
export function reportScenario(scenario: Scenario, result: RaceResult): ScenarioReport {
  const floor = scenario.contestants.find(({ role }) => role === 'floor');
  const floorRuns = floor === undefined ? undefined : result.get(floor.name);
  const rows = scenario.contestants.map(({ name, role }): Row => {
    const runs = result.get(name) ?? [];
    return {
      contestant: name,
      role,
      messagesPerSecond: summarise(rates(runs)),
      ratioToFloor: floorRuns === undefined ? null : summariseRatio(rates(runs), rates(floorRuns)),
      p50Us: summariseKnown(runs.map(({ latency }) => latency?.p50Us)),
      p99Us: summariseKnown(runs.map(({ latency }) => latency?.p99Us)),
      p999Us: summariseKnown(runs.map(({ latency }) => latency?.p999Us)),
      serverCpuUsPerMessage: summariseKnown(runs.map((run) => run.serverCpuUsPerMessage)),
      serverBusyShare: summariseKnown(runs.map((run) => run.serverBusyShare)),
      counts: runs.map(({ counts }) => counts).reduce(addCounts, NO_COUNTS),
    };
  });
  const { name, title, how } = scenario;
  return { name, title, how, rows };
}

/** Below this share of a core a server waited for its load, and its messages per second are those of the load. */
export const BUSY_SHARE_MIN = 0.9;

/**
 * A verdict on every bar; those whose contestants did not run are `not measured`. Where either server had time to spare,
 * the ratio of the rates is not one of servers, and the bar is judged by the CPU time per message, unless it is about
 * what a caller gets end to end.
 */
export function judge(
  tables: readonly Table[],
  bars: { readonly ratios: readonly RatioBar[]; readonly times: readonly TimeBar[] } = BARS,
): BarReport[] {
  const scenarios = tables.flatMap((table) => table.scenarios);
  const rowOf = (scenario: string, contestant: string): Row | undefined =>
    scenarios.find(({ name }) => name === scenario)?.rows.find((row) => row.contestant === contestant);
  const both = ({ scenario, subject, reference }: RatioBar | TimeBar): readonly [Row, Row] | undefined => {
    const [own, other] = [rowOf(scenario, subject), rowOf(scenario, reference)];
    return own === undefined || other === undefined ? undefined : [own, other];
  };
  return [
    ...bars.ratios.map((bar) => judgeRatio(bar, both(bar))),
    ...bars.times.map((bar) => judgeTime(bar, both(bar))),
  ];
}

const BARS = { ratios: RATIO_BARS, times: TIME_BARS };

function judgeRatio(bar: RatioBar, rows: readonly [Row, Row] | undefined): BarReport {
  const { name, claim, ratioMin } = bar;
  const wanted = { name, claim, ratioMin, ratioMax: null };
  if (rows === undefined) return { ...wanted, ...NOT_MEASURED, judgedBy: 'messages per second' };
  const [subject, reference] = rows;
  const ratio = summariseRatio(subject.messagesPerSecond.runs, reference.messagesPerSecond.runs);
  const serverCpuRatio = cpuRatio(subject, reference);
  const hadTimeToSpare = rows.some((row) => (row.serverBusyShare?.median ?? 1) < BUSY_SHARE_MIN);
  const byCpu = hadTimeToSpare && bar.isEndToEnd !== true ? serverCpuRatio : null;
  const { median, min, max } = byCpu ?? ratio;
  const verdict: Verdict = median >= ratioMin ? 'met' : 'not met';
  const isWithinNoise = min < ratioMin && max >= ratioMin;
  const judgedBy: Measure = byCpu === null ? 'messages per second' : 'server CPU';
  return { ...wanted, verdict, ratio, judgedBy, isWithinNoise, serverCpuRatio };
}

function judgeTime({ name, claim, ratioMax }: TimeBar, rows: readonly [Row, Row] | undefined): BarReport {
  const wanted = { name, claim, ratioMin: null, ratioMax, judgedBy: 'median response time' as const };
  const [own, other] = [rows?.[0].p50Us ?? null, rows?.[1].p50Us ?? null];
  if (own === null || other === null) return { ...wanted, ...NOT_MEASURED };
  const ratio = summariseRatio(own.runs, other.runs);
  const verdict: Verdict = ratio.median <= ratioMax ? 'met' : 'not met';
  const isWithinNoise = ratio.min <= ratioMax && ratio.max > ratioMax;
  return { ...wanted, verdict, ratio, isWithinNoise, serverCpuRatio: null };
}

/** The ratio that the verdict is about; null when not measured. */
export function judgedRatio({ judgedBy, ratio, serverCpuRatio }: BarReport): Summary | null {
  return judgedBy === 'server CPU' ? serverCpuRatio : ratio;
}

const NOT_MEASURED = { verdict: 'not measured', ratio: null, isWithinNoise: false, serverCpuRatio: null } as const;

/** A figure is not met, whatever its value, when a message was lost or came twice. */
export function judgeFigure(name: FigureName, { value, details, counts }: Figure): FigureReport {
  const { claim, unit, valueMax } = FIGURE_BARS[name];
  const isWhole = counts.lost === 0 && counts.duplicate === 0 && counts.unknown === 0;
  const verdict: Verdict = isWhole && value <= valueMax ? 'met' : 'not met';
  return { name, claim, verdict, value, valueMax, unit, details, counts };
}

export function judgeWaiters(result: WaitersResult, bar: WaitersBar = WAITERS_BAR): WaitersReport {
  const { bytesPerWaiterMax, givenBackShareMin } = bar;
  const claim = `${result.waiterCount.toLocaleString('en')} ${bar.claim}`;
  const isBounded = result.bytesPerWaiter <= bytesPerWaiterMax && result.waiterCountAfter === 0;
  const isMet = isBounded && result.givenBackShare >= givenBackShareMin && result.lostCount === 0;
  return { ...result, claim, verdict: isMet ? 'met' : 'not met', bytesPerWaiterMax, givenBackShareMin };
}

function rates(runs: readonly Run[]): number[] {
  return runs.map(({ messagesPerSecond }) => messagesPerSecond);
}

/** Null unless every run knows the value: a median of some rounds would be compared with one of all. */
function summariseKnown(values: readonly (number | undefined)[]): Summary | null {
  const known = values.filter((value) => value !== undefined);
  return known.length > 0 && known.length === values.length ? summarise(known) : null;
}

function cpuRatio(subject: Row, reference: Row): Summary | null {
  const [own, other] = [subject.serverCpuUsPerMessage, reference.serverCpuUsPerMessage];
  return own === null || other === null ? null : summariseRatio(other.runs, own.runs);
}
