/** Mutants that hand out what does not match, keep back what does, or read a selector otherwise than it is written. */
import { SystemClock } from '../../clock.ts';
import type { Broker } from '../../contract/broker.ts';
import { type ErrorCode, isMqError, MqError } from '../../contract/errors.ts';
import { type Filter, TAG_HEADER } from '../../contract/filter.ts';
import type { Delivery } from '../../contract/message.ts';
import { givenBack } from './given-back.ts';
import { broken, type Mutant } from './mutant.ts';

/** Messages that a bad search looks at. */
const LOOKED_AT_COUNT = 1000;

export const filterMutants: readonly Mutant[] = [
  broken({
    name: 'what does not match is left lying',
    stage: 5,
    bug: 'What a group does not want is never finished for it, and its lag grows for ever.',
    killedBy: 'a group with a filter is handed what matches, in order, and the rest is finished for it',
    instead: (sound) => filteredByReceives(sound),
  }),
  broken({
    name: 'work that is none',
    stage: 5,
    bug: 'A group that wants nothing of what is sent is said to be behind.',
    killedBy: 'a group with a filter for what nobody sends has no lag, and waits',
    instead: (sound) => filteredByReceives(sound),
  }),
  broken({
    name: 'tags are enough',
    stage: 5,
    bug: 'The selector of a filter that has tags too is not looked at.',
    killedBy: 'several tags of a filter are alternatives, and a tag and a selector have to match both',
    instead: (sound) => changedFilters(sound, ({ selector, ...filter }) => (filter.tags ? filter : { selector })),
  }),
  broken({
    name: 'what one does not want nobody gets',
    stage: 5,
    bug: 'What does not match the filter of one consumer is finished for the whole group.',
    killedBy: 'what does not match the filter of a receive stays for others, in its place',
    instead: ({ receive, ack }) => ({
      receive: async (topic, { filter, ...options } = {}) => {
        const deliveries = await receive(topic, options);
        const unwanted = deliveries.filter((delivery) => !hasTag(filter, delivery));
        if (unwanted.length > 0) await ack(unwanted);
        return deliveries.filter((delivery) => hasTag(filter, delivery));
      },
    }),
  }),
  broken({
    name: 'a short look',
    stage: 5,
    bug: 'Behind a thousand messages that do not match nothing is found any more.',
    killedBy: 'a receive with a filter looks past however many that do not match',
    instead: (sound) => lookedThrough(sound),
  }),
  broken({
    name: 'woken by anything',
    stage: 5,
    bug: 'Who waits with a filter is woken by what does not match, and sent away with nothing.',
    killedBy: 'a receive that waits with a filter sleeps on past what does not match and wakes for what does',
    instead: (sound) => lookedThrough(sound),
  }),
  broken({
    name: 'woken by what comes back',
    stage: 5,
    bug: 'What was given back wakes whoever is first in line, who does not want it.',
    killedBy: 'what comes back by a nack or at the end of a lease wakes only who wants it',
    instead: (sound) => lookedThrough(sound),
  }),
  broken({
    name: 'pushed whatever it is',
    stage: 5,
    bug: 'A subscriber is pushed what it said it does not want.',
    killedBy: 'a subscription with a filter is pushed what matches, and the rest stays for others',
    instead: ({ subscribe }) => ({
      subscribe: (topic, { filter: _, ...options }, onDelivery) => subscribe(topic, options, onDelivery),
    }),
  }),
  broken({
    name: 'the filter of the receive only',
    stage: 5,
    bug: 'A receive with a filter of its own is given what its group does not want.',
    killedBy: 'filters of group and of receive both hold',
    instead: (sound) => filteredByReceives(sound),
  }),
  broken({
    name: 'any filter is the same',
    stage: 5,
    bug: 'Making a group again with another filter succeeds and changes nothing.',
    killedBy: 'a group is the same again only with the same filter',
    instead: ({ createGroup }) => ({
      createGroup: async (...args) => {
        await createGroup(...args).catch(unlessCode('MQ_GROUP_EXISTS'));
      },
    }),
  }),
  broken({
    name: 'filters only in memory',
    stage: 5,
    bug: 'After a restart a group has no filter, and is given everything.',
    killedBy: 'a restart keeps the filter of a group, and what it has finished by it',
    instead: ({ describeTopics }, _, { isRestarted }) => ({
      describeTopics: async (...args) => {
        const topics = await describeTopics(...args);
        const without = topics.map((topic) => ({
          ...topic,
          groups: topic.groups.map(({ filter: __, ...group }) => group),
        }));
        return isRestarted ? without : topics;
      },
    }),
  }),
  broken({
    name: 'a filter that is none matches nothing',
    stage: 5,
    bug: 'A misspelt filter is accepted, and its consumer waits for ever.',
    killedBy: 'a filter has to be one: known members, tags that are texts, and something to match',
    instead: ({ receive }) => ({
      receive: async (...args) => (await receive(...args).catch(unlessCode('MQ_INVALID_ARGUMENT'))) ?? [],
    }),
  }),
  broken({
    name: 'what is not there is not equal',
    stage: 5,
    bug: 'A message without a header is taken for one whose header is another.',
    killedBy:
      'a selector has three truth values: what is not there is neither equal nor unequal, and only true is taken',
    instead: (sound) =>
      rewrittenSelectors(sound, (text) => text.replaceAll(/(\w+) <> ('\w+')/g, '($1 <> $2 OR $1 IS NULL)')),
  }),
  broken({
    name: 'texts that look like numbers',
    stage: 5,
    bug: 'A text is compared with a number as if it were one.',
    killedBy: 'a selector compares and computes with numbers that are typed as such, and texts only with texts',
    instead: (sound) => rewrittenSelectors(sound, (text) => text.replaceAll(/size = (\d)/g, "size = '$1'")),
  }),
  broken({
    name: 'fields are headers',
    stage: 5,
    bug: 'A selector for a priority finds nothing, since no message has a header of that name.',
    killedBy: 'a selector sees the fields that JMS names: priority, id, key, correlation id, type and times',
    instead: (sound) => rewrittenSelectors(sound, (text) => text.replaceAll('JMSPriority', 'priority')),
  }),
  broken({
    name: 'always the first time',
    stage: 5,
    bug: 'A selector takes every delivery for the first of its message.',
    killedBy: 'a selector sees how often a message was delivered',
    instead: (sound) => rewrittenSelectors(sound, (text) => text.replaceAll('JMSXDeliveryCount', '1')),
  }),
  broken({
    name: 'somewhere in there',
    stage: 5,
    bug: 'Who writes a wrong selector is told that it is wrong, and not where.',
    killedBy: 'a selector that is none is refused wherever it is given, with the place where it is wrong',
    instead: ({ receive }) => ({
      receive: async (...args) => {
        try {
          return await receive(...args);
        } catch (error) {
          if (!isMqError(error, 'MQ_INVALID_SELECTOR')) throw error;
          throw new MqError('MQ_INVALID_SELECTOR', 'the selector is wrong');
        }
      },
    }),
  }),
  broken({
    name: 'what nobody can read matches nothing',
    stage: 5,
    bug: 'A selector of any size is accepted, and the broker works on it for each message.',
    killedBy: 'a selector that is too long, too deep or of control characters is refused',
    instead: ({ receive }) => ({
      receive: async (...args) => (await receive(...args).catch(unlessCode('MQ_INVALID_SELECTOR'))) ?? [],
    }),
  }),
  broken({
    name: 'one temporary topic for all',
    stage: 5,
    bug: 'All who ask for a topic for replies get the same, and read the replies of others.',
    killedBy: 'a temporary topic takes messages from anybody and gives them to who made it',
    instead: ({ createTemporaryTopic }) => {
      let made: Promise<string> | undefined;
      return {
        createTemporaryTopic: () => {
          made ??= createTemporaryTopic();
          return made;
        },
      };
    },
  }),
  broken({
    name: 'temporary by name',
    stage: 5,
    bug: 'Whoever knows how a temporary topic is named can make one, and take the replies of others.',
    killedBy: 'nobody makes a temporary topic by its name',
    instead: ({ createTopic }) => ({
      createTopic: async (...args) => {
        await createTopic(...args).catch(unlessCode('MQ_INVALID_ARGUMENT'));
      },
    }),
  }),
  broken({
    name: 'temporary for ever',
    stage: 5,
    bug: 'Topics for replies of who is long gone stay, and become ever more.',
    killedBy: 'a temporary topic that nobody uses is gone after a while, one that is used stays',
    instead: (sound, { clock = new SystemClock() }) => ({
      createTemporaryTopic: async () => {
        const topic = await sound.createTemporaryTopic();
        const use = (): void => {
          sound.receive(topic).then(
            () => clock.setTimer(use, 10_000),
            () => undefined,
          );
        };
        use();
        return topic;
      },
    }),
  }),
  broken({
    name: 'temporary on the disk',
    stage: 5,
    bug: 'A reply to who asked before the restart is accepted, and nobody will ever read it.',
    killedBy: 'a restart ends temporary topics',
    instead: ({ send }, _, { isRestarted }) => ({
      send: (topic, message, options) => send(isRestarted ? topic.replace('$temp/', 'temp/') : topic, message, options),
    }),
  }),
  broken({
    name: 'whose answer is this',
    stage: 5,
    bug: 'The correlation id does not arrive, and nobody knows which question an answer is about.',
    killedBy: 'a question finds its answer by the topic to reply to and the correlation id',
    instead: ({ send }) => ({
      send: (topic, { headers: { 'correlation-id': _, ...headers } = {}, ...message }, options) =>
        send(topic, { ...message, headers }, options),
    }),
  }),
];

/** For `catch`: what has this code is forgiven. */
function unlessCode(code: ErrorCode): (error: unknown) => undefined {
  return (error) => {
    if (!isMqError(error, code)) throw error;
  };
}

function hasTag(filter: Filter | undefined, { headers }: Delivery): boolean {
  return filter?.tags === undefined || filter.tags.includes(headers[TAG_HEADER] ?? '');
}

/** Filters are changed wherever they are given. */
function changedFilters({ createGroup, receive }: Broker, change: (filter: Filter) => Filter): Partial<Broker> {
  const changed = <Options extends { readonly filter?: Filter }>(options: Options): Options =>
    options.filter === undefined ? options : { ...options, filter: change(options.filter) };
  return {
    createGroup: (topic, group, options = {}) => createGroup(topic, group, changed(options)),
    receive: (topic, options = {}) => receive(topic, changed(options)),
  };
}

function rewrittenSelectors(sound: Broker, rewrite: (selector: string) => string): Partial<Broker> {
  return changedFilters(sound, ({ selector, ...filter }) =>
    selector === undefined ? filter : { ...filter, selector: rewrite(selector) },
  );
}

/** The filter of a group is that of its receives, if they have none. */
function filteredByReceives({ createGroup, receive }: Broker): Partial<Broker> {
  const filters = new Map<string, Filter>();
  return {
    createGroup: (topic, group, { filter, ...options } = {}) => {
      if (filter !== undefined) filters.set(group, filter);
      return createGroup(topic, group, options);
    },
    receive: (topic, options = {}) => {
      const filter = options.filter ?? filters.get(options.group ?? '');
      return receive(topic, filter === undefined ? options : { ...options, filter });
    },
  };
}

/** The first messages are taken, and those that do not match are given back. */
function lookedThrough(sound: Broker): Partial<Broker> {
  return {
    receive: async (topic, { filter, max = 1, ...options } = {}) => {
      const deliveries = await sound.receive(topic, { ...options, max: LOOKED_AT_COUNT });
      return givenBack(sound, deliveries, { keep: (delivery) => hasTag(filter, delivery), max });
    },
  };
}
