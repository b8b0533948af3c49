import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../shared/clock.ts';
import { WallTimer } from './wall-timer.ts';

const HOUR_MS = 60 * 60 * 1000;
const YEAR_MS = 365 * 24 * HOUR_MS;

function ringing(clock: VirtualClock): { readonly timer: WallTimer; readonly rungAt: number[] } {
  const rungAt: number[] = [];
  return { timer: new WallTimer(clock, () => rungAt.push(clock.now())), rungAt };
}

test('it rings at its moment, once', async () => {
  const clock = new VirtualClock();
  const { timer, rungAt } = ringing(clock);
  const dueAt = clock.now() + 5000;
  timer.set(dueAt);
  await clock.pass(4999);
  assert.deepEqual(rungAt, []);
  await clock.pass(10_000);
  assert.deepEqual(rungAt, [dueAt]);
});

test('it rings on time ten years ahead, after two thousand looks', async () => {
  const clock = new VirtualClock();
  const { timer, rungAt } = ringing(clock);
  const dueAt = clock.now() + 10 * YEAR_MS;
  timer.set(dueAt);
  await clock.pass(10 * YEAR_MS - 1);
  assert.deepEqual(rungAt, []);
  await clock.pass(1);
  assert.deepEqual(rungAt, [dueAt]);
});

test('a wall clock that jumps forward is noticed within a minute', async () => {
  const clock = new VirtualClock();
  const { timer, rungAt } = ringing(clock);
  timer.set(clock.now() + HOUR_MS);
  clock.jumpWallClock(2 * HOUR_MS);
  await clock.pass(60_000);
  assert.equal(rungAt.length, 1);
});

test('a wall clock that is set back makes it wait longer', async () => {
  const clock = new VirtualClock();
  const { timer, rungAt } = ringing(clock);
  const dueAt = clock.now() + 1000;
  timer.set(dueAt);
  clock.jumpWallClock(-HOUR_MS);
  await clock.pass(HOUR_MS);
  assert.deepEqual(rungAt, []);
  await clock.pass(1000);
  assert.deepEqual(rungAt, [dueAt]);
});

test('a new moment takes the place of the old one, and none leaves no timer behind', async () => {
  const clock = new VirtualClock();
  const { timer, rungAt } = ringing(clock);
  timer.set(clock.now() + 1000);
  timer.set(clock.now() + 500);
  await clock.pass(600);
  assert.equal(rungAt.length, 1);
  timer.set(clock.now() + 1000);
  timer.set(undefined);
  assert.equal(clock.timerCount, 0);
});
