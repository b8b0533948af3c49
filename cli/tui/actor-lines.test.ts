import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReaderView } from './actor.ts';
import { readerLines, tableTitle } from './actor-lines.ts';
import { NO_GROUP } from './measurements.ts';
import type { SimulationView } from './simulation.ts';
import { textOf } from './text.ts';

/** The consumers' pane of an 80 x 24 terminal, inside its frame: a heading and three rows. */
const NARROW = { language: 'en', width: 55, height: 4, chosen: 'c1', isWide: false } as const;
const NO_TIMES = { p50Ms: null, p99Ms: null };

function reader(name: string): ReaderView {
  return {
    name,
    group: NO_GROUP,
    kind: 'queue',
    state: 'waiting',
    isSlow: false,
    nextOffset: null,
    held: [],
    finishedCount: 0,
    redeliveredCount: 0,
    filter: '',
    isUncommitted: false,
  };
}

function simulationOf(readers: readonly string[]): SimulationView {
  return {
    atMs: 0,
    isPaused: false,
    overflow: 'wait',
    hasLeases: false,
    producers: [],
    readers: readers.map(reader),
    inside: undefined,
    description: undefined,
    events: [],
    measurements: {
      sentRate: 0,
      receivedRate: 0,
      finishedRate: 0,
      sentTrend: [],
      finishedTrend: [],
      lagTrends: new Map(),
      sendTime: NO_TIMES,
      endToEndTime: NO_TIMES,
    },
    process: undefined,
    promises: { acknowledgedCount: 0, survived: undefined },
  };
}

test('a table says how many rows are out of sight and with which keys they come, in both languages', () => {
  const content = { name: 'consumers', ratePerSecond: 4.2, rowsCount: 5, keys: '↑ ↓' };
  assert.equal(tableTitle(NARROW, content), 'consumers 4.2/s · 2 more: ↑ ↓');
  assert.equal(tableTitle({ ...NARROW, language: 'zh' }, content), 'consumers 4.2/s · 还有 2 个：↑ ↓');
  assert.equal(tableTitle(NARROW, { ...content, rowsCount: 3 }), 'consumers 4.2/s', 'all three are in sight');
});

test('where the words have no room their number stays, whatever the rate', () => {
  const narrow = { ...NARROW, width: 21 };
  const content = { name: 'producers', rowsCount: 8, keys: '← →' };
  assert.equal(tableTitle(narrow, { ...content, ratePerSecond: 3.94 }), 'producers 4/s +5');
  const longest = tableTitle(narrow, { ...content, ratePerSecond: 800 });
  assert.equal(longest, 'producers 800/s +5');
  assert.ok(longest.length <= narrow.width + 2 - 5, 'the frame and its corners fit beside it');
});

test('the rows follow the chosen one, so every consumer can be brought into sight', () => {
  const names = ['c1', 'c2', 'c3', 'c4', 'r1'];
  for (const chosen of names) {
    const lines = readerLines(simulationOf(names), { ...NARROW, chosen }).map(textOf);
    assert.equal(lines.length, 4);
    assert.ok(
      lines.some((line) => line.startsWith(`>${chosen}`)),
      lines.join('\n'),
    );
  }
});
