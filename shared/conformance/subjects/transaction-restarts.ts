/** Subject: transactions when the broker stops without warning: all of what was committed, nothing of the rest. */
import { isMqError } from '../../contract/errors.ts';
import { awaitedLater, equal, holds, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { drain, forAWhile, readLog, receiveOne, roundsOf, sendAll, texts } from './steps.ts';

/** Restarts in the middle of a commit, each at another moment. */
const ROUNDS_COUNT = 24;
/** So short that a real clock may wait for its end in each of a few rounds. */
const LEASE_MS = 250;

export const transactionRestarts: readonly ConformanceTest[] = [
  {
    name: 'a restart keeps all of what was committed: messages in every topic, acks and positions',
    capability: 'transactions',
    uses: ['durable', 'lease'],
    needs: ['restart'],
    run: async (context) => {
      const [input, first, second] = [await context.newTopic(), await context.newTopic(), await context.newTopic()];
      await sendAll(context.broker, input, ['in']);
      const transaction = await context.broker.begin();
      for (const topic of [first, second]) await transaction.send(topic, { body: 'out' });
      await transaction.ack([await receiveOne(context.broker, input, { group: 'g', leaseMs: LEASE_MS })]);
      await transaction.commitOffset(input, { group: 'log', offset: 1 });
      await transaction.commit();
      for (const isClosedFirst of [false, true]) {
        await context.restart({ isClosedFirst });
        for (const topic of [first, second]) equal(texts(await readLog(context.broker, topic)), ['out'], 'a topic');
        equal(await context.broker.committed(input, { group: 'log' }), 1, 'the position of the log group');
        await context.pass(LEASE_MS + 1);
        equal(await context.broker.receive(input, { group: 'g' }), [], 'what the queue group still gets');
      }
    },
  },
  {
    name: 'a restart aborts what was open: its messages are never seen, what it acknowledged comes again',
    capability: 'transactions',
    uses: ['durable', 'lease'],
    needs: ['restart'],
    run: (context) => abortByRestart(context, { isClosedFirst: false }),
  },
  {
    name: 'closing a broker aborts what was open',
    capability: 'transactions',
    uses: ['durable', 'lease'],
    needs: ['restart'],
    run: (context) => abortByRestart(context, { isClosedFirst: true }),
  },
  {
    name: 'what was aborted stays so after a restart, and holds no reader up',
    capability: 'transactions',
    uses: ['durable'],
    needs: ['restart'],
    run: async (context) => {
      const topic = await context.newTopic();
      for (const end of ['abort', 'commit', 'abort'] as const) {
        const transaction = await context.broker.begin();
        await transaction.send(topic, { body: end });
        await transaction[end]();
      }
      await sendAll(context.broker, topic, ['last']);
      for (const isClosedFirst of [false, true]) {
        await context.restart({ isClosedFirst });
        equal(texts(await readLog(context.broker, topic)), ['commit', 'last'], 'what is fetched');
      }
      equal(texts(await drain(context, topic)), ['commit', 'last'], 'what is received');
    },
  },
  {
    name: 'a commit that was under way when the broker stopped took effect in every topic or in none, acks and all',
    capability: 'transactions',
    uses: ['durable', 'lease', 'dead-letter'],
    needs: ['restart'],
    run: stopDuringCommit,
  },
  {
    name: 'a commit in one partition that was under way when the broker stopped took effect or did not, and stays so',
    capability: 'transactions',
    uses: ['durable'],
    needs: ['restart'],
    run: async (context) => {
      const topic = await context.newTopic();
      const expected: string[] = [];
      for (let round = 0; round < roundsOf(context, ROUNDS_COUNT); round += 1) {
        const transaction = await context.broker.begin();
        for (const part of ['a', 'b']) await transaction.send(topic, { body: `t-${round}-${part}` });
        let isAnswered = false;
        void awaitedLater(
          transaction.commit().then(() => {
            isAnswered = true;
          }),
        );
        await forAWhile(context);
        const mustBeThere = isAnswered;
        await context.restart();
        const found = texts(await readLog(context.broker, topic));
        const isThere = found.length > expected.length;
        if (isThere || mustBeThere) expected.push(`t-${round}-a`, `t-${round}-b`);
        equal(found, expected, 'what was committed and answered, and of the others some whole and some not at all');
      }
    },
  },
  {
    name: 'after a restart a transaction is told how it ended, or is not known any more, and cannot be ended otherwise',
    capability: 'transactions',
    uses: ['durable'],
    needs: ['restart'],
    run: async (context) => {
      const topic = await context.newTopic();
      const [done, open] = [await context.broker.begin(), await context.broker.begin()];
      for (const transaction of [done, open]) await transaction.send(topic, { body: transaction.id });
      await done.commit();
      await context.restart();
      for (const [{ id }, outcome] of [
        [done, 'committed'],
        [open, 'aborted'],
      ] as const) {
        const codes = ['MQ_TRANSACTION_ENDED', 'MQ_UNKNOWN_TRANSACTION'] as const;
        const error = await refused(context.broker.findTransaction(id), codes, 'finding a transaction of before');
        if (isMqError(error, 'MQ_TRANSACTION_ENDED')) equal(error.details.outcome, outcome, 'details.outcome');
      }
      const next = await context.broker.begin();
      await next.send(topic, { body: 'next' });
      holds(![done.id, open.id].includes(next.id), 'an id that no transaction had before the restart', next.id);
      await next.commit();
      equal(texts(await readLog(context.broker, topic)), [done.id, 'next'], 'what the topic has');
    },
  },
  {
    name: 'a name of transactions is kept by a restart: its owner goes on, and the one before stays fenced off',
    capability: 'transactions',
    uses: ['durable'],
    needs: ['restart'],
    run: async (context) => {
      const topic = await context.newTopic();
      const transactionalId = context.topicName();
      for (let round = 0; round < 3; round += 1) {
        const left = await context.broker.begin({ transactionalId });
        await left.send(topic, { body: `left-${round}` });
        await context.restart();
        const transaction = await context.broker.begin({ transactionalId });
        await transaction.send(topic, { body: `t-${round}` });
        holds(transaction.id !== left.id, 'another id after the restart', transaction.id);
        await transaction.commit();
      }
      equal(texts(await readLog(context.broker, topic)), ['t-0', 't-1', 't-2'], 'what the topic has');
    },
  },
];

async function abortByRestart(context: TestContext, how: { readonly isClosedFirst: boolean }): Promise<void> {
  const [input, output] = [await context.newTopic(), await context.newTopic()];
  await context.broker.createGroup(input, 'g');
  await sendAll(context.broker, input, ['in']);
  const transaction = await context.broker.begin();
  await transaction.send(output, { body: 'never' });
  await transaction.ack([await receiveOne(context.broker, input, { group: 'g', leaseMs: LEASE_MS })]);
  await transaction.commitOffset(input, { group: 'log', offset: 1 });
  await sendAll(context.broker, output, ['behind']);
  await context.restart(how);
  await context.pass(LEASE_MS + 1);
  equal(texts(await readLog(context.broker, output)), ['behind'], 'what the output has');
  equal(texts(await drain(context, output)), ['behind'], 'what is received from it');
  equal((await context.describe(output)).openTransactionCount, 0, 'openTransactionCount of the output');
  const { records, ...ends } = await context.broker.fetch(output, { offset: 0 });
  equal(ends.lastStableOffset, ends.highWatermark, `lastStableOffset and highWatermark, ${records.length} read`);
  const again = await receiveOne(context.broker, input, { group: 'g' });
  await context.broker.ack([again]);
  equal(texts(await drain(context, input, { group: 'g' })), [], 'what the input still has after that');
}

/** What every topic and the group say about a round has to be the same, and what was answered has to be there. */
async function stopDuringCommit(context: TestContext): Promise<void> {
  const [input, ...outputs] = [await context.newTopic(), await context.newTopic(), await context.newTopic()];
  await context.broker.createGroup(input, 'g', { deliveriesMax: 0 });
  const expected: string[] = [];
  for (let round = 0; round < roundsOf(context, ROUNDS_COUNT); round += 1) {
    const body = `t-${round}`;
    await sendAll(context.broker, input, [body]);
    const delivery = await receiveOne(context.broker, input, { group: 'g', leaseMs: LEASE_MS });
    equal(texts([delivery]), [body], 'what the group gets');
    const transaction = await context.broker.begin();
    for (const topic of outputs) await transaction.send(topic, { body });
    await transaction.ack([delivery]);
    let isAnswered = false;
    void awaitedLater(
      transaction.commit().then(() => {
        isAnswered = true;
      }),
    );
    await forAWhile(context);
    const mustBeThere = isAnswered;
    await context.restart();
    await context.pass(LEASE_MS + 1);
    const isThere = texts(await readLog(context.broker, outputs[0] ?? '')).length > expected.length;
    if (isThere || mustBeThere) expected.push(body);
    for (const topic of outputs) {
      equal(texts(await readLog(context.broker, topic)), expected, 'rounds that took effect, by one of the topics');
    }
    const left = texts(await drain(context, input, { group: 'g' }));
    equal(left, expected.includes(body) ? [] : [body], 'what of this round the group gets again');
  }
}
