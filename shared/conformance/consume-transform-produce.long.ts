/** Long: consume, transform, produce over 100,000 messages, and over many seeds, while everything fails. */
import { describe, test } from 'node:test';
import { isExactly } from './testing/exact-output.ts';

describe('the output is exactly what is made of the input, through random failures', () => {
  test('of 100,000 messages', async () => {
    await isExactly({ messagesCount: 100_000, batchCount: 750, seed: 88, faultsMin: 80 });
  });

  for (let seed = 0; seed < 30; seed += 1) {
    test(`of 2,000 messages, seed ${seed}`, () =>
      isExactly({ messagesCount: 2000, batchCount: 31, seed, faultsMin: 10 }));
  }
});
