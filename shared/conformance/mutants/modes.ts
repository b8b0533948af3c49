/** Mutants whose groups serve the wrong members: everybody, nobody, or those that have gone. */
import type { Broker } from '../../contract/broker.ts';
import { MqError } from '../../contract/errors.ts';
import { givenBack } from './given-back.ts';
import { broken, type Mutant } from './mutant.ts';
import { queuedAgain } from './queued-again.ts';

export const modeMutants: readonly Mutant[] = [
  broken({
    name: 'exclusive in word',
    stage: 4,
    bug: 'Two members of an exclusive group are both served.',
    killedBy: 'an exclusive group delivers to one member, and tells a second one that it is taken',
    instead: allShared,
  }),
  broken({
    name: 'taken for ever',
    stage: 4,
    bug: 'When the member of an exclusive group has left nobody can take its place.',
    killedBy: 'when the member of an exclusive group leaves, another takes over with what it held',
    instead: ({ receive }) => {
      let owner: string | undefined;
      return {
        receive: async (topic, options = {}) => {
          owner ??= options.memberId;
          if (options.memberId === owner) return receive(topic, options);
          throw new MqError('MQ_GROUP_TAKEN', `${owner} has the group`);
        },
      };
    },
  }),
  broken({
    name: 'the dead are members too',
    stage: 4,
    bug: 'A member that crashed keeps an exclusive group for hours.',
    killedBy: 'an exclusive group is free again when its member was silent for memberTimeoutMs',
    given: patient,
  }),
  broken({
    name: 'everybody works',
    stage: 4,
    bug: 'A stand-by gets messages while the first member is well.',
    killedBy: 'in a failover group one member gets everything and a stand-by nothing, until the first leaves',
    instead: allShared,
  }),
  broken({
    name: 'stand-bys that stand',
    stage: 4,
    bug: 'When the first member crashes the stand-by waits for hours.',
    killedBy: 'a stand-by takes over when the first member was silent for memberTimeoutMs',
    given: patient,
  }),
  broken({
    name: 'the winner takes all',
    stage: 4,
    bug: 'The first member of a failover group has all partitions, however many others there are.',
    killedBy: 'members of a failover group share the partitions evenly, and each partition has one member',
    instead: ({ receive, leave }) => {
      let owner: string | undefined;
      return {
        receive: async (topic, options = {}) => {
          owner ??= options.memberId;
          return options.memberId === owner ? receive(topic, options) : [];
        },
        leave: async (topic, options) => {
          await leave(topic, options);
          if (options.memberId === owner) owner = undefined;
        },
      };
    },
  }),
  broken({
    name: 'moved while at work',
    stage: 4,
    bug: 'A partition goes to another member while the first still works on what it has of it.',
    killedBy: 'a partition that moves to another member waits until what is in flight of it ended; the others go on',
    instead: allShared,
  }),
  broken({
    name: 'modes not told',
    stage: 4,
    bug: 'Every group is described as a shared one.',
    killedBy: 'a description names the mode of a group; another mode for the same group is refused',
    instead: ({ describeTopics }) => ({
      describeTopics: async (...args) =>
        (await describeTopics(...args)).map(({ groups, ...topic }) => ({
          ...topic,
          groups: groups.map((group) => ({ ...group, mode: 'shared' })),
        })),
    }),
  }),
  broken({
    name: 'ordered in word',
    stage: 4,
    bug: 'Two messages of one key are worked on at the same time.',
    killedBy: 'in a key-ordered group one message of a key at a time is under way, and keys do not wait for each other',
    instead: allShared,
  }),
  broken({
    name: 'one key blocks the world',
    stage: 4,
    bug: 'While the message of one key waits for its next try nobody gets anything.',
    killedBy: 'a message that fails comes again before later ones of its key, and the other keys go on',
    instead: (sound) => ({
      receive: async (topic, options) => {
        const [description] = await sound.describeTopics({ topic });
        return (description?.delayedCount ?? 0) > 0 ? [] : sound.receive(topic, options);
      },
    }),
  }),
  broken({
    name: 'a key that dies with its consumer',
    stage: 4,
    bug: 'When a lease ends the message is lost, and with the next of its key the order is wrong.',
    killedBy: 'a lease that ends blocks and frees its key like a failure',
    instead: ({ receive, ack }) => ({
      receive: async (...args) => {
        const deliveries = await receive(...args);
        const again = deliveries.filter(({ redeliveryReason }) => redeliveryReason === 'lease-expired');
        if (again.length > 0) await ack(again);
        return deliveries.filter((delivery) => !again.includes(delivery));
      },
    }),
  }),
  broken({
    name: 'a dead message keeps its key',
    stage: 4,
    bug: 'After a message of a key has died nobody gets the others of that key.',
    killedBy: 'a message that dies frees its key for the next one',
    instead: (sound) => {
      const blocked = new Set<string | undefined>();
      return {
        nack: (delivery, options) => {
          if (options?.outcome === 'reject' && 'key' in delivery) blocked.add(String(delivery.key));
          return sound.nack(delivery, options);
        },
        receive: async (...args) => {
          const deliveries = await sound.receive(...args);
          return deliveries.filter(({ key }) => !blocked.has(key));
        },
      };
    },
  }),
  broken({
    name: 'nobody told that the key is free',
    stage: 4,
    bug: 'Whoever waits for the next message of a key is sent away with nothing when the key is free.',
    killedBy: 'a waiting receive wakes when the key of the next message is free',
    instead: (sound) => ({
      receive: async (topic, options = {}) => {
        const deliveries = await sound.receive(topic, options);
        return options.waitMs === undefined ? deliveries : givenBack(sound, deliveries, { keep: () => false });
      },
    }),
  }),
  broken({
    name: 'no key is a key',
    stage: 4,
    bug: 'Messages without a key are worked on one at a time, as if they belonged together.',
    killedBy: "messages without a key are in nobody's way",
    instead: (sound) => ({
      receive: async (...args) => {
        const deliveries = await sound.receive(...args);
        const first = deliveries.find(({ key }) => key === undefined);
        return givenBack(sound, deliveries, { keep: (delivery) => delivery.key !== undefined || delivery === first });
      },
    }),
  }),
  broken({
    name: 'a seek that keys do not hear of',
    stage: 4,
    bug: 'After a seek back nothing comes again, because every key counts as done.',
    killedBy: 'after a seek back the messages of a key come in order again',
    instead: () => ({ seek: async () => 0 }),
  }),
  broken({
    name: 'keys only in memory',
    stage: 4,
    bug: 'After a restart the messages of a key that were finished come again, and in the wrong order.',
    killedBy: 'a restart keeps the order of keys: what was under way comes before what was not',
    afterRestart: async (sound) => {
      for (const { topic, groups } of await sound.describeTopics()) {
        for (const { group } of groups) await sound.seek(topic, { group, to: 'earliest' });
      }
    },
  }),
  broken({
    name: 'what fails goes to the end',
    stage: 4,
    bug: 'A message that failed is worked on after later ones of its key.',
    killedBy: 'many members of a key-ordered group, some of which fail, finish the messages of each key in order',
    instead: queuedAgain,
  }),
];

function allShared({ createGroup }: Broker): Partial<Broker> {
  return { createGroup: (topic, group, { mode: _, ...options } = {}) => createGroup(topic, group, options) };
}

/** Members are remembered a thousand times longer. */
function patient<Options extends { readonly memberTimeoutMs?: number }>(options: Options): Options {
  return { ...options, memberTimeoutMs: (options.memberTimeoutMs ?? 30_000) * 1000 };
}
