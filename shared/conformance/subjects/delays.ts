/** Subject: messages that are sent now and delivered later. */
import { atOnce, equal, holds, isSettled, present, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { bodies, drain, offsetOf, readLog, receiveOne, texts } from './steps.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

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
      equal((await context.describe(topic)).delayedCount, 0, 'delayedCount when it is due');
    },
  },
  {
    name: 'a delay is kept to the millisecond, and a receipt says when it ends',
    capability: 'delay',
    needs: ['virtual-clock'],
    run: async (context) => {
      const topic = await context.newTopic();
      const { deliverAt } = await context.broker.send(topic, { body: 'a', delayMs: 2000 });
      equal(deliverAt, context.now() + 2000, 'deliverAt');
      const at = context.now() + 3000;
      const { deliverAt: exact } = await context.broker.send(topic, { body: 'b', deliverAt: at });
      equal(exact, at, 'deliverAt of a message that named the time');
      await context.pass(1999);
      equal(await context.broker.receive(topic), [], 'a receive after 1999 ms');
      await context.pass(1);
      equal(texts(await drain(context, topic)), ['a'], 'what is received after 2000 ms');
      await context.pass(999);
      equal(await context.broker.receive(topic), [], 'a receive after 2999 ms');
      await context.pass(1);
      equal(texts(await drain(context, topic)), ['b'], 'what is received after 3000 ms');
    },
  },
  {
    name: 'a waiting receive wakes when a delayed message is due',
    capability: 'delay',
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'late', delayMs: 800 });
      const call = context.as('consumer').receive(topic, { waitMs: 20_000 });
      await context.untilWaiting(topic, 1);
      equal(await isSettled(call), false, 'an answer before it is due');
      await context.pass(900);
      equal(texts(await atOnce(call, 'the waiting receive, when the message is due')), ['late'], 'what it received');
    },
  },
  {
    name: 'delayed messages come in the order in which they are due, those due together in the order sent',
    capability: 'delay',
    needs: ['virtual-clock'],
    run: async (context) => {
      const topic = await context.newTopic();
      const at = context.now() + 500;
      for (const [body, delayMs] of Object.entries({ d: 400, b: 200, a: 100, c: 300 })) {
        await context.broker.send(topic, { body, delayMs });
      }
      for (const body of bodies(3, 'e')) await context.broker.send(topic, { body, deliverAt: at });
      await context.pass(1000);
      const records = await readLog(context.broker, topic);
      equal(texts(records), ['a', 'b', 'c', 'd', 'e-0', 'e-1', 'e-2'], 'the log after all are due');
      equal(records.map(offsetOf), [0, 1, 2, 3, 4, 5, 6], 'their offsets');
    },
  },
  {
    name: 'a message to be delivered in the past is delivered now and one in ten years is not',
    capability: 'delay',
    run: async (context) => {
      const topic = await context.newTopic();
      const past = await context.broker.send(topic, { body: 'past', deliverAt: 1000 });
      equal(past.offset, 0, 'the offset of a message that is due');
      equal((await context.broker.send(topic, { body: 'now', delayMs: 0 })).offset, 1, 'the offset after a delay of 0');
      await context.broker.send(topic, { body: 'far', deliverAt: Date.UTC(2036, 11, 1) });
      await context.pass(100);
      equal(texts(await drain(context, topic)), ['past', 'now'], 'what is received');
      equal((await context.describe(topic)).delayedCount, 1, 'delayedCount');
    },
  },
  {
    name: 'a delay longer than 2^31 ms is kept',
    capability: 'delay',
    needs: ['virtual-clock'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'far', delayMs: 30 * DAY_MS });
      await context.pass(30 * DAY_MS - 1);
      equal(await context.broker.receive(topic), [], 'a receive shortly before');
      await context.pass(1);
      equal(texts(await drain(context, topic)), ['far'], 'what is received after 30 days');
    },
  },
  {
    name: 'a delay or a time that is no whole number from 0 is refused, and so are both together',
    capability: 'delay',
    run: async (context) => {
      const topic = await context.newTopic();
      for (const value of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60]) {
        for (const name of ['delayMs', 'deliverAt']) {
          const call = context.broker.send(topic, { body: 'a', [name]: value });
          const { details } = await refused(call, 'MQ_INVALID_ARGUMENT', `${name} ${value}`);
          equal(details.path, `message.${name}`, 'details.path');
        }
      }
      const both = context.broker.send(topic, { body: 'a', delayMs: 100, deliverAt: 1000 });
      await refused(both, 'MQ_INVALID_ARGUMENT', 'delayMs and deliverAt together');
      const { logEndOffset, delayedCount } = await context.describe(topic);
      equal([logEndOffset, delayedCount], [0, 0], 'messages accepted and delayed');
    },
  },
  {
    name: 'a batch of delayed messages has no offsets yet; one that mixes delayed and others is refused',
    capability: 'delay',
    uses: ['batch'],
    run: async (context) => {
      const topic = await context.newTopic();
      const receipt = await context.broker.sendBatch(topic, [
        { body: 'b', delayMs: 900, id: 'second' },
        { body: 'a', delayMs: 800 },
      ]);
      equal([receipt.baseOffset, receipt.count], [null, 2], 'baseOffset and count');
      equal(receipt.ids[0], 'second', 'the id of the first message');
      equal((await context.describe(topic)).delayedCount, 2, 'delayedCount');
      const mixed = context.broker.sendBatch(topic, [{ body: 'x' }, { body: 'y', delayMs: 200 }]);
      await refused(mixed, 'MQ_INVALID_ARGUMENT', 'a batch of one message for now and one for later');
      await context.pass(1100);
      equal(texts(await drain(context, topic)), ['a', 'b'], 'what is received when both are due');
    },
  },
  {
    name: 'a delayed message keeps its id, key, headers and body, and goes to the partition of its key',
    capability: 'delay',
    uses: ['partitions'],
    run: async (context) => {
      const topic = await context.newTopic({ partitionCount: 4 });
      const sent = { body: 'late', key: 'k', id: 'order-1', headers: { h: 'x' } };
      const later = await context.broker.send(topic, { ...sent, delayMs: 800 });
      const now = await context.broker.send(topic, { body: 'now', key: 'k' });
      equal(later.partition, now.partition, 'the partition on the receipt');
      await context.pass(1000);
      const [, delivery] = await drain(context, topic);
      const { key, id, headers, partition, offset } = present(delivery, 'the delayed message');
      equal([key, id, headers.h, partition, offset], ['k', 'order-1', 'x', now.partition, 1], 'what was received');
    },
  },
  {
    name: 'a delayed message reaches every group once, also one made while it was delayed',
    capability: 'delay',
    uses: ['groups'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.createGroup(topic, 'before');
      await context.broker.send(topic, { body: 'late', delayMs: 800 });
      await context.broker.createGroup(topic, 'after', { start: 'latest' });
      await context.pass(1000);
      for (const group of ['before', 'after']) {
        equal(texts(await drain(context, topic, { group })), ['late'], `what the group ${group} gets`);
      }
    },
  },
  {
    name: 'delayed messages of a deleted topic are gone with it',
    capability: 'delay',
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'late', delayMs: 200 });
      await context.broker.deleteTopic(topic);
      await context.broker.createTopic(topic);
      await context.pass(400);
      equal(await context.broker.receive(topic), [], 'what comes from the topic made anew');
    },
  },
  {
    name: 'a delay follows the wall clock: it does not end before its time of day, also when the clock is set back',
    capability: 'delay',
    needs: ['virtual-clock'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'late', delayMs: 10_000 });
      context.jumpWallClock(-3_600_000);
      await context.pass(11_000);
      equal(await context.broker.receive(topic), [], 'a receive 11 s later, by a clock that was set back an hour');
      await context.pass(3_600_000);
      equal(texts(await drain(context, topic)), ['late'], 'what is received an hour later');
    },
  },
  {
    name: 'delayed messages survive a restart: each comes once, when it is due',
    capability: 'delay',
    uses: ['durable'],
    needs: ['restart'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'b', delayMs: 1000, key: 'k' });
      await context.broker.send(topic, { body: 'a', delayMs: 100 });
      await context.pass(200);
      await context.restart();
      // A process may take longer to start than the delay is.
      const isEarly = context.clock === 'virtual';
      if (isEarly) equal((await context.describe(topic)).delayedCount, 1, 'delayedCount after the restart');
      const first = texts(await drain(context, topic));
      if (isEarly) equal(first, ['a'], 'what is received after the restart');
      await context.pass(900);
      await context.restart();
      const rest = texts(await drain(context, topic));
      equal([...first, ...rest], ['a', 'b'], 'what is received when the other is due too');
      await context.restart();
      equal(texts(await readLog(context.broker, topic)), ['a', 'b'], 'the log after one more restart');
    },
  },
  {
    name: 'whatever the delays, every message comes once, never before it is due',
    capability: 'delay',
    needs: ['virtual-clock'],
    run: manyDelays,
  },
  {
    name: 'a delivery given back with a delay comes again when that is over',
    capability: 'delay',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'a' });
      await context.broker.nack(await receiveOne(context.broker, topic), { delayMs: 900 });
      equal(await context.broker.receive(topic), [], 'a receive at once');
      equal((await context.describe(topic)).delayedCount, 1, 'delayedCount');
      const [listed] = await context.broker.browse(topic, { max: 5 });
      equal(listed?.state, 'delayed', 'its state as browse lists it');
      await context.pass(1000);
      equal((await receiveOne(context.broker, topic)).deliveryCount, 2, 'deliveryCount when it comes again');
    },
  },
];

async function manyDelays(context: TestContext): Promise<void> {
  const topic = await context.newTopic();
  const dueAt = new Map<string, number>();
  for (const body of bodies(120)) {
    const delayMs = context.random.below(3000);
    dueAt.set(body, context.now() + delayMs);
    await context.broker.send(topic, { body, delayMs });
    await context.pass(context.random.below(20));
  }
  const received: string[] = [];
  while (received.length < dueAt.size && context.now() < Math.max(...dueAt.values()) + 1000) {
    const came = texts(await drain(context, topic));
    const early = came.filter((body) => (dueAt.get(body) ?? 0) > context.now());
    equal(early, [], 'messages received before they were due');
    received.push(...came);
    const late = [...dueAt].filter(([body, at]) => at <= context.now() && !received.includes(body));
    equal(late, [], 'messages that are due and did not come');
    await context.pass(50);
  }
  equal(received.toSorted(), [...dueAt.keys()].toSorted(), 'all that was received');
}
