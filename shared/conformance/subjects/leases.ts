/** Subject: a delivery is lent, not given: until it is acknowledged the message comes back, and to nobody else before. */
import { atOnce, equal, holds, present, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import { bodies, drain, punctually, receiveOne, sendAll, texts } from './steps.ts';

export const leases: readonly ConformanceTest[] = [
  {
    name: 'a message whose consumer dies after receive comes back',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'a' });
      await receiveOne(context.as('dies'), topic, { memberId: 'dies', leaseMs: 200 });
      await context.pass(400);
      const again = await receiveOne(context.as('lives'), topic, { memberId: 'lives' });
      equal(texts([again]), ['a'], 'what the living consumer gets');
      equal(again.deliveryCount, 2, 'deliveryCount of the second delivery');
      equal(again.redeliveryReason, 'lease-expired', 'why it came again');
    },
  },
  {
    name: 'while its lease runs a message goes to nobody else',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'a' });
      await receiveOne(context.broker, topic, { memberId: 'one', leaseMs: 30_000 });
      await context.pass(300);
      equal(await context.broker.receive(topic, { memberId: 'two' }), [], 'what another member gets');
      equal(await context.broker.receive(topic, { memberId: 'one' }), [], 'what the same member gets');
    },
  },
  {
    name: 'a lease without a length of its own runs 30 seconds and not less',
    capability: 'lease',
    needs: ['virtual-clock'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'a' });
      const { leaseExpiresAt } = await receiveOne(context.broker, topic);
      equal(leaseExpiresAt, context.now() + 30_000, 'leaseExpiresAt');
      await context.pass(29_999);
      equal(await context.broker.receive(topic), [], 'a receive one millisecond before the lease ends');
      await context.pass(1);
      equal(texts(await context.broker.receive(topic)), ['a'], 'a receive when the lease has ended');
    },
  },
  {
    name: 'an acknowledged message does not come back when its lease would have ended',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'a' });
      await punctually(context, 500, async () => {
        await context.broker.ack([await receiveOne(context.broker, topic, { leaseMs: 500 })]);
      });
      await context.pass(700);
      equal(await context.broker.receive(topic), [], 'a receive after the lease');
    },
  },
  {
    name: 'a lease that ends wakes a waiting receive',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'a' });
      await receiveOne(context.broker, topic, { memberId: 'dies', leaseMs: 400 });
      const call = context.as('waits').receive(topic, { memberId: 'waits', waitMs: 20_000 });
      await context.pass(600);
      equal(texts(await atOnce(call, 'the waiting receive, after the lease ended')), ['a'], 'what it received');
    },
  },
  {
    name: 'an extended lease runs from the extension on',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'a' });
      await punctually(context, 800, async () => {
        const delivery = await receiveOne(context.broker, topic, { leaseMs: 800 });
        const endsAt = await context.broker.extendLease(delivery, { leaseMs: 60_000 });
        holds(endsAt > (delivery.leaseExpiresAt ?? 0), 'an end later than before', { delivery, endsAt });
      });
      await context.pass(1000);
      equal(await context.broker.receive(topic), [], 'a receive after the first lease would have ended');
    },
  },
  {
    name: 'a lease may be cut short by extending it by less',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'a' });
      const delivery = await receiveOne(context.broker, topic, { leaseMs: 60_000 });
      await context.broker.extendLease(delivery, { leaseMs: 100 });
      await context.pass(300);
      equal(texts(await context.broker.receive(topic)), ['a'], 'a receive after the shorter lease');
    },
  },
  {
    name: 'a lease that has ended cannot be extended',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'a' });
      const delivery = await receiveOne(context.broker, topic, { leaseMs: 100 });
      await context.pass(300);
      const successor = await receiveOne(context.broker, topic);
      await refused(context.broker.extendLease(delivery), 'MQ_LEASE_EXPIRED', 'extending the ended lease');
      await context.broker.ack([successor]);
    },
  },
  {
    name: 'no two deliveries of one message have the same lease token',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(3));
      const deliveries = [...(await context.broker.receive(topic, { max: 3 }))];
      for (let turn = 0; turn < 3; turn += 1) {
        await context.broker.nack(present(deliveries.at(-1), 'a delivery'), { outcome: 'return' });
        deliveries.push(await receiveOne(context.broker, topic));
      }
      const tokens = deliveries.map(({ offset, leaseToken }) => `${offset} ${leaseToken}`);
      equal(new Set(tokens).size, 6, 'distinct tokens of six deliveries, each with the offset it is for');
      const given = deliveries.every(({ leaseToken }) => typeof leaseToken === 'string' && leaseToken.length > 0);
      holds(given, 'a token on each delivery', tokens);
    },
  },
  {
    name: 'a consumer that took too long cannot acknowledge for its successor',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'a' });
      const late = await receiveOne(context.broker, topic, { memberId: 'late', leaseMs: 100 });
      await context.pass(300);
      const successor = await receiveOne(context.broker, topic, { memberId: 'next' });
      const error = await refused(context.broker.ack([late]), 'MQ_LEASE_EXPIRED', 'the late ack');
      equal(
        error.details.failed?.map((entry) => entry.leaseToken),
        [late.leaseToken],
        'the deliveries that failed',
      );
      await refused(context.broker.nack(late), 'MQ_LEASE_EXPIRED', 'the late nack');
      await context.broker.ack([successor]);
      equal((await context.describe(topic)).lag, 0, 'lag after the successor acknowledged');
    },
  },
  {
    name: 'a thousand messages of a consumer that died come back, all of them and in order',
    capability: 'lease',
    uses: ['batch'],
    run: async (context) => {
      const topic = await context.newTopic();
      const count = Math.min(1000, context.broker.limits.receiveCountMax);
      const sent = bodies(count);
      await context.broker.sendBatch(
        topic,
        sent.map((body) => ({ body })),
      );
      const taken = await context.broker.receive(topic, { memberId: 'dies', max: count, leaseMs: 300 });
      equal(taken.length, count, 'deliveries the dying consumer holds');
      await context.pass(600);
      const again = await context.broker.receive(topic, { memberId: 'lives', max: count });
      equal(texts(again), sent, 'what the living consumer gets');
      equal(
        again.every((delivery) => delivery.deliveryCount === 2),
        true,
        'deliveryCount 2 on all of them',
      );
    },
  },
  {
    name: 'what comes again goes out before what never went out',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(4));
      const [first, second] = await context.broker.receive(topic, { max: 2 });
      await context.broker.nack(present(second, 'the second delivery'));
      await context.broker.nack(present(first, 'the first delivery'));
      equal(texts(await drain(context, topic, { max: 3 })), bodies(4), 'the order in which they come');
    },
  },
  {
    name: 'a retry counts as a failure and comes again at once',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'a' });
      for (const deliveryCount of [1, 2, 3]) {
        const delivery = await receiveOne(context.broker, topic);
        equal(delivery.deliveryCount, deliveryCount, 'deliveryCount');
        equal(delivery.redeliveryReason, deliveryCount === 1 ? undefined : 'retry', 'why it came again');
        await context.broker.nack(delivery, { outcome: 'retry', reason: 'not today' });
      }
    },
  },
  {
    name: 'a return is no failure: deliveryCount stays',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'a' });
      await context.broker.nack(await receiveOne(context.broker, topic), { outcome: 'return' });
      const again = await receiveOne(context.broker, topic);
      equal(again.deliveryCount, 1, 'deliveryCount after a return');
      equal(again.redeliveryReason, 'return', 'why it came again');
    },
  },
  {
    name: 'a nack wakes a waiting receive',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'a' });
      const delivery = await receiveOne(context.broker, topic, { memberId: 'one' });
      const call = context.as('waits').receive(topic, { memberId: 'two', waitMs: 20_000 });
      await context.untilWaiting(topic, 1);
      await context.broker.nack(delivery);
      equal(texts(await atOnce(call, 'the waiting receive, after the nack')), ['a'], 'what it received');
    },
  },
  {
    name: 'lengths of leases outside their range are refused',
    capability: 'lease',
    run: async (context) => {
      const { broker } = context;
      const topic = await context.newTopic();
      await broker.send(topic, { body: 'a' });
      for (const leaseMs of [0, -1, 1.5, Number.NaN, broker.limits.leaseMsMax + 1]) {
        await refused(broker.receive(topic, { leaseMs }), 'MQ_INVALID_ARGUMENT', 'receive');
      }
      const delivery = await receiveOne(broker, topic, { leaseMs: broker.limits.leaseMsMax });
      const call = broker.extendLease(delivery, { leaseMs: broker.limits.leaseMsMax + 1 });
      await refused(call, 'MQ_INVALID_ARGUMENT', 'extendLease');
      equal(await broker.receive(topic), [], 'a receive while the longest lease runs');
    },
  },
  {
    name: 'the wall clock may jump and no lease ends early or late for it',
    capability: 'lease',
    needs: ['virtual-clock'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'a' });
      await receiveOne(context.broker, topic, { leaseMs: 10_000 });
      context.jumpWallClock(3_600_000);
      await context.pass(5000);
      equal(await context.broker.receive(topic), [], 'a receive after the clock was set forward by an hour');
      context.jumpWallClock(-7_200_000);
      await context.pass(5000);
      equal(texts(await context.broker.receive(topic)), ['a'], 'a receive when the lease has ended');
    },
  },
];
