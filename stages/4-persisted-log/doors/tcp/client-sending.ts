/**
 * Sends of a client: what a message is on the wire, and what its answer means.
 *
 *     plain messages, broker with `raw-batches`     one batch of docs/format-log.md, encoded and compressed here
 *     all others                                    the binary format of docs/protocol-http.md
 *
 * Always true: a message has its id before it is first sent, unless a producer numbered it; ids of one client never meet those
 * of another.
 */
import type { Clock } from '../../../../shared/clock.ts';
import type { SendOptions } from '../../../../shared/contract/broker.ts';
import type { Capability } from '../../../../shared/contract/capabilities.ts';
import { MqError } from '../../../../shared/contract/errors.ts';
import type { Limits } from '../../../../shared/contract/limits.ts';
import type { BatchReceipt, Message, Receipt } from '../../../../shared/contract/message.ts';
import {
  type CheckedMessage,
  checkBatchToEncode,
  checkMessageToEncode,
} from '../../../../shared/contract/validation.ts';
import * as sending from '../../../1-blocking-queue/checked-options.ts';
import { checkProducer } from '../../../1-blocking-queue/routing-options.ts';
import { encodeMessages } from '../../../3-http-server/message-codec.ts';
import type { Codec } from '../../bytes/compression.ts';
import { type NumberedIds, numberedIdsOf } from '../../bytes/numbered-ids.ts';
import type { EncodableMessage } from '../../bytes/record.ts';
import { encodeBatch } from '../../bytes/record-batch.ts';
import { checkTimes } from '../../message-options.ts';
import { readSent, type SentAnswer } from './answers.ts';
import { expect } from './client-reading.ts';
import type { Request } from './connection.ts';
import { FRAME } from './frame.ts';
import { writeSend } from './requests.ts';
import { freeWhenLeft } from './spent-bytes.ts';

/** Of a frame besides the messages: its head, fields and topic. */
const AROUND_BYTES = 1024;

export interface OutboxOptions {
  readonly capabilities: ReadonlySet<Capability>;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly instanceId: string;
  readonly codec: Codec;
  /** Longest frame the server takes. */
  readonly frameBytesMax: number;
}

/** A send that can leave. */
export interface Outgoing {
  readonly request: Request<SentAnswer>;
  /** In the order of the messages; made when somebody asks. */
  readonly ids: () => readonly string[];
}

/** What a send was answered. */
export function receiptOf(topic: string, answer: SentAnswer, ids: Outgoing['ids']): Receipt {
  const { partition, baseOffset: offset, durability, deliverAt, isDuplicate } = answer;
  const receipt = { topic, partition, offset, id: answer.ids[0] ?? ids()[0] ?? '', durability };
  if (deliverAt === undefined && isDuplicate !== true) return receipt;
  return {
    ...receipt,
    ...(deliverAt === undefined ? undefined : { deliverAt }),
    ...(isDuplicate ? { isDuplicate } : undefined),
  };
}

/** Ids are made when they are looked at: most receipts are thrown away as they come, and texts take their time. */
export function batchReceiptOf(topic: string, answer: SentAnswer, ids: Outgoing['ids']): BatchReceipt {
  const { partition, baseOffset, count, durability } = answer;
  let made: readonly string[] | undefined;
  return {
    topic,
    partition,
    baseOffset,
    count,
    get ids() {
      made ??= answer.ids.length > 0 ? answer.ids : ids();
      return made;
    },
    durability,
    ...(answer.isDuplicate ? { isDuplicate: true } : undefined),
  };
}

interface Where {
  readonly topic: string;
  readonly options: SendOptions | undefined;
  readonly transaction: string | undefined;
  readonly isSingle: boolean;
}

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #idPrefix: string;
  #idCount = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#idPrefix = `${options.instanceId}-`;
  }

  /** `transaction`: the id of the one it is sent in. */
  one(topic: string, message: Message, options: SendOptions | undefined, transaction?: string): Outgoing {
    const checked = checkMessageToEncode('message', message, this.#options.limits);
    sending.checkMessageOptions('message', message, this.#options);
    return this.#outgoing([message], [checked], { topic, options, transaction, isSingle: true });
  }

  many(topic: string, messages: readonly Message[], options: SendOptions | undefined, transaction?: string): Outgoing {
    const checked = checkBatchToEncode('messages', messages, this.#options.limits);
    sending.checkBatchOptions('messages', messages, this.#options);
    return this.#outgoing(messages, checked, { topic, options, transaction, isSingle: false });
  }

  /** For a message that travels in a call. */
  nextId(): string {
    this.#idCount += 1;
    return `${this.#idPrefix}${this.#idCount}`;
  }

  /** A batch that came encoded. */
  encoded(topic: string, batch: Uint8Array, options: SendOptions | undefined): Request<SentAnswer> {
    return this.#request(batch, { topic, options, transaction: undefined, isSingle: false }, true);
  }

  #outgoing(messages: readonly Message[], contents: readonly CheckedMessage[], where: Where): Outgoing {
    const numbered = numberedIdsOf(contents);
    const { idPrefix, firstIdNumber } = numbered ?? { idPrefix: this.#idPrefix, firstIdNumber: this.#idCount + 1 };
    const isNumbered = numbered !== undefined;
    const ids = isNumbered ? countingOn(numbered, messages.length) : idsOf(contents, { idPrefix, firstIdNumber });
    const encodable = this.#encodable(messages, contents, where);
    this.#idCount += messages.length;
    // A batch that carries a producer's numbers, or a transaction's, the broker makes itself.
    const isOwn = where.transaction === undefined && where.options?.producer === undefined;
    if (isOwn && this.#options.capabilities.has('raw-batches') && !messages.some(isDelayed)) {
      const { codec } = this.#options;
      const bytes = encodeBatch(encodable, { codec, idPrefix, firstIdNumber, isNumbered });
      freeWhenLeft(bytes);
      return { ids, request: this.#request(bytes, where, true) };
    }
    // What a producer numbered is known by its number, and a repetition has the ids of the first time: the broker says which.
    const own = where.options?.producer === undefined ? ids() : contents.map(({ id }) => id);
    const entries = contents.map(({ body, key, headers }, index) => {
      const { delayMs, deliverAt, ttlMs, priority } = messages[index] as Message;
      return { body, key, headers, id: own[index], delayMs, deliverAt, ttlMs, priority };
    });
    const bytes = encodeMessages(entries);
    freeWhenLeft(bytes);
    return { ids, request: this.#request(bytes, where, false) };
  }

  /** With times and priorities where there are any, checked. */
  #encodable(
    messages: readonly Message[],
    contents: readonly CheckedMessage[],
    { isSingle }: Where,
  ): readonly EncodableMessage[] {
    if (messages.every(isPlain)) return contents;
    const { clock } = this.#options;
    return checkTimes(isSingle ? 'message' : 'messages', messages, { contents, clock }).map(
      ({ content, priority, ttlMs }) => ({ ...content, priority, ttlMs }),
    );
  }

  #request(bytes: Uint8Array, { topic, options, transaction, isSingle }: Where, isBatch: boolean): Request<SentAnswer> {
    if (bytes.length + AROUND_BYTES > this.#options.frameBytesMax) {
      const code = isSingle ? 'MQ_MESSAGE_TOO_LARGE' : 'MQ_BATCH_TOO_LARGE';
      throw new MqError(code, `${bytes.length} bytes do not fit into a frame of the server`);
    }
    const { timeoutMs, signal } = sending.checkSendOptions(options, this.#options);
    const partition = options?.partition;
    const producer = checkProducer('options.producer', options?.producer, this.#options);
    const isCancellable = signal !== undefined;
    const flags = { isCancellable, isSingle, isBatch, wantsIds: producer !== undefined };
    const sent = { topic, partition, timeoutMs, ...flags, transaction, producer, bytes };
    return { write: (out, id) => writeSend(out, id, sent), read: readAnswer, bytes: bytes.length, signal };
  }
}

function readAnswer(type: number, content: Uint8Array): SentAnswer {
  expect(type, FRAME.sent);
  return readSent(content);
}

function idsOf(contents: readonly CheckedMessage[], numbers: NumberedIds): () => readonly string[] {
  if (contents.every(({ id }) => id === undefined)) return countingOn(numbers, contents.length);
  const made = contents.map(({ id }, index) => id ?? `${numbers.idPrefix}${numbers.firstIdNumber + index}`);
  return () => made;
}

/** Nothing of the messages is kept to make them later. */
function countingOn({ idPrefix, firstIdNumber }: NumberedIds, length: number): () => readonly string[] {
  return () => Array.from({ length }, (_, index) => `${idPrefix}${firstIdNumber + index}`);
}

function isPlain({ delayMs, deliverAt, ttlMs, priority }: Message): boolean {
  return delayMs === undefined && deliverAt === undefined && ttlMs === undefined && priority === undefined;
}

function isDelayed({ delayMs, deliverAt }: Message): boolean {
  return delayMs !== undefined || deliverAt !== undefined;
}
