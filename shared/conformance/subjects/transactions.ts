/** Subject: several sends and acks that take effect together or not at all, also across topics. */
import { equal, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import { drain, receiveOne, texts } from './steps.ts';

export const transactions: readonly ConformanceTest[] = [
  {
    name: 'what a transaction sent to two topics appears in both when it commits and in neither before',
    capability: 'transactions',
    run: async (context) => {
      const [first, second] = [await context.newTopic(), await context.newTopic()];
      const transaction = await context.broker.begin();
      await transaction.send(first, { body: 'a' });
      await transaction.send(second, { body: 'b' });
      for (const topic of [first, second])
        equal(await context.broker.receive(topic), [], 'a receive before the commit');
      await transaction.commit();
      equal(texts(await drain(context, first)), ['a'], 'what the first topic has');
      equal(texts(await drain(context, second)), ['b'], 'what the second topic has');
    },
  },
  {
    name: 'what an aborted transaction sent is never received, and what it acknowledged comes back',
    capability: 'transactions',
    uses: ['lease'],
    run: async (context) => {
      const [input, output] = [await context.newTopic(), await context.newTopic()];
      await context.broker.send(input, { body: 'a' });
      const transaction = await context.broker.begin();
      const delivery = await receiveOne(context.broker, input);
      await transaction.send(output, { body: 'never' });
      await transaction.ack([delivery]);
      await transaction.abort();
      await context.broker.leave(input, {});
      equal(texts(await drain(context, output)), [], 'what the output has');
      equal(texts(await drain(context, input)), ['a'], 'what the input still has');
    },
  },
  {
    name: 'a reader that asks for committed records only sees none of an open transaction',
    capability: 'transactions',
    uses: ['offsets'],
    run: async (context) => {
      const topic = await context.newTopic();
      const transaction = await context.broker.begin();
      await transaction.send(topic, { body: 'open' });
      const { records } = await context.broker.fetch(topic, { max: 10, isolation: 'read-committed' });
      equal(texts(records), [], 'records while the transaction is open');
      await transaction.commit();
      const after = await context.broker.fetch(topic, { max: 10, isolation: 'read-committed' });
      equal(texts(after.records), ['open'], 'records after the commit');
    },
  },
  {
    name: 'a transaction that has ended takes nothing more',
    capability: 'transactions',
    run: async (context) => {
      const topic = await context.newTopic();
      const transaction = await context.broker.begin();
      await transaction.send(topic, { body: 'a' });
      await transaction.commit();
      const code = ['MQ_INVALID_ARGUMENT', 'MQ_CLOSED', 'MQ_ABORTED'] as const;
      await refused(transaction.send(topic, { body: 'b' }), code, 'a send after the commit');
      await refused(transaction.abort(), code, 'an abort after the commit');
      equal(texts(await drain(context, topic)), ['a'], 'what the topic has');
    },
  },
];
