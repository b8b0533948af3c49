/** Mutants of the door: what goes wrong between a broker that is right and a client that is far away. */
import { isMqError, MqError } from '../../contract/errors.ts';
import { broken, changedDeliveries, type Mutant } from './mutant.ts';
import { renamedTopics } from './renamed-topics.ts';

export const httpDoorMutants: readonly Mutant[] = [
  broken({
    name: 'a poll that outlives its client',
    stage: 3,
    bug: 'A client closes its long poll; the server waits on, takes the next message and writes it to nobody.',
    killedBy: 'a consumer that goes away while a message is on its way to it loses nothing',
    instead: ({ receive, ack }) => ({
      receive: async (topic, { signal: _, ...options } = {}) => {
        const deliveries = await receive(topic, options);
        await ack(deliveries);
        return deliveries;
      },
    }),
  }),
  broken({
    name: '500 for nothing',
    stage: 3,
    bug: 'Polling a topic that has nothing new is answered with an internal server error.',
    killedBy: 'an empty receive is a normal answer',
    instead: ({ receive }) => ({
      receive: async (...args) => {
        const deliveries = await receive(...args);
        if (deliveries.length > 0) return deliveries;
        throw new MqError('MQ_INTERNAL', 'the answer has no message');
      },
    }),
  }),
  broken({
    name: 'the path decoded twice',
    stage: 3,
    bug: 'A topic whose name has a percent sign is mixed up with another one.',
    killedBy: 'names that differ only in case, in slashes or in percent signs are different topics',
    instead: (sound) => renamedTopics(sound, (topic) => topic.replaceAll('%2F', '/')),
  }),
  broken({
    name: 'headers in another alphabet',
    stage: 3,
    bug: 'A key in Chinese arrives as a row of accented letters: bytes were read as Latin-1.',
    killedBy: 'headers, keys and ids arrive as they were sent, in any script and with line breaks',
    instead: (sound) =>
      changedDeliveries(sound, ({ key, ...delivery }) =>
        key === undefined ? delivery : { ...delivery, key: Buffer.from(key).toString('latin1') },
      ),
  }),
  broken({
    name: 'an error of few words',
    stage: 3,
    bug: 'A client that fell behind is told so, but not where it could go on: the answer carries only a code.',
    killedBy: 'an offset beyond the end is MQ_OFFSET_OUT_OF_RANGE with the valid range',
    instead: ({ fetch }) => ({
      fetch: (...args) =>
        fetch(...args).catch((error: unknown) => {
          throw isMqError(error) ? new MqError(error.code, error.message) : error;
        }),
    }),
  }),
  broken({
    name: 'everything as text',
    stage: 3,
    bug: 'A body that is no UTF-8 comes back damaged, because JSON was filled with it as it was.',
    killedBy: 'a body of every byte value arrives byte for byte',
    instead: (sound) =>
      changedDeliveries(sound, (delivery) => ({
        ...delivery,
        body: Buffer.from(Buffer.from(delivery.body).toString()),
      })),
  }),
];
