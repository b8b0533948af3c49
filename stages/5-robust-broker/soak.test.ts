/** Everything at once for a few rounds, where CI is set for a minute; soak.long.ts goes on for half an hour. */
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { soakFor } from './testing/soak-for.ts';

const LENGTH =
  process.env.CI === undefined
    ? { roundsMax: 12, msMax: 15_000 }
    : { roundsMax: Number.POSITIVE_INFINITY, msMax: 60_000 };

test('hours of load with failing disks, power cuts and clocks that jump: no anomaly, nothing is left behind', async () => {
  await soakFor({ seed: randomInt(2 ** 31), ...LENGTH });
});
