import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogGroupView, LogView, PartitionView, SegmentView } from '../../shared/contract/inside.ts';
import type { Language } from '../../shared/lesson.ts';
import { logLines, logTitle } from './log-lines.ts';
import { lineWidth, textOf } from './text.ts';

const SIZES = [
  { width: 76, isTall: false },
  { width: 78, isTall: false },
  { width: 118, isTall: true },
] as const;
/** Rows the pane has, without its frame. */
const ROWS = { low: 7, tall: 10 } as const;

function segment(baseOffset: number, nextOffset: number, isActive = false): SegmentView {
  const batchCount = nextOffset - baseOffset;
  return {
    baseOffset,
    nextOffset,
    bytes: 64 + batchCount * 90,
    batchCount,
    indexEntryCount: 1,
    timeEntryCount: 1,
    isActive,
  };
}

function group(name: string, pointers: Partial<LogGroupView> = {}): LogGroupView {
  return {
    group: name,
    kind: 'queue',
    mode: 'shared',
    isPaused: false,
    nextOffset: 98,
    committedOffset: 96,
    lag: 4,
    inFlight: [],
    inFlightCount: 0,
    delayed: [],
    delayedCount: 0,
    redeliveredCount: 0,
    droppedCount: 0,
    deadCount: 0,
    expiredCount: 0,
    waitingReceives: [],
    waitingReceivesCount: 0,
    ...pointers,
  };
}

/** A log of a hundred records in three files, of which the first two are full. */
function log(changes: Partial<PartitionView> = {}, groups: readonly LogGroupView[] = [group('pay')]): LogView {
  const cells = Array.from({ length: 48 }, (_, index) => {
    return { offset: 52 + index, state: 'ready', id: `p1-${index}`, bytes: 4, preview: `p1-${index}` } as const;
  });
  const partition: PartitionView = {
    partition: 0,
    logStartOffset: 0,
    logEndOffset: 100,
    highWatermark: 100,
    syncedOffset: 100,
    syncCount: 41,
    appendCount: 100,
    segments: [segment(0, 42), segment(42, 84), segment(84, 100, true)],
    segmentCount: 3,
    cells,
    ...changes,
  };
  return {
    kind: 'log',
    topic: 'orders',
    bytes: 9000,
    bytesMax: 2 ** 32,
    flushPolicy: 'always',
    isPaused: false,
    partitions: [partition],
    groups,
    delayed: [],
    delayedCount: 0,
    waitingSends: [],
    waitingSendsCount: 0,
    waitingFetches: [],
    waitingFetchesCount: 0,
  };
}

function drawn(
  view: LogView,
  picture: { readonly language?: Language; readonly width?: number; readonly isTall?: boolean } = {},
) {
  return logLines(view, { language: 'en', width: 78, isTall: false, ...picture }).map(textOf);
}

test('the files are named by their first and last offset, with their size; the last one is written to', () => {
  const [files = ''] = drawn(log());
  assert.match(files, /files +#0\.\.#41 3\.8 KiB +#42\.\.#83 3\.8 KiB +#84\.\.#99 1\.5 KiB/);
  assert.equal(logTitle(log(), 'en'), 'log of "orders": #0..#99, files: 3, 9.0 KiB');
});

test('of many files the youngest are shown, and how many are not', () => {
  const segments = Array.from({ length: 30 }, (_, index) => segment(index * 40, index * 40 + 40, index === 29));
  const [files = ''] = drawn(log({ segments, segmentCount: 31, logEndOffset: 1200 }));
  const shownCount = files.split('KiB').length - 1;
  assert.ok(files.includes('#1160..#1199'));
  assert.ok(files.includes(`${31 - shownCount} before`), files);
});

test('the next record stands behind the youngest; what is written and not synced lies between the two marks', () => {
  const [, marks = '', cells = ''] = drawn(log({ syncedOffset: 96 }));
  assert.ok(Math.abs(marks.indexOf('◆') - cells.indexOf('96R')) <= 3, `${marks}\n${cells}`);
  assert.ok(marks.indexOf('▼100') > cells.indexOf('99R'));
  assert.ok(drawn(log({ syncedOffset: 96 })).some((line) => line.includes('4 written, not synced')));
  assert.ok(drawn(log()).some((line) => line.includes('all synced · 41 syncs for 100 appends')));
});

test('what has not been synced for long is marked at the oldest record in sight', () => {
  const [, marks = '', cells = ''] = drawn(log({ syncedOffset: 3 }));
  assert.ok(Math.abs(marks.indexOf('◆') - cells.indexOf('R')) <= 3, `${marks}\n${cells}`);
});

test('what is written and not in sight of readers yet is between the marks too', () => {
  const [, marks = ''] = drawn(log({ logEndOffset: 103, syncedOffset: 101, highWatermark: 100 }));
  assert.match(marks, /◆▼103/);
});

test('pointers of groups stand under their records, with the numbers of the consumers above', () => {
  const lines = drawn(log({}, [group('pay'), group('mail', { nextOffset: 98, committedOffset: 100 })]));
  const [, , cells = '', pointers = ''] = lines;
  assert.ok(Math.abs(pointers.indexOf('▲12') - cells.indexOf('98R')) <= 2, `${cells}\n${pointers}`);
  assert.ok(pointers.indexOf('△1') < pointers.indexOf('▲12'));
  assert.ok(pointers.indexOf('△2') > cells.indexOf('99R'));
});

test('of a group that is further back than the records in sight the place is named at the edge', () => {
  const [, , , pointers = ''] = drawn(log({}, [group('pay'), group('mail', { nextOffset: 3, committedOffset: 3 })]));
  assert.match(pointers, /^ *‹▲2 .*▲1/);
});

test('a group says what it has in flight, what comes again and when, and what is dead', () => {
  const delayed = [{ partition: 0, offset: 80, deliveryCount: 1, dueInMs: 1234 }];
  const pay = group('pay', { inFlightCount: 3, delayedCount: 1, delayed, deadCount: 2 });
  assert.ok(drawn(log({}, [pay])).some((line) => /1 pay +fly 3 +again later 1 +dead 2/.test(line)));
  const tall = drawn(log({}, [pay]), { width: 118, isTall: true });
  assert.ok(tall.some((line) => line.includes('#80 in 1.2 s')));
});

test('a message that waits for its time is named with it', () => {
  const view = { ...log(), delayedCount: 1, delayed: [{ id: 'p1-7', dueInMs: 7400, preview: 'p1-7' }] };
  assert.ok(drawn(view).some((line) => line.includes('delayed: 1 p1-7 in 7.4 s')));
});

test('a tall picture names the file, its batches and its index, and shows who works on a record', () => {
  const inFlight = [{ partition: 0, offset: 99, memberId: 'c1', deliveryCount: 1, leaseLeftMs: 3000 }];
  const tall = drawn(log({}, [group('pay', { inFlight, inFlightCount: 1 })]), { width: 118, isTall: true });
  assert.match(tall[1] ?? '', /00000000000000000084\.log +16 batches; in its index 1 by offset, 1 by time/);
  assert.ok(tall.some((line) => line.includes('c1 3s')));
});

test('an empty log has a place for its first record', () => {
  const empty = { logEndOffset: 0, highWatermark: 0, syncedOffset: 0, cells: [], segments: [], segmentCount: 0 };
  const [, marks = ''] = drawn(log(empty, []));
  assert.match(marks, /◆▼0/);
  assert.ok(logTitle(log(empty), 'zh').includes('空'));
});

test('every picture fills its rows and no more columns than it has, in both languages, with any number of groups', () => {
  for (const language of ['en', 'zh'] as const) {
    for (const { width, isTall } of SIZES) {
      for (const count of [0, 1, 2, 3, 8]) {
        const groups = Array.from({ length: count }, (_, index) =>
          group(`stock${index}`, { committedOffset: 60 + index }),
        );
        const lines = logLines(log({}, groups), { language, width, isTall });
        assert.equal(lines.length, isTall ? ROWS.tall : ROWS.low);
        for (const line of lines) assert.equal(lineWidth(line), width, `${language} ${width}: ${textOf(line)}`);
      }
    }
  }
});
