/** Subject: what readers see of transactions that are open, committed and aborted. */
import type { FetchResult } from '../../contract/broker.ts';
import type { Transaction } from '../../contract/transaction.ts';
import { atOnce, equal, holds, isSettled, present } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { bodies, drain, offsetOf, readLog, sendAll, texts } from './steps.ts';
import { aborted, committed } from './transactions.ts';

/** So many that a reader needs several answers to pass them. */
const MANY_COUNT = 1500;
const WAIT_MS = 10_000;

export const isolation: readonly ConformanceTest[] = [
  {
    name: 'a reader that asks for committed records only sees none of an open transaction',
    capability: 'transactions',
    uses: ['offsets'],
    run: async (context) => {
      const topic = await context.newTopic();
      const transaction = await context.broker.begin();
      await transaction.send(topic, { body: 'open' });
      const { records } = await context.broker.fetch(topic, { max: 10, isolation: 'read-committed' });
      equal(texts(records), [], 'records while the transaction is open');
      await transaction.commit();
      const after = await context.broker.fetch(topic, { max: 10, isolation: 'read-committed' });
      equal(texts(after.records), ['open'], 'records after the commit');
    },
  },
  {
    name: 'who says nothing reads committed records only',
    capability: 'transactions',
    run: async (context) => {
      const topic = await context.newTopic();
      const transaction = await context.broker.begin();
      await transaction.send(topic, { body: 'open' });
      equal(texts((await context.broker.fetch(topic, { max: 10 })).records), [], 'what a fetch without isolation gets');
      await transaction.abort();
      await sendAll(context.broker, topic, ['after']);
      equal(texts(await readLog(context.broker, topic)), ['after'], 'what it gets after an abort');
    },
  },
  {
    name: 'reading uncommitted shows what is open and what was aborted, and no markers',
    capability: 'transactions',
    run: async (context) => {
      const topic = await context.newTopic();
      await aborted(context.broker, topic, ['aborted']);
      await committed(context.broker, topic, ['committed']);
      const transaction = await context.broker.begin();
      await transaction.send(topic, { body: 'open' });
      // What stands behind it is safe, so it is too, and may be shown.
      await sendAll(context.broker, topic, ['behind']);
      const found = texts(await readLog(context.broker, topic, { isolation: 'read-uncommitted' }));
      equal(found, ['aborted', 'committed', 'open', 'behind'], 'what is read uncommitted');
      equal(texts(await readLog(context.broker, topic)), ['committed'], 'what is read committed');
    },
  },
  {
    name: 'what stands behind an open transaction waits for its end, so that the order of the log is that of reading',
    capability: 'transactions',
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, ['before']);
      const transaction = await context.broker.begin();
      await transaction.send(topic, { body: 'open' });
      await sendAll(context.broker, topic, ['behind']);
      equal(texts(await readLog(context.broker, topic)), ['before'], 'what is fetched meanwhile');
      equal(texts(await drain(context, topic)), ['before'], 'what is received meanwhile');
      await transaction.commit();
      equal(
        texts(await readLog(context.broker, topic, { offset: 1 })),
        ['open', 'behind'],
        'what is fetched afterwards',
      );
      equal(texts(await drain(context, topic)), ['open', 'behind'], 'what is received afterwards');
    },
  },
  {
    name: 'the last stable offset is that of the first record of the first open transaction',
    capability: 'transactions',
    run: seeLastStableOffset,
  },
  {
    name: 'a fetch that waits at the last stable offset wakes when the transaction there is committed',
    capability: 'transactions',
    run: async (context) => {
      const topic = await context.newTopic();
      const transaction = await context.broker.begin();
      await transaction.send(topic, { body: 'open' });
      const { fetched } = await waitAtTheEnd(context, topic);
      equal(await isSettled(fetched), false, 'a fetch while the transaction is open has an answer');
      await transaction.commit();
      equal(texts((await atOnce(fetched, 'the fetch')).records), ['open'], 'what the fetch gets');
    },
  },
  {
    name: 'a receive that waits wakes when a transaction is committed, and when one is aborted before what it wants',
    capability: 'transactions',
    run: async (context) => {
      const topic = await context.newTopic();
      for (const end of ['commit', 'abort'] as const) {
        const transaction = await context.broker.begin();
        await transaction.send(topic, { body: 'open' });
        const received = context.broker.receive(topic, { waitMs: context.clock === 'virtual' ? WAIT_MS : 1000 });
        await context.untilWaiting(topic, 1);
        await sendAll(context.broker, topic, ['behind']);
        equal(await isSettled(received), false, 'a receive while the transaction is open has an answer');
        await transaction[end]();
        const deliveries = await atOnce(received, 'the receive');
        await context.finish(deliveries);
        equal(texts(deliveries), [end === 'commit' ? 'open' : 'behind'], `what the receive gets after the ${end}`);
        await drain(context, topic);
      }
    },
  },
  {
    name: 'a fetch that waits goes on behind a transaction that is aborted',
    capability: 'transactions',
    run: async (context) => {
      const topic = await context.newTopic();
      const transaction = await context.broker.begin();
      await transaction.send(topic, { body: 'open' });
      await sendAll(context.broker, topic, ['behind']);
      const { fetched } = await waitAtTheEnd(context, topic);
      await transaction.abort();
      let result = await atOnce(fetched, 'the fetch');
      // An answer may say only where to go on.
      if (result.records.length === 0) result = await context.broker.fetch(topic, { offset: result.nextOffset });
      equal(texts(result.records), ['behind'], 'what the fetch gets');
    },
  },
  {
    name: 'aborted records are passed over, one by one and many, and hold nobody up',
    capability: 'transactions',
    uses: ['batch'],
    run: passOverAborted,
  },
  {
    name: 'a group that has finished everything it can get has no lag, whatever was aborted',
    capability: 'transactions',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, ['a']);
      await aborted(context.broker, topic, bodies(3, 'never'));
      await committed(context.broker, topic, ['b']);
      await aborted(context.broker, topic, bodies(3, 'never'));
      equal(texts(await drain(context, topic, { group: 'g' })), ['a', 'b'], 'what is received');
      const group = present((await context.describe(topic)).groups[0], 'the group');
      equal([group.lag, group.availableCount, group.inFlightCount], [0, 0, 0], 'lag, availableCount, inFlightCount');
    },
  },
  {
    name: 'a description counts the open transactions that wrote to a topic',
    capability: 'transactions',
    run: async (context) => {
      const [topic, other] = [await context.newTopic(), await context.newTopic()];
      const open = [await context.broker.begin(), await context.broker.begin()];
      for (const transaction of open) await transaction.send(topic, { body: 'a' });
      await open[0]?.send(other, { body: 'a' });
      const counts = async () =>
        [topic, other].map(async (name) => (await context.describe(name)).openTransactionCount);
      equal(await Promise.all(await counts()), [2, 1], 'openTransactionCount of the two topics');
      await open[0]?.commit();
      equal(await Promise.all(await counts()), [1, 0], 'openTransactionCount after one ended');
      await open[1]?.abort();
      equal(await Promise.all(await counts()), [0, 0], 'openTransactionCount after both ended');
    },
  },
  {
    name: 'browsing shows nothing of a transaction that is open or was aborted',
    capability: 'transactions',
    uses: ['browse'],
    run: async (context) => {
      const topic = await context.newTopic();
      await aborted(context.broker, topic, ['never']);
      await sendAll(context.broker, topic, ['a']);
      const transaction = await context.broker.begin();
      await transaction.send(topic, { body: 'open' });
      await context.broker.createGroup(topic, 'g');
      const browse = async () => texts(await context.broker.browse(topic, { group: 'g', max: 10 }));
      equal(await browse(), ['a'], 'what is browsed while it is open');
      await transaction.commit();
      equal(await browse(), ['a', 'open'], 'what is browsed after its commit');
    },
  },
  {
    name: 'subscribers are pushed what was committed, when it is',
    capability: 'transactions',
    uses: ['push'],
    run: async (context) => {
      const topic = await context.newTopic();
      const pushed: string[] = [];
      const subscription = await context.broker.subscribe(topic, { creditMax: 10 }, (delivery) => {
        pushed.push(...texts([delivery]));
      });
      await aborted(context.broker, topic, ['never']);
      const transaction = await context.broker.begin();
      await transaction.send(topic, { body: 'open' });
      await context.pass(20);
      equal(pushed, [], 'what is pushed while the transaction is open');
      await transaction.commit();
      await context.pass(20);
      equal(pushed, ['open'], 'what is pushed after its commit');
      await subscription.close();
    },
  },
];

async function seeLastStableOffset(context: TestContext): Promise<void> {
  const topic = await context.newTopic();
  const look = async (): Promise<(number | undefined)[]> => {
    const { lastStableOffset, highWatermark } = await context.broker.fetch(topic);
    const description = await context.describe(topic);
    equal(description.lastStableOffset, lastStableOffset, 'lastStableOffset of the description, and of a fetch');
    equal(description.logEndOffset, highWatermark, 'logEndOffset, and highWatermark of a fetch');
    return [lastStableOffset, highWatermark];
  };
  equal(await look(), [0, 0], 'lastStableOffset and highWatermark of an empty topic');
  await sendAll(context.broker, topic, bodies(2));
  const [first, second] = [await context.broker.begin(), await context.broker.begin()];
  await sendIn(first, topic, 2);
  await sendIn(second, topic, 3);
  await sendIn(first, topic, 4);
  await sendAll(context.broker, topic, ['plain']);
  equal(await look(), [2, 6], 'with two open transactions from 2 and from 3 on');
  await second.commit();
  const [stable] = await look();
  equal(stable, 2, 'lastStableOffset when the second one is committed');
  equal(texts(await readLog(context.broker, topic)), bodies(2), 'what is read then');
  await first.abort();
  const [end, highWatermark] = await look();
  equal(end, highWatermark, 'lastStableOffset when both ended, and highWatermark');
  equal(texts(await readLog(context.broker, topic)), ['m-0', 'm-1', 't-3', 'plain'], 'what is read then');
}

/** Sends a message that says at which offset it has to stand. */
async function sendIn(transaction: Transaction, topic: string, offset: number): Promise<void> {
  equal(offsetOf(await transaction.send(topic, { body: `t-${offset}` })), offset, 'the offset on the receipt');
}

async function waitAtTheEnd(context: TestContext, topic: string): Promise<{ readonly fetched: Promise<FetchResult> }> {
  const waitMs = context.clock === 'virtual' ? WAIT_MS : 1000;
  const fetched = context.broker.fetch(topic, { max: 10, waitMs });
  fetched.catch(() => undefined);
  await context.untilWaiting(topic, 1);
  return { fetched };
}

async function passOverAborted(context: TestContext): Promise<void> {
  const topic = await context.newTopic();
  const expected: string[] = [];
  for (const count of [1, 2, MANY_COUNT, 0]) {
    await sendAll(context.broker, topic, [`before-${count}`]);
    expected.push(`before-${count}`);
    const transaction = await context.broker.begin();
    const messages = bodies(count, 'never').map((body) => ({ body }));
    if (messages.length > 0) await transaction.sendBatch(topic, messages);
    await transaction.abort();
  }
  for (const max of [1, 3, 1000]) {
    equal(texts(await readLog(context.broker, topic, { max })), expected, `what is fetched, ${max} at a time`);
    const received = await drain(context, topic, context.has('groups') ? { group: `g-${max}`, max } : { max });
    equal(texts(received), expected, `what is received, ${max} at a time`);
  }
  const inTheMiddle = await context.broker.fetch(topic, { offset: 10, max: 10, waitMs: 1000 });
  const next = inTheMiddle.records[0] ?? (await readLog(context.broker, topic, { offset: inTheMiddle.nextOffset }))[0];
  holds(next !== undefined, 'a record behind the aborted ones', inTheMiddle);
  equal(texts([next]), ['before-0'], 'what a reader gets that begins among aborted records');
}
