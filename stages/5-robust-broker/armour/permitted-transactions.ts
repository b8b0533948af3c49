/**
 * The transactions of a permitted broker: each call asks for itself, and a transaction is found by who began it alone.
 *
 * Always true: an open transaction whose owner is not known is nobody's; how an ended one ended may be told to whoever has its
 * id, so that an answer that was lost can be had after a restart too.
 */
import type { Broker } from '../../../shared/contract/broker.ts';
import { MqError } from '../../../shared/contract/errors.ts';
import type { Transaction } from '../../../shared/contract/transaction.ts';
import { quote } from '../../../shared/contract/validation.ts';
import type { Operations } from './broker-view.ts';
import type { Principal } from './principal.ts';
import { asTopic, topicsOfRefs } from './topic-argument.ts';
import { transactionView } from './transaction-view.ts';

export function transacting(broker: Broker, principal: Principal): Partial<Operations> {
  const { transactions } = principal.belongings;
  return {
    begin: async (options) => {
      principal.checkAny('begin a transaction');
      const said = options?.transactionalId;
      const path = 'options.transactionalId';
      const own = said === undefined ? undefined : principal.ownName(path, said, broker.limits);
      const transaction = await broker.begin(own === undefined ? options : { ...options, transactionalId: own });
      transactions.set(transaction.id, principal.name);
      return permittedTransaction(transaction, principal);
    },
    findTransaction: async (id) => {
      principal.checkAny('look for a transaction');
      if (transactions.isAnothers(id, principal.name)) throw unknownTransaction(id);
      const transaction = await broker.findTransaction(id);
      if (transactions.of(id) !== principal.name) throw unknownTransaction(id);
      return permittedTransaction(transaction, principal);
    },
  };
}

function permittedTransaction(transaction: Transaction, principal: Principal): Transaction {
  return transactionView(transaction, {
    send: async (topic, message, options) => {
      principal.check(['publish'], asTopic(topic));
      return await transaction.send(topic, message, options);
    },
    sendBatch: async (topic, messages, options) => {
      principal.check(['publish'], asTopic(topic));
      return await transaction.sendBatch(topic, messages, options);
    },
    ack: async (deliveries) => {
      for (const topic of topicsOfRefs(deliveries)) principal.check(['consume'], topic);
      await transaction.ack(deliveries);
    },
    commitOffset: async (topic, options) => {
      principal.check(['consume'], asTopic(topic));
      principal.checkGroup(options?.group);
      await transaction.commitOffset(topic, options);
    },
  });
}

function unknownTransaction(id: unknown): MqError {
  return new MqError('MQ_UNKNOWN_TRANSACTION', `there is no transaction of yours with the id ${quote(String(id))}`);
}
