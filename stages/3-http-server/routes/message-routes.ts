/**
 * Sending: to a topic, in a transaction, and as a half message. Three content types come in:
 *
 *     application/json              one message, or { messages: [...] }
 *     application/octet-stream      one raw message, its key, id and headers beside it
 *     application/vnd.stagemq...v1  many messages, binary
 *
 * Always true: a send that waits for room ends when its caller goes, and has stored nothing then; what a body says is read
 * before the broker is asked for anything. Added by the server, in a scope of its own: only here bodies other than JSON are
 * read.
 */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { ownBytes } from '../../../shared/contract/body.ts';
import type { Broker, SendOptions } from '../../../shared/contract/broker.ts';
import type { BatchReceipt, Message, Receipt } from '../../../shared/contract/message.ts';
import type { ProducerStamp } from '../../../shared/contract/producer.ts';
import { checkInteger, invalidArgument } from '../../../shared/contract/validation.ts';
import type { Door, Routes } from '../door.ts';
import { type JsonMessage, messageOf } from '../json-message.ts';
import { checkMessageCount, decodeMessages, MESSAGES_TYPE } from '../message-codec.ts';
import { decodeRawMessage, RAW_TYPE } from '../raw-message.ts';
import { ReceiptAnswer, SendBody, SendQuery, TopicPath } from '../schemas.ts';
import { SEND_TIMEOUT_MS, SEND_TIMEOUT_MS_MAX } from '../server-options.ts';
import { HalfAnswer, HalfQuery, TransactionSendQuery, TransactionTopicPath } from '../transaction-schemas.ts';
import { ok } from './answers.ts';

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

const MessageBodies = {
  content: {
    'application/json': { schema: SendBody },
    [RAW_TYPE]: { schema: Bytes },
    [MESSAGES_TYPE]: { schema: Bytes },
  },
};

/** A request body: JSON, the bytes of a raw message, or the messages of the binary format. */
type Sent = JsonMessage | { readonly messages: readonly JsonMessage[] } | Buffer | readonly Message[];

/** Of a request with messages in its body. */
type Sending = Pick<FastifyRequest, 'body' | 'headers' | 'raw' | 'admitted'>;

/** One message, or a batch. */
type Content = { readonly one: Message } | { readonly many: readonly Message[] };

export function addMessageRoutes(routes: Routes, door: Door): void {
  routes.addContentTypeParser(RAW_TYPE, { parseAs: 'buffer' }, (_request, body, parsed) => parsed(null, body));
  routes.addContentTypeParser(MESSAGES_TYPE, { parseAs: 'buffer' }, async (_request: FastifyRequest, body: Buffer) => {
    // Node reads small bodies into a buffer that many share; moved out of it once, for otherwise every message would be.
    return decodeMessages(ownBytes(body), { countMax: door.broker.limits.batchCountMax });
  });
  const sending = { headers: RawFields, body: MessageBodies, response: ok(ReceiptAnswer) };

  const post = { summary: 'Send one message or many', params: TopicPath, querystring: SendQuery, ...sending };
  routes.post('/topics/:topic/messages', { schema: post }, (request) => {
    const broker = door.brokerOf(request);
    const options = roomOf(door, request, request.query);
    return send(broker, { topic: request.params.topic, content: contentOf(request, broker), options });
  });

  const summary = 'Send one message or many in a transaction';
  const within = { summary, params: TransactionTopicPath, querystring: TransactionSendQuery, ...sending };
  routes.post('/transactions/:transaction/topics/:topic/messages', { schema: within }, async (request) => {
    const { topic, transaction: id } = request.params;
    const broker = door.brokerOf(request);
    const content = contentOf(request, broker);
    const transaction = await broker.findTransaction(id);
    return send(transaction, { topic, content, options: roomOf(door, request, request.query) });
  });

  addHalfRoute(routes, door);
}

function addHalfRoute(routes: Routes, door: Door): void {
  const half = {
    summary: 'Send a message that nobody sees until it is ended with "commit"',
    params: TopicPath,
    querystring: HalfQuery,
    headers: RawFields,
    body: MessageBodies,
    response: ok(HalfAnswer),
  };
  routes.post('/topics/:topic/halves', { schema: half }, (request) => {
    const broker = door.brokerOf(request);
    const content = contentOf(request, broker);
    if (!('one' in content)) throw invalidArgument('body', 'one message');
    const { producerGroup, checkAfterMs } = request.query;
    const room = roomOf(door, request, request.query);
    return broker.sendHalf(request.params.topic, content.one, { producerGroup, checkAfterMs, ...room });
  });
}

/** How long a send waits for room. One that was arriving when the server began to stop is served, but waits for nothing. */
function roomOf(
  door: Door,
  request: Sending,
  query: { readonly partition?: number; readonly timeoutMs?: number } & Partial<ProducerStamp>,
): SendOptions {
  const { partition } = query;
  const timeoutMs = checkInteger('timeoutMs', query.timeoutMs, SEND_TIMEOUT);
  const stamp = stampOf(query);
  const room = stamp === undefined ? { partition } : { partition, producer: stamp };
  return door.isDraining ? { ...room, timeoutMs: 0 } : { ...room, timeoutMs, signal: door.signalOf(request) };
}

/** A part of it is given on as it is: the broker says what is missing. */
function stampOf({ producerId, epoch, sequence }: Partial<ProducerStamp>): ProducerStamp | undefined {
  if (producerId === undefined && epoch === undefined && sequence === undefined) return undefined;
  return { producerId, epoch, sequence } as ProducerStamp;
}

function contentOf(request: Sending, { limits }: Broker): Content {
  const sent = request.body as Sent | undefined;
  if (sent === undefined) throw invalidArgument('body', 'one message or many');
  if (sent instanceof Uint8Array) return { one: decodeRawMessage(sent, request.headers) };
  if (isDecoded(sent)) return { many: sent };
  if (!('messages' in sent)) return { one: messageOf(sent, 'message') };
  checkMessageCount(sent.messages.length, limits.batchCountMax);
  return { many: sent.messages.map((message, index) => messageOf(message, `messages[${index}]`)) };
}

function send(
  sender: Pick<Broker, 'send' | 'sendBatch'>,
  { topic, content, options }: { topic: string; content: Content; options: SendOptions },
): Promise<Receipt | BatchReceipt> {
  return 'one' in content ? sender.send(topic, content.one, options) : sender.sendBatch(topic, content.many, options);
}

/** `Array.isArray` alone does not narrow a readonly array. */
function isDecoded(sent: Sent): sent is readonly Message[] {
  return Array.isArray(sent);
}
