/** Subject: messages that are kept and that nobody sees until their producer says how its work went. */
import { type HalfMessageOptions, unresolvedTopicOf } from '../../contract/half-message.ts';
import { awaitedLater, equal, holds, present, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { drain, forAWhile, offsetOf, readLog, roundsOf, sendAll, texts } from './steps.ts';

/** Restarts in the middle of a call, each at another moment. */
const ROUNDS_COUNT = 8;
const ENDED = 'MQ_TRANSACTION_ENDED';

export const halfMessages: readonly ConformanceTest[] = [
  {
    name: 'a half message is seen by nobody: not received, not fetched, not browsed, however it is read',
    capability: 'half-message',
    uses: ['browse', 'offsets'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendHalf(context, topic, 'half');
      await sendAll(context.broker, topic, ['plain']);
      for (const isolation of context.has('transactions') ? (['read-committed', 'read-uncommitted'] as const) : []) {
        equal(texts(await readLog(context.broker, topic, { isolation })), ['plain'], `what is fetched ${isolation}`);
      }
      const browsed = texts(await context.broker.browse(topic, { group: 'default', max: 10 }).catch(() => []));
      equal(browsed.includes('half'), false, 'whether the half message is browsed');
      equal(texts(await drain(context, topic)), ['plain'], 'what is received, and holds nothing up');
      equal((await context.describe(topic)).halfCount, 1, 'halfCount of the topic');
    },
  },
  {
    name: 'a half message that is committed becomes a message like any other, once',
    capability: 'half-message',
    run: async (context) => {
      const topic = await context.newTopic();
      const message = { body: 'half', id: 'order-1', key: 'k', headers: { a: 'b' } };
      const half = await context.broker.sendHalf(topic, message, { producerGroup: groupOf(topic) });
      equal([half.topic, half.id], [topic, 'order-1'], 'topic and id on the receipt of the half message');
      await sendAll(context.broker, topic, ['plain']);
      const receipt = present(await end(context, topic, half.halfId, 'commit'), 'the receipt of the message');
      equal([receipt.id, offsetOf(receipt)], ['order-1', 1] as unknown, 'id and offset on the receipt of the message');
      const [, record] = await readLog(context.broker, topic);
      const { id, key, headers } = present(record, 'the record');
      equal([id, key, { ...headers }], ['order-1', 'k', { a: 'b' }] as unknown, 'id, key and headers of the record');
      equal(texts(await drain(context, topic)), ['plain', 'half'], 'what is received');
      equal((await context.describe(topic)).halfCount, 0, 'halfCount of the topic');
    },
  },
  {
    name: 'a half message that is aborted is never delivered',
    capability: 'half-message',
    run: async (context) => {
      const topic = await context.newTopic();
      const halfId = await sendHalf(context, topic, 'half');
      equal(await end(context, topic, halfId, 'abort'), null, 'the answer to the abort');
      equal((await context.describe(topic)).halfCount, 0, 'halfCount of the topic');
      equal(await readLog(context.broker, topic), [], 'what is fetched');
      equal(await drain(context, topic), [], 'what is received');
    },
  },
  {
    name: 'who waits for a message gets a half one when it is committed',
    capability: 'half-message',
    run: async (context) => {
      const topic = await context.newTopic();
      const halfId = await sendHalf(context, topic, 'half');
      const received = context.broker.receive(topic, { waitMs: 1000 });
      received.catch(() => undefined);
      await context.untilWaiting(topic, 1);
      await end(context, topic, halfId, 'commit');
      equal(texts(await received), ['half'], 'what is received');
    },
  },
  {
    name: 'the first answer about a half message holds: repeating it succeeds and does nothing, the other is refused',
    capability: 'half-message',
    run: async (context) => {
      const topic = await context.newTopic();
      const [done, gone] = [await sendHalf(context, topic, 'done'), await sendHalf(context, topic, 'gone')];
      const first = await end(context, topic, done, 'commit');
      equal(
        (await end(context, topic, done, 'commit'))?.offset,
        first?.offset,
        'the offset when the commit is repeated',
      );
      const abort = await refused(end(context, topic, done, 'abort'), ENDED, 'an abort after the commit');
      equal(abort.details.outcome, 'committed', 'details.outcome of it');
      await end(context, topic, gone, 'abort');
      equal(await end(context, topic, gone, 'abort'), null, 'the answer when the abort is repeated');
      const commit = await refused(end(context, topic, gone, 'commit'), ENDED, 'a commit after the abort');
      equal(commit.details.outcome, 'aborted', 'details.outcome of it');
      equal(texts(await drain(context, topic)), ['done'], 'what is received');
    },
  },
  {
    name: 'of two different answers at once about a half message one holds, and the other is refused',
    capability: 'half-message',
    run: async (context) => {
      const topic = await context.newTopic();
      const expected: string[] = [];
      for (let round = 0; round < 6; round += 1) {
        const halfId = await sendHalf(context, topic, `half-${round}`);
        const outcomes = round % 2 === 0 ? (['commit', 'abort'] as const) : (['abort', 'commit'] as const);
        const answers = await Promise.allSettled(outcomes.map((outcome) => end(context, topic, halfId, outcome)));
        const held = outcomes.filter((_, index) => answers[index]?.status === 'fulfilled');
        equal(held.length, 1, 'of a commit and an abort, how many succeeded');
        if (held[0] === 'commit') expected.push(`half-${round}`);
      }
      equal(texts(await drain(context, topic)), expected, 'what is received');
    },
  },
  {
    name: 'one commit five times at once makes one message, and all are answered with it',
    capability: 'half-message',
    run: async (context) => {
      const topic = await context.newTopic();
      const halfId = await sendHalf(context, topic, 'half');
      const answers = await Promise.all([1, 2, 3, 4, 5].map(() => end(context, topic, halfId, 'commit')));
      equal(
        answers.map((receipt) => receipt?.offset),
        [0, 0, 0, 0, 0],
        'the offsets on the receipts',
      );
      equal(texts(await drain(context, topic)), ['half'], 'what is received');
    },
  },
  {
    name: 'an answer that nothing is decided yet changes nothing',
    capability: 'half-message',
    run: async (context) => {
      const topic = await context.newTopic();
      const halfId = await sendHalf(context, topic, 'half');
      for (let time = 0; time < 3; time += 1) equal(await end(context, topic, halfId, 'unknown'), null, 'the answer');
      equal((await context.describe(topic)).halfCount, 1, 'halfCount of the topic');
      await end(context, topic, halfId, 'commit');
      equal(texts(await drain(context, topic)), ['half'], 'what is received after a commit');
    },
  },
  {
    name: 'an id that no half message of the topic has is refused',
    capability: 'half-message',
    run: async (context) => {
      const [topic, other] = [await context.newTopic(), await context.newTopic()];
      const halfId = await sendHalf(context, topic, 'half');
      for (const outcome of ['commit', 'abort', 'unknown'] as const) {
        const stranger = end(context, topic, `${halfId}x`, outcome);
        await refused(stranger, ['MQ_UNKNOWN_TRANSACTION', 'MQ_INVALID_ARGUMENT'], `${outcome} of an unknown id`);
        const elsewhere = end(context, other, halfId, outcome);
        await refused(elsewhere, ['MQ_UNKNOWN_TRANSACTION', 'MQ_INVALID_ARGUMENT'], `${outcome} by another topic`);
      }
      equal((await context.describe(topic)).halfCount, 1, 'halfCount of the topic');
    },
  },
  {
    name: 'a half message is checked like any message, and may not be delayed',
    capability: 'half-message',
    uses: ['delay'],
    run: async (context) => {
      const topic = await context.newTopic();
      const producerGroup = groupOf(topic);
      const { limits } = context.broker;
      const wrong: readonly (readonly [object, object])[] = [
        [{ body: 'a', delayMs: 5 }, { producerGroup }],
        [{ body: 'a', deliverAt: Date.UTC(2100, 0, 1) }, { producerGroup }],
        [{ body: 7 }, { producerGroup }],
        [{ body: 'a' }, {}],
        [{ body: 'a' }, { producerGroup: '' }],
        [{ body: 'a' }, { producerGroup, checkAfterMs: 0 }],
        [{ body: 'a' }, { producerGroup, checkAfterMs: limits.transactionMsMax + 1 }],
        [{ body: 'a' }, { producerGroup, partition: 5 }],
        [{ body: 'a' }, { producerGroup, producergroup: 'b' }],
      ];
      for (const [message, options] of wrong) {
        const call = context.broker.sendHalf(topic, message as { body: string }, options as HalfMessageOptions);
        await refused(call, 'MQ_INVALID_ARGUMENT', `sendHalf with ${JSON.stringify({ ...message, ...options })}`);
      }
      const large = { body: new Uint8Array(limits.bodyBytesMax + 1) };
      await refused(context.broker.sendHalf(topic, large, { producerGroup }), 'MQ_MESSAGE_TOO_LARGE', 'a large one');
      equal((await context.describe(topic)).halfCount, 0, 'halfCount of the topic');
    },
  },
  {
    name: 'a broker has a limit of undecided half messages, and a decision makes room for another',
    capability: 'half-message',
    needs: ['broker-options'],
    run: async (context) => {
      const broker = await context.openBroker({ limits: { halfMessagesCountMax: 2 } });
      const topic = context.topicName();
      const send = () => broker.sendHalf(topic, { body: 'half' }, { producerGroup: 'g' });
      const [first] = [await send(), await send()];
      await refused(send(), 'MQ_LIMIT_EXCEEDED', 'a third one');
      await broker.endHalf(topic, { halfId: present(first, 'a half message').halfId, outcome: 'commit' });
      await send();
      await refused(send(), 'MQ_LIMIT_EXCEEDED', 'a fourth one');
    },
  },
  {
    name: 'half messages and their decisions are kept by a restart',
    capability: 'half-message',
    uses: ['durable'],
    needs: ['restart'],
    run: keepByRestart,
  },
  {
    name: 'a commit of a half message that was under way when the broker stopped made one message, or none yet',
    capability: 'half-message',
    uses: ['durable'],
    needs: ['restart'],
    run: async (context) => {
      const topic = await context.newTopic();
      const expected: string[] = [];
      for (let round = 0; round < roundsOf(context, ROUNDS_COUNT); round += 1) {
        const halfId = await sendHalf(context, topic, `half-${round}`);
        void awaitedLater(end(context, topic, halfId, 'commit'));
        await forAWhile(context);
        await context.restart();
        const before = texts(await readLog(context.broker, topic));
        holds(before.length <= expected.length + 1, 'at most one message more', before);
        // It may have been decided before the stop; then this repeats it.
        const receipt = await end(context, topic, halfId, 'commit');
        expected.push(`half-${round}`);
        equal(receipt?.offset, round, 'the offset when it is committed after the restart');
        equal(texts(await readLog(context.broker, topic)), expected, 'what is stored then');
        await context.restart();
        equal(texts(await readLog(context.broker, topic)), expected, 'what is stored after one more restart');
      }
    },
  },
  {
    name: 'nothing can be sent among the half messages that nobody could answer for',
    capability: 'half-message',
    run: async (context) => {
      const topic = unresolvedTopicOf(await context.newTopic());
      await refused(context.broker.send(topic, { body: 'a' }), 'MQ_INVALID_ARGUMENT', 'a send');
      const half = context.broker.sendHalf(topic, { body: 'a' }, { producerGroup: 'g' });
      await refused(half, 'MQ_INVALID_ARGUMENT', 'a half message');
      await refused(context.broker.createTopic(topic), 'MQ_INVALID_ARGUMENT', 'making the topic');
    },
  },
];

async function keepByRestart(context: TestContext): Promise<void> {
  const topic = await context.newTopic();
  const [open, done, gone] = [
    await sendHalf(context, topic, 'open'),
    await sendHalf(context, topic, 'done'),
    await sendHalf(context, topic, 'gone'),
  ];
  await end(context, topic, done, 'commit');
  await end(context, topic, gone, 'abort');
  for (const isClosedFirst of [false, true]) {
    await context.restart({ isClosedFirst });
    equal(texts(await readLog(context.broker, topic)), ['done'], 'what is stored after the restart');
    equal((await context.describe(topic)).halfCount, 1, 'halfCount after the restart');
    equal((await end(context, topic, done, 'commit'))?.offset, 0, 'the offset when a commit of before is repeated');
    await refused(end(context, topic, gone, 'commit'), ENDED, 'a commit of one that was aborted before');
  }
  await end(context, topic, open, 'commit');
  await context.restart();
  equal(texts(await readLog(context.broker, topic)), ['done', 'open'], 'what is stored in the end');
}

/** Of the test that made the topic, so that no other test is asked about it. */
export function groupOf(topic: string): string {
  return `group of ${topic}`;
}

/** Sends a half message and says its id. */
export async function sendHalf(
  { broker }: Pick<TestContext, 'broker'>,
  topic: string,
  body: string,
  options: Partial<HalfMessageOptions> = {},
): Promise<string> {
  return (await broker.sendHalf(topic, { body }, { producerGroup: groupOf(topic), ...options })).halfId;
}

/** Answers what became of it. */
export function end(
  { broker }: Pick<TestContext, 'broker'>,
  topic: string,
  halfId: string,
  outcome: 'commit' | 'abort' | 'unknown',
): ReturnType<TestContext['broker']['endHalf']> {
  return broker.endHalf(topic, { halfId, outcome });
}
