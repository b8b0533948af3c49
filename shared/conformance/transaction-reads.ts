/**
 * What transactions have read: the deliveries they acknowledged, and what their client fetched while they were open.
 *
 *     receive(a) ---- begin T ---- fetch(b) ---- T.ack(a) ---- T.commit      T has read a and b
 *
 * Always true: only committed transactions, and only reads that were over when the commit began. A client with several open
 * transactions has read for each of them. Pure. Used by the checks of transactions only.
 */
import type { LeaseRef, ReadRecord } from './history.ts';
import { append, type CallOf, type HistoryIndex, keyOf, type Observation } from './history-index.ts';
import type { KnownTransaction } from './transaction-index.ts';

/** One record that one transaction has read. */
export interface TransactionRead {
  readonly reader: KnownTransaction;
  readonly observation: Observation;
}

export function* readsOf(index: HistoryIndex): Generator<TransactionRead> {
  yield* acknowledged(index);
  yield* fetched(index);
}

function* acknowledged(index: HistoryIndex): Generator<TransactionRead> {
  const deliveries = new Map<string, Observation>();
  for (const { call, facts } of index.receives) {
    const { topic, group } = facts;
    for (const record of facts.records) {
      deliveries.set(leaseKey({ topic, group, ...record }), { call, topic, record, isUncommitted: false });
    }
  }
  for (const { call, facts } of index.leaseCalls) {
    if (facts.kind !== 'ack' || facts.transaction === undefined || call.outcome !== 'ok') continue;
    const reader = index.transactions.get(facts.transaction);
    if (reader?.outcome !== 'committed') continue;
    for (const ref of facts.refs) {
      const observation = deliveries.get(leaseKey(ref));
      if (observation !== undefined) yield { reader, observation };
    }
  }
}

function leaseKey({
  topic,
  group,
  partition,
  offset,
  leaseToken = null,
}: LeaseRef | (ReadRecord & { readonly topic: string; readonly group: string })): string {
  return keyOf(topic, group, partition, offset, leaseToken);
}

function* fetched(index: HistoryIndex): Generator<TransactionRead> {
  const byClient = new Map<string, CallOf<'fetch'>[]>();
  for (const fetch of index.fetches) {
    if (fetch.facts.isUncommitted !== true) append(byClient, fetch.call.client, fetch);
  }
  for (const reader of index.transactions.values()) {
    const { outcome, begin, commit } = reader;
    if (outcome !== 'committed' || begin === undefined || commit === undefined) continue;
    const ofClient = byClient.get(begin.client) ?? [];
    for (let place = firstAfter(ofClient, begin.endedAt); place < ofClient.length; place += 1) {
      const fetch = ofClient[place];
      if (fetch === undefined || fetch.call.startedAt > commit.startedAt) break;
      if (fetch.call.endedAt > commit.startedAt) continue;
      const { call, facts } = fetch;
      for (const record of facts.records) {
        yield { reader, observation: { call, topic: facts.topic, record, isUncommitted: false } };
      }
    }
  }
}

/** The place of the first call that started after `step`; binary search. */
function firstAfter(fetches: readonly CallOf<'fetch'>[], step: number): number {
  let low = 0;
  let high = fetches.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((fetches[middle]?.call.startedAt ?? 0) <= step) low = middle + 1;
    else high = middle;
  }
  return low;
}
