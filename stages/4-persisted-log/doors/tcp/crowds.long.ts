/** The crowds of `crowds.test.ts` at the size of an attack. Run by `npm run test:long`. */
import { test } from 'node:test';
import { SystemClock } from '../../../../shared/clock.ts';
import { comeAndGo, comeSlowly } from '../../../3-http-server/testing/crowd.ts';
import { createBroker } from '../../index.ts';
import { openForCrowds } from './testing/crowd.ts';

const second = (): Promise<void> => new Promise((resolve) => void new SystemClock().setTimer(resolve, 1000));

test('five hundred peers that say a byte in a second are sent away, and others are answered meanwhile', async () => {
  await using broker = await createBroker({ flushPolicy: 'never' });
  await using door = await openForCrowds(broker, { timeoutMs: 10_000 });
  await comeSlowly(door, { count: 500, pause: second });
});

test('ten thousand peers that come and go, half of them within their hello, leave nothing behind', async () => {
  await using broker = await createBroker({ flushPolicy: 'never' });
  await using door = await openForCrowds(broker, { timeoutMs: 10_000 });
  await comeAndGo(door, { count: 10_000 });
});
