/** Subject: finishing deliveries: exactly those that were named, once, and only by who holds them. */
import { DEFAULTS } from '../../contract/limits.ts';
import { equal, present, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { bodies, drain, receiveOne, sendAll, sorted, texts } from './steps.ts';

export const acks: readonly ConformanceTest[] = [
  {
    name: 'an acknowledged message is finished',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'a' });
      await context.broker.ack([await receiveOne(context.broker, topic)]);
      const { availableCount, inFlightCount, lag } = await context.describe(topic);
      equal([availableCount, inFlightCount, lag], [0, 0, 0], 'availableCount, inFlightCount and lag');
    },
  },
  {
    name: 'repeating an ack succeeds and finishes nothing else',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(2));
      const delivery = await receiveOne(context.broker, topic);
      await Promise.all([context.broker.ack([delivery]), context.broker.ack([delivery])]);
      await context.broker.ack([delivery]);
      equal(texts(await drain(context, topic)), ['m-1'], 'what is left');
    },
  },
  {
    name: 'a cumulative ack applies also when the delivery it names was acknowledged before',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(3));
      const last = (await context.broker.receive(topic, { max: 3 })).slice(-1);
      await context.broker.ack(last);
      await context.broker.ack(last, { cumulative: true });
      const { availableCount, inFlightCount, lag } = await context.describe(topic);
      equal([availableCount, inFlightCount, lag], [0, 0, 0], 'availableCount, inFlightCount and lag');
    },
  },
  {
    name: 'acks are remembered for the last 1,024 tokens of a group and not for ever',
    capability: 'lease',
    uses: ['batch'],
    run: rememberTokens,
  },
  {
    name: 'an ack with a token nobody was given is refused and finishes nothing',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'a' });
      const delivery = await receiveOne(context.broker, topic);
      const forged = { ...delivery, leaseToken: 'made-up' };
      await refused(context.broker.ack([forged]), 'MQ_LEASE_EXPIRED', 'an ack with a made-up token');
      await refused(context.broker.nack(forged), 'MQ_LEASE_EXPIRED', 'a nack with a made-up token');
      await refused(context.broker.extendLease(forged), 'MQ_LEASE_EXPIRED', 'extendLease with a made-up token');
      equal((await context.describe(topic)).inFlightCount, 1, 'inFlightCount');
      await context.broker.ack([delivery]);
    },
  },
  {
    name: 'an ack whose offset is not that of its token is refused and finishes nothing',
    capability: 'lease',
    uses: ['offsets'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(2));
      const first = await receiveOne(context.broker, topic);
      const second = await receiveOne(context.broker, topic);
      const wrong = { ...first, offset: second.offset };
      await refused(context.broker.ack([wrong]), 'MQ_LEASE_EXPIRED', 'an ack of offset 1 with the token of offset 0');
      const beyond = { ...first, offset: 99 };
      await refused(context.broker.ack([beyond]), 'MQ_LEASE_EXPIRED', 'an ack of an offset that does not exist');
      equal((await context.describe(topic)).inFlightCount, 2, 'inFlightCount');
    },
  },
  {
    name: 'after a nack the delivery can neither be acknowledged nor given back again',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'a' });
      const delivery = await receiveOne(context.broker, topic);
      await context.broker.nack(delivery);
      await refused(context.broker.ack([delivery]), 'MQ_LEASE_EXPIRED', 'an ack after the nack');
      await refused(context.broker.nack(delivery), 'MQ_LEASE_EXPIRED', 'a second nack');
      equal(texts(await context.broker.receive(topic)), ['a'], 'what comes again');
    },
  },
  {
    name: 'after an ack the delivery can neither be given back nor extended',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'a' });
      const delivery = await receiveOne(context.broker, topic);
      await context.broker.ack([delivery]);
      await refused(context.broker.nack(delivery), 'MQ_LEASE_EXPIRED', 'a nack after the ack');
      await refused(context.broker.extendLease(delivery), 'MQ_LEASE_EXPIRED', 'extendLease after the ack');
      equal(await context.broker.receive(topic), [], 'what is left');
    },
  },
  {
    name: 'of a list of acks the valid ones apply and the others are listed',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(3));
      const [first, second, third] = await context.broker.receive(topic, { max: 3 });
      await context.broker.nack(present(second, 'the second delivery'), { outcome: 'return' });
      const list = [first, second, third].map((delivery) => present(delivery, 'a delivery'));
      const error = await refused(context.broker.ack(list), 'MQ_LEASE_EXPIRED', 'a list with one ended lease');
      const failed = error.details.failed?.map(({ offset, leaseToken }) => [offset, leaseToken]);
      equal(failed, [[list[1]?.offset, list[1]?.leaseToken]], 'details.failed');
      equal((await context.describe(topic)).inFlightCount, 0, 'inFlightCount: the first and the third are finished');
      equal(texts(await drain(context, topic)), ['m-1'], 'what is left');
    },
  },
  {
    name: 'an ack in the middle of what was received leaves exactly the rest to come again',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(5));
      const deliveries = await context.broker.receive(topic, { memberId: 'dies', max: 5 });
      await context.broker.ack([present(deliveries[1], 'a delivery'), present(deliveries[3], 'a delivery')]);
      await context.broker.leave(topic, { memberId: 'dies' });
      equal(texts(await drain(context, topic)), ['m-0', 'm-2', 'm-4'], 'what comes again');
    },
  },
  {
    name: 'the ack floor of a group rises only over messages that are finished without a gap',
    capability: 'lease',
    uses: ['offsets'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(4));
      const deliveries = await context.broker.receive(topic, { max: 4 });
      const floors: number[] = [];
      for (const index of [2, 1, 0, 3]) {
        await context.broker.ack([present(deliveries[index], 'a delivery')]);
        floors.push(await context.broker.committed(topic, { group: DEFAULTS.group }));
      }
      equal(floors, [0, 0, 3, 4], 'committed after the acks of offsets 2, 1, 0 and 3');
    },
  },
  {
    name: 'a cumulative ack finishes everything the member holds up to that message and nothing above',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(5));
      const deliveries = await context.broker.receive(topic, { memberId: 'one', max: 5 });
      await context.broker.ack([present(deliveries[2], 'the third delivery')], { cumulative: true });
      await context.broker.leave(topic, { memberId: 'one' });
      equal(texts(await drain(context, topic)), ['m-3', 'm-4'], 'what comes again');
    },
  },
  {
    name: 'a cumulative ack leaves the deliveries of other members alone',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(4));
      await context.broker.receive(topic, { memberId: 'one', max: 2 });
      const others = await context.broker.receive(topic, { memberId: 'two', max: 2 });
      await context.broker.ack([present(others[1], 'the last delivery')], { cumulative: true });
      equal((await context.describe(topic)).inFlightCount, 2, 'inFlightCount: what member one holds');
      await context.broker.leave(topic, { memberId: 'one' });
      equal(texts(await drain(context, topic)), bodies(2), 'what comes again');
    },
  },
  {
    name: 'one ack may finish deliveries of several topics and groups',
    capability: 'lease',
    uses: ['groups'],
    run: async (context) => {
      const [first, second] = [await context.newTopic(), await context.newTopic()];
      for (const topic of [first, second]) await context.broker.send(topic, { body: 'a' });
      const deliveries = [
        await receiveOne(context.broker, first, { group: 'g' }),
        await receiveOne(context.broker, first, { group: 'h' }),
        await receiveOne(context.broker, second, { group: 'g' }),
      ];
      await context.broker.ack(deliveries);
      for (const topic of [first, second]) equal((await context.describe(topic)).lag, 0, 'lag after the ack');
    },
  },
  {
    name: 'an ack says nothing to other groups',
    capability: 'lease',
    uses: ['groups'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'a' });
      const mine = await receiveOne(context.broker, topic, { group: 'mine' });
      await receiveOne(context.broker, topic, { group: 'other' });
      await context.broker.ack([mine]);
      const inFlight = (await context.describe(topic)).groups.map(
        ({ group, inFlightCount }) => `${group} ${inFlightCount}`,
      );
      equal(sorted(inFlight), ['mine 0', 'other 1'], 'inFlightCount of the two groups');
    },
  },
  {
    name: 'a group never holds more in flight than inFlightCountMax',
    capability: 'lease',
    needs: ['broker-options'],
    run: async (context) => {
      const broker = await context.openBroker({ limits: { inFlightCountMax: 3 } });
      await sendAll(broker, 'topic', bodies(5));
      const held = await broker.receive('topic', { max: 5 });
      equal(texts(held), bodies(3), 'deliveries of one receive of up to 5');
      equal(await broker.receive('topic', { max: 5 }), [], 'a receive while three are in flight');
      await broker.nack(present(held[1], 'a delivery'));
      equal(texts(await broker.receive('topic', { max: 5 })), ['m-1'], 'a receive after one was given back');
      await broker.ack([present(held[0], 'a delivery')]);
      equal(texts(await broker.receive('topic', { max: 5 })), ['m-3'], 'a receive after one was finished');
    },
  },
];

async function rememberTokens(context: TestContext): Promise<void> {
  const { broker } = context;
  const topic = await context.newTopic();
  const count = DEFAULTS.tokensRememberedCount + 1;
  await broker.sendBatch(
    topic,
    bodies(count).map((body) => ({ body })),
  );
  const acked = [];
  while (acked.length < count) {
    const deliveries = await broker.receive(topic, { max: 205 });
    for (const delivery of deliveries) acked.push(delivery);
    await broker.ack(deliveries);
    equal(deliveries.length, Math.min(205, count - (acked.length - deliveries.length)), 'deliveries received');
  }
  await broker.ack([present(acked[1], 'the second delivery')]);
  await broker.ack([present(acked.at(-1), 'the last delivery')]);
  const oldest = broker.ack([present(acked[0], 'the first delivery')]);
  await refused(oldest, 'MQ_LEASE_EXPIRED', `repeating an ack after ${count - 1} others`);
}
