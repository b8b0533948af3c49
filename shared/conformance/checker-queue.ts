/**
 * The checks of receiving: every accepted message is delivered, in order, and a second time only where the first
 * lease had ended without an ack.
 *
 *     receive ... lease runs ................ lease ends
 *        |----------- not to anybody else ---------|--- to anybody
 *                  ack answered: never again
 *
 * Always true: whoever may have given a delivery back (nack, leave, seek, an expired lease) excuses a repetition, also
 * when that call's outcome is unknown. A lease never ends before the start of its receive plus `leaseMs` on the
 * recorder's clock, so no two clocks are compared. Called by the checker only.
 */
import type { Anomaly, CheckOptions } from './anomaly.ts';
import { acceptedOf, furthestOf, missingValue } from './checker-log.ts';
import type { Call, LeaseRef, ReadRecord } from './history.ts';
import { append, byStart, type CallOf, type HistoryIndex, keyOf } from './history-index.ts';

/** One handing-out of one message. */
interface Handout {
  readonly call: Call;
  readonly facts: CallOf<'receive'>['facts'];
  readonly record: ReadRecord;
}

type LeaseCall = HistoryIndex['leaseCalls'][number];

export function* queueAnomalies(index: HistoryIndex, options: CheckOptions): Generator<Anomaly> {
  const receives = index.receives.toSorted(byStart);
  const groups = Map.groupBy(receives, ({ facts }) => keyOf(facts.topic, facts.group));
  for (const { topic, group, from = 0 } of options.drained ?? []) {
    const ofGroup = groups.get(keyOf(topic, group)) ?? [];
    yield* undelivered(index, ofGroup, { topic, from });
    yield* unfinished(index, ofGroup, { topic, group });
  }
  for (const ofGroup of groups.values()) {
    const handouts = ofGroup.flatMap(({ call, facts }) => facts.records.map((record) => ({ call, facts, record })));
    yield* deliveredAgain(index, handouts);
    yield* outOfOrder(index, ofGroup);
    yield* overtaken(index, ofGroup);
  }
}

function* undelivered(
  index: HistoryIndex,
  receives: readonly CallOf<'receive'>[],
  { topic, from }: { readonly topic: string; readonly from: number },
): Generator<Anomaly> {
  const seen = new Set(receives.flatMap(({ facts }) => facts.records.map((record) => record.value)));
  const furthest = furthestOf(receives);
  for (const attempt of acceptedOf(index, topic)) {
    if (seen.has(attempt.value) || (attempt.offset ?? from) < from) continue;
    yield missingValue(attempt, furthest.get(attempt.partition), receives.at(-1)?.call);
  }
}

/** After a drain nothing is left half done: a message whose last lease ended without an ack had to come again. */
function* unfinished(
  index: HistoryIndex,
  receives: readonly CallOf<'receive'>[],
  { topic, group }: { readonly topic: string; readonly group: string },
): Generator<Anomaly> {
  const drainedAtMs = receives.at(-1)?.call.startedAtMs ?? 0;
  if (index.seeks.some(({ facts }) => facts.topic === topic && facts.group === group)) return;
  if (index.leaseCalls.some(({ facts }) => facts.kind === 'ack' && facts.isCumulative)) return;
  const byToken = leaseCallsByToken(index);
  const latest = new Map<string, Handout>();
  for (const { call, facts } of receives) {
    for (const record of facts.records) latest.set(keyOf(record.partition, record.offset), { call, facts, record });
  }
  for (const handout of latest.values()) {
    const { call, facts, record } = handout;
    const ofToken = byToken.get(leaseOf(record)) ?? [];
    // An ack that was refused may have been applied in part, and an extended lease may still run.
    if (record.leaseToken === null || ofToken.some((each) => each.facts.kind !== 'nack')) continue;
    if (call.endedAtMs + facts.leaseMs > drainedAtMs) continue;
    const sent = index.attempts.get(keyOf(topic, record.value))?.[0]?.call;
    yield {
      name: 'lost',
      calls: sent === undefined ? [call] : [sent, call],
      expected: `${JSON.stringify(record.value)} to be delivered again: its lease ended and nobody had acknowledged it`,
      got: 'it never came again, although all was received',
    };
  }
}

/** A second delivery of one message to one group needs a reason. */
function* deliveredAgain(index: HistoryIndex, handouts: readonly Handout[]): Generator<Anomaly> {
  const byToken = leaseCallsByToken(index);
  const messages = Map.groupBy(handouts, ({ record }) => keyOf(record.partition, record.offset, record.value));
  for (const repeats of messages.values()) {
    let first: Handout | undefined;
    for (const second of repeats) {
      if (first !== undefined) {
        const reason = unexcused(first, second, { byToken, index });
        if (reason !== null) yield reason;
      }
      first = second;
    }
  }
}

/** The anomaly when nothing allows `second`; null when something does. */
function unexcused(
  first: Handout,
  second: Handout,
  { byToken, index }: { readonly byToken: ReadonlyMap<string, readonly LeaseCall[]>; readonly index: HistoryIndex },
): Anomaly | null {
  if (index.reopenings.some((reopening) => isBetween(reopening, first, second))) return null;
  const token = first.record.leaseToken ?? null;
  const ofToken = token === null ? [] : (byToken.get(leaseOf(first.record)) ?? []);
  const shown = JSON.stringify(first.record.value);
  const acked = ofToken.find(
    ({ call, facts }) => facts.kind === 'ack' && call.outcome === 'ok' && call.endedAt < second.call.startedAt,
  )?.call;
  if (acked !== undefined || token === null) {
    const expected = `${shown} never again: it was finished`;
    return { name: 'duplicate', calls: [acked ?? first.call, second.call], expected, got: 'it was delivered again' };
  }
  const wasGivenBack = ofToken.some(
    ({ call, facts }) => facts.kind === 'nack' && call.outcome !== 'failed' && call.startedAt < second.call.endedAt,
  );
  if (wasGivenBack || second.call.endedAtMs >= leaseEndOf(first, ofToken)) return null;
  const wasStopped = index.restarts.some(
    ({ call }) => call.startedAt < second.call.endedAt && call.endedAt > first.call.startedAt,
  );
  if (wasStopped) return null;
  const expected = `${shown} for nobody else while its lease runs`;
  return { name: 'duplicate', calls: [first.call, second.call], expected, got: 'it was delivered again' };
}

/** A seek, a deleted group or a member that left between the two deliveries. */
function isBetween({ call, facts }: HistoryIndex['reopenings'][number], first: Handout, second: Handout): boolean {
  if (facts.topic !== first.facts.topic || facts.group !== first.facts.group) return false;
  if (facts.kind === 'leave' && facts.memberId !== first.facts.memberId && facts.memberId !== '') return false;
  return call.startedAt < second.call.endedAt && call.endedAt > first.call.startedAt;
}

/** The earliest time, on the recorder's clock, at which the lease may have ended by itself. */
function leaseEndOf(handout: Handout, ofToken: readonly LeaseCall[]): number {
  let endMs = handout.call.startedAtMs + handout.facts.leaseMs;
  for (const { call, facts } of ofToken) {
    if (facts.kind !== 'extendLease' || call.outcome === 'failed') continue;
    const extendedMs = call.startedAtMs + facts.leaseMs;
    endMs = call.outcome === 'ok' ? extendedMs : Math.min(endMs, extendedMs);
  }
  return endMs;
}

/** A token may open several deliveries, each with its own offset. */
function leaseOf({ partition, offset, leaseToken = null }: ReadRecord | LeaseRef): string {
  return keyOf(partition, offset, leaseToken);
}

/** Acks, nacks and extensions by the lease they name. */
function leaseCallsByToken(index: HistoryIndex): Map<string, LeaseCall[]> {
  const byToken = new Map<string, LeaseCall[]>();
  for (const leaseCall of index.leaseCalls) {
    for (const ref of leaseCall.facts.refs) append(byToken, leaseOf(ref), leaseCall);
  }
  return byToken;
}

/** Within one answer the offsets of a partition ascend; the send shows that the later one was there first. */
function* outOfOrder(index: HistoryIndex, receives: readonly CallOf<'receive'>[]): Generator<Anomaly> {
  for (const { call, facts } of receives) {
    const last = new Map<number, number>();
    for (const { partition, offset, value } of facts.records) {
      if (offset === null) continue;
      const before = last.get(partition);
      if (before !== undefined && offset <= before) {
        const expected = `an offset above ${before} in the same answer`;
        const sent = index.attempts.get(keyOf(facts.topic, value))?.[0]?.call;
        yield { name: 'reordered', calls: sent === undefined ? [call] : [sent, call], expected, got: String(offset) };
      }
      last.set(partition, offset);
    }
  }
}

/**
 * From one answer to the next, a member's first deliveries ascend too, unless somebody may have given some back. One that
 * says why it comes again was on its way to somebody who had gone, whom nobody heard of it.
 */
function* overtaken(index: HistoryIndex, receives: readonly CallOf<'receive'>[]): Generator<Anomaly> {
  const [{ facts: sample } = { facts: undefined }] = receives;
  const wasSought = index.seeks.some(({ facts }) => facts.topic === sample?.topic && facts.group === sample?.group);
  if (wasSought || receives.some(({ call }) => call.outcome !== 'ok')) return;
  const delivered = new Set<string>();
  const highest = new Map<string, { readonly call: Call; readonly offset: number }>();
  for (const { call, facts } of receives) {
    for (const { partition, offset, reason } of facts.records) {
      const place = keyOf(partition, offset);
      if (offset === null || reason !== undefined || delivered.has(place)) continue;
      delivered.add(place);
      const line = keyOf(facts.memberId, partition);
      const before = highest.get(line);
      if (before !== undefined && before.call.endedAt < call.startedAt && offset < before.offset) {
        const expected = `an offset above ${before.offset}, which this member had before`;
        yield { name: 'reordered', calls: [before.call, call], expected, got: String(offset) };
      }
      if (before === undefined || offset > before.offset) highest.set(line, { call, offset });
    }
  }
}
