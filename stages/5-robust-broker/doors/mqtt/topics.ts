/**
 * Topic names and topic filters of MQTT, and what they are to the broker.
 *
 *     in MQTT              stands for                    contract topic
 *     a/b                  topic a.b of every door       topic/a.b
 *     $queue/a             queue a: each message once    a
 *     $temp/...            a place for answers           $temp/...
 *     $share/g/a/+         topics a/+, shared by g
 *
 * Always true: a name is compared in NFC, as brokers keep it; a wildcard at the beginning covers no name that begins with `$`;
 * every other name that begins with `$` is refused. Pure.
 */
import { MqError } from '../../../../shared/contract/errors.ts';
import { canBeGroup, type Destination, subscriberGroup, swapLevels } from '../destinations.ts';
import { REASON, Violation } from './reasons.ts';

const QUEUE_PREFIX = '$queue/';
const TEMPORARY_PREFIX = '$temp/';
const SHARE_PREFIX = '$share/';
const WILDCARD = /[+#]/;
/** More would only cost time: the broker's names are shorter than that. */
const LEVELS_MAX = 128;

/** What a topic filter says. */
export interface TopicFilter {
  /** As the client wrote it, which is also its name. */
  readonly text: string;
  readonly kind: 'topic' | 'queue';
  /** Set when there is no wildcard in it: the one place it covers. */
  readonly destination: Destination | undefined;
  /** Of a shared subscription: the group of the contract. */
  readonly sharedGroup: string | undefined;
  /** `name`: a topic name, in NFC. */
  matches(name: string): boolean;
}

/** `Violation` for what is no topic name that one can publish to. */
export function destinationOfName(name: string): Destination {
  if (name === '') throw invalidName('a topic name is not empty');
  if (WILDCARD.test(name)) throw invalidName('a topic name has no wildcards');
  if (name.startsWith(QUEUE_PREFIX)) return queueNamed(name.slice(QUEUE_PREFIX.length), invalidName);
  if (name.startsWith(TEMPORARY_PREFIX)) return { kind: 'temporary-queue', name };
  if (name.startsWith('$')) throw invalidName('a topic name does not begin with $');
  return { kind: 'topic', name: swapLevels(name).normalize('NFC') };
}

/** `MQ_NOT_SUPPORTED` where the last message is not kept beside the others. */
export function checkRetainable({ kind }: Destination): void {
  if (kind !== 'topic') throw new MqError('MQ_NOT_SUPPORTED', 'RETAIN is for topics: a queue keeps all its messages');
}

/** The name by which a client of MQTT knows it. */
export function nameOf({ kind, name }: Destination): string {
  if (kind === 'topic') return swapLevels(name);
  return kind === 'queue' ? QUEUE_PREFIX + name : name;
}

/** `Violation` for what is no topic filter, or none that is served. */
export function parseFilter(text: string): TopicFilter {
  if (text === '$share' || text.startsWith(SHARE_PREFIX)) return parseShared(text);
  if (text.startsWith(QUEUE_PREFIX)) {
    const destination = queueNamed(text.slice(QUEUE_PREFIX.length), invalidFilter);
    return { text, kind: 'queue', destination, sharedGroup: undefined, matches: () => false };
  }
  if (text.startsWith(TEMPORARY_PREFIX)) {
    if (WILDCARD.test(text)) throw invalidFilter('a filter below $temp/ has no wildcards');
    const destination: Destination = { kind: 'temporary-queue', name: text };
    return { text, kind: 'queue', destination, sharedGroup: undefined, matches: () => false };
  }
  if (text.startsWith('$')) throw invalidFilter('nothing is published to names that begin with $');
  return topicFilter(text, text, undefined);
}

function parseShared(text: string): TopicFilter {
  const [, group = '', ...levels] = text.split('/');
  const inner = levels.join('/');
  if (group === '' || WILDCARD.test(group) || levels.length === 0) {
    throw invalidFilter('a shared subscription is $share/<group>/<filter>');
  }
  if (inner.startsWith('$')) throw invalidFilter('queues and names that begin with $ are not shared by a group');
  const sharedGroup = subscriberGroup({ clientId: SHARE_PREFIX + group, name: inner });
  if (!canBeGroup(sharedGroup)) throw invalidFilter('a shared subscription is shorter, and has no control characters');
  return topicFilter(text, inner, sharedGroup);
}

function topicFilter(text: string, inner: string, sharedGroup: string | undefined): TopicFilter {
  const wanted = inner.normalize('NFC').split('/');
  checkLevels(wanted, inner);
  if (!WILDCARD.test(inner)) {
    const name = inner.normalize('NFC');
    const destination: Destination = { kind: 'topic', name: swapLevels(name) };
    return { text, kind: 'topic', destination, sharedGroup, matches: (other) => other === name };
  }
  return { text, kind: 'topic', destination: undefined, sharedGroup, matches: (name) => matchesLevels(wanted, name) };
}

function checkLevels(levels: readonly string[], text: string): void {
  if (text === '') throw invalidFilter('a topic filter is not empty');
  if (levels.length > LEVELS_MAX) throw invalidFilter(`a topic filter has at most ${LEVELS_MAX} levels`);
  for (const [index, level] of levels.entries()) {
    if (level === '+' || (level === '#' && index === levels.length - 1) || !WILDCARD.test(level)) continue;
    throw invalidFilter('a wildcard is a level of its own, and # is the last one');
  }
}

/** Level by level, without taking the name apart. */
function matchesLevels(wanted: readonly string[], name: string): boolean {
  if (name.startsWith('$')) return false;
  let at = 0;
  for (const level of wanted) {
    if (level === '#') return true;
    if (at > name.length) return false;
    const slash = name.indexOf('/', at);
    const end = slash === -1 ? name.length : slash;
    if (level !== '+' && (level.length !== end - at || !name.startsWith(level, at))) return false;
    at = end + 1;
  }
  // "a/#" covers "a" as well: what is left of the filter is nothing, or # alone.
  return at > name.length;
}

function queueNamed(name: string, refuse: (message: string) => Violation): Destination {
  if (name === '') throw refuse('a queue has a name');
  if (WILDCARD.test(name)) throw refuse('the name of a queue has no wildcards');
  return { kind: 'queue', name: name.normalize('NFC') };
}

function invalidName(message: string): Violation {
  return new Violation(REASON.topicNameInvalid, message);
}

function invalidFilter(message: string): Violation {
  return new Violation(REASON.topicFilterInvalid, message);
}
