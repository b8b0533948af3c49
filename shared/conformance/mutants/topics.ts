/** Mutants that mix up names, describe what is not so, or take what they should refuse. */
import { isMqError, MqError } from '../../contract/errors.ts';
import { broken, type Mutant } from './mutant.ts';
import { renamedTopics } from './renamed-topics.ts';

export const topicMutants: readonly Mutant[] = [
  broken({
    name: 'names without case',
    stage: 1,
    bug: 'Orders and orders are one topic, as they are one file on some disks.',
    killedBy: 'names that differ only in case, in slashes or in percent signs are different topics',
    instead: (sound) => renamedTopics(sound, (topic) => topic.toLowerCase()),
  }),
  broken({
    name: 'names as keys of an object',
    stage: 1,
    bug: 'A topic called constructor cannot be made: every plain object seems to have one already.',
    killedBy: 'a topic may have any well-formed name, and messages sent to it arrive under exactly this name',
    instead: ({ send }) => ({
      send: async (topic, message, options) => {
        const queues: Record<string, Promise<unknown>[]> = {};
        if (queues[topic] !== undefined) throw new MqError('MQ_INTERNAL', 'queues[topic].push is not a function');
        return send(topic, message, options);
      },
    }),
  }),
  broken({
    name: 'names compared byte by byte',
    stage: 1,
    bug: 'A name typed on a Mac is another topic than the same name typed on Windows.',
    killedBy: 'two spellings of one name in Unicode are the same topic',
    instead: (sound) => renamedTopics(sound, (topic) => Buffer.from(topic).toString('hex')),
  }),
  broken({
    name: 'topics sorted by the language of the machine',
    stage: 1,
    bug: 'The same broker lists its topics in another order on another machine.',
    killedBy: 'topics are described in the order of their names',
    instead: ({ describeTopics }) => ({
      describeTopics: async (...args) => {
        const descriptions = await describeTopics(...args);
        return descriptions.toSorted((one, other) => one.topic.localeCompare(other.topic, 'en'));
      },
    }),
  }),
  broken({
    name: 'lag never shrinks',
    stage: 1,
    bug: 'The lag of a topic counts every message ever sent, so the alarm rings although all is read.',
    killedBy: 'a topic counts what is available and where its log begins and ends',
    instead: ({ describeTopics }) => ({
      describeTopics: async (...args) =>
        (await describeTopics(...args)).map((each) => ({ ...each, lag: each.logEndOffset })),
    }),
  }),
  broken({
    name: 'in flight counts as available',
    stage: 2,
    bug: 'Three messages are shown as available while two of them are being worked on.',
    killedBy: 'what is in flight is counted as in flight, and what came again as redelivered',
    instead: ({ describeTopics }) => ({
      describeTopics: async (...args) =>
        (await describeTopics(...args)).map((each) => ({ ...each, availableCount: each.lag })),
    }),
  }),
  broken({
    name: 'createTopic empties the topic',
    stage: 1,
    bug: 'A second program that creates its topic at the start wipes out what the first one sent.',
    killedBy: 'creating a topic again with equal options changes nothing',
    instead: ({ createTopic, deleteTopic }) => ({
      createTopic: async (topic, options) => {
        await createTopic(topic, options);
        await deleteTopic(topic);
        await createTopic(topic, options);
      },
    }),
  }),
  broken({
    name: 'other options shrugged off',
    stage: 1,
    bug: 'A program asks for a topic of ten messages, is told yes, and gets the one of a thousand that was there.',
    killedBy: 'creating a topic again with other options is MQ_TOPIC_EXISTS',
    instead: ({ createTopic }) => ({
      createTopic: async (...args) => {
        await createTopic(...args).catch((error: unknown) => {
          if (!isMqError(error, 'MQ_TOPIC_EXISTS')) throw error;
        });
      },
    }),
  }),
  broken({
    name: 'asking creates',
    stage: 1,
    bug: 'A misspelt name in a question makes a topic of that name, and the list fills up.',
    killedBy: 'every other call on an unknown topic is MQ_UNKNOWN_TOPIC',
    instead: ({ receive, describeTopics }) => ({
      describeTopics: async (options) => {
        if (options?.topic !== undefined) await receive(options.topic);
        return describeTopics(options);
      },
    }),
  }),
  broken({
    name: 'autoCreateTopics ignored',
    stage: 1,
    bug: 'An operator forbids new topics, and a misspelt name still makes one.',
    killedBy: 'a broker told not to create topics refuses to send to and receive from an unknown one',
    given: (options) => ({ ...options, autoCreateTopics: true }),
  }),
  broken({
    name: 'topics without limit',
    stage: 1,
    bug: 'A loop over user names makes millions of topics until the memory is full.',
    killedBy: 'more topics than topicsCountMax is MQ_LIMIT_EXCEEDED',
    given: ({ limits: _, ...options }) => options,
  }),
  broken({
    name: 'waiters without limit',
    stage: 2,
    bug: 'Clients that only wait take all the memory, since nobody counts them.',
    killedBy: 'more waiting calls than waitersCountMax is MQ_LIMIT_EXCEEDED',
    given: ({ limits: _, ...options }) => options,
  }),
  broken({
    name: 'a deleted topic only hides',
    stage: 1,
    bug: 'Somebody deletes a topic, makes it again, and the old messages are back.',
    killedBy: 'the messages of a deleted topic do not come back when it is created again',
    instead: (sound) => {
      const hidden = new Set<string>();
      return {
        createTopic: async (topic, options) => {
          if (!hidden.delete(topic)) await sound.createTopic(topic, options);
        },
        deleteTopic: async (topic) => void hidden.add(topic),
        describeTopics: ({ topic } = {}) =>
          sound.describeTopics({ topic: topic !== undefined && hidden.has(topic) ? `${topic} is hidden` : topic }),
      };
    },
  }),
  broken({
    name: 'deleted under those who wait',
    stage: 1,
    bug: 'A consumer waits on a topic that was deleted, and nobody ever tells it.',
    killedBy: 'calls that wait on a topic are rejected with MQ_UNKNOWN_TOPIC when it is deleted',
    instead: (sound) => {
      let deletedCount = 0;
      return {
        ...renamedTopics(sound, (topic) => `${topic} ${deletedCount}`),
        deleteTopic: async () => {
          deletedCount += 1;
        },
      };
    },
  }),
  broken({
    name: 'misspelt options ignored',
    stage: 1,
    bug: 'A consumer that writes watiMs never waits and never learns why.',
    killedBy: 'a misspelt option is refused, never ignored',
    instead: ({ receive }) => ({
      receive: (topic, { group, memberId, max, bytesMax, waitMs, leaseMs, signal } = {}) =>
        receive(topic, { group, memberId, max, bytesMax, waitMs, leaseMs, signal }),
    }),
  }),
  broken({
    name: 'numbers bent into range',
    stage: 1,
    bug: 'A consumer asks for -1 messages by mistake and gets one.',
    killedBy: 'numbers outside their range are refused by send and receive',
    instead: ({ receive, limits }) => ({
      receive: (topic, options) =>
        receive(topic, { ...options, max: Math.min(Math.max(Number(options?.max ?? 1), 1), limits.receiveCountMax) }),
    }),
  }),
  broken({
    name: 'ack on a broker without leases',
    stage: 1,
    bug: 'A program believes its acknowledgements count, on a broker that has none.',
    killedBy: 'an operation whose capability is missing is refused, naming the capability and the stage that has it',
    instead: () => ({ ack: async () => undefined }),
  }),
  broken({
    name: 'delay ignored',
    stage: 2,
    bug: 'A message to be delivered tomorrow is taken and delivered now.',
    killedBy: 'a message option whose capability is missing is refused, and the message is not taken',
    instead: ({ send }) => ({
      send: (topic, { delayMs: _, ...message }, options) => send(topic, message, options),
    }),
  }),
  broken({
    name: 'reject taken for retry',
    stage: 2,
    bug: 'A consumer rejects a poisonous message for good and gets it again at once.',
    killedBy: 'nack options whose capability is missing are refused, and the delivery stays with its member',
    instead: ({ nack }) => ({ nack: (delivery) => nack(delivery, { outcome: 'retry' }) }),
  }),
  broken({
    name: 'promises more than the contract',
    stage: 2,
    bug: 'A broker says it delivers exactly once, which nobody can test because nothing says what it means.',
    killedBy: 'a broker lists only capabilities of the contract, sending among them',
    instead: ({ capabilities }) => ({
      capabilities: new Set([...capabilities, 'exactly-once']) as unknown as typeof capabilities,
    }),
  }),
  broken({
    name: 'a capability not listed',
    stage: 2,
    bug: 'All tests of a group of promises are skipped, and the broker looks complete.',
    killedBy: 'a broker of a stage has every capability of its stage that its door can carry',
    instead: ({ capabilities }) => ({ capabilities: new Set([...capabilities].filter((name) => name !== 'browse')) }),
  }),
];
