/** Mutants that mix up names, bend arguments into shape, or take what they should refuse. */
import { MqError } from '../../contract/errors.ts';
import { broken, type Mutant } from './mutant.ts';
import { renamedTopics } from './renamed-topics.ts';

export const nameMutants: readonly Mutant[] = [
  broken({
    name: 'the screen of the operator',
    stage: 1,
    bug: 'What a stranger wrote as the name of an option stands raw in the error, and clears the screen of its reader.',
    killedBy: 'an error message is short and stays on its line, whatever the caller wrote',
    instead: ({ send }) => ({
      send: (topic, message, options) => {
        const [misspelt] = Object.keys(message).filter((name) => name !== 'body' && name !== 'headers');
        if (misspelt === undefined) return send(topic, message, options);
        return Promise.reject(new MqError('MQ_INVALID_ARGUMENT', `message has no option ${misspelt}`));
      },
    }),
  }),
  broken({
    name: 'names without case',
    stage: 1,
    bug: 'Orders and orders are one topic, as they are one file on some disks.',
    killedBy: 'names that differ only in case, in slashes or in percent signs are different topics',
    instead: (sound) => renamedTopics(sound, (topic) => topic.toLowerCase()),
  }),
  broken({
    name: 'names as keys of an object',
    stage: 1,
    bug: 'A topic called constructor cannot be made: every plain object seems to have one already.',
    killedBy: 'a topic may have any well-formed name, and messages sent to it arrive under exactly this name',
    instead: ({ send }) => ({
      send: async (topic, message, options) => {
        const queues: Record<string, Promise<unknown>[]> = {};
        if (queues[topic] !== undefined) throw new MqError('MQ_INTERNAL', 'queues[topic].push is not a function');
        return send(topic, message, options);
      },
    }),
  }),
  broken({
    name: 'names compared byte by byte',
    stage: 1,
    bug: 'A name typed on a Mac is another topic than the same name typed on Windows.',
    killedBy: 'two spellings of one name in Unicode are the same topic',
    instead: (sound) => renamedTopics(sound, (topic) => Buffer.from(topic).toString('hex')),
  }),
  broken({
    name: 'misspelt options ignored',
    stage: 1,
    bug: 'A consumer that writes watiMs never waits and never learns why.',
    killedBy: 'a misspelt option is refused, never ignored',
    instead: ({ receive }) => ({
      receive: (topic, { group, memberId, max, bytesMax, waitMs, leaseMs, signal } = {}) =>
        receive(topic, { group, memberId, max, bytesMax, waitMs, leaseMs, signal }),
    }),
  }),
  broken({
    name: 'numbers bent into range',
    stage: 1,
    bug: 'A consumer asks for -1 messages by mistake and gets one.',
    killedBy: 'numbers outside their range are refused by send and receive',
    instead: ({ receive, limits }) => ({
      receive: (topic, options) =>
        receive(topic, { ...options, max: Math.min(Math.max(Number(options?.max ?? 1), 1), limits.receiveCountMax) }),
    }),
  }),
  broken({
    name: 'ack on a broker without leases',
    stage: 1,
    bug: 'A program believes its acknowledgements count, on a broker that has none.',
    killedBy: 'an operation whose capability is missing is refused, naming the capability and the stage that has it',
    instead: () => ({ ack: async () => undefined }),
  }),
  broken({
    name: 'delay ignored',
    stage: 2,
    bug: 'A message to be delivered tomorrow is taken and delivered now.',
    killedBy: 'a message option whose capability is missing is refused, and the message is not taken',
    instead: ({ send }) => ({
      send: (topic, { delayMs: _, ...message }, options) => send(topic, message, options),
    }),
  }),
  broken({
    name: 'reject taken for retry',
    stage: 2,
    bug: 'A consumer rejects a poisonous message for good and gets it again at once.',
    killedBy: 'nack options whose capability is missing are refused, and the delivery stays with its member',
    instead: ({ nack }) => ({ nack: (delivery) => nack(delivery, { outcome: 'retry' }) }),
  }),
  broken({
    name: 'promises more than the contract',
    stage: 2,
    bug: 'A broker says it delivers exactly once, which nobody can test because nothing says what it means.',
    killedBy: 'a broker lists only capabilities of the contract, sending among them',
    instead: ({ capabilities }) => ({
      capabilities: new Set([...capabilities, 'exactly-once']) as unknown as typeof capabilities,
    }),
  }),
  broken({
    name: 'a capability not listed',
    stage: 2,
    bug: 'All tests of a group of promises are skipped, and the broker looks complete.',
    killedBy: 'a broker of a stage has every capability of its stage that its door can carry',
    instead: ({ capabilities }) => ({ capabilities: new Set([...capabilities].filter((name) => name !== 'browse')) }),
  }),
  broken({
    name: 'names measured in characters',
    stage: 1,
    bug: 'A name of 200 Chinese characters is accepted, and no disk can hold a file of that name.',
    killedBy: 'a name may have up to nameBytesMax UTF-8 bytes and not one more',
    instead: ({ createTopic, limits }) => ({
      createTopic: async (topic, options) => {
        const isMistaken = topic.length <= limits.nameBytesMax && Buffer.byteLength(topic) > limits.nameBytesMax;
        if (!isMistaken) await createTopic(topic, options);
      },
    }),
  }),
  broken({
    name: 'a topic without a name',
    stage: 1,
    bug: 'A consumer whose topic is an empty string by mistake is answered empty for ever.',
    killedBy: 'an illegal topic name is refused by every operation',
    instead: ({ receive }) => ({
      receive: async (topic, options) => (topic === '' ? [] : receive(topic, options)),
    }),
  }),
  broken({
    name: 'a member without a name',
    stage: 2,
    bug: "Two consumers whose names were lost on the way are one member and finish each other's messages.",
    killedBy: 'an illegal group or member name is refused',
    instead: ({ receive }) => ({
      receive: (topic, options) => receive(topic, { ...options, memberId: options?.memberId || undefined }),
    }),
  }),
  broken({
    name: 'groups as members of an object',
    stage: 2,
    bug: 'A group called toString cannot be used.',
    killedBy: 'a group and a member may have any well-formed name',
    instead: ({ receive }) => ({
      receive: async (topic, options) => {
        if (!Reflect.has({}, options?.group ?? 'default')) return receive(topic, options);
        throw new MqError('MQ_INTERNAL', 'groups[name].receive is not a function');
      },
    }),
  }),
  broken({
    name: 'zero means default',
    stage: 1,
    bug: 'A topic of zero messages is created with room for ten thousand.',
    killedBy: 'a topic cannot be created with options that make no sense',
    instead: ({ createTopic }) => ({
      createTopic: (topic, options) =>
        createTopic(topic, { ...options, messagesMax: options?.messagesMax || undefined }),
    }),
  }),
  broken({
    name: 'an infinite limit',
    stage: 1,
    bug: 'The broker says that it waits without end, and JSON says null.',
    killedBy: 'every limit is a positive whole number',
    instead: ({ limits }) => ({ limits: { ...limits, waitMsMax: Number.POSITIVE_INFINITY } }),
  }),
  broken({
    name: 'leaseMs ignored',
    stage: 1,
    bug: 'A consumer asks for a lease of a minute on a broker without leases and is told nothing.',
    killedBy: 'an option whose capability is missing is refused, naming the capability and the stage that has it',
    instead: ({ receive }) => ({ receive: (topic, { leaseMs: _, ...options } = {}) => receive(topic, options) }),
  }),
  broken({
    name: 'a time taken for the beginning',
    stage: 2,
    bug: 'A group is to go back by an hour, and goes back by a year.',
    killedBy: 'seeking to a time without an index by time is refused',
    instead: ({ seek }) => ({
      seek: (topic, { to, ...options }) =>
        seek(topic, { ...options, to: typeof to === 'object' && 'timestamp' in to ? 'earliest' : to }),
    }),
  }),
  broken({
    name: 'misspelt options of a broker ignored',
    stage: 1,
    bug: 'An operator writes topicDefault for topicDefaults, and every topic is made as if nothing had been written.',
    killedBy: 'a broker cannot be made with options that make no sense, and the refusal names the option',
    given: ({ clock, random, autoCreateTopics, topicDefaults, limits }) => ({
      clock,
      random,
      autoCreateTopics,
      topicDefaults,
      limits,
    }),
  }),
];
