/**
 * How the transactions of a history ended, as far as anybody was told.
 *
 *     a commit was answered, or a refusal said so     committed
 *     a commit may have taken effect                  unknown
 *     an abort was answered, or a refusal said so     aborted
 *     else                                            open: nobody can have committed it
 *
 * Always true: a transaction is found whoever ended it, since every call names its id. Pure; its size is that of the history.
 * Used by the history index only.
 */
import type { Call, CallFacts } from './history.ts';

/** `open`: nobody ended it during the history, so it is not committed. */
export type KnownOutcome = 'committed' | 'aborted' | 'open' | 'unknown';

/** One transaction of a history. */
export interface KnownTransaction {
  readonly id: string;
  readonly outcome: KnownOutcome;
  /** The call that began it; undefined when that is not in the history. */
  readonly begin: Call | undefined;
  /** The first call that tried to commit it; undefined when nobody did. */
  readonly commit: Call | undefined;
  /** The call that shows how it ended; undefined when none does. */
  readonly end: Call | undefined;
}

interface EndCall {
  readonly call: Call;
  readonly facts: Extract<CallFacts, { readonly kind: 'end' }>;
}

/** By id. */
export function indexTransactions(calls: readonly Call[]): ReadonlyMap<string, KnownTransaction> {
  const begins = new Map<string, Call>();
  const ends = new Map<string, EndCall[]>();
  const ids = new Set<string>();
  for (const call of calls) {
    const { facts } = call;
    if (!('transaction' in facts) || facts.transaction === undefined || facts.transaction === '') continue;
    ids.add(facts.transaction);
    if (facts.kind === 'begin') begins.set(facts.transaction, call);
    if (facts.kind === 'end') ends.set(facts.transaction, [...(ends.get(facts.transaction) ?? []), { call, facts }]);
  }
  return new Map([...ids].map((id) => [id, { id, begin: begins.get(id), ...endOf(ends.get(id) ?? []) }]));
}

function endOf(ends: readonly EndCall[]): Pick<KnownTransaction, 'outcome' | 'commit' | 'end'> {
  const commits = ends.filter(({ facts }) => facts.how === 'commit');
  const commit = commits[0]?.call;
  const known = (how: 'commit' | 'abort', outcome: 'committed' | 'aborted'): Call | undefined =>
    ends.find(({ call, facts }) => facts.endedBefore === outcome || (facts.how === how && call.outcome === 'ok'))?.call;
  const committed = known('commit', 'committed');
  if (committed !== undefined) return { outcome: 'committed', commit, end: committed };
  const aborted = known('abort', 'aborted');
  if (aborted !== undefined) return { outcome: 'aborted', commit, end: aborted };
  const mayHaveHeld = commits.some(({ call }) => call.outcome === 'unknown' || call.outcome === 'open');
  return { outcome: mayHaveHeld ? 'unknown' : 'open', commit, end: undefined };
}
