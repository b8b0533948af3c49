/**
 * The checks of transactions, after Adya's anomalies as they apply to logs: nothing of a transaction is seen before its
 * commit, all of it after, and the order in which transactions wrote and read has no circles.
 *
 *     G0   dirty write      T1 had ended before T2 began, and T2's record stands before T1's in a partition
 *     G1c  circular flow    T1 read what T2 wrote, T2 read what T1 wrote (or round over several), all committed
 *     G-single  fractured read    a reader saw a part of T, or T's commit was answered; a later fetch ends before the rest
 *
 * Always true: two transactions that ran at the same time may have written in any order, and in different orders in two
 * partitions, since a log overwrites nothing: only what a log or a clock contradicts is an anomaly. A fetch may end before a
 * committed record where the record of another transaction, still open, stands before it. Each check is a sort and a pass.
 * Called by the checker only.
 */
import type { Anomaly } from './anomaly.ts';
import { circles } from './circles.ts';
import type { Call } from './history.ts';
import { type Attempt, append, type HistoryIndex, keyOf, type Observation } from './history-index.ts';
import { readsOf } from './transaction-reads.ts';

export function* transactionAnomalies(index: HistoryIndex): Generator<Anomaly> {
  if (index.transactions.size === 0) return;
  yield* dirtyWrites(index);
  const circular = [...circularFlows(index)];
  yield* circular;
  const told = new Set(circular.flatMap(({ calls }) => calls));
  yield* precommittedReads(index, told);
  yield* fracturedReads(index);
}

/** Transactions that ran one after the other wrote one after the other, in every partition. */
function* dirtyWrites(index: HistoryIndex): Generator<Anomaly> {
  for (const attempts of committedByPartition(index).values()) {
    // From the end of the log: of all that stands further on, the one whose transaction was over first.
    let earliest: Attempt | undefined;
    for (const attempt of attempts.sort((a, b) => b.offset - a.offset)) {
      const begunAt = attempt.transaction?.begin?.startedAt ?? 0;
      if (earliest !== undefined && endOf(earliest) < begunAt) {
        yield {
          name: 'dirty write',
          calls: [earliest.call, attempt.call],
          expected: `${JSON.stringify(attempt.value)} behind offset ${earliest.offset}: that transaction was over before`,
          got: `offset ${attempt.offset}`,
        };
      }
      if (earliest === undefined || endOf(attempt) < endOf(earliest)) earliest = attempt;
    }
  }
}

/** What committed transactions wrote, where their receipts say or, where they do not, where it was read. */
function committedByPartition(index: HistoryIndex): Map<string, (Attempt & { readonly offset: number })[]> {
  const partitions = new Map<string, (Attempt & { readonly offset: number })[]>();
  const placed = new Set<Attempt>();
  const note = (attempt: Attempt, partition: number, offset: number | null): void => {
    if (offset === null || attempt.transaction?.outcome !== 'committed' || placed.has(attempt)) return;
    placed.add(attempt);
    append(partitions, keyOf(attempt.topic, partition), { ...attempt, partition, offset });
  };
  for (const attempt of [...index.attempts.values()].flat()) note(attempt, attempt.partition, attempt.offset);
  for (const observation of index.observations) {
    const writer = writerOf(index, observation);
    if (writer !== undefined) note(writer, observation.record.partition, observation.record.offset);
  }
  return partitions;
}

/** When the commit of its transaction had been answered. */
function endOf({ transaction }: Attempt): number {
  return transaction?.end?.endedAt ?? Number.POSITIVE_INFINITY;
}

/** Who read what whom wrote goes in no circle among committed transactions. */
function* circularFlows(index: HistoryIndex): Generator<Anomaly> {
  const readers = new Map<string, Map<string, Observation>>();
  for (const { reader, observation } of readsOf(index)) {
    const writer = writerOf(index, observation)?.transaction;
    if (writer === undefined || writer.outcome !== 'committed' || writer.id === reader.id) continue;
    const ofWriter = readers.get(writer.id) ?? new Map<string, Observation>();
    readers.set(writer.id, ofWriter);
    if (!ofWriter.has(reader.id)) ofWriter.set(reader.id, observation);
  }
  const edges = new Map([...readers].map(([writer, ofWriter]) => [writer, [...ofWriter.keys()]]));
  for (const circle of circles(edges)) {
    const reads = circle.map((writer, position) =>
      readers.get(writer)?.get(circle[(position + 1) % circle.length] ?? ''),
    );
    const [first, second] = reads.filter((read) => read !== undefined);
    if (first === undefined || second === undefined) continue;
    yield {
      name: 'circular flow',
      calls: [first.call, second.call].sort((a, b) => a.startedAt - b.startedAt),
      expected: 'transactions that can be put in an order in which each reads only what was committed before it',
      got: `${circle.map((id) => JSON.stringify(id)).join(' was read by ')}, which was read by the first`,
    };
  }
}

/** The one attempt that can have written what was read; undefined where several can, or none. */
function writerOf(index: HistoryIndex, { topic, record }: Observation): Attempt | undefined {
  const attempts = index.attempts.get(keyOf(topic, record.value)) ?? [];
  const possible = attempts.filter((attempt) => attempt.call.outcome !== 'failed');
  return possible.length === 1 ? possible[0] : undefined;
}

/** Nothing is read before somebody has begun to commit it. */
function* precommittedReads(index: HistoryIndex, told: ReadonlySet<Call>): Generator<Anomaly> {
  for (const observation of index.observations) {
    const { call, record, isUncommitted } = observation;
    if (isUncommitted || told.has(call)) continue;
    const commit = writerOf(index, observation)?.transaction?.commit;
    if (commit === undefined || commit.startedAt < call.endedAt) continue;
    const shown = JSON.stringify(record.value);
    yield {
      name: 'precommitted read',
      calls: [call, commit],
      expected: `${shown} not read before its commit began`,
      got: `${shown} was read`,
    };
  }
}

/** Once something of a transaction was seen, or its commit answered, a fetch does not end before another part of it. */
function* fracturedReads(index: HistoryIndex): Generator<Anomaly> {
  const seen = firstSeen(index);
  const places = new Map<string, Attempt>();
  for (const attempt of [...index.attempts.values()].flat()) {
    if (attempt.offset !== null) places.set(keyOf(attempt.topic, attempt.partition, attempt.offset), attempt);
  }
  for (const { call, facts } of index.fetches) {
    const { topic, partition, lastStableOffset } = facts;
    if (lastStableOffset === undefined || facts.isUncommitted === true) continue;
    const hidden = places.get(keyOf(topic, partition, lastStableOffset));
    const { transaction } = hidden ?? {};
    if (transaction?.outcome !== 'committed' || facts.records.some(({ offset }) => offset === lastStableOffset))
      continue;
    const witness = earlier(seen.get(transaction.id), transaction.end);
    if (witness === undefined || witness.endedAt >= call.startedAt) continue;
    yield {
      name: 'fractured read',
      calls: [witness, call],
      expected: `${JSON.stringify(hidden?.value)} to be there: its transaction had taken effect`,
      got: `reading what is committed ended at offset ${lastStableOffset}, where it stands`,
    };
  }
}

/** By transaction: the read of something of it that ended first. */
function firstSeen(index: HistoryIndex): Map<string, Call> {
  const seen = new Map<string, Call>();
  for (const observation of index.observations) {
    const id = observation.isUncommitted ? undefined : writerOf(index, observation)?.transaction?.id;
    const first = id === undefined ? undefined : earlier(seen.get(id), observation.call);
    if (id !== undefined && first !== undefined) seen.set(id, first);
  }
  return seen;
}

function earlier(one: Call | undefined, other: Call | undefined): Call | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one.endedAt <= other.endedAt ? one : other;
}
