/**
 * How the last transactions ended, by id. Always true: at most `OUTCOMES_REMEMBERED_COUNT` are known, and what is said of one
 * never changes, but that an owner of its name came after it.
 */
import { MqError } from '../../../shared/contract/errors.ts';
import type { TransactionOutcome } from '../../../shared/contract/transaction.ts';

const OUTCOMES_REMEMBERED_COUNT = 65_536;

export class Outcomes {
  /** Oldest first. */
  readonly #byId = new Map<string, TransactionOutcome>();
  /** Aborted for a newer owner of their name. */
  readonly #fenced = new Set<string>();

  remember(id: string, outcome: TransactionOutcome, { isFenced = false } = {}): void {
    if (!this.#byId.has(id)) this.#byId.set(id, outcome);
    if (isFenced) this.#fenced.add(id);
    for (const oldest of this.#byId.keys()) {
      if (this.#byId.size <= OUTCOMES_REMEMBERED_COUNT) return;
      this.#byId.delete(oldest);
      this.#fenced.delete(oldest);
    }
  }

  of(id: string): TransactionOutcome | undefined {
    return this.#byId.get(id);
  }

  /** What is answered to whoever wants something of a transaction that is not open. */
  errorFor(id: string): MqError {
    const outcome = this.#byId.get(id);
    if (outcome === undefined)
      return new MqError('MQ_UNKNOWN_TRANSACTION', `no transaction has the id ${id}, or it ended long ago`);
    if (this.#fenced.has(id)) {
      return new MqError(
        'MQ_PRODUCER_FENCED',
        `a newer owner of its name began another: transaction ${id} was aborted`,
      );
    }
    return new MqError('MQ_TRANSACTION_ENDED', `transaction ${id} is over: ${outcome}`, { details: { outcome } });
  }
}
