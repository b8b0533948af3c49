/** Subject: who belongs to a group, and what happens to the work of a member that goes. */
import { atOnce, equal, present, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import { bodies, drain, receiveOne, sendAll, texts } from './steps.ts';

export const membership: readonly ConformanceTest[] = [
  {
    name: 'a member that leaves gives its deliveries back, and that counts as no failure',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(3));
      await context.broker.receive(topic, { memberId: 'goes', max: 2 });
      await context.broker.leave(topic, { memberId: 'goes' });
      const again = await context.broker.receive(topic, { memberId: 'stays', max: 3 });
      equal(texts(again), bodies(3), 'what the other member gets');
      equal(
        again.map((delivery) => delivery.deliveryCount),
        [1, 1, 1],
        'deliveryCount of each',
      );
      const reasons = again.map((delivery) => delivery.redeliveryReason);
      equal(reasons, ['member-left', 'member-left', undefined], 'why each came again');
    },
  },
  {
    name: 'a member that leaves wakes a waiting receive with what it held',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'a' });
      await receiveOne(context.broker, topic, { memberId: 'goes' });
      const call = context.as('waits').receive(topic, { memberId: 'stays', waitMs: 20_000 });
      await context.untilWaiting(topic, 1);
      await context.broker.leave(topic, { memberId: 'goes' });
      equal(texts(await atOnce(call, 'the waiting receive, after the member left')), ['a'], 'what it received');
    },
  },
  {
    name: 'a lease ends with its member: a late ack of a member that left is refused',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'a' });
      const delivery = await receiveOne(context.broker, topic, { memberId: 'goes' });
      await context.broker.leave(topic, { memberId: 'goes' });
      await refused(context.broker.ack([delivery]), 'MQ_LEASE_EXPIRED', 'the ack after leaving');
    },
  },
  {
    name: 'one member leaving does not touch the deliveries of another',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(2));
      await receiveOne(context.broker, topic, { memberId: 'goes' });
      const held = await receiveOne(context.broker, topic, { memberId: 'stays' });
      await context.broker.leave(topic, { memberId: 'goes' });
      equal((await context.describe(topic)).inFlightCount, 1, 'inFlightCount');
      await context.broker.ack([held]);
      equal(texts(await drain(context, topic)), ['m-0'], 'what comes again');
    },
  },
  {
    name: 'a description names the members of a group and what each holds',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(3));
      await context.broker.receive(topic, { memberId: 'two', max: 2 });
      await context.broker.receive(topic, { memberId: 'one', max: 1 });
      const [group] = (await context.describe(topic)).groups;
      const members = present(group, 'the group').members.map((member) => `${member.memberId} ${member.inFlightCount}`);
      equal([...members].sort(), ['one 1', 'two 2'], 'members with their inFlightCount');
    },
  },
  {
    name: 'two calls that name no member are of the same one',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(2));
      const [first, second] = [await receiveOne(context.broker, topic), await receiveOne(context.broker, topic)];
      equal(second.memberId, first.memberId, 'the member of two receives of one instance');
      await context.broker.leave(topic, {});
      equal(texts(await drain(context, topic)), bodies(2), 'what comes again after leaving');
    },
  },
  {
    name: 'leaving a group one is no member of changes nothing',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'a' });
      await receiveOne(context.broker, topic, { memberId: 'one' });
      await context.broker.leave(topic, { memberId: 'nobody' });
      equal((await context.describe(topic)).inFlightCount, 1, 'inFlightCount');
    },
  },
  {
    name: 'a silent member is forgotten after its time, but not while it holds a lease',
    capability: 'lease',
    needs: ['broker-options', 'virtual-clock'],
    run: async (context) => {
      const broker = await context.openBroker({ memberTimeoutMs: 1000 });
      await sendAll(broker, 'topic', ['a']);
      await receiveOne(broker, 'topic', { memberId: 'busy', leaseMs: 5000 });
      await broker.receive('topic', { memberId: 'idle' });
      const membersNow = async (): Promise<string[]> => {
        const [description] = await broker.describeTopics({ topic: 'topic' });
        return (description?.groups[0]?.members ?? []).map((member) => member.memberId).sort();
      };
      equal(await membersNow(), ['busy', 'idle'], 'members after their calls');
      await context.pass(1100);
      equal(await membersNow(), ['busy'], 'members when the idle one was silent for its time');
      await context.pass(5000);
      equal(await membersNow(), [], 'members after the lease of the busy one ended and its time passed');
    },
  },
  {
    name: 'an ephemeral group dies when its last member was silent for its time',
    capability: 'groups',
    uses: ['lease'],
    needs: ['broker-options', 'virtual-clock'],
    run: async (context) => {
      const broker = await context.openBroker({ memberTimeoutMs: 1000 });
      await broker.createTopic('topic');
      await broker.createGroup('topic', 'e', { isEphemeral: true });
      await broker.receive('topic', { group: 'e', memberId: 'one' });
      await context.pass(900);
      const groupsNow = async (): Promise<number | undefined> =>
        (await broker.describeTopics({ topic: 'topic' }))[0]?.groups.length;
      equal(await groupsNow(), 1, 'groups before the member was silent for its time');
      await context.pass(200);
      equal(await groupsNow(), 0, 'groups afterwards');
    },
  },
  {
    name: 'more members than membersCountMax is MQ_LIMIT_EXCEEDED',
    capability: 'lease',
    needs: ['broker-options'],
    run: async (context) => {
      const broker = await context.openBroker({ limits: { membersCountMax: 2 } });
      for (const memberId of ['one', 'two', 'one']) await broker.receive('topic', { memberId });
      await refused(broker.receive('topic', { memberId: 'three' }), 'MQ_LIMIT_EXCEEDED', 'a third member');
      await broker.leave('topic', { memberId: 'one' });
      await broker.receive('topic', { memberId: 'three' });
    },
  },
];
