/**
 * Sending and fetching. Three content types come in, two go out:
 *
 *     application/json              one message, or { messages: [...] }        JSON records
 *     application/octet-stream      one raw message, its key, id and headers beside it
 *     application/vnd.stagemq...v1  many messages, binary                      the same, as records
 *
 * Always true: a send that waits for room ends when its caller goes, and has stored nothing then. Added by the server,
 * in a scope of its own: only here bodies other than JSON are read.
 */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { ownBytes } from '../../../shared/contract/body.ts';
import type { Broker, SendOptions } from '../../../shared/contract/broker.ts';
import type { BatchReceipt, Message, Receipt } from '../../../shared/contract/message.ts';
import { checkInteger, invalidArgument } from '../../../shared/contract/validation.ts';
import { accepts } from '../accept.ts';
import type { Door, Routes } from '../door.ts';
import { type JsonMessage, messageOf, toJson } from '../json-message.ts';
import { checkMessageCount, decodeMessages, encodeMessages, MESSAGES_TYPE } from '../message-codec.ts';
import { decodeRawMessage, RAW_TYPE } from '../raw-message.ts';
import { FetchAnswer, FetchQuery, ReceiptAnswer, SendBody, SendQuery, TopicPath } from '../schemas.ts';
import { SEND_TIMEOUT_MS, SEND_TIMEOUT_MS_MAX } from '../server-options.ts';
import { ok, okOrBytes } from './answers.ts';

const SEND_TIMEOUT = { min: 0, max: SEND_TIMEOUT_MS_MAX, fallback: SEND_TIMEOUT_MS };
const Bytes = Type.Unsafe<Buffer>({ type: 'string', format: 'binary' });

/** What travels beside a raw message; `raw-message.ts` reads it. */
const field = (description: string) => Type.Optional(Type.String({ description }));
const RawFields = Type.Object({
  'mq-key': field('of a raw message: its key, percent-encoded'),
  'mq-id': field('of a raw message: its id, percent-encoded'),
  'mq-headers': field('of a raw message: its headers, one form-urlencoded list'),
  'mq-delay-ms': field('of a raw message: not before so many ms (capability "delay")'),
  'mq-deliver-at': field('of a raw message: not before this time, epoch ms (capability "delay")'),
  'mq-ttl-ms': field('of a raw message: not later than so many ms after acceptance (capability "ttl")'),
  'mq-priority': field('of a raw message: 0 to 9, higher first (capability "priority")'),
});
/** What stands beside records in the binary format. */
const FETCH_FIELDS = {
  'mq-next-offset': 'beside binary records: where to continue',
  'mq-log-start-offset': 'beside binary records: the first offset held',
  'mq-high-watermark': 'beside binary records: the offset the next record gets',
};

/** A request body: JSON, the bytes of a raw message, or the messages of the binary format. */
type Sent = JsonMessage | { readonly messages: readonly JsonMessage[] } | Buffer | readonly Message[];

export function addMessageRoutes(routes: Routes, door: Door): void {
  routes.addContentTypeParser(RAW_TYPE, { parseAs: 'buffer' }, (_request, body, parsed) => parsed(null, body));
  routes.addContentTypeParser(MESSAGES_TYPE, { parseAs: 'buffer' }, async (_request: FastifyRequest, body: Buffer) => {
    // Node reads small bodies into a buffer that many share; moved out of it once, for otherwise every message would be.
    return decodeMessages(ownBytes(body), { countMax: door.broker.limits.batchCountMax });
  });

  const post = {
    summary: 'Send one message or many',
    params: TopicPath,
    querystring: SendQuery,
    headers: RawFields,
    body: {
      content: {
        'application/json': { schema: SendBody },
        [RAW_TYPE]: { schema: Bytes },
        [MESSAGES_TYPE]: { schema: Bytes },
      },
    },
    response: ok(ReceiptAnswer),
  };
  routes.post('/topics/:topic/messages', { schema: post }, (request) => {
    const { partition } = request.query;
    const timeoutMs = checkInteger('timeoutMs', request.query.timeoutMs, SEND_TIMEOUT);
    // A request that was arriving when the server began to stop is still served, but waits for nothing.
    const options = door.isDraining
      ? { partition, timeoutMs: 0 }
      : { partition, timeoutMs, signal: door.signalOf(request) };
    return send(door.broker, request, options);
  });

  addFetchRoute(routes, door);
}

function send(
  broker: Broker,
  request: Pick<FastifyRequest, 'body' | 'headers'> & { readonly params: { readonly topic: string } },
  options: SendOptions,
): Promise<Receipt | BatchReceipt> {
  const { topic } = request.params;
  const sent = request.body as Sent | undefined;
  if (sent === undefined) throw invalidArgument('body', 'one message or many');
  if (sent instanceof Uint8Array) return broker.send(topic, decodeRawMessage(sent, request.headers), options);
  if (isDecoded(sent)) return broker.sendBatch(topic, sent, options);
  if (!('messages' in sent)) return broker.send(topic, messageOf(sent, 'message'), options);
  checkMessageCount(sent.messages.length, broker.limits.batchCountMax);
  const messages = sent.messages.map((message, index) => messageOf(message, `messages[${index}]`));
  return broker.sendBatch(topic, messages, options);
}

/** `Array.isArray` alone does not narrow a readonly array. */
function isDecoded(sent: Sent): sent is readonly Message[] {
  return Array.isArray(sent);
}

function addFetchRoute(routes: Routes, door: Door): void {
  const { broker } = door;
  const get = {
    summary: 'Fetch records from an offset',
    params: TopicPath,
    querystring: FetchQuery,
    response: okOrBytes(FetchAnswer, { mediaType: MESSAGES_TYPE, fields: FETCH_FIELDS }),
  };
  routes.get('/topics/:topic/messages', { schema: get }, async (request, reply) => {
    const { topic } = request.params;
    const fetched = await door.wait(
      request,
      (signal) => broker.fetch(topic, { ...request.query, signal }),
      () => broker.fetch(topic, { ...request.query, waitMs: 0 }),
    );
    const { records, nextOffset, logStartOffset, highWatermark } = fetched;
    if (!accepts(request.headers.accept, MESSAGES_TYPE)) {
      return { records: records.map(toJson), nextOffset, logStartOffset, highWatermark };
    }
    reply.header('mq-next-offset', nextOffset);
    reply.header('mq-log-start-offset', logStartOffset);
    reply.header('mq-high-watermark', highWatermark);
    return reply.type(MESSAGES_TYPE).send(encodeMessages(records));
  });
}
