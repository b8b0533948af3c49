import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import type { ScreenEvent } from './event-log.ts';
import { BINDINGS, bindingsOf } from './keys.ts';
import { durationText, rateText, trendText } from './numbers.ts';
import { curlLines, eventLines, helpLines, keyLines, requestLines } from './story-lines.ts';
import { lineWidth, textOf } from './text.ts';

function sent(offset: number, count = 1): ScreenEvent {
  return { atMs: offset * 1000, tone: 'plain', key: 'event.sent', values: { who: 'p1', offset }, count };
}

test('the newest events are shown, oldest of them first, and a repeated one with its count', () => {
  const lines = eventLines([sent(1), sent(2), sent(3, 4)], 'en', { width: 60, height: 2 }).map(textOf);
  assert.deepEqual(
    lines.map((line) => line.trim()),
    ['2.0 s  p1 sent #2', '3.0 s  p1 sent #3  x4'],
  );
});

test('a long event goes on in the next line and stays inside its pane', () => {
  const event: ScreenEvent = {
    atMs: 0,
    tone: 'bad',
    key: 'event.gone',
    values: { offsets: '#1 #2 #3', holder: 'c1', after: '4.5' },
    count: 1,
  };
  for (const language of ['en', 'zh'] as const) {
    const lines = eventLines([event], language, { width: 40, height: 6 });
    assert.ok(lines.length > 1);
    for (const line of lines) assert.ok(lineWidth(line) <= 40, textOf(line));
  }
});

test('the keys fit the width and always end with help and quit, in both languages and every stage', () => {
  for (const language of ['en', 'zh'] as const) {
    for (const stage of [1, 2, 3, 4, 5]) {
      for (const [width, height] of [
        [78, 1],
        [80, 1],
        [120, 2],
        [160, 2],
        [166, 2],
        [240, 2],
      ] as const) {
        const lines = keyLines(stage, language, { width, height });
        assert.equal(lines.length, height);
        for (const line of lines) assert.equal(lineWidth(line), width);
        assert.match(lines.map(textOf).join(' '), /\? \S+ +q \S+ *$/);
        assert.match(textOf(lines[0] ?? []), / c \S+/, 'crash is never left out');
        if (stage >= 4) assert.match(lines.map(textOf).join(' '), / k \S+/, 'and kill neither');
      }
    }
  }
});

test('the help page has every key of the stage and fits an 80 x 24 terminal', () => {
  for (const language of ['en', 'zh'] as const) {
    for (const stage of [1, 2, 3, 4, 5]) {
      const lines = helpLines(stage, language, { width: 78, height: 22 });
      assert.ok(lines.length <= 22);
      const page = lines.map(textOf).join('\n');
      for (const { shown } of bindingsOf(stage, 3)) assert.ok(page.includes(` ${shown} `), `${language}: ${shown}`);
      assert.ok(!page.includes('…'), `${language} ${stage} cuts an explanation:\n${page}`);
      for (const line of lines) assert.ok(lineWidth(line) <= 78);
    }
  }
});

test('no key means two things, and none is named twice in one stage', () => {
  const commands = BINDINGS.flatMap((entry) => Object.entries(entry.keys));
  for (const [key, command] of commands) {
    for (const [other, otherCommand] of commands) if (other === key) assert.equal(otherCommand, command, key);
  }
  for (const stage of [1, 2, 3, 4, 5]) {
    const keys = bindingsOf(stage, 3).flatMap((entry) => Object.keys(entry.keys));
    assert.equal(new Set(keys).size, keys.length, `stage ${stage}`);
  }
});

test('a request keeps its method, status and time; of a long path the end is shown', () => {
  const entry = {
    atMs: 0,
    method: 'POST',
    path: '/topics/orders/deliveries/ack',
    status: 200,
    durationUs: 312,
    requestBytes: 0,
    responseBytes: 0,
    curl: 'curl',
  };
  const [line = []] = requestLines([entry], { width: 38, height: 3 });
  assert.equal(lineWidth(line), 38);
  assert.match(textOf(line), /^POST +….*deliveries\/ack +200 +312µs$/);
});

test('a curl on several lines is still the same command for a shell', { skip: process.platform === 'win32' }, () => {
  const curl = `printf '%s|' -X POST 'http://127.0.0.1:6767/topics/orders/messages' -H 'content-type: application/json' --data-binary '{"body":"it'\\''s tea"}' -H 'mq-headers: ${'long=value&'.repeat(12)}'`;
  const lines = curlLines(curl, 50);
  for (const line of lines) assert.ok(line.length <= 50 || line.includes("'\\''"), line);
  assert.ok(lines.length > 2);
  for (const line of lines.slice(0, -1)) assert.ok(line.endsWith('\\'), line);
  const run = (command: string): string => execFileSync('/bin/sh', ['-c', command], { encoding: 'utf8' });
  assert.equal(run(lines.join('\n')), run(curl));
});

test('numbers are short: a duration has its unit, a rate one digit, a trend one bar a value', () => {
  assert.deepEqual([null, 0.052, 3.14, 420.4, 1234].map(durationText), ['-', '52µs', '3.1ms', '420ms', '1.2s']);
  assert.deepEqual([0, 3.94, 120.4].map(rateText), ['0.0', '3.9', '120']);
  assert.equal(trendText([0, 5, 10], 5), '  ▁▄█');
  assert.equal(trendText([1, 2, 3], 0), '');
  assert.equal(trendText([1, 2, 3, 4], 2).length, 2);
});
