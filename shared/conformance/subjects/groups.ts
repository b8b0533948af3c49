/** Subject: every group sees everything, the members of one group share it, and groups do not disturb each other. */
import { atOnce, equal, holds, nextTurn, present, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import { bodies, drain, offsetOf, receiveOne, sendAll, sorted, texts } from './steps.ts';

export const groups: readonly ConformanceTest[] = [
  {
    name: 'two groups each see every message',
    capability: 'groups',
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(5));
      equal(texts(await drain(context, topic, { group: 'a' })), bodies(5), 'what group a gets');
      equal(texts(await drain(context, topic, { group: 'b' })), bodies(5), 'what group b gets');
    },
  },
  {
    name: 'the members of one group share its messages, each to one of them',
    capability: 'groups',
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(6));
      const first = await context.broker.receive(topic, { group: 'g', memberId: 'one', max: 4 });
      const second = await context.broker.receive(topic, { group: 'g', memberId: 'two', max: 4 });
      equal(texts(first), bodies(4), 'what member one gets');
      equal(texts(second), ['m-4', 'm-5'], 'what member two gets');
    },
  },
  {
    name: 'a new group starts at the earliest message there is',
    capability: 'groups',
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(3));
      await context.broker.createGroup(topic, 'made');
      equal(texts(await drain(context, topic, { group: 'made' })), bodies(3), 'what a created group gets');
      equal(texts(await drain(context, topic, { group: 'used' })), bodies(3), 'what a group made by receive gets');
    },
  },
  {
    name: 'a group that starts at latest sees only what is sent later',
    capability: 'groups',
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, ['old']);
      await context.broker.createGroup(topic, 'g', { start: 'latest' });
      await sendAll(context.broker, topic, ['new']);
      equal(texts(await drain(context, topic, { group: 'g' })), ['new'], 'what the group gets');
    },
  },
  {
    name: 'a group that starts at an offset sees that message and all after it',
    capability: 'groups',
    uses: ['offsets'],
    run: async (context) => {
      const topic = await context.newTopic();
      const receipts = await sendAll(context.broker, topic, bodies(5));
      const offset = offsetOf(present(receipts[2], 'the third receipt'));
      await context.broker.createGroup(topic, 'g', { start: { offset } });
      equal(texts(await drain(context, topic, { group: 'g' })), ['m-2', 'm-3', 'm-4'], 'what the group gets');
    },
  },
  {
    name: 'a durable group gets what was sent while nobody of it was there',
    capability: 'groups',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, ['a']);
      await context.broker.ack([await receiveOne(context.broker, topic, { group: 'g', memberId: 'one' })]);
      await context.broker.leave(topic, { group: 'g', memberId: 'one' });
      await sendAll(context.broker, topic, ['b', 'c']);
      const back = await context.broker.receive(topic, { group: 'g', memberId: 'two', max: 10 });
      equal(texts(back), ['b', 'c'], 'what the group gets when somebody is back');
    },
  },
  {
    name: 'groups progress independently',
    capability: 'groups',
    uses: ['lease', 'offsets'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(4));
      await context.broker.createGroup(topic, 'still');
      const two = await context.broker.receive(topic, { group: 'moving', max: 2 });
      await context.broker.ack(two);
      equal(await context.broker.committed(topic, { group: 'moving' }), 2, 'committed of the group that finished two');
      equal(await context.broker.committed(topic, { group: 'still' }), 0, 'committed of the group that read nothing');
      equal(
        texts(await drain(context, topic, { group: 'moving' })),
        ['m-2', 'm-3'],
        'what the moving group still gets',
      );
      equal(texts(await drain(context, topic, { group: 'still' })), bodies(4), 'what the other group gets');
    },
  },
  {
    name: 'groups of the same name on two topics have nothing in common',
    capability: 'groups',
    run: async (context) => {
      const [first, second] = [await context.newTopic(), await context.newTopic()];
      await sendAll(context.broker, first, ['a']);
      await sendAll(context.broker, second, ['b']);
      equal(texts(await drain(context, first, { group: 'g' })), ['a'], 'group g of the first topic');
      equal(texts(await drain(context, second, { group: 'g' })), ['b'], 'group g of the second topic');
    },
  },
  {
    name: 'one message wakes one waiting member of each group',
    capability: 'groups',
    run: async (context) => {
      const topic = await context.newTopic();
      const wait = (group: string, memberId: string) =>
        context.as(`${group}-${memberId}`).receive(topic, { group, memberId, waitMs: 1200 });
      const calls = [wait('a', 'one'), wait('a', 'two'), wait('b', 'one')];
      await context.untilWaiting(topic, 3);
      await context.broker.send(topic, { body: 'x' });
      await context.untilWaiting(topic, 1);
      await context.pass(1300);
      const received = await atOnce(Promise.all(calls), 'all receives, after their waiting time');
      equal(received.slice(0, 2).flatMap(texts), ['x'], 'what the two members of group a got together');
      equal(texts(received[2] ?? []), ['x'], 'what group b got');
    },
  },
  {
    name: 'an ephemeral group starts at latest and dies with its last member',
    capability: 'groups',
    uses: ['lease'],
    run: async (context) => {
      const { broker } = context;
      const topic = await context.newTopic();
      await sendAll(broker, topic, ['old']);
      await broker.createGroup(topic, 'e', { isEphemeral: true });
      await sendAll(broker, topic, ['new']);
      const delivery = await receiveOne(broker, topic, { group: 'e', memberId: 'one' });
      equal(texts([delivery]), ['new'], 'what the ephemeral group gets');
      equal(await broker.receive(topic, { group: 'e', memberId: 'two' }), [], 'what a second member gets');
      await broker.leave(topic, { group: 'e', memberId: 'one' });
      const groupsLeft = (await context.describe(topic)).groups.map(({ group }) => group);
      equal(groupsLeft, ['e'], 'groups while a member is left');
      await broker.leave(topic, { group: 'e', memberId: 'two' });
      equal((await context.describe(topic)).groups, [], 'groups after the last member left');
    },
  },
  {
    name: 'creating a group again with equal options changes nothing and with others is MQ_GROUP_EXISTS',
    capability: 'groups',
    run: async (context) => {
      const { broker } = context;
      const topic = await context.newTopic();
      await sendAll(broker, topic, bodies(2));
      await broker.createGroup(topic, 'g', { onOutOfRange: 'error' });
      await context.finish([await receiveOne(broker, topic, { group: 'g' })]);
      await broker.createGroup(topic, 'g', { onOutOfRange: 'error' });
      await refused(
        broker.createGroup(topic, 'g', { onOutOfRange: 'latest' }),
        'MQ_GROUP_EXISTS',
        'other onOutOfRange',
      );
      await refused(broker.createGroup(topic, 'g', { isEphemeral: true }), 'MQ_GROUP_EXISTS', 'other isEphemeral');
      equal(texts(await drain(context, topic, { group: 'g' })), ['m-1'], 'what the group still gets');
    },
  },
  {
    name: 'a deleted group is forgotten and a new one of its name starts again',
    capability: 'groups',
    uses: ['lease'],
    run: async (context) => {
      const { broker } = context;
      const topic = await context.newTopic();
      await sendAll(broker, topic, bodies(2));
      const delivery = await receiveOne(broker, topic, { group: 'g' });
      await broker.deleteGroup(topic, 'g');
      await refused(broker.deleteGroup(topic, 'g'), 'MQ_UNKNOWN_GROUP', 'deleting it twice');
      const again = await broker.receive(topic, { group: 'g', max: 10 });
      equal(texts(again), bodies(2), 'what the new group gets');
      equal(
        again.map((each) => each.deliveryCount),
        [1, 1],
        'deliveryCount in the new group',
      );
      await refused(broker.ack([delivery]), 'MQ_LEASE_EXPIRED', 'an ack of the deleted group');
    },
  },
  {
    name: 'a receive that waits in a group is rejected with MQ_UNKNOWN_GROUP when the group is deleted',
    capability: 'groups',
    run: async (context) => {
      const topic = await context.newTopic();
      const call = context.as('consumer').receive(topic, { group: 'g', waitMs: 20_000 });
      await context.untilWaiting(topic, 1);
      await context.broker.deleteGroup(topic, 'g');
      await refused(call, 'MQ_UNKNOWN_GROUP', 'the waiting receive');
    },
  },
  {
    name: 'a group is for receiving or for committing and stays what its first use made it',
    capability: 'groups',
    uses: ['offsets'],
    run: async (context) => {
      const { broker } = context;
      const topic = await context.newTopic();
      await sendAll(broker, topic, bodies(2));
      await broker.createGroup(topic, 'undecided');
      await broker.receive(topic, { group: 'queue' });
      await broker.commit(topic, { group: 'log', offset: 1 });
      const kinds = Object.fromEntries((await context.describe(topic)).groups.map(({ group, kind }) => [group, kind]));
      equal(kinds, { undecided: 'undecided', queue: 'queue', log: 'log' }, 'the kinds of the three groups');
      await refused(broker.commit(topic, { group: 'queue', offset: 1 }), 'MQ_GROUP_KIND', 'commit on a queue group');
      await refused(broker.receive(topic, { group: 'log' }), 'MQ_GROUP_KIND', 'receive on a log group');
      equal(await broker.committed(topic, { group: 'log' }), 1, 'committed of the log group');
    },
  },
  {
    name: 'what every group has finished is still there for a group that comes later, while there is room',
    capability: 'groups',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(5));
      await drain(context, topic, { group: 'early' });
      equal(texts(await drain(context, topic, { group: 'late' })), bodies(5), 'what the late group gets');
    },
  },
  {
    name: 'two groups with several members each get every message exactly once in each group',
    capability: 'groups',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      const sent = bodies(40);
      for (const group of ['a', 'b']) await context.broker.createGroup(topic, group);
      const producer = sendAll(context.as('producer'), topic, sent);
      const received: Record<string, string[]> = { a: [], b: [] };
      let isSending = true;
      const consume = async (group: string, memberId: string): Promise<void> => {
        const consumer = context.as(`${group}-${memberId}`);
        for (let mayHaveMore = true; mayHaveMore; ) {
          const wasSending = isSending;
          const deliveries = await consumer.receive(topic, { group, memberId, max: 3 });
          await context.finish(deliveries, consumer);
          received[group]?.push(...texts(deliveries));
          mayHaveMore = wasSending || deliveries.length > 0;
          if (deliveries.length === 0) await nextTurn();
        }
      };
      const consumers = ['a', 'b'].flatMap((group) => ['one', 'two', 'three'].map((member) => consume(group, member)));
      const sending = producer.then(() => {
        isSending = false;
      });
      await atOnce(Promise.all([sending, ...consumers]), 'all sends and receives');
      for (const group of ['a', 'b']) equal(sorted(received[group] ?? []), sorted(sent), `what group ${group} got`);
      context.checkHistory({ drained: ['a', 'b'].map((group) => ({ topic, group })) });
    },
  },
  {
    name: 'more groups than groupsCountMax is MQ_LIMIT_EXCEEDED',
    capability: 'groups',
    needs: ['broker-options'],
    run: async (context) => {
      const broker = await context.openBroker({ limits: { groupsCountMax: 2 } });
      await broker.createTopic('topic');
      await broker.createGroup('topic', 'one');
      await broker.receive('topic', { group: 'two' });
      await refused(broker.createGroup('topic', 'three'), 'MQ_LIMIT_EXCEEDED', 'createGroup of a third group');
      await refused(broker.receive('topic', { group: 'three' }), 'MQ_LIMIT_EXCEEDED', 'receive of a third group');
      const [description] = await broker.describeTopics({ topic: 'topic' });
      holds(description?.groups.length === 2, 'two groups', description?.groups);
    },
  },
];
