/** Mutants that delete too much, too little, or at the wrong time. */
import { broken, type Mutant } from './mutant.ts';
import { clampedNumber } from './wrong-numbers.ts';

const DAY_MS = 24 * 3_600_000;

export const retentionMutants: readonly Mutant[] = [
  broken({
    name: 'minutes for hours',
    stage: 4,
    bug: 'Records are deleted long before they are as old as they may be.',
    killedBy: 'records older than retentionMs are deleted, finished or not, and the others keep their offsets',
    instead: ({ createTopic }) => ({
      createTopic: (topic, { retentionMs = DAY_MS, ...options } = {}) =>
        createTopic(topic, { ...options, retentionMs: Math.ceil(retentionMs / 60) }),
    }),
  }),
  broken({
    name: 'an empty log begins anew',
    stage: 4,
    bug: 'When everything was deleted offsets begin at 0 again, and readers take new messages for old ones.',
    killedBy: 'when everything is too old the topic is empty, and the next message has the next offset',
    instead: ({ send, describeTopics }) => ({
      send: async (topic, ...rest) => {
        const [description] = await describeTopics({ topic });
        const receipt = await send(topic, ...rest);
        const isEmpty = description?.logStartOffset === description?.logEndOffset;
        return isEmpty ? { ...receipt, offset: 0 } : receipt;
      },
    }),
  }),
  broken({
    name: 'a day by default',
    stage: 4,
    bug: 'Messages nobody asked to delete are gone after a day.',
    killedBy: 'a topic without retentionMs keeps what is old',
    given: (options) => ({ ...options, topicDefaults: { ...options.topicDefaults, retentionMs: DAY_MS } }),
  }),
  broken({
    name: 'the quickest group decides',
    stage: 4,
    bug: 'A record is deleted when the first group has finished it, and the others never get it.',
    killedBy: 'with deleteFinished a record goes as soon as every group has finished it, and not before',
    instead: ({ describeTopics }) => ({
      describeTopics: async (...args) =>
        (await describeTopics(...args)).map((topic) => ({
          ...topic,
          logStartOffset: Math.max(topic.logStartOffset, ...topic.groups.map((group) => group.committedOffset)),
        })),
    }),
  }),
  broken({
    name: 'who looks on does not count',
    stage: 4,
    bug: 'A record is deleted when the durable groups have finished it, while a live subscriber works on it.',
    killedBy: 'with deleteFinished a record goes as soon as every group has finished it, and not before',
    instead: ({ describeTopics }) => ({
      describeTopics: async (...args) =>
        (await describeTopics(...args)).map((topic) => {
          const floors = topic.groups.filter(({ isEphemeral }) => !isEphemeral).map((group) => group.committedOffset);
          const isFinished = floors.length < topic.groups.length && floors.length > 0;
          return isFinished ? { ...topic, logStartOffset: Math.min(...floors) } : topic;
        }),
    }),
  }),
  broken({
    name: 'finished is deleted',
    stage: 4,
    bug: 'A topic is emptied as it is read although nobody asked for it, and a later group finds nothing.',
    killedBy: 'without deleteFinished what is finished stays as long as there is room',
    given: (options) => ({ ...options, topicDefaults: { ...options.topicDefaults, deleteFinished: true } }),
  }),
  broken({
    name: 'deleted files come back',
    stage: 4,
    bug: 'After a restart a topic says that it holds what it had deleted.',
    killedBy: 'what was deleted does not come back with a restart, and offsets go on where they were',
    instead: ({ describeTopics }, _, { isRestarted }) => ({
      describeTopics: async (...args) =>
        (await describeTopics(...args)).map((topic) => (isRestarted ? { ...topic, logStartOffset: 0 } : topic)),
    }),
  }),
  broken({
    name: 'any retention is welcome',
    stage: 4,
    bug: 'A retention of nothing is taken for one of a millisecond, and the topic is always empty.',
    killedBy: 'a retentionMs that is no whole number from 1, and a deleteFinished that is no truth value, are refused',
    instead: ({ createTopic }) => ({
      createTopic: (topic, { retentionMs, ...options } = {}) =>
        createTopic(topic, {
          ...options,
          ...(retentionMs === undefined ? {} : { retentionMs: clampedNumber(retentionMs, 1) }),
        }),
    }),
  }),
];
