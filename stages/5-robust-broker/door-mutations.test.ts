/** Mutated conversations with a server in front of stage 5, where every frame of the protocol means something. */
import { test } from 'node:test';
import { sendMutants } from '../4-persisted-log/doors/tcp/testing/mutations.ts';
import { createBroker } from './index.ts';

const SEED = 20_261_120;

test('a thousand mutated conversations do no harm to a server in front of transactions, nor to its other clients', async () => {
  await using broker = await createBroker({ flushPolicy: 'never' });
  await sendMutants(broker, { seed: SEED, count: 1000 });
});
