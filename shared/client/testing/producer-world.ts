/** What the tests of the producer share: one on a broker that writes down what it is sent, on virtual time. */
import assert from 'node:assert/strict';
import { VirtualClock } from '../../clock.ts';
import { type ErrorCode, isMqError } from '../../contract/errors.ts';
import { SeededRandom } from '../../random.ts';
import { Producer } from '../producer.ts';
import type { ProducerOptions } from '../producer-options.ts';
import { PartitionedBroker, type PartitionedBrokerOptions } from './partitioned-broker.ts';

export const rejectsWith = (promise: Promise<unknown>, code: ErrorCode): Promise<void> =>
  assert.rejects(promise, (error) => isMqError(error, code));

export interface ProducerWorld {
  readonly clock: VirtualClock;
  readonly at: PartitionedBroker;
  readonly producer: Producer;
  /** Sends each body in this tick. */
  readonly sendAll: (bodies: readonly string[]) => Promise<unknown>[];
}

export function openProducer(
  options: Partial<ProducerOptions> = {},
  brokerOptions?: PartitionedBrokerOptions,
): ProducerWorld {
  const clock = new VirtualClock();
  const at = new PartitionedBroker(brokerOptions);
  const producer = new Producer({ broker: at.broker, clock, random: new SeededRandom(3), ...options });
  return { clock, at, producer, sendAll: (bodies) => bodies.map((body) => producer.send('t', { body })) };
}

/** Holds every send back until it is let go. */
export function gate(at: PartitionedBroker): { letGo: () => void } {
  let letGo = (): void => undefined;
  const close = (): void => {
    const held = new Promise<void>((resolve) => {
      letGo = () => {
        close();
        resolve();
      };
    });
    at.beforeSend = () => held;
  };
  close();
  return { letGo: () => letGo() };
}
