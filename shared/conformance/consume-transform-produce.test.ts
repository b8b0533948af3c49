/** Consume, transform, produce: 5,000 messages, while the power, clients and answers fail; the output is exact all the same. */
import { test } from 'node:test';
import { isExactly } from './testing/exact-output.ts';

test('5,000 messages through random failures: the output is exactly what is made of the input', async () => {
  await isExactly({ messagesCount: 5000, batchCount: 41, seed: 20_260_101, faultsMin: 60 });
});
