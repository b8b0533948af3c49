/**
 * Power cuts of a log: one run of a script, the plug pulled at every change of the disk, and a start on each of what is
 * left.
 */
import assert from 'node:assert/strict';
import type { CallWatcher } from '../../../shared/disk-faults.ts';
import { everyTear } from '../../../shared/power-cut.ts';
import { SeededRandom } from '../../../shared/random.ts';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { type PowerCut, type PowerCutOptions, PowerCuts } from '../../../shared/testing/power-cuts.ts';
import type { FlushPolicy, PartitionLog } from '../log/log.ts';
import { type Found, LogHistory, openLog, type Promised, readLog } from './log-history.ts';
import { runLogScript } from './log-script.ts';

export interface CutRun {
  readonly history: LogHistory;
  readonly cuts: readonly PowerCut<Promised>[];
}

export interface CutRunOptions {
  readonly seed: number;
  readonly operationCount: number;
  readonly fates: PowerCutOptions<Promised>['fates'];
  readonly onCall?: CallWatcher;
  readonly flushPolicy?: FlushPolicy;
}

/** The script on a disk that is well, closed in order; with all its power cuts. */
export async function cutRun({
  seed,
  operationCount,
  flushPolicy = 'always',
  ...cutOptions
}: CutRunOptions): Promise<CutRun> {
  const random = new SeededRandom(seed);
  const disk = new SimulatedDisk();
  const history = new LogHistory(random);
  const cuts = new PowerCuts(disk, { known: () => history.promised(), ...cutOptions });
  const log = await runLogScript({ disk, history, random, operationCount, flushPolicy });
  await log.close();
  assert.deepEqual(history.rejections, []);
  assert.deepEqual(disk.openPaths, [], 'a log that is closed has no file open');
  return { history, cuts: cuts.end() };
}

interface OneRecovery {
  readonly isKill: boolean;
  readonly hasSecondLife: boolean;
}

/** Starts after the cut and checks what is there. */
async function recover(cut: PowerCut<Promised>, history: LogHistory, options: OneRecovery): Promise<void> {
  try {
    const log = await openLog(cut.disk);
    const found = await readLog(log);
    history.check(found, cut.known, options);
    await assertStays(cut.disk, { log, found });
    if (options.hasSecondLife) await appendAndLosePower(log, { disk: cut.disk, found });
  } catch (error) {
    throw new Error(`power cut ${cut.place}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

/** What a reader has been shown is there after the next power cut as well. */
async function assertStays(
  disk: SimulatedDisk,
  { log, found }: { readonly log: PartitionLog; readonly found: Found },
): Promise<void> {
  if (log.flushPolicy !== 'always' || disk.unsynced.length === 0) return;
  const again = await openLog(disk.remains());
  assert.deepEqual(await readLog(again), found, 'what was shown stays');
  await again.close();
}

/** What was found is still there after that, and so is what was appended. */
async function appendAndLosePower(
  log: PartitionLog,
  { disk, found }: { readonly disk: SimulatedDisk; readonly found: Found },
): Promise<void> {
  const later = new LogHistory(new SeededRandom(1));
  await later.append(log);
  assert.deepEqual(later.rejections, []);
  const again = await openLog(disk.crash());
  const { ids } = await readLog(again);
  assert.deepEqual(ids.slice(0, found.ids.length), found.ids, 'a start changes nothing that was there');
  assert.equal(ids.length, found.ids.length + later.sentCount);
  await again.close();
}

export interface RecoverOptions {
  readonly isKill?: boolean;
  /** So many-th of them appends after the start, and loses its power once more. Default: every one. */
  readonly secondLifeEvery?: number;
}

export async function recoverAll({ history, cuts }: CutRun, options: RecoverOptions = {}): Promise<void> {
  const { isKill = false, secondLifeEvery = 1 } = options;
  for (const [index, cut] of cuts.entries()) {
    await recover(cut, history, { isKill, hasSecondLife: index % secondLifeEvery === 0 });
  }
}

/** Tears each write once, when it is the last one. */
export function tearsOfEachWrite(stepBytes: number): CutRunOptions['fates'] {
  let lastTorn = 0;
  return function* (unsynced) {
    const number = unsynced.findLast((change) => change.kind === 'write')?.number ?? 0;
    if (number > lastTorn) yield* everyTear(unsynced, { stepBytes });
    lastTorn = Math.max(lastTorn, number);
  };
}

/** Cuts the power at every change that a start after `cut` makes; each start after that ends in the same log. */
export async function recoverFromCutRecovery(
  cut: PowerCut<Promised>,
  run: CutRun,
  fates: CutRunOptions['fates'],
): Promise<void> {
  const whole = await openLog(cut.disk.remains());
  const expected = await readLog(whole);
  await whole.close();
  run.history.check(expected, cut.known);
  const inner = new PowerCuts(cut.disk, { known: () => cut.known, fates });
  const log = await openLog(cut.disk);
  for (const innerCut of inner.end()) {
    const again = await openLog(innerCut.disk);
    assert.deepEqual(await readLog(again), expected, `${cut.place}, then ${innerCut.place}`);
    await again.close();
  }
  await log.close();
}
