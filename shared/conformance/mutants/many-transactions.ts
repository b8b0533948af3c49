/** Mutants that are right as long as one transaction runs at a time, and rare ones: the history checker must find them. */
import type { Broker } from '../../contract/broker.ts';
import type { BeginOptions, Transaction } from '../../contract/transaction.ts';
import { nextTurn } from '../check.ts';
import { broken, changedTransactions, type Mutant } from './mutant.ts';

/** Every so many calls something goes wrong. */
const RARE = 7;

export const manyTransactionMutants: readonly Mutant[] = [
  broken({
    name: 'one abort in seven holds',
    stage: 5,
    bug: 'Under load an abort now and then commits: what was aborted is read (G1a).',
    killedBy: 'of many transactions at once readers see those that were committed and nothing that was aborted',
    instead: (sound) => {
      let abortCount = 0;
      return changedTransactions(sound, ({ abort, commit }) => ({
        abort: () => {
          abortCount += 1;
          return abortCount % RARE === 0 ? commit() : abort();
        },
      }));
    },
  }),
  broken({
    name: 'one send in seven is early',
    stage: 5,
    bug: 'Under load a message of a transaction now and then is seen at once.',
    killedBy: 'of many transactions at once nothing is seen before its commit',
    instead: (sound) => {
      let sendCount = 0;
      return changedTransactions(sound, ({ send }) => ({
        send: (topic, message, options) => {
          sendCount += 1;
          return sendCount % RARE === 0 ? sound.send(topic, message) : send(topic, message, options);
        },
      }));
    },
  }),
  broken({
    name: 'a commit goes from topic to topic',
    stage: 5,
    bug: 'A commit shows in one topic before it shows in the next, and who reads both sees half of it (G-single).',
    killedBy: 'who has seen a part of a transaction sees all of it, whichever topic it looks into next',
    instead: topicByTopic,
  }),
  broken({
    name: 'written when there is time',
    stage: 5,
    bug: 'A commit is answered before its records are written, and a later transaction overtakes it (G0).',
    killedBy: 'transactions that run one after the other stand in that order in every topic',
    instead: writtenLater,
  }),
  broken({
    name: 'transactions see each other',
    stage: 5,
    bug: 'Who reads while it has a transaction open sees those of others that are open too (G1c).',
    killedBy: 'transactions that read what others wrote can be put in an order in which each reads what was before it',
    instead: ({ fetch }) => ({
      fetch: (topic, options) => fetch(topic, { ...options, isolation: 'read-uncommitted' }),
    }),
  }),
  broken({
    name: 'taken over by halves',
    stage: 5,
    bug: 'Who takes over a name commits what the one before had left, in the topics it had come to.',
    killedBy: 'owners that take over from each other in the middle of their transactions show nothing by halves',
    instead: ({ begin }) => {
      const latest = new Map<string, Transaction>();
      let begunCount = 0;
      return {
        begin: async (options) => {
          const name = options?.transactionalId ?? '';
          begunCount += 1;
          if (begunCount % RARE === 0)
            await latest
              .get(name)
              ?.commit()
              .catch(() => undefined);
          const transaction = await begin(options);
          latest.set(name, transaction);
          return transaction;
        },
      };
    },
  }),
];

/** A transaction for each topic, committed one after the other. */
function topicByTopic({ begin }: Broker): Partial<Broker> {
  const split = async (options?: BeginOptions): Promise<Transaction> => {
    const whole = await begin(options);
    const parts = new Map<string, Promise<Transaction>>();
    const partOf = (topic: string): Promise<Transaction> => {
      const part = parts.get(topic) ?? begin();
      parts.set(topic, part);
      return part;
    };
    const endAll = async (how: 'commit' | 'abort'): Promise<void> => {
      for (const part of parts.values()) {
        await (await part)[how]();
        await nextTurn();
      }
      await whole[how]();
    };
    return {
      id: whole.id,
      send: async (topic, message, more) => (await partOf(topic)).send(topic, message, more),
      sendBatch: async (topic, messages, more) => (await partOf(topic)).sendBatch(topic, messages, more),
      ack: (refs) => whole.ack(refs),
      commitOffset: (topic, more) => whole.commitOffset(topic, more),
      commit: () => endAll('commit'),
      abort: () => endAll('abort'),
    };
  };
  return { begin: split };
}

/** Every other commit is answered at once; its records are written a while later. */
function writtenLater(sound: Broker): Partial<Broker> {
  let count = 0;
  return changedTransactions(sound, ({ send, commit }) => {
    count += 1;
    if (count % 2 === 0) return {};
    const held: Parameters<Transaction['send']>[] = [];
    const writeDown = async (): Promise<void> => {
      for (let turn = 0; turn < RARE; turn += 1) await nextTurn();
      for (const args of held) await send(...args);
      await commit();
    };
    return {
      send: async (...args) => {
        held.push(args);
        return { topic: args[0], partition: 0, offset: null, id: 'held', durability: 'memory' };
      },
      commit: async () => {
        writeDown().catch(() => undefined);
      },
    };
  });
}
