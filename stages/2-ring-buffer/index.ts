/**
 * Stage 2, ring buffer: what `stagemq/stages/2` exports.
 *
 *     const broker = await createBroker();
 *     await broker.send('orders', { body: 'tea' });
 *     const [delivery] = await broker.receive('orders', { group: 'kitchen', waitMs: 1000 });
 *     if (delivery !== undefined) await broker.ack([delivery]);
 */
import type { BrokerOptions } from '../../shared/broker-options.ts';
import type { Broker } from '../../shared/contract/broker.ts';
import { RingBufferBroker } from './broker.ts';

export { RingBuffer } from './ring-buffer.ts';

/** A broker in this process; rejects with `MQ_INVALID_ARGUMENT` or `MQ_NOT_SUPPORTED` for options it cannot honour. */
export async function createBroker(options?: BrokerOptions): Promise<Broker> {
  return new RingBufferBroker(options);
}
