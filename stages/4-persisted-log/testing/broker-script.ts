/**
 * The load on a broker over a simulated disk and in virtual time: the same run for the same seed.
 *
 * Always true: nothing waits but for the clock, which passes while the load runs.
 */
import { VirtualClock } from '../../../shared/clock.ts';
import type { Broker } from '../../../shared/contract/broker.ts';
import type { Disk } from '../../../shared/disk.ts';
import { type Random, SeededRandom } from '../../../shared/random.ts';
import { createBroker } from '../index.ts';
import { DELAY_MS_MAX, type Deed, prepare, runLoad } from './broker-load.ts';

const STEP_MS = 5;

export interface OpenedBroker {
  readonly broker: Broker;
  readonly clock: VirtualClock;
}

export interface OpenBrokerOptions {
  /** Default: one that has not moved. */
  readonly clock?: VirtualClock;
  /** Different ones make different ids and tokens, as two processes do. */
  readonly seed?: number;
}

/** Small segments, so that a short script rolls them. */
export async function openBroker(disk: Disk, options: OpenBrokerOptions = {}): Promise<OpenedBroker> {
  const { clock = new VirtualClock(), seed = 1 } = options;
  const broker = await createBroker({
    dataFolder: '/data',
    disk,
    clock,
    random: new SeededRandom(seed),
    segmentBytesMax: 4096,
    cacheBytesMax: 8192,
  });
  return { broker, clock };
}

export interface ScriptOptions {
  readonly random: Random;
  readonly deeds: Deed[];
  readonly operationCount: number;
}

/** Resolves when everything that was begun was answered. */
export async function runBrokerScript({ broker, clock }: OpenedBroker, options: ScriptOptions): Promise<void> {
  let operationCount = 0;
  let isOver = false;
  const load = (async () => {
    await prepare(broker);
    await runLoad(broker, {
      random: options.random,
      tell: (deed) => options.deeds.push(deed),
      run: 'run',
      senderCount: 2,
      workerCount: 1,
      goesOn: () => {
        operationCount += 1;
        return operationCount <= options.operationCount;
      },
      waitMs: 0,
      leaseMs: 10 * STEP_MS,
    });
  })().finally(() => {
    isOver = true;
  });
  while (!isOver) await clock.pass(STEP_MS);
  await load;
}

/** Until every delayed message is due. */
export async function passDelays({ clock }: OpenedBroker): Promise<void> {
  await clock.pass(DELAY_MS_MAX + 1);
}
