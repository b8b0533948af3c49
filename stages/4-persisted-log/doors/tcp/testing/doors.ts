/** What the tests of this folder open again and again: a TCP server in front of a ring. */
import type { BrokerOptions } from '../../../../../shared/broker-options.ts';
import type { Broker } from '../../../../../shared/contract/broker.ts';
import type { TopicDescription } from '../../../../../shared/contract/description.ts';
import { createBroker } from '../../../../2-ring-buffer/index.ts';
import { until } from '../../../../3-http-server/testing/until.ts';
import { createTcpServer, type TcpServer } from '../server.ts';
import type { TcpServerOptions } from '../server-options.ts';

export interface OpenDoor extends AsyncDisposable {
  readonly broker: Broker;
  readonly server: TcpServer;
  readonly url: string;
  readonly port: number;
}

export async function openDoor(options: TcpServerOptions = {}, brokerOptions: BrokerOptions = {}): Promise<OpenDoor> {
  const broker = await createBroker(brokerOptions);
  const server = await createTcpServer(broker, options);
  return {
    broker,
    server,
    url: server.url,
    port: server.port,
    [Symbol.asyncDispose]: async () => {
      await server.close({ timeoutMs: 0 });
      await broker.close();
    },
  };
}

/** What the broker says of the topic; undefined while there is none. */
export async function described(broker: Broker, topic: string): Promise<TopicDescription | undefined> {
  return (await broker.describeTopics()).find((one) => one.topic === topic);
}

export async function untilWaiting(broker: Broker, topic: string, count: number): Promise<void> {
  await until(`${count} calls wait on ${topic}`, async () => (await described(broker, topic))?.waiterCount === count);
}
