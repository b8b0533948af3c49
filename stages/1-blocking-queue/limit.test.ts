import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../shared/clock.ts';
import { createBroker } from './index.ts';
import { crashAfterReceive, showLimits, twoReaders } from './limit.ts';

test('a message whose consumer dies after receive is gone for everybody', async () => {
  const clock = new VirtualClock();
  await using broker = await createBroker({ clock });
  const outcome = await crashAfterReceive(broker, clock);
  assert.deepEqual(outcome, { beforeCrash: ['one tea'], afterCrash: [], availableCount: 0 });
});

test('two readers share what is sent instead of each seeing all of it', async () => {
  await using broker = await createBroker();
  const { sent, billing, shipping } = await twoReaders(broker);
  assert.deepEqual([...billing, ...shipping].sort(), sent);
  assert.deepEqual([billing.length, shipping.length], [2, 2]);
});

test('mq limit 1 shows both limits, in both languages, from what was observed', async () => {
  const reports = await showLimits();
  assert.equal(reports.length, 2);
  for (const report of reports) {
    assert.equal(report.stage, 1);
    assert.ok(report.isShown, report.claim.en);
    for (const text of [report.claim, report.next, ...report.steps]) {
      assert.ok(text.en.length > 0 && text.zh.length > 0);
    }
  }
  assert.ok(reports[0]?.steps.some(({ en }) => en === 'worker-2: receive -> []'));
  assert.ok(reports[1]?.steps.some(({ en }) => en === 'billing got ["order 1", "order 3"]'));
});
