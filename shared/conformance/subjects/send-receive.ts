/** Subject: a message goes in, is answered with a receipt, and comes out once, in order, as it was. */
import { atOnce, equal, holds } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { bodies, drain, receiveOne, sendAll, textOf, texts } from './steps.ts';

export const sendReceive: readonly ConformanceTest[] = [
  {
    name: 'a message that was sent is received',
    capability: 'receive',
    run: async (context) => {
      const { broker } = context;
      const topic = await context.newTopic();
      await broker.send(topic, { body: 'hello' });
      equal(textOf(await receiveOne(broker, topic)), 'hello', 'the body');
    },
  },
  {
    name: 'a receipt names the topic, the partition, the offset, the id and how safe the message is',
    capability: 'send',
    run: async (context) => {
      const { broker } = context;
      const topic = await context.newTopic();
      const receipt = await broker.send(topic, { body: 'a', id: 'my-id' });
      equal(receipt.topic, topic, 'receipt.topic');
      equal(receipt.id, 'my-id', 'receipt.id');
      equal(receipt.partition, 0, 'receipt.partition');
      holds(receipt.offset === null || receipt.offset === 0, 'offset 0 (or null without offsets)', receipt.offset);
      holds(['memory', 'written', 'synced'].includes(receipt.durability), 'memory, written or synced', receipt);
    },
  },
  {
    name: 'offsets count 0, 1, 2 in the order of acceptance',
    capability: 'send',
    run: async (context) => {
      const { broker } = context;
      const receipts = await sendAll(broker, await context.newTopic(), bodies(5));
      const offsets = receipts.map((receipt) => receipt.offset);
      const expected = offsets[0] === null ? offsets.map(() => null) : [0, 1, 2, 3, 4];
      equal(offsets, expected, 'the offsets of five receipts');
    },
  },
  {
    name: 'concurrent sends get distinct offsets',
    capability: 'send',
    run: async (context) => {
      const { broker } = context;
      const topic = await context.newTopic();
      const receipts = await Promise.all(bodies(50).map((body) => broker.send(topic, { body })));
      const offsets = receipts.map((receipt) => receipt.offset).filter((offset) => offset !== null);
      equal(new Set(offsets).size, offsets.length, 'distinct offsets among 50 concurrent sends');
    },
  },
  {
    name: 'messages of one producer are received in the order they were sent',
    capability: 'receive',
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(25));
      equal(texts(await drain(context, topic, { max: 4 })), bodies(25), 'the bodies received');
    },
  },
  {
    name: 'a receive of up to N answers N messages in order when so many are there',
    capability: 'receive',
    run: async (context) => {
      const { broker } = context;
      const topic = await context.newTopic();
      await sendAll(broker, topic, bodies(12));
      equal(texts(await broker.receive(topic, { max: 10 })), bodies(10), 'the bodies of one receive of up to 10');
    },
  },
  {
    name: 'a receive that may wait does not wait for more than is there',
    capability: 'receive',
    run: async (context) => {
      const { broker } = context;
      const topic = await context.newTopic();
      await sendAll(broker, topic, ['a', 'b', 'c']);
      const call = broker.receive(topic, { max: 10, waitMs: 20_000 });
      const received = await atOnce(call, 'a receive of up to 10 when 3 are there');
      equal(texts(received), ['a', 'b', 'c'], 'the bodies received');
    },
  },
  {
    name: 'an empty receive is a normal answer',
    capability: 'receive',
    run: async (context) => {
      const { broker } = context;
      const topic = await context.newTopic();
      equal(await broker.receive(topic), [], 'a receive from a topic that never had a message');
      await broker.send(topic, { body: 'a' });
      await context.finish([await receiveOne(broker, topic)]);
      equal(await broker.receive(topic), [], 'a receive after everything was received');
    },
  },
  {
    name: 'a message that was received and finished does not come again',
    capability: 'receive',
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, ['a', 'b']);
      equal(texts(await drain(context, topic)), ['a', 'b'], 'the first drain');
      equal(await drain(context, topic), [], 'the second drain');
    },
  },
  {
    name: 'a delivery carries the offset, id, key, partition and topic of its message',
    capability: 'receive',
    run: async (context) => {
      const { broker } = context;
      const topic = await context.newTopic();
      const receipt = await broker.send(topic, { body: 'a', key: 'k', id: 'i' });
      const delivery = await receiveOne(broker, topic);
      equal(delivery.topic, topic, 'delivery.topic');
      equal(delivery.partition, receipt.partition, 'delivery.partition');
      equal(delivery.offset, receipt.offset, 'delivery.offset');
      equal(delivery.id, 'i', 'delivery.id');
      equal(delivery.key, 'k', 'delivery.key');
      equal(delivery.deliveryCount, 1, 'deliveryCount of a first delivery');
      equal(delivery.group, 'default', 'the group of a receive that names none');
    },
  },
  {
    name: 'a message without a key has none when it arrives',
    capability: 'receive',
    run: async (context) => {
      const { broker } = context;
      const topic = await context.newTopic();
      await broker.send(topic, { body: 'a' });
      equal((await receiveOne(broker, topic)).key, undefined, 'delivery.key');
    },
  },
  {
    name: 'a message without an id gets one that no other message has',
    capability: 'send',
    run: async (context) => {
      const { broker } = context;
      const topic = await context.newTopic();
      const receipts = await sendAll(broker, topic, bodies(20));
      const ids = receipts.map((receipt) => receipt.id);
      holds(
        ids.every((id) => id.length > 0),
        'an id on every receipt',
        ids,
      );
      equal(new Set(ids).size, 20, 'distinct ids');
    },
  },
  {
    name: 'timestamps never decrease within a partition',
    capability: 'receive',
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(5));
      await context.pass(5);
      await sendAll(context.broker, topic, bodies(5));
      const stamps = (await drain(context, topic)).map((delivery) => delivery.timestamp);
      holds(
        stamps.every((stamp) => Number.isSafeInteger(stamp) && stamp > 0),
        'epoch ms as whole numbers',
        stamps,
      );
      equal(
        stamps,
        [...stamps].sort((a, b) => a - b),
        'timestamps in the order of the offsets',
      );
    },
  },
  {
    name: 'a timestamp is the time of acceptance, and does not go back when the wall clock does',
    capability: 'receive',
    needs: ['virtual-clock'],
    run: async (context) => {
      const topic = await context.newTopic();
      const acceptedAt = context.now();
      await context.broker.send(topic, { body: 'a' });
      await context.pass(50);
      context.jumpWallClock(-3_600_000);
      await context.broker.send(topic, { body: 'b' });
      const stamps = (await drain(context, topic)).map((delivery) => delivery.timestamp);
      equal(stamps[0], acceptedAt, 'the timestamp of the first message');
      holds((stamps[1] ?? 0) >= acceptedAt, `at least ${acceptedAt} although the clock was set back`, stamps[1]);
    },
  },
  {
    name: 'a receive on a broker without leases is the end of the message: there is no token to acknowledge',
    capability: 'receive',
    run: async (context) => {
      const { broker } = context;
      const topic = await context.newTopic();
      await broker.send(topic, { body: 'a' });
      const { leaseToken, leaseExpiresAt } = await receiveOne(broker, topic);
      const isLeased = context.has('lease');
      equal(typeof leaseToken === 'string', isLeased, 'a lease token exactly where there are leases');
      equal(typeof leaseExpiresAt === 'number', isLeased, 'an end of the lease exactly where there are leases');
    },
  },
  {
    name: 'bytesMax ends an answer early but never below one delivery',
    capability: 'receive',
    run: async (context) => {
      const topic = await context.newTopic();
      const body = 'x'.repeat(1000);
      await sendAll(context.broker, topic, [body, body, body, body]);
      const two = await context.broker.receive(topic, { max: 4, bytesMax: 2500 });
      equal(two.length, 2, 'deliveries of 1,000 bytes in 2,500');
      const one = await context.broker.receive(topic, { max: 4, bytesMax: 1 });
      equal(one.length, 1, 'deliveries of 1,000 bytes in 1');
    },
  },
  {
    name: 'a send does not wait for consumers',
    capability: 'receive',
    run: async (context) => {
      const { broker } = context;
      const topic = await context.newTopic();
      await broker.send(topic, { body: 'first' });
      // A consumer that took a message and is busy with it for ever.
      await receiveOne(broker, topic);
      const receipts = await atOnce(sendAll(broker, topic, bodies(20)), 'twenty sends while the consumer is busy');
      equal(receipts.length, 20, 'sends accepted while the consumer is busy');
    },
  },
  {
    name: 'two topics do not share their messages',
    capability: 'receive',
    run: async (context) => {
      const [first, second] = [await context.newTopic(), await context.newTopic()];
      await context.broker.send(first, { body: 'for the first' });
      await context.broker.send(second, { body: 'for the second' });
      equal(texts(await drain(context, second)), ['for the second'], 'what the second topic has');
      equal(texts(await drain(context, first)), ['for the first'], 'what the first topic has');
    },
  },
  {
    name: 'many more messages than a topic holds pass through it one after the other',
    capability: 'receive',
    run: passMany,
  },
];

async function passMany(context: TestContext): Promise<void> {
  const topic = await context.newTopic({ messagesMax: 8 });
  for (let round = 0; round < 20; round += 1) {
    const sent = bodies(6, `round-${round}`);
    await sendAll(context.broker, topic, sent);
    equal(texts(await drain(context, topic)), sent, `the messages of round ${round}`);
  }
  const { logStartOffset, logEndOffset, availableCount } = await context.describe(topic);
  equal(availableCount, 0, 'availableCount after everything was finished');
  holds(logEndOffset - logStartOffset <= 8, 'at most 8 records kept', logEndOffset - logStartOffset);
}
