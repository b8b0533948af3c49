/**
 * The lives of a broker on a disk in memory and a clock that a test moves: how one begins, and what the next one finds.
 *
 *     openLife(createBroker)  --> broker works --> power cut, kill or close --> the next life, on what is left of the disk
 *
 * Always true: no two brokers draw the same random numbers, as no two processes do; the clock is one for all lives. Works for
 * each stage that keeps its data on a disk. For tests only.
 */
import { VirtualClock } from '../../../shared/clock.ts';
import type { Broker } from '../../../shared/contract/broker.ts';
import { SeededRandom } from '../../../shared/random.ts';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import type { LogBrokerOptions } from '../log-broker-options.ts';

/** Where the data lies, unless the options say otherwise. */
export const DATA_FOLDER = '/data';

/** One life; its functions can be called on their own. */
export interface VirtualLife {
  readonly broker: Broker;
  readonly disk: SimulatedDisk;
  readonly clock: VirtualClock;
  /** What the broker said by itself. */
  readonly notices: readonly string[];
  /** The next life on another disk, such as one that was looked at in the middle of something. */
  readonly on: (disk: SimulatedDisk) => Promise<VirtualLife>;
  /** The next life on what a power cut now would leave; this broker goes on beside it, on its own disk. */
  readonly afterPowerCut: () => Promise<VirtualLife>;
  /** The same when the process is killed: what was written is there, synced or not. */
  readonly afterKill: () => Promise<VirtualLife>;
  readonly afterClose: () => Promise<VirtualLife>;
}

/** On what a life begins; new ones where they are left out. */
export interface LifePlace {
  readonly disk?: SimulatedDisk;
  readonly clock?: VirtualClock;
}

export async function openLife<Options extends LogBrokerOptions>(
  createBroker: (options: Options) => Promise<Broker>,
  options: Options,
  { disk = new SimulatedDisk(), clock = new VirtualClock() }: LifePlace = {},
): Promise<VirtualLife> {
  const notices: string[] = [];
  seed += 1;
  const random = new SeededRandom(seed);
  const onNotice = (text: string): void => void notices.push(text);
  const broker = await createBroker({ dataFolder: DATA_FOLDER, random, onNotice, ...options, disk, clock });
  const on = (next: SimulatedDisk): Promise<VirtualLife> => openLife(createBroker, options, { disk: next, clock });
  return {
    ...{ broker, disk, clock, notices, on },
    afterPowerCut: () => on(disk.remains()),
    afterKill: () => on(disk.remains(() => true)),
    afterClose: async () => {
      await broker.close();
      return await on(disk);
    },
  };
}

let seed = 0;
