/** Stage 3: a server in front of any Broker. What `stagemq/stages/3` exports. */
export type { RequestLogEntry } from './request-log.ts';
export { createServer, type HttpServer } from './server.ts';
export type { ServerOptions } from './server-options.ts';
