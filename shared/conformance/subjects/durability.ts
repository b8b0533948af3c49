/** Subject: what was accepted is still there after the broker stopped without warning: messages, topics, offsets. */
import type { TopicOptions } from '../../contract/description.ts';
import type { Receipt } from '../../contract/message.ts';
import { awaitedLater, equal, holds, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { bodies, drain, offsetOf, readLog, sendAll, textOf, texts, underWay } from './steps.ts';

/** Restarts in the middle of a batch, each at another moment. */
const BATCH_ROUNDS_COUNT = 6;

export const durability: readonly ConformanceTest[] = [
  {
    name: 'a restart keeps messages: what was accepted is received afterwards',
    capability: 'durable',
    needs: ['restart'],
    run: async (context) => {
      const topic = await context.newTopic();
      const receipts = await sendAll(context.broker, topic, bodies(20));
      await context.restart();
      const deliveries = await drain(context, topic);
      equal(texts(deliveries), bodies(20), 'what is received after the restart');
      const places = (records: readonly { offset: number | null; id: string }[]): unknown[] =>
        records.map(({ offset, id }) => [offset, id]);
      equal(places(deliveries), places(receipts), 'offsets, ids');
    },
  },
  {
    name: 'a restart keeps everything about a message: key, headers, id, time, expiry and every byte of its body',
    capability: 'durable',
    uses: ['ttl', 'priority'],
    needs: ['restart'],
    run: async (context) => {
      const topic = await context.newTopic();
      const body = Uint8Array.from({ length: 256 }, (_, index) => index);
      await context.broker.send(topic, { body, key: 'schlüssel', id: 'order-1', headers: { 名: '值\r\n', b: '' } });
      await context.broker.send(topic, { body: '', ttlMs: 3_600_000, priority: 7 });
      const before = await readLog(context.broker, topic);
      await context.restart();
      equal(await readLog(context.broker, topic), before, 'what is fetched after the restart, and what was before');
    },
  },
  {
    name: 'offsets go on after a restart where they were, however often the broker is restarted',
    capability: 'durable',
    needs: ['restart'],
    run: async (context) => {
      const topic = await context.newTopic();
      const offsets: (number | null)[] = [];
      for (const body of bodies(4)) {
        offsets.push((await context.broker.send(topic, { body })).offset);
        await context.restart();
      }
      equal(offsets, [0, 1, 2, 3], 'the offsets of four messages with a restart after each');
      equal(texts(await readLog(context.broker, topic)), bodies(4), 'what is fetched');
    },
  },
  {
    name: 'a restart of a broker without messages changes nothing, and it can be used at once',
    capability: 'durable',
    needs: ['restart'],
    run: async (context) => {
      await context.restart();
      const topic = await context.newTopic();
      await context.restart();
      const { logStartOffset, logEndOffset, availableCount } = await context.describe(topic);
      equal([logStartOffset, logEndOffset, availableCount], [0, 0, 0], 'start, end and availableCount of the log');
      await context.broker.send(topic, { body: 'first' });
      equal(texts(await drain(context, topic)), ['first'], 'what is received');
    },
  },
  {
    name: 'a batch that was accepted survives a restart whole, one whose answer never came is there whole or not at all',
    capability: 'durable',
    uses: ['batch'],
    needs: ['restart'],
    run: async (context) => {
      const topic = await context.newTopic();
      const batch = (prefix: string): { body: string }[] => bodies(50, prefix).map((body) => ({ body }));
      const expected: string[] = [];
      for (let round = 0; round < BATCH_ROUNDS_COUNT; round += 1) {
        await context.broker.sendBatch(topic, batch(`sure-${round}`));
        void awaitedLater(context.broker.sendBatch(topic, batch(`unsure-${round}`)));
        await underWay(context, () => true);
        await context.restart();
        expected.push(...bodies(50, `sure-${round}`));
        const found = texts(await readLog(context.broker, topic));
        if (found.length > expected.length) expected.push(...bodies(50, `unsure-${round}`));
        equal(found, expected, 'the batches that were accepted, and of the others some whole and some not at all');
      }
    },
  },
  {
    name: 'of many sends that were under way when the broker stopped every answered one is there, and none twice',
    capability: 'durable',
    needs: ['restart'],
    run: stopUnderLoad,
  },
  {
    name: 'a receipt that says "synced" is kept: the message is there after a restart, at its offset',
    capability: 'durable',
    needs: ['restart'],
    run: async (context) => {
      const topic = await context.newTopic();
      const receipts = await sendAll(context.broker, topic, bodies(5));
      const claims = new Set(receipts.map(({ durability }) => durability));
      holds(!claims.has('memory'), 'receipts of a durable broker that say "written" or "synced"', [...claims]);
      await context.restart();
      const ids = (await readLog(context.broker, topic)).map(({ id }) => id);
      const synced = receipts.filter((receipt) => receipt.durability === 'synced');
      equal(
        synced.filter((receipt) => ids[offsetOf(receipt)] !== receipt.id),
        [],
        'receipts that said synced and were not kept',
      );
    },
  },
  {
    name: 'a restart keeps topics with their options, whatever their names',
    capability: 'durable',
    uses: ['partitions', 'ttl'],
    needs: ['restart'],
    run: async (context) => {
      const options: TopicOptions = { messagesMax: 9, overflow: 'reject', partitionCount: 3, ttlMs: 5000 };
      const base = context.topicName();
      const names = ['plain', 'a/../b', '%2f', '消息', 'x'.repeat(150), 'CASE', 'case'].map((odd) => `${base} ${odd}`);
      for (const name of names) await context.broker.createTopic(name, options);
      const before = await Promise.all(names.map((name) => context.describe(name)));
      await context.restart();
      const after = await Promise.all(names.map((name) => context.describe(name)));
      equal(after, before, 'the descriptions after the restart');
      await context.broker.createTopic(names[0] ?? '', options);
      const other = context.broker.createTopic(names[0] ?? '', { ...options, ttlMs: 5001 });
      await refused(other, 'MQ_TOPIC_EXISTS', 'createTopic with other options');
      await Promise.all(names.map((name) => context.broker.deleteTopic(name)));
    },
  },
  {
    name: 'a deleted topic stays deleted after a restart, and one made anew under its name is empty',
    capability: 'durable',
    needs: ['restart'],
    run: async (context) => {
      const [gone, anew] = [await context.newTopic(), await context.newTopic()];
      for (const topic of [gone, anew]) {
        await sendAll(context.broker, topic, bodies(3, 'old'));
        await context.broker.commit(topic, { group: 'g', offset: 2 });
        await context.broker.deleteTopic(topic);
      }
      await context.broker.createTopic(anew);
      await context.restart();
      await refused(context.broker.describeTopics({ topic: gone }), 'MQ_UNKNOWN_TOPIC', 'the deleted topic');
      const { logEndOffset, groups } = await context.describe(anew);
      equal([logEndOffset, groups.length], [0, 0], 'logEndOffset and groups of the topic made anew');
      await context.broker.send(anew, { body: 'new' });
      equal(texts(await readLog(context.broker, anew)), ['new'], 'what is fetched from the topic made anew');
    },
  },
  {
    name: 'a restart keeps where the log starts: what was dropped for want of room does not come back',
    capability: 'durable',
    needs: ['restart'],
    run: async (context) => {
      const topic = await context.newTopic({ messagesMax: 4, overflow: 'drop-oldest' });
      await sendAll(context.broker, topic, bodies(10));
      await context.restart();
      const { logStartOffset, logEndOffset } = await context.describe(topic);
      equal([logStartOffset, logEndOffset], [6, 10], 'logStartOffset and logEndOffset');
      equal(texts(await drain(context, topic)), bodies(10).slice(6), 'what is received');
    },
  },
];

/** Sends that go on while the broker stops: what was answered is sure, the rest may be there or not. */
async function stopUnderLoad(context: TestContext): Promise<void> {
  const topic = await context.newTopic();
  const answered = new Map<string, Receipt>();
  const attempted = new Set<string>();
  for (let round = 0; round < 3; round += 1) {
    for (let producer = 0; producer < 4; producer += 1) {
      void sendUntilStopped(context, topic, { prefix: `r${round}p${producer}`, attempted, answered });
    }
    const enough = answered.size + 1 + context.random.below(60);
    await underWay(context, () => answered.size >= enough);
    await context.restart();
  }
  const found = await readLog(context.broker, topic);
  const places = new Map(found.map((record) => [textOf(record), record]));
  equal(places.size, found.length, 'different messages among all that are there');
  for (const [body, receipt] of answered) {
    const place = places.get(body);
    equal([place?.offset, place?.id], [receipt.offset, receipt.id], `offset and id of ${body}, which was accepted`);
  }
  equal(
    [...places.keys()].filter((body) => !attempted.has(body)),
    [],
    'messages that nobody sent',
  );
}

/** One producer, which sends the next message when the last was accepted, until a send is not accepted. */
async function sendUntilStopped(
  context: TestContext,
  topic: string,
  notes: { readonly prefix: string; readonly attempted: Set<string>; readonly answered: Map<string, Receipt> },
): Promise<void> {
  const producer = context.as(notes.prefix);
  for (const body of bodies(40, notes.prefix)) {
    notes.attempted.add(body);
    try {
      notes.answered.set(body, await producer.send(topic, { body }));
    } catch {
      return;
    }
  }
}
