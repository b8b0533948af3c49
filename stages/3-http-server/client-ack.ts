/**
 * Acks of a client: one call may finish deliveries of several topics, a request those of one. And deliveries that came
 * for somebody who had gone.
 *
 * Always true: every topic is asked, also after another one refused; the one error at the end lists what all of them
 * refused, as a broker in this process would. The client calls it.
 */
import { type FailedDelivery, isMqError, MqError } from '../../shared/contract/errors.ts';
import type { DeliveryRef } from '../../shared/contract/message.ts';

/** The members of a delivery that its right to be finished rests on; the topic stands in the path. */
export function refOf({ partition, offset, group, memberId, leaseToken }: DeliveryRef): Omit<DeliveryRef, 'topic'> {
  return { partition, offset, group, memberId, leaseToken };
}

/** Calls `ack` once for each topic; rejects with the first error that is not about leases, else with all refusals. */
export async function ackByTopic(
  deliveries: readonly DeliveryRef[],
  ack: (topic: string, refs: readonly Omit<DeliveryRef, 'topic'>[]) => Promise<void>,
): Promise<void> {
  const topics = Map.groupBy(deliveries, ({ topic }) => topic);
  const calls = [...topics].map(([topic, ofTopic]) => ack(topic, ofTopic.map(refOf)));
  await untilAllAcked(calls);
}

/** Every call is waited for; rejects with the first error that is not about leases, else with all refusals in one. */
export async function untilAllAcked(calls: readonly Promise<void>[]): Promise<void> {
  const failed: FailedDelivery[] = [];
  for (const result of await Promise.allSettled(calls)) {
    if (result.status === 'fulfilled') continue;
    if (!isMqError(result.reason, 'MQ_LEASE_EXPIRED')) throw result.reason;
    failed.push(...(result.reason.details.failed ?? []));
  }
  if (failed.length === 0) return;
  throw new MqError('MQ_LEASE_EXPIRED', `the leases of ${failed.length} deliveries ended before`, {
    details: { failed },
  });
}

/** Returns what has a lease. One that ended meanwhile is given back already, so no answer is of interest. */
export async function giveBack(
  deliveries: readonly DeliveryRef[],
  nack: (delivery: DeliveryRef, body: object) => Promise<void>,
): Promise<void> {
  const leased = deliveries.filter(({ leaseToken }) => leaseToken !== null);
  await Promise.allSettled(leased.map((one) => nack(one, { delivery: refOf(one), outcome: 'return' })));
}
