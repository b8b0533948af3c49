/** Mutants that store twice what was numbered, refuse what they should know again, or take one producer for another. */
import type { Broker, SendOptions } from '../../contract/broker.ts';
import { type ErrorCode, isMqError, MqError } from '../../contract/errors.ts';
import type { Receipt } from '../../contract/message.ts';
import type { ProducerIdentity, ProducerStamp } from '../../contract/producer.ts';
import { nextTurn } from '../check.ts';
import { broken, type Mutant } from './mutant.ts';

/** Every so many repetitions something goes wrong. */
const RARE = 7;

export const numberedSendMutants: readonly Mutant[] = [
  broken({
    name: 'one producer for all who ask at once',
    stage: 5,
    bug: 'Producers that are opened at the same time are one, and take each other for repetitions.',
    killedBy: 'no two producers are the same, and each begins with an epoch',
    instead: ({ openProducer }) => {
      let opening: Promise<ProducerIdentity> | undefined;
      return {
        openProducer: (options) => {
          opening ??= openProducer(options).finally(() => {
            opening = undefined;
          });
          return opening;
        },
      };
    },
  }),
  broken({
    name: 'numbers for show',
    stage: 5,
    bug: 'Numbers of producers are accepted and never looked at: what is sent again is stored again.',
    killedBy: 'a send repeated with its sequence is stored once, and answered with the receipt of the first',
    instead: withoutNumbers,
  }),
  broken({
    name: 'known once it is stored',
    stage: 5,
    bug: 'A repetition that comes while the first is still being written is not known, and is stored too.',
    killedBy: 'one send five times at once is stored once, and all five get its offset',
    instead: (sound) => {
      const { send } = withoutNumbers(sound);
      const known = new Map<string, Receipt>();
      return {
        send: async (topic, message, options) => {
          const key = JSON.stringify([topic, options?.producer]);
          const first = known.get(key);
          if (first !== undefined) return { ...first, isDuplicate: true };
          await nextTurn();
          const receipt = await send(topic, message, options);
          known.set(key, receipt);
          return receipt;
        },
      };
    },
  }),
  broken({
    name: 'gaps are welcome',
    stage: 5,
    bug: 'A send whose forerunner was lost is stored all the same, and the loss is never noticed.',
    killedBy: 'a sequence further on than the next is refused as a gap, and nothing is stored',
    instead: (sound) => storedDespite(sound, 'MQ_SEQUENCE_GAP'),
  }),
  broken({
    name: 'only the last call is known',
    stage: 5,
    bug: 'A producer with several sends under way repeats them, and all but the last are refused.',
    killedBy: 'the last 5 calls of a producer can be repeated, an older one is refused and not stored',
    instead: ({ send }) => {
      let highest = -1;
      return {
        send: async (topic, message, options) => {
          const receipt = await send(topic, message, options);
          const sequence = options?.producer?.sequence ?? 0;
          if (receipt.isDuplicate && sequence < highest) throw new MqError('MQ_SEQUENCE_TOO_OLD', 'not the last call');
          highest = Math.max(highest, sequence);
          return receipt;
        },
      };
    },
  }),
  broken({
    name: 'batches are not numbered',
    stage: 5,
    bug: 'The numbers of batches are ignored, so that a batch sent again is stored again.',
    killedBy: 'a numbered batch takes a sequence for each message, and is known again as a whole',
    instead: ({ sendBatch }) => ({
      sendBatch: (topic, messages, options) => sendBatch(topic, messages, withoutProducer(options)),
    }),
  }),
  broken({
    name: 'one count for all partitions',
    stage: 5,
    bug: 'A number that a producer used in one partition is taken for a repetition in the next, and its message is lost.',
    killedBy: 'a producer counts in each partition of each topic by itself',
    instead: (sound) => {
      const first = new Map<string, Receipt>();
      return {
        send: async (topic, message, options) => {
          const key = JSON.stringify(options?.producer);
          const known = first.get(key);
          if (known !== undefined) return { ...known, isDuplicate: true };
          const receipt = await sound.send(topic, message, options);
          first.set(key, receipt);
          return receipt;
        },
      };
    },
  }),
  broken({
    name: 'one count for all producers',
    stage: 5,
    bug: 'What one producer sends is taken for a repetition of what another sent with the same number.',
    killedBy: 'two producers count apart from each other in one partition',
    instead: ({ send }) => {
      let first: ProducerStamp | undefined;
      return {
        send: (topic, message, options) => {
          const { producer } = options ?? {};
          if (producer === undefined) return send(topic, message, options);
          first ??= producer;
          return send(topic, message, { ...options, producer: { ...first, sequence: producer.sequence } });
        },
      };
    },
  }),
  broken({
    name: 'a number is used before it is stored',
    stage: 5,
    bug: 'A send that found no room is repeated, taken for a repetition of one that was stored, and lost.',
    killedBy: 'a numbered send that was refused has used no sequence',
    instead: ({ send }) => {
      const used = new Set<string>();
      return {
        send: async (topic, message, options) => {
          const key = JSON.stringify([topic, options?.producer]);
          const isKnown = used.has(key);
          used.add(key);
          if (!isKnown) return send(topic, message, options);
          return { topic, partition: 0, offset: 0, id: 'lost', durability: 'synced', isDuplicate: true };
        },
      };
    },
  }),
  broken({
    name: 'a number in any partition',
    stage: 5,
    bug: 'A numbered send without a key goes to the next partition each time, where nobody knows it again.',
    killedBy: 'a numbered send whose partition is not known before the call is refused',
    instead: ({ send }) => ({
      send: (topic, message, options) =>
        send(topic, message, message.key === undefined ? { ...options, partition: 0 } : options),
    }),
  }),
  broken({
    name: 'a wrong number is no number',
    stage: 5,
    bug: 'A producer whose numbers are broken is not told, and what it repeats is stored again.',
    killedBy: 'who sends and with which number has to be right in shape, or nothing is stored',
    instead: (sound) => storedDespite(sound, 'MQ_INVALID_ARGUMENT'),
  }),
  broken({
    name: 'strangers may go on',
    stage: 5,
    bug: 'A producer that was forgotten goes on with its numbers, and nobody knows what is missing before.',
    killedBy: 'a producer nobody knows cannot go on with a number, only begin',
    instead: (sound) => storedDespite(sound, 'MQ_UNKNOWN_PRODUCER'),
  }),
  broken({
    name: 'producers for ever',
    stage: 5,
    bug: 'A partition remembers every producer it ever had, and grows with each.',
    killedBy: 'of more producers than a partition remembers the one silent for longest is forgotten',
    given: (options) => ({ ...options, limits: {} }),
  }),
  broken({
    name: 'a name is for people',
    stage: 5,
    bug: 'A producer that comes back under its name is a new one each time, and its older self is never fenced.',
    killedBy: 'opening under a name again gives the same producer its next epoch, and other names another producer',
    instead: ({ openProducer }) => ({ openProducer: () => openProducer() }),
  }),
  broken({
    name: 'fenced when the next one comes',
    stage: 5,
    bug: 'A partition learns of a new owner by its first send; until then the older one may go on writing.',
    killedBy: 'an older owner of a name is fenced at once, in every partition, and nothing of it is stored',
    instead: (sound) => storedDespite(sound, 'MQ_PRODUCER_FENCED'),
  }),
  broken({
    name: 'numbers outlive their epoch',
    stage: 5,
    bug: 'What a new owner sends first is taken for a repetition of what the older one sent, and lost.',
    killedBy: 'a new epoch begins to count from 0 again, and what the older one sent is no repetition of it',
    instead: ({ send }) => {
      const first = new Map<string, Receipt>();
      return {
        send: async (topic, message, options) => {
          const { producerId, sequence } = options?.producer ?? {};
          const receipt = await send(topic, message, options);
          const key = JSON.stringify([topic, producerId, sequence]);
          const known = first.get(key);
          first.set(key, known ?? receipt);
          return known === undefined ? receipt : { ...known, isDuplicate: true };
        },
      };
    },
  }),
  broken({
    name: 'numbers of this run only',
    stage: 5,
    bug: 'After a crash the broker knows no numbers, and stores what is repeated because of the crash.',
    killedBy: 'a send that is repeated after a restart is known again, and its producer goes on where it was',
    instead: (sound, _, { isRestarted }) => (isRestarted ? withoutNumbers(sound) : {}),
  }),
  broken({
    name: 'a snapshot without producers',
    stage: 5,
    bug: 'A broker that was closed in order reads only its snapshot, in which nobody wrote down the numbers.',
    killedBy: 'a broker that was closed in order knows the numbers of its producers when it is opened again',
    instead: (sound, _, { isRestarted }) => (isRestarted ? withoutNumbers(sound) : {}),
  }),
  broken({
    name: 'the last send is forgotten',
    stage: 5,
    bug: 'The number of a send that was on the disk but not answered when the broker stopped is forgotten.',
    killedBy: 'a send that was under way when the broker stopped is stored once, however often it is repeated',
    instead: withoutNumbers,
  }),
  broken({
    name: 'producers counted from the start',
    stage: 5,
    bug: 'After a restart the broker gives the ids of living producers to new ones.',
    killedBy: 'a restart gives no producer to two, and keeps names with their epochs',
    instead: ({ openProducer }, _, { isRestarted, notes }) => ({
      openProducer: async (options) => {
        const [first] = notes;
        if (isRestarted && first !== undefined && options?.name === undefined) return JSON.parse(first);
        const producer = await openProducer(options);
        notes.add(JSON.stringify(producer));
        return producer;
      },
    }),
  }),
  broken({
    name: 'one repetition in seven stored',
    stage: 5,
    bug: 'Now and then a repetition is answered as one, and stored all the same.',
    killedBy: 'many producers that repeat what they send, at any time, store everything once and in their order',
    instead: ({ send }) => {
      let repeatedCount = 0;
      return {
        send: async (topic, message, options) => {
          const receipt = await send(topic, message, options);
          if (receipt.isDuplicate) repeatedCount += 1;
          if (receipt.isDuplicate && repeatedCount % RARE === 0) await send(topic, message, withoutProducer(options));
          return receipt;
        },
      };
    },
  }),
];

function withoutProducer({ producer: _, ...options }: SendOptions = {}): SendOptions {
  return options;
}

/** Who sends is never looked at. */
function withoutNumbers({ send }: Broker): Pick<Broker, 'send'> {
  return { send: (topic, message, options) => send(topic, message, withoutProducer(options)) };
}

/** What is to be refused with `code` is stored, as if it had no number. */
function storedDespite({ send }: Broker, code: ErrorCode): Pick<Broker, 'send'> {
  return {
    send: async (topic, message, options) => {
      try {
        return await send(topic, message, options);
      } catch (error) {
        if (isMqError(error, code)) return send(topic, message, withoutProducer(options));
        throw error;
      }
    },
  };
}
