/**
 * A target whose brokers write to disks in memory, and which restarts one by pulling the plug:
 *
 *     createBroker() -> broker on a fresh disk
 *     restartBroker(broker) -> the disk crashes -> broker on what is left of it
 *
 * Always true: the broker that was stopped changes nothing any more, since its disk is dead; it is closed only so that its
 * timers end. Used by the tests of a durable stage and of its mutants.
 */
import type { BrokerOptions } from '../broker-options.ts';
import type { Broker } from '../contract/broker.ts';
import type { Disk } from '../disk.ts';
import { SimulatedDisk } from '../simulated-disk.ts';
import type { Fate } from '../simulated-nodes.ts';
import type { ConformanceOptions, CreateBroker } from './conformance-test.ts';

/** Makes a broker on a disk; `isRestarted` when there was one before. */
export type CreateOnDisk = (options: BrokerOptions & { readonly disk: Disk }, isRestarted: boolean) => Promise<Broker>;

/** The part of a target that is about its disks. */
export interface SimulatedTarget {
  readonly createBroker: CreateBroker;
  readonly restartBroker: NonNullable<ConformanceOptions['restartBroker']>;
}

/** `fate` says what a power cut leaves of what was not synced; nothing, if not told otherwise. */
export function onSimulatedDisks(create: CreateOnDisk, fate?: Fate): SimulatedTarget {
  const disks = new WeakMap<Broker, SimulatedDisk>();
  const open = async (options: BrokerOptions, disk: SimulatedDisk, isRestarted: boolean): Promise<Broker> => {
    const broker = await create({ ...options, disk }, isRestarted);
    disks.set(broker, disk);
    return broker;
  };
  return {
    createBroker: (options = {}) => open(options, new SimulatedDisk(), false),
    restartBroker: (broker, options) => {
      const disk = disks.get(broker);
      if (disk === undefined) throw new RangeError('a broker of another target');
      const left = disk.crash(fate);
      // It finds its disk dead, and says so to nobody.
      broker.close({ timeoutMs: 0 }).catch(() => undefined);
      return open(options, left, true);
    },
  };
}
