/** Mutants that let the wrong message go first. */
import type { Broker } from '../../contract/broker.ts';
import type { Delivery } from '../../contract/message.ts';
import { givenBack } from './given-back.ts';
import { handedOut } from './handed-out.ts';
import { broken, type Mutant } from './mutant.ts';
import { queuedAgain } from './queued-again.ts';
import { clampedNumber } from './wrong-numbers.ts';

/** A backlog of so many is searched no further. */
const WINDOW_COUNT = 100;

export const priorityMutants: readonly Mutant[] = [
  broken({
    name: 'first come, first served',
    stage: 4,
    bug: 'A priority is accepted and ignored.',
    killedBy: 'messages of higher priority are received first, those of equal priority in order',
    instead: ({ send }) => ({ send: (topic, { priority: _, ...message }, options) => send(topic, message, options) }),
  }),
  broken({
    name: 'the newest of the urgent first',
    stage: 4,
    bug: 'Of two urgent messages the later one comes first.',
    killedBy: 'messages of higher priority are received first, those of equal priority in order',
    instead: (sound) =>
      reordered(sound, (a, b) => (b.priority ?? 0) - (a.priority ?? 0) || (b.offset ?? 0) - (a.offset ?? 0)),
  }),
  broken({
    name: 'sorted again on the way out',
    stage: 4,
    bug: 'One message at a time comes by priority; several in one answer come by offset.',
    killedBy: 'within one answer too the higher priority comes first',
    instead: ({ receive }) => ({ receive: async (...args) => (await receive(...args)).toSorted(byOffset) }),
  }),
  broken({
    name: 'eleven of ten',
    stage: 4,
    bug: 'A priority of 10 is taken for the highest, and one of minus one for the lowest.',
    killedBy: 'a priority that is no whole number from 0 to 9 is refused',
    instead: ({ send }) => ({
      send: (topic, { priority = 0, ...message }, options) =>
        send(topic, { ...message, priority: clampedNumber(Number(priority), 0, 9) }, options),
    }),
  }),
  broken({
    name: 'a log in order of urgency',
    stage: 4,
    bug: 'A reader of the log gets records in another order than that of their offsets.',
    killedBy: 'a record says its priority, one of priority 0 says nothing; the log keeps the order of sending',
    instead: ({ fetch }) => ({
      fetch: async (...args) => {
        const result = await fetch(...args);
        return { ...result, records: result.records.toSorted((a, b) => (b.priority ?? 0) - (a.priority ?? 0)) };
      },
    }),
  }),
  broken({
    name: 'to the end of the line',
    stage: 4,
    bug: 'A message that failed goes behind all others of its priority.',
    killedBy: 'a message that comes again goes before fresh ones of its priority and after those of a higher one',
    instead: queuedAgain,
  }),
  broken({
    name: 'a look at the next hundred',
    stage: 4,
    bug: 'An urgent message behind a long line waits like any other.',
    killedBy: 'a message of high priority is handed out before older ones, also when much waits',
    instead: ({ send, describeTopics }) => ({
      send: async (topic, { priority, ...message }, options) => {
        const [description] = await describeTopics({ topic });
        const isSeen = priority !== undefined && (description?.availableCount ?? 0) <= WINDOW_COUNT;
        return send(topic, isSeen ? { ...message, priority } : message, options);
      },
    }),
  }),
  broken({
    name: 'priorities of the first group',
    stage: 4,
    bug: 'Only one group receives by priority, the others in the order of sending.',
    killedBy: 'every group receives by priority for itself, and is done when all is finished',
    instead: (sound) => {
      const { receive } = reordered(sound, byOffset);
      return {
        receive: (topic, options) =>
          options?.group === 'two' && receive !== undefined ? receive(topic, options) : sound.receive(topic, options),
      };
    },
  }),
  broken({
    name: 'all below is finished',
    stage: 4,
    bug: 'When an urgent message is finished those that it overtook count as finished.',
    killedBy: 'the floor of a group stays below a message that was overtaken',
    instead: (sound) => {
      const { deliveries, receive } = handedOut(sound);
      return {
        receive,
        committed: async () => Math.max(0, ...deliveries.map(({ offset }) => (offset ?? 0) + 1)),
      };
    },
  }),
  broken({
    name: 'priorities per partition',
    stage: 4,
    bug: 'An urgent message in the last partition waits for everything in the first.',
    killedBy: 'the highest priority comes first over all partitions',
    instead: (sound) => reordered(sound, (a, b) => a.partition - b.partition || byOffset(a, b)),
  }),
  broken({
    name: 'urgent until it is due',
    stage: 4,
    bug: 'A delayed message has lost its priority when it is due.',
    killedBy: 'a delayed message takes its place by priority when it is due, and an expired one never',
    instead: ({ send }) => ({
      send: (topic, { priority = 0, ...message }, options) =>
        send(topic, message.delayMs === undefined ? { ...message, priority } : message, options),
    }),
  }),
  broken({
    name: 'priorities only in memory',
    stage: 4,
    bug: 'After a restart everything comes in the order of sending.',
    killedBy: 'priorities are kept by a restart, and so is what was finished out of turn',
    instead: (sound, _, { isRestarted }) => (isRestarted ? reordered(sound, byOffset) : {}),
  }),
];

function byOffset(a: Delivery, b: Delivery): number {
  return (a.offset ?? 0) - (b.offset ?? 0);
}

/** A receive that hands out the available messages in an order of its own. */
function reordered(sound: Broker, order: (a: Delivery, b: Delivery) => number): Pick<Broker, 'receive'> {
  return {
    receive: async (topic, options = {}) => {
      const all = (await sound.receive(topic, { ...options, max: 1000 })).toSorted(order);
      const chosen = new Set(all.slice(0, options.max ?? 1));
      return givenBack(sound, all, { keep: (delivery) => chosen.has(delivery) });
    },
  };
}
