/** A broker of this stage on a disk in memory and a clock that a test moves, and what it counts. For the tests of observing. */
import assert from 'node:assert/strict';
import { VirtualClock } from '../../../shared/clock.ts';
import type { Broker } from '../../../shared/contract/broker.ts';
import type { HistogramValue, Metric } from '../../../shared/contract/metrics.ts';
import { SeededRandom } from '../../../shared/random.ts';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { createBroker, type RobustBrokerOptions } from '../index.ts';

export interface Opened {
  readonly broker: Broker;
  readonly clock: VirtualClock;
  readonly disk: SimulatedDisk;
  readonly notices: readonly string[];
}

export async function openObserved(options: RobustBrokerOptions = {}, on: Partial<Opened> = {}): Promise<Opened> {
  const { clock = new VirtualClock(), disk = new SimulatedDisk() } = on;
  const notices: string[] = [];
  const broker = await createBroker({
    dataFolder: '/data',
    random: new SeededRandom(1),
    onNotice: (text) => void notices.push(text),
    ...options,
    clock,
    disk,
  });
  return { broker, clock, disk, notices };
}

function metric({ metrics }: Broker, name: string): Metric {
  const found = metrics?.().find((one) => one.name === name);
  assert.ok(found !== undefined, `there is ${name}`);
  return found;
}

export function seriesOf(broker: Broker, name: string, label = ''): unknown {
  return metric(broker, name).series.find(({ labels }) => (Object.values(labels)[0] ?? '') === label)?.value;
}

export function histogramOf(broker: Broker, name: string): HistogramValue {
  return seriesOf(broker, name) as HistogramValue;
}
