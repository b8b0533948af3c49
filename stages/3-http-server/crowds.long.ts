/** The crowds of `crowds.test.ts` at the size of an attack. Run by `npm run test:long`. */
import { test } from 'node:test';
import { SystemClock } from '../../shared/clock.ts';
import { comeAndGo, comeSlowly } from './testing/crowd.ts';
import { openForCrowds, openTlsForCrowds } from './testing/crowd-of-http.ts';

const second = (): Promise<void> => new Promise((resolve) => void new SystemClock().setTimer(resolve, 1000));

test('five hundred peers that say a byte in a second are sent away, and others are answered meanwhile', async () => {
  await using door = await openForCrowds({ timeoutMs: 10_000 });
  await comeSlowly(door, { count: 500, pause: second });
});

test('ten thousand peers that come and go, half of them within a request, leave nothing behind', async () => {
  await using door = await openForCrowds({ timeoutMs: 10_000 });
  await comeAndGo(door, { count: 10_000 });
});

test('five hundred peers that say a byte of their handshake of TLS in a second are sent away meanwhile', async () => {
  await using door = await openTlsForCrowds({ timeoutMs: 10_000 });
  await comeSlowly(door, { count: 500, pause: second });
});
