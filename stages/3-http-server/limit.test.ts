import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LimitReport } from '../../shared/lesson.ts';
import { showLimits } from './limit.ts';

const reports: readonly LimitReport[] = await showLimits();

test('after a restart there is neither the topic nor the message', () => {
  const [restart] = reports;
  assert.equal(restart?.isShown, true);
  assert.match(restart?.steps[0]?.en ?? '', /durability "memory"/);
  assert.match(restart?.steps[2]?.en ?? '', /0 topics.*gives 0 messages/);
});

test('1,000 concurrent sends on one connection are 1,000 turns', () => {
  const [, turns, ...others] = reports;
  assert.equal(others.length, 0);
  assert.equal(turns?.isShown, true);
  assert.match(turns?.steps[0]?.en ?? '', /starts 1000 sends at once; 1000 are accepted/);
  assert.match(turns?.steps[1]?.en ?? '', /back 1000 times on 1 connection/);
});

test('every step and claim is told in both languages', () => {
  for (const { claim, next, steps } of reports) {
    for (const text of [claim, next, ...steps]) {
      assert.ok(text.en.length > 0);
      assert.match(text.zh, /\p{Script=Han}/u);
    }
  }
});
