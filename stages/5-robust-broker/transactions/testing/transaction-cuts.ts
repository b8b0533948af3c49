/**
 * Power cuts of a broker under a load of transactions: one run, the plug pulled at every change of the disk, and a start on
 * each of what is left. For tests only.
 */
import assert from 'node:assert/strict';
import { SimulatedDisk } from '../../../../shared/simulated-disk.ts';
import { type PowerCut, type PowerCutOptions, PowerCuts } from '../../../../shared/testing/power-cuts.ts';
import { DATA_FOLDER } from '../../../4-persisted-log/testing/virtual-life.ts';
import { verifyFolder } from '../../../4-persisted-log/tools/verify.ts';
import { checkDeeds, copyOfDeeds, type Deed, runScript } from './transaction-script.ts';
import { openRobust } from './virtual-robust.ts';

export type Fates = PowerCutOptions<readonly Deed[]>['fates'];

export async function cutsOf(fates: Fates, { isClosed = true } = {}): Promise<readonly PowerCut<readonly Deed[]>[]> {
  const disk = new SimulatedDisk();
  const deeds: Deed[] = [];
  const cuts = new PowerCuts<readonly Deed[]>(disk, { known: () => copyOfDeeds(deeds), fates });
  const opened = await openRobust({}, { disk });
  await runScript(opened, deeds);
  if (isClosed) await opened.broker.close();
  return cuts.end();
}

/** Starts on what is left, looks, starts once more, and looks through the files. */
export async function checkCut(
  { disk, known, place }: PowerCut<readonly Deed[]>,
  { isCutAgain = false } = {},
): Promise<void> {
  try {
    const opened = await openRobust({}, { disk });
    if (isCutAgain) await checkCut({ disk: disk.remains(), known, place: 'again' });
    await checkDeeds(opened.broker, known);
    const next = await opened.afterClose();
    await checkDeeds(next.broker, known);
    await next.broker.close();
    assert.deepEqual((await verifyFolder({ disk, folder: DATA_FOLDER })).findings, []);
  } catch (error) {
    throw new Error(`power cut ${place}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}
