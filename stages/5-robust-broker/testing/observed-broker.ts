/** A broker of this stage on a disk in memory and a clock that a test moves, and what it counts. For the tests of observing. */
import assert from 'node:assert/strict';
import type { Broker } from '../../../shared/contract/broker.ts';
import type { HistogramValue, Metric } from '../../../shared/contract/metrics.ts';
import { SeededRandom } from '../../../shared/random.ts';
import { type LifePlace, openLife, type VirtualLife } from '../../4-persisted-log/testing/virtual-life.ts';
import { createBroker, type RobustBrokerOptions } from '../index.ts';

export type Opened = Pick<VirtualLife, 'broker' | 'clock' | 'disk' | 'notices'>;

export function openObserved(options: RobustBrokerOptions = {}, on: LifePlace = {}): Promise<Opened> {
  return openLife(createBroker, { random: new SeededRandom(1), ...options }, on);
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
