/** Mutants that hand out the wrong messages: too many, too few, none, in another order, or from another topic. */
import { MqError } from '../../contract/errors.ts';
import { broken, changedDeliveries, type Mutant } from './mutant.ts';
import { renamedTopics } from './renamed-topics.ts';

export const receivingMutants: readonly Mutant[] = [
  broken({
    name: 'batch read without an answer',
    stage: 1,
    bug: 'Receiving one message works and receiving several always fails: they are collected and never returned.',
    killedBy: 'a receive of up to N answers N messages in order when so many are there',
    instead: ({ receive }) => ({
      receive: async (topic, options) => {
        const deliveries = await receive(topic, options);
        if ((options?.max ?? 1) === 1) return deliveries;
        throw new MqError('MQ_INTERNAL', `${deliveries.length} deliveries, and then the method ended`);
      },
    }),
  }),
  broken({
    name: 'nothing there is an error',
    stage: 1,
    bug: 'A consumer that has read everything gets an internal error instead of an empty answer.',
    killedBy: 'an empty receive is a normal answer',
    instead: ({ receive }) => ({
      receive: async (...args) => {
        const deliveries = await receive(...args);
        if (deliveries.length > 0) return deliveries;
        throw new MqError('MQ_INTERNAL', 'cannot read the offset of nothing');
      },
    }),
  }),
  broken({
    name: 'max ignored',
    stage: 1,
    bug: 'A consumer that asks for ten messages gets all there are.',
    killedBy: 'a receive of up to N answers N messages in order when so many are there',
    instead: ({ receive, limits }) => ({
      receive: (topic, options) => receive(topic, { ...options, max: limits.receiveCountMax }),
    }),
  }),
  broken({
    name: 'a stack instead of a queue',
    stage: 1,
    bug: 'Of several messages the newest comes first.',
    killedBy: 'messages of one producer are received in the order they were sent',
    instead: ({ receive }) => ({ receive: async (...args) => (await receive(...args)).toReversed() }),
  }),
  broken({
    name: 'bytesMax ignored',
    stage: 1,
    bug: 'A consumer with little memory says how many bytes it can take and gets more.',
    killedBy: 'bytesMax ends an answer early but never below one delivery',
    instead: ({ receive }) => ({ receive: (topic, options) => receive(topic, { ...options, bytesMax: undefined }) }),
  }),
  broken({
    name: 'bytesMax below one message',
    stage: 2,
    bug: 'A message larger than bytesMax is never handed out, and everything behind it waits for ever.',
    killedBy: 'bytesMax ends an answer early but never below one delivery',
    instead: ({ receive, nack }) => ({
      receive: async (topic, options) => {
        const [first, ...more] = await receive(topic, options);
        if (first === undefined) return [];
        if (first.body.length <= (options?.bytesMax ?? first.body.length)) return [first, ...more];
        await nack(first, { outcome: 'return' });
        return [];
      },
    }),
  }),
  broken({
    name: 'accepted and nobody takes it away',
    stage: 1,
    bug: 'After as many messages as the topic holds, later ones vanish although everything was received.',
    killedBy: 'many more messages than a topic holds pass through it one after the other',
    instead: ({ send, describeTopics }) => ({
      send: async (topic, message, options) => {
        const [description] = await describeTopics({ topic });
        const sentCount = description?.logEndOffset ?? 0;
        if (sentCount < (description?.options.messagesMax ?? 0)) return send(topic, message, options);
        return { topic, partition: 0, offset: sentCount, id: message.id ?? '', durability: 'memory' };
      },
    }),
  }),
  broken({
    name: 'send waits for the consumer',
    stage: 2,
    bug: 'A producer stands still for as long as its consumer works on a message.',
    killedBy: 'a send does not wait for consumers',
    instead: ({ send, ack, describeTopics }) => {
      let finished = Promise.withResolvers<void>();
      return {
        send: async (topic, ...rest) => {
          const [description] = await describeTopics({ topic });
          if (description?.inFlightCount !== 0) await finished.promise;
          return send(topic, ...rest);
        },
        ack: async (...args) => {
          await ack(...args);
          finished.resolve();
          finished = Promise.withResolvers();
        },
      };
    },
  }),
  broken({
    name: 'waits for the whole batch',
    stage: 1,
    bug: 'A consumer that asks for up to ten waits for ten, while three messages grow old.',
    killedBy: 'a receive that may wait does not wait for more than is there',
    instead: ({ receive }) => ({
      receive: async (topic, options) => {
        const { max = 1, waitMs = 0 } = options ?? {};
        const deliveries = [...(await receive(topic, options))];
        while (waitMs > 0 && deliveries.length < max) {
          const more = await receive(topic, { ...options, max: max - deliveries.length });
          if (more.length === 0) break;
          deliveries.push(...more);
        }
        return deliveries;
      },
    }),
  }),
  broken({
    name: 'one queue for all topics',
    stage: 1,
    bug: 'Whatever topic a consumer names, it gets the messages of all.',
    killedBy: 'two topics do not share their messages',
    instead: (sound) => renamedTopics(sound, () => 'the only topic'),
  }),
  broken({
    name: 'a receipt for nothing',
    stage: 1,
    bug: 'A producer gets a receipt, and no consumer ever gets the message.',
    killedBy: 'a message that was sent is received',
    instead: ({ send }) => ({
      send: async (topic, ...rest) => ({ ...(await send('nowhere', ...rest)), topic }),
    }),
  }),
  broken({
    name: 'begins again at the end',
    stage: 2,
    bug: 'A consumer that has read everything gets the first message again.',
    killedBy: 'a message that was received and finished does not come again',
    instead: ({ receive, seek }) => ({
      receive: async (topic, options) => {
        const deliveries = await receive(topic, options);
        if (deliveries.length === 0) await seek(topic, { group: options?.group ?? 'default', to: 'earliest' });
        return deliveries;
      },
    }),
  }),
  broken({
    name: 'a token for nothing',
    stage: 1,
    bug: 'A broker that forgets what it hands out gives a token, and the consumer believes the message will come back.',
    killedBy: 'a receive on a broker without leases is the end of the message: there is no token to acknowledge',
    instead: (sound) => changedDeliveries(sound, (delivery) => ({ ...delivery, leaseToken: 'none' })),
  }),
];
