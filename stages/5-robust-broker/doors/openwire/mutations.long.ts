/** A hundred thousand mutated conversations, with another seed each time; the seed is printed. */
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { createBroker } from '../../index.ts';
import { sendMutants } from './testing/mutations.ts';

test('a hundred thousand mutated conversations do no harm to a server, nor to its other clients', async (context) => {
  const seed = randomInt(2 ** 31);
  context.diagnostic(`seed ${seed}`);
  await using broker = await createBroker({ flushPolicy: 'never' });
  await sendMutants(broker, { seed, count: 100_000 });
});
