/** Subject: a full topic makes senders wait, refuses them, or drops the oldest, exactly as it was created. */
import { atOnce, awaitedLater, equal, holds, isSettled, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { abortable, bodies, collect, drain, receiveOne, sendAll, sorted, texts } from './steps.ts';

export const overflow: readonly ConformanceTest[] = [
  {
    name: 'a send to a full topic waits until there is room',
    capability: 'receive',
    run: async (context) => {
      const topic = await context.newTopic({ messagesMax: 3, overflow: 'wait' });
      await sendAll(context.broker, topic, ['a', 'b', 'c']);
      const blocked = context.as('producer').send(topic, { body: 'd' });
      await context.untilWaiting(topic, 1);
      equal(await isSettled(blocked), false, 'a fourth message accepted by a topic of three');
      await context.finish([await receiveOne(context.broker, topic)]);
      await atOnce(blocked, 'the blocked send, after a message was finished');
      equal(texts(await drain(context, topic)), ['b', 'c', 'd'], 'what is left, in order');
    },
  },
  {
    name: 'a commit makes room for a send that waits, when no other group needs what it frees',
    capability: 'offsets',
    uses: ['groups'],
    run: async (context) => {
      const topic = await context.newTopic({ messagesMax: 3, overflow: 'wait' });
      for (const group of ['one', 'two']) await context.broker.commit(topic, { group, offset: 0 });
      await sendAll(context.broker, topic, bodies(3));
      const blocked = context.as('producer').send(topic, { body: 'm-3' });
      await context.untilWaiting(topic, 1);
      await context.broker.commit(topic, { group: 'one', offset: 2 });
      equal(await isSettled(blocked), false, 'a fourth message accepted while the other group needs the first');
      await context.broker.commit(topic, { group: 'two', offset: 1 });
      await atOnce(blocked, 'the blocked send, after both groups had passed the first message');
    },
  },
  {
    name: 'a topic accepts exactly messagesMax messages before it is full',
    capability: 'receive',
    run: async (context) => {
      const topic = await context.newTopic({ messagesMax: 4, overflow: 'reject' });
      await sendAll(context.broker, topic, bodies(4));
      await refused(context.broker.send(topic, { body: 'one too many' }), 'MQ_QUEUE_FULL', 'the fifth send');
      equal(texts(await drain(context, topic)), bodies(4), 'what was accepted');
    },
  },
  {
    name: 'blocked senders are let in in the order they came',
    capability: 'receive',
    run: async (context) => {
      const topic = await context.newTopic({ messagesMax: 1, overflow: 'wait' });
      await context.broker.send(topic, { body: 'm-0' });
      const blocked = await queueSenders(context, topic, ['m-1', 'm-2', 'm-3']);
      equal(texts(await collect(context, topic, { count: 4 })), bodies(4), 'the order of arrival');
      await atOnce(Promise.all(blocked), 'the blocked sends');
    },
  },
  {
    name: 'a blocked send whose time is over is refused and leaves no ghost message',
    capability: 'receive',
    run: async (context) => {
      const topic = await context.newTopic({ messagesMax: 1, overflow: 'wait' });
      await context.broker.send(topic, { body: 'a' });
      const blocked = context.as('producer').send(topic, { body: 'ghost' }, { timeoutMs: 200 });
      await context.untilWaiting(topic, 1);
      await context.pass(250);
      const error = await refused(blocked, 'MQ_QUEUE_FULL', 'the blocked send, after its time');
      equal(error.isRetriable, true, 'MQ_QUEUE_FULL says that trying again can help');
      await context.untilWaiting(topic, 0);
      equal(texts(await drain(context, topic)), ['a'], 'what the topic holds');
    },
  },
  {
    name: 'a blocked send that is aborted leaves no ghost message',
    capability: 'receive',
    run: async (context) => {
      const topic = await context.newTopic({ messagesMax: 1, overflow: 'wait' });
      await context.broker.send(topic, { body: 'a' });
      const { signal, abort } = abortable();
      const blocked = context.as('producer').send(topic, { body: 'ghost' }, { signal });
      await context.untilWaiting(topic, 1);
      abort();
      await refused(blocked, 'MQ_ABORTED', 'the aborted send');
      await context.untilWaiting(topic, 0);
      equal(texts(await drain(context, topic)), ['a'], 'what the topic holds');
    },
  },
  {
    name: 'a blocked send that gives up does not hold up those behind it',
    capability: 'receive',
    run: async (context) => {
      const topic = await context.newTopic({ messagesMax: 1, overflow: 'wait' });
      await context.broker.send(topic, { body: 'a' });
      const { signal, abort } = abortable();
      const givesUp = context.as('producer-1').send(topic, { body: 'ghost' }, { signal });
      await context.untilWaiting(topic, 1);
      const [behind] = await queueSenders(context, topic, ['b'], 2);
      abort();
      await refused(givesUp, 'MQ_ABORTED', 'the aborted send');
      await context.untilWaiting(topic, 1);
      equal(texts(await collect(context, topic, { count: 2 })), ['a', 'b'], 'what arrives');
      await atOnce(Promise.all([behind]), 'the send that waited behind');
    },
  },
  {
    name: 'a full topic that rejects refuses a send at once and keeps what it has',
    capability: 'receive',
    run: async (context) => {
      const topic = await context.newTopic({ messagesMax: 2, overflow: 'reject' });
      await sendAll(context.broker, topic, ['a', 'b']);
      await refused(context.broker.send(topic, { body: 'c' }), 'MQ_QUEUE_FULL', 'a send to the full topic');
      await context.finish([await receiveOne(context.broker, topic)]);
      await context.broker.send(topic, { body: 'd' });
      equal(texts(await drain(context, topic)), ['b', 'd'], 'what the topic holds');
    },
  },
  {
    name: 'a full topic that drops the oldest keeps the newest',
    capability: 'receive',
    run: async (context) => {
      const topic = await context.newTopic({ messagesMax: 3, overflow: 'drop-oldest' });
      await sendAll(context.broker, topic, bodies(8));
      const { droppedCount } = await context.describe(topic);
      equal(droppedCount, 5, 'droppedCount after 8 messages into a topic of 3');
      equal(texts(await drain(context, topic)), ['m-5', 'm-6', 'm-7'], 'what is left');
    },
  },
  {
    name: 'with many producers at a full topic nothing that was accepted is lost',
    capability: 'receive',
    run: manyProducersAtAFullTopic,
  },
  {
    name: 'a delivery in flight keeps its place until it is finished',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic({ messagesMax: 2, overflow: 'wait' });
      await sendAll(context.broker, topic, ['a', 'b']);
      const [first, second] = await context.broker.receive(topic, { max: 2 });
      const blocked = context.as('producer').send(topic, { body: 'c' });
      await context.untilWaiting(topic, 1);
      equal(await isSettled(blocked), false, 'room made by receiving alone');
      holds(first !== undefined && second !== undefined, 'two deliveries', [first, second]);
      await context.broker.ack([first]);
      await atOnce(blocked, 'the blocked send, after the ack');
    },
  },
  {
    name: 'the slowest group decides when there is room',
    capability: 'groups',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic({ messagesMax: 2, overflow: 'wait' });
      await context.broker.createGroup(topic, 'fast');
      await context.broker.createGroup(topic, 'slow');
      await sendAll(context.broker, topic, ['a', 'b']);
      await drain(context, topic, { group: 'fast' });
      const blocked = context.as('producer').send(topic, { body: 'c' });
      await context.untilWaiting(topic, 1);
      equal(await isSettled(blocked), false, 'room although the slow group has read nothing');
      await context.broker.ack([await receiveOne(context.broker, topic, { group: 'slow' })]);
      await atOnce(blocked, 'the blocked send, after the slow group finished one');
      equal(texts(await drain(context, topic, { group: 'slow' })), ['b', 'c'], 'what the slow group still gets');
    },
  },
  {
    name: 'a new group that begins behind all that is held makes room for senders that wait',
    capability: 'groups',
    run: async (context) => {
      const topic = await context.newTopic({ messagesMax: 1, overflow: 'wait' });
      await context.broker.send(topic, { body: 'a' });
      const blocked = context.as('producer').send(topic, { body: 'b' });
      await context.untilWaiting(topic, 1);
      await context.broker.createGroup(topic, 'g', { start: 'latest' });
      await atOnce(blocked, 'the blocked send, after a group came that needs nothing of what is held');
      equal(texts(await context.broker.receive(topic, { group: 'g', max: 9 })), ['b'], 'what the new group gets');
    },
  },
  {
    name: 'one signal that aborts several blocked senders lets none of them in',
    capability: 'batch',
    uses: ['receive'],
    needs: ['virtual-clock'],
    run: async (context) => {
      const topic = await context.newTopic({ messagesMax: 2, overflow: 'wait' });
      await context.broker.send(topic, { body: 'a' });
      const { signal, abort } = abortable();
      // When the batch gives up there is room for the single one, whose signal was aborted in the same moment.
      const batch = context.as('producer-1').sendBatch(topic, [{ body: 'ghost' }, { body: 'ghost' }], { signal });
      const single = awaitedLater(context.as('producer-2').send(topic, { body: 'ghost' }, { signal }));
      await context.untilWaiting(topic, 2);
      abort();
      await refused(batch, 'MQ_ABORTED', 'the aborted batch');
      await refused(single, 'MQ_ABORTED', 'the aborted send behind it');
      equal(texts(await drain(context, topic)), ['a'], 'what the topic holds');
    },
  },
  {
    name: 'a topic that is full of bytes makes senders wait',
    capability: 'offsets',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic({ messagesMax: 1000, bytesMax: 10_000, overflow: 'reject' });
      const body = 'x'.repeat(2000);
      await sendAll(context.broker, topic, [body, body, body]);
      const more = [context.broker.send(topic, { body }), context.broker.send(topic, { body })];
      await Promise.allSettled(more);
      await refused(context.broker.send(topic, { body }), 'MQ_QUEUE_FULL', 'a sixth 2,000 bytes in 10,000');
      const { bytes } = await context.describe(topic);
      holds(bytes > 6000 && bytes <= 10_000, 'between 6,000 and 10,000 bytes held', bytes);
      await drain(context, topic);
      await context.broker.send(topic, { body });
    },
  },
  {
    name: 'a message larger than a topic may ever hold is refused and does not wait for ever',
    capability: 'offsets',
    run: async (context) => {
      const topic = await context.newTopic({ bytesMax: 1000, overflow: 'wait' });
      const call = context.broker.send(topic, { body: 'x'.repeat(2000) });
      await refused(call, ['MQ_MESSAGE_TOO_LARGE', 'MQ_BATCH_TOO_LARGE'], '2,000 bytes into a topic of 1,000');
    },
  },
];

/** Starts one blocked send after the other, each only when the one before it waits. */
async function queueSenders(
  context: TestContext,
  topic: string,
  texts: readonly string[],
  firstCount = 1,
): Promise<Promise<unknown>[]> {
  const blocked: Promise<unknown>[] = [];
  for (const [index, body] of texts.entries()) {
    blocked.push(context.as(`producer-${body}`).send(topic, { body }));
    await context.untilWaiting(topic, firstCount + index);
  }
  return blocked;
}

async function manyProducersAtAFullTopic(context: TestContext): Promise<void> {
  const topic = await context.newTopic({ messagesMax: 5, overflow: 'wait' });
  const sent = bodies(60);
  const sends = awaitedLater(Promise.all(sent.map((body) => context.as('producers').send(topic, { body }))));
  const received = texts(await collect(context, topic, { count: sent.length, max: 3 }));
  await atOnce(sends, 'all sends, after everything was received');
  equal(sorted(received), sorted(sent), 'every message exactly once');
}
