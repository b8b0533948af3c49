/** Subject: dead letters go back to the group they died for, or are dropped. */
import { DEAD_LETTER_HEADERS } from '../../contract/message.ts';
import { equal, present, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { bodies, drain, readLog, receiveOne, texts } from './steps.ts';

export const redriving: readonly ConformanceTest[] = [
  {
    name: 'redrive brings dead letters back to their group, counted from 1 again, with their history as headers',
    capability: 'dead-letter',
    uses: ['lease'],
    run: async (context) => {
      const topic = await topicWithDeadLetters(context, 3);
      equal(await context.broker.redrive(topic, { group: 'g' }), 3, 'what redrive answers');
      const again = await context.broker.receive(topic, { group: 'g', max: 10 });
      equal(texts(again), bodies(3), 'what the group gets');
      for (const { id, key, deliveryCount, redeliveryReason, headers } of again) {
        equal([key, headers.h], ['k', 'x'], 'key and header of the message');
        equal([deliveryCount, redeliveryReason], [1, 'redrive'] as unknown, 'deliveryCount and redeliveryReason');
        const facts = [DEAD_LETTER_HEADERS.reason, DEAD_LETTER_HEADERS.error, DEAD_LETTER_HEADERS.topic];
        const expected = ['rejected', `cannot read ${id}`, topic];
        equal(
          facts.map((name) => headers[name]),
          expected,
          'reason, error and topic of its history',
        );
      }
      equal(
        again.map(({ id }) => id),
        bodies(3, 'id'),
        'ids',
      );
      await context.broker.ack(again);
      equal((await context.describe(topic)).groups[0]?.lag, 0, 'lag after they are finished');
    },
  },
  {
    name: 'what is redriven goes to no other group and to no reader of the log',
    capability: 'dead-letter',
    uses: ['lease', 'groups', 'offsets'],
    run: async (context) => {
      const topic = await topicWithDeadLetters(context, 2);
      await drain(context, topic, { group: 'other' });
      await context.broker.redrive(topic, { group: 'g' });
      await context.broker.send(topic, { body: 'new' });
      equal(texts(await drain(context, topic, { group: 'other' })), ['new'], 'what the other group gets');
      equal(texts(await drain(context, topic, { group: 'later' })), [...bodies(2), 'new'], 'what a new group gets');
      equal(texts(await readLog(context.broker, topic)), [...bodies(2), 'new'], 'what a reader of the log sees');
      equal(texts(await drain(context, topic, { group: 'g' })), [...bodies(2), 'new'], 'what their own group gets');
      const lags = (await context.describe(topic)).groups.map(({ group, lag }) => [group, lag]);
      const expected = [
        ['g', 0],
        ['later', 0],
        ['other', 0],
      ];
      equal(lags.sort(), expected, 'lag of the groups');
    },
  },
  {
    name: 'redrive that is repeated brings nothing twice',
    capability: 'dead-letter',
    uses: ['lease'],
    run: async (context) => {
      const topic = await topicWithDeadLetters(context, 4);
      const answers = await Promise.all([1, 2, 3].map(() => context.broker.redrive(topic, { group: 'g' })));
      equal(
        answers.reduce((sum, count) => sum + count, 0),
        4,
        'what three calls at once answer together',
      );
      equal(await context.broker.redrive(topic, { group: 'g' }), 0, 'what one more answers');
      equal(texts(await drain(context, topic, { group: 'g' })), bodies(4), 'what the group gets');
    },
  },
  {
    name: 'redrive takes the oldest first and at most as many as it was told',
    capability: 'dead-letter',
    uses: ['lease'],
    run: async (context) => {
      const topic = await topicWithDeadLetters(context, 5);
      equal(await context.broker.redrive(topic, { group: 'g', max: 2 }), 2, 'what redrive of 2 answers');
      equal(texts(await drain(context, topic, { group: 'g' })), ['m-0', 'm-1'], 'what the group gets');
      equal(await context.broker.redrive(topic, { group: 'g', max: 100 }), 3, 'what redrive of 100 answers');
      equal(texts(await drain(context, topic, { group: 'g' })), ['m-2', 'm-3', 'm-4'], 'what the group gets then');
    },
  },
  {
    name: 'redrive and dropDeadLetters by id touch those messages and no other',
    capability: 'dead-letter',
    uses: ['lease'],
    run: async (context) => {
      const topic = await topicWithDeadLetters(context, 5);
      const { broker } = context;
      equal(await broker.redrive(topic, { group: 'g', ids: ['id-3', 'id-1', 'no-such'] }), 2, 'what redrive answers');
      equal(texts(await drain(context, topic, { group: 'g' })), ['m-1', 'm-3'], 'what the group gets');
      equal(await broker.dropDeadLetters(topic, { group: 'g', ids: ['id-0', 'id-1'] }), 1, 'what dropDeadLetters says');
      equal(await broker.redrive(topic, { group: 'g' }), 2, 'what redrive of the rest answers');
      equal(texts(await drain(context, topic, { group: 'g' })), ['m-2', 'm-4'], 'what the group gets then');
    },
  },
  {
    name: 'dropDeadLetters deletes dead letters for good, oldest first, and says how many',
    capability: 'dead-letter',
    uses: ['lease'],
    run: async (context) => {
      const topic = await topicWithDeadLetters(context, 3);
      equal(await context.broker.dropDeadLetters(topic, { group: 'g', max: 1 }), 1, 'what the first call answers');
      equal(await context.broker.redrive(topic, { group: 'g', max: 1 }), 1, 'what a redrive answers');
      equal(texts(await drain(context, topic, { group: 'g' })), ['m-1'], 'what the group gets');
      equal(await context.broker.dropDeadLetters(topic, { group: 'g' }), 1, 'what the second call answers');
      equal(await context.broker.dropDeadLetters(topic, { group: 'g' }), 0, 'what one more answers');
      equal(await context.broker.redrive(topic, { group: 'g' }), 0, 'what a redrive answers then');
      equal(await drain(context, topic, { group: 'g' }), [], 'what the group gets then');
    },
  },
  {
    name: 'a redriven message that fails again dies again, and can be redriven again',
    capability: 'dead-letter',
    uses: ['lease'],
    run: async (context) => {
      const topic = await topicWithDeadLetters(context, 1);
      for (let round = 1; round <= 3; round += 1) {
        equal(await context.broker.redrive(topic, { group: 'g' }), 1, `what redrive ${round} answers`);
        const delivery = await receiveOne(context.broker, topic, { group: 'g' });
        equal(texts([delivery]), ['m-0'], 'what the group gets');
        equal(delivery.headers.h, 'x', 'the header of the message');
        await context.broker.nack(delivery, { outcome: 'reject', reason: `round ${round}` });
        equal(await context.broker.receive(topic, { group: 'g' }), [], 'a receive after it was rejected');
      }
      equal((await context.describe(topic)).groups[0]?.deadCount, 4, 'deadCount: how often messages died');
      await context.broker.redrive(topic, { group: 'g' });
      const { headers } = await receiveOne(context.broker, topic, { group: 'g' });
      equal(headers[DEAD_LETTER_HEADERS.error], 'round 3', 'the last error in its history');
    },
  },
  {
    name: 'a group or topic that does not exist, and options that make no sense, are refused by redrive and drop',
    capability: 'dead-letter',
    uses: ['lease'],
    run: async (context) => {
      const topic = await topicWithDeadLetters(context, 1);
      for (const name of ['redrive', 'dropDeadLetters'] as const) {
        const call = context.broker[name].bind(context.broker);
        await refused(call(topic, { group: 'nobody' }), 'MQ_UNKNOWN_GROUP', `${name} of an unknown group`);
        await refused(call(context.topicName(), { group: 'g' }), 'MQ_UNKNOWN_TOPIC', `${name} of an unknown topic`);
        for (const wrong of [{ max: 0 }, { max: 1.5 }, { ids: 'id-0' }, { ids: [7] }, { misspelt: 1 }]) {
          const options = { group: 'g', ...wrong } as { group: string };
          await refused(call(topic, options), 'MQ_INVALID_ARGUMENT', `${name} with ${Object.keys(wrong)[0]}`);
        }
      }
      equal(await context.broker.redrive(topic, { group: 'g' }), 1, 'what a right redrive answers after all that');
    },
  },
  {
    name: 'a redrive is kept by a restart: each message comes once, and none dies or comes again',
    capability: 'dead-letter',
    uses: ['lease', 'durable'],
    needs: ['restart'],
    run: async (context) => {
      const topic = await topicWithDeadLetters(context, 4);
      await context.restart();
      equal(await context.broker.redrive(topic, { group: 'g', max: 2 }), 2, 'what redrive answers');
      await context.restart();
      const held = await context.broker.receive(topic, { group: 'g', max: 10 });
      equal(texts(held), ['m-0', 'm-1'], 'what the group gets');
      equal(
        held.map(({ deliveryCount }) => deliveryCount),
        [1, 1],
        'deliveryCount of each',
      );
      await context.broker.ack(held);
      await context.restart();
      equal(await context.broker.receive(topic, { group: 'g' }), [], 'a receive after they were finished');
      equal(await context.broker.redrive(topic, { group: 'g' }), 2, 'what redrive of the rest answers');
      equal(texts(await drain(context, topic, { group: 'g' })), ['m-2', 'm-3'], 'what the group gets then');
    },
  },
];

/** A topic whose group `g` rejected all of its `count` messages. */
async function topicWithDeadLetters(context: TestContext, count: number): Promise<string> {
  const topic = await context.newTopic();
  for (let index = 0; index < count; index += 1) {
    await context.broker.send(topic, { body: `m-${index}`, id: `id-${index}`, key: 'k', headers: { h: 'x' } });
  }
  const held = await context.broker.receive(topic, { group: 'g', max: count });
  equal(held.length, count, 'deliveries');
  for (const delivery of held) {
    const { id } = present(delivery, 'a delivery');
    await context.broker.nack(delivery, { outcome: 'reject', reason: `cannot read ${id}` });
  }
  return topic;
}
