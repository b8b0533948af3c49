/**
 * What `explain` tells of a message that was sent in a transaction: that it was, and how and when that ended.
 *
 *     [ batch of 7-3: the message ] ... [ marker of 7-3: committed ]     looked for behind it, when somebody asks
 *
 * Always true: nothing is kept for it, so it is known as far back as the log goes; changes nothing. Used by the spine.
 */
import type { Explanation, MessageEvent } from '../../../shared/contract/explanation.ts';
import { senderOf } from '../../4-persisted-log/bytes/record-batch.ts';
import { batchFrom } from '../../4-persisted-log/log-reading.ts';
import type { Partition } from '../../4-persisted-log/partition.ts';
import type { Topic } from '../../4-persisted-log/topic.ts';
import { nameOf, outcomeIn, type TransactionEpoch } from '../transactions/marker.ts';

/** The same story with the transaction in it. */
export async function withTransaction(topic: Topic, explanation: Explanation | null): Promise<Explanation | null> {
  if (explanation?.offset == null) return explanation;
  const partition = topic.partition(explanation.partition);
  const transaction = await transactionOf(partition, explanation.offset);
  if (transaction === undefined) return explanation;
  const end = await endOf(partition, { transaction, from: explanation.offset });
  const reason = `in transaction ${nameOf(transaction)}${end === undefined ? ', which is open' : ''}`;
  const events = explanation.events.map((event) => (event.what === 'accepted' ? { ...event, reason } : event));
  if (end !== undefined) events.push(end);
  return { ...explanation, events: events.toSorted((one, other) => one.at - other.at) };
}

/** A number of its own has who sends outside of one. */
async function transactionOf({ log }: Partition, offset: number): Promise<TransactionEpoch | undefined> {
  const batch = await batchFrom(log, offset);
  const sender = batch === undefined ? undefined : senderOf(batch.bytes);
  return sender?.sequence === undefined ? sender : undefined;
}

async function endOf(
  { log }: Partition,
  { transaction, from }: { readonly transaction: TransactionEpoch; readonly from: number },
): Promise<MessageEvent | undefined> {
  for (let next = from; next < log.highWatermark; ) {
    const batch = await batchFrom(log, next);
    if (batch === undefined) return undefined;
    const sender = batch.isMarker ? senderOf(batch.bytes) : undefined;
    if (sender !== undefined && nameOf(sender) === nameOf(transaction)) {
      return { at: batch.timestamp, what: outcomeIn(batch.bytes), reason: `transaction ${nameOf(transaction)}` };
    }
    next = batch.nextOffset;
  }
  return undefined;
}
