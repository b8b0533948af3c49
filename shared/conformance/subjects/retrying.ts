/** Subject: how long a message that failed waits before it comes again. */
import type { RetryDelays } from '../../contract/description.ts';
import { atOnce, equal, holds, present, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { bodies, drain, newTopicWith, receiveOne, sendAll, texts } from './steps.ts';

const MINUTE_MS = 60_000;
/** What `classic` stands for. */
const CLASSIC_MS = [1 / 6, 1 / 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 30, 60, 120].map((minutes) => minutes * MINUTE_MS);

export const retrying: readonly ConformanceTest[] = [
  {
    name: 'a message that failed waits as long as the list of its group says, then as long as its last element',
    capability: 'delay',
    uses: ['lease', 'groups'],
    needs: ['virtual-clock'],
    run: async (context) => {
      const topic = await newTopicWith(context, { retryDelays: [1000, 5000, 0, 250] });
      await failAfter(context, topic, [1000, 5000, 0, 250, 250, 250]);
    },
  },
  {
    name: 'delays that grow are multiplied by their factor up to delayMsMax',
    capability: 'delay',
    uses: ['lease', 'groups'],
    needs: ['virtual-clock'],
    run: async (context) => {
      const doubled = await newTopicWith(context, { retryDelays: { firstMs: 100, delayMsMax: 1000 } });
      await failAfter(context, doubled, [100, 200, 400, 800, 1000, 1000]);
      const tripled = await newTopicWith(context, { retryDelays: { firstMs: 10, factor: 3, delayMsMax: 10_000 } });
      await failAfter(context, tripled, [10, 30, 90, 270, 810]);
    },
  },
  {
    name: 'the classic delays are the sixteen steps from ten seconds to two hours',
    capability: 'delay',
    uses: ['lease', 'groups', 'dead-letter'],
    needs: ['virtual-clock'],
    run: async (context) => {
      const topic = await newTopicWith(context, { retryDelays: 'classic', deliveriesMax: 18 });
      await failAfter(context, topic, [...CLASSIC_MS, 2 * 60 * MINUTE_MS]);
    },
  },
  {
    name: 'jitter takes up to its share off a delay at random, and never more',
    capability: 'delay',
    uses: ['lease', 'groups', 'batch'],
    needs: ['virtual-clock'],
    run: jitterInRange,
  },
  {
    name: 'without delays what failed comes again at once',
    capability: 'delay',
    uses: ['lease', 'groups'],
    run: async (context) => {
      const topic = await newTopicWith(context, { retryDelays: [] });
      for (let count = 1; count <= 4; count += 1) {
        const delivery = await receiveOne(context.broker, topic, { group: 'g' });
        equal(delivery.deliveryCount, count, 'deliveryCount');
        await context.broker.nack(delivery);
      }
    },
  },
  {
    name: 'a lease that ends is a failure and waits like one, what is returned or left does not wait',
    capability: 'delay',
    uses: ['lease', 'groups'],
    needs: ['virtual-clock'],
    run: async (context) => {
      const topic = await newTopicWith(context, { retryDelays: [700, 900] });
      const take = (): ReturnType<typeof receiveOne> =>
        receiveOne(context.broker, topic, { group: 'g', memberId: 'm', leaseMs: 300 });
      await context.broker.nack(await take(), { outcome: 'return' });
      await take();
      await context.broker.leave(topic, { group: 'g', memberId: 'm' });
      equal((await take()).deliveryCount, 1, 'deliveryCount after a return and a departure');
      await context.pass(300 + 699);
      equal(await context.broker.receive(topic, { group: 'g' }), [], 'a receive 699 ms after the lease ended');
      await context.pass(1);
      equal((await take()).deliveryCount, 2, 'deliveryCount 700 ms after the lease ended');
      await context.pass(300 + 899);
      equal(await context.broker.receive(topic, { group: 'g' }), [], 'a receive 899 ms after the second lease ended');
      await context.pass(1);
      equal((await take()).deliveryCount, 3, 'deliveryCount after 900 ms');
    },
  },
  {
    name: 'a delay given with the nack wins over that of the group, also when it is 0, and for a return too',
    capability: 'delay',
    uses: ['lease', 'groups'],
    run: async (context) => {
      const topic = await newTopicWith(context, { retryDelays: [60_000] });
      await context.broker.nack(await receiveOne(context.broker, topic, { group: 'g' }), { delayMs: 0 });
      const second = await receiveOne(context.broker, topic, { group: 'g' });
      equal(second.deliveryCount, 2, 'deliveryCount at once after a delay of 0');
      await context.broker.nack(second, { outcome: 'return', delayMs: 800 });
      equal(
        await context.broker.receive(topic, { group: 'g' }),
        [],
        'a receive before the delay of the return is over',
      );
      await context.pass(1000);
      const third = await receiveOne(context.broker, topic, { group: 'g' });
      equal(third.deliveryCount, 2, 'deliveryCount after the return: it was no failure');
      await context.broker.nack(third);
      equal((await context.describe(topic)).delayedCount, 1, 'delayedCount, as the group has delays of its own');
    },
  },
  {
    name: 'a waiting receive wakes when the delay of a failed message is over',
    capability: 'delay',
    uses: ['lease', 'groups'],
    run: async (context) => {
      const topic = await newTopicWith(context, { retryDelays: [800] });
      await context.broker.nack(await receiveOne(context.broker, topic, { group: 'g' }));
      const call = context.as('consumer').receive(topic, { group: 'g', waitMs: 20_000 });
      await context.untilWaiting(topic, 1);
      await context.pass(900);
      const [delivery] = await atOnce(call, 'the waiting receive, when the delay is over');
      equal(delivery?.redeliveryReason, 'retry', 'redeliveryReason');
    },
  },
  {
    name: 'a message that waits after a failure does not hold up the others',
    capability: 'delay',
    uses: ['lease', 'groups'],
    run: async (context) => {
      const topic = await newTopicWith(context, { retryDelays: [900] });
      await sendAll(context.broker, topic, ['x', 'y']);
      await context.broker.nack(await receiveOne(context.broker, topic, { group: 'g' }));
      equal(texts(await drain(context, topic, { group: 'g' })), ['x', 'y'], 'what comes meanwhile');
      await context.pass(1100);
      equal(texts(await drain(context, topic, { group: 'g' })), ['m-0'], 'what comes after the delay');
    },
  },
  {
    name: 'delays that make no sense are refused, of a nack and of a group',
    capability: 'delay',
    uses: ['lease', 'groups'],
    run: refuseDelays,
  },
];

/** Lets the one message of the group fail; after each failure it comes after exactly so long. */
async function failAfter(context: TestContext, topic: string, delaysMs: readonly number[]): Promise<void> {
  let delivery = await receiveOne(context.broker, topic, { group: 'g' });
  for (const [index, delayMs] of delaysMs.entries()) {
    await context.broker.nack(delivery);
    if (delayMs > 0) {
      await context.pass(delayMs - 1);
      const early = await context.broker.receive(topic, { group: 'g' });
      equal(texts(early), [], `a receive ${delayMs - 1} ms after failure ${index + 1}`);
      await context.pass(1);
    }
    const [next] = await context.broker.receive(topic, { group: 'g' });
    delivery = present(next, `the delivery ${delayMs} ms after failure ${index + 1}`);
    equal(delivery.deliveryCount, index + 2, 'its deliveryCount');
  }
}

async function jitterInRange(context: TestContext): Promise<void> {
  const topic = await context.newTopic();
  const retryDelays: RetryDelays = { firstMs: 1000, factor: 1, delayMsMax: 1000, jitter: 0.5 };
  await context.broker.createGroup(topic, 'g', { retryDelays });
  await sendAll(context.broker, topic, bodies(40));
  const held = await context.broker.receive(topic, { group: 'g', max: 40 });
  for (const delivery of held) await context.broker.nack(delivery);
  const arrivedAfterMs: number[] = [];
  for (let ms = 0; ms <= 1000; ms += 50) {
    for (const _ of await context.broker.receive(topic, { group: 'g', max: 40 })) arrivedAfterMs.push(ms);
    await context.pass(50);
  }
  equal(arrivedAfterMs.length, 40, 'messages that came again within the whole delay');
  const first = Math.min(...arrivedAfterMs);
  holds(first >= 500, 'none before half of the delay', `the first after ${first} ms`);
  const different = new Set(arrivedAfterMs).size;
  holds(different >= 5, 'delays that differ', `${different} different ones of 40, in steps of 50 ms`);
}

async function refuseDelays(context: TestContext): Promise<void> {
  const topic = await newTopicWith(context, {});
  const delivery = await receiveOne(context.broker, topic, { group: 'g' });
  for (const delayMs of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    await refused(context.broker.nack(delivery, { delayMs }), 'MQ_INVALID_ARGUMENT', `a nack with delayMs ${delayMs}`);
  }
  const wrong: readonly unknown[] = [
    [-1],
    [0.5],
    [Number.NaN],
    'quick',
    7,
    { firstMs: 100 },
    { delayMsMax: 100 },
    { firstMs: 100, delayMsMax: 1000, factor: 0 },
    { firstMs: 100, delayMsMax: 1000, jitter: 1.5 },
    { firstMs: 100, delayMsMax: 1000, misspelt: 1 },
  ];
  for (const retryDelays of wrong) {
    const options = { retryDelays: retryDelays as RetryDelays };
    const call = context.broker.createGroup(topic, 'other', options);
    await refused(call, 'MQ_INVALID_ARGUMENT', `a group with retryDelays ${JSON.stringify(retryDelays)}`);
  }
  await context.broker.ack([delivery]);
}
