/** Subject: what is deleted by age, or because everybody has finished it; offsets never change. */
import { equal, eventually, present, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { bodies, drain, readLog, receiveOne, sendAll, texts } from './steps.ts';

const HOUR_MS = 3_600_000;
/** Far more than a broker needs to notice that something is too old. */
const SLACK_MS = 600_000;

export const retention: readonly ConformanceTest[] = [
  {
    name: 'records older than retentionMs are deleted, finished or not, and the others keep their offsets',
    capability: 'durable',
    uses: ['offsets', 'groups'],
    needs: ['virtual-clock'],
    run: async (context) => {
      const topic = await context.newTopic({ retentionMs: HOUR_MS });
      await context.broker.createGroup(topic, 'g');
      await sendAll(context.broker, topic, bodies(3, 'old'));
      await context.pass(HOUR_MS - SLACK_MS);
      await sendAll(context.broker, topic, bodies(2, 'new'));
      equal((await context.describe(topic)).logStartOffset, 0, 'logStartOffset before the first are too old');
      await context.pass(2 * SLACK_MS);
      await startsAt(context, topic, 3);
      const error = await refused(context.broker.fetch(topic), 'MQ_OFFSET_OUT_OF_RANGE', 'a fetch of offset 0');
      equal([error.details.logStartOffset, error.details.logEndOffset], [3, 5], 'the valid range');
      const left = await readLog(context.broker, topic, { offset: 3 });
      equal(
        left.map(({ offset }) => offset),
        [3, 4],
        'offsets of what is left',
      );
      equal(texts(await drain(context, topic, { group: 'g' })), ['new-0', 'new-1'], 'what the group still gets');
      const { droppedCount, lag } = present((await context.describe(topic)).groups[0], 'the group');
      equal([droppedCount, lag], [3, 0], 'droppedCount and lag of the group');
    },
  },
  {
    name: 'when everything is too old the topic is empty, and the next message has the next offset',
    capability: 'durable',
    uses: ['offsets'],
    needs: ['virtual-clock'],
    run: async (context) => {
      const topic = await context.newTopic({ retentionMs: HOUR_MS });
      await sendAll(context.broker, topic, bodies(4));
      await context.pass(HOUR_MS + SLACK_MS);
      await startsAt(context, topic, 4);
      equal((await context.broker.send(topic, { body: 'next' })).offset, 4, 'the offset of the next message');
      equal(texts(await drain(context, topic)), ['next'], 'what is received');
    },
  },
  {
    name: 'a topic without retentionMs keeps what is old',
    capability: 'durable',
    uses: ['offsets'],
    needs: ['virtual-clock'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(3));
      await context.pass(30 * 24 * HOUR_MS);
      equal((await context.describe(topic)).logStartOffset, 0, 'logStartOffset after thirty days');
      equal(texts(await drain(context, topic)), bodies(3), 'what is received');
    },
  },
  {
    name: 'with deleteFinished a record goes as soon as every group has finished it, and not before',
    capability: 'durable',
    uses: ['groups', 'lease', 'offsets'],
    run: async (context) => {
      const topic = await context.newTopic({ deleteFinished: true });
      await sendAll(context.broker, topic, bodies(4));
      equal((await context.describe(topic)).logStartOffset, 0, 'logStartOffset without any group');
      await context.broker.createGroup(topic, 'slow');
      await drain(context, topic, { group: 'quick' });
      equal((await context.describe(topic)).logStartOffset, 0, 'logStartOffset when one of two groups is done');
      await context.broker.ack([await receiveOne(context.broker, topic, { group: 'slow' })]);
      await startsAt(context, topic, 1);
      const held = await context.broker.receive(topic, { group: 'slow', max: 3 });
      await context.broker.ack(held.slice(1));
      equal(
        (await context.describe(topic)).logStartOffset,
        1,
        'logStartOffset while one in the middle is not finished',
      );
      await context.broker.ack(held.slice(0, 1));
      await startsAt(context, topic, 4);
      equal((await context.broker.send(topic, { body: 'next' })).offset, 4, 'the offset of the next message');
      equal(texts(await drain(context, topic, { group: 'slow' })), ['next'], 'what the slow group gets');
      await context.broker.createGroup(topic, 'live', { isEphemeral: true });
      await sendAll(context.broker, topic, ['live']);
      const live = await receiveOne(context.broker, topic, { group: 'live' });
      for (const group of ['quick', 'slow']) await drain(context, topic, { group });
      equal((await context.describe(topic)).logStartOffset, 5, 'logStartOffset while an ephemeral group is at work');
      await context.broker.ack([live]);
      await startsAt(context, topic, 6);
    },
  },
  {
    name: 'without deleteFinished what is finished stays as long as there is room',
    capability: 'durable',
    uses: ['groups', 'lease', 'offsets'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(4));
      await drain(context, topic);
      equal((await context.describe(topic)).logStartOffset, 0, 'logStartOffset after all was finished');
      equal(texts(await drain(context, topic, { group: 'later' })), bodies(4), 'what a later group gets');
    },
  },
  {
    name: 'what was deleted does not come back with a restart, and offsets go on where they were',
    capability: 'durable',
    uses: ['groups', 'lease', 'offsets'],
    needs: ['restart'],
    run: async (context) => {
      const topic = await context.newTopic({ deleteFinished: true });
      await sendAll(context.broker, topic, bodies(3));
      await drain(context, topic, { group: 'g' });
      await startsAt(context, topic, 3);
      await context.restart();
      const { logStartOffset, logEndOffset } = await context.describe(topic);
      equal([logStartOffset, logEndOffset], [3, 3], 'logStartOffset and logEndOffset');
      equal((await context.broker.send(topic, { body: 'next' })).offset, 3, 'the offset of the next message');
      equal(texts(await drain(context, topic, { group: 'later' })), ['next'], 'what a later group gets');
    },
  },
  {
    name: 'a retentionMs that is no whole number from 1, and a deleteFinished that is no truth value, are refused',
    capability: 'durable',
    run: async (context) => {
      for (const retentionMs of [0, -1, 0.5, Number.NaN]) {
        const call = context.broker.createTopic(context.topicName(), { retentionMs });
        await refused(call, 'MQ_INVALID_ARGUMENT', `a topic with retentionMs ${retentionMs}`);
      }
      const deleteFinished = 'yes' as unknown as boolean;
      const call = context.broker.createTopic(context.topicName(), { deleteFinished });
      await refused(call, 'MQ_INVALID_ARGUMENT', 'a topic with deleteFinished "yes"');
    },
  },
];

/** Deleting may take a moment. */
async function startsAt(context: TestContext, topic: string, offset: number): Promise<void> {
  const look = async (): Promise<boolean> => (await context.describe(topic)).logStartOffset >= offset;
  await eventually(look, `logStartOffset ${offset}`);
  equal((await context.describe(topic)).logStartOffset, offset, 'logStartOffset');
}
