/** Subject: moving a group, and what happens to readers that fell behind what is still held. */
import { atOnce, equal, holds, present, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { bodies, drain, offsetOf, receiveOne, sendAll, texts } from './steps.ts';

export const seeking: readonly ConformanceTest[] = [
  {
    name: 'seek moves a log group to an offset, to the earliest or to the latest, also back',
    capability: 'offsets',
    run: async (context) => {
      const { broker } = context;
      const topic = await context.newTopic();
      await sendAll(broker, topic, bodies(5));
      await broker.commit(topic, { group: 'g', offset: 4 });
      const answers: number[] = [];
      for (const to of [{ offset: 2 }, 'latest', 'earliest'] as const) {
        answers.push(await broker.seek(topic, { group: 'g', to }));
        answers.push(await broker.committed(topic, { group: 'g' }));
      }
      equal(answers, [2, 2, 5, 5, 0, 0], 'answers of seek and committed: offset 2, latest, earliest');
    },
  },
  {
    name: 'seek moves a queue group: what stands there is delivered again',
    capability: 'offsets',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      const receipts = await sendAll(context.broker, topic, bodies(4));
      await drain(context, topic, { group: 'g' });
      const offset = offsetOf(present(receipts[1], 'the second receipt'));
      await context.broker.seek(topic, { group: 'g', to: { offset } });
      equal(await context.broker.committed(topic, { group: 'g' }), offset, 'committed after the seek');
      const again = await drain(context, topic, { group: 'g' });
      equal(texts(again), ['m-1', 'm-2', 'm-3'], 'what comes again');
      equal(again[0]?.redeliveryReason, 'seek', 'why it came again');
    },
  },
  {
    name: 'what a group gets for the first time after a seek is no redelivery',
    capability: 'offsets',
    uses: ['lease', 'groups'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(2));
      await context.broker.createGroup(topic, 'g', { start: 'latest' });
      await sendAll(context.broker, topic, ['m-2']);
      await drain(context, topic, { group: 'g' });
      await context.broker.seek(topic, { group: 'g', to: 'earliest' });
      const reasons = (await drain(context, topic, { group: 'g' })).map((delivery) => delivery.redeliveryReason);
      equal(reasons, [undefined, undefined, 'seek'], 'redeliveryReason of two it never had and one it had');
      equal((await context.describe(topic)).redeliveredCount, 1, 'redeliveredCount');
    },
  },
  {
    name: 'seek forward makes a queue group pass over what it had not received',
    capability: 'offsets',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(4));
      await receiveOne(context.broker, topic, { group: 'g' });
      await context.broker.seek(topic, { group: 'g', to: { offset: 3 } });
      equal(texts(await drain(context, topic, { group: 'g' })), ['m-3'], 'what the group still gets');
      equal(await context.broker.committed(topic, { group: 'g' }), 4, 'committed');
    },
  },
  {
    name: 'seek voids the leases of a queue group',
    capability: 'offsets',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(2));
      const held = await receiveOne(context.broker, topic, { group: 'g' });
      await context.broker.seek(topic, { group: 'g', to: 'earliest' });
      await refused(context.broker.ack([held]), 'MQ_LEASE_EXPIRED', 'an ack from before the seek');
      equal((await context.describe(topic)).inFlightCount, 0, 'inFlightCount after the seek');
      equal(texts(await drain(context, topic, { group: 'g' })), bodies(2), 'what the group gets');
    },
  },
  {
    name: 'seek on one group moves no other',
    capability: 'offsets',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(3));
      for (const group of ['a', 'b']) await drain(context, topic, { group });
      await context.broker.seek(topic, { group: 'a', to: 'earliest' });
      equal(texts(await drain(context, topic, { group: 'b' })), [], 'what group b gets');
    },
  },
  {
    name: 'seek wakes a receive that waits in the group',
    capability: 'offsets',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, ['a']);
      await drain(context, topic, { group: 'g' });
      const call = context.as('waits').receive(topic, { group: 'g', waitMs: 20_000 });
      await context.untilWaiting(topic, 1);
      await context.broker.seek(topic, { group: 'g', to: 'earliest' });
      equal(texts(await atOnce(call, 'the waiting receive, after the seek')), ['a'], 'what it received');
    },
  },
  {
    name: 'a reader that fell behind what was overwritten is told the valid range',
    capability: 'offsets',
    run: async (context) => {
      const topic = await overwritten(context);
      const call = context.broker.fetch(topic, { offset: 0 });
      const { details } = await refused(call, 'MQ_OFFSET_OUT_OF_RANGE', 'fetch of an overwritten offset');
      equal([details.logStartOffset, details.logEndOffset], [6, 10], 'the valid range');
      const { records, logStartOffset } = await context.broker.fetch(topic, { offset: 6, max: 10 });
      equal(texts(records), ['m-6', 'm-7', 'm-8', 'm-9'], 'what is still held');
      equal(logStartOffset, 6, 'logStartOffset');
    },
  },
  {
    name: 'a queue group that fell behind goes on at the earliest message, at the latest, or is told, as it chose',
    capability: 'groups',
    uses: ['offsets'],
    run: async (context) => {
      const topic = await overwritten(context, async (name) => {
        for (const onOutOfRange of ['earliest', 'latest', 'error'] as const) {
          await context.broker.createGroup(name, onOutOfRange, { onOutOfRange });
        }
      });
      const { broker } = context;
      equal(
        texts(await drain(context, topic, { group: 'earliest' })),
        ['m-6', 'm-7', 'm-8', 'm-9'],
        'reset to earliest',
      );
      // A broker may reset the group when it falls behind or when it reads next; either way the oldest is passed over.
      const atLatest = texts(await drain(context, topic, { group: 'latest' }));
      holds(!atLatest.includes('m-6'), 'the group reset to latest to pass over the earliest message', atLatest);
      const call = broker.receive(topic, { group: 'error' });
      const { details } = await refused(call, 'MQ_OFFSET_OUT_OF_RANGE', 'receive of a group that wants the error');
      equal([details.logStartOffset, details.logEndOffset], [6, 10], 'the valid range');
      await broker.seek(topic, { group: 'error', to: 'earliest' });
      equal(texts(await drain(context, topic, { group: 'error' })), ['m-6', 'm-7', 'm-8', 'm-9'], 'after a seek');
      await sendAll(broker, topic, ['new']);
      equal(texts(await drain(context, topic, { group: 'latest' })), ['new'], 'what the group at latest gets then');
    },
  },
  {
    name: 'messages a group lost because they were overwritten are counted',
    capability: 'groups',
    uses: ['offsets', 'lease'],
    run: async (context) => {
      const topic = await overwritten(context, async (name) => {
        await sendAll(context.broker, name, bodies(2));
        await context.broker.createGroup(name, 'slow');
        await drain(context, name, { group: 'fast' });
      });
      await drain(context, topic, { group: 'fast' });
      await context.broker.receive(topic, { group: 'slow' });
      const counts = (await context.describe(topic)).groups.map(({ group, droppedCount }) => [group, droppedCount]);
      // The fast group had finished two of the eight that are gone.
      equal(Object.fromEntries(counts), { fast: 6, slow: 8 }, 'droppedCount of the groups');
    },
  },
  {
    name: 'an ack of a delivery whose record was overwritten meanwhile is refused',
    capability: 'lease',
    uses: ['offsets'],
    run: async (context) => {
      const topic = await context.newTopic({ messagesMax: 2, overflow: 'drop-oldest' });
      await sendAll(context.broker, topic, ['a', 'b']);
      const held = await receiveOne(context.broker, topic);
      await sendAll(context.broker, topic, ['c', 'd', 'e']);
      await refused(context.broker.ack([held]), 'MQ_LEASE_EXPIRED', 'the ack of an overwritten message');
      equal(texts(await drain(context, topic)), ['d', 'e'], 'what is left');
    },
  },
];

/** A topic of 4 slots into which 10 messages went after `before`: offsets up to the last four are gone. */
async function overwritten(context: TestContext, before?: (topic: string) => Promise<void>): Promise<string> {
  const topic = await context.newTopic({ messagesMax: 4, overflow: 'drop-oldest' });
  await before?.(topic);
  await sendAll(context.broker, topic, bodies(10));
  return topic;
}
