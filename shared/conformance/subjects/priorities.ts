/** Subject: messages that overtake others. */
import { equal, present, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { bodies, drain, readLog, receiveOne, textOf, texts } from './steps.ts';

export const priorities: readonly ConformanceTest[] = [
  {
    name: 'messages of higher priority are received first, those of equal priority in order',
    capability: 'priority',
    run: async (context) => {
      const topic = await context.newTopic();
      await sendWithPriority(context, topic, { a: 0, b: 9, c: 4, d: 9, e: 0 });
      equal(texts(await drain(context, topic, { max: 1 })), [...'bdcae'], 'the order of arrival');
    },
  },
  {
    name: 'within one answer too the higher priority comes first',
    capability: 'priority',
    run: async (context) => {
      const topic = await context.newTopic();
      await sendWithPriority(context, topic, { a: 0, b: 1, c: 2, d: 3, e: 9, f: 1, g: 0 });
      equal(texts(await context.broker.receive(topic, { max: 5 })), [...'edcbf'], 'the first five');
    },
  },
  {
    name: 'a priority that is no whole number from 0 to 9 is refused',
    capability: 'priority',
    run: async (context) => {
      const topic = await context.newTopic();
      for (const priority of [-1, 10, 4.5, Number.NaN, '5' as unknown as number]) {
        const call = context.broker.send(topic, { body: 'a', priority });
        const { details } = await refused(call, 'MQ_INVALID_ARGUMENT', `a priority of ${priority}`);
        equal(details.path, 'message.priority', 'details.path');
      }
      equal((await context.describe(topic)).logEndOffset, 0, 'messages stored');
    },
  },
  {
    name: 'a record says its priority, one of priority 0 says nothing; the log keeps the order of sending',
    capability: 'priority',
    uses: ['offsets'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendWithPriority(context, topic, { a: 0, b: 9, c: 4 });
      const records = await readLog(context.broker, topic);
      const facts = records.map((record) => [textOf(record), record.offset, record.priority]);
      const expected = [
        ['a', 0, undefined],
        ['b', 1, 9],
        ['c', 2, 4],
      ];
      equal(facts, expected, 'bodies, offsets and priorities in the log');
      const first = await receiveOne(context.broker, topic);
      equal([textOf(first), first.priority], ['b', 9] as unknown, 'the first delivery and its priority');
    },
  },
  {
    name: 'a message that comes again goes before fresh ones of its priority and after those of a higher one',
    capability: 'priority',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendWithPriority(context, topic, { low: 0, middle: 5 });
      const held = await context.broker.receive(topic, { max: 2 });
      await sendWithPriority(context, topic, { 'low-2': 0, 'middle-2': 5, high: 9 });
      for (const delivery of held) await context.broker.nack(delivery);
      const expected = ['high', 'middle', 'middle-2', 'low', 'low-2'];
      equal(texts(await drain(context, topic, { max: 1 })), expected, 'the order of arrival');
    },
  },
  {
    name: 'a message of high priority is handed out before older ones, also when much waits',
    capability: 'priority',
    uses: ['batch'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.sendBatch(
        topic,
        bodies(500).map((body) => ({ body })),
      );
      const first = await receiveOne(context.broker, topic);
      equal(textOf(first), 'm-0', 'the first delivery');
      await sendWithPriority(context, topic, { urgent: 1 });
      equal(textOf(await receiveOne(context.broker, topic)), 'urgent', 'the next delivery');
      equal(textOf(await receiveOne(context.broker, topic)), 'm-1', 'the one after that');
    },
  },
  {
    name: 'every group receives by priority for itself, and is done when all is finished',
    capability: 'priority',
    uses: ['groups', 'lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.createGroup(topic, 'one');
      await context.broker.createGroup(topic, 'two');
      await sendWithPriority(context, topic, { a: 0, b: 9, c: 4 });
      equal(texts(await drain(context, topic, { group: 'one', max: 1 })), [...'bca'], 'what the first group gets');
      await sendWithPriority(context, topic, { d: 5 });
      equal(texts(await drain(context, topic, { group: 'two', max: 2 })), [...'bdca'], 'what the second group gets');
      const one = (await context.describe(topic)).groups.find(({ group }) => group === 'one');
      const { availableCount, inFlightCount, lag } = present(one, 'the first group');
      equal([availableCount, inFlightCount, lag], [1, 0, 1], 'availableCount, inFlightCount and lag of the first');
    },
  },
  {
    name: 'the floor of a group stays below a message that was overtaken',
    capability: 'priority',
    uses: ['offsets', 'lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendWithPriority(context, topic, { a: 0, b: 9, c: 9 });
      const held = await context.broker.receive(topic, { group: 'g', max: 2 });
      await context.broker.ack(held);
      equal(await context.broker.committed(topic, { group: 'g' }), 0, 'committed after the urgent ones are finished');
      await drain(context, topic, { group: 'g' });
      equal(await context.broker.committed(topic, { group: 'g' }), 3, 'committed after all are finished');
    },
  },
  {
    name: 'the highest priority comes first over all partitions',
    capability: 'priority',
    uses: ['partitions'],
    run: async (context) => {
      const topic = await context.newTopic({ partitionCount: 3 });
      for (const [partition, priority] of [2, 9, 5].entries()) {
        await context.broker.send(topic, { body: `priority ${priority}`, priority }, { partition });
      }
      const expected = ['priority 9', 'priority 5', 'priority 2'];
      equal(texts(await drain(context, topic, { max: 1 })), expected, 'the order of arrival');
    },
  },
  {
    name: 'a delayed message takes its place by priority when it is due, and an expired one never',
    capability: 'priority',
    uses: ['delay', 'ttl'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'urgent but late', priority: 9, delayMs: 900 });
      await context.broker.send(topic, { body: 'urgent but over', priority: 9, ttlMs: 100 });
      await context.broker.send(topic, { body: 'middle', priority: 5, ttlMs: 60_000 });
      await context.broker.send(topic, { body: 'usual' });
      await context.pass(200);
      equal(textOf(await receiveOne(context.broker, topic)), 'middle', 'the first delivery');
      await context.pass(900);
      equal(texts(await drain(context, topic, { max: 1 })), ['urgent but late', 'usual'], 'what comes then');
    },
  },
  {
    name: 'priorities are kept by a restart, and so is what was finished out of turn',
    capability: 'priority',
    uses: ['durable', 'lease'],
    needs: ['restart'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendWithPriority(context, topic, { a: 0, b: 9, c: 4, d: 9, e: 0 });
      await context.broker.ack([await receiveOne(context.broker, topic, { group: 'g' })]);
      await context.restart();
      equal(texts(await drain(context, topic, { group: 'g', max: 1 })), [...'dcae'], 'the order after the restart');
    },
  },
];

/** One message for each entry, its name the body. */
async function sendWithPriority(
  context: TestContext,
  topic: string,
  messages: Readonly<Record<string, number>>,
): Promise<void> {
  for (const [body, priority] of Object.entries(messages)) await context.broker.send(topic, { body, priority });
}
