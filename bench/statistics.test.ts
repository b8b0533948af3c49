import assert from 'node:assert/strict';
import { test } from 'node:test';
import { medianOf, summarise, summariseRatio } from './statistics.ts';

test('the median is the middle run, or the mean of the two middle ones, and leaves its input as it was', () => {
  const runs = [9, 1, 5];
  assert.equal(medianOf(runs), 5);
  assert.deepEqual(runs, [9, 1, 5]);
  assert.equal(medianOf([4, 1, 3, 2]), 2.5);
  assert.equal(medianOf([10, 9, 100]), 10, 'sorted as numbers, not as text');
  assert.equal(medianOf([7]), 7);
});

test('the median of no runs is refused', () => {
  assert.throws(() => medianOf([]), RangeError);
});

test('the spread is the distance of the extremes as a share of the median', () => {
  assert.deepEqual(summarise([90, 110, 100]), { median: 100, min: 90, max: 110, spread: 0.2, runs: [90, 110, 100] });
  assert.equal(summarise([5, 5, 5]).spread, 0);
  assert.equal(summarise([0, 0, 0]).spread, 0);
});

test('a ratio is taken round by round, so a round in which the machine was busy does not spoil it', () => {
  // In round 2 everything ran at a tenth of its speed.
  const ratio = summariseRatio([200, 20, 200], [100, 10, 100]);
  assert.equal(ratio.median, 2);
  assert.equal(ratio.spread, 0);
});

test('a ratio of contestants that did not meet in every round is refused', () => {
  assert.throws(() => summariseRatio([1, 2, 3], [1, 2]), RangeError);
});
