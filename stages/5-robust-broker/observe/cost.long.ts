/** What observing costs, on a machine that has little else to do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measureCost } from '../testing/observe-cost.ts';

test('with metrics a message costs at most 3 % more', async () => {
  const { ratio } = await measureCost({ metrics: true }, 60);
  assert.ok(ratio >= 0.97, `${ratio} of the rate without`);
});
