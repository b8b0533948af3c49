import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProcessView } from './killable.ts';
import { processLines } from './process-lines.ts';
import { lineWidth, textOf } from './text.ts';

const VIEW: ProcessView = {
  state: 'running',
  pid: 4242,
  url: 'mq://127.0.0.1:45678',
  dataFolder: '/tmp/stagemq-screen-abcdef',
  flushPolicy: 'interval',
  lifeCount: 2,
  startMs: 612,
  openingMs: 12,
  doors: { places: [], connections: [] },
  notices: ['/tmp/stagemq-screen-abcdef was not closed in order: topics looked through: 1'],
};
const NARROW = { language: 'en', width: 38, height: 4 } as const;
const PROMISED = { acknowledgedCount: 57, survived: undefined };

function drawn(view: ProcessView, pane: Partial<Parameters<typeof processLines>[1]> = {}): string[] {
  return processLines(view, { ...NARROW, promises: PROMISED, ...pane }).map(textOf);
}

test('in a small pane the most important comes first: whether it lives, what it promised, where it is, how it was found', () => {
  assert.deepEqual(drawn(VIEW), [
    ' pid 4242, life 2',
    ' acknowledged so far: 57',
    ' mq://127.0.0.1:45678 flush: interval',
    ' data opened in 12ms, up in 612ms',
  ]);
});

test('a dead one says which key starts another, a starting one that it starts', () => {
  assert.equal(drawn({ ...VIEW, state: 'dead' })[0], ' pid 4242 IS DEAD: k starts another');
  assert.equal(drawn({ ...VIEW, state: 'ending' })[0], ' pid 4242 is ending ...');
  assert.match(drawn({ ...VIEW, state: 'starting' })[0] ?? '', /^ starting/);
});

test('after a kill it says what of the promise is there, good or bad', () => {
  const survived = { acknowledgedCount: 57, foundCount: 57, unansweredCount: 0, unansweredFoundCount: 0 };
  const toneOf = (foundCount: number) => {
    const promises = { acknowledgedCount: 60, survived: { ...survived, foundCount } };
    return processLines(VIEW, { ...NARROW, promises })[1]?.[0];
  };
  assert.deepEqual(toneOf(57), { text: ' after the kill: 57 of 57 there', tone: 'good' });
  assert.equal(toneOf(56)?.tone, 'bad');
});

test('with room it repeats what the broker said of its data, and names the folder; no line is too wide', () => {
  for (const language of ['en', 'zh'] as const) {
    const lines = processLines(VIEW, { language, width: 38, height: 12, promises: PROMISED });
    const text = lines.map(textOf).join('\n');
    assert.ok(/not\s+closed in/.test(text), text);
    assert.ok(text.endsWith('/tmp/stagemq-screen-abcdef'), text);
    const dataFolder = `/var/folders/${'x'.repeat(40)}/stagemq-screen-abcdef`;
    const [last = []] = processLines(
      { ...VIEW, dataFolder },
      { language, width: 38, height: 12, promises: PROMISED },
    ).slice(-1);
    assert.match(textOf(last), /^ ….*stagemq-screen-abcdef$/);
    for (const line of [...lines, last]) assert.ok(lineWidth(line) <= 38, textOf(line));
  }
});
