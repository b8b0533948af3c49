/** Mutants that do not end well: calls that hang, messages accepted after the end, a second close that fails. */
import { isMqError, MqError } from '../../contract/errors.ts';
import { broken, type Mutant } from './mutant.ts';

export const closingMutants: readonly Mutant[] = [
  broken({
    name: 'closed under those who wait',
    stage: 1,
    bug: 'A program that ends its broker hangs: a consumer waits in it for ever.',
    killedBy: 'a waiting receive resolves empty when the broker closes',
    instead: () => ({ close: async () => undefined }),
  }),
  broken({
    name: 'the end is an error',
    stage: 1,
    bug: 'Every consumer logs an error when the broker is stopped in an orderly way.',
    killedBy: 'a waiting receive resolves empty when the broker closes',
    instead: ({ receive, close }) => {
      let isClosed = false;
      return {
        receive: async (...args) => {
          const deliveries = await receive(...args);
          if (!isClosed || deliveries.length > 0) return deliveries;
          throw new MqError('MQ_CLOSED', 'the broker was closed while you waited');
        },
        close: (options) => {
          isClosed = true;
          return close(options);
        },
      };
    },
  }),
  broken({
    name: 'a receipt after the end',
    stage: 1,
    bug: 'A producer waits for room, the broker closes, and the producer is told that its message is safe.',
    killedBy: 'a blocked send is rejected with MQ_CLOSED when the broker closes',
    instead: ({ send }) => ({
      send: async (topic, message, options) => {
        try {
          return await send(topic, message, options);
        } catch (error) {
          if (!isMqError(error, 'MQ_CLOSED')) throw error;
          return { topic, partition: 0, offset: 1, id: message.id ?? 'late', durability: 'memory' };
        }
      },
    }),
  }),
  broken({
    name: 'close only once',
    stage: 1,
    bug: 'A program that closes its broker in two places crashes at the second.',
    killedBy: 'close may be called twice, and also while the first has not ended',
    instead: ({ close }) => {
      let isClosed = false;
      return {
        close: (options) => {
          if (isClosed) return Promise.reject(new MqError('MQ_CLOSED', 'closed already'));
          isClosed = true;
          return close(options);
        },
      };
    },
  }),
  broken({
    name: 'answers after the end',
    stage: 1,
    bug: 'A closed broker describes its topics: none, as if nothing had ever been sent.',
    killedBy: 'after close every operation is refused with MQ_CLOSED',
    instead: ({ describeTopics }) => ({
      describeTopics: (...args) =>
        describeTopics(...args).catch((error: unknown) => {
          if (isMqError(error, 'MQ_CLOSED')) return [];
          throw error;
        }),
    }),
  }),
  broken({
    name: 'await using does nothing',
    stage: 1,
    bug: 'A block that says await using leaves its broker open.',
    killedBy: 'await using closes a broker',
    instead: () => ({ [Symbol.asyncDispose]: async () => undefined }),
  }),
  broken({
    name: 'closed comes first',
    stage: 2,
    bug: 'A closed broker says of transactions, which it never had, that it is closed, and the caller opens another one.',
    killedBy: 'what a broker cannot do it refuses alike open and closed',
    instead: () => ({ begin: () => Promise.reject(new MqError('MQ_CLOSED', 'the broker is closed')) }),
  }),
  broken({
    name: 'sent although aborted',
    stage: 1,
    bug: 'A producer whose work was cancelled before it began sends its message all the same.',
    killedBy: 'a send whose signal was aborted before is not accepted',
    instead: ({ send }) => ({ send: (topic, message) => send(topic, message) }),
  }),
  broken({
    name: 'a fetch forgotten at the end',
    stage: 2,
    bug: 'A reader at the end of the log hangs when the broker closes.',
    killedBy: 'a waiting fetch resolves empty when the broker closes',
    instead: ({ fetch, close }) => {
      let isClosed = false;
      return {
        fetch: async (topic, options) => {
          const result = await fetch(topic, options);
          return isClosed ? new Promise(() => undefined) : result;
        },
        close: (options) => {
          isClosed = true;
          return close(options);
        },
      };
    },
  }),
];
