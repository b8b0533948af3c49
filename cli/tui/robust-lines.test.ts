import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HalfView, LogView, PartitionView, TransactionView } from '../../shared/contract/inside.ts';
import type { Language } from '../../shared/lesson.ts';
import { hasTransactions, robustLines, robustTitle } from './robust-lines.ts';
import { lineWidth, textOf } from './text.ts';

/** Inside the frame at 78 x 22 and 80 x 24, at 100 x 32, and at 120 x 40. */
const SIZES = [
  { width: 76, height: 7, isTall: false },
  { width: 78, height: 7, isTall: false },
  { width: 98, height: 10, isTall: true },
  { width: 118, height: 14, isTall: true },
] as const;

const OPEN: TransactionView = {
  id: '7-3-47be8810c6890b25',
  transactionalId: 'p1',
  producerId: 7,
  epoch: 3,
  state: 'open',
  ageMs: 3210,
  timeoutInMs: 16_790,
  recordCount: 3,
  ackCount: 1,
};
const HALF: HalfView = {
  halfId: 'a92abb1e8619e78e-1',
  id: 'p2-7',
  producerGroup: 'shop',
  checkCount: 2,
  checksMax: 15,
  nextCheckInMs: 5100,
  preview: 'card 60',
};

/** Ten records; 3 was aborted with the marker 4, 5 committed with the marker 6; from 7 on undecided; 9 not synced. */
function log(changes: Partial<LogView> = {}, partitionChanges: Partial<PartitionView> = {}): LogView {
  const cell = (offset: number) => ({ offset, state: 'acked', id: `m${offset}`, bytes: 4, preview: 'card' }) as const;
  const partition: PartitionView = {
    partition: 0,
    logStartOffset: 0,
    logEndOffset: 10,
    highWatermark: 9,
    syncedOffset: 9,
    syncCount: 9,
    appendCount: 10,
    segments: [],
    segmentCount: 0,
    cells: [cell(0), cell(1), cell(2), { ...cell(3), isAborted: true }, cell(5), cell(7), cell(8)],
    lastStableOffset: 7,
    markers: [
      { offset: 4, producerId: 7, epoch: 1, outcome: 'aborted' },
      { offset: 6, producerId: 7, epoch: 2, outcome: 'committed' },
    ],
    ...partitionChanges,
  };
  return {
    kind: 'log',
    topic: 'orders',
    bytes: 900,
    bytesMax: 2 ** 32,
    flushPolicy: 'always',
    isPaused: false,
    partitions: [partition],
    groups: [],
    delayed: [],
    delayedCount: 0,
    waitingSends: [],
    waitingSendsCount: 0,
    waitingFetches: [],
    waitingFetchesCount: 0,
    transactions: [OPEN],
    halves: [HALF],
    ...changes,
  };
}

function drawn(view: LogView, picture: { readonly language?: Language; readonly height?: number } = {}): string[] {
  return robustLines(view, { language: 'en', width: 78, height: 7, isTall: false, ...picture }).map(textOf);
}

test('a record says whether it is decided, a marker how its transaction ended, in letters', () => {
  const [, strip = ''] = drawn(log());
  assert.deepEqual(strip.trim().split(/\s+/), ['0A', '1A', '2A', '3-', '[A]', '5A', '[C]', '7U', '8U', '9w', '·']);
});

test('each of these letters has a colour of its own', () => {
  const [, strip = []] = robustLines(log(), { language: 'en', width: 78, height: 7, isTall: false });
  const toneOf = (text: string) => strip.find((span) => span.text.trim() === text)?.tone;
  assert.deepEqual(['3-', '[A]', '[C]', '7U', '9w', '·'].map(toneOf), [
    'aborted',
    'marker-aborted',
    'marker-committed',
    'undecided',
    'written',
    'free',
  ]);
});

test('the last stable offset stands above the first undecided record', () => {
  const [marks = '', strip = ''] = drawn(log());
  assert.ok(Math.abs(marks.indexOf('◇7') - strip.indexOf('7U')) <= 1, `${marks}\n${strip}`);
  assert.ok(Math.abs(marks.indexOf('◆') - strip.indexOf('9w')) <= 2, `${marks}\n${strip}`);
  assert.match(marks, /▼10/);
});

test('where nothing is undecided all three marks share the last place, also of a long log', () => {
  const ends = { logEndOffset: 12_345, highWatermark: 12_345, syncedOffset: 12_345, lastStableOffset: 12_345 };
  assert.match(drawn(log({}, { ...ends, cells: [], markers: [] }))[0] ?? '', /^ *◇◆▼ *$/);
});

test('an open transaction tells its id, owner, state, age, records and acks; a half message when it is asked about', () => {
  const text = drawn(log()).join('\n');
  assert.ok(text.includes('open 1  7-3-47be p1 open 3.2 s of 20: 3 records, 1 acks'), text);
  assert.ok(text.includes('half 1  p2-7 of "shop": asked 2/15, next in 5.1 s'), text);
  const due = drawn(log({ halves: [{ ...HALF, nextCheckInMs: 0 }] })).join('\n');
  assert.ok(due.includes('p2-7 of "shop": asked 2/15, waits for anybody of the group'), due);
});

test('where none is open the keys that begin one are named; the title counts them', () => {
  const view = log({ transactions: [], halves: [] });
  const text = drawn(view).join('\n');
  assert.ok(text.includes('t begins one') && text.includes('y sends one'), text);
  assert.equal(robustTitle(view, 'en'), 'log of "orders": #0..#9, open: 0, half: 0');
  assert.match(robustTitle(log({ waitingSendsCount: 2 }), 'en'), /half: 1 · sends wait: 2$/);
});

test('a second one has a line of its own where there is room, and is counted where there is none', () => {
  const view = log({ transactions: [OPEN, { ...OPEN, id: '8-0-aaaa', transactionalId: 'p2', state: 'committing' }] });
  const low = drawn(view).join('\n');
  assert.ok(low.includes('open 2  7-3-47be p1') && !low.includes('8-0-aaaa'), low);
  assert.ok(drawn(view, { height: 14 }).some((line) => line.includes('8-0-aaaa p2 committing')));
});

test('a log without transactions is another picture', () => {
  assert.equal(hasTransactions(log()), true);
  const { transactions: _, ...plain } = log();
  assert.equal(hasTransactions(plain), false);
});

test('every picture has exactly its lines and columns, in both languages, and what is open is never left out', () => {
  for (const language of ['en', 'zh'] as const) {
    for (const size of SIZES) {
      const lines = robustLines(log(), { language, ...size });
      assert.equal(lines.length, size.height);
      for (const line of lines) assert.equal(lineWidth(line), size.width, textOf(line));
      const text = lines.map(textOf).join('\n');
      assert.ok(text.includes('7-3-47be p1') && text.includes('p2-7') && text.includes('2/15'), text);
      assert.ok(!text.includes('…'), `${language} ${size.width} cuts a line:\n${text}`);
    }
  }
});
