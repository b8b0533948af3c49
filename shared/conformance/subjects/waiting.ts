/** Subject: a receive that may wait wakes at once, gives up in time, and is served in turn. */
import { atOnce, equal, holds, isSettled, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { abortable, bodies, drain, receiveOne, sendAll, sorted, texts } from './steps.ts';

export const waiting: readonly ConformanceTest[] = [
  {
    name: 'a waiting receive wakes as soon as a message exists',
    capability: 'receive',
    run: async (context) => {
      const topic = await context.newTopic();
      const call = context.as('consumer').receive(topic, { waitMs: 20_000 });
      await context.untilWaiting(topic, 1);
      await context.broker.send(topic, { body: 'a' });
      equal(texts(await atOnce(call, 'the waiting receive, after the send')), ['a'], 'what it received');
    },
  },
  {
    name: 'a receive that waits in vain answers empty when its time is over',
    capability: 'receive',
    run: async (context) => {
      const topic = await context.newTopic();
      const call = context.as('consumer').receive(topic, { waitMs: 300 });
      await context.untilWaiting(topic, 1);
      equal(await isSettled(call), false, 'an answer before the time is over');
      await context.pass(300);
      equal(await atOnce(call, 'the receive, after its waiting time'), [], 'what it received');
      await context.untilWaiting(topic, 0);
    },
  },
  {
    name: 'a receive whose time is over takes no later message with it',
    capability: 'receive',
    run: async (context) => {
      const topic = await context.newTopic();
      const call = context.as('consumer').receive(topic, { waitMs: 100 });
      await context.untilWaiting(topic, 1);
      await context.pass(200);
      equal(await atOnce(call, 'the receive, after its waiting time'), [], 'what it received');
      await context.broker.send(topic, { body: 'later' });
      equal(texts(await drain(context, topic)), ['later'], 'what the next receive gets');
    },
  },
  {
    name: 'receives that wait are served in the order they came',
    capability: 'receive',
    run: async (context) => {
      const topic = await context.newTopic();
      const calls = [];
      for (let count = 1; count <= 3; count += 1) {
        calls.push(context.as(`consumer-${count}`).receive(topic, { waitMs: 20_000 }));
        await context.untilWaiting(topic, count);
      }
      await sendAll(context.broker, topic, ['a', 'b', 'c']);
      const received = await atOnce(Promise.all(calls), 'the three waiting receives');
      equal(received.map(texts), [['a'], ['b'], ['c']], 'what the first, second and third waiter received');
    },
  },
  {
    name: 'one message wakes exactly one of many waiting receives',
    capability: 'receive',
    run: (context) => wakeOneOf(context, context.clock === 'virtual' ? 1000 : 25),
  },
  {
    name: 'a batch of messages wakes as many waiting receives as it has messages',
    capability: 'batch',
    uses: ['receive'],
    run: async (context) => {
      const topic = await context.newTopic();
      const calls = bodies(3).map((name) => context.as(name).receive(topic, { waitMs: 20_000 }));
      await context.untilWaiting(topic, 3);
      await context.broker.sendBatch(topic, [{ body: 'a' }, { body: 'b' }, { body: 'c' }]);
      const received = await atOnce(Promise.all(calls), 'the three waiting receives');
      equal(sorted(received.flatMap(texts)), ['a', 'b', 'c'], 'what the waiters received together');
    },
  },
  {
    name: 'a receive that is aborted rejects with MQ_ABORTED and takes no message',
    capability: 'receive',
    run: async (context) => {
      const topic = await context.newTopic();
      const { signal, abort } = abortable();
      const call = context.as('consumer').receive(topic, { waitMs: 20_000, signal });
      await context.untilWaiting(topic, 1);
      const reason = new Error('the caller went away');
      abort(reason);
      const error = await refused(call, 'MQ_ABORTED', 'the aborted receive');
      equal(error.cause, reason, 'the cause of MQ_ABORTED');
      await context.untilWaiting(topic, 0);
      await context.broker.send(topic, { body: 'a' });
      equal(texts([await receiveOne(context.broker, topic)]), ['a'], 'what the next receive gets');
    },
  },
  {
    name: 'a receive whose signal was aborted before takes no message',
    capability: 'receive',
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'a' });
      const { signal, abort } = abortable();
      abort();
      await refused(context.broker.receive(topic, { signal }), 'MQ_ABORTED', 'a receive with an aborted signal');
      equal(texts(await drain(context, topic)), ['a'], 'what is still there');
    },
  },
  {
    name: 'a receive that is aborted at the moment a message arrives loses nothing',
    capability: 'receive',
    needs: ['virtual-clock'],
    run: abortWhileSending,
  },
  {
    name: 'a consumer that goes away while a message is on its way to it loses nothing',
    capability: 'lease',
    run: async (context) => {
      const sent = bodies(10);
      const topics: string[] = [];
      const delivered: string[] = [];
      for (const body of sent) {
        // A topic each: a message that comes back at once must not be the next one's reason not to wait.
        const topic = await context.newTopic();
        topics.push(topic);
        const { signal, abort } = abortable();
        const call = context.as('consumer').receive(topic, { waitMs: 20_000, leaseMs: 400, signal });
        await context.untilWaiting(topic, 1);
        const send = context.broker.send(topic, { body });
        abort();
        await send;
        const received = await call.catch(() => []);
        await context.finish(received);
        delivered.push(...texts(received));
        await context.untilWaiting(topic, 0);
      }
      await context.pass(800);
      for (const topic of topics) delivered.push(...texts(await drain(context, topic)));
      equal(sorted([...new Set(delivered)]), sent, 'every message sent, delivered to somebody');
    },
  },
];

async function wakeOneOf(context: TestContext, count: number): Promise<void> {
  const topic = await context.newTopic();
  const consumer = context.as('consumer');
  const calls = Array.from({ length: count }, () => consumer.receive(topic, { waitMs: 1200 }));
  await context.untilWaiting(topic, count);
  await context.broker.send(topic, { body: 'the only one' });
  const first = await atOnce(Promise.race(calls), 'one of the waiting receives');
  equal(texts(first), ['the only one'], 'what the first to wake received');
  await context.pass(1300);
  const received = await atOnce(Promise.all(calls), 'all receives, after their waiting time');
  equal(received.flatMap(texts), ['the only one'], `what ${count} waiters received together`);
  await context.untilWaiting(topic, 0);
}

/** Abort before, while and after the send takes effect: the message goes to the caller or stays, never away. */
async function abortWhileSending(context: TestContext): Promise<void> {
  const topic = await context.newTopic();
  const sent = bodies(30);
  const delivered: string[] = [];
  for (const [index, body] of sent.entries()) {
    const { signal, abort } = abortable();
    const call = context.as('consumer').receive(topic, { waitMs: 20_000, signal });
    if (index % 3 === 0) abort();
    const send = context.broker.send(topic, { body });
    if (index % 3 === 1) abort();
    await send;
    abort();
    const received = await call.catch(() => []);
    await context.finish(received);
    delivered.push(...texts(received));
  }
  delivered.push(...texts(await drain(context, topic)));
  holds(delivered.length === sent.length, `${sent.length} deliveries`, delivered);
  equal(sorted(delivered), sorted(sent), 'every message exactly once');
}
