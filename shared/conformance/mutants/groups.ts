/** Mutants that confuse groups and members: who shares what, where a group begins, and what is left when one goes. */
import { SystemClock } from '../../clock.ts';
import type { Broker } from '../../contract/broker.ts';
import { isMqError } from '../../contract/errors.ts';
import { handedOut } from './handed-out.ts';
import { broken, changedDeliveries, type Mutant } from './mutant.ts';

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
    instead: ({ leave, deleteGroup, createGroup, send, describeTopics }) => ({
      leave: async (topic, options) => {
        await leave(topic, options);
        await deleteGroup(topic, options.group ?? 'default');
      },
      send: async (topic, message, options) => {
        const receipt = await send(topic, message, options);
        const [description] = await describeTopics({ topic });
        if (description?.groups.length === 0) await createGroup(topic, 'g', { start: 'latest' });
        return receipt;
      },
    }),
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
    bug: 'Somebody deletes a group to read everything again, and nothing comes.',
    killedBy: 'a deleted group is forgotten and a new one of its name starts again',
    instead: (sound) => ({
      deleteGroup: async (topic, group) => {
        const { length } = await sound.browse(topic, { group, max: 100 });
        await sound.deleteGroup(topic, group);
        const [description] = await sound.describeTopics({ topic });
        const offset = (description?.logEndOffset ?? 0) - length + 1;
        await sound.createGroup(topic, group, { start: { offset } });
      },
    }),
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
    name: 'leaving is forgotten',
    stage: 2,
    bug: 'A worker says goodbye, and what it held is stuck until its leases end.',
    killedBy: 'a member that leaves gives its deliveries back, and that counts as no failure',
    instead: () => ({ leave: async () => undefined }),
  }),
  broken({
    name: 'leaving counts as a failure',
    stage: 2,
    bug: 'Every new release of a worker brings its messages closer to the dead letters.',
    killedBy: 'a member that leaves gives its deliveries back, and that counts as no failure',
    instead: (sound) =>
      changedDeliveries(sound, (delivery) => {
        const leftCount = delivery.redeliveryReason === 'member-left' ? 1 : 0;
        return { ...delivery, deliveryCount: delivery.deliveryCount + leftCount };
      }),
  }),
  broken({
    name: 'one leaves and all let go',
    stage: 2,
    bug: 'One worker stops, and the messages of all others are given away while they work on them.',
    killedBy: 'one member leaving does not touch the deliveries of another',
    instead: (sound) => {
      const { deliveries, receive } = handedOut(sound);
      return {
        receive,
        leave: (topic) => everybodyLeaves(sound, topic, new Set(deliveries.map((each) => each.memberId))),
      };
    },
  }),
  broken({
    name: 'a new member for each call',
    stage: 2,
    bug: 'A consumer that names no member cannot give back what it took: it is somebody else each time.',
    killedBy: 'two calls that name no member are of the same one',
    instead: ({ receive }) => {
      let callCount = 0;
      return {
        receive: (topic, options) => {
          callCount += 1;
          return receive(topic, { memberId: `caller-${callCount}`, ...options });
        },
      };
    },
  }),
  broken({
    name: 'members without limit',
    stage: 2,
    bug: 'Workers that name themselves anew each minute fill the memory.',
    killedBy: 'more members than membersCountMax is MQ_LIMIT_EXCEEDED',
    given: ({ limits: _, ...options }) => options,
  }),
  broken({
    name: 'silent while it works',
    stage: 2,
    bug: 'A member that works long on one message is forgotten, and its message with it.',
    killedBy: 'a silent member is forgotten after its time, but not while it holds a lease',
    instead: ({ receive, leave }, { clock = new SystemClock() }) => ({
      receive: async (topic, options) => {
        const { group, memberId } = options ?? {};
        clock.setTimer(() => void leave(topic, { group, memberId }), 1000);
        return receive(topic, options);
      },
    }),
  }),
];

async function everybodyLeaves(sound: Broker, topic: string, members: ReadonlySet<string>): Promise<void> {
  for (const memberId of members) await sound.leave(topic, { memberId });
}
