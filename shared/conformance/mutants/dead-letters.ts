/** Mutants that mislay what nobody could process, or bring it back too often, to the wrong place or without its past. */
import type { Broker } from '../../contract/broker.ts';
import { isMqError } from '../../contract/errors.ts';
import { DEAD_LETTER_HEADERS, type Delivery, deadLetterTopicOf } from '../../contract/message.ts';
import { readLog } from '../subjects/steps.ts';
import { broken, changedDeliveries, type Mutant } from './mutant.ts';

export const deadLetterMutants: readonly Mutant[] = [
  broken({
    name: 'rejected is finished',
    stage: 4,
    bug: 'What a consumer rejects is gone, and nobody can look at it.',
    killedBy: 'a rejected delivery goes to the dead letters of its group and does not come again',
    instead: ({ nack, ack }) => ({
      nack: (delivery, options = {}) => (options.outcome === 'reject' ? ack([delivery]) : nack(delivery, options)),
    }),
  }),
  broken({
    name: 'dead without a word',
    stage: 4,
    bug: 'A dead letter does not say what was wrong with it.',
    killedBy: 'a dead letter has the body, key, id and headers of its message, and its history in headers of its own',
    instead: ({ nack }) => ({ nack: (delivery, { reason: _, ...options } = {}) => nack(delivery, options) }),
  }),
  broken({
    name: 'one grave for all groups',
    stage: 4,
    bug: 'The dead letters of all groups of a topic are in the same place.',
    killedBy: 'a group does not see what died for another, and each has dead letters of its own',
    instead: ({ fetch }) => ({
      fetch: (topic, options) => fetch(topic.replace(/^(\$dead\/[^/]*\/).*$/, '$1a'), options),
    }),
  }),
  broken({
    name: 'anybody may write among the dead',
    stage: 4,
    bug: 'A producer can send to a dead-letter topic, and a redrive delivers what never was sent to the group.',
    killedBy: 'dead letters can be received and browsed like any message, and nothing can be sent among them',
    instead: ({ send }) => ({
      send: async (topic, ...rest) =>
        topic.startsWith('$dead/') ? { ...(await send('other', ...rest)), topic } : send(topic, ...rest),
    }),
  }),
  broken({
    name: 'slashes left as they are',
    stage: 4,
    bug: 'The dead letters of group "b" of topic "t/a" are in one place with those of group "a/b" of topic "t".',
    killedBy: 'names with slashes and percent signs have dead letters that cannot be mixed up',
    instead: (sound) => ({
      fetch: async (topic, options) => {
        if (!topic.startsWith('$dead/')) return sound.fetch(topic, options);
        const names = (await sound.describeTopics()).map((description) => description.topic);
        const same = names.filter((name) => decodeURIComponent(name) === decodeURIComponent(topic));
        return sound.fetch(same[0] ?? topic, options);
      },
    }),
  }),
  broken({
    name: 'death is not the end',
    stage: 4,
    bug: 'A dead letter that is rejected by who looks at it comes again, for ever.',
    killedBy: 'a dead letter that is rejected again is not sent round: it is finished and counted',
    instead: ({ nack }) => ({
      nack: (delivery, options) =>
        nack(delivery, delivery.topic.startsWith('$dead/') ? { outcome: 'return' } : options),
    }),
  }),
  broken({
    name: 'whatever expires is kept',
    stage: 4,
    bug: 'Every message that expires becomes a dead letter, and the disk fills with what nobody wants.',
    killedBy: 'what expires becomes a dead letter only where the group asks for it',
    instead: ({ createGroup }) => ({
      createGroup: (topic, group, options) => createGroup(topic, group, { ...options, deadLetterExpired: true }),
    }),
  }),
  broken({
    name: 'dead letters only in memory',
    stage: 4,
    bug: 'A restart takes the dead letters.',
    killedBy: 'dead letters and their history survive a restart, and no message dies twice',
    afterRestart: async (sound) => {
      for (const { topic, groups } of await sound.describeTopics()) {
        if (topic.startsWith('$')) continue;
        for (const { group } of groups) await sound.dropDeadLetters(topic, { group });
      }
    },
  }),
  broken({
    name: 'dying again at each start',
    stage: 4,
    bug: 'Each restart adds the dead letters once more.',
    killedBy: 'what expired becomes one dead letter, however often the broker is restarted',
    instead: ({ fetch }, _, { isRestarted }) => ({
      fetch: async (topic, options) => {
        const result = await fetch(topic, options);
        const isTwice = isRestarted && topic.startsWith('$dead/');
        return isTwice ? { ...result, records: [...result.records, ...result.records] } : result;
      },
    }),
  }),
  broken({
    name: 'a life without a past',
    stage: 4,
    bug: 'What was redriven does not say any more why it had died.',
    killedBy: 'redrive brings dead letters back to their group, counted from 1 again, with their history as headers',
    instead: (sound) =>
      changedDeliveries(sound, ({ headers, ...delivery }) => {
        const { [DEAD_LETTER_HEADERS.reason]: _, ...others } = headers;
        return { ...delivery, headers: others };
      }),
  }),
  broken({
    name: 'brought back with its failures',
    stage: 4,
    bug: 'What was redriven is at its last delivery already, and dies at the first failure.',
    killedBy: 'redrive brings dead letters back to their group, counted from 1 again, with their history as headers',
    instead: (sound) =>
      changedDeliveries(sound, (delivery) => ({
        ...delivery,
        deliveryCount: delivery.deliveryCount + (delivery.redeliveryReason === 'redrive' ? 1 : 0),
      })),
  }),
  broken({
    name: 'redriven for everybody',
    stage: 4,
    bug: 'A message that one group could not process is delivered again to all of them.',
    killedBy: 'what is redriven goes to no other group and to no reader of the log',
    instead: (sound) => ({ redrive: (topic, { group = 'default' } = {}) => sendAgain(sound, topic, { group }) }),
  }),
  broken({
    name: 'redriven and still there',
    stage: 4,
    bug: 'A redrive that is repeated brings everything once more.',
    killedBy: 'redrive that is repeated brings nothing twice',
    instead: (sound) => ({
      redrive: (topic, { group = 'default' } = {}) => sendAgain(sound, topic, { group, isKept: true }),
    }),
  }),
  broken({
    name: 'all or nothing',
    stage: 4,
    bug: 'A redrive of two brings all, and the consumer that was to be tried out gets a thousand.',
    killedBy: 'redrive takes the oldest first and at most as many as it was told',
    instead: ({ redrive }) => ({ redrive: (topic, { max: _, ...options } = {}) => redrive(topic, options) }),
  }),
  broken({
    name: 'ids are not looked at',
    stage: 4,
    bug: 'Whoever brings one message back brings all of them back.',
    killedBy: 'redrive and dropDeadLetters by id touch those messages and no other',
    instead: ({ redrive }) => ({ redrive: (topic, { ids: _, ...options } = {}) => redrive(topic, options) }),
  }),
  broken({
    name: 'dropped in word',
    stage: 4,
    bug: 'Dead letters that were dropped are counted as dropped and are still there.',
    killedBy: 'dropDeadLetters deletes dead letters for good, oldest first, and says how many',
    instead: (sound) => ({
      dropDeadLetters: async (topic, { group = 'default', max = 1000 } = {}) => {
        const letters = await readLog(sound, deadLetterTopicOf(topic, group));
        return Math.min(letters.length, max);
      },
    }),
  }),
  broken({
    name: 'one life after death',
    stage: 4,
    bug: 'What was redriven and fails again is gone for good.',
    killedBy: 'a redriven message that fails again dies again, and can be redriven again',
    instead: ({ nack, ack }) => ({
      nack: (delivery, options = {}) => {
        const { headers } = delivery as Delivery;
        const wasDead = DEAD_LETTER_HEADERS.reason in headers;
        return wasDead && options.outcome === 'reject' ? ack([delivery]) : nack(delivery, options);
      },
    }),
  }),
  broken({
    name: 'nobody has no dead',
    stage: 4,
    bug: 'A redrive of a group whose name was misspelt is answered with success.',
    killedBy: 'a group or topic that does not exist, and options that make no sense, are refused by redrive and drop',
    instead: ({ redrive }) => ({
      redrive: (...args) =>
        redrive(...args).catch((error: unknown) => {
          if (!isMqError(error, 'MQ_UNKNOWN_GROUP')) throw error;
          return 0;
        }),
    }),
  }),
  broken({
    name: 'redriven again at the start',
    stage: 4,
    bug: 'A redrive is not over at a restart: what it had left comes too.',
    killedBy: 'a redrive is kept by a restart: each message comes once, and none dies or comes again',
    instead: ({ redrive }, _, { notes }) => ({
      redrive: (topic, options = {}) => {
        notes.add(JSON.stringify([topic, options.group]));
        return redrive(topic, options);
      },
    }),
    afterRestart: async (sound, { notes }) => {
      for (const note of notes) {
        const [topic, group] = JSON.parse(note) as [string, string];
        await sound.redrive(topic, { group });
      }
    },
  }),
];

/** Sends copies of the dead letters to the topic, where every group gets them. */
async function sendAgain(
  sound: Broker,
  topic: string,
  { group, isKept = false }: { readonly group: string; readonly isKept?: boolean },
): Promise<number> {
  const letters = await readLog(sound, deadLetterTopicOf(topic, group));
  for (const { body, headers } of letters) await sound.send(topic, { body, headers });
  if (!isKept) await sound.dropDeadLetters(topic, { group });
  return letters.length;
}
