import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SystemClock, VirtualClock } from './clock.ts';

test('a delay that is no finite number is refused by both clocks, as its timer would spin or never run', () => {
  for (const clock of [new VirtualClock(), new SystemClock()]) {
    for (const delayMs of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      assert.throws(() => clock.setTimer(() => undefined, delayMs), /finite number/);
    }
  }
});

describe('the virtual clock', () => {
  test('it stands still until time is passed, and then moves exactly so far', async () => {
    const clock = new VirtualClock({ startAt: 1000 });
    assert.deepEqual([clock.now(), clock.monotonicMs()], [1000, 0]);
    await clock.pass(250);
    assert.deepEqual([clock.now(), clock.monotonicMs()], [1250, 250]);
  });

  test('a timer runs when it is due and not before, once', async () => {
    const clock = new VirtualClock();
    let ranAtMs: number[] = [];
    clock.setTimer(() => ranAtMs.push(clock.monotonicMs()), 100);
    await clock.pass(99);
    assert.deepEqual(ranAtMs, []);
    await clock.pass(1);
    assert.deepEqual(ranAtMs, [100]);
    ranAtMs = [];
    await clock.pass(1000);
    assert.deepEqual(ranAtMs, []);
  });

  test('timers run by due time, those of one instant in the order they were set', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(20), { maxLength: 20 }), async (delays) => {
        const clock = new VirtualClock();
        const ran: [number, number][] = [];
        delays.forEach((delayMs, order) => {
          clock.setTimer(() => ran.push([clock.monotonicMs(), order]), delayMs);
        });
        await clock.pass(20);
        const expected = delays.map((delayMs, order): [number, number] => [delayMs, order]);
        assert.deepEqual(
          ran,
          expected.sort(([a, first], [b, second]) => a - b || first - second),
        );
        assert.equal(clock.timerCount, 0);
      }),
      { numRuns: 30 },
    );
  });

  test('a cancelled timer never runs, and cancelling it again is harmless', async () => {
    const clock = new VirtualClock();
    let runCount = 0;
    const timer = clock.setTimer(() => {
      runCount += 1;
    }, 10);
    timer.cancel();
    timer.cancel();
    await clock.pass(100);
    assert.deepEqual([runCount, clock.timerCount], [0, 0]);
  });

  test('a timer set while time passes runs in the same passing when it falls due within it', async () => {
    const clock = new VirtualClock();
    const ranAtMs: number[] = [];
    const again = (): void => {
      ranAtMs.push(clock.monotonicMs());
      clock.setTimer(again, 30);
    };
    clock.setTimer(again, 30);
    await clock.pass(100);
    assert.deepEqual(ranAtMs, [30, 60, 90]);
  });

  test('promises that a timer settled have run on before the next timer runs', async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    const first = new Promise<void>((resolve) => clock.setTimer(resolve, 10));
    const follow = first.then(() => undefined).then(() => seen.push('what the first one set free'));
    clock.setTimer(() => seen.push('second timer'), 11);
    await clock.pass(20);
    await follow;
    assert.deepEqual(seen, ['what the first one set free', 'second timer']);
  });

  test('the wall clock may jump, and timers do not notice', async () => {
    const clock = new VirtualClock({ startAt: 10_000 });
    let hasRun = false;
    clock.setTimer(() => {
      hasRun = true;
    }, 100);
    clock.jumpWallClock(-5000);
    assert.deepEqual([clock.now(), clock.monotonicMs()], [5000, 0]);
    await clock.pass(99);
    assert.ok(!hasRun);
    await clock.pass(1);
    assert.ok(hasRun);
  });

  test('a century is a legal delay', async () => {
    const clock = new VirtualClock();
    let hasRun = false;
    const centuryMs = 100 * 365 * 24 * 3600 * 1000;
    clock.setTimer(() => {
      hasRun = true;
    }, centuryMs);
    await clock.pass(centuryMs);
    assert.ok(hasRun);
  });
});

describe('the system clock', () => {
  const clock = new SystemClock();

  test('now is the wall clock, and monotonic time never goes back', () => {
    assert.ok(Math.abs(clock.now() - Date.now()) < 1000);
    const readings = Array.from({ length: 1000 }, () => clock.monotonicMs());
    assert.deepEqual(
      readings,
      readings.toSorted((a, b) => a - b),
    );
  });

  test('a timer runs, and never before its time', async () => {
    const beganAtMs = clock.monotonicMs();
    await new Promise<void>((resolve) => clock.setTimer(resolve, 20));
    assert.ok(clock.monotonicMs() - beganAtMs >= 20);
  });

  test('a delay longer than setTimeout can hold does not run at once', async () => {
    let hasRun = false;
    const timer = clock.setTimer(() => {
      hasRun = true;
    }, 2 ** 31);
    await new Promise<void>((resolve) => clock.setTimer(resolve, 20));
    timer.cancel();
    assert.ok(!hasRun);
  });

  test('a cancelled timer does not run', async () => {
    let hasRun = false;
    clock
      .setTimer(() => {
        hasRun = true;
      }, 1)
      .cancel();
    await new Promise<void>((resolve) => clock.setTimer(resolve, 20));
    assert.ok(!hasRun);
  });
});
