/** Mutants whose transactions are not all or nothing. */
import type { Broker } from '../../contract/broker.ts';
import { isMqError } from '../../contract/errors.ts';
import type { Message } from '../../contract/message.ts';
import type { Transaction } from '../../contract/transaction.ts';
import { broken, changedTransactions, type Mutant } from './mutant.ts';

/** A large transaction is one of more messages. */
const LARGE_COUNT = 1000;

export const transactionMutants: readonly Mutant[] = [
  broken({
    name: 'written at once',
    stage: 5,
    bug: 'What a transaction sends is seen at once, and a commit says only what has long been so.',
    killedBy: 'what a transaction sent to two topics appears in both when it commits and in neither before',
    instead: sentOutside,
  }),
  broken({
    name: 'one partition is enough',
    stage: 5,
    bug: 'A transaction commits in the first partition it wrote to; what it wrote to others is lost.',
    killedBy: 'what a transaction sent to several partitions appears in all of them when it commits',
    instead: (sound) =>
      changedTransactions(sound, ({ send }) => ({
        send: async (topic, message, options) => {
          const partition = options?.partition ?? 0;
          if (partition === 0) return send(topic, message, options);
          return { topic, partition, offset: 0, id: 'lost', durability: 'written' };
        },
      })),
  }),
  broken({
    name: 'an abort is the end too',
    stage: 5,
    bug: 'An abort makes everything hold that was done so far.',
    killedBy: 'what an aborted transaction sent is never received, and what it acknowledged comes back',
    instead: (sound) => changedTransactions(sound, ({ commit }) => ({ abort: commit })),
  }),
  broken({
    name: 'batches first',
    stage: 5,
    bug: 'Within a transaction single messages are held back until the commit and stand behind its batches.',
    killedBy: 'the messages of a transaction stand in the order in which it sent them, batches among them',
    instead: (sound) =>
      changedTransactions(sound, ({ send, commit }) => {
        const held: (() => Promise<unknown>)[] = [];
        return {
          send: async (...args) => {
            if (held.length === 0) held.push(() => send(...args));
            else return send(...args);
            return { topic: args[0], partition: 0, offset: 0, id: 'own', durability: 'written' };
          },
          commit: async () => {
            for (const sending of held) await sending();
            await commit();
          },
        };
      }),
  }),
  broken({
    name: 'something has to be committed',
    stage: 5,
    bug: 'A transaction in which nothing was done stays open, and holds up whoever reads behind it.',
    killedBy: 'a transaction of nothing commits, and aborts',
    instead: (sound) => {
      let isHeldUp = false;
      return {
        ...changedTransactions(sound, ({ commit }) => ({
          commit: async () => {
            await commit();
            isHeldUp = true;
          },
        })),
        receive: async (...args) => (isHeldUp ? [] : sound.receive(...args)),
      };
    },
  }),
  broken({
    name: 'sixteen topics at most',
    stage: 5,
    bug: 'A transaction commits in the first sixteen topics it wrote to, and says nothing of the others.',
    killedBy: 'a transaction over many topics appears in all of them, an aborted one in none',
    instead: (sound) =>
      changedTransactions(sound, ({ send }) => {
        const topics = new Set<string>();
        return {
          send: async (topic, message, options) => {
            topics.add(topic);
            if (topics.size <= 16) return send(topic, message, options);
            return { topic, partition: 0, offset: 0, id: 'lost', durability: 'written' };
          },
        };
      }),
  }),
  broken({
    name: 'large ones in parts',
    stage: 5,
    bug: 'A large transaction is committed in between, so that its abort undoes only the end of it.',
    killedBy: 'a large transaction is one: all of it is seen or none',
    instead: (sound) =>
      changedTransactions(sound, ({ sendBatch }) => {
        let count = 0;
        return {
          sendBatch: async (topic, messages, options) => {
            count += messages.length;
            return count > LARGE_COUNT ? sound.sendBatch(topic, messages) : sendBatch(topic, messages, options);
          },
        };
      }),
  }),
  broken({
    name: 'one transaction at a time',
    stage: 5,
    bug: 'Who begins while a transaction is open is given that one, and ends the work of the other.',
    killedBy: 'a transaction begun while another is open is independent of it',
    instead: ({ begin }) => {
      let open: Promise<Transaction> | undefined;
      return {
        begin: (options) => {
          open ??= begin(options);
          return open;
        },
      };
    },
  }),
  broken({
    name: 'aborted by a mistake',
    stage: 5,
    bug: 'A call that is refused aborts the whole transaction, and its later sends go nowhere.',
    killedBy: 'a transaction goes on after a call of it was refused, and has only what was accepted',
    instead: (sound) =>
      changedTransactions(sound, ({ send, commit, abort }) => {
        let isSpoilt = false;
        return {
          send: async (...args) => {
            try {
              return await send(...args);
            } catch (error) {
              isSpoilt = true;
              throw error;
            }
          },
          commit: () => (isSpoilt ? abort() : commit()),
        };
      }),
  }),
  broken({
    name: 'delays do not count in transactions',
    stage: 5,
    bug: 'A delayed message in a transaction is delivered at its commit.',
    killedBy: 'a delayed message cannot be sent in a transaction, which goes on without it',
    instead: (sound) =>
      changedTransactions(sound, ({ send }) => ({
        send: (topic, message, options) => send(topic, withoutDelay(message), options),
      })),
  }),
  broken({
    name: 'more room in transactions',
    stage: 5,
    bug: 'A transaction that finds its topic full writes all the same.',
    killedBy: 'a send of a transaction waits for room no longer than it says, and the transaction goes on',
    instead: (sound) =>
      changedTransactions(sound, ({ send }) => ({
        send: async (topic, message, options) => {
          try {
            return await send(topic, message, options);
          } catch (error) {
            if (!isMqError(error, 'MQ_QUEUE_FULL')) throw error;
            return { topic, partition: 0, offset: 1, id: 'squeezed', durability: 'written' };
          }
        },
      })),
  }),
  broken({
    name: 'all alike in transactions',
    stage: 5,
    bug: 'The priority of a message is lost when it is sent in a transaction.',
    killedBy: 'a transaction holds what its topic expires, prioritises and orders like any message',
    instead: (sound) =>
      changedTransactions(sound, ({ send }) => ({
        send: (topic, { priority: _, ...message }, options) => send(topic, message, options),
      })),
  }),
];

function withoutDelay({ delayMs: _, deliverAt: __, ...message }: Message): Message {
  return message;
}

/** What is sent in a transaction is sent outside of it. */
export function sentOutside(sound: Broker): Partial<Broker> {
  return changedTransactions(sound, () => ({
    send: (topic, message, options) => sound.send(topic, message, options),
    sendBatch: (topic, messages, options) => sound.sendBatch(topic, messages, options),
  }));
}
