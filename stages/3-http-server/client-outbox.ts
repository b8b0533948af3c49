/**
 * What a client sends: messages that were checked and have their ids, on their way to any route that takes messages.
 *
 *     send, sendBatch, the sends of a transaction, half messages --> Outbox --> Sender
 *
 * Always true (I10): a message has its id before its first request, unless a producer numbered it, and ids of one client
 * never meet those of another.
 */
import type { BatchReceipt, Message, Receipt } from '../../shared/contract/message.ts';
import { checkBatch, checkMessage } from '../../shared/contract/validation.ts';
import { checkBatchOptions, checkMessageOptions } from '../1-blocking-queue/checked-options.ts';
import type { Rules } from '../1-blocking-queue/rules.ts';
import { readBatchReceipt, readReceipt } from './client-answers.ts';
import { checkTimes } from './client-options.ts';
import { outgoing, type RoomOptions, type Sender } from './client-send.ts';
import type { Answer } from './exchange.ts';

export interface OutboxOptions {
  readonly rules: Rules;
  readonly sender: Sender;
  readonly instanceId: string;
}

export class Outbox {
  readonly #options: OutboxOptions;
  #idCount = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  async one(path: string, message: Message, room: RoomOptions): Promise<Receipt> {
    return readReceipt(await this.oneAs(path, message, room));
  }

  /** To a route that answers something of its own. */
  oneAs(path: string, message: Message, room: RoomOptions): Promise<Answer> {
    const { rules, sender } = this.#options;
    const checked = checkMessage('message', message, rules.limits);
    checkMessageOptions('message', message, rules);
    checkTimes(() => 'message', [message]);
    return sender.sendOne(path, outgoing(message, checked, this.#idsFor(room)), room);
  }

  async many(path: string, messages: readonly Message[], room: RoomOptions): Promise<BatchReceipt> {
    const { rules, sender } = this.#options;
    const checked = checkBatch('messages', messages, rules.limits);
    checkBatchOptions('messages', messages, rules);
    checkTimes((index) => `messages[${index}]`, messages);
    const nextId = this.#idsFor(room);
    const leaving = checked.map((content, index) => outgoing(messages[index] ?? content, content, nextId));
    return readBatchReceipt(await sender.sendMany(path, leaving, room));
  }

  /** What a producer numbered is known by its number: a repetition is answered with the id of the first time. */
  #idsFor({ isRepeatable = false }: RoomOptions): () => string | undefined {
    return isRepeatable ? () => undefined : this.#nextId;
  }

  readonly #nextId = (): string => {
    this.#idCount += 1;
    return `${this.#options.instanceId}-${this.#idCount}`;
  };
}
