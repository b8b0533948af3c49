/**
 * The names of protocols, and what they stand for in the contract.
 *
 *     on a wire                  topic of the contract     who reads it
 *     queue  a                   a                         members of the group "default", each message once
 *     topic  a                   topic/a                   a group for each subscriber
 *     temporary queue, topic     $temp/...                 like the others
 *
 * Always true (I28): both directions are exact, so that what was sent through one door is found through every other one; a
 * queue whose name begins with `topic/` would be a topic, and is refused. Pure. Every door uses it.
 */
import { ownerMark } from '../../../shared/admission.ts';
import { LIMITS } from '../../../shared/contract/limits.ts';
import { invalidArgument, utf8Length } from '../../../shared/contract/validation.ts';

/** Where messages are sent to and read from, in the words of JMS. */
export type DestinationKind = 'queue' | 'topic' | 'temporary-queue' | 'temporary-topic';

export interface Destination {
  readonly kind: DestinationKind;
  /** Without any prefix; of a temporary one the name that the broker gave it: `$temp/...`. */
  readonly name: string;
}

/** Before the name of every topic in the sense of JMS and MQTT. */
export const TOPIC_PREFIX = 'topic/';
const TEMPORARY_PREFIX = '$temp/';
/** What a wire writes instead of `topic/` and `$temp/` is its own affair. */
const SEPARATOR = '/';

/** The contract's topic of a destination. `MQ_INVALID_ARGUMENT` for a name that would be another kind's. */
export function topicOf({ kind, name }: Destination): string {
  const isTemporaryName = name.startsWith(TEMPORARY_PREFIX);
  if (isTemporary(kind)) {
    if (!isTemporaryName) throw invalidArgument('destination', `a temporary one: ${TEMPORARY_PREFIX}...`, name);
    return name;
  }
  if (kind === 'topic') return TOPIC_PREFIX + name;
  if (isTemporaryName || name.startsWith(TOPIC_PREFIX)) {
    throw invalidArgument('destination', `a queue: not ${TOPIC_PREFIX}..., not ${TEMPORARY_PREFIX}...`, name);
  }
  return name;
}

/** The destination of a contract's topic; a temporary one is a queue, unless the Exchange knows better. */
export function destinationOf(topic: string): Destination {
  if (topic.startsWith(TEMPORARY_PREFIX)) return { kind: 'temporary-queue', name: topic };
  if (topic.startsWith(TOPIC_PREFIX)) return { kind: 'topic', name: topic.slice(TOPIC_PREFIX.length) };
  return { kind: 'queue', name: topic };
}

/** True for a destination that is read like a topic: each subscriber gets each message. */
export function isTopicLike(kind: DestinationKind): boolean {
  return kind === 'topic' || kind === 'temporary-topic';
}

export function isTemporary(kind: DestinationKind): boolean {
  return kind === 'temporary-queue' || kind === 'temporary-topic';
}

/** A durable subscription: `owner` is who made it; left out where callers are not told apart. */
export interface DurableSubscription {
  readonly clientId: string;
  readonly name: string;
  readonly owner?: string | undefined;
}

/**
 * The group of a durable subscriber, the same through every door: `<client id>/<name>`, each part percent-encoded, and behind it
 * whose it is: `/@<owner>`. A `$` in front would make it the broker's own.
 */
export function subscriberGroup({ clientId, name, owner }: DurableSubscription): string {
  const mark = owner === undefined || owner === '' ? '' : ownerMark(owner);
  return `${encodePart(clientId).replace(/^\$/, '%24')}${SEPARATOR}${encodePart(name)}${mark}`;
}

/** What makes no group cannot wait for its first topic: nobody would be there to be told. */
export function canBeGroup(group: string): boolean {
  return !/\p{Cc}/u.test(group) && utf8Length(group.normalize('NFC')) <= LIMITS.nameBytesMax;
}

/** The same of a name that a client chose: one that begins with `$` is that of a door, which keeps a session in it. */
export function namedGroup(subscription: DurableSubscription): string {
  const { name } = subscription;
  if (name.startsWith('$')) throw invalidArgument('subscription', 'a name that does not begin with $', name);
  return subscriberGroup(subscription);
}

/** True for a durable subscription whose owner is known. */
export function isOwned(group: string): boolean {
  return unmarked(group) !== group;
}

/** True for the same client id and name of another owner. */
export function isRival(group: string, other: string): boolean {
  return group !== other && unmarked(group) === unmarked(other);
}

/** MQTT's levels are the words of every other door: `a/b` is `a.b`; a point in a level becomes a slash, so none is lost. */
export function swapLevels(name: string): string {
  return name.replace(/[./]/g, (separator) => (separator === '.' ? '/' : '.'));
}

function encodePart(part: string): string {
  return part.replaceAll('%', '%25').replaceAll(SEPARATOR, '%2F');
}

/** A door that keeps sessions of its own knows itself whose they are. */
function unmarked(group: string): string {
  return group.replace(/^([^/]*\/[^/$][^/]*)\/@[^/]+$/, '$1');
}
