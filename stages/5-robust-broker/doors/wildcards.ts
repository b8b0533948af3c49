/**
 * Names with wildcards, as ActiveMQ spells them: `a.*.c` one word, `a.>` one word or more. For the doors that have them.
 *
 * Always true: a name without a wildcard is a name; only topics are read by wildcards. Pure.
 */
import { LIMITS } from '../../../shared/contract/limits.ts';
import { invalidArgument } from '../../../shared/contract/validation.ts';
import { topicPattern } from '../filters/topic-pattern.ts';
import { type Destination, topicOf } from './destinations.ts';

/** The contract's topics that a name covers; undefined for one without wildcards. `MQ_INVALID_ARGUMENT` for a queue's. */
export function coverOf({ kind, name }: Destination): ((topic: string) => boolean) | undefined {
  if (!name.split('.').some((word) => word === '*' || word === '>')) return undefined;
  if (kind !== 'topic') throw invalidArgument('destination', 'a topic, for only topics are read by wildcards', name);
  const covers = topicPattern(name, 'dotted', LIMITS);
  const prefix = topicOf({ kind, name: '' });
  return (topic) => topic.startsWith(prefix) && covers(topic.slice(prefix.length));
}
