/** Mutants that make, describe and delete topics as they should not. */
import { isMqError } from '../../contract/errors.ts';
import { broken, type Mutant } from './mutant.ts';
import { renamedTopics } from './renamed-topics.ts';

export const topicMutants: readonly Mutant[] = [
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
    name: 'topics only by hand',
    stage: 1,
    bug: 'The first message to a new topic is refused until somebody has created it.',
    killedBy: 'send and receive create the topic they name',
    given: (options) => ({ ...options, autoCreateTopics: false }),
  }),
  broken({
    name: 'a number that is none',
    stage: 1,
    bug: 'A count that could not be computed is NaN, and JSON makes null of it.',
    killedBy: 'a description and an inside are plain JSON',
    instead: ({ describeTopics }) => ({
      describeTopics: async (...args) =>
        (await describeTopics(...args)).map((each) => ({ ...each, redeliveredCount: Number.NaN })),
    }),
  }),
  broken({
    name: 'created by a mistake',
    stage: 1,
    bug: 'A send that is refused leaves an empty topic behind, and a misspelt name stays in every list.',
    killedBy: 'a send or receive that is refused creates no topic and no group',
    instead: ({ createTopic, send }) => ({
      send: async (topic, message, options) => {
        await createTopic(topic);
        return send(topic, message, options);
      },
    }),
  }),
  broken({
    name: 'a group nobody asked for',
    stage: 2,
    bug: 'A receive that was aborted leaves a durable group behind, for which every producer waits from then on.',
    killedBy: 'a send or receive that is refused creates no topic and no group',
    instead: ({ createGroup, receive }) => ({
      receive: async (topic, options) => {
        await createGroup(topic, options?.group ?? 'default').catch(() => undefined);
        return receive(topic, options);
      },
    }),
  }),
];
