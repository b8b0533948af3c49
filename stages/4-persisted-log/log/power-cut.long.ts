/** The power cuts of `power-cut.test.ts`, with many seeds, every byte, and every cut of a recovery. */
import { test } from 'node:test';
import { keepsAll, keepsNothing, seededFate } from '../../../shared/power-cut.ts';
import { SeededRandom } from '../../../shared/random.ts';
import { cutRun, recoverAll, recoverFromCutRecovery, tearsOfEachWrite } from '../testing/log-cuts.ts';

const SEED_COUNT = 5;
const FIRST_SEED = Number(process.env.SEED ?? 1000);

for (let seed = FIRST_SEED; seed < FIRST_SEED + SEED_COUNT; seed += 1) {
  test(`seed ${seed}: whatever a power cut leaves of what was not synced`, async () => {
    const random = new SeededRandom(seed);
    const fates = () => [keepsNothing, keepsAll, seededFate(random), seededFate(random)];
    await recoverAll(await cutRun({ seed, operationCount: 100, fates }));
  });

  test(`seed ${seed}: a power cut while a crash is recovered from`, async () => {
    const random = new SeededRandom(seed);
    const run = await cutRun({ seed, operationCount: 25, fates: () => [seededFate(random)] });
    const fates = () => [keepsNothing, keepsAll, seededFate(random)];
    for (const cut of run.cuts) await recoverFromCutRecovery(cut, run, fates);
  });
}

test('a power cut that tears any write after every one of its bytes', async () => {
  await recoverAll(await cutRun({ seed: 4, operationCount: 30, fates: tearsOfEachWrite(1) }));
});
