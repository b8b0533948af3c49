/** Transactions through crashes: at every change of the disk, all of each or nothing, as was told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepsNothing, seededFate } from '../../../shared/power-cut.ts';
import { SeededRandom } from '../../../shared/random.ts';
import { checkCut, cutsOf } from './testing/transaction-cuts.ts';

test('a power cut before every change of the disk: all of a transaction, or nothing, as was told', async () => {
  const cuts = await cutsOf(() => [keepsNothing]);
  assert.ok(cuts.length > 100, `${cuts.length} moments`);
  for (const cut of cuts) await checkCut(cut);
});

test('kill -9 at changes of the disk, and a power cut after the next start: the same', async () => {
  const cuts = await cutsOf('kill', { isClosed: false });
  for (const [index, cut] of cuts.entries()) if (index % 4 === 0) await checkCut(cut, { isCutAgain: true });
});

test('power cuts that tear, drop and reorder: the same', async () => {
  const random = new SeededRandom(7);
  const cuts = await cutsOf(() => [seededFate(random)]);
  for (const [index, cut] of cuts.entries()) if (index % 4 === 0) await checkCut(cut);
});
