/**
 * From the frame of a send to a broker: a batch as it came where the broker takes those, else its messages.
 *
 * Always true: `request.bytes` are read before the call returns, and may change then; the messages a broker is given it may
 * keep; a batch is looked into only when the broker cannot take it whole, and then all of it is checked first.
 */
import type { Broker, SendOptions } from '../../../../shared/contract/broker.ts';
import type { Message } from '../../../../shared/contract/message.ts';
import type { Transaction } from '../../../../shared/contract/transaction.ts';
import { invalidArgument } from '../../../../shared/contract/validation.ts';
import { decodeMessages } from '../../../3-http-server/message-codec.ts';
import { checkContent } from '../../bytes/batch-check.ts';
import { StoredBatch } from '../../bytes/stored-batch.ts';
import type { SentAnswer } from './answers.ts';
import type { SendRequest } from './requests.ts';

/** `sender` is the broker, or a transaction of it, which takes messages only. */
export async function takeIn(
  sender: Broker | Transaction,
  request: SendRequest,
  { signal, broker }: { readonly signal: AbortSignal; readonly broker: Broker },
): Promise<SentAnswer> {
  const { topic, partition, timeoutMs, producer } = request;
  const room = { partition, timeoutMs, signal };
  const options: SendOptions = producer === undefined ? room : { ...room, producer };
  const isWhole =
    sender === broker && request.isBatch && broker.appendBatch !== undefined && broker.capabilities.has('raw-batches');
  if (isWhole && broker.appendBatch !== undefined) {
    const receipt = await broker.appendBatch(topic, request.bytes, options);
    return { ...receipt, deliverAt: undefined, ids: [] };
  }
  const own = new Uint8Array(request.bytes);
  const messages = request.isBatch ? messagesIn(own, broker) : messagesOf(own, broker);
  if (request.isSingle) return sendOne(sender, request, messages, options);
  const receipt = await sender.sendBatch(topic, messages, options);
  // Of what was there before the sender knows no ids: they are those of the first time.
  return { ...receipt, deliverAt: undefined, ids: request.wantsIds || receipt.isDuplicate ? receipt.ids : [] };
}

async function sendOne(
  sender: Pick<Broker, 'send'>,
  { topic, wantsIds }: SendRequest,
  messages: readonly Message[],
  options: SendOptions,
): Promise<SentAnswer> {
  const [message] = messages;
  if (message === undefined || messages.length > 1) throw invalidArgument('messages', 'one message', messages.length);
  const { offset, id, ...receipt } = await sender.send(topic, message, options);
  const { partition, durability, deliverAt, isDuplicate } = receipt;
  return {
    partition,
    baseOffset: offset,
    count: 1,
    durability,
    deliverAt,
    ids: wantsIds || isDuplicate ? [id] : [],
    isDuplicate,
  };
}

function messagesOf(bytes: Uint8Array, { limits }: Broker): Message[] {
  return decodeMessages(bytes, { countMax: limits.batchCountMax });
}

function messagesIn(bytes: Uint8Array, { limits }: Broker): Message[] {
  const { count } = checkContent(bytes, limits);
  const batch = new StoredBatch(bytes);
  return Array.from({ length: count }, (_, index) => {
    const { body, key, headers, id, priority, expiresAt, timestamp } = batch.recordAt(batch.baseOffset + index);
    return {
      body,
      key,
      headers,
      id,
      ...(priority === 0 ? undefined : { priority }),
      ...(expiresAt === undefined ? undefined : { ttlMs: expiresAt - timestamp }),
    };
  });
}
