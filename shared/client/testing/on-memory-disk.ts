/** Stage 4's broker on a disk in memory and on virtual time: with partitions, delays, dead letters and push. */
import { createBroker } from '../../../stages/4-persisted-log/index.ts';
import { VirtualClock } from '../../clock.ts';
import type { Broker } from '../../contract/broker.ts';
import { SeededRandom } from '../../random.ts';
import { SimulatedDisk } from '../../simulated-disk.ts';

export interface OnMemoryDisk {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly broker: Broker;
}

export async function onMemoryDisk(): Promise<OnMemoryDisk> {
  const clock = new VirtualClock();
  const random = new SeededRandom(7);
  const broker = await createBroker({ clock, random, disk: new SimulatedDisk(), dataFolder: '/data' });
  return { clock, random, broker };
}
