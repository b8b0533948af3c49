/** Subject: a topic of several partitions: which message goes where, and that each partition is a log of its own. */

import type { Message } from '../../contract/message.ts';
import { crc32cOfText } from '../../crc32c.ts';
import { equal, holds, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { bodies, drain, readLog, sorted, texts } from './steps.ts';

export const partitions: readonly ConformanceTest[] = [
  {
    name: 'messages with equal keys go to the same partition, in order',
    capability: 'partitions',
    run: async (context) => {
      const topic = await context.newTopic({ partitionCount: 4 });
      const partitionsOf = new Map<string, Set<number>>();
      for (const body of bodies(30)) {
        const key = `key-${context.random.below(6)}`;
        const { partition } = await context.broker.send(topic, { body, key });
        partitionsOf.set(key, (partitionsOf.get(key) ?? new Set()).add(partition));
      }
      for (const [key, used] of partitionsOf) equal(used.size, 1, `partitions of ${key}`);
      for (let partition = 0; partition < 4; partition += 1) {
        const numbers = texts(await readLog(context.broker, topic, { partition })).map((text) => Number(text.slice(2)));
        const ascending = numbers.toSorted((a, b) => a - b);
        equal(numbers, ascending, `the numbers of the messages in partition ${partition}`);
      }
    },
  },
  {
    name: 'the partition of a key is the CRC32C of its UTF-8 bytes modulo the number of partitions',
    capability: 'partitions',
    run: async (context) => {
      const topic = await context.newTopic({ partitionCount: 7 });
      for (const key of ['', 'a', 'order-17', '123456789', 'schlüssel', '键', '🧵']) {
        const { partition } = await context.broker.send(topic, { body: 'a', key });
        equal(partition, crc32cOfText(key) % 7, `the partition of key ${JSON.stringify(key)}`);
      }
    },
  },
  {
    name: 'messages without a key go round the partitions in turn',
    capability: 'partitions',
    run: async (context) => {
      const topic = await context.newTopic({ partitionCount: 3 });
      const used: number[] = [];
      for (const body of bodies(9)) used.push((await context.broker.send(topic, { body })).partition);
      for (let turn = 0; turn < 3; turn += 1) {
        const ofTurn = used.slice(turn * 3, turn * 3 + 3).toSorted((a, b) => a - b);
        equal(ofTurn, [0, 1, 2], `the partitions of messages ${turn * 3} to ${turn * 3 + 2}`);
      }
    },
  },
  {
    name: 'a message goes to the partition its sender names, whatever its key',
    capability: 'partitions',
    uses: ['batch'],
    run: async (context) => {
      const topic = await context.newTopic({ partitionCount: 3 });
      for (const partition of [2, 0, 1, 2]) {
        const receipt = await context.broker.send(topic, { body: `to ${partition}`, key: 'k' }, { partition });
        equal(receipt.partition, partition, 'the partition on the receipt');
      }
      const batch = await context.broker.sendBatch(topic, [{ body: 'x', key: 'a' }, { body: 'y' }], { partition: 1 });
      equal([batch.partition, batch.baseOffset], [1, 1], 'partition and baseOffset of a batch');
      equal(texts(await readLog(context.broker, topic, { partition: 1 })), ['to 1', 'x', 'y'], 'partition 1');
      equal(texts(await readLog(context.broker, topic, { partition: 2 })), ['to 2', 'to 2'], 'partition 2');
    },
  },
  {
    name: 'each partition counts its offsets from 0, and the numbers of the topic are their sums',
    capability: 'partitions',
    run: async (context) => {
      const topic = await context.newTopic({ partitionCount: 3 });
      const places: (readonly [number, number | null])[] = [];
      for (const partition of [0, 0, 2, 0, 2]) {
        const receipt = await context.broker.send(topic, { body: 'a' }, { partition });
        places.push([receipt.partition, receipt.offset]);
      }
      const expected = [
        [0, 0],
        [0, 1],
        [2, 0],
        [0, 2],
        [2, 1],
      ];
      equal(places as unknown, expected, 'partitions and offsets of five messages');
      const { partitionCount, logStartOffset, logEndOffset, availableCount } = await context.describe(topic);
      equal([partitionCount, logStartOffset, logEndOffset, availableCount], [3, 0, 5, 5], 'the numbers of the topic');
    },
  },
  {
    name: 'a batch goes to one partition, that of its keys, and the next batch without keys to another',
    capability: 'partitions',
    uses: ['batch'],
    run: async (context) => {
      const topic = await context.newTopic({ partitionCount: 3 });
      const keyed = await context.broker.sendBatch(topic, [
        { body: 'a', key: 'k' },
        { body: 'b', key: 'k' },
        { body: 'c' },
      ]);
      equal(keyed.partition, crc32cOfText('k') % 3, 'the partition of a batch with one key');
      equal(keyed.baseOffset, 0, 'its baseOffset');
      const used = new Set<number>();
      for (const prefix of ['x', 'y', 'z']) {
        const receipt = await context.broker.sendBatch(topic, [{ body: `${prefix}-0` }, { body: `${prefix}-1` }]);
        used.add(receipt.partition);
        const records = texts(await readLog(context.broker, topic, { partition: receipt.partition }));
        equal(records.slice(-2), [`${prefix}-0`, `${prefix}-1`], 'the end of the partition of the receipt');
      }
      equal(used.size, 3, 'partitions used by three batches without keys');
    },
  },
  {
    name: 'a batch whose keys belong to different partitions is refused',
    capability: 'partitions',
    uses: ['batch'],
    run: async (context) => {
      const topic = await context.newTopic({ partitionCount: 64 });
      const batch = bodies(40).map((body) => ({ body, key: body }));
      await refused(context.broker.sendBatch(topic, batch), 'MQ_INVALID_ARGUMENT', 'a batch of 40 keys');
      equal((await context.describe(topic)).logEndOffset, 0, 'messages stored');
    },
  },
  {
    name: 'a partition that does not exist is refused by every operation that names one',
    capability: 'partitions',
    uses: ['offsets', 'browse'],
    run: async (context) => {
      const topic = await context.newTopic({ partitionCount: 2 });
      await context.broker.createGroup(topic, 'g');
      for (const partition of [2, -1, 0.5, Number.NaN]) {
        const at = { group: 'g', partition };
        const calls = {
          send: () => context.broker.send(topic, { body: 'a' }, { partition }),
          sendBatch: () => context.broker.sendBatch(topic, [{ body: 'a' }], { partition }),
          fetch: () => context.broker.fetch(topic, { partition }),
          commit: () => context.broker.commit(topic, { ...at, offset: 0 }),
          committed: () => context.broker.committed(topic, at),
          seek: () => context.broker.seek(topic, { ...at, to: 'earliest' }),
          browse: () => context.broker.browse(topic, at),
        };
        for (const [name, call] of Object.entries(calls)) {
          await refused(call(), 'MQ_INVALID_ARGUMENT', `${name} of partition ${partition} of 2`);
        }
      }
      equal((await context.describe(topic)).logEndOffset, 0, 'messages stored');
    },
  },
  {
    name: 'a partitionCount that is no whole number from 1 is refused, and one topic keeps the count it has',
    capability: 'partitions',
    run: async (context) => {
      for (const partitionCount of [0, -1, 1.5, Number.NaN]) {
        const call = context.broker.createTopic(context.topicName(), { partitionCount });
        await refused(call, 'MQ_INVALID_ARGUMENT', `a topic of ${partitionCount} partitions`);
      }
      const topic = await context.newTopic({ partitionCount: 2 });
      const call = context.broker.createTopic(topic, { partitionCount: 3 });
      await refused(call, 'MQ_TOPIC_EXISTS', 'createTopic with another partitionCount');
    },
  },
  {
    name: 'concurrent producers with keys: every key keeps the order of each of its producers',
    capability: 'partitions',
    run: keepOrderPerKey,
  },
];

async function keepOrderPerKey(context: TestContext): Promise<void> {
  const topic = await context.newTopic({ partitionCount: 4 });
  const keys = ['a', 'b', 'c', 'd', 'e'];
  const producers = [0, 1, 2, 3].map(async (number) => {
    const producer = context.as(`producer-${number}`);
    for (let turn = 0; turn < 12; turn += 1) {
      const key = keys[turn % keys.length] ?? '';
      const message: Message = { body: `${key} p${number} ${String(turn).padStart(2, '0')}`, key };
      await producer.send(topic, message);
    }
  });
  await Promise.all(producers);
  const received = texts(await drain(context, topic));
  equal(received.length, 48, 'messages received');
  for (const line of Map.groupBy(received, (text) => text.slice(0, -3)).values()) {
    equal(line, sorted(line), 'the messages of one producer and one key, in the order of receiving');
  }
  context.checkHistory({ drained: [{ topic, group: 'default' }] });
  const found: string[] = [];
  for (const partition of [0, 1, 2, 3]) found.push(...texts(await readLog(context.broker, topic, { partition })));
  holds(sorted(found).join() === sorted(received).join(), 'the same messages in the log', found.length);
}
