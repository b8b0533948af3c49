/** The suite as a program: its verdicts, its stories, its seeds, and what it does when the environment fails. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createBroker as createStage1 } from '../../stages/1-blocking-queue/index.ts';
import { createBroker as createStage2 } from '../../stages/2-ring-buffer/index.ts';
import type { BrokerOptions } from '../broker-options.ts';
import type { Broker } from '../contract/broker.ts';
import { CAPABILITIES, type Capability, unsupported } from '../contract/capabilities.ts';
import { MqError } from '../contract/errors.ts';
import { describeResult } from './conformance.ts';
import type { ConformanceTarget } from './conformance-test.ts';
import { runConformance } from './run.ts';
import { ALL_TESTS } from './subjects.ts';
import { type ConformanceReport, type TestResult, VERDICTS } from './verdict.ts';

const SEED = 42;
const FIFO = 'messages of one producer are received in the order they were sent';
const MODEL = 'whatever is sent, received, acknowledged and given back, a topic behaves like a simple queue';
const DIES = 'a message whose consumer dies after receive comes back';

const stage1: ConformanceTarget = { name: '1', createBroker: createStage1, clock: 'virtual', stage: 1, seed: SEED };
const stage2: ConformanceTarget = { name: '2', createBroker: createStage2, clock: 'virtual', stage: 2, seed: SEED };

/** A stage 2 broker with some operations replaced. */
function brokenBroker(change: (sound: Broker) => Partial<Broker>) {
  return async (options?: BrokerOptions): Promise<Broker> => {
    const sound = await createStage2(options);
    const changed = change(sound);
    return new Proxy(sound, {
      get(target, name) {
        const owner = Object.hasOwn(changed, name) ? changed : target;
        const member: unknown = Reflect.get(owner, name, owner);
        return typeof member === 'function' ? member.bind(owner) : member;
      },
    });
  };
}

/** Hands out what it has in reverse. */
const reversing = brokenBroker((sound) => ({
  receive: async (...args) => (await sound.receive(...args)).toReversed(),
}));

function onlyResult(report: ConformanceReport): TestResult {
  assert.equal(report.tests.length, 1);
  const [result] = report.tests;
  assert.ok(result !== undefined);
  return result;
}

describe('a report', () => {
  test('has every test once, and five counts that add up', async () => {
    const report = await runConformance(stage1);
    assert.deepEqual(
      report.tests.map((each) => each.name),
      ALL_TESTS.map((each) => each.name),
    );
    const sum = VERDICTS.reduce((total, verdict) => total + report[verdict], 0);
    assert.equal(sum, ALL_TESTS.length);
    assert.deepEqual([report.failed, report.couldNotTest, report.optionOff], [0, 0, 0]);
    assert.ok(report.passed > 90 && report.notYet > 90);
    assert.equal(report.target, '1');
    assert.deepEqual(JSON.parse(JSON.stringify(report)), report);
  });

  test('is told test by test while it is made', async () => {
    const told: string[] = [];
    const report = await runConformance({ ...stage1, only: 'batch', onResult: (result) => told.push(result.name) });
    assert.deepEqual(
      told,
      report.tests.map((each) => each.name),
    );
  });

  test('names the missing capability and its stage for what is not yet there', async () => {
    const result = onlyResult(await runConformance({ ...stage1, only: DIES }));
    assert.equal(result.verdict, 'notYet');
    assert.match(result.reason ?? '', /stage 2.*"lease"/);
  });

  test('has a test for every limit of a stage that a capability names: not yet there, and passed on the next', async () => {
    for (const name of [DIES, 'two groups each see every message']) {
      assert.equal(onlyResult(await runConformance({ ...stage1, only: name })).verdict, 'notYet');
      assert.equal(onlyResult(await runConformance({ ...stage2, only: name })).verdict, 'passed');
    }
    const restart = 'a restart keeps messages: what was accepted is received afterwards';
    const result = onlyResult(await runConformance({ ...stage2, only: restart }));
    assert.match(`${result.verdict} ${result.reason}`, /notYet .*stage 4.*"durable"/);
  });

  test('says option off, with the reason, for what a target cannot be asked', async () => {
    const without = { ...stage2, clock: 'real', isConfigurable: false } as const;
    const options = onlyResult(
      await runConformance({ ...without, only: 'more topics than topicsCountMax is MQ_LIMIT_EXCEEDED' }),
    );
    assert.match(`${options.verdict}: ${options.reason}`, /optionOff: needs broker options/);
    const clock = onlyResult(
      await runConformance({ ...without, only: 'a lease without a length of its own runs 30 seconds and not less' }),
    );
    assert.match(`${clock.verdict}: ${clock.reason}`, /optionOff: needs a virtual clock/);
  });

  test('says option off, not not yet, for what the door of a target cannot carry', async () => {
    const only = 'a subscriber is handed at most its credit of unfinished deliveries';
    const result = onlyResult(await runConformance({ ...stage2, doorLacks: ['push'], only }));
    assert.match(`${result.verdict}: ${result.reason}`, /optionOff: .*"push".*door/);
  });
});

describe('a failure', () => {
  test('tells the sentence, two calls, expected, got, the seed and how to see it again', async () => {
    const result = onlyResult(await runConformance({ ...stage2, createBroker: reversing, only: FIFO }));
    assert.equal(result.verdict, 'failed');
    const { story } = result;
    assert.ok(story !== undefined);
    assert.equal(story.sentence, FIFO);
    const [sent, received, ...others] = story.operations;
    assert.match(sent ?? '', /send\(.*\{body: "m-2"\}\) -> .*offset: 2/);
    assert.match(received ?? '', /receive\(.* -> \[\{offset: 3, body: "m-3".*\{offset: 2, body: "m-2"/);
    assert.deepEqual(others, []);
    assert.match(story.expected, /"m-0", "m-1"/);
    assert.match(story.got, /"m-3", "m-2"/);
    assert.equal(story.seed, SEED);
    assert.equal(story.replay, `mq test 2 --seed ${SEED} --only ${JSON.stringify(FIFO)}`);
    assert.match(describeResult(result), /promised .*\n.*calls .*\n.*\n.*expected .*\n.*got .*\n.*seed .*\n.*replay /);
  });

  test('of a property is shrunk to the shortest sequence, and is the same again with the same seed', async () => {
    const target = { ...stage2, createBroker: reversing, only: MODEL };
    const [first, second] = [onlyResult(await runConformance(target)), onlyResult(await runConformance(target))];
    assert.equal(first.verdict, 'failed');
    const expected = first.story?.expected ?? '';
    assert.match(expected, /shortest sequence of calls: /);
    assert.equal(expected, second.story?.expected);
    assert.equal(first.story?.got, second.story?.got);
    const steps = expected.split('shortest sequence of calls: ')[1]?.split(',') ?? [];
    assert.ok(steps.length <= 3, `two messages and one receive show it: ${expected}`);
  });

  test('of the history is found by the checker, with the calls that contradict', async () => {
    // Acknowledges, and forgets it: the message comes again.
    const forgetful = brokenBroker((sound) => {
      let acksCount = 0;
      const ack: Broker['ack'] = async (deliveries) => {
        acksCount += 1;
        for (const delivery of deliveries) await (acksCount === 20 ? sound.nack(delivery) : sound.ack([delivery]));
      };
      return { ack };
    });
    const only = 'with many producers and competing consumers every message is delivered exactly once';
    const { story, verdict } = onlyResult(await runConformance({ ...stage2, createBroker: forgetful, only }));
    assert.equal(verdict, 'failed');
    assert.match(story?.expected ?? '', /^duplicate: /);
    assert.match(story?.operations[0] ?? '', /(receive|ack)\(/);
    assert.match(story?.operations[1] ?? '', /receive\(/);
  });

  test('is also a call that throws instead of rejecting, and one that answers no promise', async () => {
    const throwing = brokenBroker(() => ({
      send: () => {
        throw new TypeError('thrown');
      },
    }));
    const silent = brokenBroker(() => ({ send: (() => 7) as unknown as Broker['send'] }));
    for (const createBroker of [throwing, silent]) {
      const result = onlyResult(await runConformance({ ...stage2, createBroker, only: FIFO }));
      assert.equal(result.verdict, 'failed');
      assert.match(result.story?.expected ?? '', /a promise/);
    }
  });

  test('is a broker of a stage that lacks a capability of its stage', async () => {
    const only = 'a broker of a stage has every capability of its stage that its door can carry';
    const poor = brokenBroker(() => ({
      capabilities: new Set<Capability>(['send', 'receive', 'batch', 'groups']),
    }));
    const result = onlyResult(await runConformance({ ...stage2, createBroker: poor, only }));
    assert.equal(result.verdict, 'failed');
    assert.match(result.story?.got ?? '', /offsets/);
  });
});

describe('a fault of the environment is could not test, never failed', () => {
  test('a target that cannot be opened: every test', async () => {
    const createBroker = (): Promise<Broker> => Promise.reject(new MqError('MQ_UNREACHABLE', 'nobody listens'));
    const report = await runConformance({ ...stage2, createBroker });
    assert.equal(report.couldNotTest, ALL_TESTS.length);
    assert.match(report.tests[0]?.reason ?? '', /nobody listens/);
  });

  test('a broken connection, a time-out of the client, an error of the system', async () => {
    const errors = [
      new MqError('MQ_CONNECTION_LOST', 'cut'),
      new MqError('MQ_TIMEOUT', 'no answer'),
      Object.assign(new Error('too many open files'), { code: 'EMFILE' }),
    ];
    for (const error of errors) {
      const createBroker = brokenBroker(() => ({ send: () => Promise.reject(error) }));
      const result = onlyResult(await runConformance({ ...stage2, createBroker, only: FIFO }));
      assert.equal(result.verdict, 'couldNotTest', result.reason ?? '');
    }
  });

  test('a call that never ends', async () => {
    const createBroker = brokenBroker(() => ({ describeTopics: () => new Promise(() => undefined) }));
    const only = 'creating a topic again with equal options changes nothing';
    const result = onlyResult(await runConformance({ ...stage2, createBroker, only, testMsMax: 100 }));
    assert.match(`${result.verdict}: ${result.reason}`, /couldNotTest: .*hangs/);
  });

  test('a broker that does not close', async () => {
    const createBroker = brokenBroker(() => ({ close: () => new Promise(() => undefined) }));
    const result = onlyResult(await runConformance({ ...stage2, createBroker, only: FIFO, testMsMax: 100 }));
    assert.equal(result.verdict, 'couldNotTest');
  });
});

describe('a broker with fewer capabilities', () => {
  const operationsOf: Partial<Record<Capability, readonly string[]>> = {
    batch: ['sendBatch'],
    browse: ['browse'],
    offsets: ['fetch', 'commit', 'committed', 'seek'],
  };
  for (const [name, operations] of Object.entries(operationsOf)) {
    test(`fails nothing when it has all but ${name} and says so`, async () => {
      const capability = name as Capability;
      const createBroker = brokenBroker((sound) => {
        const refusing = operations.map((operation) => [operation, unsupported(capability, operation)] as const);
        const capabilities = new Set([...sound.capabilities].filter((other) => other !== capability));
        return { ...Object.fromEntries(refusing), capabilities };
      });
      const report = await runConformance({ name, createBroker, clock: 'virtual', seed: SEED });
      assert.deepEqual(report.tests.filter(({ verdict }) => verdict === 'failed').map(describeResult), []);
      assert.equal(report.couldNotTest, 0);
      assert.ok(report.notYet > 18);
    });
  }
});

describe('choosing tests', () => {
  test('a part of a name chooses all tests that contain it, a whole name only that test', async () => {
    const part = await runConformance({ ...stage1, only: 'a batch' });
    assert.ok(part.tests.length > 3 && part.tests.every((each) => each.name.includes('a batch')));
    assert.equal((await runConformance({ ...stage1, only: 'an empty batch is refused' })).tests.length, 1);
  });

  test('a name that no test has is refused', async () => {
    await assert.rejects(runConformance({ ...stage1, only: 'no such test' }), /no such test/);
  });
});

describe('the suite', () => {
  test('names every test with a sentence of its own', () => {
    const names = ALL_TESTS.map((each) => each.name);
    assert.equal(new Set(names).size, names.length);
    for (const name of names) {
      assert.match(name, /^\S.* .* .*[^.\s]$/, name);
      assert.ok(name.length <= 140, name);
    }
  });

  test('has a test for each capability whose operations the contract has', () => {
    const withoutOperations = new Set(['raw-batches', 'idempotence', 'half-message', 'filters']);
    const tested = new Set(ALL_TESTS.map((each) => each.capability as string));
    const untested = Object.keys(CAPABILITIES).filter((name) => !tested.has(name) && !withoutOperations.has(name));
    assert.deepEqual(untested, []);
  });

  test('gives the same history again with the same seed', async () => {
    const record = async (): Promise<string[]> => {
      const calls: string[] = [];
      const createBroker = async (options?: BrokerOptions): Promise<Broker> => {
        const sound = await createStage2(options);
        return new Proxy(sound, {
          get(target, name) {
            const member: unknown = Reflect.get(target, name, target);
            if (typeof member !== 'function') return member;
            return (...args: unknown[]) => {
              if (name === 'receive') calls.push(JSON.stringify(args[1]));
              return member.apply(target, args);
            };
          },
        });
      };
      await runConformance({ ...stage2, createBroker, only: MODEL });
      return calls;
    };
    const [first, second] = [await record(), await record()];
    assert.ok(first.length > 50);
    assert.deepEqual(first, second);
  });
});
