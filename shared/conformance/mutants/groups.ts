/** Mutants that confuse groups: who shares what, where a group begins, and what is left of one that was deleted. */
import { isMqError } from '../../contract/errors.ts';
import { broken, type Mutant } from './mutant.ts';

export const groupMutants: readonly Mutant[] = [
  broken({
    name: 'one cursor for all groups',
    stage: 2,
    bug: 'Two programs that read the same topic take the messages away from each other.',
    killedBy: 'two groups each see every message',
    instead: ({ receive }) => ({
      receive: (topic, { group: _, ...options } = {}) => receive(topic, options),
    }),
  }),
  broken({
    name: 'a cursor for each member',
    stage: 2,
    bug: 'Starting a second worker doubles the work: both get every message.',
    killedBy: 'the members of one group share its messages, each to one of them',
    instead: ({ receive }) => ({
      receive: (topic, { group, ...options } = {}) =>
        receive(topic, { ...options, group: `${group}-${options.memberId}` }),
    }),
  }),
  broken({
    name: 'a cursor that stands still',
    stage: 2,
    bug: 'Whatever two consumers finish, both are said to be at the beginning.',
    killedBy: 'groups progress independently',
    instead: () => ({ committed: async () => 0 }),
  }),
  broken({
    name: 'a new group begins at the end',
    stage: 2,
    bug: 'A program that is started for the first time sees none of the messages that are there.',
    killedBy: 'a new group starts at the earliest message there is',
    instead: ({ createGroup }) => ({
      createGroup: (topic, group, options) => createGroup(topic, group, { start: 'latest', ...options }),
    }),
  }),
  broken({
    name: 'start ignored',
    stage: 2,
    bug: 'A program that wants only new messages is flooded with those of last year.',
    killedBy: 'a group that starts at latest sees only what is sent later',
    instead: ({ createGroup }) => ({
      createGroup: (topic, group, { start: _, ...options } = {}) => createGroup(topic, group, options),
    }),
  }),
  broken({
    name: 'starts behind its offset',
    stage: 2,
    bug: 'A group that is to start at an offset misses the very message it was started for.',
    killedBy: 'a group that starts at an offset sees that message and all after it',
    instead: ({ createGroup }) => ({
      createGroup: (topic, group, { start, ...options } = {}) => {
        const isOffset = typeof start === 'object' && 'offset' in start;
        return createGroup(topic, group, { ...options, start: isOffset ? { offset: start.offset + 1 } : start });
      },
    }),
  }),
  broken({
    name: 'an ephemeral group hears the past',
    stage: 2,
    bug: 'A screen that shows live prices begins with those of yesterday.',
    killedBy: 'an ephemeral group starts at latest and dies with its last member',
    instead: ({ createGroup }) => ({
      createGroup: (topic, group, options) => createGroup(topic, group, { start: 'earliest', ...options }),
    }),
  }),
  broken({
    name: 'an ephemeral group that stays',
    stage: 2,
    bug: 'A topic fills up and blocks, kept by the groups of screens that were closed long ago.',
    killedBy: 'an ephemeral group dies when its last member was silent for its time',
    given: ({ memberTimeoutMs: _, ...options }) => options,
  }),
  broken({
    name: 'durable only while somebody is there',
    stage: 2,
    bug: 'What was sent during the night, while the program was off, never arrives.',
    killedBy: 'a durable group gets what was sent while nobody of it was there',
    instead: ({ leave, deleteGroup, createGroup, receive }) => {
      const left = new Set<string>();
      return {
        leave: async (topic, options) => {
          const { group = 'default' } = options;
          await leave(topic, options);
          await deleteGroup(topic, group);
          left.add(group);
        },
        receive: async (topic, options) => {
          const { group = 'default' } = options ?? {};
          if (left.delete(group)) await createGroup(topic, group, { start: 'latest' });
          return receive(topic, options);
        },
      };
    },
  }),
  broken({
    name: 'gone when the first group is done',
    stage: 2,
    bug: 'A group that comes an hour later finds nothing, although there is room for millions.',
    killedBy: 'what every group has finished is still there for a group that comes later, while there is room',
    instead: ({ receive, createGroup, describeTopics }) => ({
      receive: async (topic, options) => {
        const [description] = await describeTopics({ topic });
        const groups = description?.groups ?? [];
        const isNew = groups.every(({ group }) => group !== options?.group);
        const offset = Math.min(...groups.map(({ committedOffset }) => committedOffset));
        if (isNew && groups.length > 0) await createGroup(topic, options?.group ?? 'default', { start: { offset } });
        return receive(topic, options);
      },
    }),
  }),
  broken({
    name: 'other group options shrugged off',
    stage: 2,
    bug: 'A program asks for a group that reports gaps, is told yes, and gets one that hides them.',
    killedBy: 'creating a group again with equal options changes nothing and with others is MQ_GROUP_EXISTS',
    instead: ({ createGroup }) => ({
      createGroup: (...args) =>
        createGroup(...args).catch((error: unknown) => {
          if (!isMqError(error, 'MQ_GROUP_EXISTS')) throw error;
        }),
    }),
  }),
  broken({
    name: 'a deleted group comes back where it was',
    stage: 2,
    bug: 'Somebody deletes a group to read everything again, and it goes on where it was.',
    killedBy: 'a deleted group is forgotten and a new one of its name starts again',
    instead: ({ deleteGroup, createGroup, receive, describeTopics }) => {
      const positions = new Map<string, number>();
      return {
        deleteGroup: async (topic, group) => {
          const [description] = await describeTopics({ topic });
          const { logEndOffset = 0, availableCount = 0 } = description ?? {};
          await deleteGroup(topic, group);
          positions.set(group, logEndOffset - availableCount);
        },
        receive: async (topic, options) => {
          const { group = 'default' } = options ?? {};
          const offset = positions.get(group);
          if (offset !== undefined) await createGroup(topic, group, { start: { offset } });
          return receive(topic, options);
        },
      };
    },
  }),
  broken({
    name: 'a group of both kinds',
    stage: 2,
    bug: 'A group is read by offset and by receive at once, and each skips what the other took.',
    killedBy: 'a group is for receiving or for committing and stays what its first use made it',
    instead: ({ commit, seek }) => ({
      commit: (topic, options) =>
        commit(topic, options).catch((error: unknown) => {
          if (!isMqError(error, 'MQ_GROUP_KIND')) throw error;
          return seek(topic, { group: options.group, to: { offset: options.offset } });
        }),
    }),
  }),
  broken({
    name: 'groups without limit',
    stage: 2,
    bug: 'A program that makes a group for each visitor fills the memory.',
    killedBy: 'more groups than groupsCountMax is MQ_LIMIT_EXCEEDED',
    given: ({ limits: _, ...options }) => options,
  }),
  broken({
    name: 'one group for all topics',
    stage: 2,
    bug: 'A group begins on a second topic where it was on the first, and skips as many messages.',
    killedBy: 'groups of the same name on two topics have nothing in common',
    instead: ({ receive, ack, createGroup }) => {
      let finishedCount = 0;
      const topics = new Set<string>();
      return {
        receive: async (topic, options) => {
          const start = { offset: Math.min(finishedCount, 1) };
          if (!topics.has(topic)) await createGroup(topic, options?.group ?? 'default', { start });
          topics.add(topic);
          return receive(topic, options);
        },
        ack: (refs, options) => {
          finishedCount += refs.length;
          return ack(refs, options);
        },
      };
    },
  }),
  broken({
    name: 'one group woken and no other',
    stage: 2,
    bug: 'Of two groups that wait only the first gets a new message, and the other waits in vain.',
    killedBy: 'one message wakes one waiting member of each group',
    instead: ({ receive, nack }) => {
      let first: string | undefined;
      return {
        receive: async (topic, options) => {
          first ??= options?.group;
          const deliveries = await receive(topic, options);
          if (options?.group === first || !options?.waitMs) return deliveries;
          for (const delivery of deliveries) await nack(delivery, { outcome: 'return' });
          return [];
        },
      };
    },
  }),
  broken({
    name: 'a deleted group is a quiet one',
    stage: 2,
    bug: 'A consumer whose group was deleted is answered empty, asks again, and so makes the group anew.',
    killedBy: 'a receive that waits in a group is rejected with MQ_UNKNOWN_GROUP when the group is deleted',
    instead: ({ receive }) => ({
      receive: (...args) =>
        receive(...args).catch((error: unknown) => {
          if (isMqError(error, 'MQ_UNKNOWN_GROUP')) return [];
          throw error;
        }),
    }),
  }),
  broken({
    name: 'now and then twice in one answer',
    stage: 2,
    bug: 'When several members ask at the same time, one of them now and then gets a message twice.',
    killedBy: 'two groups with several members each get every message exactly once in each group',
    instead: ({ receive }) => {
      let callCount = 0;
      return {
        receive: async (...args) => {
          const deliveries = await receive(...args);
          callCount += 1;
          return callCount % 7 === 0 ? [...deliveries, ...deliveries] : deliveries;
        },
      };
    },
  }),
];
