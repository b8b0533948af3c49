import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isMqError } from '../shared/contract/errors.ts';
import { htmlOf } from './html.ts';
import type { BarReport, BenchReport, Row } from './report.ts';
import { summarise } from './statistics.ts';
import { NO_COUNTS } from './tally.ts';
import { formatBytes, formatRate, formatThree, printReport } from './text-table.ts';
import { prepareOutputFolder, writeReport } from './write-report.ts';

function rowOf(contestant: string, role: Row['role'], rate: number): Row {
  const times = (us: number): Row['p50Us'] => (role === 'peer' ? null : summarise([us, us * 1.1, us * 1.2]));
  return {
    contestant,
    role,
    messagesPerSecond: summarise([rate, rate * 0.9, rate * 1.1]),
    ratioToFloor: summarise([0.5, 0.4, 0.6]),
    p50Us: times(100),
    p99Us: times(900),
    p999Us: times(5000),
    serverCpuUsPerMessage: times(20),
    serverBusyShare: role === 'peer' ? null : summarise([0.9, 0.8, 1]),
    counts: { ...NO_COUNTS, sent: 12_345, received: 12_340, lost: 4, duplicate: 3, unanswered: 1 },
  };
}

const BARS: readonly BarReport[] = [
  {
    name: 'fast',
    claim: 'fast enough',
    verdict: 'met',
    ratio: summarise([1.6, 1.7, 1.65]),
    ratioMin: 1.5,
    ratioMax: null,
    judgedBy: 'messages per second',
    isWithinNoise: false,
    serverCpuRatio: null,
  },
  {
    name: 'slow',
    claim: 'as fast as <they> & more',
    verdict: 'not met',
    ratio: summarise([0.7, 0.9, 0.75]),
    ratioMin: 0.8,
    ratioMax: null,
    judgedBy: 'messages per second',
    isWithinNoise: true,
    serverCpuRatio: summarise([0.6, 0.6, 0.6]),
  },
  {
    name: 'unknown',
    claim: 'never run',
    verdict: 'not measured',
    ratio: null,
    ratioMin: 1,
    ratioMax: null,
    judgedBy: 'messages per second',
    isWithinNoise: false,
    serverCpuRatio: null,
  },
];

const REPORT: BenchReport = {
  formatVersion: 2,
  startedAt: '2026-11-20T08:12:34.567Z',
  durationMs: 34_000,
  command: 'npm run bench -- 1 2 3 --quick',
  isQuick: true,
  roundsCount: 3,
  targets: ['1', '2', '3'],
  machine: {
    cpuModel: 'Example <CPU>',
    coreCount: 2,
    memoryBytes: 8 * 2 ** 30,
    os: 'Linux 6.1',
    node: 'v26.10.0',
    version: '0.1.0',
    commit: '0123456789+',
    loadAverage: 0.1,
  },
  tables: [
    {
      name: 'http-door',
      title: 'HTTP door',
      scenarios: [
        {
          name: 'post-single',
          title: 'One message per POST',
          how: 'JSON',
          rows: [rowOf('floor route', 'floor', 20_000), rowOf('stage 2 = 3', 'stage', 11_600), rowOf('x', 'peer', 900)],
        },
      ],
    },
  ],
  waiters: {
    claim: 'bounded',
    verdict: 'met',
    bytesPerWaiterMax: 32_768,
    givenBackShareMin: 0.9,
    waiterCount: 10_000,
    before: { heldBytes: 40 * 2 ** 20, residentBytes: 150 * 2 ** 20, residentBytesMax: 0 },
    during: { heldBytes: 130 * 2 ** 20, residentBytes: 330 * 2 ** 20, residentBytesMax: 0 },
    after: { heldBytes: 41 * 2 ** 20, residentBytes: 340 * 2 ** 20, residentBytesMax: 0 },
    bytesPerWaiter: 9437,
    givenBackShare: 0.98,
    wokenCount: 5000,
    lostCount: 0,
    waiterCountAfter: 0,
  },
  figures: [
    {
      name: 'timer-error',
      claim: 'on <time>',
      verdict: 'not met',
      value: 61.5,
      valueMax: 50,
      unit: 'ms',
      details: '100 messages, none early',
      counts: { ...NO_COUNTS, sent: 100, received: 100 },
    },
  ],
  bars: BARS,
};

test('figures have three significant digits and a unit', () => {
  assert.equal(formatRate(11_600_000), '11.6 M');
  assert.equal(formatRate(4620), '4.62 k');
  assert.equal(formatRate(12), '12.0');
  assert.equal(formatThree(123.4), '123');
  assert.deepEqual([0.5, 0.0996, 0.042, 0.00417, 0].map(formatThree), ['0.50', '0.100', '0.042', '0.0042', '0.00']);
  assert.equal(formatBytes(9437), '9.22 KiB');
  assert.equal(formatBytes(512), '512 B');
  assert.equal(formatBytes(-3 * 2 ** 20), '-3.00 MiB');
});

test('the printed report says machine, medians, spread, ratio, counts and a verdict on every bar', () => {
  const text = printReport(REPORT);
  assert.match(text, /0\.1\.0 \(0123456789\+\)/);
  assert.match(text, /Example <CPU>, 2 cores, 8\.00 GiB, Linux 6\.1, Node v26\.10\.0/);
  assert.match(text, /floor route \*\s+20\.0 k\s+20 %\s+0\.50\s+110\s+990\s+5500\s+22\.0\s+90 %\s+4\s+3/);
  assert.match(text, /stage 2 = 3\s+11\.6 k/);
  assert.match(text, /Counted under load: sent 37,035, lost 12, duplicate 9, unanswered at the end 3/);
  assert.match(text, /9\.22 KiB per waiter, 98 % given back/);
  assert.match(text, /met\s+1\.65 \(1\.60 \.\. 1\.70\)\n\s+fast enough/);
  assert.match(
    text,
    / {2}not met, but within the noise: 0\.75 \(0\.70 \.\. 0\.90\) by messages\/s; by server CPU 0\.60\n\s+as fast/,
  );
  assert.match(text, / {2}- +not measured: unknown$/m);
});

test('what is measured by itself stands with its details, its value and its verdict, in text and in HTML', async () => {
  const text = printReport(REPORT);
  assert.match(text, /timer-error: 100 messages, none early\n\s+sent 100, lost 0, duplicate 0/);
  assert.match(text, /NOT MET {2}61\.5 ms\n\s+on <time>/);
  const html = await htmlOf(REPORT);
  assert.match(html, /on &lt;time&gt;<br><span class="quiet">100 messages, none early/);
  assert.match(html, /<td>≤ 50\.0 ms<\/td><td>61\.5 ms<\/td><td class="text missed">not met</);
});

test('a bar on response times says so, and that less is better', async () => {
  const [fast] = BARS;
  assert.ok(fast);
  const bars: BarReport[] = [{ ...fast, ratioMin: null, ratioMax: 2, judgedBy: 'median response time' }];
  assert.match(printReport({ ...REPORT, bars }), /met\s+1\.65 \(1\.60 \.\. 1\.70\) of its median response time/);
  assert.match(await htmlOf({ ...REPORT, bars }), /<td>&lt;= 2\.00<\/td>/);
});

test('a bar that is judged by server CPU shows that ratio first, and calls the other one the load', async () => {
  const bars = BARS.map((bar): BarReport => (bar.name === 'slow' ? { ...bar, judgedBy: 'server CPU' } : bar));
  const text = printReport({ ...REPORT, bars });
  assert.match(text, /0\.60 \(0\.60 \.\. 0\.60\) by server CPU; by messages\/s, as far as the load reached, 0\.75\n/);
  assert.match(await htmlOf({ ...REPORT, bars }), /<td class="text">server CPU<\/td>/);
});

test('a bar that is missed in every round is called out, in text and in HTML', async () => {
  const bars = BARS.map((bar) => ({ ...bar, isWithinNoise: false }));
  assert.match(printReport({ ...REPORT, bars }), /NOT MET {2}0\.75 \(0\.70 \.\. 0\.90\) by messages\/s; by server CPU/);
  assert.match(await htmlOf({ ...REPORT, bars }), /class="text missed">not met</);
  assert.match(await htmlOf(REPORT), /class="text quiet">not met, but within the noise</);
});

test('columns that nobody has are left out', () => {
  const [table] = REPORT.tables;
  assert.ok(table);
  const scenarios = table.scenarios.map((scenario) => ({
    ...scenario,
    rows: scenario.rows.filter(({ role }) => role === 'peer'),
  }));
  const text = printReport({ ...REPORT, tables: [{ ...table, scenarios }] });
  assert.doesNotMatch(text, /p50|server busy/);
});

test('the HTML is one file: charts inlined, no script, nothing loaded from anywhere', async () => {
  const html = await htmlOf(REPORT);
  assert.match(html, /^<!doctype html>/);
  assert.equal(html.match(/<svg /g)?.length, 4, 'bars, rates, response times, waiters');
  assert.equal(html.match(/<svg /g)?.length, html.match(/<\/svg>/g)?.length);
  assert.doesNotMatch(html, /<script|<link|<img|@import|(src|href)="http|url\(http/);
  assert.doesNotMatch(html, /NaN|undefined|\[object/);
});

test('what a report contains is text in the HTML, never markup', async () => {
  const html = await htmlOf(REPORT);
  assert.ok(html.includes('Example &lt;CPU&gt;'));
  assert.ok(html.includes('as fast as &lt;they&gt; &amp; more'));
});

test('a folder for reports is made level by level; what cannot be one is refused with its reason', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'stagemq-bench-'));
  try {
    const deep = join(folder, 'a', 'b', 'c');
    await Promise.all([prepareOutputFolder(deep), prepareOutputFolder(deep), prepareOutputFolder(join(folder, 'a'))]);
    assert.deepEqual(await readdir(deep), [], 'nothing is left of the trial');
    const file = join(folder, 'file');
    await writeFile(file, 'kept');
    for (const path of [file, join(file, 'below'), join(file, 'below', 'it')]) {
      await assert.rejects(prepareOutputFolder(path), (error: unknown) => {
        assert.ok(isMqError(error, 'MQ_INVALID_ARGUMENT'));
        assert.match(error.message, /file": it is a file$/);
        return true;
      });
    }
    assert.equal(await readFile(file, 'utf8'), 'kept');
  } finally {
    await rm(folder, { recursive: true });
  }
});

const withoutProc = { skip: process.platform !== 'linux' && 'only Linux has /proc' };

test('a folder below one that takes nothing is refused and not tried for ever', withoutProc, async () => {
  for (const path of ['/proc', '/proc/nope', '/proc/nope/deeper']) {
    await assert.rejects(prepareOutputFolder(path), (error: unknown) => isMqError(error, 'MQ_INVALID_ARGUMENT'), path);
  }
});

test('a report is written as JSON that reads back equal, and as HTML beside it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'stagemq-bench-'));
  try {
    const { json, html } = await writeReport(REPORT, join(folder, 'new', 'folder'));
    assert.match(json, /2026-11-20T0812-0123456789-changed-quick\.json$/);
    assert.deepEqual(JSON.parse(await readFile(json, 'utf8')), REPORT);
    assert.match(await readFile(html, 'utf8'), /<\/html>\n$/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
