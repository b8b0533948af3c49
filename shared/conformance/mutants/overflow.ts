/** Mutants of a full topic: who waits, who is refused, what is dropped, and who gives up. */
import { SystemClock } from '../../clock.ts';
import { isMqError, MqError } from '../../contract/errors.ts';
import type { Receipt } from '../../contract/message.ts';
import { broken, type Mutant } from './mutant.ts';
import { newestFirst } from './newest-first.ts';

export const overflowMutants: readonly Mutant[] = [
  broken({
    name: 'full means crash',
    stage: 1,
    bug: 'A producer that is faster than its consumers gets an internal error instead of being slowed down.',
    killedBy: 'a topic accepts exactly messagesMax messages before it is full',
    instead: ({ send }) => ({
      send: async (topic, message, options) => {
        try {
          return await send(topic, message, { ...options, timeoutMs: 0 });
        } catch (error) {
          if (!isMqError(error, 'MQ_QUEUE_FULL')) throw error;
          throw new MqError('MQ_INTERNAL', 'index out of bounds');
        }
      },
    }),
  }),
  broken({
    name: 'one slot too few',
    stage: 1,
    bug: 'A topic of four is full after three: the slot that tells full from empty is not counted.',
    killedBy: 'a topic accepts exactly messagesMax messages before it is full',
    instead: ({ createTopic }) => ({
      createTopic: (topic, options) => createTopic(topic, { ...options, messagesMax: (options?.messagesMax ?? 9) - 1 }),
    }),
  }),
  broken({
    name: 'full is not noticed',
    stage: 1,
    bug: 'A topic of three holds four and more: nobody ever waits, and the memory of the machine is the limit.',
    killedBy: 'a send to a full topic waits until there is room',
    instead: ({ createTopic }) => ({
      createTopic: (topic, options) => createTopic(topic, { ...options, messagesMax: 1_000_000 }),
    }),
  }),
  broken({
    name: 'refused with a receipt',
    stage: 1,
    bug: 'A full topic throws a message away and answers a receipt for it.',
    killedBy: 'a full topic that rejects refuses a send at once and keeps what it has',
    instead: ({ send }) => ({
      send: async (topic, message, options): Promise<Receipt> => {
        try {
          return await send(topic, message, options);
        } catch (error) {
          if (!isMqError(error, 'MQ_QUEUE_FULL')) throw error;
          return { topic, partition: 0, offset: 0, id: message.id ?? 'dropped', durability: 'memory' };
        }
      },
    }),
  }),
  broken({
    name: 'drops the newest',
    stage: 1,
    bug: 'A topic that should keep the latest prices keeps the oldest for ever.',
    killedBy: 'a full topic that drops the oldest keeps the newest',
    instead: ({ createTopic, send, describeTopics }) => {
      let droppedCount = 0;
      return {
        createTopic: (topic, options) => createTopic(topic, { ...options, overflow: 'reject' }),
        send: async (topic, message, options): Promise<Receipt> => {
          try {
            return await send(topic, message, options);
          } catch (error) {
            if (!isMqError(error, 'MQ_QUEUE_FULL')) throw error;
            droppedCount += 1;
            return { topic, partition: 0, offset: 0, id: message.id ?? 'dropped', durability: 'memory' };
          }
        },
        describeTopics: async (...args) => (await describeTopics(...args)).map((each) => ({ ...each, droppedCount })),
      };
    },
  }),
  broken({
    name: 'drops uncounted',
    stage: 2,
    bug: 'Messages are overwritten before anybody read them and no number says so.',
    killedBy: 'a full topic that drops the oldest keeps the newest',
    instead: ({ describeTopics }) => ({
      describeTopics: async (...args) => (await describeTopics(...args)).map((each) => ({ ...each, droppedCount: 0 })),
    }),
  }),
  broken({
    name: 'the newest sender first',
    stage: 1,
    bug: 'Senders that are let in after waiting come in backwards, so the order of their messages turns round.',
    killedBy: 'blocked senders are let in in the order they came',
    instead: ({ send }) => {
      const inLine = newestFirst();
      return { send: (topic, message, options) => inLine((signal) => send(topic, message, { ...options, signal })) };
    },
  }),
  broken({
    name: 'a ghost of a sender that timed out',
    stage: 1,
    bug: 'A producer is told that the topic is full, sends again, and the message is there twice.',
    killedBy: 'a blocked send whose time is over is refused and leaves no ghost message',
    instead: ({ send }, { clock = new SystemClock() }) => ({
      send: (topic, message, options) => {
        const timeout = Promise.withResolvers<Receipt>();
        const fail = (): void => timeout.reject(new MqError('MQ_QUEUE_FULL', 'the time is over'));
        if (options?.timeoutMs !== undefined) clock.setTimer(fail, options.timeoutMs);
        return Promise.race([send(topic, message), timeout.promise]);
      },
    }),
  }),
  broken({
    name: 'a ghost of a sender that gave up',
    stage: 1,
    bug: 'A producer aborts a blocked send, and its message appears later all the same.',
    killedBy: 'a blocked send that is aborted leaves no ghost message',
    instead: ({ send }) => ({
      send: (topic, message, { signal, ...options } = {}) => {
        const abort = Promise.withResolvers<Receipt>();
        signal?.addEventListener('abort', () => abort.reject(new MqError('MQ_ABORTED', 'aborted')));
        return Promise.race([send(topic, message, options), abort.promise]);
      },
    }),
  }),
  broken({
    name: 'room as soon as it is handed out',
    stage: 2,
    bug: 'The place of a message somebody still works on is given away, so it cannot come back.',
    killedBy: 'a delivery in flight keeps its place until it is finished',
    instead: ({ receive, ack }) => ({
      receive: async (...args) => {
        const deliveries = await receive(...args);
        await ack(deliveries);
        return deliveries;
      },
    }),
  }),
  broken({
    name: 'the fastest group decides',
    stage: 2,
    bug: 'As soon as one group has read a message it is overwritten, and the slower groups never see it.',
    killedBy: 'the slowest group decides when there is room',
    instead: ({ createTopic }) => ({
      createTopic: (topic, options) => createTopic(topic, { ...options, overflow: 'drop-oldest' }),
    }),
  }),
  broken({
    name: 'a new group unnoticed',
    stage: 2,
    bug: 'A group comes that needs nothing of what is held, and the producers who wait for room wait for ever.',
    killedBy: 'a new group that begins behind all that is held makes room for senders that wait',
    instead: ({ createGroup }) => ({
      createGroup: async (topic, group, options) => {
        await createGroup(topic, 'nobody', { start: 'earliest' });
        await createGroup(topic, group, options);
      },
    }),
  }),
  broken({
    name: 'let in on the way out',
    stage: 1,
    bug: 'One signal aborts two blocked senders; the first one leaves, and the second is let in although it is aborted.',
    killedBy: 'one signal that aborts several blocked senders lets none of them in',
    instead: ({ send }) => ({
      send: (topic, message, { signal, ...options } = {}) => send(topic, message, options),
    }),
  }),
  broken({
    name: 'bytes not counted',
    stage: 2,
    bug: 'A few thousand large messages exhaust the memory: only their number is limited.',
    killedBy: 'a topic that is full of bytes makes senders wait',
    instead: ({ createTopic }) => ({
      createTopic: (topic, options) => createTopic(topic, { ...options, bytesMax: undefined }),
    }),
  }),
  broken({
    name: 'one gives up and all behind it too',
    stage: 1,
    bug: 'One sender gives up, and those who wait behind it are refused with it.',
    killedBy: 'a blocked send that gives up does not hold up those behind it',
    instead: ({ send }) => {
      const all = new AbortController();
      return {
        send: (topic, message, options) => {
          options?.signal?.addEventListener('abort', () => all.abort());
          return send(topic, message, { ...options, signal: all.signal });
        },
      };
    },
  }),
  broken({
    name: 'dropped instead of waiting',
    stage: 1,
    bug: 'A producer that would have to wait for room is told at once that its message is stored.',
    killedBy: 'with many producers at a full topic nothing that was accepted is lost',
    instead: ({ send }) => ({
      send: async (topic, message, options): Promise<Receipt> => {
        try {
          return await send(topic, message, { ...options, timeoutMs: 0 });
        } catch (error) {
          if (!isMqError(error, 'MQ_QUEUE_FULL')) throw error;
          return { topic, partition: 0, offset: 0, id: message.id ?? 'dropped', durability: 'memory' };
        }
      },
    }),
  }),
  broken({
    name: 'too large and patient',
    stage: 2,
    bug: 'A message larger than its topic waits for room that can never come.',
    killedBy: 'a message larger than a topic may ever hold is refused and does not wait for ever',
    instead: ({ send }) => ({
      send: async (...args) => {
        try {
          return await send(...args);
        } catch (error) {
          if (!isMqError(error, 'MQ_MESSAGE_TOO_LARGE')) throw error;
          return new Promise(() => undefined);
        }
      },
    }),
  }),
  broken({
    name: 'a commit wakes nobody',
    stage: 2,
    bug: 'Readers of a full log go on and on, and the producer waits for ever for the room they made.',
    killedBy: 'a commit makes room for a send that waits, when no other group needs what it frees',
    instead: ({ commit }) => ({
      commit: async (topic, options) => {
        if (options.offset === 0) return commit(topic, options);
        return options.offset;
      },
    }),
  }),
];
