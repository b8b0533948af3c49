/** Mutants whose transactions end twice, never, or in the hands of somebody who no longer owns them. */
import type { Broker } from '../../contract/broker.ts';
import { type ErrorCode, isMqError } from '../../contract/errors.ts';
import type { Transaction } from '../../contract/transaction.ts';
import { broken, changedTransactions, type Mutant } from './mutant.ts';

export const transactionEndMutants: readonly Mutant[] = [
  broken({
    name: 'an end without an end',
    stage: 5,
    bug: 'What is sent in a transaction after its end is accepted and lost.',
    killedBy: 'a transaction that has ended takes nothing more',
    instead: (sound) => allowed(sound, ['MQ_TRANSACTION_ENDED'], ['send']),
  }),
  broken({
    name: 'both ends succeed',
    stage: 5,
    bug: 'An abort that comes during a commit is answered with success, and its caller believes that nothing holds.',
    killedBy: 'of a commit and an abort at once one holds, and the other is told which',
    instead: (sound) => allowed(sound, ['MQ_TRANSACTION_ENDED'], ['commit', 'abort']),
  }),
  broken({
    name: 'nobody looks at the clock',
    stage: 5,
    bug: 'A transaction whose owner is gone stays open for ever and holds up all readers behind it.',
    killedBy: 'a transaction that stays open too long is aborted, and its late commit is refused',
    instead: ({ begin }) => ({ begin: ({ timeoutMs: _, ...options } = {}) => begin(options) }),
  }),
  broken({
    name: 'a second of grace',
    stage: 5,
    bug: 'Times are rounded up to whole seconds and one more.',
    killedBy: 'a transaction may be committed until its time is up, to the millisecond, however much was done in it',
    instead: ({ begin }) => ({
      begin: ({ timeoutMs = 60_000, ...options } = {}) => begin({ ...options, timeoutMs: timeoutMs + 1000 }),
    }),
  }),
  broken({
    name: 'ended and forgotten',
    stage: 5,
    bug: 'Who lost the answer to its commit cannot find out what became of it.',
    killedBy: 'a transaction is found by its id, by anybody, and told how it ended when it has',
    instead: ({ begin, findTransaction }) => {
      const begun = new Map<string, Transaction>();
      return {
        begin: async (options) => {
          const transaction = await begin(options);
          begun.set(transaction.id, transaction);
          return transaction;
        },
        findTransaction: async (id) => begun.get(id) ?? findTransaction(id),
      };
    },
  }),
  broken({
    name: 'any id is a transaction',
    stage: 5,
    bug: 'Finding a transaction that does not exist begins one.',
    killedBy: 'an id that no transaction has is refused',
    instead: ({ begin, findTransaction }) => ({
      findTransaction: async (id) => {
        try {
          return await findTransaction(id);
        } catch (error) {
          if (isMqError(error, 'MQ_UNKNOWN_TRANSACTION')) return begin();
          throw error;
        }
      },
    }),
  }),
  broken({
    name: 'as long as you like',
    stage: 5,
    bug: 'A time-out above the limit is cut to it in silence.',
    killedBy: 'begin takes only what it knows, and times within the limit',
    instead: (sound) => ({
      begin: ({ timeoutMs = 60_000, ...options } = {}) =>
        sound.begin({ ...options, timeoutMs: Math.min(timeoutMs, sound.limits.transactionMsMax) }),
    }),
  }),
  broken({
    name: 'any number of transactions',
    stage: 5,
    bug: 'The limit of open transactions is not looked at.',
    killedBy: 'a broker has a limit of open transactions, and the end of one makes room for another',
    given: (options) => ({ ...options, limits: {} }),
  }),
  broken({
    name: 'any size of a transaction',
    stage: 5,
    bug: 'A transaction that does ever more fills the memory of the broker.',
    killedBy: 'a transaction has a limit of what it does, and can be ended when it is reached',
    given: (options) => ({ ...options, limits: {} }),
  }),
  broken({
    name: 'forgotten in the middle',
    stage: 5,
    bug: 'When many producers come, the one of an open transaction is forgotten, and the transaction with it.',
    killedBy: 'a producer in an open transaction is not forgotten, however many others there are',
    instead: (sound) => {
      let openedCount = 0;
      return {
        ...changedTransactions(sound, ({ commit, abort }) => ({
          commit: () => (openedCount > 2 ? abort() : commit()),
        })),
        openProducer: (options) => {
          openedCount += 1;
          return sound.openProducer(options);
        },
      };
    },
  }),
  broken({
    name: 'a name for each',
    stage: 5,
    bug: 'Names of transactions are not compared, so that what an older owner left open stays open.',
    killedBy: 'to begin under a name aborts what an older owner of it left open',
    instead: ({ begin }) => ({ begin: ({ transactionalId: _, ...options } = {}) => begin(options) }),
  }),
  broken({
    name: 'an older owner may still abort',
    stage: 5,
    bug: 'An older owner that aborts is told that it did, as if it still owned something.',
    killedBy: 'an older owner of a name is fenced on each of its calls, and changes nothing',
    instead: (sound) => allowed(sound, ['MQ_PRODUCER_FENCED'], ['abort']),
  }),
  broken({
    name: 'the zombie is served',
    stage: 5,
    bug: 'A producer that wakes after an hour is told that its send was accepted.',
    killedBy: 'an owner that wakes after a long pause finds its place taken, and nothing of it shows',
    instead: (sound) => allowed(sound, ['MQ_PRODUCER_FENCED', 'MQ_TRANSACTION_ENDED'], ['send']),
  }),
  broken({
    name: 'the latest of its name',
    stage: 5,
    bug: 'A commit names its producer and not its transaction: one that comes late commits the next one.',
    killedBy: 'a late commit or abort of an ended transaction does not reach the one that came after it',
    instead: ({ begin }) => {
      let latest: Transaction | undefined;
      return {
        begin: async (options) => {
          const transaction = await begin(options);
          latest = transaction;
          const { id, send, sendBatch, ack, commitOffset } = bound(transaction);
          const end = (how: 'commit' | 'abort') => () => (latest ?? transaction)[how]();
          return { id, send, sendBatch, ack, commitOffset, commit: end('commit'), abort: end('abort') };
        },
      };
    },
  }),
  broken({
    name: 'one name for all',
    stage: 5,
    bug: 'Transactions without a name share one, and fence each other.',
    killedBy: 'transactions under different names, and under none, do not disturb each other',
    instead: ({ begin }) => {
      let openedCount = 0;
      let isAborted = false;
      return {
        begin: async (options) => {
          const transaction = bound(await begin(options));
          openedCount += 1;
          if (openedCount < 4 || isAborted) return transaction;
          isAborted = true;
          return { ...transaction, commit: transaction.abort };
        },
      };
    },
  }),
  broken({
    name: 'one take-over in seven fails',
    stage: 5,
    bug: 'Now and then what an older owner left open is committed when the next one begins.',
    killedBy: 'one owner after the other under one name, each with many transactions, loses and repeats nothing',
    instead: ({ begin }) => {
      let left: Transaction | undefined;
      let begunCount = 0;
      return {
        begin: async (options) => {
          begunCount += 1;
          if (begunCount % 7 === 0) await left?.commit().catch(() => undefined);
          left = await begin(options);
          return left;
        },
      };
    },
  }),
];

/** The calls of a transaction, which may be called without it. */
function bound(transaction: Transaction): Transaction {
  const { id } = transaction;
  return {
    id,
    send: (...args) => transaction.send(...args),
    sendBatch: (...args) => transaction.sendBatch(...args),
    ack: (...args) => transaction.ack(...args),
    commitOffset: (...args) => transaction.commitOffset(...args),
    commit: () => transaction.commit(),
    abort: () => transaction.abort(),
  };
}

/** Calls that are to be refused with one of `codes` are answered with success, and do nothing. */
function allowed(
  sound: Broker,
  codes: readonly ErrorCode[],
  calls: readonly ('send' | 'commit' | 'abort')[],
): Partial<Broker> {
  const forgiving = async <T>(call: Promise<T>, answer: T): Promise<T> => {
    try {
      return await call;
    } catch (error) {
      if (codes.some((code) => isMqError(error, code))) return answer;
      throw error;
    }
  };
  return changedTransactions(sound, ({ send, commit, abort }) => ({
    send: (topic, message, options) => {
      const receipt = { topic, partition: 0, offset: 0, id: 'lost', durability: 'written' } as const;
      const call = send(topic, message, options);
      return calls.includes('send') ? forgiving(call, receipt) : call;
    },
    commit: () => (calls.includes('commit') ? forgiving(commit(), undefined) : commit()),
    abort: () => (calls.includes('abort') ? forgiving(abort(), undefined) : abort()),
  }));
}
