/** A hundred thousand mutated conversations. */
import { test } from 'node:test';
import { createBroker } from '../../index.ts';
import { sendMutants } from './testing/mutations.ts';

test('a hundred thousand mutated conversations do no harm to a server, nor to its other clients', async () => {
  await using broker = await createBroker({ flushPolicy: 'never' });
  await sendMutants(broker, { seed: 20_261_121, count: 100_000 });
});
