/** Two thousand mutated conversations; `mutations.long.ts` sends a hundred thousand. */
import { test } from 'node:test';
import { createBroker as createRingBroker } from '../../../2-ring-buffer/index.ts';
import { createBroker } from '../../index.ts';
import { sendMutants } from './testing/mutations.ts';

const SEED = 20_261_120;

test('a thousand mutated conversations do no harm to a server in front of a ring, nor to its other clients', async () => {
  await using broker = await createRingBroker();
  await sendMutants(broker, { seed: SEED, count: 1000 });
});

test('a thousand mutated conversations do no harm to a server in front of a log, nor to its other clients', async () => {
  await using broker = await createBroker({ flushPolicy: 'never' });
  await sendMutants(broker, { seed: SEED + 1, count: 1000 });
});
