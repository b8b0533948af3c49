/**
 * Stage 3, HTTP server: what `stagemq/stages/3` exports.
 *
 *     const server = await createServer(broker, { port: 6767 });          any Broker, behind a socket
 *     const client = await createClient('http://127.0.0.1:6767');         the same Broker, from another process
 *     const both = await createBroker();                                  stage 2's broker, a server, and its client
 */
import type { BrokerOptions } from '../../shared/broker-options.ts';
import type { Broker } from '../../shared/contract/broker.ts';
import { createBroker as createRingBroker } from '../2-ring-buffer/index.ts';
import { reachedOverHttp } from './whole.ts';

export { type ClientOptions, createClient } from './create-client.ts';
export type { RequestLogEntry } from './request-log.ts';
export { createServer, type HttpServer } from './server.ts';
export type { ServerOptions } from './server-options.ts';
export type { ClientTlsOptions, Pem, TlsOptions, TlsVersion } from './tls.ts';

/** A ring-buffer broker that is reached only through the wire: over loopback, on a free port. Closing it closes all. */
export async function createBroker(options?: BrokerOptions): Promise<Broker> {
  return reachedOverHttp(await createRingBroker(options));
}
