/**
 * Everything at once, as many rounds as a test run has time for. The seed is one from which half an hour was clean, so that
 * nobody's change is held up by what another seed might find: soak.long.ts draws a new one each time, goes on for half an
 * hour, and names the seed of what goes wrong; testing/soak-for.ts runs one again.
 */
import { test } from 'node:test';
import { soakFor } from './testing/soak-for.ts';

const SEED = 981_291_314;

test('hours of load with failing disks, power cuts and clocks that jump: no anomaly, nothing is left behind', async () => {
  await soakFor({ seed: SEED, roundsMax: Number.POSITIVE_INFINITY, msMax: 60_000 });
});
