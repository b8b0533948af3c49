/**
 * How the last transactions ended (I6). Always true: at most `OUTCOMES_REMEMBERED_COUNT` are known, and what is said of one
 * never changes, but that an owner of its name came after it.
 */
import { MqError } from '../../../shared/contract/errors.ts';
import type { TransactionOutcome } from '../../../shared/contract/transaction.ts';
import { nameOf, type TransactionEpoch } from './marker.ts';

const OUTCOMES_REMEMBERED_COUNT = 65_536;

export class Outcomes {
  /** By name, oldest first. */
  readonly #outcomes = new Map<string, TransactionOutcome>();
  /** Names of those that were aborted for a newer owner. */
  readonly #fenced = new Set<string>();

  remember(transaction: TransactionEpoch, outcome: TransactionOutcome, { isFenced = false } = {}): void {
    const name = nameOf(transaction);
    if (!this.#outcomes.has(name)) this.#outcomes.set(name, outcome);
    if (isFenced) this.#fenced.add(name);
    for (const oldest of this.#outcomes.keys()) {
      if (this.#outcomes.size <= OUTCOMES_REMEMBERED_COUNT) return;
      this.#outcomes.delete(oldest);
      this.#fenced.delete(oldest);
    }
  }

  of(transaction: TransactionEpoch): TransactionOutcome | undefined {
    return this.#outcomes.get(nameOf(transaction));
  }

  /** What is answered to whoever wants something of a transaction that is not open. */
  errorFor(transaction: TransactionEpoch): MqError {
    const outcome = this.of(transaction);
    if (outcome === undefined) return unknownTransactionError();
    if (this.#fenced.has(nameOf(transaction))) {
      return new MqError('MQ_PRODUCER_FENCED', 'a newer owner of its name began another: the transaction was aborted');
    }
    return new MqError('MQ_TRANSACTION_ENDED', `the transaction is over: ${outcome}`, { details: { outcome } });
  }
}

export function unknownTransactionError(): MqError {
  return new MqError('MQ_UNKNOWN_TRANSACTION', 'no transaction has this id, or it ended long ago');
}
