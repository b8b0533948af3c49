/**
 * The one form in which records leave this stage as deliveries.
 *
 * Always true: the members are written out one by one, in one order, as in stage 1's `deliveryOf`, so that all deliveries
 * have the same shape; this one also has what messages of this stage can say: a priority, and when they expire. Pure.
 */
import type { Delivery } from '../../../shared/contract/message.ts';
import { expiresAtOf } from './gathering.ts';
import type { Handed } from './hand-out.ts';

export interface DeliveryContext {
  readonly topic: string;
  readonly group: string;
  readonly memberId: string;
  /** Expiry of records that say nothing themselves, ms. */
  readonly ttlMs: number | undefined;
}

type Writable<T> = { -readonly [Member in keyof T]: T[Member] };

export function deliveriesOf(handed: readonly Handed[], context: DeliveryContext): Delivery[] {
  const { topic, group, memberId, ttlMs } = context;
  const deliveries: Delivery[] = [];
  for (const { partition, records, deliveryCount, token, leaseExpiresAt, reason } of handed) {
    for (const record of records) {
      const delivery: Writable<Delivery> = {
        topic,
        partition,
        offset: record.offset,
        timestamp: record.timestamp,
        id: record.id,
        headers: record.headers,
        body: record.body,
        group,
        memberId,
        deliveryCount,
        leaseToken: token,
        leaseExpiresAt,
      };
      if (record.key !== undefined) delivery.key = record.key;
      if (reason !== undefined) delivery.redeliveryReason = reason;
      if (record.priority > 0) delivery.priority = record.priority;
      const expiresAt = expiresAtOf(record, ttlMs);
      if (expiresAt !== undefined) delivery.expiresAt = expiresAt;
      deliveries.push(delivery);
    }
  }
  return deliveries;
}
