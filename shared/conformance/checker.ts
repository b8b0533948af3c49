/**
 * The history checker: given the record of all calls of a run, it names what no correct broker could have answered.
 *
 *     calls -> index -> checks of the log family    (checker-log.ts)
 *                   -> checks of the queue family   (checker-queue.ts)
 *                   -> checks of transactions       (checker-transactions.ts)
 *                   -> checks of both               (here)
 *
 * Always true: a history of a correct broker gives no anomaly, however its calls overlapped; every anomaly cites the
 * calls that contradict each other. Time and memory are bounded by the history, which is bounded itself: each check
 * sorts it and passes over it; a drained group, a topic read whole or a second delivery costs a pass of its own. Pure.
 */
import type { Anomaly, CheckOptions } from './anomaly.ts';
import { logAnomalies } from './checker-log.ts';
import { queueAnomalies } from './checker-queue.ts';
import { transactionAnomalies } from './checker-transactions.ts';
import type { Call, History } from './history.ts';
import { type Attempt, append, type CallOf, type HistoryIndex, indexHistory, keyOf } from './history-index.ts';

export type { Anomaly, AnomalyName, CheckOptions } from './anomaly.ts';

const ANOMALIES_MAX = 20;

/** Worst kinds first. */
const CHECKS: readonly ((index: HistoryIndex, options: CheckOptions) => Iterable<Anomaly>)[] = [
  transactionAnomalies,
  phantoms,
  inconsistentOffsets,
  queueAnomalies,
  logAnomalies,
  ackRegressions,
];

/** The first anomalies of a history, worst kinds first. A history that had to drop calls proves nothing: it throws. */
export function checkHistory(
  history: Pick<History, 'calls' | 'isWhole'>,
  options: CheckOptions = {},
): readonly Anomaly[] {
  if (!history.isWhole) throw new RangeError('the history dropped calls; give it a larger callsMax');
  const index = indexHistory(history.calls);
  const found: Anomaly[] = [];
  const max = options.anomaliesMax ?? ANOMALIES_MAX;
  for (const check of CHECKS) {
    for (const anomaly of check(index, options)) {
      found.push(anomaly);
      if (found.length >= max) return found;
    }
  }
  return found;
}

/** Everything that was read had been sent, and its send had not been refused, nor its transaction aborted. */
function* phantoms(index: HistoryIndex): Generator<Anomaly> {
  for (const { call, topic, record, isUncommitted } of index.observations) {
    const attempts = index.attempts.get(keyOf(topic, record.value)) ?? [];
    const earlier = attempts.filter((attempt) => attempt.call.startedAt < call.endedAt);
    const mayBeRead = (attempt: Attempt): boolean =>
      (isUncommitted ? attempt.call.outcome : attempt.outcome) !== 'failed';
    if (earlier.some(mayBeRead)) continue;
    const [refusedSend] = earlier;
    const shown = JSON.stringify(record.value);
    if (refusedSend !== undefined) {
      const { end, outcome } = refusedSend.transaction ?? {};
      const why = outcome === undefined ? 'its send was refused' : `its transaction is ${outcome}`;
      const calls = [end ?? refusedSend.call, call].sort((a, b) => a.startedAt - b.startedAt);
      yield { name: 'aborted read', calls, expected: `${shown} never read: ${why}`, got: `${shown} was read` };
      continue;
    }
    const later = attempts[0]?.call;
    const calls = later === undefined ? [call] : [call, later];
    yield {
      name: 'phantom',
      calls,
      expected: 'only messages that had been sent',
      got: `${shown}, which nobody had sent`,
    };
  }
}

/**
 * An offset of a partition stands for one message, in every receipt and for every reader. Of a transaction that did not commit
 * nothing is kept, so after a restart its places may be given again.
 */
function* inconsistentOffsets(index: HistoryIndex): Generator<Anomaly> {
  const seen = new Map<string, { readonly value: string; readonly call: Call }>();
  const placed = [...index.attempts.values()]
    .flat()
    .filter(({ transaction, outcome }) => transaction === undefined || outcome === 'ok');
  const read = index.observations.map(({ call, topic, record }) => ({ call, topic, ...record }));
  for (const { call, topic, partition, offset, value } of [...placed, ...read]) {
    if (offset === null) continue;
    const key = keyOf(topic, partition, offset);
    const first = seen.get(key);
    if (first === undefined) seen.set(key, { value, call });
    else if (first.value !== value) {
      yield {
        name: 'inconsistent offsets',
        calls: [first.call, call],
        expected: `offset ${offset} to be ${JSON.stringify(first.value)} for everybody`,
        got: JSON.stringify(value),
      };
    }
  }
}

/**
 * What a group has committed only grows, unless somebody seeks. What was seen of a commit or an ack that was never answered
 * well holds until the broker is restarted.
 */
function* ackRegressions(index: HistoryIndex): Generator<Anomaly> {
  const groups = Map.groupBy(index.positions, ({ facts }) => keyOf(facts.topic, facts.group, facts.partition));
  const keyOfGroup = ({ facts }: Position | CallOf<'seek'>): string => keyOf(facts.topic, facts.group, facts.partition);
  const seeks = Map.groupBy(index.seeks, keyOfGroup);
  const inTransactions = Map.groupBy(index.transactionPositions, keyOfGroup);
  const unsure = unsureByGroup(index);
  for (const [key, positions] of groups) {
    const unsureHere = unsure.get(key) ?? [];
    const known: Position[] = [...positions, ...(inTransactions.get(key) ?? [])];
    const breaks = seeks.get(key) ?? [];
    const asked = askedOf([...known, ...breaks], unsureHere);
    const isUnsure = (one: Position): boolean =>
      isShownOnly(one, unsureHere, index.restarts) || hasSteppedOn(one, asked);
    yield* regressionsOfGroup(positions, { known: known.filter((one) => !isUnsure(one)), breaks });
    const orRestarts = [...breaks, ...index.restarts].sort((a, b) => a.call.startedAt - b.call.startedAt);
    yield* regressionsOfGroup(positions, { known: known.filter(isUnsure), breaks: orRestarts });
  }
}

/** What may have moved a position to `offset` or, over what nobody gets, beyond; (undefined) anywhere; not answered well. */
interface UnsureSettling {
  readonly startedAt: number;
  readonly offset: number | undefined;
}

function unsureByGroup({ unsureSettlings }: HistoryIndex): Map<string, UnsureSettling[]> {
  const unsure = new Map<string, UnsureSettling[]>();
  for (const { call, facts } of unsureSettlings) {
    const { startedAt } = call;
    for (const { topic, group, partition } of facts.kind === 'commit' ? [facts] : facts.refs) {
      const offset = facts.kind === 'commit' ? facts.offset : undefined;
      append(unsure, keyOf(topic, group, partition), { startedAt, offset });
    }
  }
  return unsure;
}

/** A position that was asked for and that nobody was told is safe; what a restart brought back is. It may have stepped on. */
function isShownOnly(
  { call, facts }: Position,
  unsure: readonly UnsureSettling[],
  restarts: HistoryIndex['restarts'],
): boolean {
  if (facts.kind !== 'committed') return false;
  return unsure.some(({ startedAt, offset }) => {
    if (startedAt > call.endedAt || (offset !== undefined && offset > facts.offset)) return false;
    return !restarts.some(({ call: restart }) => startedAt < restart.startedAt && restart.endedAt < call.startedAt);
  });
}

/** Where somebody wanted the group to be; none of a group that acks. */
function askedOf(
  answered: readonly CallOf<Position['facts']['kind'] | 'seek'>[],
  unsure: readonly UnsureSettling[],
): UnsureSettling[] {
  const asked = answered.filter(({ facts }) => facts.kind !== 'committed');
  if (!asked.some(({ facts }) => facts.kind !== 'seek') && unsure.length === 0) return [];
  return [...asked.map(({ call: { startedAt }, facts: { offset } }) => ({ startedAt, offset })), ...unsure];
}

/** A position that is beyond all that was asked for: it went on over what nobody gets, and may begin again after a restart. */
function hasSteppedOn({ call, facts }: Position, asked: readonly UnsureSettling[]): boolean {
  if (facts.kind !== 'committed' || asked.length === 0) return false;
  return asked.every(({ startedAt, offset }) => startedAt > call.endedAt || (offset ?? facts.offset) < facts.offset);
}

/** A call after whose end a group had got so far. */
type Position = CallOf<'commit' | 'committed' | 'commitOffset'>;

/** After which a position may be any. */
type Break = CallOf<'seek' | 'restart'>;

/** `positions` and `breaks` in the order of their starts; `byEnd` holds what is known in the order of their ends. */
function* regressionsOfGroup(
  positions: readonly CallOf<'commit' | 'committed'>[],
  { known, breaks }: { readonly known: readonly Position[]; readonly breaks: readonly Break[] },
): Generator<Anomaly> {
  const byEnd = [...known].sort((a, b) => a.call.endedAt - b.call.endedAt);
  let ended = 0;
  let highest: Position | undefined;
  for (const position of positions) {
    const { call, facts } = position;
    // Whatever was known before the latest break ended says nothing about what comes after it.
    const knownSince = lastStartedBefore(breaks, call.endedAt)?.call.endedAt ?? 0;
    if (highest !== undefined && highest.call.startedAt < knownSince) highest = undefined;
    for (let next = byEnd[ended]; next !== undefined && next.call.endedAt < call.startedAt; next = byEnd[ended]) {
      ended += 1;
      if (next.call.startedAt > knownSince && next.facts.offset > (highest?.facts.offset ?? -1)) highest = next;
    }
    if (highest === undefined || call.startedAt < knownSince || facts.offset >= highest.facts.offset) continue;
    const expected = `at least ${highest.facts.offset}, which the group had reached before`;
    yield { name: 'ack regression', calls: [highest.call, call], expected, got: String(facts.offset) };
  }
}

/** The last of `breaks` that started before `step`; binary search. */
function lastStartedBefore(breaks: readonly Break[], step: number): Break | undefined {
  let low = 0;
  let high = breaks.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((breaks[middle]?.call.startedAt ?? step) < step) low = middle + 1;
    else high = middle;
  }
  return breaks[low - 1];
}
