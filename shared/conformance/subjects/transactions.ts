/** Subject: several sends and acks that take effect together or not at all, also across topics. */
import type { Broker } from '../../contract/broker.ts';
import type { Transaction } from '../../contract/transaction.ts';
import { equal, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { bodies, drain, offsetOf, readLog, receiveOne, texts } from './steps.ts';

const TOPICS_COUNT = 40;
/** More than one answer to a fetch holds. */
const LARGE_COUNT = 2500;

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
    name: 'what a transaction sent to several partitions appears in all of them when it commits',
    capability: 'transactions',
    uses: ['partitions'],
    run: async (context) => {
      const topic = await context.newTopic({ partitionCount: 3 });
      const transaction = await context.broker.begin();
      for (const partition of [0, 1, 2]) {
        const receipt = await transaction.send(topic, { body: `p-${partition}` }, { partition });
        equal([receipt.partition, receipt.offset], [partition, 0], 'partition and offset on the receipt');
      }
      equal(await context.broker.receive(topic, { max: 9 }), [], 'a receive before the commit');
      await transaction.commit();
      for (const partition of [0, 1, 2]) {
        const stored = texts(await readLog(context.broker, topic, { partition }));
        equal(stored, [`p-${partition}`], `what partition ${partition} has`);
      }
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
    name: 'the messages of a transaction stand in the order in which it sent them, batches among them',
    capability: 'transactions',
    uses: ['batch'],
    run: async (context) => {
      const topic = await context.newTopic();
      const transaction = await context.broker.begin();
      const first = await transaction.send(topic, { body: 'm-0', id: 'own', key: 'k', headers: { a: 'b' } });
      const batch = await transaction.sendBatch(topic, [{ body: 'm-1' }, { body: 'm-2' }]);
      const last = await transaction.send(topic, { body: 'm-3' });
      equal([offsetOf(first), batch.baseOffset, batch.count, offsetOf(last)], [0, 1, 2, 3], 'places on the receipts');
      await transaction.commit();
      const records = await readLog(context.broker, topic);
      equal(texts(records), bodies(4), 'what is stored');
      const ids = records.map(({ id }) => id);
      equal(ids, ['own', ...batch.ids, last.id], 'ids of the records, and those on the receipts');
      equal([records[0]?.key, records[0]?.headers.a], ['k', 'b'], 'key and header of the first');
    },
  },
  {
    name: 'a transaction of nothing commits, and aborts',
    capability: 'transactions',
    run: async (context) => {
      const topic = await context.newTopic();
      await (await context.broker.begin()).commit();
      await (await context.broker.begin({})).abort();
      await context.broker.send(topic, { body: 'a' });
      equal(texts(await drain(context, topic)), ['a'], 'what the topic has');
    },
  },
  {
    name: 'a transaction over many topics appears in all of them, an aborted one in none',
    capability: 'transactions',
    run: async (context) => {
      const topics: string[] = [];
      for (let count = 0; count < TOPICS_COUNT; count += 1) topics.push(await context.newTopic());
      for (const end of ['commit', 'abort'] as const) {
        const transaction = await context.broker.begin();
        await Promise.all(topics.map((topic) => transaction.send(topic, { body: end })));
        await transaction[end]();
      }
      const found = [];
      for (const topic of topics) found.push(...texts(await drain(context, topic)));
      equal(
        found,
        topics.map(() => 'commit'),
        'what the topics have',
      );
    },
  },
  {
    name: 'a large transaction is one: all of it is seen or none',
    capability: 'transactions',
    uses: ['batch'],
    run: async (context) => {
      const topic = await context.newTopic();
      for (const end of ['abort', 'commit', 'abort'] as const) {
        const transaction = await context.broker.begin();
        const messages = bodies(LARGE_COUNT / 5, end).map((body) => ({ body }));
        for (let batch = 0; batch < 5; batch += 1) await transaction.sendBatch(topic, messages);
        await transaction[end]();
      }
      await context.broker.send(topic, { body: 'last' });
      const found = texts(await readLog(context.broker, topic, { max: 1000 }));
      equal([found.length, found[0], found.at(-1)], [LARGE_COUNT + 1, 'commit-0', 'last'] as unknown, 'what is read');
      const group = texts(await drain(context, topic, { max: 1000 }));
      equal(
        [group.length, group[0], group.at(-1)],
        [LARGE_COUNT + 1, 'commit-0', 'last'] as unknown,
        'what is received',
      );
    },
  },
  {
    name: 'a transaction begun while another is open is independent of it',
    capability: 'transactions',
    run: async (context) => {
      const topic = await context.newTopic();
      const [outer, inner] = [await context.broker.begin(), await context.broker.begin()];
      await inner.send(topic, { body: 'inner' });
      await outer.send(topic, { body: 'outer' });
      await inner.commit();
      await outer.abort();
      equal(texts(await drain(context, topic)), ['inner'], 'what the topic has');
      equal(new Set([outer.id, inner.id]).size, 2, 'different ids of two transactions');
    },
  },
  {
    name: 'a transaction goes on after a call of it was refused, and has only what was accepted',
    capability: 'transactions',
    uses: ['batch'],
    run: async (context) => {
      const topic = await context.newTopic();
      const transaction = await context.broker.begin();
      await transaction.send(topic, { body: 'a' });
      const tooLarge = new Uint8Array(context.broker.limits.bodyBytesMax + 1);
      await refused(transaction.send(topic, { body: tooLarge }), 'MQ_MESSAGE_TOO_LARGE', 'a body that is too large');
      await refused(transaction.sendBatch(topic, []), 'MQ_INVALID_ARGUMENT', 'an empty batch');
      const misspelt = transaction.send(topic, { body: 'b' }, { partitoin: 0 } as object);
      await refused(misspelt, 'MQ_INVALID_ARGUMENT', 'an option that does not exist');
      const elsewhere = transaction.send(topic, { body: 'b' }, { partition: 7 });
      await refused(elsewhere, 'MQ_INVALID_ARGUMENT', 'a partition the topic does not have');
      await refused(transaction.send('', { body: 'b' }), 'MQ_INVALID_ARGUMENT', 'a topic without a name');
      await transaction.send(topic, { body: 'c' });
      await transaction.commit();
      equal(texts(await drain(context, topic)), ['a', 'c'], 'what the topic has');
    },
  },
  {
    name: 'a delayed message cannot be sent in a transaction, which goes on without it',
    capability: 'transactions',
    uses: ['delay', 'batch'],
    run: async (context) => {
      const topic = await context.newTopic();
      const transaction = await context.broker.begin();
      const delayed = { body: 'later', delayMs: 1 };
      await refused(transaction.send(topic, delayed), 'MQ_INVALID_ARGUMENT', 'a send with delayMs');
      const dated = { body: 'later', deliverAt: Date.UTC(2100, 0, 1) };
      await refused(transaction.send(topic, dated), 'MQ_INVALID_ARGUMENT', 'a send with deliverAt');
      const batch = transaction.sendBatch(topic, [{ body: 'now' }, delayed]);
      await refused(batch, 'MQ_INVALID_ARGUMENT', 'a batch with delayMs');
      await transaction.send(topic, { body: 'a' });
      await transaction.commit();
      await context.pass(10);
      equal(texts(await drain(context, topic)), ['a'], 'what the topic has');
    },
  },
  {
    name: 'a send of a transaction waits for room no longer than it says, and the transaction goes on',
    capability: 'transactions',
    run: async (context) => {
      const topic = await context.newTopic({ messagesMax: 1 });
      const transaction = await context.broker.begin();
      await transaction.send(topic, { body: 'a' });
      await refused(timed(context, transaction, topic), 'MQ_QUEUE_FULL', 'a send that finds no room');
      await transaction.commit();
      equal(texts(await drain(context, topic)), ['a'], 'what the topic has');
    },
  },
  {
    name: 'a transaction holds what its topic expires, prioritises and orders like any message',
    capability: 'transactions',
    uses: ['ttl', 'priority'],
    run: async (context) => {
      const topic = await context.newTopic();
      const transaction = await context.broker.begin();
      await transaction.send(topic, { body: 'short', ttlMs: 50 });
      await transaction.send(topic, { body: 'low' });
      await transaction.send(topic, { body: 'high', priority: 9 });
      await context.pass(100);
      await transaction.commit();
      equal(texts(await drain(context, topic, { max: 1 })), ['high', 'low'], 'what is received, in order');
    },
  },
];

/** A send that waits 50 ms for room. */
async function timed(context: TestContext, transaction: Transaction, topic: string): Promise<unknown> {
  const call = transaction.send(topic, { body: 'b' }, { timeoutMs: 50 });
  call.catch(() => undefined);
  // A real clock goes on by itself, and may be past it before anybody looks.
  if (context.clock === 'virtual') {
    await context.untilWaiting(topic, 1);
    await context.pass(50);
  }
  return call;
}

/** A committed transaction of these bodies. */
export async function committed(broker: Broker, topic: string, sent: readonly string[]): Promise<void> {
  const transaction = await broker.begin();
  for (const body of sent) await transaction.send(topic, { body });
  await transaction.commit();
}

/** An aborted transaction of these bodies. */
export async function aborted(broker: Broker, topic: string, sent: readonly string[]): Promise<void> {
  const transaction = await broker.begin();
  for (const body of sent) await transaction.send(topic, { body });
  await transaction.abort();
}
