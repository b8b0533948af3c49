/** Transactions through crashes: at every change of the disk, all of each or nothing, as was told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { everySubset, keepsAll, keepsNothing, seededFate } from '../../../shared/power-cut.ts';
import { SeededRandom } from '../../../shared/random.ts';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { type PowerCut, type PowerCutOptions, PowerCuts } from '../../../shared/testing/power-cuts.ts';
import { verifyFolder } from '../../4-persisted-log/tools/verify.ts';
import { checkDeeds, copyOfDeeds, type Deed, runScript } from './testing/transaction-script.ts';
import { DATA_FOLDER, openRobust } from './testing/virtual-robust.ts';

type Fates = PowerCutOptions<readonly Deed[]>['fates'];

async function cutsOf(fates: Fates, { isClosed = true } = {}): Promise<readonly PowerCut<readonly Deed[]>[]> {
  const disk = new SimulatedDisk();
  const deeds: Deed[] = [];
  const cuts = new PowerCuts<readonly Deed[]>(disk, { known: () => copyOfDeeds(deeds), fates });
  const opened = await openRobust({}, { disk });
  await runScript(opened, deeds);
  if (isClosed) await opened.broker.close();
  return cuts.end();
}

/** Starts on what is left, looks, starts once more, and looks through the files. */
async function check({ disk, known, place }: PowerCut<readonly Deed[]>, { isCutAgain = false } = {}): Promise<void> {
  try {
    const opened = await openRobust({}, { disk });
    if (isCutAgain) await check({ disk: disk.remains(), known, place: 'again' });
    await checkDeeds(opened.broker, known);
    const next = await opened.afterClose();
    await checkDeeds(next.broker, known);
    await next.broker.close();
    assert.deepEqual((await verifyFolder({ disk, folder: DATA_FOLDER })).findings, []);
  } catch (error) {
    throw new Error(`power cut ${place}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

test('a power cut before every change of the disk: all of a transaction, or nothing, as was told', async () => {
  const cuts = await cutsOf(() => [keepsNothing, keepsAll]);
  assert.ok(cuts.length > 200, `${cuts.length} moments`);
  for (const cut of cuts) await check(cut);
});

test('kill -9 at every change of the disk, and a power cut after the next start: the same', async () => {
  for (const cut of await cutsOf('kill', { isClosed: false })) await check(cut, { isCutAgain: true });
});

test('a power cut that tears, drops and reorders: the same', async () => {
  const random = new SeededRandom(7);
  for (const cut of await cutsOf(() => [seededFate(random), seededFate(random)])) await check(cut);
});

test('every combination of what nobody synced: the same', async () => {
  const fates: Fates = (unsynced) => (unsynced.length <= 5 ? everySubset(unsynced) : [keepsNothing]);
  for (const cut of await cutsOf(fates, { isClosed: false })) await check(cut);
});
