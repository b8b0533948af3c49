import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventLog } from './event-log.ts';

test('equal events in a row become one with a count, different ones do not', () => {
  const log = new EventLog();
  const refused = { tone: 'warn', key: 'event.refused', values: { who: 'p1', code: 'MQ_QUEUE_FULL' } } as const;
  log.add({ ...refused, atMs: 1 });
  log.add({ ...refused, atMs: 2 });
  log.add({ ...refused, atMs: 3, values: { who: 'p2', code: 'MQ_QUEUE_FULL' } });
  assert.deepEqual(
    log.events.map(({ atMs, count }) => ({ atMs, count })),
    [
      { atMs: 2, count: 2 },
      { atMs: 3, count: 1 },
    ],
  );
});

test('a log keeps its newest events and stays bounded', () => {
  const log = new EventLog();
  for (let offset = 0; offset < 1000; offset += 1) {
    log.add({ atMs: offset, tone: 'plain', key: 'event.sent', values: { who: 'p1', offset } });
  }
  assert.equal(log.events.length, 200);
  assert.equal(log.events.at(-1)?.atMs, 999);
});
