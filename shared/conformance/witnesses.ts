/**
 * Which calls a failure's story cites when the check that failed could not name them. From the best to the last resort:
 *
 *     two lists of bodies part:   the calls of the anomaly that the history checker finds
 *                                 the send of the message where they part, and the read that answered otherwise
 *     else:                       the latest call that tells something, and what it built on
 *
 * Always true: it only explains; whether a test fails was decided before. Pure. Called by the session and the properties.
 */
import { checkHistory } from './checker.ts';
import type { Call, CallFacts, History } from './history.ts';
import { standInOf } from './show.ts';
import type { Difference } from './verdict.ts';

type ReadFacts = Extract<CallFacts, { readonly kind: 'receive' | 'fetch' }>;

/** Two calls where two are known, the older first. */
export function witnessesOf(history: History, difference?: Difference): readonly Call[] {
  const found = difference && (ofAnomaly(history) ?? ofDifference(history.calls, difference));
  return (found ?? latestTwo(history.calls)).toSorted((a, b) => a.startedAt - b.startedAt);
}

function ofAnomaly(history: History): readonly Call[] | undefined {
  return history.isWhole ? checkHistory(history, { anomaliesMax: 1 })[0]?.calls : undefined;
}

/** The send of what should have come, and the read that answered something else, or nothing. */
function ofDifference(calls: readonly Call[], { expected, got }: Difference): readonly Call[] | undefined {
  const [missed, came] = [expected ?? got, got].map((text) => (text === undefined ? undefined : standInOf(text)));
  const read = calls.findLast(({ facts }) => isRead(facts) && facts.records.some(({ value }) => value === came));
  const sends = calls.filter(({ facts }) => facts.kind === 'send' && facts.values.some((value) => value === missed));
  const sent = sends.findLast(({ facts }) => read === undefined || topicOf(facts) === topicOf(read.facts));
  if (sent === undefined) return undefined;
  const topic = topicOf(sent.facts);
  const witness = read ?? calls.findLast(({ facts }) => isRead(facts) && topicOf(facts) === topic);
  return witness === undefined ? undefined : [sent, witness];
}

/** The call a reader should look at first when nothing better is known, and what it built on. */
function latestTwo(calls: readonly Call[]): readonly Call[] {
  const ended = calls.filter(({ outcome }) => outcome !== 'open').sort((a, b) => a.endedAt - b.endedAt);
  const last = lastTelling(ended);
  if (last === undefined) return calls.slice(-2);
  const earlier = ended.slice(0, ended.indexOf(last)).reverse();
  const sameTopic = earlier.filter(({ facts }) => topicOf(facts) === topicOf(last.facts));
  const cause = sameTopic.find((call) => hasEffect(call) && call.facts.kind !== last.facts.kind);
  const first = cause ?? sameTopic[0] ?? earlier[0];
  return first === undefined ? [last] : [first, last];
}

/** Reading to the end ends with an answer of nothing; the one before it, of something, tells more. */
function lastTelling(ended: readonly Call[]): Call | undefined {
  const last = ended.at(-1);
  if (last === undefined || !isEmptyRead(last.facts)) return last;
  const topic = topicOf(last.facts);
  const before = ended.slice(0, -1).filter(({ facts }) => topicOf(facts) === topic);
  const acked = before.at(-1);
  const read = acked !== undefined && isDone(acked) ? before.at(-2) : acked;
  return read !== undefined && isRead(read.facts) && (read !== acked || hasNoLease(read.facts)) ? read : last;
}

/** What was read without a lease is done by being read. */
function hasNoLease({ records }: ReadFacts): boolean {
  return records.length > 0 && records.every(({ leaseToken }) => (leaseToken ?? null) === null);
}

function isRead(facts: CallFacts): facts is ReadFacts {
  return facts.kind === 'receive' || facts.kind === 'fetch';
}

function isEmptyRead(facts: CallFacts): boolean {
  return isRead(facts) && facts.records.length === 0;
}

/** Work that was finished, as everybody finishes it who reads to the end. */
function isDone({ facts, outcome }: Call): boolean {
  return facts.kind === 'ack' && outcome === 'ok';
}

function hasEffect(call: Call): boolean {
  return !['other', 'fetch', 'committed'].includes(call.facts.kind) && !isDone(call);
}

function topicOf(facts: CallFacts): string | undefined {
  if ('topic' in facts) return facts.topic;
  return 'refs' in facts ? facts.refs[0]?.topic : undefined;
}
