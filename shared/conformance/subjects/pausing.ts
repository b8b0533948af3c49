/** Subject: a topic, or one group of it, from which nothing is handed out for a while. */
import { atOnce, equal, isSettled, present, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import { bodies, drain, receiveOne, sendAll, texts } from './steps.ts';

export const pausing: readonly ConformanceTest[] = [
  {
    name: 'nothing of a paused topic is handed out until it is resumed; sends, acks and fetches go on',
    capability: 'group-modes',
    uses: ['lease', 'offsets'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(2));
      const held = await receiveOne(context.broker, topic);
      await context.broker.pause(topic);
      equal(await context.broker.receive(topic), [], 'a receive while paused');
      await context.broker.send(topic, { body: 'm-2' });
      equal((await context.broker.fetch(topic, { max: 10 })).records.length, 3, 'records fetched while paused');
      await context.broker.ack([held]);
      equal((await context.describe(topic)).inFlightCount, 0, 'inFlightCount after an ack while paused');
      await context.broker.resume(topic);
      equal(texts(await drain(context, topic)), ['m-1', 'm-2'], 'what comes after resume');
    },
  },
  {
    name: 'a receive waits while paused as if there were nothing, and wakes at resume',
    capability: 'group-modes',
    uses: ['groups'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.createGroup(topic, 'g');
      for (const options of [{}, { group: 'g' }]) {
        await context.broker.pause(topic, options);
        const call = context.as('consumer').receive(topic, { group: 'g', waitMs: 20_000 });
        await context.untilWaiting(topic, 1);
        await context.broker.send(topic, { body: 'a' });
        equal(await isSettled(call), false, 'an answer while paused');
        await context.broker.resume(topic, options);
        const deliveries = await atOnce(call, 'the waiting receive, after resume');
        equal(texts(deliveries), ['a'], 'what it received');
        await context.finish(deliveries);
      }
    },
  },
  {
    name: 'a receive that began to wait before the pause gets nothing while it lasts',
    capability: 'group-modes',
    run: async (context) => {
      const topic = await context.newTopic();
      const call = context.as('consumer').receive(topic, { waitMs: 20_000 });
      await context.untilWaiting(topic, 1);
      await context.broker.pause(topic);
      await context.broker.send(topic, { body: 'a' });
      equal(await isSettled(call), false, 'an answer while paused');
      await context.broker.resume(topic);
      equal(texts(await atOnce(call, 'the waiting receive, after resume')), ['a'], 'what it received');
    },
  },
  {
    name: 'a paused group does not hold up the other groups',
    capability: 'group-modes',
    uses: ['groups'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.createGroup(topic, 'paused');
      await sendAll(context.broker, topic, bodies(2));
      await context.broker.pause(topic, { group: 'paused' });
      equal(texts(await drain(context, topic, { group: 'other' })), bodies(2), 'what the other group gets');
      equal(await context.broker.receive(topic, { group: 'paused' }), [], 'what the paused group gets');
    },
  },
  {
    name: 'a topic and its group are paused and resumed for themselves, as often as somebody says so',
    capability: 'group-modes',
    uses: ['groups'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.createGroup(topic, 'g');
      await context.broker.send(topic, { body: 'a' });
      await context.broker.pause(topic);
      await context.broker.pause(topic);
      await context.broker.pause(topic, { group: 'g' });
      await context.broker.resume(topic);
      equal(await context.broker.receive(topic, { group: 'g' }), [], 'a receive while only the group is paused');
      await context.broker.pause(topic);
      await context.broker.resume(topic, { group: 'g' });
      equal(await context.broker.receive(topic, { group: 'g' }), [], 'a receive while only the topic is paused');
      await context.broker.resume(topic);
      await context.broker.resume(topic);
      equal(texts(await drain(context, topic, { group: 'g' })), ['a'], 'what comes when both are resumed');
    },
  },
  {
    name: 'a description says whether a topic and a group are paused',
    capability: 'group-modes',
    uses: ['groups'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.createGroup(topic, 'g');
      await context.broker.createGroup(topic, 'other');
      const paused = async (): Promise<readonly boolean[]> => {
        const { isPaused, groups } = await context.describe(topic);
        return [isPaused ?? false, ...groups.map((group) => group.isPaused ?? false)];
      };
      equal(await paused(), [false, false, false], 'isPaused of topic and groups at first');
      await context.broker.pause(topic, { group: 'g' });
      equal(await paused(), [false, true, false], 'isPaused after the group was paused');
      await context.broker.resume(topic, { group: 'g' });
      await context.broker.pause(topic);
      equal((await paused())[0], true, 'isPaused of the topic after it was paused');
    },
  },
  {
    name: 'leases go on while paused: what ends comes again after resume',
    capability: 'group-modes',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'a' });
      await receiveOne(context.broker, topic, { leaseMs: 200 });
      await context.broker.pause(topic);
      await context.pass(400);
      equal(await context.broker.receive(topic), [], 'a receive while paused');
      await context.broker.resume(topic);
      const again = await receiveOne(context.broker, topic);
      equal([again.deliveryCount, again.redeliveryReason], [2, 'lease-expired'], 'deliveryCount and reason');
    },
  },
  {
    name: 'pause and resume of a topic or group that does not exist are refused',
    capability: 'group-modes',
    run: async (context) => {
      const topic = await context.newTopic();
      for (const name of ['pause', 'resume'] as const) {
        const call = context.broker[name].bind(context.broker);
        await refused(call(context.topicName()), 'MQ_UNKNOWN_TOPIC', `${name} of an unknown topic`);
        await refused(call(topic, { group: 'nobody' }), 'MQ_UNKNOWN_GROUP', `${name} of an unknown group`);
        const misspelt = { grup: 'g' } as { group?: string };
        await refused(call(topic, misspelt), 'MQ_INVALID_ARGUMENT', `${name} with a misspelt option`);
      }
      const { isPaused, groups } = present(await context.describe(topic), 'the description');
      equal([isPaused ?? false, groups.length] as unknown, [false, 0], 'isPaused and the number of groups');
    },
  },
];
