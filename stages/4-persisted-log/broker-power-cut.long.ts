/** The power cuts of `broker-power-cut.test.ts` with many seeds: 400 operations at every change of the disk, torn in any way. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepsAll, keepsNothing, seededFate } from '../../shared/power-cut.ts';
import { SeededRandom } from '../../shared/random.ts';
import { brokerCutRun, recoverAllBrokers } from './testing/broker-cuts.ts';

const SEED_COUNT = Number(process.env.SEEDS ?? 10);
const FIRST_SEED = Number(process.env.SEED ?? 1000);

test('400 operations, a power cut before every change of the disk', async () => {
  const run = await brokerCutRun({ seed: FIRST_SEED, operationCount: 400, fates: () => [keepsNothing] });
  assert.equal(new Set(run.deeds.map((deed) => deed.kind)).size, 10, 'the load does everything');
  await recoverAllBrokers(run);
});

for (let seed = FIRST_SEED; seed < FIRST_SEED + SEED_COUNT; seed += 1) {
  test(`seed ${seed}: whatever a power cut leaves of what was not synced`, async () => {
    const random = new SeededRandom(seed);
    const fates = () => [keepsAll, seededFate(random), seededFate(random)];
    await recoverAllBrokers(await brokerCutRun({ seed, operationCount: 30, lifeCount: 2, fates }));
  });

  for (const flushPolicy of ['interval', 'never'] as const) {
    test(`seed ${seed}, flush ${flushPolicy}: no strangers after a power cut, and the broker goes on`, async () => {
      const random = new SeededRandom(seed);
      const fates = () => [keepsNothing, seededFate(random)];
      const run = await brokerCutRun({ seed, operationCount: 40, fates, flushPolicy });
      await recoverAllBrokers(run, { lostEnd: true });
    });
  }
}
