/** Two thousand mutated conversations; `mutations.long.ts` sends a hundred thousand. */
import { test } from 'node:test';
import { createBroker as createRingBroker } from '../../../2-ring-buffer/index.ts';
import { createBroker as createRobustBroker } from '../../index.ts';
import { sendMutants } from './testing/mutations.ts';

const SEED = 20_261_120;

test('fifteen hundred mutated conversations do no harm to a server in front of a ring, nor to its other clients', async () => {
  await using broker = await createRingBroker();
  await sendMutants(broker, { seed: SEED, count: 1500 });
});

test('five hundred mutated conversations do no harm to a server in front of a robust broker, nor to its clients', async () => {
  await using broker = await createRobustBroker({ flushPolicy: 'never' });
  await sendMutants(broker, { seed: SEED + 1, count: 500 });
});
