/**
 * A history sorted into what was sent and what was read, so that each check is one pass over one list.
 *
 * Always true: only topics that were not deleted during the history are in it (their offsets would begin again), and
 * only calls that ended with an answer count as observations. Built once for each check; its size is that of the
 * history.
 */
import type { Call, CallFacts, ReadRecord } from './history.ts';

type FactsOfKind<Kind extends CallFacts['kind']> = Extract<CallFacts, { readonly kind: Kind }>;

/** One call together with its facts, narrowed to one kind. */
export type CallOf<Kind extends CallFacts['kind']> = Kind extends Kind
  ? { readonly call: Call; readonly facts: FactsOfKind<Kind> }
  : never;

/** One attempt to send one value. */
export interface Attempt {
  readonly call: Call;
  readonly topic: string;
  readonly partition: number;
  readonly value: string;
  /** null when it was not accepted, or the broker has no offsets. */
  readonly offset: number | null;
}

/** One record as one call saw it. */
export interface Observation {
  readonly call: Call;
  readonly topic: string;
  readonly record: ReadRecord;
}

export interface HistoryIndex {
  /** By topic and value, in the order of their starts. */
  readonly attempts: ReadonlyMap<string, readonly Attempt[]>;
  readonly observations: readonly Observation[];
  readonly sends: readonly CallOf<'send'>[];
  readonly fetches: readonly CallOf<'fetch'>[];
  readonly receives: readonly CallOf<'receive'>[];
  /** commit and committed, in the order of their starts. */
  readonly positions: readonly CallOf<'commit' | 'committed'>[];
  /** In the order of their starts. */
  readonly seeks: readonly CallOf<'seek'>[];
  /** Calls that name leases: ack, nack, extendLease; whatever their outcome. */
  readonly leaseCalls: readonly CallOf<'ack' | 'nack' | 'extendLease'>[];
  /** Calls after which a group may deliver something again: seek, leave, deleteGroup; unless they were refused. */
  readonly reopenings: readonly CallOf<'seek' | 'leave' | 'deleteGroup'>[];
  /** The broker stopped and started again: leases may have been forgotten, acks not. */
  readonly restarts: readonly CallOf<'restart'>[];
}

/** Joins the parts of a key so that no two keys meet. */
export function keyOf(...parts: readonly (string | number | null)[]): string {
  return JSON.stringify(parts);
}

/** Adds `item` to the list at `key`. */
export function append<Item>(lists: Map<string, Item[]>, key: string, item: Item): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}

export function indexHistory(calls: readonly Call[]): HistoryIndex {
  const deleted = new Set(calls.flatMap(({ facts }) => (facts.kind === 'deleteTopic' ? [facts.topic] : [])));
  const kept = calls.filter(
    ({ facts }) => !('topic' in facts && facts.topic !== undefined && deleted.has(facts.topic)),
  );
  const sends = ofKind(kept, 'send');
  const fetches = ofKind(kept, 'fetch').filter(isAnswered);
  const receives = ofKind(kept, 'receive');
  return {
    attempts: attemptsOf(sends),
    observations: [...fetches, ...receives].flatMap(({ call, facts }) =>
      facts.records.map((record) => ({ call, topic: facts.topic, record })),
    ),
    sends,
    fetches,
    receives,
    positions: [...ofKind(kept, 'commit'), ...ofKind(kept, 'committed')].filter(isAnswered).sort(byStart),
    seeks: ofKind(kept, 'seek').filter(({ call }) => call.outcome !== 'failed'),
    leaseCalls: [...ofKind(kept, 'ack'), ...ofKind(kept, 'nack'), ...ofKind(kept, 'extendLease')].sort(byStart),
    reopenings: [...ofKind(kept, 'seek'), ...ofKind(kept, 'leave'), ...ofKind(kept, 'deleteGroup')].filter(
      ({ call }) => call.outcome !== 'failed',
    ),
    restarts: ofKind(kept, 'restart'),
  };
}

function ofKind<Kind extends CallFacts['kind']>(calls: readonly Call[], kind: Kind): CallOf<Kind>[] {
  return calls.flatMap((call) => (call.facts.kind === kind ? [{ call, facts: call.facts } as CallOf<Kind>] : []));
}

function isAnswered({ call }: { readonly call: Call }): boolean {
  return call.outcome === 'ok';
}

export function byStart(a: { readonly call: Call }, b: { readonly call: Call }): number {
  return a.call.startedAt - b.call.startedAt;
}

function attemptsOf(sends: readonly CallOf<'send'>[]): Map<string, Attempt[]> {
  const attempts = new Map<string, Attempt[]>();
  for (const { call, facts } of sends) {
    const { topic, partition, values, baseOffset } = facts;
    values.forEach((value, index) => {
      const isPlaced = call.outcome === 'ok' && baseOffset !== null;
      const attempt = { call, topic, partition, value, offset: isPlaced ? baseOffset + index : null };
      append(attempts, keyOf(topic, value), attempt);
    });
  }
  return attempts;
}
