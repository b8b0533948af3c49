/**
 * A broker, a server in front of it, and the client through which alone it is reached: as one Broker.
 *
 *     caller --> client --> loopback --> server --> broker            close: server, broker, client
 *
 * Always true: what could not be put together is closed again, all of it, and so is what was.
 */
import type { Broker } from '../../../../shared/contract/broker.ts';
import { type TcpBroker, type TcpClientOptions, tcpClientOf } from './create-client.ts';
import { createTcpServer } from './server.ts';

/** Takes `broker` over: whoever has the whole has nothing else to close. */
export async function reachedOverTcp(broker: Broker, options: TcpClientOptions = {}): Promise<TcpBroker> {
  await using built = new AsyncDisposableStack();
  built.use(broker);
  const server = built.use(await createTcpServer(broker));
  const client = await tcpClientOf(server.url, options, [server, broker]);
  // Whole: from now on its parts are closed by the client.
  built.move();
  return client;
}
