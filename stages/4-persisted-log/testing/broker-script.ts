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
import type { FlushPolicy } from '../log/log.ts';
import { DELAY_MS_MAX, type Deed, prepare, runLoad } from './broker-load.ts';

const STEP_MS = 5;
const ATTEMPTS_MAX = 100;

export interface OpenedBroker {
  readonly broker: Broker;
  readonly clock: VirtualClock;
}

export interface OpenBrokerOptions {
  /** Default: one that has not moved. */
  readonly clock?: VirtualClock;
  /** Different ones make different ids and tokens, as two processes do. */
  readonly seed?: number;
  /** Default 0. */
  readonly diskReserveBytes?: number;
  readonly flushPolicy?: FlushPolicy;
}

/** Small segments, so that a short script rolls them. */
export async function openBroker(disk: Disk, options: OpenBrokerOptions = {}): Promise<OpenedBroker> {
  const { clock = new VirtualClock(), seed = 1, diskReserveBytes = 0, flushPolicy = 'always' } = options;
  const broker = await createBroker({
    dataFolder: '/data',
    disk,
    clock,
    random: new SeededRandom(seed),
    segmentBytesMax: 4096,
    cacheBytesMax: 8192,
    diskReserveBytes,
    flushPolicy,
  });
  return { broker, clock };
}

export interface ScriptOptions {
  readonly random: Random;
  readonly deeds: Deed[];
  readonly operationCount: number;
  /** Part of every id. Default `run`. */
  readonly run?: string;
}

/** Resolves when everything that was begun was answered. */
export async function runBrokerScript({ broker, clock }: OpenedBroker, options: ScriptOptions): Promise<void> {
  const load = loadOf(broker, options);
  let isOver = false;
  const over = (): void => {
    isOver = true;
  };
  load.then(over, over);
  while (!isOver) await clock.pass(STEP_MS);
  await load;
}

async function loadOf(broker: Broker, { random, deeds, operationCount, run = 'run' }: ScriptOptions): Promise<void> {
  let count = 0;
  await stubbornly(() => prepare(broker));
  await runLoad(broker, {
    random,
    tell: (deed) => deeds.push(deed),
    run,
    senderCount: 2,
    workerCount: 2,
    goesOn: () => {
      count += 1;
      return count <= operationCount;
    },
    waitMs: 0,
    leaseMs: 10 * STEP_MS,
  });
}

/** Until it succeeds: a disk that fails now and then keeps nobody from starting for ever. */
export async function stubbornly<T>(attempt: () => Promise<T>): Promise<T> {
  for (let count = 1; ; count += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (count === ATTEMPTS_MAX) throw error;
    }
  }
}

/** Until every delayed message is due. */
export async function passDelays({ clock }: OpenedBroker): Promise<void> {
  await clock.pass(DELAY_MS_MAX + 1);
}
