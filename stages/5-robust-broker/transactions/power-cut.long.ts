/** The long form of power-cut.test.ts: every moment, with every kind of loss. */
import { test } from 'node:test';
import { everySubset, keepsAll, keepsNothing, seededFate } from '../../../shared/power-cut.ts';
import { SeededRandom } from '../../../shared/random.ts';
import { checkCut, cutsOf, type Fates } from './testing/transaction-cuts.ts';

test('a power cut before every change of the disk, with all or nothing of what was not synced', async () => {
  for (const cut of await cutsOf(() => [keepsNothing, keepsAll])) await checkCut(cut);
});

test('kill -9 at every change of the disk, and a power cut after the next start', async () => {
  for (const cut of await cutsOf('kill', { isClosed: false })) await checkCut(cut, { isCutAgain: true });
});

test('power cuts that tear, drop and reorder, many times', async () => {
  for (let seed = 1; seed <= 5; seed += 1) {
    const random = new SeededRandom(seed);
    for (const cut of await cutsOf(() => [seededFate(random), seededFate(random)])) await checkCut(cut);
  }
});

test('every combination of what nobody synced', async () => {
  const fates: Fates = (unsynced) => (unsynced.length <= 5 ? everySubset(unsynced) : [keepsNothing]);
  for (const cut of await cutsOf(fates, { isClosed: false })) await checkCut(cut);
});
