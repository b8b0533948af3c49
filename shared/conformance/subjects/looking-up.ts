/** Subject: finding messages by key, and topics for replies. */
import { CORRELATION_ID_HEADER, type LookupOptions, REPLY_TO_HEADER } from '../../contract/filter.ts';
import { DEFAULTS } from '../../contract/limits.ts';
import type { StoredRecord } from '../../contract/message.ts';
import { atOnce, equal, holds, present, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { bodies, drain, receiveOne, texts } from './steps.ts';

/** More than one answer to a lookup goes through. */
const MANY_COUNT = 3000;
const PAGES_MAX = 200;

export const lookingUp: readonly ConformanceTest[] = [
  {
    name: 'a lookup finds the messages with a key, in order, whoever has finished them',
    capability: 'filters',
    run: async (context) => {
      const topic = await context.newTopic();
      for (const [body, key] of [
        ['a', 'k'],
        ['b', 'l'],
        ['c', 'k'],
        ['d', undefined],
        ['e', 'K'],
      ] as const) {
        await context.broker.send(topic, key === undefined ? { body } : { body, key });
      }
      await drain(context, topic);
      equal(texts(await lookUp(context, topic, { key: 'k' })), ['a', 'c'], 'what has the key k');
      equal(texts(await lookUp(context, topic, { key: 'K' })), ['e'], 'what has the key K');
      equal(await lookUp(context, topic, { key: 'nobody' }), [], 'what has a key nobody sent');
    },
  },
  {
    name: 'a lookup goes on where its answer says, until there is nothing more',
    capability: 'filters',
    uses: ['batch'],
    run: async (context) => {
      const topic = await context.newTopic();
      const messages = bodies(MANY_COUNT).map((body, index) => ({ body, key: index % 500 === 0 ? 'rare' : 'common' }));
      await context.broker.sendBatch(topic, messages);
      const expected = ['m-0', 'm-500', 'm-1000', 'm-1500', 'm-2000', 'm-2500'];
      for (const max of [1, 4, 100]) {
        equal(texts(await lookUp(context, topic, { key: 'rare', max })), expected, `what is found, ${max} at a time`);
      }
      const from = await lookUp(context, topic, { key: 'rare', offset: 501, max: 2 });
      equal(texts(from), expected.slice(2), 'what is found from offset 501 on');
    },
  },
  {
    name: 'a lookup without a partition looks into that of its key, with one into that',
    capability: 'filters',
    uses: ['partitions'],
    run: async (context) => {
      const topic = await context.newTopic({ partitionCount: 4 });
      const { partition } = await context.broker.send(topic, { body: 'by key', key: 'k' });
      const elsewhere = (partition + 1) % 4;
      await context.broker.send(topic, { body: 'elsewhere', key: 'k' }, { partition: elsewhere });
      const found = await context.broker.lookup(topic, { key: 'k', max: 10 });
      equal([found.partition, texts(found.records)[0]], [partition, 'by key'] as unknown, 'partition and body');
      equal(texts(await lookUp(context, topic, { key: 'k', partition: elsewhere })), ['elsewhere'], 'in the other one');
    },
  },
  {
    name: 'a lookup shows of transactions only what was committed',
    capability: 'filters',
    uses: ['transactions'],
    run: async (context) => {
      const topic = await context.newTopic();
      const [gone, open] = [await context.broker.begin(), await context.broker.begin()];
      await context.broker.send(topic, { body: 'plain', key: 'k' });
      await gone.send(topic, { body: 'never', key: 'k' });
      await open.send(topic, { body: 'open', key: 'k' });
      await gone.abort();
      equal(texts(await lookUp(context, topic, { key: 'k' })), ['plain'], 'what is found while one is open');
      await open.commit();
      equal(texts(await lookUp(context, topic, { key: 'k' })), ['plain', 'open'], 'what is found after its commit');
    },
  },
  {
    name: 'a lookup takes only what it knows, and finds nothing where no topic is',
    capability: 'filters',
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'a', key: 'k' });
      const wrong = [
        {},
        { key: 7 },
        { key: 'k', max: 0 },
        { key: 'k', offset: -1 },
        { key: 'k', offfset: 1 },
        { key: 'k', partition: 9 },
      ];
      for (const options of wrong) {
        const call = context.broker.lookup(topic, options as LookupOptions);
        const codes = ['MQ_INVALID_ARGUMENT', 'MQ_OFFSET_OUT_OF_RANGE'] as const;
        await refused(call, codes, `lookup with ${JSON.stringify(options)}`);
      }
      const nowhere = context.broker.lookup(context.topicName(), { key: 'k' });
      await refused(nowhere, 'MQ_UNKNOWN_TOPIC', 'a lookup in a topic that does not exist');
    },
  },
  {
    name: 'a temporary topic takes messages from anybody and gives them to who made it',
    capability: 'filters',
    run: async (context) => {
      const [first, second] = [
        await context.broker.createTemporaryTopic(),
        await context.broker.createTemporaryTopic(),
      ];
      holds(first.startsWith('$temp/') && first !== second, 'two names that begin with $temp/', [first, second]);
      for (const body of bodies(3)) await context.as('another').send(first, { body });
      equal(texts(await drain(context, first)), bodies(3), 'what the first is given');
      equal(await context.broker.receive(second), [], 'what the second is given');
      for (const topic of [first, second]) await context.broker.deleteTopic(topic);
      await refused(context.broker.send(first, { body: 'late' }), 'MQ_UNKNOWN_TOPIC', 'a send when it is gone');
    },
  },
  {
    name: 'nobody makes a temporary topic by its name',
    capability: 'filters',
    run: async (context) => {
      const real = await context.broker.createTemporaryTopic();
      const invented = `${real}x`;
      await refused(context.broker.createTopic(invented), 'MQ_INVALID_ARGUMENT', 'createTopic');
      const codes = ['MQ_UNKNOWN_TOPIC', 'MQ_INVALID_ARGUMENT'] as const;
      await refused(context.broker.send(invented, { body: 'a' }), codes, 'a send to one that does not exist');
      await refused(context.broker.receive(invented), codes, 'a receive from one that does not exist');
      await context.broker.deleteTopic(real);
    },
  },
  {
    name: 'a temporary topic that nobody uses is gone after a while, one that is used stays',
    capability: 'filters',
    needs: ['virtual-clock'],
    run: async (context) => {
      const [idle, used] = [await context.broker.createTemporaryTopic(), await context.broker.createTemporaryTopic()];
      for (let step = 0; step < 4; step += 1) {
        await context.pass(DEFAULTS.memberTimeoutMs / 2);
        await context.broker.send(used, { body: `m-${step}` });
      }
      equal(texts(await drain(context, used)), bodies(4), 'what the one that is used has');
      await refused(context.broker.send(idle, { body: 'late' }), 'MQ_UNKNOWN_TOPIC', 'a send to the idle one');
      const waiting = context.broker.receive(used, { waitMs: 60_000 });
      await context.untilWaiting(used, 1);
      await context.pass(2 * DEFAULTS.memberTimeoutMs - 1);
      await context.broker.send(used, { body: 'while somebody waits' });
      equal(texts(await atOnce(waiting, 'the receive')), ['while somebody waits'], 'what who waits is given');
    },
  },
  {
    name: 'a restart ends temporary topics',
    capability: 'filters',
    uses: ['durable'],
    needs: ['restart'],
    run: async (context) => {
      const topic = await context.broker.createTemporaryTopic();
      await context.broker.send(topic, { body: 'a' });
      await context.restart();
      await refused(context.broker.send(topic, { body: 'late' }), 'MQ_UNKNOWN_TOPIC', 'a send after the restart');
      const names = (await context.broker.describeTopics()).map((each) => each.topic);
      equal(
        names.filter((name) => name.startsWith('$temp/')),
        [],
        'temporary topics after the restart',
      );
      holds((await context.broker.createTemporaryTopic()) !== topic, 'another name after the restart', topic);
    },
  },
  {
    name: 'a question finds its answer by the topic to reply to and the correlation id',
    capability: 'filters',
    uses: ['lease'],
    run: askAndReply,
  },
];

async function askAndReply(context: TestContext): Promise<void> {
  const questions = await context.newTopic();
  const [client, service] = [context.as('client'), context.as('service')];
  const replies = await client.createTemporaryTopic();
  for (const id of ['q-1', 'q-2']) {
    const headers = { [REPLY_TO_HEADER]: replies, [CORRELATION_ID_HEADER]: id };
    await client.send(questions, { body: `question ${id}`, headers });
  }
  for (const _ of ['q-1', 'q-2']) {
    const question = await receiveOne(service, questions);
    const replyTo = present(question.headers[REPLY_TO_HEADER], 'the topic to reply to');
    const correlationId = present(question.headers[CORRELATION_ID_HEADER], 'the correlation id');
    await service.send(replyTo, {
      body: `answer to ${texts([question])[0]}`,
      headers: { [CORRELATION_ID_HEADER]: correlationId },
    });
    await service.ack([question]);
  }
  const filter = { selector: `JMSCorrelationID = 'q-2'` };
  const second = await receiveOne(client, replies, { filter });
  equal(texts([second]), ['answer to question q-2'], 'the answer to the second question');
  equal(texts(await drain(context, replies)), ['answer to question q-1'], 'the other answer');
  await client.deleteTopic(replies);
}

/** All pages of a lookup. */
async function lookUp(context: TestContext, topic: string, options: LookupOptions): Promise<StoredRecord[]> {
  const found: StoredRecord[] = [];
  let offset = options.offset;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const where = offset === undefined ? {} : { offset };
    const { records, nextOffset } = await context.broker.lookup(topic, { max: 10, ...options, ...where });
    holds(records.length <= (options.max ?? 10), `at most ${options.max ?? 10} records`, records.length);
    found.push(...records);
    if (nextOffset === null) return found;
    holds(nextOffset > (offset ?? -1), `a nextOffset above ${offset ?? -1}`, nextOffset);
    offset = nextOffset;
  }
  holds(false, `an end within ${PAGES_MAX} pages`, `${found.length} records so far`);
}
