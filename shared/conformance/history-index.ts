/**
 * A history sorted into what was sent and what was read, so that each check is one pass over one list.
 *
 * Always true: only topics that were not deleted during the history are in it (their offsets would begin again), and
 * only calls that ended with an answer count as observations. Built once for each check; its size is that of the
 * history.
 */
import type { Call, CallFacts, CallOutcome, ReadRecord } from './history.ts';
import { indexTransactions, type KnownOutcome, type KnownTransaction } from './transaction-index.ts';

type FactsOfKind<Kind extends CallFacts['kind']> = Extract<CallFacts, { readonly kind: Kind }>;

/** One call together with its facts, narrowed to one kind. */
export type CallOf<Kind extends CallFacts['kind']> = Kind extends Kind
  ? { readonly call: Call; readonly facts: FactsOfKind<Kind> }
  : never;

/** One attempt to send one value. */
export interface Attempt {
  readonly call: Call;
  /** What became of it: of one in a transaction, what became of that too. */
  readonly outcome: CallOutcome;
  /** The transaction it was made in. */
  readonly transaction: KnownTransaction | undefined;
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
  /** True when what is not committed had been asked for too. */
  readonly isUncommitted: boolean;
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
  /** Of which nobody knows whether they hold: the broker that runs may show them, and a restart may undo them. */
  readonly unsureSettlings: readonly CallOf<'commit' | 'ack' | 'nack'>[];
  /** In the order of their starts. */
  readonly seeks: readonly CallOf<'seek'>[];
  /** By id. */
  readonly transactions: ReadonlyMap<string, KnownTransaction>;
  /** Positions that hold since the end of a committed transaction, which may have been beyond them before. */
  readonly transactionPositions: readonly CallOf<'commitOffset'>[];
  /**
   * Calls that name leases: ack, nack, extendLease; whatever their outcome. The acks of a transaction are here as what it
   * made of them.
   */
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
  const transactions = indexTransactions(kept);
  const leaseCalls = [
    ...ofKind(kept, 'ack').flatMap((ack) => effectsOf(ack, transactions)),
    ...ofKind(kept, 'nack'),
    ...ofKind(kept, 'extendLease'),
  ];
  return {
    attempts: attemptsOf(sends, transactions),
    observations: [...fetches, ...receives].flatMap(({ call, facts }) => {
      const isUncommitted = facts.kind === 'fetch' && facts.isUncommitted === true;
      return facts.records.map((record) => ({ call, topic: facts.topic, record, isUncommitted }));
    }),
    sends,
    fetches,
    receives,
    positions: [...ofKind(kept, 'commit'), ...ofKind(kept, 'committed')].filter(isAnswered).sort(byStart),
    unsureSettlings: [...ofKind(kept, 'commit'), ...ofKind(kept, 'ack'), ...ofKind(kept, 'nack')].filter(
      ({ call }) => call.outcome === 'unknown' || call.outcome === 'open',
    ),
    seeks: ofKind(kept, 'seek').filter(({ call }) => call.outcome !== 'failed'),
    transactions,
    transactionPositions: ofKind(kept, 'commitOffset').flatMap(({ call, facts }) => {
      const { outcome, end } = transactions.get(facts.transaction) ?? {};
      const isSet = call.outcome === 'ok' && outcome === 'committed' && end !== undefined;
      return isSet ? [{ call: end, facts }] : [];
    }),
    leaseCalls: leaseCalls.sort(byStart),
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

/** An ack as it is; one of a transaction as an ack, as a return to the group, or, where nobody knows, as both. */
function effectsOf(
  { call, facts }: CallOf<'ack'>,
  transactions: ReadonlyMap<string, KnownTransaction>,
): CallOf<'ack' | 'nack'>[] {
  const outcome = facts.transaction === undefined ? 'committed' : transactions.get(facts.transaction)?.outcome;
  if (outcome === 'committed' || call.outcome === 'failed') return [{ call, facts }];
  const back = { kind: 'nack', refs: facts.refs } as const;
  if (outcome === 'aborted') return [{ call, facts: back }];
  const doubtful: Call = { ...call, outcome: 'unknown' };
  return [
    { call: doubtful, facts },
    { call: doubtful, facts: back },
  ];
}

function attemptsOf(
  sends: readonly CallOf<'send'>[],
  transactions: ReadonlyMap<string, KnownTransaction>,
): Map<string, Attempt[]> {
  const attempts = new Map<string, Attempt[]>();
  for (const { call, facts } of sends) {
    const { topic, partition, values, baseOffset } = facts;
    const transaction = facts.transaction === undefined ? undefined : transactions.get(facts.transaction);
    const outcome = outcomeOf(call.outcome, transaction?.outcome);
    values.forEach((value, index) => {
      const isPlaced = call.outcome === 'ok' && baseOffset !== null;
      const offset = isPlaced ? baseOffset + index : null;
      append(attempts, keyOf(topic, value), { call, outcome, transaction, topic, partition, value, offset });
    });
  }
  return attempts;
}

/** What is not committed counts as refused: no reader of what is committed may see it. */
function outcomeOf(ofCall: CallOutcome, ofTransaction: KnownOutcome | undefined): CallOutcome {
  if (ofTransaction === undefined || ofTransaction === 'committed' || ofCall === 'failed') return ofCall;
  return ofTransaction === 'unknown' ? 'unknown' : 'failed';
}
