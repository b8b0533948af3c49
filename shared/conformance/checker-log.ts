/**
 * The checks of reading by offset: nothing is skipped, nothing is read twice, nobody goes back, and what a producer
 * sent in order stands in order.
 *
 * Always true: a gap between offsets is legal unless a message is known to stand in it. Called by the checker only.
 */
import type { Anomaly, CheckOptions } from './anomaly.ts';
import type { Call } from './history.ts';
import { type Attempt, append, byStart, type CallOf, type HistoryIndex, keyOf } from './history-index.ts';

export function* logAnomalies(index: HistoryIndex, options: CheckOptions): Generator<Anomaly> {
  yield* twoOffsets(index);
  yield* missing(index, options.readWhole ?? []);
  yield* polls(index);
  yield* nonmonotonicSends(index);
}

/** A message that was sent once stands at one offset; one that was sent again may stand at as many. */
function* twoOffsets(index: HistoryIndex): Generator<Anomaly> {
  const places = new Map<string, Map<string, { readonly call: Call; readonly offset: number }>>();
  const note = (place: {
    call: Call;
    topic: string;
    value: string;
    partition: number;
    offset: number | null;
  }): void => {
    if (place.offset === null) return;
    const value = keyOf(place.topic, place.value);
    const ofValue = places.get(value) ?? new Map<string, { readonly call: Call; readonly offset: number }>();
    places.set(value, ofValue);
    const key = keyOf(place.partition, place.offset);
    if (!ofValue.has(key)) ofValue.set(key, { call: place.call, offset: place.offset });
  };
  for (const attempts of index.attempts.values()) attempts.forEach(note);
  for (const { call, topic, record } of index.observations) note({ call, topic, ...record });
  for (const [key, ofValue] of places) {
    const sentCount = index.attempts.get(key)?.filter((attempt) => attempt.call.outcome !== 'failed').length ?? 0;
    const [first, second] = [...ofValue.values()];
    if (first === undefined || second === undefined || ofValue.size <= sentCount || sentCount === 0) continue;
    yield {
      name: 'duplicate',
      calls: [first.call, second.call],
      expected: `one place for a message sent ${sentCount === 1 ? 'once' : `${sentCount} times`}`,
      got: `offsets ${[...ofValue.values()].map((place) => place.offset).join(', ')}`,
    };
  }
}

/** Where everything was read, everything accepted was seen. */
function* missing(index: HistoryIndex, topics: readonly string[]): Generator<Anomaly> {
  for (const topic of topics) {
    const fetches = index.fetches.filter(({ facts }) => facts.topic === topic);
    const seen = new Set(fetches.flatMap(({ facts }) => facts.records.map((record) => record.value)));
    const furthest = furthestOf(fetches);
    for (const attempt of acceptedOf(index, topic)) {
      if (seen.has(attempt.value)) continue;
      yield missingValue(attempt, furthest.get(attempt.partition), fetches.at(-1)?.call);
    }
  }
}

/** By partition: the call that read furthest, and how far. */
export function furthestOf(
  reads: readonly CallOf<'receive' | 'fetch'>[],
): Map<number, { readonly call: Call; readonly offset: number }> {
  const furthest = new Map<number, { readonly call: Call; readonly offset: number }>();
  for (const { call, facts } of reads) {
    for (const { partition, offset } of facts.records) {
      if (offset !== null && offset > (furthest.get(partition)?.offset ?? -1))
        furthest.set(partition, { call, offset });
    }
  }
  return furthest;
}

/** A message nobody saw: *lost* when a later one was seen, else *unobserved*. */
export function missingValue(
  attempt: Attempt,
  furthest: { readonly call: Call; readonly offset: number } | undefined,
  lastRead: Call | undefined,
): Anomaly {
  const wasPassed = furthest !== undefined && attempt.offset !== null && furthest.offset > attempt.offset;
  const witness = wasPassed ? furthest.call : lastRead;
  return {
    name: wasPassed ? 'lost' : 'unobserved',
    calls: witness === undefined ? [attempt.call] : [attempt.call, witness],
    expected: `${JSON.stringify(attempt.value)} to be read: it was accepted`,
    got: wasPassed ? `offset ${furthest.offset} was read, this one never` : 'never read, although all was read',
  };
}

/** Every accepted attempt on a topic. */
export function acceptedOf(index: HistoryIndex, topic: string): Attempt[] {
  return [...index.attempts.values()].flat().filter((attempt) => attempt.topic === topic && attempt.outcome === 'ok');
}

/** Each fetch on its own, and against what is known to stand in the log. */
function* polls(index: HistoryIndex): Generator<Anomaly> {
  const known = knownOffsets(index);
  for (const fetch of index.fetches) {
    const { call, facts } = fetch;
    const inLog = known.get(keyOf(facts.topic, facts.partition)) ?? [];
    const skipped = (from: number, to: number): Attempt | undefined =>
      firstWithin(inLog, Math.max(from, facts.logStartOffset), to);
    let previous: number | null = null;
    for (const { offset } of facts.records) {
      if (offset === null) continue;
      if (previous !== null && offset <= previous) {
        yield wentBack('internal nonmonotonic poll', call, { after: previous, came: offset });
      } else if (previous === null && offset < facts.offset) {
        yield wentBack('external nonmonotonic poll', call, { after: facts.offset - 1, came: offset });
      }
      const jumpedOver = skipped(previous === null ? facts.offset : previous + 1, offset);
      if (jumpedOver !== undefined)
        yield jumped(previous === null ? 'external skip' : 'internal skip', jumpedOver, call);
      previous = offset;
    }
    yield* continuation(fetch, previous, skipped);
  }
}

/** Where a fetch tells its reader to go on. */
function* continuation(
  { call, facts }: CallOf<'fetch'>,
  last: number | null,
  skipped: (from: number, to: number) => Attempt | undefined,
): Generator<Anomaly> {
  const readUpTo = last === null ? facts.offset : last + 1;
  if (facts.nextOffset < readUpTo) {
    yield wentBack('external nonmonotonic poll', call, { after: readUpTo - 1, came: facts.nextOffset });
  }
  const jumpedOver = skipped(readUpTo, facts.nextOffset);
  if (jumpedOver !== undefined) yield jumped('external skip', jumpedOver, call);
}

function wentBack(
  name: 'internal nonmonotonic poll' | 'external nonmonotonic poll',
  call: Call,
  { after, came }: { readonly after: number; readonly came: number },
): Anomaly {
  return { name, calls: [call], expected: `an offset above ${after}`, got: String(came) };
}

function jumped(name: 'internal skip' | 'external skip', skipped: Attempt, call: Call): Anomaly {
  const expected = `offset ${skipped.offset} (${JSON.stringify(skipped.value)}) to be read on the way`;
  return { name, calls: [skipped.call, call], expected, got: 'reading jumped over it' };
}

/** Accepted attempts with an offset, ascending, by topic and partition. */
function knownOffsets(index: HistoryIndex): Map<string, (Attempt & { readonly offset: number })[]> {
  const known = new Map<string, (Attempt & { readonly offset: number })[]>();
  for (const attempt of [...index.attempts.values()].flat()) {
    const { offset } = attempt;
    if (offset === null || attempt.outcome !== 'ok') continue;
    append(known, keyOf(attempt.topic, attempt.partition), { ...attempt, offset });
  }
  for (const attempts of known.values()) attempts.sort((a, b) => a.offset - b.offset);
  return known;
}

/** The first attempt with `from <= offset < to`; binary search. */
function firstWithin(
  attempts: readonly (Attempt & { readonly offset: number })[],
  from: number,
  to: number,
): Attempt | undefined {
  let low = 0;
  let high = attempts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((attempts[middle]?.offset ?? 0) < from) low = middle + 1;
    else high = middle;
  }
  const found = attempts[low];
  return found !== undefined && found.offset < to ? found : undefined;
}

/** What one producer sent one after the other stands one after the other. */
function* nonmonotonicSends(index: HistoryIndex): Generator<Anomaly> {
  // Of a transaction that did not commit nothing is kept: after a restart its places may be given again.
  const kept = new Set(
    [...index.attempts.values()].flat().flatMap(({ call, outcome }) => (outcome === 'ok' ? call : [])),
  );
  const accepted = index.sends.filter(
    ({ call, facts }) => kept.has(call) && facts.baseOffset !== null && facts.isDuplicate !== true,
  );
  const lines = Map.groupBy(accepted, ({ call, facts }) => keyOf(call.client, facts.topic, facts.partition));
  for (const line of lines.values()) {
    let highest: CallOf<'send'> | undefined;
    for (const send of line.sort(byStart)) {
      const offset = send.facts.baseOffset ?? 0;
      const before = highest?.facts.baseOffset ?? -1;
      if (highest !== undefined && highest.call.endedAt < send.call.startedAt && offset < before) {
        yield {
          name: 'nonmonotonic send',
          calls: [highest.call, send.call],
          expected: `an offset above ${before}: it was sent after that one was accepted`,
          got: String(offset),
        };
      }
      if (offset > before) highest = send;
    }
  }
}
