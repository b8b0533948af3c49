/**
 * The brokers that mutants are made from: each stage as its own tests use it.
 *
 * Always true: `change` is applied to the broker that keeps the messages; stage 3 is asked through its wire, so a bug
 * behind the door is seen where a client would see it.
 */
import { createBroker as createBlockingQueue } from '../../../stages/1-blocking-queue/index.ts';
import { createBroker as createRingBuffer } from '../../../stages/2-ring-buffer/index.ts';
import { createClient, createServer } from '../../../stages/3-http-server/index.ts';
import type { BrokerOptions } from '../../broker-options.ts';
import type { Broker } from '../../contract/broker.ts';

/** A broker of a stage; `change` may put something else in its place. */
export async function createSoundBroker(
  stage: 1 | 2 | 3,
  options: BrokerOptions,
  change: (broker: Broker) => Broker = (broker) => broker,
): Promise<Broker> {
  if (stage === 1) return change(await createBlockingQueue(options));
  const broker = await createRingBuffer(options);
  return stage === 2 ? change(broker) : throughTheDoor(change(broker));
}

/** The client of a server in front of `broker`; closing it closes all three. */
async function throughTheDoor(broker: Broker): Promise<Broker> {
  // A mutant's defects are wanted, so nobody is warned of them.
  const server = await createServer(broker, { onDefect: () => undefined });
  const client = await createClient(server.url);
  const closeClient = client.close.bind(client);
  client.close = async (options) => {
    await closeClient(options);
    await server.close(options);
    await broker.close(options);
  };
  return client;
}
