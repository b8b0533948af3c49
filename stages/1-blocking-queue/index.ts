/**
 * Stage 1, blocking queue: what `stagemq/stages/1` exports.
 *
 *     const broker = await createBroker();
 *     await broker.send('orders', { body: 'tea' });
 *     const [delivery] = await broker.receive('orders', { waitMs: 1000 });
 */
import type { BrokerOptions } from '../../shared/broker-options.ts';
import type { Broker } from '../../shared/contract/broker.ts';
import { BlockingQueueBroker } from './broker.ts';

export { BlockingQueue } from './blocking-queue.ts';

/** A broker in this process; rejects with `MQ_INVALID_ARGUMENT` or `MQ_NOT_SUPPORTED` for options it cannot honour. */
export async function createBroker(options?: BrokerOptions): Promise<Broker> {
  return new BlockingQueueBroker(options);
}
