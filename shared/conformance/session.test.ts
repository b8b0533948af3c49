/** A session outlives what it runs: listeners that throw, and tests that go on after they were given up. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createBroker } from '../../stages/2-ring-buffer/index.ts';
import type { BrokerOptions } from '../broker-options.ts';
import type { Broker } from '../contract/broker.ts';
import { equal } from './check.ts';
import { overridden } from './mutants/mutant.ts';
import { runConformance } from './run.ts';
import { Session } from './session.ts';
import type { TestContext } from './test-context.ts';
import { EnvironmentFault } from './verdict.ts';

const NAME = 'a test of this file';

/** One test with this body. */
function testOf(run: (context: TestContext) => Promise<void>) {
  return { name: NAME, capability: 'send', run } as const;
}

describe('a session', () => {
  test('gives its verdicts although the one who listens to them throws', async () => {
    const onResult = (): void => {
      throw new Error('the screen is gone');
    };
    const report = await runConformance({ name: '2', createBroker, clock: 'virtual', only: 'a batch', onResult });
    assert.ok(report.passed > 3);
    assert.equal(report.passed + report.notYet, report.tests.length);
  });

  test('gives a test up that hangs, and the broker it shares with others hears no more of it', async () => {
    const asked: string[] = [];
    const createListened = async (options?: BrokerOptions): Promise<Broker> => {
      const sound = await createBroker(options);
      return overridden(sound, {
        send: (topic, message) => {
          asked.push(topic);
          return sound.send(topic, message);
        },
      });
    };
    const session = new Session({ name: '2', createBroker: createListened, clock: 'real', testMsMax: 50 });
    await session.open();
    const gate = Promise.withResolvers<void>();
    const afterwards = Promise.withResolvers<PromiseSettledResult<unknown>[]>();
    const hanging = testOf(async (context) => {
      const { broker } = context;
      const topic = await context.newTopic();
      await broker.send(topic, { body: 'in time' });
      await gate.promise;
      const held = broker.send(topic, { body: 'late' });
      context.beginHistory();
      const begunAgain = context.broker.send(topic, { body: 'late, in a new record' });
      afterwards.resolve(await Promise.allSettled([held, begunAgain, context.openBroker()]));
    });
    assert.equal((await session.run(hanging)).verdict, 'couldNotTest');
    gate.resolve();
    for (const late of await afterwards.promise) {
      assert.ok(late.status === 'rejected' && late.reason instanceof EnvironmentFault);
    }
    assert.equal(asked.length, 1);
    await session.close();
  });

  test('tells a failure as it was before it cleaned up', async () => {
    const session = new Session({ name: '2', createBroker, clock: 'real' });
    await session.open();
    const failing = testOf(async (context) => {
      const topic = await context.newTopic();
      void context.as('waiting').receive(await context.newTopic(), { waitMs: 60_000 });
      equal(await context.broker.send(topic, { body: 'a' }), null, 'the receipt');
    });
    const { story } = await session.run(failing);
    assert.doesNotMatch(story?.operations.join() ?? '', /rejected/);
    await session.close();
  });
});
