/** Subject: messages that are of no use after a while. */
import type { Broker } from '../../contract/broker.ts';
import { equal, present, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import { bodies, drain, readLog, receiveOne, texts } from './steps.ts';

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
  {
    name: 'a message is delivered up to the last millisecond of its time and not later',
    capability: 'ttl',
    uses: ['groups'],
    needs: ['virtual-clock'],
    run: async (context) => {
      const topic = await context.newTopic();
      for (const ttlMs of [1, 1000]) {
        await context.broker.send(topic, { body: `${ttlMs} ms`, ttlMs });
        await context.pass(ttlMs);
        const [inTime] = await context.broker.receive(topic, { group: `in-time-${ttlMs}`, max: 10 });
        equal(texts(inTime === undefined ? [] : [inTime]), [`${ttlMs} ms`], `a receive after exactly ${ttlMs} ms`);
        await context.pass(1);
        equal(await context.broker.receive(topic, { group: `late-${ttlMs}` }), [], 'a receive 1 ms later');
      }
    },
  },
  {
    name: 'a record says when it expires, one that does not expire says nothing',
    capability: 'ttl',
    uses: ['offsets'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'short', ttlMs: 5000 });
      await context.broker.send(topic, { body: 'for ever' });
      const deliveries = await drain(context, topic);
      const records = await readLog(context.broker, topic);
      for (const [first, second] of [deliveries, records]) {
        const { timestamp, expiresAt } = present(first, 'the first message');
        equal(expiresAt, timestamp + 5000, 'expiresAt');
        equal(present(second, 'the second message').expiresAt, undefined, 'expiresAt of one that does not expire');
      }
    },
  },
  {
    name: 'messages that say nothing expire after the ttlMs of their topic, others after their own',
    capability: 'ttl',
    run: async (context) => {
      const topic = await context.newTopic({ ttlMs: 300 });
      await context.broker.send(topic, { body: 'as the topic says' });
      await context.broker.send(topic, { body: 'longer', ttlMs: 60_000 });
      await context.broker.send(topic, { body: 'shorter', ttlMs: 10 });
      equal((await context.describe(topic)).options.ttlMs, 300, 'ttlMs of the topic');
      await context.pass(600);
      equal(texts(await drain(context, topic)), ['longer'], 'what is received');
      equal((await context.describe(topic)).expiredCount, 2, 'expiredCount');
    },
  },
  {
    name: 'a time to live that is no whole number from 1 is refused, of a message and of a topic',
    capability: 'ttl',
    run: async (context) => {
      const topic = await context.newTopic();
      for (const ttlMs of [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        const call = context.broker.send(topic, { body: 'a', ttlMs });
        const { details } = await refused(call, 'MQ_INVALID_ARGUMENT', `a message with ttlMs ${ttlMs}`);
        equal(details.path, 'message.ttlMs', 'details.path');
        const create = context.broker.createTopic(context.topicName(), { ttlMs });
        await refused(create, 'MQ_INVALID_ARGUMENT', `a topic with ttlMs ${ttlMs}`);
      }
      await context.broker.send(topic, { body: 'huge', ttlMs: 100 * 365 * 24 * 3_600_000 });
      equal(texts(await drain(context, topic)), ['huge'], 'what is received: the message of a hundred years');
    },
  },
  {
    name: 'a message that expires while it is leased may still be acknowledged, and does not come again',
    capability: 'ttl',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendExpiring(context.broker, topic, 3);
      const held = await context.broker.receive(topic, { max: 3, leaseMs: 1300 });
      equal(texts(held), bodies(3), 'what is received in time');
      const [acked, returned] = [present(held[0], 'a delivery'), present(held[1], 'a delivery')];
      await context.pass(800);
      await context.broker.ack([acked]);
      await context.broker.nack(returned);
      equal(await context.broker.receive(topic), [], 'a receive after one was given back');
      await context.pass(600);
      equal(await context.broker.receive(topic), [], 'a receive after the lease of the last ended');
      const { expiredCount, inFlightCount, availableCount, lag } = await context.describe(topic);
      equal([expiredCount, inFlightCount, availableCount, lag], [2, 0, 0, 0], 'expired, in flight, available and lag');
    },
  },
  {
    name: 'expired messages are not counted as available, and are finished for the group',
    capability: 'ttl',
    uses: ['lease', 'offsets', 'browse'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.createGroup(topic, 'g');
      await sendExpiring(context.broker, topic, 3);
      await context.broker.send(topic, { body: 'stays' });
      equal((await context.describe(topic)).availableCount, 4, 'availableCount before');
      await context.pass(900);
      const { availableCount, lag, expiredCount } = await context.describe(topic);
      equal([availableCount, lag, expiredCount], [1, 1, 3], 'availableCount, lag and expiredCount');
      const listed = await context.broker.browse(topic, { group: 'g', max: 10 });
      equal(texts(listed), ['stays'], 'what browse lists');
      equal(await context.broker.committed(topic, { group: 'g' }), 3, 'committed');
    },
  },
  {
    name: 'an expired message between others is stepped over, and the others keep their order',
    capability: 'ttl',
    run: async (context) => {
      const topic = await context.newTopic();
      for (const [index, body] of bodies(12).entries()) {
        await context.broker.send(topic, index % 3 === 1 ? { body, ttlMs: 100 } : { body });
      }
      await context.pass(300);
      const expected = bodies(12).filter((_, index) => index % 3 !== 1);
      equal(texts(await drain(context, topic, { max: 3 })), expected, 'what is received');
      equal((await context.describe(topic)).expiredCount, 4, 'expiredCount');
    },
  },
  {
    name: 'each group counts for itself what expired before it was received',
    capability: 'ttl',
    uses: ['groups'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendExpiring(context.broker, topic, 2);
      equal(texts(await drain(context, topic, { group: 'early' })), bodies(2), 'what the early group gets');
      await context.pass(900);
      equal(await drain(context, topic, { group: 'late' }), [], 'what the late group gets');
      const { groups } = await context.describe(topic);
      const counts = Object.fromEntries(groups.map(({ group, expiredCount }) => [group, expiredCount]));
      equal(counts, { early: 0, late: 2 }, 'expiredCount of the groups');
    },
  },
  {
    name: 'a message that expires before it is due is never received',
    capability: 'ttl',
    uses: ['delay'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'too late', delayMs: 500, ttlMs: 200 });
      await context.broker.send(topic, { body: 'in time', delayMs: 400, ttlMs: 60_000 });
      await context.pass(600);
      equal(texts(await drain(context, topic)), ['in time'], 'what is received');
    },
  },
  {
    name: 'expiry follows the wall clock, also when it is set forward',
    capability: 'ttl',
    needs: ['virtual-clock'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'an hour', ttlMs: 3_600_000 });
      await context.broker.send(topic, { body: 'a day', ttlMs: 24 * 3_600_000 });
      context.jumpWallClock(2 * 3_600_000);
      equal(texts(await drain(context, topic)), ['a day'], 'what is received two hours later by the clock');
    },
  },
  {
    name: 'what expired stays expired after a restart, and what has time left keeps it',
    capability: 'ttl',
    uses: ['durable'],
    needs: ['restart', 'virtual-clock'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'short', ttlMs: 200 });
      await context.broker.send(topic, { body: 'middle', ttlMs: 800 });
      await context.broker.send(topic, { body: 'long', ttlMs: 60_000 });
      await context.pass(300);
      await context.restart();
      const held = await receiveOne(context.broker, topic, { group: 'first' });
      equal(texts([held]), ['middle'], 'the first message after the restart');
      await context.pass(700);
      equal(texts(await drain(context, topic, { group: 'second' })), ['long'], 'what another group gets later');
    },
  },
];

/** Messages that expire after 700 ms. */
async function sendExpiring(broker: Broker, topic: string, count: number): Promise<void> {
  for (const body of bodies(count)) await broker.send(topic, { body, ttlMs: 700 });
}
