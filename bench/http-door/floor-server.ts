/**
 * The floor of the HTTP door: a fastify server with the schemas and limits of stage 3 that drops every body and answers
 * the same answer each time. Same requests in, answers of the same size out, no broker between: what is left of the
 * difference to stage 3 is what stage 3 does.
 */
import Fastify, { type FastifyInstance } from 'fastify';
import { MESSAGES_TYPE } from '../../stages/3-http-server/message-codec.ts';
import {
  AckBody,
  ReceiptAnswer,
  ReceiveAnswer,
  ReceiveBody,
  SendBody,
  SendQuery,
  TopicPath,
} from '../../stages/3-http-server/schemas.ts';
import { checkServerOptions } from '../../stages/3-http-server/server-options.ts';
import { numberedText } from '../tally.ts';
import { BATCH_COUNT } from './loads.ts';

export interface FloorServer {
  readonly url: string;
  close(): Promise<void>;
}

const ID = '0123456789abcdef-1000000';
const RECEIPT = { topic: 'bench', partition: 0, offset: 1_000_000, id: ID, durability: 'memory' } as const;
const BATCH_RECEIPT = {
  topic: 'bench',
  partition: 0,
  baseOffset: 1_000_000,
  count: BATCH_COUNT,
  ids: Array.from({ length: BATCH_COUNT }, () => ID),
  durability: 'memory',
} as const;
const DELIVERIES = {
  deliveries: [
    {
      topic: 'bench',
      partition: 0,
      offset: 1_000_000,
      id: ID,
      headers: {},
      body: numberedText(0),
      encoding: 'utf8',
      timestamp: 1_767_225_600_000,
      group: 'default',
      memberId: 'member-1',
      deliveryCount: 1,
      leaseToken: ID,
      leaseExpiresAt: 1_767_225_630_000,
    },
  ],
} as const;

export async function startFloorServer(): Promise<FloorServer> {
  const limits = checkServerOptions();
  const server = Fastify({
    bodyLimit: limits.requestBytesMax,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    http: { maxHeaderSize: limits.headerBytesMax, headersTimeout: limits.headersTimeoutMs },
  });
  addRoutes(server);
  const url = await server.listen({ host: limits.host, port: 0 });
  return { url, close: () => server.close() };
}

function addRoutes(server: FastifyInstance): void {
  server.get('/healthz', async () => ({ status: 'ok' }));
  server.addContentTypeParser(MESSAGES_TYPE, { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  const sendSchema = {
    params: TopicPath,
    querystring: SendQuery,
    body: { content: { 'application/json': { schema: SendBody }, [MESSAGES_TYPE]: { schema: {} } } },
    response: { 200: ReceiptAnswer },
  };
  server.post('/topics/:topic/messages', { schema: sendSchema }, async (request) =>
    Buffer.isBuffer(request.body) ? BATCH_RECEIPT : RECEIPT,
  );
  const receiveSchema = { params: TopicPath, body: ReceiveBody, response: { 200: ReceiveAnswer } };
  server.post('/topics/:topic/deliveries', { schema: receiveSchema }, async () => DELIVERIES);
  server.post(
    '/topics/:topic/deliveries/ack',
    { schema: { params: TopicPath, body: AckBody } },
    async (_request, reply) => {
      reply.code(204);
      return null;
    },
  );
}
