/** Mutants that lose what they had promised when the plug is pulled, or find something there that should be gone. */
import type { Broker } from '../../contract/broker.ts';
import { isMqError } from '../../contract/errors.ts';
import { broken, changedDeliveries, type Mutant, receiptsCountedFromZero } from './mutant.ts';

/** The broker answers before the disk does, whatever it was told; an option only of brokers with a disk. */
const UNSAFE = { flushPolicy: 'never' } as const;

export const durabilityMutants: readonly Mutant[] = [
  broken({
    name: 'answered before it was on the disk',
    stage: 4,
    bug: 'A send is answered when the operating system has the bytes, and the power fails before the disk has them.',
    killedBy: 'a restart keeps messages: what was accepted is received afterwards',
    given: (options) => ({ ...options, ...UNSAFE }),
  }),
  broken({
    name: 'synced only in word',
    stage: 4,
    bug: 'Receipts say "synced" although nobody asked the disk to sync.',
    killedBy: 'a receipt that says "synced" is kept: the message is there after a restart, at its offset',
    given: (options) => ({ ...options, ...UNSAFE }),
    instead: ({ send }) => ({ send: async (...args) => ({ ...(await send(...args)), durability: 'synced' }) }),
  }),
  broken({
    name: 'receipts of a broker in memory',
    stage: 4,
    bug: 'Receipts say "memory" although everything is on the disk, so nobody knows what is safe.',
    killedBy: 'a receipt that says "synced" is kept: the message is there after a restart, at its offset',
    instead: ({ send }) => ({ send: async (...args) => ({ ...(await send(...args)), durability: 'memory' }) }),
  }),
  broken({
    name: 'headers only in memory',
    stage: 4,
    bug: 'Bodies are on the disk and headers are not: after a restart messages have none.',
    killedBy: 'a restart keeps everything about a message: key, headers, id, time, expiry and every byte of its body',
    instead: ({ fetch }, _, { isRestarted }) => ({
      fetch: async (...args) => {
        const result = await fetch(...args);
        if (!isRestarted) return result;
        return { ...result, records: result.records.map((record) => ({ ...record, headers: {} })) };
      },
    }),
  }),
  broken({
    name: 'offsets counted from the start',
    stage: 4,
    bug: 'After a restart the broker counts offsets from 0 again, so two messages have the same one.',
    killedBy: 'offsets go on after a restart where they were, however often the broker is restarted',
    instead: receiptsCountedFromZero,
  }),
  broken({
    name: 'an empty topic is no topic',
    stage: 4,
    bug: 'Topics are found by their messages at the start, so a topic without any is forgotten.',
    killedBy: 'a restart of a broker without messages changes nothing, and it can be used at once',
    afterRestart: async (sound) => {
      for (const { topic, logEndOffset } of await sound.describeTopics()) {
        if (logEndOffset === 0) await sound.deleteTopic(topic);
      }
    },
  }),
  broken({
    name: 'a batch message by message',
    stage: 4,
    bug: 'The messages of a batch are stored one after the other, and a stop in between leaves half of it.',
    killedBy:
      'a batch that was accepted survives a restart whole, one whose answer never came is there whole or not at all',
    instead: ({ send }) => ({
      sendBatch: async (topic, messages, options) => {
        const receipts = [];
        for (const message of messages) receipts.push(await send(topic, message, options));
        const [first] = receipts;
        if (first === undefined) throw new RangeError('an empty batch');
        return { ...first, baseOffset: first.offset, count: receipts.length, ids: receipts.map(({ id }) => id) };
      },
    }),
  }),
  broken({
    name: 'stored again to be sure',
    stage: 4,
    bug: 'Under load the broker writes a message a second time, and after a restart both are there.',
    killedBy: 'of many sends that were under way when the broker stopped every answered one is there, and none twice',
    instead: ({ send }) => ({
      send: async (...args) => {
        const receipt = await send(...args);
        if ((receipt.offset ?? 0) % 7 === 3) await send(...args);
        return receipt;
      },
    }),
  }),
  broken({
    name: 'answers that do not wait for the disk',
    stage: 4,
    bug: 'Under load the answers come before the sync that they are about, and a stop takes what was answered.',
    killedBy: 'of many sends that were under way when the broker stopped every answered one is there, and none twice',
    given: (options) => ({ ...options, ...UNSAFE }),
  }),
  broken({
    name: 'options only in memory',
    stage: 4,
    bug: 'After a restart every topic has the default options.',
    killedBy: 'a restart keeps topics with their options, whatever their names',
    afterRestart: async (sound) => {
      for (const { topic } of await sound.describeTopics()) {
        await sound.deleteTopic(topic);
        await sound.createTopic(topic);
      }
    },
  }),
  broken({
    name: 'a deletion that was not synced',
    stage: 4,
    bug: 'A topic that was deleted is there again after a restart.',
    killedBy: 'a deleted topic stays deleted after a restart, and one made anew under its name is empty',
    instead: ({ deleteTopic }, _, { notes }) => ({
      deleteTopic: async (topic) => {
        await deleteTopic(topic);
        notes.add(topic);
      },
    }),
    afterRestart: async (sound, { notes }) => {
      for (const topic of notes) await sound.createTopic(topic);
    },
  }),
  broken({
    name: 'the start of the log is forgotten',
    stage: 4,
    bug: 'What was dropped for want of room counts as held again after a restart.',
    killedBy: 'a restart keeps where the log starts: what was dropped for want of room does not come back',
    instead: ({ describeTopics }, _, { isRestarted }) => ({
      describeTopics: async (...args) =>
        (await describeTopics(...args)).map((topic) => (isRestarted ? { ...topic, logStartOffset: 0 } : topic)),
    }),
  }),
  broken({
    name: 'acks only in memory',
    stage: 4,
    bug: 'A restart hands out again everything that was acknowledged.',
    killedBy: 'a restart keeps what a group has finished and what it has not',
    afterRestart: (sound) => forEachGroup(sound, (topic, group) => sound.seek(topic, { group, to: 'earliest' })),
  }),
  broken({
    name: 'acks of a lively topic only in memory',
    stage: 4,
    bug: 'Acks that come while much is going on are forgotten at a restart, and what was finished comes again.',
    killedBy: 'producers and consumers that go on through restarts lose nothing, and nothing finished comes again',
    afterRestart: (sound) => forEachGroup(sound, (topic, group) => sound.seek(topic, { group, to: 'earliest' })),
  }),
  broken({
    name: 'only the floor is kept',
    stage: 4,
    bug: 'A restart hands out again what was acknowledged out of order: of a group only one number is kept.',
    killedBy: 'a restart keeps acks out of order: exactly what was not acknowledged comes again',
    afterRestart: (sound) =>
      forEachGroup(sound, async (topic, group) => {
        await sound.seek(topic, { group, to: { offset: await sound.committed(topic, { group }) } });
      }),
  }),
  broken({
    name: 'tokens of this run only',
    stage: 4,
    bug: 'A consumer that worked through a restart cannot acknowledge: its token is of another run.',
    killedBy: 'a delivery may be acknowledged after a restart with the token it came with, as long as its lease runs',
    afterRestart: releaseAll,
  }),
  broken({
    name: 'leases end with the run',
    stage: 4,
    bug: 'After a restart everything in flight is handed out again although its consumers are working on it.',
    killedBy: 'a lease goes on through a restart: until it ends its message goes to nobody else, then it comes again',
    afterRestart: releaseAll,
  }),
  broken({
    name: 'failures of this run only',
    stage: 4,
    bug: 'A restart makes every failing message a fresh one, so that one that crashes the broker never dies.',
    killedBy: 'a restart keeps how often a message was delivered',
    instead: (sound, _, { isRestarted }) =>
      isRestarted ? changedDeliveries(sound, (delivery) => ({ ...delivery, deliveryCount: 1 })) : {},
  }),
  broken({
    name: 'what waits is forgotten',
    stage: 4,
    bug: 'A message that waited for its next try when the broker stopped never comes again.',
    killedBy: 'a delivery given back with a delay comes after a restart when the delay is over, and not before',
    instead: (sound, _, { isRestarted }) => ({
      receive: async (...args) => {
        const deliveries = await sound.receive(...args);
        return isRestarted ? deliveries.filter(({ redeliveryReason }) => redeliveryReason !== 'retry') : deliveries;
      },
    }),
  }),
  broken({
    name: 'accepted tokens of this run only',
    stage: 4,
    bug: 'An ack whose answer was lost in a restart is repeated and refused, and its work is undone for nothing.',
    killedBy: 'an ack that is repeated after a restart succeeds, and finishes nothing else',
    instead: ({ ack, nack }, _, { isRestarted, notes }) => ({
      ack: async (refs, options) => {
        const [known] = refs.filter(({ leaseToken }) => isRestarted && notes.has(leaseToken ?? ''));
        // A finished delivery cannot be given back, and is refused as an unknown lease is.
        if (known !== undefined) return nack(known);
        await ack(refs, options);
        for (const { leaseToken } of refs) notes.add(leaseToken ?? '');
      },
    }),
  }),
  broken({
    name: 'a clean stop cleans up',
    stage: 4,
    bug: 'When the broker is closed it ends all leases, and what is being worked on is delivered again.',
    killedBy: 'a broker that was closed stands where it stood when it is opened again, leases and all',
    afterRestart: releaseAll,
  }),
  broken({
    name: 'a seek only in memory',
    stage: 4,
    bug: 'After a restart a group is where it was before somebody moved it.',
    killedBy: 'a seek is kept by a restart, of a queue group and of a log group',
    instead: ({ seek, committed }, _, { notes }) => ({
      seek: async (topic, options) => {
        notes.add(JSON.stringify([topic, options.group, await committed(topic, options)]));
        return seek(topic, options);
      },
    }),
    afterRestart: async (sound, { notes }) => {
      for (const note of notes) {
        const [topic, group, offset] = JSON.parse(note) as [string, string, number];
        await sound.seek(topic, { group, to: { offset } });
      }
    },
  }),
  broken({
    name: 'group options only in memory',
    stage: 4,
    bug: 'After a restart every group has the default options.',
    killedBy: 'a restart keeps groups with their options and their kind, and deleted groups stay deleted',
    afterRestart: (sound) =>
      forEachGroup(sound, async (topic, group) => {
        await sound.deleteGroup(topic, group);
        await sound.createGroup(topic, group);
      }),
  }),
  broken({
    name: 'a pause only in memory',
    stage: 4,
    bug: 'A topic that was paused because its consumers do harm is handed out again after a restart.',
    killedBy: 'topics and groups that were paused are paused after a restart',
    afterRestart: async (sound) => {
      for (const { topic } of await sound.describeTopics()) await sound.resume(topic);
      await forEachGroup(sound, (topic, group) => sound.resume(topic, { group }));
    },
  }),
];

/** Does something with every group of every topic that callers made. */
async function forEachGroup(sound: Broker, act: (topic: string, group: string) => Promise<unknown>): Promise<void> {
  for (const { topic, groups } of await sound.describeTopics()) {
    for (const { group } of groups) await act(topic, group);
  }
}

/** Ends all leases. */
async function releaseAll(sound: Broker): Promise<void> {
  for (const { topic, groups } of await sound.describeTopics()) {
    for (const { group, members } of groups) {
      for (const { memberId } of members) {
        await sound.leave(topic, { group, memberId }).catch((error: unknown) => {
          if (!isMqError(error)) throw error;
        });
      }
    }
  }
}
