/** Subject: acks and positions in a transaction: what was consumed and what was produced count together. */
import type { Delivery } from '../../contract/message.ts';
import { atOnce, equal, eventually, holds, present, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { bodies, drain, readDeadLetters, readLog, receiveOne, sendAll, texts } from './steps.ts';

/** So short that a real clock may wait for its end. */
const LEASE_MS = 300;

export const transactionAcks: readonly ConformanceTest[] = [
  {
    name: 'what a transaction acknowledged is finished when it commits, and not before',
    capability: 'transactions',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(3));
      const deliveries = await context.broker.receive(topic, { group: 'g', max: 3 });
      const transaction = await context.broker.begin();
      await transaction.ack(deliveries.slice(0, 2));
      await transaction.ack(deliveries.slice(2));
      equal(await countsOf(context, topic), { inFlightCount: 3, lag: 3 }, 'inFlightCount and lag before the commit');
      await transaction.commit();
      equal(await countsOf(context, topic), { inFlightCount: 0, lag: 0 }, 'inFlightCount and lag after the commit');
      equal(await context.broker.receive(topic, { group: 'g' }), [], 'what the group still gets');
    },
  },
  {
    name: 'what a transaction acknowledged stays in flight until it ends, however short the lease was',
    capability: 'transactions',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(2));
      for (const end of ['commit', 'abort'] as const) {
        const delivery = await receiveOne(context.broker, topic, { group: 'g', leaseMs: LEASE_MS });
        const transaction = await context.broker.begin();
        await transaction.ack([delivery]);
        await context.pass(LEASE_MS + 100);
        const others = await context.broker.receive(topic, { group: 'g', max: 5 });
        const unexpected = others.filter(({ offset }) => offset === delivery.offset);
        equal(texts(unexpected), [], 'what comes again while the transaction is open');
        for (const other of others) await context.broker.nack(other, { outcome: 'return' });
        await transaction[end]();
      }
      const again = await receiveOne(context.broker, topic, { group: 'g' });
      equal(
        [texts([again])[0], again.deliveryCount],
        ['m-1', 2] as unknown,
        'what comes after the abort, and its count',
      );
    },
  },
  {
    name: 'an abort gives back what was acknowledged as failed: it comes again, counted once more',
    capability: 'transactions',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(2));
      for (let time = 1; time <= 3; time += 1) {
        const deliveries = await context.broker.receive(topic, { group: 'g', max: 5 });
        equal(texts(deliveries), bodies(2), `what is received the ${time}. time`);
        equal(
          deliveries.map(({ deliveryCount }) => deliveryCount),
          [time, time],
          'their deliveryCounts',
        );
        equal(
          deliveries.every(({ redeliveryReason }) => (redeliveryReason === undefined) === (time === 1)),
          true,
          'redeliveryReason tells repetitions from first deliveries',
        );
        const transaction = await context.broker.begin();
        await transaction.ack(deliveries);
        await (time < 3 ? transaction.abort() : transaction.commit());
      }
      equal(await countsOf(context, topic), { inFlightCount: 0, lag: 0 }, 'inFlightCount and lag at the end');
    },
  },
  {
    name: 'a failure by an abort counts: a message that fails too often so becomes a dead letter',
    capability: 'transactions',
    uses: ['dead-letter'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.createGroup(topic, 'g', { deliveriesMax: 2 });
      await sendAll(context.broker, topic, ['bad']);
      for (let time = 0; time < 2; time += 1) {
        const transaction = await context.broker.begin();
        await transaction.ack([await receiveOne(context.broker, topic, { group: 'g' })]);
        await transaction.abort();
      }
      equal(await context.broker.receive(topic, { group: 'g' }), [], 'what the group still gets');
      await eventually(async () => (await readDeadLetters(context.broker, topic, 'g')).length > 0, 'a dead letter');
      equal(texts(await readDeadLetters(context.broker, topic, 'g')), ['bad'], 'the dead letters');
    },
  },
  {
    name: 'a transaction whose time is up gives back what it acknowledged',
    capability: 'transactions',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, ['a']);
      const transaction = await context.broker.begin({ timeoutMs: LEASE_MS });
      await transaction.ack([await receiveOne(context.broker, topic, { group: 'g' })]);
      const received = context.broker.receive(topic, { group: 'g', waitMs: 1000 });
      received.catch(() => undefined);
      await context.untilWaiting(topic, 1);
      await context.pass(LEASE_MS);
      const again = present((await atOnce(received, 'the receive'))[0], 'a delivery when the time is up');
      equal([texts([again])[0], again.deliveryCount], ['a', 2] as unknown, 'what comes then, and its count');
      await refused(transaction.commit(), 'MQ_TRANSACTION_ENDED', 'the late commit');
      await context.broker.ack([again]);
      equal(await countsOf(context, topic), { inFlightCount: 0, lag: 0 }, 'inFlightCount and lag at the end');
    },
  },
  {
    name: 'a session takes and gives in one: a commit makes both hold, an abort undoes both',
    capability: 'transactions',
    uses: ['lease'],
    run: async (context) => {
      const [input, output] = [await context.newTopic(), await context.newTopic()];
      await sendAll(context.broker, input, ['order']);
      for (const end of ['abort', 'commit'] as const) {
        const session = await context.broker.begin();
        const delivery = await receiveOne(context.broker, input, { group: 'g' });
        equal(delivery.deliveryCount, end === 'abort' ? 1 : 2, `deliveryCount before the ${end}`);
        await session.send(output, { body: `bill by ${end}` });
        await session.ack([delivery]);
        await session[end]();
      }
      equal(texts(await drain(context, output)), ['bill by commit'], 'what the output has');
      equal(texts(await drain(context, input, { group: 'g' })), [], 'what the input still has');
    },
  },
  {
    name: 'of the acks of a transaction those apply whose lease runs, the others are listed',
    capability: 'transactions',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(3));
      const deliveries = await context.broker.receive(topic, { group: 'g', max: 3 });
      const gone = present(deliveries[1], 'a delivery');
      await context.broker.nack(gone);
      const transaction = await context.broker.begin();
      const { details } = await refused(transaction.ack(deliveries), 'MQ_LEASE_EXPIRED', 'acks of which one is over');
      equal(
        details.failed?.map(({ offset }) => offset),
        [1],
        'offsets of details.failed',
      );
      await transaction.commit();
      equal(texts(await drain(context, topic, { group: 'g' })), ['m-1'], 'what the group still gets');
      equal(await countsOf(context, topic), { inFlightCount: 0, lag: 0 }, 'inFlightCount and lag at the end');
    },
  },
  {
    name: 'a delivery is acknowledged in one transaction only, and by nobody else while that is open',
    capability: 'transactions',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, ['a']);
      const delivery = await receiveOne(context.broker, topic, { group: 'g' });
      const [first, second] = [await context.broker.begin(), await context.broker.begin()];
      await first.ack([delivery]);
      await refused(second.ack([delivery]), 'MQ_LEASE_EXPIRED', 'its ack in a second transaction');
      await second.commit();
      await first.abort();
      const again = await receiveOne(context.broker, topic, { group: 'g' });
      equal(again.deliveryCount, 2, 'deliveryCount after the abort of the first');
    },
  },
  {
    name: 'a position set in a transaction is that of its group when it commits, and never when it aborts',
    capability: 'transactions',
    uses: ['offsets', 'groups'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(5));
      await context.broker.commit(topic, { group: 'g', offset: 1 });
      const position = () => context.broker.committed(topic, { group: 'g' });
      const undone = await context.broker.begin();
      await undone.commitOffset(topic, { group: 'g', offset: 4 });
      equal(await position(), 1, 'the position while the transaction is open');
      await undone.abort();
      equal(await position(), 1, 'the position after its abort');
      const done = await context.broker.begin();
      for (const offset of [2, 3]) await done.commitOffset(topic, { group: 'g', offset });
      equal(await position(), 1, 'the position before the commit');
      await done.commit();
      equal(await position(), 3, 'the position after the commit');
    },
  },
  {
    name: 'a position in a transaction has to be one: of a log group, and within the log',
    capability: 'transactions',
    uses: ['offsets', 'groups', 'lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, ['a']);
      await context.broker.ack([await receiveOne(context.broker, topic, { group: 'queue' })]);
      const transaction = await context.broker.begin();
      const ofQueue = transaction.commitOffset(topic, { group: 'queue', offset: 1 });
      await refused(ofQueue, 'MQ_GROUP_KIND', 'a position of a queue group');
      const beyond = transaction.commitOffset(topic, { group: 'log', offset: 2 });
      await refused(beyond, 'MQ_OFFSET_OUT_OF_RANGE', 'a position beyond the end');
      const negative = transaction.commitOffset(topic, { group: 'log', offset: -1 });
      await refused(negative, ['MQ_INVALID_ARGUMENT', 'MQ_OFFSET_OUT_OF_RANGE'], 'a position below 0');
      await transaction.commitOffset(topic, { group: 'log', offset: 1 });
      await transaction.commit();
      equal(await context.broker.committed(topic, { group: 'log' }), 1, 'the position after the commit');
    },
  },
  {
    name: 'who consumes, transforms and produces in transactions has each input once in the output, whatever is aborted',
    capability: 'transactions',
    uses: ['lease', 'offsets'],
    run: transform,
  },
];

async function countsOf(context: TestContext, topic: string): Promise<{ inFlightCount: number; lag: number }> {
  const group = (await context.describe(topic)).groups.find((each) => each.group === 'g');
  const { inFlightCount, lag } = present(group, 'the group');
  return { inFlightCount, lag };
}

/** Workers take some, send what they make of it, and now and then abort. */
async function transform(context: TestContext): Promise<void> {
  const [input, output] = [await context.newTopic(), await context.newTopic()];
  await context.broker.createGroup(input, 'g', context.has('dead-letter') ? { deliveriesMax: 0 } : {});
  const count = context.clock === 'virtual' ? 200 : 60;
  await sendAll(context.broker, input, bodies(count));
  let turnCount = 0;
  const work = async (memberId: string): Promise<void> => {
    const broker = context.as(memberId);
    for (;;) {
      const deliveries = await broker.receive(input, { group: 'g', memberId, max: 1 + context.random.below(7) });
      if (deliveries.length === 0) return;
      turnCount += 1;
      await oneTurn(deliveries, { broker, output, end: context.random.below(4) === 0 ? 'abort' : 'commit' });
    }
  };
  const workers = ['a', 'b', 'c'];
  while ((await context.describe(input)).groups[0]?.lag !== 0) {
    holds(turnCount < 50 * count, 'all input finished in the end', `not after ${turnCount} turns`);
    await Promise.all(workers.map(work));
  }
  const found = texts(await readLog(context.broker, output)).sort();
  equal(found, bodies(count, 'made of m').sort(), 'the output, sorted');
  context.checkHistory({ drained: [{ topic: input, group: 'g' }], readWhole: [output] });
}

async function oneTurn(
  deliveries: readonly Delivery[],
  how: { readonly broker: TestContext['broker']; readonly output: string; readonly end: 'commit' | 'abort' },
): Promise<void> {
  const transaction = await how.broker.begin();
  for (const text of texts(deliveries)) await transaction.send(how.output, { body: `made of ${text}` });
  await transaction.ack(deliveries);
  await transaction[how.end]();
}
