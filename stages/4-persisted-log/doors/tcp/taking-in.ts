/**
 * From the frame of a send to a broker: a batch as it came where the broker takes those, else its messages.
 *
 * Always true: what the broker is given is its own: the memory of the frame where that is nobody else's, or a copy that is
 * made before anything is waited for, since the frame's bytes may change then; a batch is looked into only when the broker
 * cannot take it whole, and then all of it is checked first.
 */
import type { Broker, SendOptions } from '../../../../shared/contract/broker.ts';
import type { Message } from '../../../../shared/contract/message.ts';
import type { Transaction } from '../../../../shared/contract/transaction.ts';
import { invalidArgument } from '../../../../shared/contract/validation.ts';
import { decodeMessages } from '../../../3-http-server/message-codec.ts';
import { checkContent } from '../../bytes/batch-check.ts';
import { copyOf } from '../../bytes/small-bytes.ts';
import { StoredBatch } from '../../bytes/stored-batch.ts';
import type { SentAnswer } from './answers.ts';
import type { SendRequest } from './requests.ts';

export interface TakeInOptions {
  readonly signal: AbortSignal;
  /** Finds the transaction it is sent in, which takes messages only. */
  readonly within: (() => Promise<Transaction>) | undefined;
  /** True: `request.bytes` may be kept. Else they are valid until the first pause. */
  readonly isOwn: boolean;
}

export async function takeIn(
  broker: Broker,
  request: SendRequest,
  { signal, within, isOwn }: TakeInOptions,
): Promise<SentAnswer> {
  const { topic, partition, timeoutMs, producer } = request;
  const room = { partition, timeoutMs, signal };
  const options: SendOptions = producer === undefined ? room : { ...room, producer };
  const isWhole = within === undefined && request.isBatch && broker.capabilities.has('raw-batches');
  if (isWhole && broker.appendBatch !== undefined) {
    const batch = isOwn ? plain(request.bytes) : copyOf(request.bytes);
    const receipt = await broker.appendBatch(topic, batch, { ...options, isGiven: true });
    return { ...receipt, deliverAt: undefined, ids: [] };
  }
  const own = isOwn ? plain(request.bytes) : new Uint8Array(request.bytes);
  const messages = request.isBatch ? messagesIn(own, broker) : messagesOf(own, broker);
  const sender = within === undefined ? broker : await within();
  if (request.isSingle) return sendOne(sender, request, messages, options);
  const receipt = await sender.sendBatch(topic, messages, options);
  // Of what was there before the sender knows no ids: they are those of the first time.
  return { ...receipt, deliverAt: undefined, ids: request.wantsIds || receipt.isDuplicate ? receipt.ids : [] };
}

/** The same memory, as an array whose parts are no Buffers: bodies are none. */
function plain({ buffer, byteOffset, length }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length);
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
