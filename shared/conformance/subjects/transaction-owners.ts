/** Subject: transactions under a name that its owner keeps, and owners that were replaced. */
import { equal, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { drain, readLog, receiveOne, sendAll, texts } from './steps.ts';

export const transactionOwners: readonly ConformanceTest[] = [
  {
    name: 'to begin under a name aborts what an older owner of it left open',
    capability: 'transactions',
    uses: ['lease'],
    run: async (context) => {
      const [input, output] = [await context.newTopic(), await context.newTopic()];
      await sendAll(context.broker, input, ['in']);
      const transactionalId = context.topicName();
      const older = await context.broker.begin({ transactionalId });
      await older.send(output, { body: 'older' });
      await older.ack([await receiveOne(context.broker, input, { group: 'g' })]);
      const newer = await context.broker.begin({ transactionalId });
      const again = await receiveOne(context.broker, input, { group: 'g' });
      equal(again.deliveryCount, 2, 'deliveryCount of what the older one had acknowledged');
      await newer.send(output, { body: 'newer' });
      await newer.ack([again]);
      await newer.commit();
      equal(texts(await drain(context, output)), ['newer'], 'what the output has');
      equal(texts(await drain(context, input, { group: 'g' })), [], 'what the input still has');
    },
  },
  {
    name: 'an older owner of a name is fenced on each of its calls, and changes nothing',
    capability: 'transactions',
    uses: ['lease', 'batch', 'offsets'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, ['a']);
      const delivery = await receiveOne(context.broker, topic, { group: 'g' });
      const transactionalId = context.topicName();
      const older = await context.broker.begin({ transactionalId });
      await older.send(topic, { body: 'older' });
      const newer = await context.broker.begin({ transactionalId });
      await newer.send(topic, { body: 'newer' });
      const calls = {
        send: () => older.send(topic, { body: 'zombie' }),
        sendBatch: () => older.sendBatch(topic, [{ body: 'zombie' }]),
        ack: () => older.ack([delivery]),
        commitOffset: () => older.commitOffset(topic, { group: 'log', offset: 1 }),
        commit: () => older.commit(),
        abort: () => older.abort(),
      };
      for (const [name, call] of Object.entries(calls)) {
        await refused(call(), 'MQ_PRODUCER_FENCED', `${name} of the older owner`);
      }
      await newer.commit();
      for (const [name, call] of Object.entries(calls)) {
        await refused(
          call(),
          ['MQ_PRODUCER_FENCED', 'MQ_TRANSACTION_ENDED'],
          `${name} of it after the commit of the newer`,
        );
      }
      await context.broker.ack([delivery]);
      equal(texts(await readLog(context.broker, topic)), ['a', 'newer'], 'what the topic has');
    },
  },
  {
    name: 'an owner that wakes after a long pause finds its place taken, and nothing of it shows',
    capability: 'transactions',
    needs: ['virtual-clock'],
    run: async (context) => {
      const topic = await context.newTopic();
      const transactionalId = context.topicName();
      const zombie = await context.broker.begin({ transactionalId, timeoutMs: 10_000 });
      await zombie.send(topic, { body: 'zombie' });
      await context.pass(60_000);
      for (let round = 0; round < 3; round += 1) {
        const owner = await context.broker.begin({ transactionalId });
        await owner.send(topic, { body: `owner-${round}` });
        const codes = ['MQ_PRODUCER_FENCED', 'MQ_TRANSACTION_ENDED'] as const;
        await refused(zombie.send(topic, { body: 'zombie' }), codes, 'a send of the zombie');
        await refused(zombie.commit(), codes, 'its commit');
        await owner.commit();
      }
      equal(texts(await drain(context, topic)), ['owner-0', 'owner-1', 'owner-2'], 'what the topic has');
    },
  },
  {
    name: 'a late commit or abort of an ended transaction does not reach the one that came after it',
    capability: 'transactions',
    run: async (context) => {
      const topic = await context.newTopic();
      const transactionalId = context.topicName();
      const codes = ['MQ_TRANSACTION_ENDED', 'MQ_PRODUCER_FENCED'] as const;
      for (const options of [{ transactionalId }, {}]) {
        for (const [end, late] of [
          ['commit', 'abort'],
          ['abort', 'commit'],
          ['commit', 'commit'],
          ['abort', 'abort'],
        ] as const) {
          const first = await context.broker.begin(options);
          await first.send(topic, { body: `${end}-first` });
          await first[end]();
          const second = await context.broker.begin(options);
          await second.send(topic, { body: `${end}-second` });
          await refused(first[late](), codes, `a late ${late} after a ${end}`);
          equal((await context.describe(topic)).openTransactionCount, 1, `openTransactionCount after a late ${late}`);
          await second.commit();
        }
      }
      const round = ['commit-first', 'commit-second', 'abort-second', 'commit-first', 'commit-second', 'abort-second'];
      equal(texts(await readLog(context.broker, topic)), [...round, ...round], 'what the topic has');
    },
  },
  {
    name: 'transactions under different names, and under none, do not disturb each other',
    capability: 'transactions',
    run: async (context) => {
      const topic = await context.newTopic();
      const name = context.topicName();
      const options = [{ transactionalId: `${name}-a` }, { transactionalId: `${name}-b` }, {}, {}];
      const open = await Promise.all(options.map((each) => context.broker.begin(each)));
      for (const [index, transaction] of open.entries()) await transaction.send(topic, { body: `t-${index}` });
      for (const transaction of open) await transaction.commit();
      equal(texts(await drain(context, topic)), ['t-0', 't-1', 't-2', 't-3'], 'what the topic has');
    },
  },
  {
    name: 'one owner after the other under one name, each with many transactions, loses and repeats nothing',
    capability: 'transactions',
    run: manyOwners,
  },
];

/** Owners take over from each other in the middle of transactions. */
async function manyOwners(context: TestContext): Promise<void> {
  const topic = await context.newTopic();
  const transactionalId = context.topicName();
  const expected: string[] = [];
  const count = context.clock === 'virtual' ? 60 : 20;
  for (let round = 0; round < count; round += 1) {
    const transaction = await context.broker.begin({ transactionalId });
    const sent = [`t-${round}-0`, `t-${round}-1`];
    for (const body of sent) await transaction.send(topic, { body });
    const fate = context.random.below(3);
    if (fate === 0) {
      await transaction.commit();
      expected.push(...sent);
    } else if (fate === 1) await transaction.abort();
  }
  await (await context.broker.begin({ transactionalId })).abort();
  equal(texts(await readLog(context.broker, topic)), expected, 'what the topic has');
}
