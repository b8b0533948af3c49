/** Subject: closing always ends, answers everybody who waits, and takes nothing new. Each test has a broker of its own. */
import type { Broker } from '../../contract/broker.ts';
import { atOnce, equal, eventually, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { abortable, drain, sendAll, texts } from './steps.ts';

export const closing: readonly ConformanceTest[] = [
  {
    name: 'after close every operation is refused with MQ_CLOSED',
    capability: 'receive',
    run: async (context) => {
      const broker = await context.openBroker();
      const topic = context.topicName();
      await broker.close();
      const lease = { topic, partition: 0, offset: 0, group: 'default', memberId: 'm', leaseToken: 't' };
      await refused(broker.send(topic, { body: 'a' }), 'MQ_CLOSED', 'send');
      if (context.has('batch')) await refused(broker.sendBatch(topic, [{ body: 'a' }]), 'MQ_CLOSED', 'sendBatch');
      await refused(broker.receive(topic), 'MQ_CLOSED', 'receive');
      await refused(broker.createTopic(topic), 'MQ_CLOSED', 'createTopic');
      await refused(broker.deleteTopic(topic), 'MQ_CLOSED', 'deleteTopic');
      await refused(broker.describeTopics(), 'MQ_CLOSED', 'describeTopics');
      if (context.has('lease')) await refused(broker.ack([lease]), 'MQ_CLOSED', 'ack');
      if (context.has('groups')) await refused(broker.createGroup(topic, 'g'), 'MQ_CLOSED', 'createGroup');
      if (context.has('offsets')) await refused(broker.fetch(topic), 'MQ_CLOSED', 'fetch');
    },
  },
  {
    name: 'close may be called twice, and also while the first has not ended',
    capability: 'send',
    run: async (context) => {
      const broker = await context.openBroker();
      await broker.send(context.topicName(), { body: 'a' });
      await atOnce(Promise.all([broker.close(), broker.close()]), 'two calls of close');
      await atOnce(broker.close({ timeoutMs: 0 }), 'a third call of close');
    },
  },
  {
    name: 'await using closes a broker',
    capability: 'send',
    run: async (context) => {
      const broker = await context.openBroker();
      await atOnce(broker[Symbol.asyncDispose](), 'asyncDispose');
      await refused(broker.describeTopics(), 'MQ_CLOSED', 'a call after asyncDispose');
    },
  },
  {
    name: 'a waiting receive resolves empty when the broker closes',
    capability: 'receive',
    run: async (context) => {
      const broker = await context.openBroker({}, 'consumer');
      const topic = context.topicName();
      await broker.createTopic(topic);
      const call = broker.receive(topic, { waitMs: 20_000 });
      await untilWaiting(broker, topic);
      await atOnce(broker.close({ timeoutMs: 0 }), 'close');
      equal(await atOnce(call, 'the waiting receive, after close'), [], 'what it received');
    },
  },
  {
    name: 'a waiting fetch resolves empty when the broker closes',
    capability: 'offsets',
    run: async (context) => {
      const broker = await context.openBroker({}, 'reader');
      const topic = context.topicName();
      await broker.createTopic(topic);
      const call = broker.fetch(topic, { waitMs: 20_000 });
      await untilWaiting(broker, topic);
      await atOnce(broker.close({ timeoutMs: 0 }), 'close');
      const { records, nextOffset } = await atOnce(call, 'the waiting fetch, after close');
      equal([records, nextOffset], [[], 0], 'records and nextOffset');
    },
  },
  {
    name: 'a blocked send is rejected with MQ_CLOSED when the broker closes',
    capability: 'send',
    run: async (context) => {
      const broker = await context.openBroker({}, 'producer');
      const topic = context.topicName();
      await broker.createTopic(topic, { messagesMax: 1, overflow: 'wait' });
      await broker.send(topic, { body: 'a' });
      const call = broker.send(topic, { body: 'b' });
      await untilWaiting(broker, topic);
      await atOnce(broker.close({ timeoutMs: 0 }), 'close');
      // A client cannot know what became of a request that had left, and says so.
      await refused(call, ['MQ_CLOSED', 'MQ_CONNECTION_LOST'], 'the blocked send');
    },
  },
  {
    name: 'a send whose signal was aborted before is not accepted',
    capability: 'receive',
    run: async (context) => {
      const topic = await context.newTopic();
      const { signal, abort } = abortable();
      abort('no reason');
      await refused(context.broker.send(topic, { body: 'ghost' }, { signal }), 'MQ_ABORTED', 'send');
      if (context.has('batch')) {
        const batch = context.broker.sendBatch(topic, [{ body: 'ghost' }], { signal });
        await refused(batch, 'MQ_ABORTED', 'sendBatch');
      }
      equal(texts(await drain(context, topic)), [], 'what the topic holds');
    },
  },
  {
    name: 'an abort after the answer changes nothing',
    capability: 'receive',
    run: async (context) => {
      const topic = await context.newTopic();
      const { signal, abort } = abortable();
      await context.broker.send(topic, { body: 'a' }, { signal });
      const received = await context.broker.receive(topic, { signal, waitMs: 1000 });
      abort();
      equal(texts(received), ['a'], 'what was received');
      await context.finish(received);
      equal(await drain(context, topic), [], 'what is left');
    },
  },
  {
    name: 'a signal used by many calls does not collect listeners',
    capability: 'receive',
    needs: ['virtual-clock'],
    run: listenersAreRemoved,
  },
];

async function untilWaiting(broker: Broker, topic: string): Promise<void> {
  await eventually(async () => {
    const [description] = await broker.describeTopics({ topic });
    return description?.waiterCount === 1;
  }, 'one call waiting on the topic (waiterCount)');
}

async function listenersAreRemoved(context: TestContext): Promise<void> {
  const topic = await context.newTopic();
  const { signal } = abortable();
  let listenersCount = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listenersCount += 1;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listenersCount -= 1;
    remove(...args);
  };
  for (let round = 0; round < 30; round += 1) {
    const call = context.broker.receive(topic, { waitMs: 20_000, signal });
    await sendAll(context.broker, topic, ['a']);
    await context.finish(await atOnce(call, 'the waiting receive'));
  }
  equal(listenersCount, 0, 'listeners left on the signal after 30 calls');
}
