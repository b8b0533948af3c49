/** Mutants that go on when they should wait, or wait when they should go on. */
import { isMqError } from '../../contract/errors.ts';
import { broken, type Mutant } from './mutant.ts';

export const pausingMutants: readonly Mutant[] = [
  broken({
    name: 'a pause in word',
    stage: 4,
    bug: 'A paused topic goes on as before.',
    killedBy: 'nothing of a paused topic is handed out until it is resumed; sends, acks and fetches go on',
    instead: () => ({ pause: async () => undefined }),
  }),
  broken({
    name: 'sent away while paused',
    stage: 4,
    bug: 'Whoever waits while a topic is paused is answered with nothing at resume, and asks again and again.',
    killedBy: 'a receive waits while paused as if there were nothing, and wakes at resume',
    instead: ({ pause, receive, nack }) => {
      let wasPaused = false;
      return {
        pause: (...args) => {
          wasPaused = true;
          return pause(...args);
        },
        receive: async (...args) => {
          const deliveries = await receive(...args);
          if (!wasPaused) return deliveries;
          for (const delivery of deliveries) await nack(delivery, { outcome: 'return' });
          return [];
        },
      };
    },
  }),
  broken({
    name: 'who waits already is served',
    stage: 4,
    bug: 'A consumer that waited before the pause gets the next message all the same.',
    killedBy: 'a receive that began to wait before the pause gets nothing while it lasts',
    instead: ({ receive }) => {
      let isPaused = false;
      return {
        pause: async () => {
          isPaused = true;
        },
        resume: async () => {
          isPaused = false;
        },
        receive: async (...args) => (isPaused ? [] : receive(...args)),
      };
    },
  }),
  broken({
    name: 'one group, all groups',
    stage: 4,
    bug: 'Whoever pauses one group pauses the topic for everybody.',
    killedBy: 'a paused group does not hold up the other groups',
    instead: ({ pause, resume }) => ({ pause: (topic) => pause(topic), resume: (topic) => resume(topic) }),
  }),
  broken({
    name: 'resume of everything',
    stage: 4,
    bug: 'Resuming a topic resumes a group that somebody paused for a reason of its own.',
    killedBy: 'a topic and its group are paused and resumed for themselves, as often as somebody says so',
    instead: ({ resume, describeTopics }) => ({
      resume: async (topic, options) => {
        await resume(topic, options);
        const [description] = await describeTopics({ topic });
        for (const { group } of description?.groups ?? []) await resume(topic, { group });
      },
    }),
  }),
  broken({
    name: 'nobody sees that it is paused',
    stage: 4,
    bug: 'A description does not say why nothing moves.',
    killedBy: 'a description says whether a topic and a group are paused',
    instead: ({ describeTopics }) => ({
      describeTopics: async (...args) =>
        (await describeTopics(...args)).map(({ isPaused: _, ...topic }) => ({
          ...topic,
          groups: topic.groups.map(({ isPaused: __, ...group }) => group),
        })),
    }),
  }),
  broken({
    name: 'a pause takes everything back',
    stage: 4,
    bug: 'Consumers that are at work when a topic is paused lose their leases.',
    killedBy: 'leases go on while paused: what ends comes again after resume',
    instead: ({ pause, leave, describeTopics }) => ({
      pause: async (topic, options) => {
        await pause(topic, options);
        const [description] = await describeTopics({ topic });
        for (const { group, members } of description?.groups ?? []) {
          for (const { memberId } of members) await leave(topic, { group, memberId });
        }
      },
    }),
  }),
  broken({
    name: 'any name can be paused',
    stage: 4,
    bug: 'A pause of a group whose name was misspelt is answered with success, and its consumers go on.',
    killedBy: 'pause and resume of a topic or group that does not exist are refused',
    instead: ({ pause }) => ({
      pause: (...args) =>
        pause(...args).catch((error: unknown) => {
          if (!isMqError(error, 'MQ_UNKNOWN_GROUP')) throw error;
        }),
    }),
  }),
];
