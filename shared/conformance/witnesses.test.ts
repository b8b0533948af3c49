/** A story cites the calls that contradict each other, and not merely the latest. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createBroker as createStage1 } from '../../stages/1-blocking-queue/index.ts';
import { createBroker as createStage2 } from '../../stages/2-ring-buffer/index.ts';
import type { BrokerOptions } from '../broker-options.ts';
import type { Broker } from '../contract/broker.ts';
import { overridden } from './mutants/mutant.ts';
import { runConformance } from './run.ts';
import { delivery, LEASE_MS, Script } from './testing/handmade-history.ts';
import type { Difference } from './verdict.ts';
import { witnessesOf } from './witnesses.ts';

function cited(script: Script, difference?: Difference): readonly string[] {
  return witnessesOf(script.history, difference).map(({ text }) => text);
}

/** Two messages without offsets, so that the checker has nothing against any order; read to the end. */
function readToTheEnd(...values: readonly string[]): Script {
  const script = new Script();
  script.send('a', null);
  script.send('b', null);
  script.call('c', `receive ${values.join(' ')}`, received(values));
  script.settle('ack', 0, 'lease');
  script.call('c', 'receive nothing', received([]));
  return script;
}

function received(values: readonly string[]) {
  const records = values.map((value) => delivery(value, null, `lease of ${value}`));
  return { kind: 'receive', topic: 't', group: 'g', memberId: 'c', leaseMs: LEASE_MS, records } as const;
}

describe('the calls cited', () => {
  test('are those of the anomaly that the checker finds', () => {
    const script = new Script();
    script.send('a', 0);
    script.receive('c', delivery('a', 0, 'lease'));
    script.settle('ack', 0, 'lease');
    script.receive('c', delivery('a', 0, 'other lease'));
    script.settle('ack', 0, 'other lease');
    assert.deepEqual(cited(script, { expected: undefined, got: 'a' }), ['ack', 'receive']);
  });

  test('are the send of what should have come, and the read that answered something else', () => {
    assert.deepEqual(cited(readToTheEnd('b', 'a'), { expected: 'a', got: 'b' }), ['send a', 'receive b a']);
  });

  test('are the send of what should have come, and the read that answered nothing more', () => {
    assert.deepEqual(cited(readToTheEnd('a'), { expected: 'b', got: undefined }), ['send b', 'receive nothing']);
  });

  test('are the send and the read of what should not have come', () => {
    assert.deepEqual(cited(readToTheEnd('a', 'b'), { expected: undefined, got: 'b' }), ['send b', 'receive a b']);
  });

  test('are, when nothing is known, the latest that answered something and what it built on', () => {
    assert.deepEqual(cited(readToTheEnd('b', 'a')), ['send b', 'receive b a']);
    assert.deepEqual(cited(readToTheEnd('b', 'a'), { expected: 'x', got: 'y' }), ['send b', 'receive b a']);
  });

  test('are an empty answer and a send, when what was received before was never finished', () => {
    const script = new Script();
    script.send('a', 0);
    script.receive('dies', delivery('a', 0, 'lease'));
    script.call('c', 'receive nothing', received([]));
    assert.deepEqual(cited(script), ['send a', 'receive nothing']);
  });

  test('are the latest, and not those of an anomaly, when what failed is no list of bodies', () => {
    const script = new Script();
    script.receive('c', delivery('ghost', 0, 'lease'));
    script.send('a', 1);
    script.settle('nack', 1, 'invented');
    assert.deepEqual(cited(script), ['send a', 'nack']);
  });

  test('are an empty answer and a send, when nothing else was ever answered', () => {
    const script = new Script();
    script.send('a', null);
    script.call('c', 'receive nothing', received([]));
    assert.deepEqual(cited(script), ['send a', 'receive nothing']);
  });

  test('are what there is of one call, and of none', () => {
    const script = new Script();
    assert.deepEqual(cited(script), []);
    script.open('p', 'send a', received([]));
    assert.deepEqual(cited(script), ['send a']);
  });
});

test('a description that is wrong is shown with what was done to its topic', async () => {
  const forgetful = async (options?: BrokerOptions): Promise<Broker> => {
    const sound = await createStage2(options);
    const describeTopics: Broker['describeTopics'] = async (...args) =>
      (await sound.describeTopics(...args)).map((topic) => ({ ...topic, droppedCount: 0 }));
    return overridden(sound, { describeTopics });
  };
  const only = 'a full topic that drops the oldest keeps the newest';
  const { tests } = await runConformance({ name: '2', createBroker: forgetful, clock: 'virtual', only });
  const [cause, described] = tests[0]?.story?.operations ?? [];
  assert.match(cause ?? '', /send\(/);
  assert.match(described ?? '', /describeTopics\(.*droppedCount: 0/);
});

test('a broker that loses a message is shown the send and the answer that should have had it, also without offsets', async () => {
  const losing = async (options?: BrokerOptions): Promise<Broker> => {
    const sound = await createStage1(options);
    const isKept = ({ body }: { readonly body: Uint8Array }): boolean => new TextDecoder().decode(body) !== 'm-9';
    return overridden(sound, { receive: async (...args) => (await sound.receive(...args)).filter(isKept) });
  };
  const only = 'messages of one producer are received in the order they were sent';
  const { tests } = await runConformance({ name: '1', createBroker: losing, clock: 'virtual', only });
  const [sent, received, ...others] = tests[0]?.story?.operations ?? [];
  assert.match(sent ?? '', /send\(.*"m-9"/);
  assert.match(received ?? '', /receive\(.*"m-8".*"m-10"/);
  assert.deepEqual(others, []);
});
