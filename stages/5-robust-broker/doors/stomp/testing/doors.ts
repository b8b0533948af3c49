/** What the tests of this folder open again and again: a STOMP server in front of a broker. */
import type { BrokerOptions } from '../../../../../shared/broker-options.ts';
import type { Broker } from '../../../../../shared/contract/broker.ts';
import { createBroker } from '../../../../2-ring-buffer/index.ts';
import { createBroker as createRobustBroker } from '../../../index.ts';
import { createStompServer, type StompServer } from '../server.ts';
import type { StompServerOptions } from '../server-options.ts';

export interface OpenDoor extends AsyncDisposable {
  readonly broker: Broker;
  readonly server: StompServer;
  readonly port: number;
}

/** In front of a ring, or of what `create` makes. */
export async function openDoor(
  options: StompServerOptions = {},
  create: (options?: BrokerOptions) => Promise<Broker> = createBroker,
): Promise<OpenDoor> {
  const broker = await create();
  const server = await createStompServer(broker, options);
  return {
    ...{ broker, server, port: server.port },
    [Symbol.asyncDispose]: async () => {
      await server.close({ timeoutMs: 0 });
      await broker.close();
    },
  };
}

/** In front of a broker that can do everything. */
export function openRobustDoor(options: StompServerOptions = {}): Promise<OpenDoor> {
  return openDoor(options, () => createRobustBroker({ flushPolicy: 'never' }));
}
