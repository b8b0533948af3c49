/** Everything at once for half an hour. */
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { soakFor } from './testing/soak-for.ts';

test('half an hour of everything at once: no anomaly, memory and files stay flat', async (t) => {
  const seed = randomInt(2 ** 31);
  const { text } = await soakFor({ seed, roundsMax: Number.POSITIVE_INFINITY, msMax: 30 * 60_000 });
  t.diagnostic(text);
});
