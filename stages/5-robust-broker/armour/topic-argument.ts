/** The topics and groups that the arguments of a call name. Pure; what is no topic is refused, since nobody can say whose it is. */
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

/** Of the argument behind the topic: the name of a group, or options that have one. What is no group the broker refuses. */
export function groupIn(second: unknown): unknown {
  return typeof second === 'object' && second !== null && 'group' in second ? second.group : second;
}
