/**
 * The checker against real histories: what sound brokers do under concurrency has no anomaly, and whatever single
 * event of such a history is removed, repeated, swapped or replaced, the checker notices.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createBroker as createRingBuffer } from '../../stages/2-ring-buffer/index.ts';
import { createBroker as createPersistedLog } from '../../stages/4-persisted-log/index.ts';
import { VirtualClock } from '../clock.ts';
import { SeededRandom } from '../random.ts';
import { type CheckOptions, checkHistory } from './checker.ts';
import { type Call, type CallFacts, History, type LeaseRef, type ReadRecord } from './history.ts';
import { recorded } from './recorder.ts';
import { onSimulatedDisks } from './simulated-target.ts';

const TOPIC = 'topic';
const GROUP = 'g';
const OPTIONS: CheckOptions = { drained: [{ topic: TOPIC, group: GROUP }], readWhole: [TOPIC], anomaliesMax: 1 };

type Facts<Kind extends CallFacts['kind']> = Extract<CallFacts, { readonly kind: Kind }>;

const PARTITIONS_OF = { 'a topic of one partition': 1, 'a topic of three partitions': 3 } as const;

/** Stage 2 has one partition, stage 4 any number. */
const onDisks = onSimulatedDisks((options) => createPersistedLog({ ...options, dataFolder: '/data' }));

/** Three producers, three consumers that now and then give back, and readers of the whole log. */
async function goodHistory(seed: number, partitionCount: number): Promise<History> {
  const clock = new VirtualClock();
  const random = new SeededRandom(seed);
  const create = partitionCount === 1 ? createRingBuffer : onDisks.createBroker;
  const broker = await create({ clock, random });
  const history = new History({ nowMs: () => clock.monotonicMs() });
  const as = (client: string) => recorded(broker, history, client);
  await broker.createTopic(TOPIC, partitionCount === 1 ? {} : { partitionCount });
  const produce = async (client: string): Promise<void> => {
    for (let index = 0; index < 15; index += 1) await as(client).send(TOPIC, { body: `${client}-${index}` });
  };
  const consume = async (memberId: string): Promise<void> => {
    for (let turn = 0; turn < 20; turn += 1) {
      const max = 1 + random.below(4);
      const [first, ...others] = await as(memberId).receive(TOPIC, { group: GROUP, memberId, max });
      if (first === undefined) continue;
      if (random.below(4) === 0) await as(memberId).nack(first);
      else await as(memberId).ack([first]);
      if (others.length > 0) await as(memberId).ack(others);
    }
  };
  await Promise.all([...['p', 'q', 'r'].map(produce), ...['c', 'd', 'e'].map(consume)]);
  for (;;) {
    const rest = await as('c').receive(TOPIC, { group: GROUP, memberId: 'c', max: 10 });
    if (rest.length === 0) break;
    await as('c').ack(rest);
  }
  for (let partition = 0; partition < partitionCount; partition += 1) {
    let offset = 0;
    for (;;) {
      const { records, nextOffset } = await as('reader').fetch(TOPIC, { partition, offset, max: 7 });
      if (records.length === 0) break;
      offset = nextOffset;
    }
  }
  await broker.close();
  return history;
}

/** The history with the facts of one call replaced. */
function altered(history: History, changed: Call, facts: CallFacts): Pick<History, 'calls' | 'isWhole'> {
  return { isWhole: true, calls: history.calls.map((call) => (call === changed ? { ...call, facts } : call)) };
}

function callsOf<Kind extends CallFacts['kind']>(history: History, kind: Kind): { call: Call; facts: Facts<Kind> }[] {
  return history.calls.flatMap((call) =>
    call.facts.kind === kind ? [{ call, facts: call.facts as Facts<Kind> }] : [],
  );
}

/** A token may open several deliveries, each with its own place. */
function leaseOf({ partition, offset, leaseToken }: ReadRecord | LeaseRef): string {
  return JSON.stringify([partition, offset, leaseToken]);
}

/** Every single mutation of the kind, and whether the checker noticed it. */
function everyMutation(mutants: Iterable<readonly [string, Pick<History, 'calls' | 'isWhole'>]>): void {
  let count = 0;
  for (const [what, mutant] of mutants) {
    assert.notEqual(checkHistory(mutant, OPTIONS).length, 0, `not noticed: ${what}`);
    count += 1;
  }
  assert.ok(count > 10, `only ${count} mutations were tried`);
}

for (const [where, partitionCount] of Object.entries(PARTITIONS_OF)) {
  describe(`the checker notices any single wrong event in ${where}`, () => noticesAll(partitionCount));
}

async function noticesAll(partitionCount: number): Promise<void> {
  const history = await goodHistory(7, partitionCount);
  const fetches = callsOf(history, 'fetch').filter(({ facts }) => facts.records.length > 0);
  const receives = callsOf(history, 'receive').filter(({ facts }) => facts.records.length > 0);
  const ended = new Set(callsOf(history, 'ack').flatMap(({ facts }) => facts.refs.map(leaseOf)));

  test('sound histories of many seeds have no anomaly', async () => {
    for (let seed = 0; seed < 25; seed += 1) {
      assert.deepEqual(checkHistory(await goodHistory(seed, partitionCount), OPTIONS), [], `seed ${seed}`);
    }
  });

  test('a record that is missing from a fetch', () => {
    everyMutation(
      fetches.flatMap(({ call, facts }) =>
        facts.records.map((record) => {
          const records = facts.records.filter((other) => other !== record);
          return [record.value, altered(history, call, { ...facts, records })] as const;
        }),
      ),
    );
  });

  test('a delivery that never came', () => {
    everyMutation(
      receives.flatMap(({ call, facts }) =>
        facts.records
          .filter(
            (record) =>
              receives.flatMap((each) => each.facts.records).filter((r) => r.value === record.value).length === 1,
          )
          .map((record) => {
            const records = facts.records.filter((other) => other !== record);
            return [record.value, altered(history, call, { ...facts, records })] as const;
          }),
      ),
    );
  });

  test('a record that stands twice in a fetch', () => {
    everyMutation(
      fetches.flatMap(({ call, facts }) =>
        facts.records.map((record) => {
          const records = [...facts.records, record];
          return [record.value, altered(history, call, { ...facts, records })] as const;
        }),
      ),
    );
  });

  test('a finished message that is delivered once more', () => {
    const last = receives.at(-1);
    assert.ok(last !== undefined);
    everyMutation(
      receives.slice(0, -1).flatMap(({ facts }) =>
        facts.records
          .filter((record) => ended.has(leaseOf(record)))
          .map((record) => {
            const again = { ...record, leaseToken: 'another' };
            return [
              record.value,
              altered(history, last.call, { ...last.facts, records: [again, ...last.facts.records] }),
            ] as const;
          }),
      ),
    );
  });

  test('two records of a fetch or an answer that changed places', () => {
    everyMutation(
      [...fetches, ...receives]
        .filter(
          ({
            facts: {
              records: [first, second],
            },
          }) => second !== undefined && first?.partition === second.partition,
        )
        .map(({ call, facts }) => {
          const [first, second, ...rest] = facts.records;
          const records = [second, first, ...rest].filter((record) => record !== undefined);
          return [call.text, altered(history, call, { ...facts, records } as CallFacts)] as const;
        }),
    );
  });

  test('a record whose content is another', () => {
    everyMutation(
      [...fetches, ...receives].flatMap(({ call, facts }) =>
        facts.records.flatMap((record) => {
          return ['never sent', 'p-0']
            .filter((value) => value !== record.value)
            .map((value) => {
              const records = facts.records.map((other) => (other === record ? { ...record, value } : other));
              return [
                `${record.value} as ${value}`,
                altered(history, call, { ...facts, records } as CallFacts),
              ] as const;
            });
        }),
      ),
    );
  });

  test('a receipt with the offset of another message', () => {
    everyMutation(
      callsOf(history, 'send').map(({ call, facts }) => {
        const baseOffset = ((facts.baseOffset ?? 0) + 1) % 45;
        return [call.text, altered(history, call, { ...facts, baseOffset })] as const;
      }),
    );
  });

  test('a send that was refused although its message was read', () => {
    everyMutation(
      callsOf(history, 'send').map(({ call }) => {
        const calls = history.calls.map((other) => (other === call ? { ...call, outcome: 'failed' as const } : other));
        return [call.text, { isWhole: true, calls }] as const;
      }),
    );
  });
}

describe('the checker is bounded', () => {
  test('a history keeps at most callsMax calls, and one that dropped calls is not judged', () => {
    const history = new History({ nowMs: () => 0, callsMax: 10 });
    for (let count = 0; count < 1000; count += 1) {
      history.start({ client: 'c', text: 'x', facts: { kind: 'other', topic: undefined } })({
        outcome: 'ok',
        answer: '',
      });
    }
    assert.ok(history.calls.length <= 10);
    assert.equal(history.isWhole, false);
    assert.throws(() => checkHistory(history), /dropped calls/);
  });

  test('a history of 50,000 calls is judged', () => {
    const history = new History({ nowMs: () => 0, callsMax: 50_000 });
    for (let offset = 0; offset < 25_000; offset += 1) {
      const value = `v-${offset}`;
      const sent = { kind: 'send', topic: TOPIC, partition: 0, values: [value], baseOffset: offset } as const;
      history.start({ client: 'p', text: 'send', facts: sent })({ outcome: 'ok', answer: '' });
      const records = [{ partition: 0, offset, value, leaseToken: value, deliveryCount: 1 }];
      const got = { kind: 'receive', topic: TOPIC, group: GROUP, memberId: 'c', leaseMs: 1, records } as const;
      history.start({ client: 'c', text: 'receive', facts: got })({ outcome: 'ok', answer: '' });
    }
    assert.deepEqual(checkHistory(history, { drained: [{ topic: TOPIC, group: GROUP }] }), []);
  });

  test('it stops after anomaliesMax', () => {
    const history = new History({ nowMs: () => 0 });
    for (let count = 0; count < 100; count += 1) {
      const records = [{ partition: 0, offset: count, value: `ghost-${count}` }];
      const facts = { kind: 'receive', topic: TOPIC, group: GROUP, memberId: 'c', leaseMs: 1, records } as const;
      history.start({ client: 'c', text: 'receive', facts })({ outcome: 'ok', answer: '' });
    }
    assert.equal(checkHistory(history, { anomaliesMax: 3 }).length, 3);
    assert.equal(checkHistory(history).length, 20);
  });
});
