/**
 * Sends of a client: what a message is on the wire, and what its answer means.
 *
 *     plain messages, broker with `raw-batches`     one batch of docs/format-log.md, encoded and compressed here
 *     all others                                    the binary format of docs/protocol-http.md
 *
 * Always true: a message has its id before it is first sent; ids of one client never meet those of another.
 */
import type { Clock } from '../../../../shared/clock.ts';
import type { SendOptions } from '../../../../shared/contract/broker.ts';
import type { Capability } from '../../../../shared/contract/capabilities.ts';
import { MqError } from '../../../../shared/contract/errors.ts';
import type { Limits } from '../../../../shared/contract/limits.ts';
import type { Message } from '../../../../shared/contract/message.ts';
import { type CheckedMessage, checkBatch, checkMessage } from '../../../../shared/contract/validation.ts';
import * as sending from '../../../1-blocking-queue/checked-options.ts';
import { encodeMessages } from '../../../3-http-server/message-codec.ts';
import type { Codec } from '../../compression.ts';
import { checkTimes } from '../../message-options.ts';
import { encodeBatch } from '../../record-batch.ts';
import { readSent, type SentAnswer } from './answers.ts';
import { expect } from './client-reading.ts';
import type { Request } from './connection.ts';
import { FRAME } from './frame.ts';
import { writeSend } from './requests.ts';

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
  /** In the order of the messages. */
  readonly ids: readonly string[];
}

interface Where {
  readonly topic: string;
  readonly options: SendOptions | undefined;
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

  one(topic: string, message: Message, options: SendOptions | undefined): Outgoing {
    const checked = checkMessage('message', message, this.#options.limits);
    sending.checkMessageOptions('message', message, this.#options);
    return this.#outgoing([message], [checked], { topic, options, isSingle: true });
  }

  many(topic: string, messages: readonly Message[], options: SendOptions | undefined): Outgoing {
    const checked = checkBatch('messages', messages, this.#options.limits);
    sending.checkBatchOptions('messages', messages, this.#options);
    return this.#outgoing(messages, checked, { topic, options, isSingle: false });
  }

  /** A batch that came encoded. */
  encoded(topic: string, batch: Uint8Array, options: SendOptions | undefined): Request<SentAnswer> {
    return this.#request(batch, { topic, options, isSingle: false }, true);
  }

  #outgoing(messages: readonly Message[], contents: readonly CheckedMessage[], where: Where): Outgoing {
    const path = where.isSingle ? 'message' : 'messages';
    const timed = checkTimes(path, messages, { contents, now: this.#options.clock.now() });
    const firstIdNumber = this.#idCount + 1;
    this.#idCount += messages.length;
    const ids = contents.map(({ id }, index) => id ?? `${this.#idPrefix}${firstIdNumber + index}`);
    const isBatch = this.#options.capabilities.has('raw-batches') && !messages.some(isDelayed);
    if (isBatch) {
      const plain = timed.map(({ content, priority, ttlMs }) =>
        priority === 0 && ttlMs === undefined ? content : { ...content, priority, ttlMs },
      );
      const { codec } = this.#options;
      const bytes = encodeBatch(plain, { codec, idPrefix: this.#idPrefix, firstIdNumber });
      return { ids, request: this.#request(bytes, where, true) };
    }
    const entries = contents.map(({ body, key, headers }, index) => {
      const { delayMs, deliverAt, ttlMs, priority } = messages[index] as Message;
      return { body, key, headers, id: ids[index] as string, delayMs, deliverAt, ttlMs, priority };
    });
    return { ids, request: this.#request(encodeMessages(entries), where, false) };
  }

  #request(bytes: Uint8Array, { topic, options, isSingle }: Where, isBatch: boolean): Request<SentAnswer> {
    if (bytes.length + AROUND_BYTES > this.#options.frameBytesMax) {
      const code = isSingle ? 'MQ_MESSAGE_TOO_LARGE' : 'MQ_BATCH_TOO_LARGE';
      throw new MqError(code, `${bytes.length} bytes do not fit into a frame of the server`);
    }
    const { timeoutMs, signal } = sending.checkSendOptions(options, this.#options);
    const partition = options?.partition;
    const isCancellable = signal !== undefined;
    const sent = { topic, partition, timeoutMs, isCancellable, isSingle, isBatch, wantsIds: false, bytes };
    return { write: (out, id) => writeSend(out, id, sent), read: readAnswer, bytes: bytes.length, signal };
  }
}

function readAnswer(type: number, content: Uint8Array): SentAnswer {
  expect(type, FRAME.sent);
  return readSent(content);
}

function isDelayed({ delayMs, deliverAt }: Message): boolean {
  return delayMs !== undefined || deliverAt !== undefined;
}
