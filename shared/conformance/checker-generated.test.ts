/**
 * The checker on histories of transactions made by chance: those of a sound broker have no anomaly, and whatever single
 * event in one is made wrong, it is noticed.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type CheckOptions, checkHistory } from './checker.ts';
import { type Call, type CallFacts, describeCall, type History } from './history.ts';
import { GeneratedHistory } from './testing/generated-history.ts';

const SEEDS_COUNT = 400;
const OPTIONS: CheckOptions = { anomaliesMax: 1 };

type Judged = Pick<History, 'calls' | 'isWhole'>;
type FactsOfKind<Kind extends CallFacts['kind']> = Extract<CallFacts, { readonly kind: Kind }>;

function callsOf<Kind extends CallFacts['kind']>(
  { calls }: Judged,
  kind: Kind,
): { readonly call: Call; readonly facts: FactsOfKind<Kind> }[] {
  return calls.flatMap((call) => (call.facts.kind === kind ? [{ call, facts: call.facts as FactsOfKind<Kind> }] : []));
}

function altered({ calls }: Judged, changed: Call, change: Partial<Call>): Judged {
  return { isWhole: true, calls: calls.map((call) => (call === changed ? { ...call, ...change } : call)) };
}

/** By transaction: what readers of what is committed have read of it, and when they were done. */
function readersOf(history: Judged): Map<string, Call[]> {
  const writers = new Map<string, string>();
  for (const { facts } of callsOf(history, 'send')) {
    if (facts.transaction !== undefined) for (const value of facts.values) writers.set(value, facts.transaction);
  }
  const readers = new Map<string, Call[]>();
  for (const { call, facts } of callsOf(history, 'fetch')) {
    if (facts.isUncommitted === true) continue;
    for (const { value } of facts.records) {
      const writer = writers.get(value);
      if (writer !== undefined) readers.set(writer, [...(readers.get(writer) ?? []), call]);
    }
  }
  return readers;
}

/** Each of the mutations of many histories is noticed; there are enough of them. */
function everyMutation(name: string, mutationsOf: (history: Judged) => Iterable<readonly [Call, Judged]>): void {
  let count = 0;
  for (let seed = 0; seed < SEEDS_COUNT / 4; seed += 1) {
    for (const [call, mutant] of mutationsOf(new GeneratedHistory(seed).script.history)) {
      assert.notEqual(checkHistory(mutant, OPTIONS).length, 0, `seed ${seed}: not noticed in ${describeCall(call)}`);
      count += 1;
    }
  }
  assert.ok(count > 50, `${name}: only ${count} mutations were tried`);
}

describe('histories of transactions that a sound broker may answer', () => {
  test('have no anomaly, however calls overlap and whatever is never answered', () => {
    const seen = { committedCount: 0, abortedCount: 0, unknownCount: 0 };
    for (let seed = 0; seed < SEEDS_COUNT; seed += 1) {
      const { history } = new GeneratedHistory(seed).script;
      const [anomaly] = checkHistory(history, OPTIONS);
      const told = anomaly && `${anomaly.name}: ${anomaly.calls.map(describeCall).join(' / ')}: ${anomaly.got}`;
      assert.equal(told, undefined, `seed ${seed}`);
      for (const { call, facts } of callsOf(history, 'end')) {
        if (call.outcome === 'unknown') seen.unknownCount += 1;
        else if (facts.how === 'commit') seen.committedCount += 1;
        else seen.abortedCount += 1;
      }
    }
    assert.ok(Math.min(...Object.values(seen)) > 100, JSON.stringify(seen));
  });
});

describe('in such a history the checker notices', () => {
  test('a transaction that was read, and was aborted', () => {
    everyMutation('aborted', function* (history) {
      const readers = readersOf(history);
      for (const { call, facts } of callsOf(history, 'end')) {
        if (facts.how === 'abort' || !readers.has(facts.transaction)) continue;
        yield [call, altered(history, call, { outcome: 'ok', facts: { ...facts, how: 'abort' } })];
      }
    });
  });

  test('a transaction that was read before its commit began', () => {
    everyMutation('late', function* (history) {
      const readers = readersOf(history);
      const last = history.calls.length * 10;
      for (const { call, facts } of callsOf(history, 'end')) {
        if (facts.how !== 'commit' || !readers.has(facts.transaction)) continue;
        yield [call, altered(history, call, { outcome: 'ok', startedAt: last, endedAt: last + 1 })];
      }
    });
  });

  test('a committed record that is left out of a fetch that passes it', () => {
    everyMutation('left out', function* (history) {
      const placed = callsOf(history, 'send').filter(({ call }) => call.outcome === 'ok');
      const known = new Set(placed.flatMap(({ facts }) => facts.values));
      const mayHold = new Set(
        callsOf(history, 'end').flatMap(({ call, facts }) =>
          call.outcome === 'ok' && facts.how === 'commit' ? [facts.transaction] : [],
        ),
      );
      const doubtful = new Set(
        placed.flatMap(({ facts }) =>
          facts.transaction === undefined || mayHold.has(facts.transaction) ? [] : facts.values,
        ),
      );
      for (const { call, facts } of callsOf(history, 'fetch')) {
        for (const record of facts.records.filter(({ value }) => known.has(value) && !doubtful.has(value))) {
          const records = facts.records.filter((other) => other !== record);
          yield [call, altered(history, call, { facts: { ...facts, records } })];
        }
      }
    });
  });

  test('a commit that was answered and that a later reader does not find', () => {
    everyMutation('not found', function* (history) {
      const firsts = callsOf(history, 'send');
      for (const { call: commit, facts: end } of callsOf(history, 'end')) {
        const written = firsts.find(({ facts }) => facts.transaction === end.transaction);
        if (written === undefined || end.how !== 'commit' || commit.outcome !== 'ok') continue;
        const { topic, baseOffset } = written.facts;
        const later = callsOf(history, 'fetch').find(
          ({ call, facts }) => facts.topic === topic && facts.isUncommitted !== true && call.startedAt > commit.endedAt,
        );
        if (later === undefined || baseOffset === null) continue;
        const blind = {
          ...later.facts,
          offset: baseOffset,
          nextOffset: baseOffset,
          records: [],
          lastStableOffset: baseOffset,
        };
        yield [later.call, altered(history, later.call, { facts: blind })];
      }
    });
  });

  test('two transactions one after the other that changed places', () => {
    everyMutation('changed places', function* (history) {
      const ends = callsOf(history, 'end').filter(({ call, facts }) => call.outcome === 'ok' && facts.how === 'commit');
      const sends = callsOf(history, 'send');
      for (const { call: commit, facts: end } of ends) {
        const first = sends.find(({ facts }) => facts.transaction === end.transaction);
        const begun = new Set(
          callsOf(history, 'begin').flatMap(({ call, facts }) =>
            call.startedAt > commit.endedAt ? [facts.transaction] : [],
          ),
        );
        const second = sends.find(({ facts }) => {
          const isCommitted = ends.some((other) => other.facts.transaction === facts.transaction);
          return isCommitted && begun.has(facts.transaction ?? '') && facts.topic === first?.facts.topic;
        });
        if (first === undefined || second === undefined) continue;
        const swapped = altered(history, first.call, {
          facts: { ...first.facts, baseOffset: second.facts.baseOffset },
        });
        const changed = swapped.calls.find(({ startedAt }) => startedAt === second.call.startedAt) ?? second.call;
        yield [
          first.call,
          altered(swapped, changed, { facts: { ...second.facts, baseOffset: first.facts.baseOffset } }),
        ];
      }
    });
  });
});
