/** Mutants that ask a silent producer too early, too often, the wrong one, or not at all. */
import { SystemClock } from '../../clock.ts';
import type { Broker } from '../../contract/broker.ts';
import { isMqError } from '../../contract/errors.ts';
import type { HalfCheck } from '../../contract/half-message.ts';
import { broken, type Mutant } from './mutant.ts';

const GIVEN_UP_MS = 3_600_000;

export const halfCheckMutants: readonly Mutant[] = [
  broken({
    name: 'a question without its subject',
    stage: 5,
    bug: 'Who is asked is not told the key and headers, and cannot find out what the message was about.',
    killedBy: 'a producer that stays silent is asked, with all there is to know about its half message',
    instead: (sound) => changedChecks(sound, ({ key: _, ...check }) => ({ ...check, headers: {} })),
  }),
  broken({
    name: 'ask again later',
    stage: 5,
    bug: 'Whoever waits for questions is sent away at once, and has to ask in a loop.',
    killedBy: 'who waits for questions is asked as soon as one is due',
    instead: ({ receiveHalfChecks }) => ({
      receiveHalfChecks: (producerGroup, options) => receiveHalfChecks(producerGroup, { ...options, waitMs: 0 }),
    }),
  }),
  broken({
    name: 'one question less than said',
    stage: 5,
    bug: 'A half message is given up one question before the number that its producer is told.',
    killedBy:
      'a producer is asked exactly when its time is over, again after each interval, and so often as it was told',
    instead: (sound) => changedChecks(sound, (check) => ({ ...check, checksMax: check.checksMax + 1 })),
  }),
  broken({
    name: 'a minute by default',
    stage: 5,
    bug: 'Who says nothing is asked only after a minute.',
    killedBy: 'who says nothing about it is asked after 6 seconds',
    instead: ({ sendHalf }) => ({
      sendHalf: (topic, message, options) => sendHalf(topic, message, { checkAfterMs: 60_000, ...options }),
    }),
  }),
  broken({
    name: 'in doubt delivered',
    stage: 5,
    bug: 'A message that nobody could answer for is delivered after the last question.',
    killedBy: 'a half message nobody could answer for is kept aside with what it was, and never delivered',
    instead: ({ receiveHalfChecks, endHalf }) => ({
      receiveHalfChecks: async (...args) => {
        const checks = await receiveHalfChecks(...args);
        for (const { topic, halfId, checkCount, checksMax } of checks) {
          if (checkCount === checksMax) await endHalf(topic, { halfId, outcome: 'commit' });
        }
        return checks;
      },
    }),
  }),
  broken({
    name: 'asked about what is decided',
    stage: 5,
    bug: 'Questions go on after the answer.',
    killedBy: 'a decision before, between and after questions ends them',
    instead: ({ endHalf, receiveHalfChecks }) => {
      const decided: string[] = [];
      return {
        endHalf: (topic, options) => {
          decided.push(options.halfId);
          return endHalf(topic, options);
        },
        receiveHalfChecks: async (...args) => {
          const checks = await receiveHalfChecks(...args);
          const again = checks
            .slice(0, 1)
            .map((check): HalfCheck => ({ ...check, halfId: decided[0] ?? check.halfId }));
          return [...checks, ...again];
        },
      };
    },
  }),
  broken({
    name: 'one question for all who ask',
    stage: 5,
    bug: 'All members that wait get the same question, and the others wait for the next round.',
    killedBy: 'any member of the producer group may be asked, each question goes to one, and any may answer',
    instead: ({ receiveHalfChecks }) => {
      let asking: Promise<readonly HalfCheck[]> | undefined;
      return {
        receiveHalfChecks: (...args) => {
          asking ??= receiveHalfChecks(...args).finally(() => {
            asking = undefined;
          });
          return asking;
        },
      };
    },
  }),
  broken({
    name: 'questions for everybody',
    stage: 5,
    bug: 'A producer is asked about half messages of others, which it knows nothing of.',
    killedBy: 'a producer group is asked about its own half messages only',
    instead: ({ sendHalf, receiveHalfChecks }) => ({
      sendHalf: (topic, message, options) => sendHalf(topic, message, { ...options, producerGroup: 'all' }),
      receiveHalfChecks: (_, options) => receiveHalfChecks('all', options),
    }),
  }),
  broken({
    name: 'given up while nobody was there',
    stage: 5,
    bug: 'A producer that was away for an hour finds its half messages given up, though nobody was asked.',
    killedBy: 'while no member of the group is there nobody is asked and nothing is given up, however long that is',
    instead: ({ sendHalf, endHalf }, { clock = new SystemClock() }) => ({
      sendHalf: async (topic, message, options) => {
        const receipt = await sendHalf(topic, message, options);
        const { halfId } = receipt;
        const giveUp = (): void => void endHalf(topic, { halfId, outcome: 'abort' }).catch(() => undefined);
        clock.setTimer(giveUp, GIVEN_UP_MS);
        return receipt;
      },
    }),
  }),
  broken({
    name: 'questions counted in this run only',
    stage: 5,
    bug: 'Each restart begins to count the questions anew, so that a producer that is gone is asked for ever.',
    killedBy: 'a restart goes on counting questions where it was, and asks no more often',
    instead: (sound, _, { isRestarted }) =>
      isRestarted ? changedChecks(sound, (check) => ({ ...check, checkCount: 1 })) : {},
  }),
  broken({
    name: 'any call for questions will do',
    stage: 5,
    bug: 'A misspelt option of a call for questions is ignored, and its caller wonders why it does not wait.',
    killedBy: 'a call for questions takes only what it knows, and numbers within the limits',
    instead: ({ receiveHalfChecks }) => ({
      receiveHalfChecks: async (...args) => {
        try {
          return await receiveHalfChecks(...args);
        } catch (error) {
          if (isMqError(error, 'MQ_INVALID_ARGUMENT')) return [];
          throw error;
        }
      },
    }),
  }),
];

function changedChecks({ receiveHalfChecks }: Broker, change: (check: HalfCheck) => HalfCheck): Partial<Broker> {
  return { receiveHalfChecks: async (...args) => (await receiveHalfChecks(...args)).map(change) };
}
