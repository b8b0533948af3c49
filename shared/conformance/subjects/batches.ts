/** Subject: a batch is one thing: consecutive, all or nothing, in its turn. */

import type { Message } from '../../contract/message.ts';
import { atOnce, equal, holds, isSettled, present, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import { bodies, collect, drain, receiveOne, sendAll, texts } from './steps.ts';

export const batches: readonly ConformanceTest[] = [
  {
    name: 'the messages of a batch stand one after the other in the order given',
    capability: 'batch',
    uses: ['receive'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'before' });
      const receipt = await context.broker.sendBatch(topic, batchOf(bodies(5)));
      equal(receipt.count, 5, 'receipt.count');
      equal(receipt.topic, topic, 'receipt.topic');
      holds(receipt.baseOffset === null || receipt.baseOffset === 1, 'baseOffset 1', receipt.baseOffset);
      const deliveries = await drain(context, topic);
      equal(texts(deliveries), ['before', ...bodies(5)], 'the order of arrival');
      equal(
        deliveries.slice(1).map((delivery) => delivery.id),
        [...receipt.ids],
        'the ids of the receipt',
      );
    },
  },
  {
    name: 'a batch keeps the ids it was given and makes the missing ones',
    capability: 'batch',
    run: async (context) => {
      const topic = await context.newTopic();
      const { ids } = await context.broker.sendBatch(topic, [{ body: 'a', id: 'mine' }, { body: 'b' }, { body: 'c' }]);
      equal(ids[0], 'mine', 'the id that was given');
      equal(new Set(ids).size, 3, 'distinct ids');
    },
  },
  {
    name: 'a batch with one bad message stores none of it',
    capability: 'batch',
    uses: ['receive'],
    run: async (context) => {
      const topic = await context.newTopic();
      const tooLarge = new Uint8Array(context.broker.limits.bodyBytesMax + 1);
      const call = context.broker.sendBatch(topic, [{ body: 'a' }, { body: tooLarge }, { body: 'c' }]);
      await refused(call, 'MQ_MESSAGE_TOO_LARGE', 'a batch with one body above the limit');
      const wrongBody = { body: 7 } as unknown as Message;
      const second = context.broker.sendBatch(topic, [{ body: 'a' }, wrongBody]);
      await refused(second, 'MQ_INVALID_ARGUMENT', 'a batch with a body that is a number');
      equal(texts(await drain(context, topic)), [], 'what was stored');
    },
  },
  {
    name: 'a batch with a hole in it is refused and none of it is stored',
    capability: 'batch',
    uses: ['receive'],
    run: async (context) => {
      const topic = await context.newTopic();
      const sparse: Message[] = [{ body: 'a' }];
      sparse[2] = { body: 'c' };
      await refused(context.broker.sendBatch(topic, sparse), 'MQ_INVALID_ARGUMENT', 'a batch without its second');
      equal(texts(await drain(context, topic)), [], 'what was stored');
    },
  },
  {
    name: 'an empty batch is refused',
    capability: 'batch',
    run: async (context) => {
      const topic = await context.newTopic();
      await refused(context.broker.sendBatch(topic, []), 'MQ_INVALID_ARGUMENT', 'a batch without messages');
    },
  },
  {
    name: 'a batch of batchCountMax messages is accepted and one more is MQ_BATCH_TOO_LARGE',
    capability: 'batch',
    uses: ['receive'],
    run: async (context) => {
      const { batchCountMax } = context.broker.limits;
      const topic = await context.newTopic({ messagesMax: batchCountMax + 1 });
      const batch = batchOf(bodies(batchCountMax + 1));
      await refused(context.broker.sendBatch(topic, batch), 'MQ_BATCH_TOO_LARGE', 'one message too many');
      const receipt = await context.broker.sendBatch(topic, batch.slice(1));
      equal(receipt.count, batchCountMax, 'receipt.count');
      const [first] = await context.broker.receive(topic);
      equal(texts([present(first, 'a delivery')]), ['m-1'], 'the first message of the batch');
    },
  },
  {
    name: 'a batch of more than batchBytesMax bytes is MQ_BATCH_TOO_LARGE',
    capability: 'batch',
    run: async (context) => {
      const { bodyBytesMax, batchBytesMax, batchCountMax } = context.broker.limits;
      const body = new Uint8Array(bodyBytesMax);
      const count = Math.floor(batchBytesMax / bodyBytesMax) + 1;
      if (count > batchCountMax) return;
      const topic = await context.newTopic();
      const batch = Array.from({ length: count }, () => ({ body }));
      await refused(
        context.broker.sendBatch(topic, batch),
        'MQ_BATCH_TOO_LARGE',
        `${count} bodies of the largest size`,
      );
    },
  },
  {
    name: 'a batch waits until all of it fits',
    capability: 'batch',
    uses: ['receive'],
    run: async (context) => {
      const topic = await context.newTopic({ messagesMax: 4, overflow: 'wait' });
      await sendAll(context.broker, topic, ['a', 'b', 'c']);
      const blocked = context.as('producer').sendBatch(topic, batchOf(['d', 'e', 'f']));
      await context.untilWaiting(topic, 1);
      await context.finish([await receiveOne(context.broker, topic)]);
      equal(await isSettled(blocked), false, 'a batch of three accepted with room for two');
      await context.finish([await receiveOne(context.broker, topic)]);
      await atOnce(blocked, 'the batch, when all of it fits');
      equal(texts(await drain(context, topic)), ['c', 'd', 'e', 'f'], 'what is left, in order');
    },
  },
  {
    name: 'a batch that waits is not overtaken by a later send that would fit',
    capability: 'batch',
    uses: ['receive'],
    run: async (context) => {
      const topic = await context.newTopic({ messagesMax: 4, overflow: 'wait' });
      await sendAll(context.broker, topic, ['a', 'b', 'c']);
      const batch = context.as('producer-1').sendBatch(topic, batchOf(['d', 'e', 'f']));
      await context.untilWaiting(topic, 1);
      const single = context.as('producer-2').send(topic, { body: 'g' });
      await context.untilWaiting(topic, 2);
      equal(texts(await collect(context, topic, { count: 7 })), [...'abcdefg'], 'the order of arrival');
      await atOnce(Promise.all([batch, single]), 'both sends');
    },
  },
  {
    name: 'a batch larger than the topic can ever hold is MQ_BATCH_TOO_LARGE',
    capability: 'batch',
    uses: ['receive'],
    run: async (context) => {
      for (const overflow of ['wait', 'reject', 'drop-oldest'] as const) {
        const topic = await context.newTopic({ messagesMax: 3, overflow });
        await context.broker.send(topic, { body: 'a' });
        const call = context.broker.sendBatch(topic, batchOf(bodies(4)));
        await refused(call, 'MQ_BATCH_TOO_LARGE', `four messages into a topic of three (${overflow})`);
        equal(texts(await drain(context, topic)), ['a'], 'what the topic holds');
      }
    },
  },
  {
    name: 'a full topic that rejects takes all of a batch or nothing',
    capability: 'batch',
    uses: ['receive'],
    run: async (context) => {
      const topic = await context.newTopic({ messagesMax: 3, overflow: 'reject' });
      await sendAll(context.broker, topic, ['a', 'b']);
      const call = context.broker.sendBatch(topic, batchOf(['c', 'd']));
      await refused(call, 'MQ_QUEUE_FULL', 'two messages where one fits');
      equal(texts(await drain(context, topic)), ['a', 'b'], 'what the topic holds');
    },
  },
  {
    name: 'a full topic that drops the oldest makes room for a whole batch',
    capability: 'batch',
    uses: ['receive'],
    run: async (context) => {
      const topic = await context.newTopic({ messagesMax: 4, overflow: 'drop-oldest' });
      await sendAll(context.broker, topic, ['a', 'b', 'c']);
      await context.broker.sendBatch(topic, batchOf(['d', 'e', 'f']));
      equal(texts(await drain(context, topic)), ['c', 'd', 'e', 'f'], 'what is left');
    },
  },
  {
    name: 'batches of concurrent producers do not mix',
    capability: 'batch',
    uses: ['receive'],
    run: async (context) => {
      const topic = await context.newTopic();
      const sends = [0, 1, 2, 3, 4].map((producer) => {
        return context.as(`producer-${producer}`).sendBatch(topic, batchOf(bodies(10, `p${producer}`)));
      });
      await Promise.all(sends);
      const received = texts(await drain(context, topic));
      equal(received.length, 50, 'messages of five batches of ten');
      for (let start = 0; start < received.length; start += 10) {
        const producer = received[start]?.split('-')[0];
        equal(received.slice(start, start + 10), bodies(10, producer), 'ten messages of one batch in a row');
      }
    },
  },
];

function batchOf(texts: readonly string[]): Message[] {
  return texts.map((body) => ({ body }));
}
