/** Mutants that show what is not decided, or decide it otherwise or twice. */
import type { Broker } from '../../contract/broker.ts';
import { type ErrorCode, isMqError } from '../../contract/errors.ts';
import { broken, type Mutant } from './mutant.ts';

export const halfMessageMutants: readonly Mutant[] = [
  broken({
    name: 'half is whole',
    stage: 5,
    bug: 'A half message is delivered at once, before its producer has said anything.',
    killedBy: 'a half message is seen by nobody: not received, not fetched, not browsed, however it is read',
    instead: ({ send, sendHalf }) => ({
      sendHalf: async (topic, message, options) => {
        await send(topic, message);
        return sendHalf(topic, message, options);
      },
    }),
  }),
  broken({
    name: 'only the body is kept',
    stage: 5,
    bug: 'A half message loses its key and headers until it is committed.',
    killedBy: 'a half message that is committed becomes a message like any other, once',
    instead: ({ sendHalf }) => ({
      sendHalf: (topic, { key: _, headers: __, ...message }, options) => sendHalf(topic, message, options),
    }),
  }),
  broken({
    name: 'any answer is a commit',
    stage: 5,
    bug: 'An abort delivers the message: the broker takes the end of the silence for consent.',
    killedBy: 'a half message that is aborted is never delivered',
    instead: ({ endHalf }) => ({ endHalf: (topic, options) => endHalf(topic, { ...options, outcome: 'commit' }) }),
  }),
  broken({
    name: 'who waits is not told',
    stage: 5,
    bug: 'A commit wakes nobody: who waits for a message is sent away while one is there.',
    killedBy: 'who waits for a message gets a half one when it is committed',
    instead: ({ receive, describeTopics }) => ({
      receive: async (topic, options) => {
        const [description] = await describeTopics({ topic });
        const deliveries = await receive(topic, options);
        return (description?.halfCount ?? 0) > 0 ? [] : deliveries;
      },
    }),
  }),
  broken({
    name: 'the other answer is welcome too',
    stage: 5,
    bug: 'An abort after a commit is answered with success, and its producer believes that nothing was delivered.',
    killedBy:
      'the first answer about a half message holds: repeating it succeeds and does nothing, the other is refused',
    instead: (sound) => endedDespite(sound, 'MQ_TRANSACTION_ENDED'),
  }),
  broken({
    name: 'both answers are right',
    stage: 5,
    bug: 'Of a commit and an abort at the same time both are told that they held.',
    killedBy: 'of two different answers at once about a half message one holds, and the other is refused',
    instead: (sound) => endedDespite(sound, 'MQ_TRANSACTION_ENDED'),
  }),
  broken({
    name: 'a message for each commit',
    stage: 5,
    bug: 'A commit that is repeated because its answer was late delivers the message again.',
    killedBy: 'one commit five times at once makes one message, and all are answered with it',
    instead: (sound, _, { notes }) => ({
      ...noted(sound, notes),
      endHalf: async (topic, options) => {
        const body = bodyOf(notes, options.halfId);
        if (options.outcome !== 'commit' || body === undefined) return sound.endHalf(topic, options);
        return sound.send(topic, { body });
      },
    }),
  }),
  broken({
    name: 'not knowing is an abort',
    stage: 5,
    bug: 'A producer that says that it does not know yet loses its message.',
    killedBy: 'an answer that nothing is decided yet changes nothing',
    instead: ({ endHalf }) => ({
      endHalf: (topic, options) =>
        endHalf(topic, options.outcome === 'unknown' ? { ...options, outcome: 'abort' } : options),
    }),
  }),
  broken({
    name: 'any id will do',
    stage: 5,
    bug: 'An answer about a half message that does not exist is answered with success.',
    killedBy: 'an id that no half message of the topic has is refused',
    instead: (sound) => endedDespite(sound, 'MQ_UNKNOWN_TRANSACTION'),
  }),
  broken({
    name: 'a delay is dropped',
    stage: 5,
    bug: 'The delay of a half message is accepted and forgotten.',
    killedBy: 'a half message is checked like any message, and may not be delayed',
    instead: ({ sendHalf }) => ({
      sendHalf: (topic, { delayMs: _, deliverAt: __, ...message }, options) => sendHalf(topic, message, options),
    }),
  }),
  broken({
    name: 'half messages without a limit',
    stage: 5,
    bug: 'Producers that never decide fill the broker.',
    killedBy: 'a broker has a limit of undecided half messages, and a decision makes room for another',
    given: (options) => ({ ...options, limits: {} }),
  }),
  broken({
    name: 'half messages only in memory',
    stage: 5,
    bug: 'After a restart no half message is known, and no producer can commit what it was promised.',
    killedBy: 'half messages and their decisions are kept by a restart',
    instead: ({ describeTopics }, _, { isRestarted }) => ({
      describeTopics: async (...args) =>
        (await describeTopics(...args)).map((topic) => (isRestarted ? { ...topic, halfCount: 0 } : topic)),
    }),
  }),
  broken({
    name: 'committed once more after a crash',
    stage: 5,
    bug: 'A commit that was under way is carried out again at the start, whether it had taken effect or not.',
    killedBy: 'a commit of a half message that was under way when the broker stopped made one message, or none yet',
    instead: (sound, _, { isRestarted, notes }) => ({
      ...noted(sound, notes),
      endHalf: async (topic, options) => {
        const body = bodyOf(notes, options.halfId);
        if (isRestarted && body !== undefined) await sound.send(topic, { body });
        return sound.endHalf(topic, options);
      },
    }),
  }),
  broken({
    name: 'anybody may put something aside',
    stage: 5,
    bug: 'Messages can be sent among those that nobody could decide, where no consumer ever looks.',
    killedBy: 'nothing can be sent among the half messages that nobody could answer for',
    instead: ({ send }) => ({
      send: (topic, message, options) => send(topic.replace('$unresolved', 'unresolved'), message, options),
    }),
  }),
];

/** Bodies of what was sent half are noted for brokers that send them themselves. */
function noted({ sendHalf }: Broker, notes: Set<string>): Pick<Broker, 'sendHalf'> {
  return {
    sendHalf: async (topic, message, options) => {
      const receipt = await sendHalf(topic, message, options);
      notes.add(JSON.stringify([receipt.halfId, message.body]));
      return receipt;
    },
  };
}

function bodyOf(notes: ReadonlySet<string>, halfId: string): string | undefined {
  const pairs = [...notes].map((note) => JSON.parse(note) as [string, string]);
  return pairs.find(([id]) => id === halfId)?.[1];
}

/** An answer that is to be refused with `code` succeeds. */
function endedDespite({ endHalf }: Broker, code: ErrorCode): Pick<Broker, 'endHalf'> {
  return {
    endHalf: async (...args) => {
      try {
        return await endHalf(...args);
      } catch (error) {
        if (isMqError(error, code)) return null;
        throw error;
      }
    },
  };
}
