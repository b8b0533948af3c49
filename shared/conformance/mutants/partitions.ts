/** Mutants that put messages into the wrong partition, or take one partition for another. */
import { isMqError } from '../../contract/errors.ts';
import { givenBack } from './given-back.ts';
import { handedOut, isAcked } from './handed-out.ts';
import { broken, type Mutant, receiptsCountedFromZero } from './mutant.ts';
import { clampedNumber } from './wrong-numbers.ts';

export const partitionMutants: readonly Mutant[] = [
  broken({
    name: 'keys are not looked at',
    stage: 4,
    bug: 'The messages of one customer are in several partitions, and nobody can say in which order they were sent.',
    killedBy: 'messages with equal keys go to the same partition, in order',
    instead: ({ send }) => ({ send: (topic, { key: _, ...message }, options) => send(topic, message, options) }),
  }),
  broken({
    name: 'a hash of its own',
    stage: 4,
    bug: 'The broker and its clients do not agree on the partition of a key, so batches are refused.',
    killedBy: 'the partition of a key is the CRC32C of its UTF-8 bytes modulo the number of partitions',
    instead: ({ send }) => ({
      send: (topic, message, options) =>
        send(topic, message, { partition: (message.key ?? '').length % 7, ...options }),
    }),
  }),
  broken({
    name: 'everything into the first',
    stage: 4,
    bug: 'Messages without a key all go to partition 0, and the other partitions are idle.',
    killedBy: 'messages without a key go round the partitions in turn',
    instead: ({ send }) => ({
      send: (topic, message, options) => send(topic, message, message.key === undefined ? { partition: 0 } : options),
    }),
  }),
  broken({
    name: 'the key wins',
    stage: 4,
    bug: 'A sender that names a partition is not listened to when its message has a key.',
    killedBy: 'a message goes to the partition its sender names, whatever its key',
    instead: ({ send }) => ({
      send: (topic, message, options) =>
        message.key === undefined ? send(topic, message, options) : send(topic, message),
    }),
  }),
  broken({
    name: 'offsets of the topic',
    stage: 4,
    bug: 'Receipts count the messages of the topic instead of those of the partition, so nothing is found there.',
    killedBy: 'each partition counts its offsets from 0, and the numbers of the topic are their sums',
    instead: receiptsCountedFromZero,
  }),
  broken({
    name: 'batches into the first',
    stage: 4,
    bug: 'All batches without keys go to one partition.',
    killedBy: 'a batch goes to one partition, that of its keys, and the next batch without keys to another',
    instead: ({ sendBatch }) => ({
      sendBatch: (topic, messages, options) => {
        const hasKey = messages.some(({ key }) => key !== undefined);
        return sendBatch(topic, messages, hasKey ? options : { partition: 0, ...options });
      },
    }),
  }),
  broken({
    name: 'the first key for all',
    stage: 4,
    bug: 'A batch goes where its first key belongs, and the other keys are in two partitions from then on.',
    killedBy: 'a batch whose keys belong to different partitions is refused',
    instead: ({ sendBatch }) => ({
      sendBatch: (topic, messages, options) => sendBatch(topic, messages, { partition: 0, ...options }),
    }),
  }),
  broken({
    name: 'partitions go round',
    stage: 4,
    bug: 'A partition that does not exist is taken for another one.',
    killedBy: 'a partition that does not exist is refused by every operation that names one',
    instead: ({ fetch }) => ({
      fetch: (topic, { partition = 0, ...options } = {}) =>
        fetch(topic, { ...options, partition: clampedNumber(partition, 0, 1) }),
    }),
  }),
  broken({
    name: 'no partitions are one',
    stage: 4,
    bug: 'A topic of no partitions is made all the same.',
    killedBy: 'a partitionCount that is no whole number from 1 is refused, and one topic keeps the count it has',
    instead: ({ createTopic }) => ({
      createTopic: (topic, { partitionCount = 1, ...options } = {}) =>
        createTopic(topic, { ...options, partitionCount: clampedNumber(partitionCount, 1) }),
    }),
  }),
  broken({
    name: 'an answer from behind',
    stage: 4,
    bug: 'The messages of one answer come in the wrong order.',
    killedBy: 'concurrent producers with keys: every key keeps the order of each of its producers',
    instead: ({ receive }) => ({ receive: async (...args) => (await receive(...args)).toReversed() }),
  }),
  broken({
    name: 'only the first partition',
    stage: 4,
    bug: 'A group never gets what is in the second partition and beyond.',
    killedBy: 'a group receives from all partitions of a topic, from each in order',
    instead: ({ receive }) => ({
      receive: async (...args) => (await receive(...args)).filter(({ partition }) => partition === 0),
    }),
  }),
  broken({
    name: 'one partition after the other',
    stage: 4,
    bug: 'As long as there is something in partition 0 nobody gets anything of partition 1.',
    killedBy: 'no partition starves: a busy one does not keep a group from the others',
    instead: (sound) => ({
      receive: async (topic, options = {}) => {
        const all = await sound.receive(topic, { ...options, max: 1024 });
        const [first] = all.toSorted((a, b) => a.partition - b.partition);
        return givenBack(sound, all, {
          keep: ({ partition }) => partition === first?.partition,
          max: options.max ?? 1,
        });
      },
    }),
  }),
  broken({
    name: 'woken for partition 0',
    stage: 4,
    bug: 'Whoever waits for a message sleeps on when it comes in another partition than the first.',
    killedBy: 'a waiting receive wakes for a message in any partition',
    instead: (sound) => ({
      receive: async (topic, options = {}) => {
        const deliveries = await sound.receive(topic, options);
        return options.waitMs === undefined
          ? deliveries
          : givenBack(sound, deliveries, { keep: ({ partition }) => partition === 0 });
      },
    }),
  }),
  broken({
    name: 'a fetch of partition 0',
    stage: 4,
    bug: 'Whatever partition a reader asks for, it reads the first.',
    killedBy: 'a fetch reads one partition and waits for that one alone',
    instead: ({ fetch }) => ({ fetch: (topic, { partition: _, ...options } = {}) => fetch(topic, options) }),
  }),
  broken({
    name: 'one position for all partitions',
    stage: 4,
    bug: 'A commit in one partition is a commit in the first, so the others are read again and again.',
    killedBy: 'a log group commits in each partition for itself',
    instead: ({ commit }) => ({ commit: (topic, { partition: _, ...options }) => commit(topic, options) }),
  }),
  broken({
    name: 'a token for any partition',
    stage: 4,
    bug: 'An ack that names the wrong partition is accepted.',
    killedBy: 'an ack finishes the message of its own partition only',
    instead: (sound) => {
      const { deliveries, receive } = handedOut(sound);
      return {
        receive,
        ack: (refs, options) =>
          sound.ack(
            refs.map((ref) => deliveries.find(({ leaseToken }) => leaseToken === ref.leaseToken) ?? ref),
            options,
          ),
      };
    },
  }),
  broken({
    name: 'cumulative over partitions',
    stage: 4,
    bug: 'A cumulative ack finishes what is below its offset in every partition.',
    killedBy: 'a cumulative ack finishes what came before in its partition and nothing in another',
    instead: (sound) => {
      const { deliveries, receive } = handedOut(sound);
      return {
        receive,
        ack: async (refs, options) => {
          await sound.ack(refs, options);
          const highest = Math.max(...refs.map(({ offset }) => offset ?? 0));
          for (const delivery of deliveries) if ((delivery.offset ?? 0) <= highest) await isAcked(sound, delivery);
        },
      };
    },
  }),
  broken({
    name: 'a seek of all partitions',
    stage: 4,
    bug: 'Whoever moves a group in one partition moves it in all of them.',
    killedBy: 'seek moves a group in the partition it names and in no other',
    instead: ({ seek }) => ({
      seek: async (topic, options) => {
        await seek(topic, { ...options, partition: 0 }).catch((error: unknown) => {
          if (!isMqError(error, 'MQ_OFFSET_OUT_OF_RANGE')) throw error;
        });
        return seek(topic, options);
      },
    }),
  }),
  broken({
    name: 'browsing the first',
    stage: 4,
    bug: 'Whatever partition one browses, the first is shown.',
    killedBy: 'browse lists one partition',
    instead: ({ browse }) => ({ browse: (topic, { partition: _, ...options } = {}) => browse(topic, options) }),
  }),
];
