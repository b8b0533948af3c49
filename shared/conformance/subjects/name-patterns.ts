/** Subject: subscriptions to all topics whose names match a pattern, now and later. */
import type { SubscribeOptions, Subscription } from '../../contract/broker.ts';
import type { Delivery } from '../../contract/message.ts';
import { equal, eventually, nextTurn, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { bodies, sendAll, texts } from './steps.ts';

/** Patterns behind a prefix of the test's own, and which of `NAMES` they cover. */
const DOTTED = {
  'orders.*.paid': ['orders.eu.paid', 'orders.us.paid'],
  'orders.>': ['orders.eu', 'orders.eu.paid', 'orders.us.paid', 'orders.us.paid.late'],
  '*.eu': ['orders.eu', 'bills.eu'],
  'orders.eu': ['orders.eu'],
} as const;
const SLASHED = {
  'orders/+/paid': ['orders/eu/paid', 'orders/us/paid'],
  'orders/#': ['orders', 'orders/eu', 'orders/eu/paid', 'orders/us/paid', 'orders/us/paid/late'],
  '+/eu': ['orders/eu', 'bills/eu'],
  'orders/eu': ['orders/eu'],
} as const;
const NAMES = ['orders', 'orders.eu', 'orders.eu.paid', 'orders.us.paid', 'orders.us.paid.late', 'bills.eu', 'ordersx'];

export const namePatterns: readonly ConformanceTest[] = [
  {
    name: 'a dotted pattern covers one word with * and everything below with >',
    capability: 'filters',
    uses: ['push'],
    run: (context) => cover(context, 'dotted', DOTTED),
  },
  {
    name: 'a slashed pattern covers one word with + and itself and everything below with #',
    capability: 'filters',
    uses: ['push'],
    run: (context) => cover(context, 'slashed', SLASHED),
  },
  {
    name: 'a pattern covers topics that are made later, from their first message on',
    capability: 'filters',
    uses: ['push'],
    run: async (context) => {
      const prefix = context.topicName();
      const { pushed, subscription } = await listen(context, `${prefix}.*`, { pattern: 'dotted' });
      const names = [1, 2, 3].map(() => `${prefix}.${context.topicName()}`);
      for (const name of names) await context.broker.send(name, { body: 'first' });
      await came(pushed, 3);
      equal(pushed.map(({ topic }) => topic).sort(), [...names].sort(), 'topics of what is pushed');
      await finish(context, pushed, subscription, names);
    },
  },
  {
    name: 'under a pattern a group is that of each topic: what it has finished there is not pushed again',
    capability: 'filters',
    uses: ['push', 'lease'],
    run: async (context) => {
      const prefix = context.topicName();
      const names = [`${prefix}.a`, `${prefix}.b`];
      for (const name of names) await sendAll(context.broker, name, bodies(2));
      const [done] = await context.broker.receive(names[0] ?? '', { group: 'g' });
      if (done !== undefined) await context.broker.ack([done]);
      const { pushed, subscription } = await listen(context, `${prefix}.>`, { pattern: 'dotted', group: 'g' });
      await came(pushed, 3);
      await nextTurn();
      equal(texts(pushed).sort(), ['m-0', 'm-1', 'm-1'], 'what is pushed');
      await context.broker.ack(pushed);
      for (const name of names) {
        const group = (await context.describe(name)).groups.find((each) => each.group === 'g');
        equal(group?.lag, 0, `lag of the group of ${name}`);
      }
      await finish(context, [], subscription, names);
    },
  },
  {
    name: 'the credit of a subscription by pattern is shared by all topics it covers',
    capability: 'filters',
    uses: ['push', 'lease'],
    run: async (context) => {
      const prefix = context.topicName();
      const names = ['a', 'b', 'c'].map((last) => `${prefix}.${last}`);
      for (const name of names) await sendAll(context.broker, name, bodies(3));
      const { pushed, subscription } = await listen(context, `${prefix}.>`, { pattern: 'dotted', creditMax: 2 });
      let finishedCount = 0;
      for (let count = 2; count <= 9; count += 1) {
        await came(pushed, count);
        for (let turn = 0; turn < 3; turn += 1) await nextTurn();
        equal(pushed.length, count, 'how many were pushed, with a credit of 2');
        await context.broker.ack(pushed.slice(finishedCount, finishedCount + 1));
        finishedCount += 1;
      }
      await finish(context, pushed.slice(finishedCount), subscription, names);
    },
  },
  {
    name: 'a subscription by pattern that is closed gets nothing more, of old topics and of new ones',
    capability: 'filters',
    uses: ['push'],
    run: async (context) => {
      const prefix = context.topicName();
      const { pushed, subscription } = await listen(context, `${prefix}.*`, { pattern: 'dotted' });
      await context.broker.send(`${prefix}.old`, { body: 'a' });
      await came(pushed, 1);
      await subscription.close();
      await context.finish(pushed);
      for (const name of ['old', 'new']) await context.broker.send(`${prefix}.${name}`, { body: 'b' });
      for (let turn = 0; turn < 5; turn += 1) await nextTurn();
      equal(texts(pushed), ['a'], 'what was pushed');
      await dropTopics(context, [`${prefix}.old`, `${prefix}.new`]);
    },
  },
  {
    name: 'a pattern does not cover the topics that a broker makes for itself',
    capability: 'filters',
    uses: ['push', 'dead-letter'],
    // Whatever another test sends would be covered too.
    needs: ['virtual-clock'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, ['bad']);
      const pushed: Delivery[] = [];
      for (const [name, pattern] of [
        ['>', 'dotted'],
        ['#', 'slashed'],
      ] as const) {
        const options: SubscribeOptions = { group: `all ${pattern}`, creditMax: 100, pattern };
        const subscription = await context.broker.subscribe(name, options, (delivery) => pushed.push(delivery));
        const [delivery] = await context.broker.receive(topic, { group: `g ${pattern}` });
        if (delivery !== undefined) await context.broker.nack(delivery, { outcome: 'reject' });
        await eventually(
          async () => pushed.some((each) => each.topic === topic),
          'the message of the topic to be pushed',
        );
        for (let turn = 0; turn < 5; turn += 1) await nextTurn();
        equal(
          pushed.filter((each) => each.topic.startsWith('$')).map((each) => each.topic),
          [],
          'topics of its own',
        );
        await subscription.close();
        pushed.length = 0;
      }
    },
  },
  {
    name: 'a pattern that is none is refused, and where no pattern is meant its signs are letters',
    capability: 'filters',
    uses: ['push'],
    run: async (context) => {
      const wrong = [
        ['a.>.b', 'dotted'],
        ['a/#/b', 'slashed'],
        ['', 'dotted'],
        ['a..b', 'dotted'],
        ['a.*b', 'dotted'],
        ['a/+b', 'slashed'],
        ['a.*', 'starry'],
      ] as const;
      for (const [name, pattern] of wrong) {
        const options = { creditMax: 1, pattern } as SubscribeOptions;
        const call = context.broker.subscribe(name, options, () => undefined);
        await refused(call, 'MQ_INVALID_ARGUMENT', `the ${pattern} pattern ${JSON.stringify(name)}`);
      }
      const plain = `${context.topicName()}.*`;
      await context.broker.createTopic(plain);
      const { pushed, subscription } = await listen(context, plain, {});
      await context.broker.send(plain.replace('*', 'a'), { body: 'not meant' });
      await context.broker.send(plain, { body: 'meant' });
      await came(pushed, 1);
      equal(texts(pushed), ['meant'], 'what is pushed without a pattern');
      await finish(context, pushed, subscription, [plain, plain.replace('*', 'a')]);
    },
  },
];

/** Sends to all names, and compares the topics of what comes under each pattern. */
async function cover(
  context: TestContext,
  pattern: 'dotted' | 'slashed',
  expected: Readonly<Record<string, readonly string[]>>,
): Promise<void> {
  const separator = pattern === 'dotted' ? '.' : '/';
  const prefix = context.topicName();
  const names = NAMES.map((name) => `${prefix}${separator}${name.replaceAll('.', separator)}`);
  for (const name of names) await context.broker.send(name, { body: 'a' });
  for (const [end, covered] of Object.entries(expected)) {
    const group = `g ${end}`;
    const { pushed, subscription } = await listen(context, `${prefix}${separator}${end}`, { pattern, group });
    await came(pushed, covered.length);
    for (let turn = 0; turn < 3; turn += 1) await nextTurn();
    const topics = pushed.map(({ topic }) => topic.slice(prefix.length + 1));
    equal(topics.sort(), [...covered].sort(), `topics that ${end} covers`);
    await context.finish(pushed);
    await subscription.close();
  }
  await dropTopics(context, names);
}

async function listen(
  context: TestContext,
  topic: string,
  options: Partial<SubscribeOptions>,
): Promise<{ readonly pushed: Delivery[]; readonly subscription: Subscription }> {
  const pushed: Delivery[] = [];
  const subscription = await context.broker.subscribe(topic, { creditMax: 100, ...options }, (delivery) => {
    pushed.push(delivery);
  });
  return { pushed, subscription };
}

function came(pushed: readonly Delivery[], count: number): Promise<void> {
  return eventually(async () => pushed.length >= count, `${count} deliveries`);
}

async function finish(
  context: TestContext,
  pushed: readonly Delivery[],
  subscription: Subscription,
  topics: readonly string[],
): Promise<void> {
  await context.finish(pushed);
  await subscription.close();
  await dropTopics(context, topics);
}

/** Topics of names that were made from several. */
async function dropTopics(context: TestContext, topics: readonly string[]): Promise<void> {
  for (const topic of topics) await context.broker.deleteTopic(topic);
}
