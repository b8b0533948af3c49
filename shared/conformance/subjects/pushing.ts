/** Subject: deliveries that come by themselves, as many at a time as the subscriber takes on. */
import type { SubscribeOptions } from '../../contract/broker.ts';
import type { Delivery } from '../../contract/message.ts';
import { atOnce, equal, eventually, present, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { bodies, drain, sendAll, sorted, texts } from './steps.ts';

export const pushing: readonly ConformanceTest[] = [
  {
    name: 'a subscriber is handed at most its credit of unfinished deliveries',
    capability: 'push',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(5));
      const { held, close } = await subscribe(context, topic, { creditMax: 2 });
      await came(held, 2);
      await noMore(context, held, 2);
      await context.broker.ack([present(held[0], 'a delivery')]);
      await came(held, 3);
      await noMore(context, held, 3);
      equal(texts(held), bodies(3), 'deliveries after one was finished');
      await close();
    },
  },
  {
    name: 'messages that are sent later are pushed as they come, in order',
    capability: 'push',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      const { held, close } = await subscribe(context, topic, { creditMax: 10 });
      await sendAll(context.broker, topic, bodies(5));
      await came(held, 5);
      equal(texts(held), bodies(5), 'what was pushed');
      await context.broker.ack(held);
      equal((await context.describe(topic)).lag, 0, 'lag after all was finished');
      await close();
    },
  },
  {
    name: 'a delivery given back frees its credit and is pushed again',
    capability: 'push',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(3));
      const { held, close } = await subscribe(context, topic, { creditMax: 2 });
      await came(held, 2);
      await context.broker.nack(present(held[0], 'a delivery'));
      await came(held, 3);
      await noMore(context, held, 3);
      const again = present(held[2], 'the third delivery');
      equal([texts([again])[0], again.deliveryCount], ['m-0', 2] as unknown, 'what was pushed then, and its count');
      await close();
    },
  },
  {
    name: 'credit is never exceeded, in whatever order deliveries are finished and given back',
    capability: 'push',
    uses: ['lease', 'batch'],
    run: spendCredit,
  },
  {
    name: 'a delivery whose lease ends is pushed again, and the late ack is refused',
    capability: 'push',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(1));
      const { held, close } = await subscribe(context, topic, { creditMax: 1, leaseMs: 800 });
      await came(held, 1);
      await context.pass(1000);
      await came(held, 2);
      const [first, second] = held;
      equal([second?.deliveryCount, second?.redeliveryReason], [2, 'lease-expired'], 'deliveryCount and reason');
      const late = context.broker.ack([present(first, 'the first delivery')]);
      await refused(late, 'MQ_LEASE_EXPIRED', 'an ack with the first token');
      await context.broker.ack([present(second, 'the second delivery')]);
      await close();
    },
  },
  {
    name: 'after close nothing is pushed any more, and what was pushed may still be finished',
    capability: 'push',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(1));
      const { held, close } = await subscribe(context, topic, { creditMax: 5 });
      await came(held, 1);
      await close();
      await context.broker.ack(held);
      await context.broker.send(topic, { body: 'later' });
      await noMore(context, held, 1);
      equal(texts(await drain(context, topic)), ['later'], 'what a receive gets after that');
      await close();
    },
  },
  {
    name: 'subscribers of one group share its messages, those of two groups get each',
    capability: 'push',
    uses: ['lease', 'groups'],
    run: async (context) => {
      const topic = await context.newTopic();
      const open = (group: string, memberId: string): ReturnType<typeof subscribe> =>
        subscribe(context, topic, { group, memberId, creditMax: 20 });
      const shared = [await open('g', 'one'), await open('g', 'two')];
      const other = await open('h', 'three');
      await sendAll(context.broker, topic, bodies(12));
      await eventually(
        async () => shared.reduce((sum, { held }) => sum + held.length, 0) >= 12 && other.held.length >= 12,
        'twelve deliveries to each group',
      );
      equal(texts(other.held), bodies(12), 'what the subscriber of the other group got');
      const together = shared.flatMap(({ held }) => held);
      equal(sorted(texts(together)), sorted(bodies(12)), 'what the two subscribers of one group got together');
      for (const { held } of shared) {
        equal(held.length > 0, true, 'at least one message to each of the two, as both had credit');
      }
      equal(
        shared.map(({ held }) => [...new Set(held.map(({ memberId }) => memberId))]),
        [['one'], ['two']],
        'memberId on the deliveries of each',
      );
      for (const { close } of [...shared, other]) await close();
    },
  },
  {
    name: 'a paused topic pushes nothing until it is resumed',
    capability: 'push',
    uses: ['lease', 'group-modes'],
    run: async (context) => {
      const topic = await context.newTopic();
      const { held, close } = await subscribe(context, topic, { creditMax: 5 });
      await context.broker.pause(topic);
      await context.broker.send(topic, { body: 'a' });
      await noMore(context, held, 0);
      await context.broker.resume(topic);
      await came(held, 1);
      await close();
    },
  },
  {
    name: 'a delayed message is pushed when it is due',
    capability: 'push',
    uses: ['lease', 'delay'],
    run: async (context) => {
      const topic = await context.newTopic();
      const { held, close } = await subscribe(context, topic, { creditMax: 5 });
      await context.broker.send(topic, { body: 'late', delayMs: 800 });
      await noMore(context, held, 0);
      await context.pass(900);
      await came(held, 1);
      equal(texts(held), ['late'], 'what was pushed');
      await close();
    },
  },
  {
    name: 'options that make no sense, and topics that do not exist, are refused by subscribe',
    capability: 'push',
    run: async (context) => {
      const topic = await context.newTopic();
      const wrong = [{}, ...[0, -1, 1.5, Number.NaN].map((creditMax) => ({ creditMax }))];
      for (const options of [...wrong, { creditMax: 1, misspelt: 1 }, { creditMax: 1, leaseMs: 0 }]) {
        const call = context.broker.subscribe(topic, options as SubscribeOptions, () => undefined);
        await refused(call, 'MQ_INVALID_ARGUMENT', `subscribe with ${JSON.stringify(options)}`);
      }
      const unknown = context.broker.subscribe(context.topicName(), { creditMax: 1 }, () => undefined);
      await refused(unknown, 'MQ_UNKNOWN_TOPIC', 'subscribe to an unknown topic');
    },
  },
  {
    name: 'a subscription to a topic that is deleted can be closed, and gets nothing of one made anew',
    capability: 'push',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      const { held, close } = await subscribe(context, topic, { creditMax: 5 });
      await context.broker.deleteTopic(topic);
      await context.broker.createTopic(topic);
      await context.broker.send(topic, { body: 'new' });
      await noMore(context, held, 0);
      await close();
      equal(texts(await drain(context, topic)), ['new'], 'what a receive gets');
    },
  },
];

interface Subscriber {
  /** Everything pushed so far, oldest first. */
  readonly held: Delivery[];
  /** May be called twice. */
  close(): Promise<void>;
}

async function subscribe(context: TestContext, topic: string, options: SubscribeOptions): Promise<Subscriber> {
  const held: Delivery[] = [];
  const call = context.broker.subscribe(topic, options, (delivery) => held.push(delivery));
  const subscription = await atOnce(call, 'subscribe');
  return { held, close: () => atOnce(subscription.close(), 'closing the subscription') };
}

/** Resolves when `count` deliveries were pushed. */
async function came(held: readonly Delivery[], count: number): Promise<void> {
  await eventually(async () => held.length >= count, `${count} deliveries to be pushed`);
}

/** Nothing more than `count` deliveries is pushed within a while. */
async function noMore(context: TestContext, held: readonly Delivery[], count: number): Promise<void> {
  await context.pass(60);
  equal(held.length, count, 'deliveries pushed, and no more');
}

async function spendCredit(context: TestContext): Promise<void> {
  const topic = await context.newTopic();
  await context.broker.createGroup(topic, 'g', context.has('dead-letter') ? { deliveriesMax: 0 } : {});
  await context.broker.sendBatch(
    topic,
    bodies(60).map((body) => ({ body })),
  );
  const credit = 4;
  const open = new Set<Delivery>();
  const finished = new Set<string>();
  const tooMany: number[] = [];
  const options = { group: 'g', creditMax: credit };
  const subscription = await context.broker.subscribe(topic, options, (delivery) => {
    open.add(delivery);
    if (open.size > credit) tooMany.push(open.size);
  });
  await eventually(async () => {
    const [...waiting] = open;
    const delivery = waiting[context.random.below(Math.max(waiting.length, 1))];
    if (delivery === undefined) return finished.size === 60;
    open.delete(delivery);
    if (context.random.below(3) === 0) await context.broker.nack(delivery);
    else {
      await context.broker.ack([delivery]);
      finished.add(delivery.id);
    }
    return finished.size === 60;
  }, '60 messages to be finished');
  equal(tooMany, [], `numbers of unfinished deliveries above the credit of ${credit}`);
  await atOnce(subscription.close(), 'closing the subscription');
}
