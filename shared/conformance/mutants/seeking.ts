/** Mutants of moving a group, of readers that fell behind, and of looking without taking. */
import { SystemClock } from '../../clock.ts';
import { isMqError, MqError } from '../../contract/errors.ts';
import { broken, type Mutant } from './mutant.ts';

export const seekingMutants: readonly Mutant[] = [
  broken({
    name: 'seek goes only forward',
    stage: 2,
    bug: 'Somebody repairs a bug, wants to read yesterday again, and the group does not move.',
    killedBy: 'seek moves a log group to an offset, to the earliest or to the latest, also back',
    instead: ({ seek, commit }) => ({
      seek: (topic, { group, to }) =>
        typeof to === 'object' && 'offset' in to
          ? commit(topic, { group, offset: to.offset })
          : seek(topic, { group, to }),
    }),
  }),
  broken({
    name: 'earliest is zero',
    stage: 2,
    bug: 'After the ring has begun its second lap nobody can go to the earliest record any more.',
    killedBy: 'a queue group that fell behind goes on at the earliest message, at the latest, or is told, as it chose',
    instead: ({ seek }) => ({
      seek: (topic, { group, to }) => seek(topic, { group, to: to === 'earliest' ? { offset: 0 } : to }),
    }),
  }),
  broken({
    name: 'leases outlive a seek',
    stage: 2,
    bug: 'A member acknowledges a message from before the seek, and it is skipped the second time.',
    killedBy: 'seek voids the leases of a queue group',
    instead: ({ ack }) => ({
      ack: (refs, options) =>
        ack(refs, options).catch((error: unknown) => {
          if (!isMqError(error, 'MQ_LEASE_EXPIRED')) throw error;
        }),
    }),
  }),
  broken({
    name: 'a seek for every group',
    stage: 2,
    bug: 'One program wants to read again, and all others get everything again too.',
    killedBy: 'seek on one group moves no other',
    instead: ({ seek, describeTopics }) => ({
      seek: async (topic, { to, group: named }) => {
        const [description] = await describeTopics({ topic });
        for (const { group } of description?.groups ?? []) await seek(topic, { group, to });
        return seek(topic, { group: named, to });
      },
    }),
  }),
  broken({
    name: 'fell behind and never told',
    stage: 2,
    bug: 'A reader asks for an overwritten record and silently gets a later one.',
    killedBy: 'a reader that fell behind what was overwritten is told the valid range',
    instead: ({ fetch, describeTopics }) => ({
      fetch: async (topic, options) => {
        const [description] = await describeTopics({ topic });
        const offset = Math.max(options?.offset ?? 0, description?.logStartOffset ?? 0);
        return fetch(topic, { ...options, offset });
      },
    }),
  }),
  broken({
    name: 'out of range without a range',
    stage: 2,
    bug: 'A reader that fell behind is refused and not told where it could go on.',
    killedBy: 'a reader that fell behind what was overwritten is told the valid range',
    instead: ({ fetch }) => ({
      fetch: (topic, options) =>
        fetch(topic, options).catch((error: unknown) => {
          if (isMqError(error)) Object.assign(error, { details: {} });
          throw error;
        }),
    }),
  }),
  broken({
    name: 'overwritten and not counted',
    stage: 2,
    bug: 'A slow group misses messages, and its numbers say that it missed none.',
    killedBy: 'messages a group lost because they were overwritten are counted',
    instead: ({ describeTopics }) => ({
      describeTopics: async (...args) =>
        (await describeTopics(...args)).map((topic) => {
          return { ...topic, groups: topic.groups.map((group) => ({ ...group, droppedCount: 0 })) };
        }),
    }),
  }),
  broken({
    name: 'browsing takes away',
    stage: 2,
    bug: 'Somebody looks at a queue in an administration page, and the messages are gone.',
    killedBy: 'browsing takes nothing: everything is received afterwards as if nobody had looked',
    instead: ({ browse, receive }) => ({
      browse: async (topic, options) => {
        const browsed = await browse(topic, options);
        await receive(topic, { group: options?.group, max: options?.max });
        return browsed;
      },
    }),
  }),
  broken({
    name: 'browsing leaves one out',
    stage: 2,
    bug: 'The first message of each further page is missing.',
    killedBy: 'browsing goes page by page with max and after',
    instead: ({ browse }) => ({
      browse: (topic, { after, ...options } = {}) =>
        browse(topic, after === undefined ? options : { ...options, after: after + 1 }),
    }),
  }),
  broken({
    name: 'browsing shows what is finished',
    stage: 2,
    bug: 'A message that was worked off is still shown as waiting.',
    killedBy: 'browsing shows what is in flight, what is available, how often it was delivered, and nothing finished',
    instead: ({ browse, fetch }) => ({
      browse: async (topic, options) => {
        const browsed = await browse(topic, options);
        const { records } = await fetch(topic, { max: 10 });
        const finished = records.filter(({ offset }) => !browsed.some((each) => each.offset === offset));
        return [...finished.map((each) => ({ ...each, state: 'available' as const, deliveryCount: 1 })), ...browsed];
      },
    }),
  }),
  broken({
    name: 'a queue cannot be read again',
    stage: 2,
    bug: 'A group that receives is refused when somebody wants it to go back.',
    killedBy: 'seek moves a queue group: what stands there is delivered again',
    instead: ({ seek, describeTopics }) => ({
      seek: async (topic, options) => {
        const [description] = await describeTopics({ topic });
        const kind = description?.groups.find(({ group }) => group === options.group)?.kind;
        if (kind === 'queue') throw new MqError('MQ_GROUP_KIND', 'only log groups have a position');
        return seek(topic, options);
      },
    }),
  }),
  broken({
    name: 'seek goes only back',
    stage: 2,
    bug: 'A group is to pass over a thousand poisonous messages, and they all come.',
    killedBy: 'seek forward makes a queue group pass over what it had not received',
    instead: ({ seek, committed }) => ({
      seek: async (topic, { group, to }) => {
        const offset = await committed(topic, { group });
        const isForward = typeof to === 'object' && 'offset' in to && to.offset > offset;
        return seek(topic, { group, to: isForward ? { offset } : to });
      },
    }),
  }),
  broken({
    name: 'seek wakes nobody',
    stage: 2,
    bug: 'A group is moved back while a consumer waits, and the consumer goes on waiting.',
    killedBy: 'seek wakes a receive that waits in the group',
    instead: ({ seek }, { clock = new SystemClock() }) => ({
      seek: async (...args) => {
        clock.setTimer(() => void seek(...args), 1000);
        return 0;
      },
    }),
  }),
  broken({
    name: 'finished although it was overwritten',
    stage: 2,
    bug: 'A consumer is told that its ack counts, and the numbers say that its message was lost.',
    killedBy: 'an ack of a delivery whose record was overwritten meanwhile is refused',
    instead: ({ ack }) => ({
      ack: (...args) =>
        ack(...args).catch((error: unknown) => {
          if (!isMqError(error, 'MQ_LEASE_EXPIRED')) throw error;
        }),
    }),
  }),
  broken({
    name: 'looking makes a group',
    stage: 2,
    bug: 'Somebody browses a misspelt group, and a group of that name blocks the topic from then on.',
    killedBy: 'browsing a group that does not exist is MQ_UNKNOWN_GROUP and creates none',
    instead: ({ browse, createGroup }) => ({
      browse: async (topic, options) => {
        await createGroup(topic, options?.group ?? 'default');
        return browse(topic, options);
      },
    }),
  }),
  broken({
    name: 'browses everything at once',
    stage: 2,
    bug: 'A page asks for a million messages and gets them, and the browser of its user dies.',
    killedBy: 'a browse outside its limits is refused',
    instead: ({ browse, limits }) => ({
      browse: (topic, options) =>
        browse(topic, { ...options, max: Math.min(options?.max ?? 1, limits.receiveCountMax) }),
    }),
  }),
  broken({
    name: 'new and called old',
    stage: 2,
    bug: 'After a seek every delivery is said to come again, also of messages the group never had.',
    killedBy: 'what a group gets for the first time after a seek is no redelivery',
    instead: ({ seek, receive }) => {
      let hasSought = false;
      return {
        seek: (topic, options) => {
          hasSought = true;
          return seek(topic, options);
        },
        receive: async (...args) => {
          const deliveries = await receive(...args);
          return deliveries.map((delivery) => (hasSought ? { ...delivery, redeliveryReason: 'seek' } : delivery));
        },
      };
    },
  }),
];
