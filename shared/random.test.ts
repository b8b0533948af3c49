import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Random, SeededRandom, SystemRandom } from './random.ts';

describe('seeded randomness', () => {
  test('the same seed gives the same sequence, on every machine and for ever', () => {
    const random = new SeededRandom(1);
    assert.deepEqual(
      [random.below(1000), random.below(1000), random.below(1000), random.hex(4)],
      [627, 2, 527, 'fbf7479c'],
    );
  });

  test('other seeds give other sequences', () => {
    const texts = Array.from({ length: 1000 }, (_, seed) => new SeededRandom(seed).hex(8));
    assert.equal(new Set(texts).size, 1000);
  });

  test('below is spread evenly: each of ten numbers comes about a tenth of the time', () => {
    const random = new SeededRandom(42);
    const counts = new Array<number>(10).fill(0);
    for (let draw = 0; draw < 100_000; draw += 1) {
      const number = random.below(10);
      counts[number] = (counts[number] ?? 0) + 1;
    }
    for (const count of counts) assert.ok(count > 9500 && count < 10_500, String(counts));
  });
});

for (const [name, create] of [
  ['seeded', (seed: number): Random => new SeededRandom(seed)],
  ['system', (): Random => new SystemRandom()],
] as const) {
  test(`${name} randomness keeps its ranges`, () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 2 ** 31 }), fc.nat(40), (seed, bound, bytes) => {
        const random = create(seed);
        const fraction = random.next();
        assert.ok(fraction >= 0 && fraction < 1);
        const number = random.below(bound);
        assert.ok(Number.isInteger(number) && number >= 0 && number < bound);
        assert.match(random.hex(bytes), new RegExp(`^[0-9a-f]{${bytes * 2}}$`));
      }),
    );
  });
}

test('system randomness does not repeat itself', () => {
  const random = new SystemRandom();
  assert.equal(new Set(Array.from({ length: 1000 }, () => random.hex(8))).size, 1000);
});
