/**
 * The brokers that mutants are made from: each stage as its own tests use it.
 *
 * Always true: `change` is applied to the broker that keeps the messages; a stage that has a wire is asked through it,
 * so a bug behind a door is seen where a client would see it.
 */

import { createBroker as createBlockingQueue } from '../../../stages/1-blocking-queue/index.ts';
import { createBroker as createRingBuffer } from '../../../stages/2-ring-buffer/index.ts';
import type { BrokerOptions } from '../../broker-options.ts';
import type { Broker } from '../../contract/broker.ts';

/** A broker of a stage; `change` may put something else in its place. */
export async function createSoundBroker(
  stage: 1 | 2 | 3,
  options: BrokerOptions,
  change: (broker: Broker) => Broker = (broker) => broker,
): Promise<Broker> {
  if (stage === 1) return change(await createBlockingQueue(options));
  return change(await createRingBuffer(options));
}
