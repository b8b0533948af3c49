/** Mutants of batches: all or nothing, next to each other, in their turn, within their limits. */
import type { TopicDescription } from '../../contract/description.ts';
import { isMqError, MqError } from '../../contract/errors.ts';
import { LIMITS } from '../../contract/limits.ts';
import type { BatchReceipt } from '../../contract/message.ts';
import { broken, type Mutant } from './mutant.ts';
import { newestFirst } from './newest-first.ts';

export const batchMutants: readonly Mutant[] = [
  broken({
    name: 'a batch sent one by one',
    stage: 1,
    bug: 'Batches of two producers are mixed: a batch is only a loop of sends.',
    killedBy: 'batches of concurrent producers do not mix',
    instead: ({ send }) => ({
      sendBatch: async (topic, messages, options): Promise<BatchReceipt> => {
        const ids: string[] = [];
        for (const message of messages) ids.push((await send(topic, message, options)).id);
        return { topic, partition: 0, baseOffset: 0, count: ids.length, ids, durability: 'memory' };
      },
    }),
  }),
  broken({
    name: 'as much of a batch as fits',
    stage: 1,
    bug: 'A batch is refused because the topic is full, and half of it was stored; sent again it is there twice.',
    killedBy: 'a full topic that rejects takes all of a batch or nothing',
    instead: ({ sendBatch, describeTopics }) => ({
      sendBatch: async (topic, messages, options) => {
        const [description] = await describeTopics({ topic });
        const room = roomIn(description);
        if (room === 0 || room >= messages.length) return sendBatch(topic, messages, options);
        await sendBatch(topic, messages.slice(0, room), options);
        throw new MqError('MQ_QUEUE_FULL', `${messages.length - room} messages did not fit`);
      },
    }),
  }),
  broken({
    name: 'a batch checked while it is stored',
    stage: 1,
    bug: 'One bad message in a batch is refused after those before it have been stored.',
    killedBy: 'a batch with one bad message stores none of it',
    instead: ({ send, sendBatch }) => ({
      sendBatch: async (topic, messages, options) => {
        for (const message of messages.slice(0, -1)) await send(topic, message, options);
        return sendBatch(topic, messages.slice(-1), options);
      },
    }),
  }),
  broken({
    name: 'a batch that waits for ever',
    stage: 1,
    bug: 'A batch larger than the topic waits for room that can never come.',
    killedBy: 'a batch larger than the topic can ever hold is MQ_BATCH_TOO_LARGE',
    instead: ({ sendBatch }) => ({
      sendBatch: async (...args) => {
        try {
          return await sendBatch(...args);
        } catch (error) {
          if (!isMqError(error, 'MQ_BATCH_TOO_LARGE')) throw error;
          return new Promise(() => undefined);
        }
      },
    }),
  }),
  broken({
    name: 'an empty batch accepted',
    stage: 1,
    bug: 'A batch of nothing is stored and gets the offset of the message that comes next.',
    killedBy: 'an empty batch is refused',
    instead: ({ sendBatch }) => ({
      sendBatch: async (topic, messages, options): Promise<BatchReceipt> => {
        if (messages.length > 0) return sendBatch(topic, messages, options);
        return { topic, partition: 0, baseOffset: 0, count: 0, ids: [], durability: 'memory' };
      },
    }),
  }),
  broken({
    name: 'a batch turned round',
    stage: 1,
    bug: 'The last message of a batch arrives first.',
    killedBy: 'the messages of a batch stand one after the other in the order given',
    instead: ({ sendBatch }) => ({
      sendBatch: (topic, messages, options) => sendBatch(topic, messages.toReversed(), options),
    }),
  }),
  broken({
    name: 'new ids for a batch',
    stage: 1,
    bug: 'The ids a producer gave to the messages of a batch are replaced.',
    killedBy: 'a batch keeps the ids it was given and makes the missing ones',
    instead: ({ sendBatch }) => ({
      sendBatch: (topic, messages, options) =>
        sendBatch(
          topic,
          messages.map(({ id: _, ...message }) => message),
          options,
        ),
    }),
  }),
  broken({
    name: 'one message too many in a batch',
    stage: 1,
    bug: 'A batch of one more than the limit is accepted, so the limit is not what the broker says.',
    killedBy: 'a batch of batchCountMax messages is accepted and one more is MQ_BATCH_TOO_LARGE',
    given: (options) => ({ ...options, limits: { batchCountMax: LIMITS.batchCountMax + 1 } }),
    instead: () => ({ limits: LIMITS }),
  }),
  broken({
    name: 'the bytes of a batch not added up',
    stage: 1,
    bug: 'Nine bodies of the largest size go through as one batch: only their number is looked at.',
    killedBy: 'a batch of more than batchBytesMax bytes is MQ_BATCH_TOO_LARGE',
    given: (options) => ({ ...options, limits: { batchBytesMax: Number.MAX_SAFE_INTEGER } }),
    instead: () => ({ limits: LIMITS }),
  }),
  broken({
    name: 'a receipt for the first of a batch',
    stage: 1,
    bug: 'A batch is said to be stored when its first message is, and the rest still waits for room.',
    killedBy: 'a batch waits until all of it fits',
    instead: ({ sendBatch }) => ({
      sendBatch: async (topic, messages, options) => {
        const receipt = await sendBatch(topic, messages.slice(0, 1), options);
        if (messages.length > 1) sendBatch(topic, messages.slice(1), options).catch(() => undefined);
        return receipt;
      },
    }),
  }),
  broken({
    name: 'single messages first',
    stage: 1,
    bug: 'A single message overtakes a batch that has waited longer.',
    killedBy: 'a batch that waits is not overtaken by a later send that would fit',
    instead: ({ send, sendBatch }) => {
      const inLine = newestFirst();
      return {
        send: (topic, message) => inLine((signal) => send(topic, message, { signal })),
        sendBatch: (topic, messages) => inLine((signal) => sendBatch(topic, messages, { signal })),
      };
    },
  }),
  broken({
    name: 'drops for one and not for many',
    stage: 1,
    bug: 'A topic that drops the oldest takes single messages and refuses batches.',
    killedBy: 'a full topic that drops the oldest makes room for a whole batch',
    instead: ({ sendBatch, describeTopics }) => ({
      sendBatch: async (topic, messages, options) => {
        const [description] = await describeTopics({ topic });
        if (roomIn(description) >= messages.length) return sendBatch(topic, messages, options);
        throw new MqError('MQ_QUEUE_FULL', 'the batch does not fit');
      },
    }),
  }),
  broken({
    name: 'holes passed over',
    stage: 1,
    bug: 'An array with a hole is sent without it, and the receipt names fewer messages than the caller has.',
    killedBy: 'a batch with a hole in it is refused and none of it is stored',
    instead: ({ sendBatch }) => ({
      sendBatch: (topic, messages, options) => sendBatch(topic, messages.flat(), options),
    }),
  }),
];

function roomIn(description: TopicDescription | undefined): number {
  return (description?.options.messagesMax ?? 0) - (description?.availableCount ?? 0);
}
