/** Mutants that deliver too early, too late, in the wrong order or never what was to wait. */
import { type Clock, SystemClock } from '../../clock.ts';
import type { Broker } from '../../contract/broker.ts';
import type { Message } from '../../contract/message.ts';
import { givenBack } from './given-back.ts';
import { broken, type Mutant } from './mutant.ts';
import { clampedNumber } from './wrong-numbers.ts';

/** setTimeout fires at once above this. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

export const delayMutants: readonly Mutant[] = [
  broken({
    name: 'no time to wait',
    stage: 4,
    bug: 'A delay is accepted and not kept: the message is delivered at once.',
    killedBy: 'a delayed message is received when it is due and not before',
    instead: ({ send }) => ({ send: (topic, message, options) => send(topic, withoutDelay(message), options) }),
  }),
  broken({
    name: 'whole minutes only',
    stage: 4,
    bug: 'Delays are rounded up to the next steps that the broker knows.',
    killedBy: 'a delay is kept to the millisecond, and a receipt says when it ends',
    instead: (sound, { clock }) =>
      changedDelays(sound, clock, (delayMs) => Math.ceil(delayMs / 60_000) * 60_000, { tellsWhatWasAsked: true }),
  }),
  broken({
    name: 'nobody is woken',
    stage: 4,
    bug: 'Whoever waits when a delayed message is due is sent away with nothing.',
    killedBy: 'a waiting receive wakes when a delayed message is due',
    instead: (sound) => ({
      receive: async (topic, options = {}) => {
        const [description] = await sound.describeTopics({ topic });
        const deliveries = await sound.receive(topic, options);
        return (description?.delayedCount ?? 0) > 0 ? givenBack(sound, deliveries, { keep: () => false }) : deliveries;
      },
    }),
  }),
  broken({
    name: 'a line of delayed messages',
    stage: 4,
    bug: 'Delayed messages come in the order in which they were sent, so a long delay holds up all behind it.',
    killedBy: 'delayed messages come in the order in which they are due, those due together in the order sent',
    instead: (sound, { clock }) => {
      let longestMs = 0;
      return changedDelays(sound, clock, (delayMs) => {
        longestMs = Math.max(longestMs, delayMs);
        return longestMs;
      });
    },
  }),
  broken({
    name: 'too far away is now',
    stage: 4,
    bug: 'A timer for ten years fires at once, and so the message is delivered at once.',
    killedBy: 'a message to be delivered in the past is delivered now and one in ten years is not',
    instead: (sound, { clock }) => changedDelays(sound, clock, (delayMs) => (delayMs > TIMEOUT_MS_MAX ? 0 : delayMs)),
  }),
  broken({
    name: 'at most a timer long',
    stage: 4,
    bug: 'A delay of a month ends after 24 days, as the longest timer does.',
    killedBy: 'a delay longer than 2^31 ms is kept',
    instead: (sound, { clock }) => changedDelays(sound, clock, (delayMs) => Math.min(delayMs, TIMEOUT_MS_MAX)),
  }),
  broken({
    name: 'any delay is welcome',
    stage: 4,
    bug: 'A delay of minus one or of no number at all is taken for none.',
    killedBy: 'a delay or a time that is no whole number from 0 is refused, and so are both together',
    instead: ({ send }) => ({
      send: (topic, { delayMs, ...message }, options) => {
        const delay = delayMs === undefined ? {} : { delayMs: clampedNumber(delayMs, 0, TIMEOUT_MS_MAX) };
        return send(topic, { ...message, ...delay }, options);
      },
    }),
  }),
  broken({
    name: 'batches do not wait',
    stage: 4,
    bug: 'Delays are kept for single messages; those of a batch are delivered at once.',
    killedBy: 'a batch of delayed messages has no offsets yet; one that mixes delayed and others is refused',
    instead: ({ sendBatch }) => ({
      sendBatch: (topic, messages, options) => sendBatch(topic, messages.map(withoutDelay), options),
    }),
  }),
  broken({
    name: 'the key is lost on the way',
    stage: 4,
    bug: 'A delayed message has no key when it arrives, and goes to any partition.',
    killedBy: 'a delayed message keeps its id, key, headers and body, and goes to the partition of its key',
    instead: ({ send }) => ({
      send: (topic, { key, ...message }, options) => {
        const isNow = message.delayMs === undefined;
        return send(topic, isNow && key !== undefined ? { ...message, key } : message, options);
      },
    }),
  }),
  broken({
    name: 'moved twice',
    stage: 4,
    bug: 'A delayed message is stored twice when it is due.',
    killedBy: 'a delayed message reaches every group once, also one made while it was delayed',
    instead: ({ send }) => ({
      send: async (topic, message, options) => {
        if (message.delayMs !== undefined) await send(topic, message, options);
        return send(topic, message, options);
      },
    }),
  }),
  broken({
    name: 'a timer that knows only the name',
    stage: 4,
    bug: 'A delayed message of a topic that was deleted appears in the one made anew under its name.',
    killedBy: 'delayed messages of a deleted topic are gone with it',
    instead: onTimers,
  }),
  broken({
    name: 'delays by the stopwatch',
    stage: 4,
    bug: 'When the clock is set back a message for nine is delivered an hour too early.',
    killedBy: 'a delay follows the wall clock: it does not end before its time of day, also when the clock is set back',
    instead: onTimers,
  }),
  broken({
    name: 'delayed only in memory',
    stage: 4,
    bug: 'A restart takes every message that was not due.',
    killedBy: 'delayed messages survive a restart: each comes once, when it is due',
    instead: onTimers,
  }),
  broken({
    name: 'one message for each moment',
    stage: 4,
    bug: 'Of two messages that are due at the same time one is lost.',
    killedBy: 'whatever the delays, every message comes once, never before it is due',
    instead: ({ send }, { clock = new SystemClock() }) => {
      const moments = new Set<number>();
      return {
        send: (topic, message, options) => {
          const at = clock.now() + (message.delayMs ?? 0);
          const isTaken = moments.has(at);
          moments.add(at);
          return send(isTaken ? `${topic}-nowhere` : topic, message, options);
        },
      };
    },
  }),
  broken({
    name: 'given back is back',
    stage: 4,
    bug: 'A message that was given back with a delay comes again at once, as often as the consumer can fail.',
    killedBy: 'a delivery given back with a delay comes again when that is over',
    instead: ({ nack }) => ({ nack: (delivery, { delayMs: _, ...options } = {}) => nack(delivery, options) }),
  }),
];

function withoutDelay({ delayMs: _, deliverAt: __, ...message }: Message): Message {
  return message;
}

/** A send whose delays are others than those asked for. */
function changedDelays(
  sound: Broker,
  clock: Clock = new SystemClock(),
  change: (delayMs: number) => number,
  { tellsWhatWasAsked = false } = {},
): Partial<Broker> {
  return {
    send: async (topic, message, options) => {
      const { delayMs, deliverAt } = message;
      if (delayMs === undefined && deliverAt === undefined) return sound.send(topic, message, options);
      const askedMs = delayMs ?? Math.max((deliverAt ?? 0) - clock.now(), 0);
      const told = tellsWhatWasAsked ? { deliverAt: clock.now() + askedMs } : {};
      const receipt = await sound.send(topic, { ...withoutDelay(message), delayMs: change(askedMs) }, options);
      return { ...receipt, ...told };
    },
  };
}

/** Delayed messages are held in memory, each by a timer of its own. */
function onTimers(sound: Broker, { clock = new SystemClock() }: { readonly clock?: Clock }): Partial<Broker> {
  let heldCount = 0;
  return {
    send: async (topic, message, options) => {
      const { delayMs } = message;
      if (delayMs === undefined) return sound.send(topic, message, options);
      heldCount += 1;
      const deliverAt = clock.now() + delayMs;
      clock.setTimer(() => void sound.send(topic, withoutDelay(message), options).catch(() => undefined), delayMs);
      return { topic, partition: 0, offset: null, id: `held-${heldCount}`, durability: 'memory', deliverAt };
    },
  };
}
