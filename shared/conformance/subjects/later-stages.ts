/** Subject: what the later stages promise, as far as the contract already fixes it. */
import { equal, holds, present, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import { bodies, drain, receiveOne, sendAll, texts } from './steps.ts';

export const durability: readonly ConformanceTest[] = [
  {
    name: 'a restart keeps messages: what was accepted is received afterwards',
    capability: 'durable',
    needs: ['restart'],
    run: async (context) => {
      const topic = await context.newTopic();
      const receipts = await sendAll(context.broker, topic, bodies(20));
      await context.restart();
      const deliveries = await drain(context, topic);
      equal(texts(deliveries), bodies(20), 'what is received after the restart');
      equal(
        deliveries.map(({ offset, id }) => [offset, id]),
        receipts.map(({ offset, id }) => [offset, id]),
        'offsets, ids',
      );
    },
  },
  {
    name: 'a restart keeps what a group has finished and what it has not',
    capability: 'durable',
    needs: ['restart'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(4));
      await context.broker.ack([await receiveOne(context.broker, topic, { group: 'queue' })]);
      await context.broker.commit(topic, { group: 'log', offset: 3 });
      await context.restart();
      equal(texts(await drain(context, topic, { group: 'queue' })), ['m-1', 'm-2', 'm-3'], 'what the queue group gets');
      equal(await context.broker.committed(topic, { group: 'log' }), 3, 'committed of the log group');
    },
  },
];

export const partitions: readonly ConformanceTest[] = [
  {
    name: 'messages with equal keys go to the same partition, in order',
    capability: 'partitions',
    run: async (context) => {
      const topic = await context.newTopic({ partitionCount: 4 });
      const partitionsOf = new Map<string, Set<number>>();
      for (const body of bodies(30)) {
        const key = `key-${context.random.below(6)}`;
        const { partition } = await context.broker.send(topic, { body, key });
        partitionsOf.set(key, (partitionsOf.get(key) ?? new Set()).add(partition));
      }
      for (const [key, used] of partitionsOf) equal(used.size, 1, `partitions of ${key}`);
    },
  },
  {
    name: 'a batch whose keys belong to different partitions is refused',
    capability: 'partitions',
    run: async (context) => {
      const topic = await context.newTopic({ partitionCount: 64 });
      const batch = bodies(40).map((body) => ({ body, key: body }));
      await refused(context.broker.sendBatch(topic, batch), 'MQ_INVALID_ARGUMENT', 'a batch of 40 keys');
    },
  },
];

export const delays: readonly ConformanceTest[] = [
  {
    name: 'a delayed message is received when it is due and not before',
    capability: 'delay',
    run: async (context) => {
      const topic = await context.newTopic();
      const receipt = await context.broker.send(topic, { body: 'late', delayMs: 600 });
      equal(receipt.offset, null, 'the offset of a message that is not due');
      holds(typeof receipt.deliverAt === 'number', 'deliverAt on the receipt', receipt);
      await context.broker.send(topic, { body: 'now' });
      equal((await context.describe(topic)).delayedCount, 1, 'delayedCount');
      equal(texts(await drain(context, topic)), ['now'], 'what is received before the delayed one is due');
      await context.pass(900);
      equal(texts(await drain(context, topic)), ['late'], 'what is received when it is due');
    },
  },
  {
    name: 'a message to be delivered in the past is delivered now and one in ten years is not',
    capability: 'delay',
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'past', deliverAt: 1000 });
      await context.broker.send(topic, { body: 'far', deliverAt: Date.UTC(2036, 0, 1) });
      await context.pass(100);
      equal(texts(await drain(context, topic)), ['past'], 'what is received');
      const wrong = { body: 'a', delayMs: -1 };
      await refused(context.broker.send(topic, wrong), 'MQ_INVALID_ARGUMENT', 'a delay of -1 ms');
    },
  },
  {
    name: 'a delivery given back with a delay comes again when that is over',
    capability: 'delay',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'a' });
      await context.broker.nack(await receiveOne(context.broker, topic), { delayMs: 500 });
      equal(await context.broker.receive(topic), [], 'a receive at once');
      await context.pass(700);
      equal((await receiveOne(context.broker, topic)).deliveryCount, 2, 'deliveryCount when it comes again');
    },
  },
];

export const expiry: readonly ConformanceTest[] = [
  {
    name: 'a message that expired is not received, is counted, and can still be fetched',
    capability: 'ttl',
    uses: ['offsets'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'short', ttlMs: 200 });
      await context.broker.send(topic, { body: 'long', ttlMs: 60_000 });
      await context.pass(400);
      equal(texts(await drain(context, topic)), ['long'], 'what is received');
      equal(texts((await context.broker.fetch(topic, { max: 10 })).records), ['short', 'long'], 'what is fetched');
      equal((await context.describe(topic)).groups[0]?.expiredCount, 1, 'expiredCount of the group');
    },
  },
];

export const priorities: readonly ConformanceTest[] = [
  {
    name: 'messages of higher priority are received first, those of equal priority in order',
    capability: 'priority',
    run: async (context) => {
      const topic = await context.newTopic();
      for (const [body, priority] of [
        ['a', 0],
        ['b', 9],
        ['c', 4],
        ['d', 9],
        ['e', 0],
      ] as const) {
        await context.broker.send(topic, { body, priority });
      }
      equal(texts(await drain(context, topic, { max: 1 })), [...'bdcae'], 'the order of arrival');
      const call = context.broker.send(topic, { body: 'a', priority: 10 });
      await refused(call, 'MQ_INVALID_ARGUMENT', 'a priority of 10');
    },
  },
];

export const deadLetters: readonly ConformanceTest[] = [
  {
    name: 'a rejected delivery goes to the dead letters of its group and does not come again',
    capability: 'dead-letter',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'bad' });
      const delivery = await receiveOne(context.broker, topic, { group: 'g' });
      await context.broker.nack(delivery, { outcome: 'reject', reason: 'cannot be read' });
      equal(await context.broker.receive(topic, { group: 'g' }), [], 'what the group still gets');
      equal((await context.describe(topic)).groups[0]?.deadCount, 1, 'deadCount of the group');
      const all = (await context.broker.describeTopics()).map((description) => description.topic);
      const encoded = topic.replaceAll('%', '%25').replaceAll('/', '%2F');
      holds(
        all.includes(`$dead/${encoded}/g`),
        `a topic $dead/${encoded}/g`,
        all.filter((name) => name.startsWith('$')),
      );
    },
  },
];

export const groupModes: readonly ConformanceTest[] = [
  {
    name: 'an exclusive group delivers to one member only',
    capability: 'group-modes',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.createGroup(topic, 'g', { mode: 'exclusive' });
      await sendAll(context.broker, topic, bodies(2));
      await receiveOne(context.broker, topic, { group: 'g', memberId: 'one' });
      const second = context.broker.receive(topic, { group: 'g', memberId: 'two' });
      const got = await second.catch(() => []);
      equal(texts(got), [], 'what a second member gets');
      equal(
        texts(await context.broker.receive(topic, { group: 'g', memberId: 'one' })),
        ['m-1'],
        'what the first gets',
      );
    },
  },
];

export const timeIndex: readonly ConformanceTest[] = [
  {
    name: 'seek to a time finds the first message accepted at that time or later',
    capability: 'time-index',
    uses: ['offsets'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(3, 'old'));
      await context.pass(50);
      await sendAll(context.broker, topic, bodies(3, 'new'));
      const { records } = await context.broker.fetch(topic, { max: 10 });
      const { timestamp } = present(records[3], 'the fourth record');
      await context.broker.createGroup(topic, 'g');
      equal(await context.broker.seek(topic, { group: 'g', to: { timestamp } }), 3, 'the offset found');
    },
  },
];

export const pushing: readonly ConformanceTest[] = [
  {
    name: 'a subscriber is handed at most its credit of unfinished deliveries',
    capability: 'push',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(5));
      const held: Parameters<Parameters<typeof context.broker.subscribe>[2]>[0][] = [];
      const subscription = await context.broker.subscribe(topic, { creditMax: 2 }, (delivery) => held.push(delivery));
      await context.pass(50);
      equal(texts(held), bodies(2), 'deliveries with a credit of 2');
      await context.broker.ack([present(held[0], 'a delivery')]);
      await context.pass(50);
      equal(texts(held), bodies(3), 'deliveries after one was finished');
      await subscription.close();
    },
  },
];

export const deduplication: readonly ConformanceTest[] = [
  {
    name: 'a message sent again with the same id, because its answer was lost, is stored once',
    capability: 'dedup',
    run: async (context) => {
      const topic = await context.newTopic();
      const first = await context.broker.send(topic, { body: 'a', id: 'order-1' });
      const second = await context.broker.send(topic, { body: 'a', id: 'order-1' });
      equal(second.offset, first.offset, 'the offset on the second receipt');
      equal(texts(await drain(context, topic)), ['a'], 'what is received');
    },
  },
];
