/** Mutants that do not keep to the room they were given: too much of it, or too little for ever. */
import { broken, type Mutant, overridden } from './mutant.ts';
import { NaiveArrayBroker } from './naive-array.ts';

export const memoryMutants: readonly Mutant[] = [
  {
    name: 'an array that only grows',
    stage: 2,
    bug: 'A topic of eight messages keeps every one it ever had, until the memory of the machine is full.',
    killedBy: 'many more messages than a topic holds pass through it one after the other',
    target: (onBug) => ({
      createBroker: async (options) => {
        const naive = new NaiveArrayBroker(options);
        return overridden(naive, { send: (topic, message) => naive.send(topic, message) }, onBug);
      },
    }),
  },
  broken({
    name: 'a store of eight kilobytes',
    stage: 2,
    bug: 'After eight kilobytes have gone through a topic the place is used up, and what comes later is not stored.',
    killedBy: 'with many producers and competing consumers every message is delivered exactly once',
    instead: ({ send }) => {
      let bytesCount = 0;
      let offset = 0;
      return {
        send: async (topic, message, options) => {
          bytesCount += message.body.length;
          const receipt = await send(bytesCount > 8192 ? 'nowhere' : topic, message, options);
          offset += 1;
          return { ...receipt, topic, offset: offset - 1 };
        },
      };
    },
  }),
];
