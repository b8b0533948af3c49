import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RATIO_BARS, type RatioBar, TIME_BARS } from './bars.ts';
import { doorScenarios } from './http-door/scenarios.ts';
import type { WaitersResult } from './http-door/waiters.ts';
import { inProcessScenarios } from './in-process/scenarios.ts';
import { LONG_PLAN, QUICK_PLAN } from './plan.ts';
import { protocolScenarios } from './protocol-doors/scenarios.ts';
import type { RaceResult, Run, Scenario } from './race.ts';
import { judge, judgedRatio, judgeFigure, judgeWaiters, reportScenario, type Table } from './report.ts';
import { NO_COUNTS } from './tally.ts';
import { tcpScenarios } from './tcp-door/scenarios.ts';

const SCENARIO: Scenario = {
  name: 'queue',
  title: 'Queue',
  how: 'in and out',
  contestants: [
    { name: 'array', role: 'floor', run: neverRun },
    { name: 'ours', role: 'stage', run: neverRun },
    { name: 'theirs', role: 'peer', run: neverRun },
  ],
};
const BAR: RatioBar = {
  name: 'bar',
  claim: 'ours at least twice theirs',
  scenario: 'queue',
  subject: 'ours',
  reference: 'theirs',
  ratioMin: 2,
};

/** A list of bars that has only this one. */
function only(bar: RatioBar): Parameters<typeof judge>[1] {
  return { ratios: [bar], times: [] };
}

async function neverRun(): Promise<Run> {
  throw new Error('only its runs are reported');
}

function resultOf(rates: Readonly<Record<string, readonly number[]>>, more: Partial<Run> = {}): RaceResult {
  const runs = (values: readonly number[]): Run[] =>
    values.map((messagesPerSecond) => ({ messagesPerSecond, counts: { ...NO_COUNTS, sent: 10, lost: 1 }, ...more }));
  return new Map(Object.entries(rates).map(([name, values]) => [name, runs(values)]));
}

function tableOf(result: RaceResult): Table {
  return { name: 'in-process', title: 'In process', scenarios: [reportScenario(SCENARIO, result)] };
}

test('a row has medians, the ratio to the floor round by round, and the counts of all rounds together', () => {
  const result = resultOf({ array: [100, 10, 100], ours: [50, 5, 60], theirs: [1, 1, 1] });
  const [floor, ours] = reportScenario(SCENARIO, result).rows;
  assert.equal(floor?.ratioToFloor?.median, 1);
  assert.equal(ours?.messagesPerSecond.median, 50);
  assert.equal(ours?.ratioToFloor?.median, 0.5);
  assert.equal(ours?.counts.sent, 30);
  assert.equal(ours?.counts.lost, 3);
  assert.equal(ours?.p50Us, null);
});

test('response times and server CPU are summarised where every run has them', () => {
  const latency = { p50Us: 100, p99Us: 200, p999Us: 300, maxUs: 400 };
  const rates = { array: [1, 1, 1], ours: [1, 1, 1], theirs: [1, 1, 1] };
  const rows = reportScenario(SCENARIO, resultOf(rates, { latency, serverCpuUsPerMessage: 20 })).rows;
  assert.equal(rows[1]?.p999Us?.median, 300);
  assert.equal(rows[1]?.serverCpuUsPerMessage?.median, 20);
  assert.equal(rows[1]?.serverBusyShare, null);
});

test('a bar is met when the median ratio reaches it', () => {
  const [met] = judge([tableOf(resultOf({ array: [9, 9, 9], ours: [4, 4, 4], theirs: [2, 2, 2] }))], only(BAR));
  assert.equal(met?.verdict, 'met');
  assert.equal(met?.ratio?.median, 2);
  assert.equal(met?.isWithinNoise, false);
  const [missed] = judge([tableOf(resultOf({ array: [9, 9, 9], ours: [3, 3, 3], theirs: [2, 2, 2] }))], only(BAR));
  assert.equal(missed?.verdict, 'not met');
});

test('a bar whose rounds disagree is within the noise, and says so', () => {
  const [bar] = judge([tableOf(resultOf({ array: [9, 9, 9], ours: [3, 5, 6], theirs: [2, 2, 2] }))], only(BAR));
  assert.equal(bar?.verdict, 'met');
  assert.equal(bar?.isWithinNoise, true);
});

/** Our server, and one that takes a quarter of its CPU time and answers twice as often. */
function serversOf(busyShares: { readonly ours: number; readonly theirs: number }): Table {
  const run = (messagesPerSecond: number, serverCpuUsPerMessage: number, serverBusyShare: number): Run[] =>
    [1, 1.1, 1.2].map((factor) => ({
      messagesPerSecond: messagesPerSecond * factor,
      serverCpuUsPerMessage: serverCpuUsPerMessage * factor,
      serverBusyShare,
      counts: NO_COUNTS,
    }));
  const runs = new Map([
    ['array', run(1, 1, 1)],
    ['ours', run(500, 8, busyShares.ours)],
    ['theirs', run(1000, 2, busyShares.theirs)],
  ]);
  return tableOf(runs);
}

test('a bar is judged by server CPU when either server waited for its load, because then the rates are the load', () => {
  const bar = { ...BAR, ratioMin: 0.4 };
  for (const busyShares of [
    { ours: 0.99, theirs: 0.5 },
    { ours: 0.5, theirs: 0.99 },
  ]) {
    const [judged] = judge([serversOf(busyShares)], only(bar));
    assert.equal(judged?.judgedBy, 'server CPU');
    assert.equal(judged?.verdict, 'not met', 'half the rate, but four times the CPU time');
    assert.equal(judged && judgedRatio(judged)?.median, 0.25);
    assert.equal(judged?.ratio?.median, 0.5, 'what the load reached is still reported');
  }
});

test('a bar is judged by messages per second when both servers were busy', () => {
  const [bar] = judge([serversOf({ ours: 0.95, theirs: 0.9 })], only({ ...BAR, ratioMin: 0.4 }));
  assert.equal(bar?.judgedBy, 'messages per second');
  assert.equal(bar?.verdict, 'met');
  assert.equal(bar && judgedRatio(bar)?.median, 0.5);
});

test('a bar whose contestants did not run is not measured, which is neither met nor missed', () => {
  const [bar] = judge([], only(BAR));
  assert.equal(bar?.verdict, 'not measured');
  assert.equal(bar?.ratio, null);
});

test('end to end, what a caller gets is judged, whoever waited for whom', () => {
  const bar = { ...BAR, ratioMin: 0.4, isEndToEnd: true };
  const [judged] = judge([serversOf({ ours: 0.5, theirs: 0.5 })], only(bar));
  assert.equal(judged?.judgedBy, 'messages per second');
  assert.equal(judged?.verdict, 'met');
  assert.equal(judged?.serverCpuRatio?.median, 0.25, 'and what it cost is still reported');
});

/** A table in which our median response times are those of the rounds, and theirs 10 µs. */
function timesOf(oursUs: readonly number[]): Table {
  const runs = (timesUs: readonly number[]): Run[] =>
    timesUs.map((p50Us) => ({
      messagesPerSecond: 1,
      counts: NO_COUNTS,
      latency: { p50Us, p99Us: p50Us, p999Us: p50Us, maxUs: p50Us },
    }));
  const result = new Map([
    ['array', runs([1, 1, 1])],
    ['ours', runs(oursUs)],
    ['theirs', runs([10, 10, 10])],
  ]);
  return tableOf(result);
}

test('a bar on response times is met when the ratio of the medians is low enough', () => {
  const { ratioMin: _, ...bar } = BAR;
  const bars = { ratios: [], times: [{ ...bar, ratioMax: 2 }] };
  const [met] = judge([timesOf([20, 19, 18])], bars);
  assert.deepEqual([met?.verdict, met?.isWithinNoise, met?.ratio?.median], ['met', false, 1.9]);
  const [missed] = judge([timesOf([20, 21, 25])], bars);
  assert.deepEqual([missed?.verdict, missed?.isWithinNoise, missed?.ratioMax], ['not met', true, 2]);
  const [unknown] = judge([tableOf(resultOf({ array: [1], ours: [1], theirs: [1] }))], bars);
  assert.equal(unknown?.verdict, 'not measured', 'nobody took times');
});

test('a figure is met up to its bar, and never when a message was lost or came twice', () => {
  const figure = { value: 50, details: '', counts: NO_COUNTS };
  assert.equal(judgeFigure('timer-error', figure).verdict, 'met');
  assert.equal(judgeFigure('timer-error', { ...figure, value: 50.1 }).verdict, 'not met');
  for (const fault of [{ lost: 1 }, { duplicate: 1 }, { unknown: 1 }]) {
    assert.equal(judgeFigure('timer-error', { ...figure, counts: { ...NO_COUNTS, ...fault } }).verdict, 'not met');
  }
});

test('every bar names a scenario and two contestants that exist', () => {
  const targets = { stages: [1, 2, 3, 4, 5], urls: [], tcpUrls: [], hasProtocols: true } as const;
  const door = { url: 'http://127.0.0.1:1' };
  const doors = ['floor route', 'stage 1', 'stage 2 = 3', 'stage 4'].map((name) => ({
    name,
    door,
    isFloor: name === 'floor route',
  }));
  const stage = { synced: door, unsynced: door, echo: door, syncedEcho: door };
  const tcpDoors = { stage, urls: [], byteFloor: door };
  const ours = { stomp: door, mqtt: door, openWire: door };
  const peers = {
    activeMq: ours,
    mosquitto: door,
    aedes: door,
    mqttRelay: door,
    openWireLoad: { ask: () => Promise.resolve('') },
  };
  const protocolDoors = { durable: ours, inMemory: ours, ...peers };
  const scenarios = [
    ...inProcessScenarios(targets, QUICK_PLAN.passMs),
    ...doorScenarios(doors, QUICK_PLAN),
    ...protocolScenarios(protocolDoors, QUICK_PLAN),
    ...tcpScenarios(tcpDoors, { ...QUICK_PLAN, filledLongCount: LONG_PLAN.filledLongCount }),
  ];
  for (const bar of [...RATIO_BARS, ...TIME_BARS]) {
    const names = scenarios.find(({ name }) => name === bar.scenario)?.contestants.map(({ name }) => name);
    assert.ok(names?.includes(bar.subject) && names.includes(bar.reference), bar.name);
  }
});

const WAITERS: WaitersResult = {
  waiterCount: 10,
  before: { heldBytes: 1000, residentBytes: 5000, residentBytesMax: 0 },
  during: { heldBytes: 2000, residentBytes: 6000, residentBytesMax: 0 },
  after: { heldBytes: 1050, residentBytes: 6000, residentBytesMax: 0 },
  bytesPerWaiter: 100,
  givenBackShare: 0.95,
  wokenCount: 5,
  lostCount: 0,
  waiterCountAfter: 0,
};

test('waiters are judged by what each costs, what comes back, what is lost and who still waits', () => {
  const bar = { name: 'waiters', claim: 'bounded', bytesPerWaiterMax: 100, givenBackShareMin: 0.9 };
  assert.equal(judgeWaiters(WAITERS, bar).verdict, 'met');
  for (const fault of [{ bytesPerWaiter: 101 }, { givenBackShare: 0.8 }, { lostCount: 1 }, { waiterCountAfter: 1 }]) {
    assert.equal(judgeWaiters({ ...WAITERS, ...fault }, bar).verdict, 'not met', JSON.stringify(fault));
  }
});
