import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { OffsetRuns } from './offset-runs.ts';

test('runs of offsets hold what a Set of the offsets would hold', () => {
  const runs = fc.tuple(fc.nat(40), fc.nat(8)).map(([from, count]) => ({ from, below: from + count }));
  fc.assert(
    fc.property(fc.array(runs, { maxLength: 12 }), fc.nat(50), (added, forgotten) => {
      const ours = new OffsetRuns();
      const model = new Set<number>();
      for (const run of added) {
        ours.add(run);
        for (let offset = run.from; offset < run.below; offset += 1) model.add(offset);
      }
      for (let offset = 0; offset < 50; offset += 1) assert.equal(ours.has(offset), model.has(offset), `${offset}`);
      ours.forgetBelow(forgotten);
      for (let offset = forgotten; offset < 50; offset += 1) assert.equal(ours.has(offset), model.has(offset));
    }),
  );
});

test('runs that touch become one, so that forgetting them is one step', () => {
  const ours = new OffsetRuns();
  for (const [from, below] of [
    [5, 7],
    [0, 2],
    [2, 5],
  ] as const) {
    ours.add({ from, below });
  }
  ours.forgetBelow(6);
  assert.ok(ours.has(0), 'all of the one run is still there, as its end is');
  ours.forgetBelow(7);
  assert.ok(!ours.has(6));
});
