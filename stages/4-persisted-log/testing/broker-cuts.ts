/**
 * Power cuts of a whole broker: one run of the load, the plug pulled at every change of the disk, and a start on each of
 * what is left.
 */
import assert from 'node:assert/strict';
import { VirtualClock } from '../../../shared/clock.ts';
import type { Broker } from '../../../shared/contract/broker.ts';
import type { CallWatcher } from '../../../shared/disk-faults.ts';
import { SeededRandom } from '../../../shared/random.ts';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { type PowerCut, type PowerCutOptions, PowerCuts } from '../../../shared/testing/power-cuts.ts';
import type { FlushPolicy } from '../log/log.ts';
import { verifyFolder } from '../tools/verify.ts';
import type { Deed } from './broker-load.ts';
import { BrokerPromises } from './broker-promises.ts';
import { openBroker, passDelays, runBrokerScript } from './broker-script.ts';

/** What was known at a moment. */
export interface KnownDeeds {
  readonly deedCount: number;
  readonly now: number;
}

export interface BrokerCutRun {
  readonly deeds: readonly Deed[];
  readonly cuts: readonly PowerCut<KnownDeeds>[];
}

export interface BrokerCutRunOptions {
  readonly seed: number;
  /** Of each life. */
  readonly operationCount: number;
  /** How often the broker is started and closed in order. Default 1. */
  readonly lifeCount?: number;
  readonly fates: PowerCutOptions<KnownDeeds>['fates'];
  readonly onCall?: CallWatcher;
  readonly flushPolicy?: FlushPolicy;
}

/** The load on a disk that is well, closed in order; with all its power cuts. */
export async function brokerCutRun(options: BrokerCutRunOptions): Promise<BrokerCutRun> {
  const { seed, operationCount, lifeCount = 1, flushPolicy = 'always', ...cutOptions } = options;
  const disk = new SimulatedDisk();
  const deeds: Deed[] = [];
  const clock = new VirtualClock();
  const known = (): KnownDeeds => ({ deedCount: deeds.length, now: clock.now() });
  const cuts = new PowerCuts(disk, { known, ...cutOptions });
  const random = new SeededRandom(seed);
  for (let life = 0; life < lifeCount; life += 1) {
    const opened = await openBroker(disk, { clock, seed: seed + life, flushPolicy });
    await runBrokerScript(opened, { random, deeds, operationCount, run: `life${life}` });
    await opened.broker.close();
  }
  assert.deepEqual(disk.openPaths, [], 'a broker that is closed has no file open');
  return { deeds, cuts: cuts.end() };
}

export interface RecoverBrokerOptions {
  /** True: nothing that was answered was safe. */
  readonly lostEnd?: boolean;
  /** True: the power goes once more, as soon as the start is done. */
  readonly isCutAgain?: boolean;
}

/** Starts after the cut, lets what was delayed fall due, checks, uses it, and looks through the files. */
export async function recoverBroker(
  cut: PowerCut<KnownDeeds>,
  deeds: readonly Deed[],
  { lostEnd = false, isCutAgain = false }: RecoverBrokerOptions = {},
): Promise<void> {
  const { disk, known, place } = cut;
  try {
    const opened = await openBroker(disk, { clock: new VirtualClock({ startAt: known.now }), seed: 2 });
    if (isCutAgain) await recoverBroker({ disk: disk.remains(), known, place: 'again' }, deeds);
    await passDelays(opened);
    await BrokerPromises.of(deeds.slice(0, known.deedCount)).check(opened.broker, { lostEnd });
    await use(opened.broker);
    await opened.broker.close();
    assert.deepEqual((await verifyFolder({ disk, folder: '/data' })).findings, [], 'verify finds nothing wrong');
  } catch (error) {
    throw new Error(`power cut ${place}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

/** It takes messages and gives them. */
async function use(broker: Broker): Promise<void> {
  const { offset } = await broker.send('kept', { body: 'after' });
  assert.equal((await broker.fetch('kept', { offset: offset ?? 0 })).records.length, 1);
  const deliveries = await broker.receive('kept', { group: 'after', max: 1024 });
  assert.ok(deliveries.length > 0);
  await broker.ack(deliveries);
}

export async function recoverAllBrokers({ deeds, cuts }: BrokerCutRun, options?: RecoverBrokerOptions): Promise<void> {
  for (const cut of cuts) await recoverBroker(cut, deeds, options);
}
