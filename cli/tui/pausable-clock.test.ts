import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../shared/clock.ts';
import { PausableClock } from './pausable-clock.ts';

function clocks() {
  const base = new VirtualClock();
  const clock = new PausableClock({ base });
  const rang: string[] = [];
  const ring = (name: string, delayMs: number) =>
    clock.setTimer(() => rang.push(`${name} at ${clock.monotonicMs()}`), delayMs);
  return { base, clock, rang, ring };
}

test('a running clock goes with the clock below it, and its timers ring in the order they fall due', async () => {
  const { base, clock, rang, ring } = clocks();
  ring('late', 300);
  ring('early', 100);
  ring('early too', 100);
  await base.pass(300);
  assert.deepEqual(rang, ['early at 100', 'early too at 100', 'late at 300']);
  assert.equal(clock.now() - Date.UTC(2026, 0, 1), 300);
});

test('a paused clock stands still, and what was due goes on with the rest of its time after the pause', async () => {
  const { base, clock, rang, ring } = clocks();
  ring('lease', 100);
  await base.pass(60);
  clock.pause();
  await base.pass(10_000);
  assert.deepEqual(rang, []);
  assert.equal(clock.monotonicMs(), 60);
  clock.resume();
  await base.pass(39);
  assert.deepEqual(rang, []);
  await base.pass(1);
  assert.deepEqual(rang, ['lease at 100']);
});

test('a step goes to the next timer and no further, and a second of steps runs every timer in it', async () => {
  const { clock, rang, ring } = clocks();
  clock.pause();
  ring('first', 250);
  ring('second', 400);
  ring('third', 2000);
  await clock.step();
  assert.deepEqual(rang, ['first at 250']);
  await clock.stepBy(1000);
  assert.deepEqual(rang, ['first at 250', 'second at 400']);
  assert.equal(clock.monotonicMs(), 1250);
});

test('steps asked for at once follow each other, each for its own time', async () => {
  const { clock, rang, ring } = clocks();
  clock.pause();
  ring('first', 500);
  ring('second', 1500);
  await Promise.all([clock.stepBy(1000), clock.step(), clock.stepBy(1000)]);
  assert.deepEqual(rang, ['first at 500', 'second at 1500']);
  assert.equal(clock.monotonicMs(), 2500);
});

test('a running clock cannot be stepped, so a step never makes time jump', async () => {
  const { clock, rang, ring } = clocks();
  ring('timer', 100);
  await clock.step();
  await clock.stepBy(1000);
  assert.deepEqual(rang, []);
  assert.equal(clock.monotonicMs(), 0);
});

test('a cancelled timer does not ring, and a closed clock rings no more', async () => {
  const { base, clock, rang, ring } = clocks();
  ring('cancelled', 10).cancel();
  ring('closed', 20);
  clock.close();
  await base.pass(100);
  assert.deepEqual(rang, []);
  assert.equal(base.timerCount, 0);
});

test('a timer set by a timer keeps its own time', async () => {
  const { base, clock, rang } = clocks();
  clock.setTimer(() => clock.setTimer(() => rang.push(`inner at ${clock.monotonicMs()}`), 50), 100);
  await base.pass(150);
  assert.deepEqual(rang, ['inner at 150']);
});
