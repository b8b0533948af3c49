/**
 * Producers and transactions of a client: a Transaction here is the one at the broker, reached by its id.
 *
 *     begin --> POST /transactions {id}      transaction.send --> POST /transactions/{id}/topics/{topic}/messages
 *
 * Always true: a commit or abort whose answer was lost is asked about until it is known; nothing else of a transaction is
 * repeated when its answer is lost, and then the caller aborts. The client hands these operations out as its own.
 */
import type { Broker } from '../../shared/contract/broker.ts';
import type { DeliveryRef, Message } from '../../shared/contract/message.ts';
import type { Transaction, TransactionOutcome, TransactionSendOptions } from '../../shared/contract/transaction.ts';
import { checkOptions } from '../../shared/contract/validation.ts';
import * as reading from '../2-ring-buffer/reading-options.ts';
import { refOf } from './client-ack.ts';
import * as answers from './client-answers.ts';
import { nameOf } from './client-options.ts';
import type { Outbox } from './client-outbox.ts';
import { DONE, type Requests, SAFE_DONE } from './client-requests.ts';
import type { ClientRules } from './client-rules.ts';
import type { RoomOptions } from './client-send.ts';
import * as checks from './later-options.ts';
import { endSurely } from './transaction-end.ts';
import { pathOf } from './wire.ts';

export interface ClientTransactionsParts {
  readonly rules: ClientRules;
  readonly requests: Requests;
  readonly outbox: Outbox;
}

export class ClientTransactions {
  readonly #parts: ClientTransactionsParts;

  constructor(parts: ClientTransactionsParts) {
    this.#parts = parts;
  }

  readonly openProducer: Broker['openProducer'] = async (options) => {
    const { rules, requests } = this.#parts;
    rules.need('idempotence', 'openProducer');
    const body = checks.checkProducerOptions(options, rules);
    return answers.readProducer(await requests.post(pathOf('producers'), body, {}));
  };

  readonly begin: Broker['begin'] = async (options) => {
    const { rules, requests } = this.#parts;
    rules.need('transactions', 'begin');
    const { signal, ...body } = checks.checkBeginOptions(options, rules);
    const answer = await requests.post(pathOf('transactions'), body, { signal });
    return new HttpTransaction(answers.readTransactionId(answer), this.#parts);
  };

  readonly findTransaction: Broker['findTransaction'] = async (id) => {
    const { rules, requests } = this.#parts;
    rules.need('transactions', 'findTransaction');
    const path = pathOf('transactions', checks.checkText('id', id));
    return new HttpTransaction(answers.readTransactionId(await requests.get(path)), this.#parts);
  };
}

class HttpTransaction implements Transaction {
  readonly id: string;
  readonly #parts: ClientTransactionsParts;

  constructor(id: string, parts: ClientTransactionsParts) {
    this.id = id;
    this.#parts = parts;
  }

  async send(topic: string, message: Message, options?: TransactionSendOptions) {
    const { path, room } = this.#place(topic, options);
    return this.#parts.outbox.one(path, message, room);
  }

  async sendBatch(topic: string, messages: readonly Message[], options?: TransactionSendOptions) {
    const { path, room } = this.#place(topic, options);
    return this.#parts.outbox.many(path, messages, room);
  }

  async ack(deliveries: readonly DeliveryRef[]): Promise<void> {
    const { rules, requests } = this.#parts;
    rules.need('lease', 'ack');
    reading.checkRefs(deliveries, rules);
    const refs = deliveries.map((delivery) => ({ topic: delivery.topic, ...refOf(delivery) }));
    await requests.post(this.#path('acks'), { deliveries: refs }, DONE);
  }

  async commitOffset(topic: string, options: Parameters<Transaction['commitOffset']>[1]): Promise<void> {
    const { rules, requests } = this.#parts;
    rules.need('offsets', 'commitOffset');
    const name = nameOf('topic', topic, rules.limits);
    const position = checks.checkCommitOffset(options, rules);
    await requests.post(this.#path('offsets'), { topic: name, ...position }, SAFE_DONE);
  }

  commit(): Promise<void> {
    return this.#end('commit', 'committed');
  }

  abort(): Promise<void> {
    return this.#end('abort', 'aborted');
  }

  async #end(how: 'commit' | 'abort', outcome: TransactionOutcome): Promise<void> {
    const { rules, requests } = this.#parts;
    rules.need('transactions', how);
    await endSurely({
      outcome,
      end: async () => {
        await requests.post(this.#path(how), {}, DONE);
      },
      find: () => requests.get(this.#path()),
    });
  }

  #place(topic: string, options: TransactionSendOptions | undefined): { path: string; room: RoomOptions } {
    const { rules } = this.#parts;
    rules.need('transactions', 'send');
    const path = this.#path('topics', nameOf('topic', topic, rules.limits), 'messages');
    checkOptions('options', options, ['partition', 'signal', 'timeoutMs']);
    const { signal, timeoutMs } = checks.checkTransactionSend(options, rules);
    return { path, room: { partition: options?.partition, signal, timeoutMs } };
  }

  #path(...parts: string[]): string {
    return pathOf('transactions', this.id, ...parts);
  }
}
