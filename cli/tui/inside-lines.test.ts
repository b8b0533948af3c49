import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CellState, CellView, QueueView, RingView } from '../../shared/contract/inside.ts';
import { queueLines } from './queue-lines.ts';
import { ringLines, ringTitle } from './ring-lines.ts';
import { lineWidth, textOf } from './text.ts';

const QUEUE: QueueView = {
  kind: 'queue',
  topic: 'orders',
  capacity: 10,
  size: 2,
  slots: [
    { offset: 4, id: 'p1-5', bytes: 4, preview: 'p1-5' },
    { offset: 5, id: 'p1-6', bytes: 4, preview: '茶三杯' },
  ],
  waitingSends: [],
  waitingReceives: [{ who: 'c1', waitedMs: 1500 }],
  waitingSendsCount: 0,
  waitingReceivesCount: 1,
};

function ring(cells: readonly (readonly [offset: number, state: CellState])[], logEndOffset: number): RingView {
  const views = cells.map(
    ([offset, state]): CellView => ({ slot: offset % 24, offset, state, id: `p1-${offset}`, bytes: 4, preview: 'tea' }),
  );
  return {
    kind: 'ring',
    topic: 'orders',
    slotCount: 24,
    bytes: 0,
    bytesMax: 1000,
    logStartOffset: cells[0]?.[0] ?? 0,
    logEndOffset,
    writeSlot: logEndOffset % 24,
    cells: views,
    groups: [
      {
        group: 'pay',
        kind: 'queue',
        nextOffset: logEndOffset,
        committedOffset: logEndOffset - 2,
        lag: 2,
        inFlight: [{ offset: logEndOffset - 2, memberId: 'c1', deliveryCount: 1, leaseLeftMs: 3000 }],
        inFlightCount: 1,
        redeliveredCount: 0,
        droppedCount: 0,
        waitingReceives: [],
        waitingReceivesCount: 0,
      },
    ],
    waitingSends: [{ who: 'p1-99', waitedMs: 10 }],
    waitingSendsCount: 1,
    waitingFetches: [],
    waitingFetchesCount: 0,
  };
}

test('the oldest message of a queue is where it is taken, the places behind it are free', () => {
  const lines = queueLines(QUEUE, { language: 'en', width: 78, isTall: false }).map(textOf);
  const cells = lines.find((line) => line.includes('put')) ?? '';
  assert.match(cells, /put ─▶ │ {2}· {2}│.*│ 5R {2}│ 4R {2}│─▶ take/);
  assert.equal(cells.split('·').length - 1, 8);
  assert.ok(lines.some((line) => line.includes('receives that wait for a message (1): c1')));
  assert.ok(lines.some((line) => line.includes('sends that wait for a place (0): nobody')));
});

test('the frame of a queue is straight, also with Chinese messages and in Chinese', () => {
  for (const language of ['en', 'zh'] as const) {
    for (const width of [76, 78, 118]) {
      const frame = queueLines(QUEUE, { language, width, isTall: false }).slice(1, 5);
      const ends = frame
        .map((line) => textOf(line).replace(/─▶ \S+ $/, ''))
        .map((text) => lineWidth([{ text, tone: 'plain' }]));
      assert.equal(new Set(ends).size, 1, `${language} ${width}: ${ends}`);
      for (const line of frame) assert.ok(lineWidth(line) <= width);
    }
  }
});

test('every state of a cell has its own letter, so a picture without colour says the same', () => {
  const states: readonly (readonly [number, CellState])[] = [
    [24, 'acked'],
    [25, 'in-flight'],
    [26, 'ready'],
    [27, 'overwritten'],
  ];
  const [numbers = '', cells = '', pointers = ''] = ringLines(ring(states, 28), {
    language: 'en',
    width: 78,
    isTall: false,
  }).map(textOf);
  assert.match(cells, /^ +24A +25F +26R +27X +· +/);
  assert.match(numbers, /^ +0 +1 +2 +3 +▼4 +5/);
  assert.equal(pointers.indexOf('▲1') > numbers.indexOf('▼4') - 2, true, 'next stands under the write pointer');
  assert.ok(pointers.indexOf('△1') < pointers.indexOf('▲1'), 'committed stands before next');
});

test('a record stands at the slot of its offset, before and after the ring has wrapped', () => {
  const wrapped = ring(
    Array.from({ length: 24 }, (_, index) => [30 + index, 'ready'] as const),
    54,
  );
  const lines = ringLines(wrapped, { language: 'en', width: 78, isTall: false }).map(textOf);
  assert.match(lines[1] ?? '', /^ +48R +49R +50R +51R +52R +53R +30R/);
  assert.match(lines[0] ?? '', /▼6/);
});

test('a record that was overwritten unfinished is marked above the one that took its slot', () => {
  const held = Array.from({ length: 24 }, (_, index) => [26 + index, 'ready'] as const);
  const view = ring([[2, 'overwritten'], [3, 'overwritten'], ...held], 50);
  const [numbers = '', cells = ''] = ringLines(view, { language: 'en', width: 78, isTall: false }).map(textOf);
  assert.match(cells, /^ +48R +49R +26R +27R +28R/, 'the slots show what they hold now');
  assert.match(numbers, /^ +0 +1 +▼2 +3X +4 /);
});

test('a tall ring shows who works on a record and for how long, and who waits', () => {
  const lines = ringLines(ring([[26, 'in-flight']], 28), { language: 'en', width: 118, isTall: true }).map(textOf);
  assert.ok(lines.some((line) => line.includes('c1 3s')));
  assert.ok(lines.some((line) => line.includes('sends wait: 1 p1-99')));
});

test('the title of a ring names what it holds and who waits', () => {
  assert.equal(ringTitle(ring([[26, 'ready']], 28), 'en'), 'inside of "orders": 24 slots, #26..#27 · sends wait: 1');
  assert.ok(ringTitle(ring([], 0), 'zh').includes('空'));
});

test('no line of the ring is wider than its pane, in both languages, from the narrowest to the widest', () => {
  for (const language of ['en', 'zh'] as const) {
    for (const width of [76, 78, 118, 200]) {
      for (const line of ringLines(ring([[9999, 'ready']], 10_000), { language, width, isTall: false })) {
        assert.ok(lineWidth(line) <= width, `${language} ${width}: ${textOf(line)}`);
      }
    }
  }
});
