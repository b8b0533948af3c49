/**
 * The end of a transaction in a partition: a batch with one record, which no reader gets. docs/format-log.md has the bytes.
 *
 *     [ batch of 7-3 ][ of somebody else ][ of 7-3 ][ marker of 7-3: committed ]
 *
 * Pure.
 */
import type { TransactionOutcome } from '../../../shared/contract/transaction.ts';
import { encodeBatch, OF_BATCH } from '../../4-persisted-log/bytes/record-batch.ts';
import { StoredBatch } from '../../4-persisted-log/bytes/stored-batch.ts';

/** Each transaction has an epoch of its own: the two name it for ever. */
export interface TransactionEpoch {
  readonly producerId: number;
  readonly epoch: number;
}

const COMMITTED = 1;
const ABORTED = 0;

/** What a transaction is called here; callers have its id. */
export function nameOf({ producerId, epoch }: TransactionEpoch): string {
  return `${producerId}-${epoch}`;
}

export function markerBatch({ producerId, epoch }: TransactionEpoch, outcome: TransactionOutcome): Uint8Array {
  const body = Uint8Array.of(outcome === 'committed' ? COMMITTED : ABORTED);
  const sender = { producerId, epoch, flags: OF_BATCH };
  return encodeBatch([{ body }], { idPrefix: '', firstIdNumber: 0, sender });
}

/** What a marker says; its placement may be empty. */
export function outcomeIn(marker: Uint8Array): TransactionOutcome {
  const batch = new StoredBatch(marker);
  return batch.recordAt(batch.baseOffset).body[0] === COMMITTED ? 'committed' : 'aborted';
}
