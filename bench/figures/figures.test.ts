import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FIGURE_BARS } from '../bars.ts';
import { type Plan, QUICK_PLAN } from '../plan.ts';
import { measureFigures } from './figures.ts';

/** As little as goes through every path. */
const TINY: Plan = {
  ...QUICK_PLAN,
  waitingCount: 1500,
  openedFewCount: 10,
  openedManyCount: 1000,
  openingsCount: 3,
  timersCount: 100,
  timersMs: 20,
  compressedCount: 300,
};

test('every figure has a value, says how it came about, and lost nothing', async () => {
  const said: string[] = [];
  const figures = await measureFigures(TINY, (text) => said.push(text));
  assert.deepEqual(
    figures.map(({ name }) => name),
    Object.keys(FIGURE_BARS),
  );
  assert.equal(said.length, figures.length);
  for (const { name, value, details, counts } of figures) {
    assert.ok(Number.isFinite(value) && value > 0, name);
    assert.match(details, /\d/);
    const { sent, received, ...faults } = counts;
    assert.ok(sent > 0 && received === sent, name);
    assert.deepEqual(faults, { lost: 0, duplicate: 0, unanswered: 0, unknown: 0 }, name);
  }
});
