import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createBroker as createStage1 } from '../../stages/1-blocking-queue/index.ts';
import { createBroker } from '../../stages/2-ring-buffer/index.ts';
import { VirtualClock } from '../clock.ts';
import { isMqError, MqError } from '../contract/errors.ts';
import { SeededRandom } from '../random.ts';
import type { ConsumedMessage } from './consumed-message.ts';
import { Consumer } from './consumer.ts';
import type { ConsumerOptions } from './consumer-options.ts';
import type { ConsumerStatus } from './consumer-state.ts';
import { lagOf, sendAll, until } from './testing/steps.ts';

const bodiesOf = (messages: readonly ConsumedMessage[]): string[] => messages.map(({ text }) => text);

async function open(options: Partial<ConsumerOptions> = {}, stage: 1 | 2 = 2) {
  const clock = new VirtualClock();
  const random = new SeededRandom(5);
  const broker = await (stage === 1 ? createStage1 : createBroker)({ clock, random });
  const consumer = new Consumer({ broker, topic: 't', clock, random, ...options });
  return { clock, broker, consumer };
}

describe('trouble with the broker', () => {
  test('a receive that fails for a while is repeated, and the state says so and why', async () => {
    const statuses: ConsumerStatus[] = [];
    const { broker, clock, consumer } = await open();
    let failures = 3;
    const receive = broker.receive.bind(broker);
    broker.receive = (...args) => {
      failures -= 1;
      return failures >= 0 ? Promise.reject(new MqError('MQ_UNREACHABLE', 'no route')) : receive(...args);
    };
    const watching = new Consumer({
      broker,
      topic: 't',
      clock,
      onState: ({ status }) => statuses.push(status),
    });
    await sendAll(broker, ['a']);
    const next = watching[Symbol.asyncIterator]().next();
    await until(clock, () => watching.state.receivedCount === 1);
    assert.equal((await next).value?.text, 'a');
    assert.deepEqual(statuses, ['running', 'retrying', 'retrying', 'retrying', 'running']);
    assert.ok(isMqError(watching.state.reason, 'MQ_UNREACHABLE'));
    await Promise.all([watching.close({ timeoutMs: 0 }), consumer.close(), clock.pass(0)]);
  });

  test('a broker that is closed fails the consumer: loop and onMessage reject with the reason', async () => {
    const { broker, clock, consumer } = await open();
    const next = consumer[Symbol.asyncIterator]().next();
    const finished = consumer.onMessage(() => undefined);
    const bothRejected = Promise.all(
      [next, finished].map((call) => assert.rejects(call, (error) => isMqError(error, 'MQ_CLOSED'))),
    );
    await new Promise((resolve) => setImmediate(resolve));
    await broker.close();
    await clock.pass(1000);
    await bothRejected;
    assert.equal(consumer.state.status, 'failed');
    await consumer.close();
    assert.equal(consumer.state.status, 'closed');
  });

  test('a broker that answers nothing without waiting is not asked in a tight loop', async () => {
    const { broker, clock, consumer } = await open();
    let callCount = 0;
    broker.receive = async () => {
      callCount += 1;
      return [];
    };
    const finished = consumer.onMessage(() => undefined);
    await clock.pass(1000);
    assert.ok(callCount > 1 && callCount <= 25, `${callCount} calls in a second`);
    await consumer.close();
    await finished;
  });
});

describe('a broker without leases', () => {
  test('nothing is fetched ahead, and what is received is finished', async () => {
    const { broker, consumer } = await open({}, 1);
    await sendAll(broker, ['a', 'b', 'c']);
    const seen: ConsumedMessage[] = [];
    for await (const message of consumer) {
      seen.push(message);
      assert.equal(await lagOf(broker), 3 - seen.length);
      if (seen.length === 2) break;
    }
    assert.deepEqual(bodiesOf(seen), ['a', 'b']);
    assert.equal(await lagOf(broker), 1);
  });

  test('retry, return and reject are refused, and a handler that throws is counted', async () => {
    const { broker, consumer } = await open({}, 1);
    await sendAll(broker, ['a']);
    const finished = consumer.onMessage(async (message) => {
      for (const refuse of [() => message.retry(), () => message.return(), () => message.reject()]) {
        await assert.rejects(refuse(), (error) => isMqError(error, 'MQ_NOT_SUPPORTED'));
      }
      throw new Error('too late');
    });
    await new Promise((resolve) => setImmediate(resolve));
    await consumer.close();
    await finished;
    assert.equal(consumer.state.failedCount, 1);
    assert.equal(consumer.state.reason?.message, 'too late');
  });

  test('a message handed over while the consumer closes is still handled', async () => {
    const { broker, consumer } = await open({}, 1);
    const seen: string[] = [];
    const finished = consumer.onMessage((message) => seen.push(message.text));
    await new Promise((resolve) => setImmediate(resolve));
    const sent = broker.send('t', { body: 'last' });
    const closed = consumer.close();
    await Promise.all([sent, closed, finished]);
    assert.deepEqual(seen, ['last']);
    assert.equal(await lagOf(broker), 0);
  });
});
