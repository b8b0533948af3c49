/** Mutants that cover other topics than a pattern says, and those that find other messages than those with a key. */
import type { Broker } from '../../contract/broker.ts';
import { type ErrorCode, isMqError } from '../../contract/errors.ts';
import { type Delivery, deadLetterTopicOf } from '../../contract/message.ts';
import { broken, type Mutant } from './mutant.ts';

export const namePatternMutants: readonly Mutant[] = [
  broken({
    name: 'one word is any number of words',
    stage: 5,
    bug: 'A star in the middle of a pattern takes the rest of the name with it.',
    killedBy: 'a dotted pattern covers one word with * and everything below with >',
    instead: ({ subscribe }) => ({
      subscribe: (topic, options, onDelivery) => subscribe(topic.replace(/\*\.paid$/, '>'), options, onDelivery),
    }),
  }),
  broken({
    name: 'below and not itself',
    stage: 5,
    bug: 'A pattern that ends in # misses the topic that it stands below.',
    killedBy: 'a slashed pattern covers one word with + and itself and everything below with #',
    instead: (sound) => pushedIf(sound, (delivery, pattern) => `${delivery.topic}/#` !== pattern),
  }),
  broken({
    name: 'what there was at the beginning',
    stage: 5,
    bug: 'A subscription covers the topics that there were when it began, and no others.',
    killedBy: 'a pattern covers topics that are made later, from their first message on',
    instead: (sound) => ({
      subscribe: async (topic, options, onDelivery) => {
        const known = new Set((await sound.describeTopics()).map((each) => each.topic));
        return sound.subscribe(topic, options, (delivery) => {
          if (known.has(delivery.topic)) onDelivery(delivery);
        });
      },
    }),
  }),
  broken({
    name: 'a group of the pattern',
    stage: 5,
    bug: 'A subscription by a pattern has a group of its own in each topic, and is given what its group had finished.',
    killedBy: 'under a pattern a group is that of each topic: what it has finished there is not pushed again',
    instead: ({ subscribe }) => ({
      subscribe: (topic, options, onDelivery) =>
        subscribe(topic, { ...options, group: `${options.group} of ${topic.length}` }, onDelivery),
    }),
  }),
  broken({
    name: 'credit for each topic',
    stage: 5,
    bug: 'A subscriber that takes on two at a time is pushed two of each topic.',
    killedBy: 'the credit of a subscription by pattern is shared by all topics it covers',
    instead: ({ subscribe }) => ({
      subscribe: (topic, options, onDelivery) =>
        subscribe(topic, { ...options, creditMax: 3 * options.creditMax }, onDelivery),
    }),
  }),
  broken({
    name: 'a pattern without an end',
    stage: 5,
    bug: 'Closing a subscription by a pattern does not end it.',
    killedBy: 'a subscription by pattern that is closed gets nothing more, of old topics and of new ones',
    instead: ({ subscribe }) => ({
      subscribe: async (...args) => {
        await subscribe(...args);
        return { close: async () => undefined };
      },
    }),
  }),
  broken({
    name: 'all means all',
    stage: 5,
    bug: 'Who subscribes to everything is pushed the dead letters of others, too.',
    killedBy: 'a pattern does not cover the topics that a broker makes for itself',
    instead: ({ subscribe }) => ({
      subscribe: (topic, options, onDelivery) =>
        subscribe(topic, options, (delivery) => {
          onDelivery({ ...delivery, topic: deadLetterTopicOf(delivery.topic, 'g') });
          onDelivery(delivery);
        }),
    }),
  }),
  broken({
    name: 'a pattern of no kind covers nothing',
    stage: 5,
    bug: 'A wrong pattern is accepted, and its subscriber waits for ever.',
    killedBy: 'a pattern that is none is refused, and where no pattern is meant its signs are letters',
    instead: ({ subscribe }) => ({
      subscribe: async (...args) => (await subscribe(...args).catch(unlessInvalid)) ?? { close: async () => undefined },
    }),
  }),
  broken({
    name: 'only what is left',
    stage: 5,
    bug: 'A message that somebody has finished cannot be found any more.',
    killedBy: 'a lookup finds the messages with a key, in order, whoever has finished them',
    instead: ({ lookup, describeTopics }) => ({
      lookup: async (topic, options) => {
        const found = await lookup(topic, options);
        const [description] = await describeTopics({ topic });
        const finished = description?.groups[0]?.committedOffset ?? 0;
        return { ...found, records: found.records.filter(({ offset }) => (offset ?? 0) >= finished) };
      },
    }),
  }),
  broken({
    name: 'one page of them',
    stage: 5,
    bug: 'A lookup says that it is done after its first answer.',
    killedBy: 'a lookup goes on where its answer says, until there is nothing more',
    instead: ({ lookup }) => ({ lookup: async (...args) => ({ ...(await lookup(...args)), nextOffset: null }) }),
  }),
  broken({
    name: 'always where the key is',
    stage: 5,
    bug: 'The partition that is asked for is ignored.',
    killedBy: 'a lookup without a partition looks into that of its key, with one into that',
    instead: ({ lookup }) => ({ lookup: (topic, { partition: _, ...options }) => lookup(topic, options) }),
  }),
  broken({
    name: 'found before it is so',
    stage: 5,
    bug: 'A lookup finds what is not committed, and what was aborted.',
    killedBy: 'a lookup shows of transactions only what was committed',
    instead: ({ fetch }) => ({
      lookup: async (topic, { key }) => {
        const { records } = await fetch(topic, { max: 100, isolation: 'read-uncommitted' });
        return { records: records.filter((record) => record.key === key), partition: 0, nextOffset: null };
      },
    }),
  }),
  broken({
    name: 'any question has an answer',
    stage: 5,
    bug: 'A lookup with a misspelt option finds nothing, and does not say why.',
    killedBy: 'a lookup takes only what it knows, and finds nothing where no topic is',
    instead: ({ lookup }) => ({
      lookup: async (...args) =>
        (await lookup(...args).catch(unlessInvalid)) ?? { records: [], partition: 0, nextOffset: null },
    }),
  }),
];

const INVALID: ErrorCode = 'MQ_INVALID_ARGUMENT';

/** For `catch`: mistakes of callers are forgiven. */
function unlessInvalid(error: unknown): undefined {
  if (!isMqError(error, INVALID)) throw error;
}

/** Of what a subscription by a pattern is pushed, what `isPushed` says. */
function pushedIf(
  { subscribe }: Broker,
  isPushed: (delivery: Delivery, pattern: string) => boolean,
): Pick<Broker, 'subscribe'> {
  return {
    subscribe: (topic, options, onDelivery) =>
      subscribe(topic, options, (delivery) => {
        if (isPushed(delivery, topic)) onDelivery(delivery);
      }),
  };
}
