/** Mutants that tell a wrong story of a message. */
import type { Broker } from '../../contract/broker.ts';
import { isMqError } from '../../contract/errors.ts';
import type { Explanation } from '../../contract/explanation.ts';
import { broken, type Mutant } from './mutant.ts';

export const explainingMutants: readonly Mutant[] = [
  broken({
    name: 'what is in flight is available',
    stage: 4,
    bug: 'Somebody who looks for a message is told that nobody has it.',
    killedBy: 'explain says where a message stands for each group: available, in flight with whom, finished',
    instead: (sound) =>
      toldOtherwise(sound, (explanation) => ({
        ...explanation,
        groups: explanation.groups.map(({ state, ...group }) => ({
          ...group,
          state: state === 'in-flight' ? 'available' : state,
        })),
      })),
  }),
  broken({
    name: 'a story without reasons',
    stage: 4,
    bug: 'The story of a message says that it came again, and not why.',
    killedBy: 'explain tells what happened to a message, oldest first, and why it came again',
    instead: (sound) =>
      toldOtherwise(sound, (explanation) => ({
        ...explanation,
        events: explanation.events.map(({ reason: _, ...event }) => event),
      })),
  }),
  broken({
    name: 'only what has an offset',
    stage: 4,
    bug: 'A message that is not due yet cannot be found by its id.',
    killedBy: 'explain finds a message that is delayed, and says when it is due',
    instead: (sound) => toldOtherwise(sound, (explanation) => (explanation.offset === null ? null : explanation)),
  }),
  broken({
    name: 'the dead are done',
    stage: 4,
    bug: 'A message that died is said to be finished like any other.',
    killedBy: 'explain says of a message that died for a group that it is dead',
    instead: (sound) =>
      toldOtherwise(sound, (explanation) => ({
        ...explanation,
        groups: explanation.groups.map((group) => ({ ...group, state: 'finished' })),
      })),
  }),
  broken({
    name: 'no topic, no story',
    stage: 4,
    bug: 'Whoever misspells the topic is told that there is no such message.',
    killedBy: 'explain of an id that no message has is null, of a topic that does not exist it is refused',
    instead: (sound) => ({
      explain: async (topic, options) => {
        try {
          return (await sound.explain?.(topic, options)) ?? null;
        } catch (error) {
          if (!isMqError(error, 'MQ_UNKNOWN_TOPIC')) throw error;
          return null;
        }
      },
    }),
  }),
];

function toldOtherwise(sound: Broker, change: (explanation: Explanation) => Explanation | null): Partial<Broker> {
  return {
    explain: async (topic, options) => {
      const explanation = (await sound.explain?.(topic, options)) ?? null;
      return explanation === null ? null : change(explanation);
    },
  };
}
