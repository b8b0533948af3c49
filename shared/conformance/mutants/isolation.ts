/** Mutants that show what is not committed, hide what is, or hold readers up. */
import type { Broker, FetchOptions } from '../../contract/broker.ts';
import type { TopicDescription } from '../../contract/description.ts';
import { broken, changedTransactions, type Mutant } from './mutant.ts';
import { sentOutside } from './transactions.ts';

/** Aborted records in a row that a bad reader gives up at. */
const PATIENCE = 500;

export const isolationMutants: readonly Mutant[] = [
  broken({
    name: 'who asks for committed records gets all',
    stage: 5,
    bug: 'The isolation that a reader asks for is ignored, and it sees what is open.',
    killedBy: 'a reader that asks for committed records only sees none of an open transaction',
    instead: sentOutside,
  }),
  broken({
    name: 'uncommitted by default',
    stage: 5,
    bug: 'A reader that says nothing sees what was aborted.',
    killedBy: 'who says nothing reads committed records only',
    instead: ({ fetch }) => ({
      fetch: (topic, options) => fetch(topic, { isolation: 'read-uncommitted', ...options }),
    }),
  }),
  broken({
    name: 'committed for everybody',
    stage: 5,
    bug: 'Whoever wants to look at what is open sees nothing of it.',
    killedBy: 'reading uncommitted shows what is open and what was aborted, and no markers',
    instead: ({ fetch }) => ({
      fetch: (topic, options) => fetch(topic, { ...options, isolation: 'read-committed' }),
    }),
  }),
  broken({
    name: 'around an open transaction',
    stage: 5,
    bug: 'Readers are given what stands behind an open transaction, and go back when it is committed.',
    killedBy:
      'what stands behind an open transaction waits for its end, so that the order of the log is that of reading',
    instead: (sound) =>
      changedTransactions(sound, ({ send, commit }) => {
        const held: Parameters<typeof send>[] = [];
        return {
          send: async (...args) => {
            held.push(args);
            return { topic: args[0], partition: 0, offset: 0, id: 'held', durability: 'written' };
          },
          commit: async () => {
            for (const args of held) await send(...args);
            await commit();
          },
        };
      }),
  }),
  broken({
    name: 'stable up to the end',
    stage: 5,
    bug: 'The last stable offset is told as the end of the log, and readers believe that they have seen everything.',
    killedBy: 'the last stable offset is that of the first record of the first open transaction',
    instead: ({ fetch, describeTopics }) => ({
      fetch: async (...args) => {
        const result = await fetch(...args);
        return { ...result, lastStableOffset: result.highWatermark };
      },
      describeTopics: async (...args) =>
        (await describeTopics(...args)).map((topic) => ({ ...topic, lastStableOffset: topic.logEndOffset })),
    }),
  }),
  broken({
    name: 'a fetch sleeps through a commit',
    stage: 5,
    bug: 'A fetch that waits is woken by new records only, and those of a transaction are no longer new at its commit.',
    killedBy: 'a fetch that waits at the last stable offset wakes when the transaction there is committed',
    instead: (sound) => ({
      fetch: async (topic, options) => {
        const isHeldUp = await hasOpen(sound, topic);
        const result = await sound.fetch(topic, options);
        return isHeldUp ? { ...result, records: [], nextOffset: options?.offset ?? 0 } : result;
      },
    }),
  }),
  broken({
    name: 'a receive sleeps through a commit',
    stage: 5,
    bug: 'A receive that waits is not woken when a transaction ends.',
    killedBy:
      'a receive that waits wakes when a transaction is committed, and when one is aborted before what it wants',
    instead: (sound) => ({
      receive: async (topic, options) => {
        const isHeldUp = await hasOpen(sound, topic);
        const deliveries = await sound.receive(topic, options);
        return isHeldUp ? [] : deliveries;
      },
    }),
  }),
  broken({
    name: 'a fetch stays before what was aborted',
    stage: 5,
    bug: 'A fetch that waited before a transaction finds nothing when that is aborted, however much stands behind it.',
    killedBy: 'a fetch that waits goes on behind a transaction that is aborted',
    instead: (sound) => {
      const held = new Set<string>();
      return {
        fetch: async (topic, options) => {
          if (await hasOpen(sound, topic)) held.add(topic);
          const result = await sound.fetch(topic, options);
          return held.has(topic) ? { ...result, records: [], nextOffset: options?.offset ?? 0 } : result;
        },
      };
    },
  }),
  broken({
    name: 'no patience with aborted records',
    stage: 5,
    bug: 'A reader that meets too many aborted records is told that it has reached the end.',
    killedBy: 'aborted records are passed over, one by one and many, and hold nobody up',
    instead: ({ fetch }) => ({
      fetch: async (topic, options: FetchOptions = {}) => {
        const result = await fetch(topic, options);
        const { offset = 0 } = options;
        const last = result.records.findIndex((record, index) => {
          const before = index === 0 ? offset : (result.records[index - 1]?.offset ?? 0);
          return (record.offset ?? 0) - before > PATIENCE;
        });
        if (last === -1 && result.nextOffset - offset <= PATIENCE) return result;
        const records = last === -1 ? [] : result.records.slice(0, last);
        return { ...result, records, nextOffset: (records.at(-1)?.offset ?? offset - 1) + 1 };
      },
    }),
  }),
  broken({
    name: 'aborted records are work',
    stage: 5,
    bug: 'A group that has done all its work is told that there is more: what was aborted counts as open.',
    killedBy: 'a group that has finished everything it can get has no lag, whatever was aborted',
    instead: (sound) =>
      described(sound, (topic) => ({
        ...topic,
        groups: topic.groups.map((group) => ({ ...group, lag: group.lag + 3 })),
      })),
  }),
  broken({
    name: 'open for ever',
    stage: 5,
    bug: 'A transaction that has ended is still counted as open, and an operator looks for who holds everybody up.',
    killedBy: 'a description counts the open transactions that wrote to a topic',
    instead: (sound) => {
      let most = 0;
      return described(sound, (topic) => {
        most = Math.max(most, topic.openTransactionCount ?? 0);
        return { ...topic, openTransactionCount: most };
      });
    },
  }),
  broken({
    name: 'browsing looks at everything',
    stage: 5,
    bug: 'Browsing lists what is not committed, as the screen of an operator would.',
    killedBy: 'browsing shows nothing of a transaction that is open or was aborted',
    instead: ({ fetch }) => ({
      browse: async (topic, { max = 1 } = {}) => {
        const { records } = await fetch(topic, { max, isolation: 'read-uncommitted' });
        return records.map((record) => ({ ...record, state: 'available', deliveryCount: 0 }));
      },
    }),
  }),
  broken({
    name: 'subscribers sleep through a commit',
    stage: 5,
    bug: 'A subscriber is not pushed what was committed until something else is sent.',
    killedBy: 'subscribers are pushed what was committed, when it is',
    instead: (sound) => {
      const slept = new Set<string>();
      return {
        ...changedTransactions(sound, ({ send }) => ({
          send: (topic, message, options) => {
            slept.add(topic);
            return send(topic, message, options);
          },
        })),
        subscribe: (topic, options, onDelivery) =>
          sound.subscribe(topic, options, (delivery) => {
            if (!slept.has(delivery.topic)) onDelivery(delivery);
          }),
      };
    },
  }),
];

async function hasOpen({ describeTopics }: Broker, topic: string): Promise<boolean> {
  const [description] = await describeTopics({ topic });
  return (description?.openTransactionCount ?? 0) > 0;
}

function described({ describeTopics }: Broker, change: (topic: TopicDescription) => TopicDescription): Partial<Broker> {
  return { describeTopics: async (...args) => (await describeTopics(...args)).map(change) };
}
