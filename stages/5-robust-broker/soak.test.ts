/** Everything at once for a few rounds, the same ones each time; soak.long.ts draws others, for half an hour. */
import { test } from 'node:test';
import { soakFor } from './testing/soak-for.ts';

const SEED = 107_114_763;

test('hours of load with failing disks, power cuts and clocks that jump: no anomaly, nothing is left behind', async () => {
  await soakFor({ seed: SEED, roundsMax: 12, msMax: 15_000 });
});
