/** Mutants that store twice what has one id, or take for known what is new. */
import { type Clock, SystemClock } from '../../clock.ts';
import type { Broker } from '../../contract/broker.ts';
import { isMqError } from '../../contract/errors.ts';
import type { BatchReceipt, Message, Receipt } from '../../contract/message.ts';
import { nextTurn } from '../check.ts';
import { broken, changedTransactions, type Mutant } from './mutant.ts';

export const deduplicationMutants: readonly Mutant[] = [
  broken({
    name: 'ids are for people',
    stage: 5,
    bug: 'The window is accepted and no id is ever compared.',
    killedBy: 'a message sent again with the same id, because its answer was lost, is stored once',
    instead: withoutWindow,
  }),
  broken({
    name: 'an id is known once it is stored',
    stage: 5,
    bug: 'Equal messages that come at the same time are all stored: each looks before any is written.',
    killedBy: 'one message five times at once is stored once, and all five get its offset',
    instead: (sound) => ({
      ...withoutWindow(sound),
      send: knownBy(sound, { keyOf: ({ id }) => id, looksFirst: true }),
    }),
  }),
  broken({
    name: 'an id for ever',
    stage: 5,
    bug: 'Ids are remembered long after their window, and a new message with an old id is lost.',
    killedBy: 'after its window an id is new again',
    instead: ({ createTopic }) => ({
      createTopic: (topic, options) => createTopic(topic, { ...options, dedupWindowMs: 3_600_000 }),
    }),
  }),
  broken({
    name: 'a window that moves',
    stage: 5,
    bug: 'Each repetition begins the window anew, so that who repeats for ever never gets through.',
    killedBy: 'the window of an id ends to the millisecond, counted from the first message with it',
    instead: (sound, { clock = new SystemClock() }) => movingWindow(sound, clock),
  }),
  broken({
    name: 'one window for all topics',
    stage: 5,
    bug: 'A message is not stored because another topic has one with its id.',
    killedBy: 'where no window was asked for, and in another topic, an id is compared with nothing',
    instead: (sound) => ({ send: knownBy(sound, { keyOf: ({ id }) => id }) }),
  }),
  broken({
    name: 'ids as people read them',
    stage: 5,
    bug: 'Ids that only look alike are taken for one, and messages are lost.',
    killedBy: 'ids are compared byte by byte: those that only look alike are different',
    instead: ({ send }) => ({
      send: (topic, message, options) => send(topic, { ...message, id: (message.id ?? '').normalize('NFKC') }, options),
    }),
  }),
  broken({
    name: 'a window for each partition',
    stage: 5,
    bug: 'A message that is sent again to another partition is stored again.',
    killedBy: 'an id is known in all partitions of its topic, and answered with where it is',
    instead: (sound) => ({
      ...withoutWindow(sound),
      send: (topic, message, options) =>
        knownBy(sound, { keyOf: ({ id }) => JSON.stringify([id, options?.partition]) })(topic, message, options),
    }),
  }),
  broken({
    name: 'finished and forgotten',
    stage: 5,
    bug: 'With a message its id is forgotten, so that a late repetition of finished work is worked on again.',
    killedBy: 'an id stays known when its message was received and finished',
    instead: ({ send, receive }) => {
      const finished = new Set<string>();
      return {
        send: (topic, message, options) => send(topic, renamedIf(finished.has(message.id ?? ''), message), options),
        receive: async (...args) => {
          const deliveries = await receive(...args);
          for (const { id } of deliveries) finished.add(id);
          return deliveries;
        },
      };
    },
  }),
  broken({
    name: 'known before it is stored',
    stage: 5,
    bug: 'A message that found no room is sent again, taken for known, and lost.',
    killedBy: 'the id of a message that was refused is not known',
    instead: ({ send }) => {
      const seen = new Set<string>();
      return {
        send: async (topic, message, options) => {
          const { id = '' } = message;
          if (seen.has(id)) return { topic, partition: 0, offset: 0, id, durability: 'synced', isDuplicate: true };
          seen.add(id);
          return send(topic, message, options);
        },
      };
    },
  }),
  broken({
    name: 'the new part of a batch',
    stage: 5,
    bug: 'Of a batch that is known in part the rest is stored, so that a batch is no longer all or nothing.',
    killedBy: 'a batch sent again with its ids is answered as the first was, one that is new in part is refused whole',
    instead: ({ send, sendBatch }) => ({
      sendBatch: async (topic, messages, options): Promise<BatchReceipt> => {
        try {
          return await sendBatch(topic, messages, options);
        } catch (error) {
          if (!isMqError(error, 'MQ_DUPLICATE_ID')) throw error;
        }
        const receipts = await Promise.all(messages.map((message) => send(topic, message, options)));
        const ids = receipts.map(({ id }) => id);
        return {
          topic,
          partition: 0,
          baseOffset: receipts[0]?.offset ?? 0,
          count: ids.length,
          ids,
          durability: 'synced',
        };
      },
    }),
  }),
  broken({
    name: 'delayed messages have no ids',
    stage: 5,
    bug: 'A delayed message is compared only when it is due, and is accepted as often as it is sent.',
    killedBy: 'a delayed message is known by its id from its acceptance on, and delivered once',
    instead: ({ send }) => {
      let delayedCount = 0;
      return {
        send: (topic, message, options) => {
          if (message.delayMs !== undefined) delayedCount += 1;
          return send(topic, renamedIf(message.delayMs !== undefined && delayedCount > 1, message), options);
        },
      };
    },
  }),
  broken({
    name: 'ids of this run only',
    stage: 5,
    bug: 'After a restart no id is known, and what is repeated because of it is stored again.',
    killedBy: 'a window goes on through a restart, also for a message that is delayed',
    instead: ({ send }, _, { isRestarted }) => ({
      send: (topic, message, options) => send(topic, renamedIf(isRestarted, message), options),
    }),
  }),
  broken({
    name: 'ids without a limit',
    stage: 5,
    bug: 'A topic remembers as many ids as come in its window, and grows with the load.',
    killedBy: 'at most as many ids are known as the limit says, the latest ones',
    given: (options) => ({ ...options, limits: {} }),
  }),
  broken({
    name: 'an id is used up by an abort',
    stage: 5,
    bug: 'A message whose transaction was aborted is taken for known when it is sent again, and is never stored.',
    killedBy: 'the id of a message whose transaction was aborted is free again',
    instead: (sound) => {
      const seen = new Set<string>();
      return {
        ...changedTransactions(sound, ({ send }) => ({
          send: (topic, message, options) => {
            seen.add(message.id ?? '');
            return send(topic, message, options);
          },
        })),
        send: async (topic, message, options) => {
          const { id = '' } = message;
          if (!seen.has(id)) return sound.send(topic, message, options);
          return { topic, partition: 0, offset: 0, id, durability: 'synced', isDuplicate: true };
        },
      };
    },
  }),
];

/** Topics without a window. */
function withoutWindow({ createTopic }: Broker): Pick<Broker, 'createTopic'> {
  return {
    createTopic: (topic, { dedupWindowMs: _, ...options } = {}) => createTopic(topic, options),
  };
}

/** The same message under another id, where that is wanted. */
function renamedIf(isWanted: boolean, message: Message): Message {
  return isWanted ? { ...message, id: `${message.id} again` } : message;
}

const KNOWN = new WeakMap<Broker, Map<string | undefined, Receipt>>();

/** Sends what has a new key; what has a known one is answered as the first was. `looksFirst`: and stored only later. */
function knownBy(
  sound: Broker,
  {
    keyOf,
    looksFirst = false,
  }: { readonly keyOf: (message: Message) => string | undefined; readonly looksFirst?: boolean },
): Broker['send'] {
  const known = KNOWN.get(sound) ?? new Map<string | undefined, Receipt>();
  KNOWN.set(sound, known);
  return async (topic, message, options) => {
    const key = keyOf(message);
    const first = known.get(key);
    if (first !== undefined) return { ...first, isDuplicate: true };
    if (looksFirst) await nextTurn();
    const receipt = await sound.send(topic, message, options);
    known.set(key, receipt);
    return receipt;
  };
}

/** A window that begins anew with each repetition. */
function movingWindow(sound: Broker, clock: Clock): Partial<Broker> {
  const seen = new Map<string, { readonly receipt: Receipt; at: number }>();
  let windowMs = 0;
  return {
    createTopic: (topic, { dedupWindowMs = 0, ...options } = {}) => {
      windowMs = dedupWindowMs;
      return sound.createTopic(topic, options);
    },
    send: async (topic, message, options) => {
      const known = seen.get(message.id ?? '');
      const at = clock.now();
      if (known !== undefined && at - known.at < windowMs) {
        known.at = at;
        return { ...known.receipt, isDuplicate: true };
      }
      const receipt = await sound.send(topic, message, options);
      seen.set(message.id ?? '', { receipt, at });
      return receipt;
    },
  };
}
