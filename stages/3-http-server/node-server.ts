/**
 * Node's HTTP server as this door needs it: its limits and time-outs, and nothing that Node answers in its own words.
 *
 *     socket --> (TLS) --> Node's parser --+-- a request           Connections, in turn, then the application
 *                    \                     +-- CONNECT, or no request   a problem document, and the end
 *                     \-- no TLS, or none in time: the end, without a word
 *
 * Always true: what the parser lets through reaches the guard, also without a Host or with a strange Expect, so that all
 * refusals are made in one place. Made by `app.ts`; it does not listen.
 */
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { refuseBrokenRequest, refuseTunnel } from './broken-request.ts';
import type { Connections } from './connections.ts';
import type { CheckedServerOptions } from './server-options.ts';
import { serverTlsOf } from './tls.ts';

/** How often the server looks for requests that arrive too slowly. */
const SLOW_CHECKS_PER_TIMEOUT = 4;

export function createNodeServer(
  serve: RequestListener,
  using: { readonly connections: Connections; readonly options: CheckedServerOptions },
): Server {
  const { connections, options } = using;
  const { tls, headersTimeoutMs } = options;
  const limits: ServerOptions = {
    maxHeaderSize: options.headerBytesMax,
    headersTimeout: options.headersTimeoutMs,
    requestTimeout: options.requestTimeoutMs,
    keepAliveTimeout: options.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.ceil(options.headersTimeoutMs / SLOW_CHECKS_PER_TIMEOUT),
    // The guard refuses it, in our words.
    requireHostHeader: false,
  };
  const server =
    tls === undefined ? createServer(limits) : createTlsServer({ ...limits, ...serverTlsOf(tls, headersTimeoutMs) });
  // Their bytes are limited; beyond a number of fields Node would leave fields out, and say nothing.
  server.maxHeadersCount = 0;
  server.maxConnections = options.connectionsCountMax;
  server.setTimeout(options.idleTimeoutMs);
  // Connections ends the idle ones itself: for Node one is idle as soon as its answer is written, sent or not.
  server.closeIdleConnections = () => undefined;
  connections.attend(server, { serve, isTls: tls !== undefined });
  server.on('connect', (_request, socket) => refuseTunnel(socket, connections.mayRefuse(socket)));
  server.on('clientError', (error, socket) => refuseBrokenRequest(error, socket, connections.mayRefuse(socket)));
  return server;
}
