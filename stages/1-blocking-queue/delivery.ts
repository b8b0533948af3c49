/**
 * The one form in which a record leaves a broker as a delivery.
 *
 * Always true: the members are written out one by one, in one order, so that all deliveries have the same shape: copying
 * a record with `...` takes an engine several times as long, and this is done for every message. Pure.
 */
import type { Delivery, RedeliveryReason, StoredRecord } from '../../shared/contract/message.ts';

/** What the hand-out adds to the record. */
export type HandOut = Pick<Delivery, 'group' | 'memberId' | 'deliveryCount' | 'leaseToken' | 'leaseExpiresAt'> & {
  /** Undefined for a first delivery. */
  readonly redeliveryReason: RedeliveryReason | undefined;
};

export function deliveryOf(record: StoredRecord, handOut: HandOut): Delivery {
  const delivery: { -readonly [Member in keyof Delivery]: Delivery[Member] } = {
    topic: record.topic,
    partition: record.partition,
    offset: record.offset,
    timestamp: record.timestamp,
    id: record.id,
    headers: record.headers,
    body: record.body,
    group: handOut.group,
    memberId: handOut.memberId,
    deliveryCount: handOut.deliveryCount,
    leaseToken: handOut.leaseToken,
    leaseExpiresAt: handOut.leaseExpiresAt,
  };
  if (record.key !== undefined) delivery.key = record.key;
  if (handOut.redeliveryReason !== undefined) delivery.redeliveryReason = handOut.redeliveryReason;
  return delivery;
}
