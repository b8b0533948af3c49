/** Everything at once for a few rounds; soak.long.ts goes on for half an hour. */
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { soakFor } from './testing/soak-for.ts';

test('hours of load with failing disks, power cuts and clocks that jump: no anomaly, nothing is left behind', async () => {
  await soakFor({ seed: randomInt(2 ** 31), roundsMax: 12, msMax: 15_000 });
});
