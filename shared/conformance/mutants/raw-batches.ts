/** Mutants that do not look at the bytes they pass on, or look at the wrong ones. */
import type { Broker } from '../../contract/broker.ts';
import { isMqError } from '../../contract/errors.ts';
import { broken, type Mutant } from './mutant.ts';

/** Fewer bytes than any batch has. */
const EMPTY_BYTES_MAX = 16;

export const rawBatchMutants: readonly Mutant[] = [
  broken({
    name: 'the offsets of its first home',
    stage: 4,
    bug: 'A batch that is stored in a second topic is said to have the offsets that it had in the first.',
    killedBy:
      'a batch fetched as bytes and appended to another topic is the same messages there, with offsets of that topic',
    instead: (sound) => ({
      appendBatch: async (...args) => ({ ...(await rawOf(sound).appendBatch(...args)), baseOffset: 0 }),
    }),
  }),
  broken({
    name: 'always from the start',
    stage: 4,
    bug: 'Whatever offset a reader asks for, it gets the bytes of the first batch.',
    killedBy: 'fetchBatches answers whole batches from the one with the offset on, and where to go on',
    instead: (sound) => ({
      fetchBatches: async (topic, options) => {
        const result = await rawOf(sound).fetchBatches(topic, options);
        const { bytes } = await rawOf(sound).fetchBatches(topic, { ...options, offset: 0 });
        return { ...result, bytes };
      },
    }),
  }),
  broken({
    name: 'bytes are bytes',
    stage: 4,
    bug: 'A batch whose bits were changed on the way is accepted.',
    killedBy: 'a batch of which any one bit was changed is refused, or is still exactly what it was',
    instead: (sound) => ({
      appendBatch: async (topic, bytes, options) => {
        try {
          return await rawOf(sound).appendBatch(topic, bytes, options);
        } catch (error) {
          if (!isMqError(error, 'MQ_CORRUPT')) throw error;
          return { topic, partition: 0, baseOffset: 0, count: 1, durability: 'synced' };
        }
      },
    }),
  }),
  broken({
    name: 'a batch of nothing',
    stage: 4,
    bug: 'An append of no bytes, or of the few that came before a connection broke, is answered with success.',
    killedBy:
      'a batch that was cut short, or has something behind it, or is empty, is refused and nothing of it is stored',
    instead: (sound) => ({
      appendBatch: async (topic, bytes, options) => {
        if (bytes.length > EMPTY_BYTES_MAX) return rawOf(sound).appendBatch(topic, bytes, options);
        return { topic, partition: 0, baseOffset: 0, count: 0, durability: 'synced' };
      },
    }),
  }),
  broken({
    name: 'limits for single messages',
    stage: 4,
    bug: 'A message that is too large to be sent can be smuggled in with a batch of bytes.',
    killedBy: 'a batch with a message above a limit of the broker is refused whole',
    given: ({ limits: _, ...options }) => options,
  }),
  broken({
    name: 'whose bytes are these',
    stage: 4,
    bug: 'The array of whoever appends a batch is what is stored, and not a copy: the next use of it changes the log.',
    killedBy:
      'what was stored of a batch stays as it was when its sender writes over the bytes, or has given them away',
    instead: (sound) => ({
      appendBatch: (topic, bytes, options) =>
        rawOf(sound).appendBatch(topic, bytes, { ...options, isGiven: options?.isGiven ?? true }),
    }),
  }),
  broken({
    name: 'bytes into the first partition',
    stage: 4,
    bug: 'A batch of bytes goes to the first partition, whatever its sender said.',
    killedBy: 'an appended batch goes to the partition that is named, and waits for room like any other',
    instead: (sound) => ({
      appendBatch: (topic, bytes, { partition: _, ...options } = {}) =>
        rawOf(sound).appendBatch(topic, bytes, { ...options, partition: 0 }),
    }),
  }),
  broken({
    name: 'one ack for each token',
    stage: 4,
    bug: 'Of several acks of one run only the first counts, since they have the same token.',
    killedBy: 'receiveBatches hands out runs of offsets under leases, whose token opens each of its offsets',
    instead: ({ ack }) => ({
      ack: (refs, options) => {
        const first = new Map(refs.toReversed().map((ref) => [ref.leaseToken, ref]));
        return ack([...first.values()], options);
      },
    }),
  }),
  broken({
    name: 'two books',
    stage: 4,
    bug: 'What one consumer has received as messages another receives as bytes.',
    killedBy: 'receiveBatches and receive hand out the same: what one has in flight the other does not get',
    instead: (sound) => ({
      receiveBatches: (topic, options = {}) =>
        rawOf(sound).receiveBatches(topic, { ...options, group: `${options.group}-raw` }),
    }),
  }),
];

type RawOperations = Required<Pick<Broker, 'appendBatch' | 'fetchBatches' | 'receiveBatches'>>;

/** The operations on bytes, which a broker may leave out and this one has. */
function rawOf({ appendBatch, fetchBatches, receiveBatches }: Broker): RawOperations {
  if (appendBatch === undefined || fetchBatches === undefined || receiveBatches === undefined) {
    throw new RangeError('the sound broker has no operations on bytes');
  }
  return { appendBatch, fetchBatches, receiveBatches };
}
