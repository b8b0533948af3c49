/**
 * Producers and transactions of a client: a Transaction here is the one at the broker, reached by its id.
 *
 *     begin --> frame `begin`      transaction.send --> frame `send` with its id      commit, abort --> frame `end`
 *
 * Always true: a commit or abort whose answer was lost is asked about, on the next connection, until it is known; nothing else
 * of a transaction is repeated when its answer is lost. One without a name ends with the connection it was begun on. The
 * client hands these operations out as its own.
 */
import type { Broker } from '../../../../shared/contract/broker.ts';
import { abortedError } from '../../../../shared/contract/errors.ts';
import type { BatchReceipt, DeliveryRef, Message, Receipt } from '../../../../shared/contract/message.ts';
import type { ProducerIdentity } from '../../../../shared/contract/producer.ts';
import type {
  CommitOffsetOptions,
  Transaction,
  TransactionOutcome,
  TransactionSendOptions,
} from '../../../../shared/contract/transaction.ts';
import type { ClientRules } from '../../../3-http-server/client-rules.ts';
import * as checks from '../../../3-http-server/later-options.ts';
import { endSurely } from '../../../3-http-server/transaction-end.ts';
import { ackRequestsOf, askAll, checkDeliveries } from './client-ack.ts';
import { type ClientCalls, readDone } from './client-calls.ts';
import { expect } from './client-reading.ts';
import { batchReceiptOf, type Outbox, receiptOf } from './client-sending.ts';
import { refuse } from './fields-reader.ts';
import { FRAME } from './frame.ts';
import { writeAck } from './requests.ts';
import { readBegun, writeBegin, writeEnd } from './transaction-frames.ts';

export interface ClientTransactionsParts {
  readonly rules: ClientRules;
  readonly calls: ClientCalls;
  readonly outbox: Outbox;
}

export class ClientTransactions {
  readonly #parts: ClientTransactionsParts;

  constructor(parts: ClientTransactionsParts) {
    this.#parts = parts;
  }

  readonly openProducer: Broker['openProducer'] = async (options) => {
    const { rules, calls } = this.#parts;
    rules.need('idempotence', 'openProducer');
    const opened = await calls.callForObject('openProducer', checks.checkProducerOptions(options, rules));
    return (opened ?? refuse('the producer', 'is not there')) as ProducerIdentity;
  };

  readonly begin: Broker['begin'] = async (options) => {
    const { rules, calls } = this.#parts;
    rules.need('transactions', 'begin');
    const { timeoutMs, transactionalId, signal } = checks.checkBeginOptions(options, rules);
    const request = { timeoutMs, transactionalId, isCancellable: signal !== undefined };
    const id = await calls.request({
      write: (out, number) => writeBegin(out, number, request),
      read: (type, content) => {
        expect(type, FRAME.begun);
        return readBegun(content);
      },
      signal,
    });
    const transaction = new TcpTransaction(id, this.#parts);
    if (signal === undefined || !signal.aborted) return transaction;
    // It came for somebody who had gone: when this does not reach the broker, its time-out does.
    await transaction.abort().catch(() => undefined);
    throw abortedError(signal);
  };

  readonly findTransaction: Broker['findTransaction'] = async (id) => {
    const { rules, calls } = this.#parts;
    rules.need('transactions', 'findTransaction');
    const found = await calls.callForObject('findTransaction', checks.checkText('id', id));
    const isNamed = found !== null && 'id' in found && typeof found.id === 'string';
    return new TcpTransaction(isNamed ? (found.id as string) : refuse('the transaction', 'has no id'), this.#parts);
  };
}

class TcpTransaction implements Transaction {
  readonly id: string;
  readonly #parts: ClientTransactionsParts;

  constructor(id: string, parts: ClientTransactionsParts) {
    this.id = id;
    this.#parts = parts;
  }

  async send(topic: string, message: Message, options?: TransactionSendOptions): Promise<Receipt> {
    const { name, calls, outbox } = this.#sending(topic, options);
    const { request, ids } = outbox.one(name, message, options, this.id);
    return receiptOf(name, await calls.request(request), ids);
  }

  async sendBatch(
    topic: string,
    messages: readonly Message[],
    options?: TransactionSendOptions,
  ): Promise<BatchReceipt> {
    const { name, calls, outbox } = this.#sending(topic, options);
    const { request, ids } = outbox.many(name, messages, options, this.id);
    return batchReceiptOf(name, await calls.request(request), ids);
  }

  async ack(deliveries: readonly DeliveryRef[]): Promise<void> {
    const { rules, calls } = this.#parts;
    rules.need('transactions', 'ack');
    const requests = ackRequestsOf(checkDeliveries(deliveries, rules), false);
    await askAll(requests, (request) => {
      const within = { ...request, transaction: this.id };
      return calls.request({ write: (out, id) => writeAck(out, id, within), read: readDone });
    });
  }

  async commitOffset(topic: string, options: CommitOffsetOptions): Promise<void> {
    const { rules, calls } = this.#parts;
    rules.need('transactions', 'commitOffset');
    const position = checks.checkCommitOffset(options, rules);
    await calls.call('commitOffset', this.id, rules.nameOf(topic), position);
  }

  commit(): Promise<void> {
    return this.#end('committed');
  }

  abort(): Promise<void> {
    return this.#end('aborted');
  }

  async #end(outcome: TransactionOutcome): Promise<void> {
    const { rules, calls } = this.#parts;
    rules.need('transactions', outcome === 'committed' ? 'commit' : 'abort');
    const request = { transaction: this.id, outcome };
    await endSurely({
      outcome,
      end: () => calls.request({ write: (out, id) => writeEnd(out, id, request), read: readDone }),
      find: () => calls.call('findTransaction', this.id),
    });
  }

  #sending(topic: string, options: TransactionSendOptions | undefined) {
    const { rules, calls, outbox } = this.#parts;
    rules.need('transactions', 'send');
    checks.checkTransactionSend(options, rules);
    return { name: rules.nameOf(topic), calls, outbox };
  }
}
