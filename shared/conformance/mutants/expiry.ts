/** Mutants that keep what should be over, or end what should not. */
import { type Clock, SystemClock } from '../../clock.ts';
import { MqError } from '../../contract/errors.ts';
import type { Delivery, DeliveryRef } from '../../contract/message.ts';
import { broken, changedDeliveries, type Mutant } from './mutant.ts';
import { clampedNumber } from './wrong-numbers.ts';

const HOUR_MS = 3_600_000;

export const expiryMutants: readonly Mutant[] = [
  broken({
    name: 'nothing expires',
    stage: 4,
    bug: 'A message that is of no use any more is delivered all the same.',
    killedBy: 'a message that expired is not received, is counted, and can still be fetched',
    instead: ({ send }) => ({ send: (topic, { ttlMs: _, ...message }, options) => send(topic, message, options) }),
  }),
  broken({
    name: 'a millisecond too long',
    stage: 4,
    bug: 'A message is delivered one millisecond after its time.',
    killedBy: 'a message is delivered up to the last millisecond of its time and not later',
    instead: ({ send }) => ({
      send: (topic, message, options) => send(topic, { ...message, ttlMs: (message.ttlMs ?? HOUR_MS) + 1 }, options),
    }),
  }),
  broken({
    name: 'a secret end',
    stage: 4,
    bug: 'A consumer cannot see until when its message is of any use.',
    killedBy: 'a record says when it expires, one that does not expire says nothing',
    instead: (sound) => changedDeliveries(sound, ({ expiresAt: _, ...delivery }) => delivery),
  }),
  broken({
    name: 'the topic is always right',
    stage: 4,
    bug: 'A message that may live longer than its topic says does not.',
    killedBy: 'messages that say nothing expire after the ttlMs of their topic, others after their own',
    instead: ({ send, describeTopics }) => ({
      send: async (topic, { ttlMs: own = Number.POSITIVE_INFINITY, ...message }, options) => {
        const [description] = await describeTopics({ topic });
        const ttlMs = Math.min(own, description?.options.ttlMs ?? HOUR_MS);
        return send(topic, { ...message, ttlMs }, options);
      },
    }),
  }),
  broken({
    name: 'no time is all time',
    stage: 4,
    bug: 'A message that may live for nought milliseconds lives for ever.',
    killedBy: 'a time to live that is no whole number from 1 is refused, of a message and of a topic',
    instead: ({ send }) => ({
      send: (topic, { ttlMs, ...message }, options) =>
        send(topic, ttlMs === 0 || ttlMs === undefined ? message : { ...message, ttlMs }, options),
    }),
  }),
  broken({
    name: 'any time is welcome',
    stage: 4,
    bug: 'A message that may live for no number at all is taken.',
    killedBy: 'a time to live that is no whole number from 1 is refused, of a message and of a topic',
    instead: ({ createTopic }) => ({
      createTopic: (topic, { ttlMs = HOUR_MS, ...options } = {}) =>
        createTopic(topic, { ...options, ttlMs: clampedNumber(ttlMs, 1) }),
    }),
  }),
  broken({
    name: 'too late to be done',
    stage: 4,
    bug: 'A consumer that finished its work is told that its message had expired.',
    killedBy: 'a message that expires while it is leased may still be acknowledged, and does not come again',
    instead: ({ ack }, { clock = new SystemClock() }) => ({
      ack: async (refs, options) => {
        if (refs.some((ref) => isOver(ref, clock))) throw new MqError('MQ_LEASE_EXPIRED', 'the message has expired');
        await ack(refs, options);
      },
    }),
  }),
  broken({
    name: 'expired and still in the way',
    stage: 4,
    bug: 'What has expired is counted as work to be done, so somebody starts ten more consumers.',
    killedBy: 'expired messages are not counted as available, and are finished for the group',
    instead: ({ describeTopics }) => ({
      describeTopics: async (...args) =>
        (await describeTopics(...args)).map((topic) => ({
          ...topic,
          availableCount: topic.availableCount + topic.expiredCount,
        })),
    }),
  }),
  broken({
    name: 'one step too far',
    stage: 4,
    bug: 'With a message that expired the one behind it is stepped over too.',
    killedBy: 'an expired message between others is stepped over, and the others keep their order',
    instead: ({ send, receive, ack }) => {
      const behind = new Set<number>();
      return {
        send: async (topic, message, options) => {
          const receipt = await send(topic, message, options);
          if (message.ttlMs !== undefined) behind.add((receipt.offset ?? 0) + 1);
          return receipt;
        },
        receive: async (...args) => {
          const deliveries = await receive(...args);
          const lost = deliveries.filter(({ offset }) => behind.has(offset ?? -1));
          if (lost.length > 0) await ack(lost);
          return deliveries.filter((delivery) => !lost.includes(delivery));
        },
      };
    },
  }),
  broken({
    name: 'expired for one, expired for all',
    stage: 4,
    bug: 'A group that received everything in time is told that messages of its own had expired.',
    killedBy: 'each group counts for itself what expired before it was received',
    instead: ({ describeTopics }) => ({
      describeTopics: async (...args) =>
        (await describeTopics(...args)).map(({ groups, ...topic }) => {
          const expiredCount = Math.max(0, ...groups.map((group) => group.expiredCount));
          return { ...topic, groups: groups.map((group) => ({ ...group, expiredCount })) };
        }),
    }),
  }),
  broken({
    name: 'a life that begins when it is due',
    stage: 4,
    bug: 'The time of a delayed message begins only when it is due, so it is delivered when nobody wants it any more.',
    killedBy: 'a message that expires before it is due is never received',
    instead: ({ send }) => ({
      send: (topic, message, options) => {
        const { ttlMs, delayMs = 0 } = message;
        return send(topic, ttlMs === undefined ? message : { ...message, ttlMs: ttlMs + delayMs }, options);
      },
    }),
  }),
  broken({
    name: 'expiry by the stopwatch',
    stage: 4,
    bug: 'A machine that slept for two hours delivers what was of use for one.',
    killedBy: 'expiry follows the wall clock, also when it is set forward',
    given: ({ clock = new SystemClock(), ...options }) => {
      const startedAt = clock.now() - clock.monotonicMs();
      return { ...options, clock: withNow(clock, () => startedAt + clock.monotonicMs()) };
    },
  }),
  broken({
    name: 'a new life with each start',
    stage: 4,
    bug: 'A restart gives every message all of its time again.',
    killedBy: 'what expired stays expired after a restart, and what has time left keeps it',
    given: ({ clock = new SystemClock(), ...options }, { isRestarted }) => ({
      ...options,
      clock: withNow(clock, () => clock.now() - (isRestarted ? HOUR_MS : 0)),
    }),
  }),
];

function isOver(ref: DeliveryRef, clock: Clock): boolean {
  return ((ref as Delivery).expiresAt ?? Number.POSITIVE_INFINITY) < clock.now();
}

/** A clock that tells another time of day. */
function withNow(clock: Clock, now: () => number): Clock {
  return {
    now,
    monotonicMs: () => clock.monotonicMs(),
    setTimer: (callback, delayMs, options) => clock.setTimer(callback, delayMs, options),
  };
}
