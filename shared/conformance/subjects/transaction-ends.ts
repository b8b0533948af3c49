/** Subject: how a transaction ends, once and for good, and what its limits are. */
import type { BeginOptions, Transaction } from '../../contract/transaction.ts';
import { atOnce, equal, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { abortable, drain, readLog, receiveOne, sendAll, texts } from './steps.ts';

/** So short that a real clock may wait for it. */
const SHORT_MS = 300;

export const transactionEnds: readonly ConformanceTest[] = [
  {
    name: 'a transaction that has ended takes nothing more',
    capability: 'transactions',
    uses: ['lease', 'batch', 'offsets'],
    run: async (context) => {
      for (const [end, outcome] of [
        ['commit', 'committed'],
        ['abort', 'aborted'],
      ] as const) {
        const topic = await context.newTopic();
        await sendAll(context.broker, topic, ['a']);
        const transaction = await context.broker.begin();
        await transaction.send(topic, { body: 'b' });
        await transaction[end]();
        for (const [name, call] of await callsOf(context, transaction, topic)) {
          const { details } = await refused(call, 'MQ_TRANSACTION_ENDED', `${name} after the ${end}`);
          equal(details.outcome, outcome, `details.outcome of ${name} after the ${end}`);
        }
        await context.broker.leave(topic, { group: 'g', memberId: 'm' });
        const expected = end === 'commit' ? ['a', 'b'] : ['a'];
        equal(texts(await drain(context, topic, { group: 'g' })), expected, `what the topic has after the ${end}`);
      }
    },
  },
  {
    name: 'of a commit and an abort at once one holds, and the other is told which',
    capability: 'transactions',
    run: async (context) => {
      const topic = await context.newTopic();
      const expected: string[] = [];
      for (let round = 0; round < 6; round += 1) {
        const transaction = await context.broker.begin();
        await transaction.send(topic, { body: `t-${round}` });
        const ends = round % 2 === 0 ? (['commit', 'abort'] as const) : (['abort', 'commit'] as const);
        const results = await Promise.allSettled(ends.map((end) => transaction[end]()));
        const held = ends.filter((_, index) => results[index]?.status === 'fulfilled');
        equal(held.length, 1, 'of a commit and an abort, how many succeeded');
        const lost = ends.filter((end) => end !== held[0]).map((end) => transaction[end]());
        const outcome = held[0] === 'commit' ? 'committed' : 'aborted';
        for (const call of lost) {
          equal(
            (await refused(call, 'MQ_TRANSACTION_ENDED', 'the other one')).details.outcome,
            outcome,
            'details.outcome',
          );
        }
        if (held[0] === 'commit') expected.push(`t-${round}`);
      }
      equal(texts(await drain(context, topic)), expected, 'what the topic has');
    },
  },
  {
    name: 'a transaction that stays open too long is aborted, and its late commit is refused',
    capability: 'transactions',
    run: async (context) => {
      const topic = await context.newTopic();
      const transaction = await context.broker.begin({ timeoutMs: SHORT_MS });
      await transaction.send(topic, { body: 'never' });
      await sendAll(context.broker, topic, ['behind']);
      const received = context.broker.receive(topic, { waitMs: 1000 });
      received.catch(() => undefined);
      await context.untilWaiting(topic, 1);
      await context.pass(SHORT_MS);
      const deliveries = await atOnce(received, 'the receive');
      await context.finish(deliveries);
      equal(texts(deliveries), ['behind'], 'what who waited for the end gets');
      const { details } = await refused(transaction.commit(), 'MQ_TRANSACTION_ENDED', 'the late commit');
      equal(details.outcome, 'aborted', 'details.outcome of the late commit');
      await refused(transaction.send(topic, { body: 'late' }), 'MQ_TRANSACTION_ENDED', 'a late send');
      equal(texts(await readLog(context.broker, topic)), ['behind'], 'what the topic has');
    },
  },
  {
    name: 'a transaction may be committed until its time is up, to the millisecond, however much was done in it',
    capability: 'transactions',
    needs: ['virtual-clock'],
    run: async (context) => {
      const topic = await context.newTopic();
      for (const [timeoutMs, options] of [
        [5000, { timeoutMs: 5000 }],
        [60_000, {}],
      ] as const) {
        const [quick, slow] = [await context.broker.begin(options), await context.broker.begin(options)];
        for (const transaction of [quick, slow]) await transaction.send(topic, { body: `${timeoutMs}` });
        await context.pass(timeoutMs / 2);
        await slow.send(topic, { body: 'again' });
        await context.pass(timeoutMs / 2 - 1);
        await quick.commit();
        await context.pass(1);
        await refused(slow.commit(), 'MQ_TRANSACTION_ENDED', `a commit after ${timeoutMs} ms`);
      }
      equal(texts(await drain(context, topic)), ['5000', '60000'], 'what the topic has');
    },
  },
  {
    name: 'a transaction is found by its id, by anybody, and told how it ended when it has',
    capability: 'transactions',
    run: async (context) => {
      const topic = await context.newTopic();
      const [first, second] = [await context.broker.begin(), await context.broker.begin()];
      for (const transaction of [first, second]) await transaction.send(topic, { body: transaction.id });
      const found = await context.as('another').findTransaction(first.id);
      equal(found.id, first.id, 'the id of the transaction that was found');
      await found.send(topic, { body: 'also' });
      await found.commit();
      await second.abort();
      for (const [{ id }, outcome] of [
        [first, 'committed'],
        [second, 'aborted'],
      ] as const) {
        const { details } = await refused(
          context.broker.findTransaction(id),
          'MQ_TRANSACTION_ENDED',
          'finding an ended one',
        );
        equal(details.outcome, outcome, 'details.outcome of finding it');
      }
      await refused(first.send(topic, { body: 'late' }), 'MQ_TRANSACTION_ENDED', 'a send by who began it');
      equal(texts(await drain(context, topic)), [first.id, 'also'], 'what the topic has');
    },
  },
  {
    name: 'an id that no transaction has is refused',
    capability: 'transactions',
    run: async (context) => {
      const { id } = await context.broker.begin();
      for (const unknown of ['nobody', `${id}0`, `x${id}`, `${id}-${id}`]) {
        const codes = ['MQ_UNKNOWN_TRANSACTION', 'MQ_INVALID_ARGUMENT'] as const;
        await refused(context.broker.findTransaction(unknown), codes, `finding ${JSON.stringify(unknown)}`);
      }
      for (const wrong of [undefined, null, 7, '']) {
        const call = context.broker.findTransaction(wrong as string);
        await refused(call, ['MQ_INVALID_ARGUMENT', 'MQ_UNKNOWN_TRANSACTION', 'MQ_NOT_FOUND'], 'finding what is no id');
      }
      await (await context.broker.findTransaction(id)).abort();
    },
  },
  {
    name: 'begin takes only what it knows, and times within the limit',
    capability: 'transactions',
    run: async ({ broker }) => {
      const { transactionMsMax } = broker.limits;
      const wrong = [{ timeoutMs: 0 }, { timeoutMs: transactionMsMax + 1 }, { timeoutMs: 1.5 }, { timeOut: 5 }];
      for (const options of [...wrong, { transactionalId: '' }, { transactionalId: 7 }, { timeoutMs: '5' }, 'x']) {
        const call = broker.begin(options as BeginOptions);
        await refused(call, 'MQ_INVALID_ARGUMENT', `begin(${JSON.stringify(options)})`);
      }
      await refused(broker.begin({ signal: aborted() }), 'MQ_ABORTED', 'begin with an aborted signal');
      await (await broker.begin({ timeoutMs: transactionMsMax })).abort();
    },
  },
  {
    name: 'a broker has a limit of open transactions, and the end of one makes room for another',
    capability: 'transactions',
    needs: ['broker-options'],
    run: async (context) => {
      const broker = await context.openBroker({ limits: { transactionsCountMax: 2 } });
      const open = [await broker.begin(), await broker.begin()];
      await refused(broker.begin(), 'MQ_LIMIT_EXCEEDED', 'a third one');
      await open[0]?.commit();
      const third = await broker.begin();
      await refused(broker.begin(), 'MQ_LIMIT_EXCEEDED', 'a fourth one');
      await Promise.all([third.abort(), open[1]?.abort()]);
    },
  },
  {
    name: 'a transaction has a limit of what it does, and can be ended when it is reached',
    capability: 'transactions',
    uses: ['lease', 'offsets'],
    needs: ['broker-options'],
    run: async (context) => {
      const broker = await context.openBroker({ limits: { transactionOperationsMax: 3 } });
      const topic = context.topicName();
      for (const end of ['commit', 'abort'] as const) {
        const transaction = await broker.begin();
        for (const body of ['a', 'b', 'c']) await transaction.send(topic, { body: `${end}-${body}` });
        await refused(transaction.send(topic, { body: 'd' }), 'MQ_LIMIT_EXCEEDED', 'a fourth send');
        const position = transaction.commitOffset(topic, { group: 'log', offset: 0 });
        await refused(position, 'MQ_LIMIT_EXCEEDED', 'a position beyond the limit');
        await transaction[end]();
      }
      equal(texts(await readLog(broker, topic)), ['commit-a', 'commit-b', 'commit-c'], 'what the topic has');
    },
  },
  {
    name: 'a producer in an open transaction is not forgotten, however many others there are',
    capability: 'transactions',
    uses: ['idempotence'],
    needs: ['broker-options'],
    run: async (context) => {
      const broker = await context.openBroker({ limits: { producersCountMax: 2 } });
      const topic = context.topicName();
      const transaction = await broker.begin();
      await transaction.send(topic, { body: 't-0' });
      for (let count = 0; count < 5; count += 1) {
        const producer = { ...(await broker.openProducer()), sequence: 0 };
        await broker.send(topic, { body: `p-${count}` }, { producer });
      }
      await transaction.send(topic, { body: 't-1' });
      await transaction.commit();
      const expected = ['t-0', 'p-0', 'p-1', 'p-2', 'p-3', 'p-4', 't-1'];
      equal(texts(await readLog(broker, topic)), expected, 'what the topic has');
    },
  },
];

/** Every call of a transaction, made. */
async function callsOf(
  context: TestContext,
  transaction: Transaction,
  topic: string,
): Promise<(readonly [string, Promise<unknown>])[]> {
  const delivery = await receiveOne(context.broker, topic, { group: 'g', memberId: 'm' });
  const calls = [
    ['send', transaction.send(topic, { body: 'late' })],
    ['sendBatch', transaction.sendBatch(topic, [{ body: 'late' }])],
    ['ack', transaction.ack([delivery])],
    ['commitOffset', transaction.commitOffset(topic, { group: 'log', offset: 1 })],
    ['commit', transaction.commit()],
    ['abort', transaction.abort()],
  ] as const;
  for (const [, call] of calls) call.catch(() => undefined);
  return [...calls];
}

function aborted(): AbortSignal {
  const { signal, abort } = abortable();
  abort();
  return signal;
}
