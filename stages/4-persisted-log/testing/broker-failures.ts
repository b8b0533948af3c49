/**
 * The load on a broker whose disk fails at some moment and is well again afterwards: the broker goes on without a restart,
 * and keeps what it promised, now and after a start of any kind.
 */
import assert from 'node:assert/strict';
import { VirtualClock } from '../../../shared/clock.ts';
import type { CallWatcher } from '../../../shared/disk-faults.ts';
import { keepsAll, keepsNothing } from '../../../shared/power-cut.ts';
import { SeededRandom } from '../../../shared/random.ts';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { recoverBroker } from './broker-cuts.ts';
import type { Deed } from './broker-load.ts';
import { BrokerPromises } from './broker-promises.ts';
import { openBroker, passDelays, runBrokerScript, stubbornly } from './broker-script.ts';

/** Long enough for whatever is tried again later and later. */
const RETRY_MS = 5 * 60_000;

export interface FailedLoadOptions {
  readonly seed: number;
  readonly operationCount: number;
  readonly onCall: CallWatcher;
}

/** True when the fault came to pass. */
async function surviveFailure({ seed, operationCount, onCall }: FailedLoadOptions): Promise<boolean> {
  const disk = new SimulatedDisk();
  const clock = new VirtualClock();
  const deeds: Deed[] = [];
  let wasHit = false;
  disk.onCall = (call) => {
    const fault = onCall(call);
    if (fault !== undefined) wasHit = true;
    return fault;
  };
  const opened = await stubbornly(() => openBroker(disk, { clock, seed }));
  await runBrokerScript(opened, { random: new SeededRandom(seed), deeds, operationCount });
  disk.onCall = undefined;
  await clock.pass(RETRY_MS);
  await passDelays(opened);
  await BrokerPromises.of(deeds).check(opened.broker);
  const known = { deedCount: deeds.length, now: clock.now() };
  for (const fate of [keepsNothing, keepsAll]) {
    await recoverBroker({ disk: disk.remains(fate), known, place: 'after the failure' }, deeds);
  }
  await opened.broker.close();
  assert.deepEqual(disk.openPaths, [], 'no file stays open');
  return wasHit;
}

/** The disk breaks for good under load: whoever waits is answered, `close` settles, and a start on a disk that is well keeps every promise. */
export async function dieOfDisk({ seed, operationCount, onCall }: FailedLoadOptions): Promise<boolean> {
  const disk = new SimulatedDisk();
  const clock = new VirtualClock();
  const deeds: Deed[] = [];
  const opened = await openBroker(disk, { clock, seed });
  let wasHit = false;
  disk.onCall = (call) => {
    const fault = onCall(call);
    if (fault !== undefined) wasHit = true;
    return fault;
  };
  await runBrokerScript(opened, { random: new SeededRandom(seed), deeds, operationCount }).catch(() => {
    assert.equal(deeds.length, 0, 'only what comes before the load ends it');
  });
  let isClosed = false;
  const over = (): void => {
    isClosed = true;
  };
  opened.broker.close({ timeoutMs: 1000 }).then(over, over);
  await clock.pass(60_000);
  assert.ok(isClosed, 'close settles');
  assert.deepEqual(disk.openPaths, [], 'no file stays open');
  disk.onCall = undefined;
  const known = { deedCount: deeds.length, now: clock.now() };
  for (const fate of [keepsNothing, keepsAll]) {
    await recoverBroker({ disk: disk.remains(fate), known, place: 'after the disk broke' }, deeds);
  }
  return wasHit;
}

/** Runs for call 1, 1 + step, ... until a run no call of which fails. */
export async function atEveryCall(
  {
    step,
    operationCount,
    seed = 1,
  }: { readonly step: number; readonly operationCount: number; readonly seed?: number },
  faultAt: (n: number) => CallWatcher,
  run = surviveFailure,
): Promise<void> {
  for (let n = 1; ; n += step) {
    try {
      if (!(await run({ seed, operationCount, onCall: faultAt(n) }))) return;
    } catch (error) {
      throw new Error(`call ${n}: ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  }
}
