/**
 * Stage 3, HTTP server: what `stagemq/stages/3` exports.
 *
 *     const server = await createServer(broker, { port: 6767 });          any Broker, behind a socket
 *     const client = await createClient('http://127.0.0.1:6767');         the same Broker, from another process
 *     const both = await createBroker();                                  stage 2's broker, a server, and its client
 */
import type { BrokerOptions } from '../../shared/broker-options.ts';
import type { Broker, CloseOptions } from '../../shared/contract/broker.ts';
import { createBroker as createRingBroker } from '../2-ring-buffer/index.ts';
import { createClient } from './create-client.ts';
import { createServer } from './server.ts';

export { type ClientOptions, createClient } from './create-client.ts';
export type { RequestLogEntry } from './request-log.ts';
export { createServer, type HttpServer } from './server.ts';
export type { ServerOptions } from './server-options.ts';

/** A ring-buffer broker that is reached only through the wire: over loopback, on a free port. Closing it closes all. */
export async function createBroker(options?: BrokerOptions): Promise<Broker> {
  const broker = await createRingBroker(options);
  const server = await createServer(broker);
  const client = await createClient(server.url);
  const closeClient = client.close.bind(client);
  client.close = async (closeOptions?: CloseOptions) => {
    await closeClient(closeOptions);
    await server.close(closeOptions);
    await broker.close(closeOptions);
  };
  return client;
}
