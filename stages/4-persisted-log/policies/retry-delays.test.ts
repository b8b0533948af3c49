import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../../shared/random.ts';
import { CLASSIC_RETRY_DELAYS_MS, DELAY_LEVELS_MS, isRandom, retryDelayMs } from './retry-delays.ts';

const random = new SeededRandom(1);
const delaysOf = (delays: Parameters<typeof retryDelayMs>[0], count: number): number[] =>
  Array.from({ length: count }, (_, index) => retryDelayMs(delays, index + 1, random));

test('a list gives its elements, and the last one for ever', () => {
  assert.deepEqual(delaysOf([1000, 5000], 4), [1000, 5000, 5000, 5000]);
  assert.deepEqual(delaysOf([], 2), [0, 0]);
});

test('exponential delays double by default, up to their limit, also after very many failures', () => {
  assert.deepEqual(delaysOf({ firstMs: 100, delayMsMax: 1000 }, 6), [100, 200, 400, 800, 1000, 1000]);
  assert.deepEqual(delaysOf({ firstMs: 10, factor: 10, delayMsMax: 5000 }, 4), [10, 100, 1000, 5000]);
  assert.equal(retryDelayMs({ firstMs: 100, delayMsMax: 60_000 }, 1_000_000, random), 60_000);
  assert.equal(retryDelayMs({ firstMs: 0, delayMsMax: 60_000 }, 1_000_000, random), 0);
});

test('jitter takes away up to its share, and is repeatable with its source', () => {
  const delays = { firstMs: 1000, factor: 1, delayMsMax: 1000, jitter: 0.4 };
  const drawn = Array.from({ length: 200 }, () => retryDelayMs(delays, 1, random));
  assert.ok(drawn.every((delayMs) => delayMs >= 600 && delayMs <= 1000 && Number.isInteger(delayMs)));
  assert.ok(new Set(drawn).size > 50);
  assert.equal(retryDelayMs(delays, 1, new SeededRandom(7)), retryDelayMs(delays, 1, new SeededRandom(7)));
  assert.deepEqual(
    [isRandom(delays), isRandom({ firstMs: 1, delayMsMax: 1 }), isRandom([1]), isRandom('classic')],
    [true, false, false, false],
  );
});

test('the classic sixteen steps go from ten seconds to two hours', () => {
  const seconds = [10, 30, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600, 1200, 1800, 3600, 7200];
  assert.deepEqual(
    delaysOf('classic', 17),
    [...seconds, 7200].map((second) => second * 1000),
  );
  assert.equal(CLASSIC_RETRY_DELAYS_MS.length, 16);
});

test('there are eighteen classic levels of delay, the first of one second', () => {
  assert.equal(DELAY_LEVELS_MS.length, 18);
  assert.deepEqual(DELAY_LEVELS_MS.slice(0, 3), [1000, 5000, 10_000]);
});
