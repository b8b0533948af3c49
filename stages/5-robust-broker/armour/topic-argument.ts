/** The topics that the arguments of a call name. Pure; what is no topic is refused, since nobody can say whose it is. */
import type { DeliveryRef } from '../../../shared/contract/message.ts';
import { invalidArgument } from '../../../shared/contract/validation.ts';

export function asTopic(topic: unknown): string {
  if (typeof topic !== 'string') throw invalidArgument('topic', 'a string', topic);
  return topic;
}

/** Of one delivery or of several, each topic once. */
export function topicsOfRefs(refs: unknown): ReadonlySet<string> {
  const topics = new Set<string>();
  const list: readonly unknown[] = Array.isArray(refs) ? refs : [refs];
  for (const ref of list) {
    if (typeof ref !== 'object' || ref === null) throw invalidArgument('deliveries', 'deliveries', ref);
    topics.add(asTopic((ref as Partial<DeliveryRef>).topic));
  }
  return topics;
}
