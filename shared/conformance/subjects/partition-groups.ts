/** Subject: a group over several partitions: it gets all of them, and has a position in each. */
import { atOnce, equal, present, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import { bodies, drain, receiveOne, sorted, texts } from './steps.ts';

export const partitionGroups: readonly ConformanceTest[] = [
  {
    name: 'a group receives from all partitions of a topic, from each in order',
    capability: 'partitions',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic({ partitionCount: 3 });
      for (const partition of [0, 1, 2]) {
        for (const body of bodies(4, `p${partition}`)) await context.broker.send(topic, { body }, { partition });
      }
      const deliveries = await drain(context, topic, { max: 5 });
      equal(
        sorted(texts(deliveries)),
        [0, 1, 2].flatMap((p) => bodies(4, `p${p}`)),
        'what was received',
      );
      for (const partition of [0, 1, 2]) {
        const offsets = deliveries.filter((delivery) => delivery.partition === partition).map(({ offset }) => offset);
        equal(offsets, [0, 1, 2, 3], `the offsets of partition ${partition}, in the order of receiving`);
      }
    },
  },
  {
    name: 'no partition starves: a busy one does not keep a group from the others',
    capability: 'partitions',
    uses: ['lease', 'batch'],
    run: async (context) => {
      const topic = await context.newTopic({ partitionCount: 2 });
      const busy = bodies(200, 'busy').map((body) => ({ body }));
      await context.broker.sendBatch(topic, busy, { partition: 0 });
      await context.broker.send(topic, { body: 'alone' }, { partition: 1 });
      const received: string[] = [];
      for (let turn = 0; turn < 10; turn += 1) {
        const deliveries = await context.broker.receive(topic, { max: 10 });
        received.push(...texts(deliveries));
        await context.broker.ack(deliveries);
      }
      equal(received.includes('alone'), true, 'the one message of the quiet partition among the first 100');
    },
  },
  {
    name: 'a waiting receive wakes for a message in any partition',
    capability: 'partitions',
    run: async (context) => {
      const topic = await context.newTopic({ partitionCount: 3 });
      for (const partition of [2, 0, 1]) {
        const call = context.as('consumer').receive(topic, { waitMs: 20_000 });
        await context.untilWaiting(topic, 1);
        await context.broker.send(topic, { body: `to ${partition}` }, { partition });
        const deliveries = await atOnce(call, 'the waiting receive, after the send');
        equal(texts(deliveries), [`to ${partition}`], 'what it received');
        await context.finish(deliveries);
      }
    },
  },
  {
    name: 'a fetch reads one partition and waits for that one alone',
    capability: 'partitions',
    uses: ['offsets'],
    run: async (context) => {
      const topic = await context.newTopic({ partitionCount: 2 });
      const call = context.as('reader').fetch(topic, { partition: 1, waitMs: 20_000 });
      await context.untilWaiting(topic, 1);
      await context.broker.send(topic, { body: 'other' }, { partition: 0 });
      await context.untilWaiting(topic, 1);
      await context.broker.send(topic, { body: 'mine' }, { partition: 1 });
      const { records, nextOffset } = await atOnce(call, 'the waiting fetch, after the send');
      equal([texts(records), nextOffset], [['mine'], 1] as unknown, 'records and nextOffset');
      equal(records[0]?.partition, 1, 'the partition of the record');
    },
  },
  {
    name: 'a log group commits in each partition for itself',
    capability: 'partitions',
    uses: ['offsets'],
    run: async (context) => {
      const topic = await context.newTopic({ partitionCount: 3 });
      for (const partition of [0, 1, 1, 2, 2, 2]) await context.broker.send(topic, { body: 'a' }, { partition });
      const { broker } = context;
      equal(await broker.commit(topic, { group: 'g', partition: 1, offset: 2 }), 2, 'commit of partition 1');
      equal(await broker.commit(topic, { group: 'g', partition: 2, offset: 1 }), 1, 'commit of partition 2');
      const positions: number[] = [];
      for (const partition of [0, 1, 2]) positions.push(await broker.committed(topic, { group: 'g', partition }));
      equal(positions, [0, 2, 1], 'committed of the three partitions');
      const { lag } = present((await context.describe(topic)).groups[0], 'the group');
      equal(lag, 3, 'lag, summed over the partitions');
    },
  },
  {
    name: 'an ack finishes the message of its own partition only',
    capability: 'partitions',
    uses: ['lease', 'offsets'],
    run: async (context) => {
      const topic = await context.newTopic({ partitionCount: 2 });
      for (const partition of [0, 1]) await context.broker.send(topic, { body: `p${partition}` }, { partition });
      const held = await context.broker.receive(topic, { group: 'g', max: 2 });
      const one = present(
        held.find(({ partition }) => partition === 1),
        'the delivery of partition 1',
      );
      const wrong = { ...one, partition: 0 };
      await refused(context.broker.ack([wrong]), 'MQ_LEASE_EXPIRED', 'an ack with the token of another partition');
      await context.broker.ack([one]);
      const floors: number[] = [];
      for (const partition of [0, 1]) floors.push(await context.broker.committed(topic, { group: 'g', partition }));
      equal(floors, [0, 1], 'committed of the two partitions');
    },
  },
  {
    name: 'a cumulative ack finishes what came before in its partition and nothing in another',
    capability: 'partitions',
    uses: ['lease', 'offsets'],
    run: async (context) => {
      const topic = await context.newTopic({ partitionCount: 2 });
      for (const partition of [0, 0, 0, 1, 1]) await context.broker.send(topic, { body: 'a' }, { partition });
      const held = await context.broker.receive(topic, { group: 'g', max: 5 });
      const last = present(
        held.find(({ partition, offset }) => partition === 0 && offset === 1),
        'the second delivery of partition 0',
      );
      await context.broker.ack([last], { cumulative: true });
      const { inFlightCount } = await context.describe(topic);
      equal(inFlightCount, 3, 'inFlightCount: one of partition 0 and both of partition 1');
      equal(await context.broker.committed(topic, { group: 'g', partition: 0 }), 2, 'committed of partition 0');
      equal(await context.broker.committed(topic, { group: 'g', partition: 1 }), 0, 'committed of partition 1');
    },
  },
  {
    name: 'seek moves a group in the partition it names and in no other',
    capability: 'partitions',
    uses: ['lease', 'offsets'],
    run: async (context) => {
      const topic = await context.newTopic({ partitionCount: 2 });
      for (const partition of [0, 1]) {
        for (const body of bodies(3, `p${partition}`)) await context.broker.send(topic, { body }, { partition });
      }
      await drain(context, topic, { group: 'g' });
      equal(await context.broker.seek(topic, { group: 'g', partition: 1, to: { offset: 1 } }), 1, 'what seek answers');
      const again = await drain(context, topic, { group: 'g' });
      equal(texts(again), ['p1-1', 'p1-2'], 'what comes again');
    },
  },
  {
    name: 'browse lists one partition',
    capability: 'partitions',
    uses: ['lease', 'browse'],
    run: async (context) => {
      const topic = await context.newTopic({ partitionCount: 2 });
      for (const partition of [0, 1, 1]) await context.broker.send(topic, { body: `p${partition}` }, { partition });
      const first = await receiveOne(context.broker, topic, { group: 'g' });
      await context.broker.nack(first, { outcome: 'return' });
      const listed = await context.broker.browse(topic, { group: 'g', partition: 1, max: 10 });
      equal(texts(listed), ['p1', 'p1'], 'what is listed of partition 1');
      equal(
        listed.map(({ partition, offset }) => [partition, offset]),
        [
          [1, 0],
          [1, 1],
        ],
        'partitions and offsets',
      );
    },
  },
];
