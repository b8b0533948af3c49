/**
 * Ends a transaction over a wire that can lose the answer.
 *
 *     end --answer lost--> find --it ended so--> done
 *                           |  \--it ended otherwise--> MQ_TRANSACTION_ENDED
 *                           \--it is open--> end again
 *
 * Always true: it resolves only when the broker said that the transaction ended as it was to end; when nobody can be asked any
 * more it rejects with the loss itself, which leaves open what happened. Pure but for the calls it is given.
 */
import { isMqError, type MqError } from '../../shared/contract/errors.ts';
import type { TransactionOutcome } from '../../shared/contract/transaction.ts';

const ATTEMPTS_MAX = 4;

export interface Ending {
  readonly outcome: TransactionOutcome;
  /** Asks for the end. */
  readonly end: () => Promise<void>;
  /** Resolves when it is open still; else rejects as `findTransaction` does. */
  readonly find: () => Promise<unknown>;
}

export async function endSurely({ outcome, end, find }: Ending): Promise<void> {
  let lost: MqError | undefined;
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    try {
      // After a loss nothing is done before it is known what became of it.
      if (lost !== undefined) await find();
      await end();
      return;
    } catch (error) {
      if (!isMqError(error)) throw error;
      if (lost !== undefined && isMqError(error, 'MQ_TRANSACTION_ENDED') && error.details.outcome === outcome) return;
      if (isLoss(error)) lost ??= error;
      // Unknown after a loss: it ended, and so long ago that nobody knows how.
      else if (lost === undefined || !isNowhere(error)) throw error;
      else throw lost;
    }
  }
  throw lost;
}

function isLoss(error: MqError): boolean {
  return error.code === 'MQ_CONNECTION_LOST' || error.code === 'MQ_TIMEOUT';
}

/** Nobody can say any more what happened. */
function isNowhere(error: MqError): boolean {
  return ['MQ_UNKNOWN_TRANSACTION', 'MQ_UNREACHABLE', 'MQ_CLOSED'].includes(error.code);
}
