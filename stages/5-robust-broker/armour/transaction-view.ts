/** A Transaction seen through something: what `changes` has is its own, everything else is the transaction's. */
import type { Transaction } from '../../../shared/contract/transaction.ts';

export function transactionView(transaction: Transaction, changes: Partial<Transaction>): Transaction {
  return {
    id: transaction.id,
    send: (topic, message, options) => transaction.send(topic, message, options),
    sendBatch: (topic, messages, options) => transaction.sendBatch(topic, messages, options),
    ack: (deliveries) => transaction.ack(deliveries),
    commitOffset: (topic, options) => transaction.commitOffset(topic, options),
    commit: () => transaction.commit(),
    abort: () => transaction.abort(),
    ...changes,
  };
}
