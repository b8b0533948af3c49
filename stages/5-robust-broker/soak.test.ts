/**
 * Everything at once for some rounds, others each time; the seed is in the message of what goes wrong, and
 * testing/soak-for.ts runs one again. soak.long.ts goes on for half an hour.
 */
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { soakFor } from './testing/soak-for.ts';

test('hours of load with failing disks, power cuts and clocks that jump: no anomaly, nothing is left behind', async () => {
  await soakFor({ seed: randomInt(2 ** 31), roundsMax: 50, msMax: 20_000 });
});
