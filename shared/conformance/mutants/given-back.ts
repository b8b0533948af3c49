/** Deliveries of which some are given back at once, as by a broker that had never handed them out. For mutants. */
import type { Broker } from '../../contract/broker.ts';
import type { Delivery } from '../../contract/message.ts';

/** Those that `keep` wants, at most `max`; the others go back and count as no failure. */
export async function givenBack(
  sound: Broker,
  deliveries: readonly Delivery[],
  { keep, max = deliveries.length }: { readonly keep: (delivery: Delivery) => boolean; readonly max?: number },
): Promise<readonly Delivery[]> {
  const kept = deliveries.filter(keep).slice(0, max);
  for (const delivery of deliveries) {
    if (!kept.includes(delivery)) await sound.nack(delivery, { outcome: 'return' });
  }
  return kept;
}
