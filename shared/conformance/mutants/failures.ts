/** Mutants that try too often or not often enough, too soon or too late. */
import type { Broker } from '../../contract/broker.ts';
import type { GroupOptions, RetryDelays } from '../../contract/description.ts';
import { givenBack } from './given-back.ts';
import { broken, changedDeliveries, type Mutant } from './mutant.ts';
import { clampedNumber } from './wrong-numbers.ts';

export const failureMutants: readonly Mutant[] = [
  broken({
    name: 'the first delay left out',
    stage: 4,
    bug: 'After the first failure a message waits as long as it should after the second.',
    killedBy: 'a message that failed waits as long as the list of its group says, then as long as its last element',
    instead: (sound) => withRetryDelays(sound, (delays) => (Array.isArray(delays) ? delays.slice(1) : delays)),
  }),
  broken({
    name: 'the last delay once',
    stage: 4,
    bug: 'When the list of delays is at its end a failing message comes again at once, for ever.',
    killedBy: 'a message that failed waits as long as the list of its group says, then as long as its last element',
    instead: (sound) => withRetryDelays(sound, (delays) => (Array.isArray(delays) ? [...delays, 0] : delays)),
  }),
  broken({
    name: 'delays without end',
    stage: 4,
    bug: 'Delays double and double, and a message that failed often comes again in a year.',
    killedBy: 'delays that grow are multiplied by their factor up to delayMsMax',
    instead: (sound) =>
      withRetryDelays(sound, (delays) => (isGrowing(delays) ? { ...delays, delayMsMax: 1_000_000_000 } : delays)),
  }),
  broken({
    name: 'fifteen steps',
    stage: 4,
    bug: 'The classic delays begin with the second step.',
    killedBy: 'the classic delays are the sixteen steps from ten seconds to two hours',
    instead: (sound) => withRetryDelays(sound, (delays) => (delays === 'classic' ? [30_000, 60_000] : delays)),
  }),
  broken({
    name: 'all at the same moment',
    stage: 4,
    bug: 'Jitter is accepted and not used, so a thousand failed messages come again in the same millisecond.',
    killedBy: 'jitter takes up to its share off a delay at random, and never more',
    instead: (sound) => withRetryDelays(sound, (delays) => (isGrowing(delays) ? { ...delays, jitter: 0 } : delays)),
  }),
  broken({
    name: 'any time at all',
    stage: 4,
    bug: 'Jitter takes the whole delay away, whatever share was asked for.',
    killedBy: 'jitter takes up to its share off a delay at random, and never more',
    instead: (sound) => withRetryDelays(sound, (delays) => (isGrowing(delays) ? { ...delays, jitter: 1 } : delays)),
  }),
  broken({
    name: 'a second by default',
    stage: 4,
    bug: 'What failed waits for a second although nobody asked for it.',
    killedBy: 'without delays what failed comes again at once',
    instead: (sound) => withRetryDelays(sound, () => [1000]),
  }),
  broken({
    name: 'a return waits too',
    stage: 4,
    bug: 'What a consumer gave back without having tried it waits as if it had failed.',
    killedBy: 'a lease that ends is a failure and waits like one, what is returned or left does not wait',
    instead: ({ nack }) => ({
      nack: (delivery, options = {}) =>
        nack(delivery, options.outcome === 'return' ? { delayMs: 700, ...options } : options),
    }),
  }),
  broken({
    name: 'the group knows better',
    stage: 4,
    bug: 'The delay that a consumer asks for is ignored where the group has delays of its own.',
    killedBy: 'a delay given with the nack wins over that of the group, also when it is 0, and for a return too',
    instead: ({ nack }) => ({ nack: (delivery, { delayMs: _, ...options } = {}) => nack(delivery, options) }),
  }),
  broken({
    name: 'sleeps through a retry',
    stage: 4,
    bug: 'Whoever waits when a failed message is due again is sent away with nothing.',
    killedBy: 'a waiting receive wakes when the delay of a failed message is over',
    instead: (sound) => ({
      receive: async (topic, options = {}) => {
        const deliveries = await sound.receive(topic, options);
        const isWanted = ({ redeliveryReason }: { redeliveryReason?: string }): boolean => redeliveryReason !== 'retry';
        return options.waitMs === undefined ? deliveries : givenBack(sound, deliveries, { keep: isWanted });
      },
    }),
  }),
  broken({
    name: 'the failed one blocks the line',
    stage: 4,
    bug: 'While one message waits for its next try nobody gets any other.',
    killedBy: 'a message that waits after a failure does not hold up the others',
    instead: (sound) => ({
      receive: async (topic, options) => {
        const [description] = await sound.describeTopics({ topic });
        return (description?.delayedCount ?? 0) > 0 ? [] : sound.receive(topic, options);
      },
    }),
  }),
  broken({
    name: 'any nack is welcome',
    stage: 4,
    bug: 'A nack with a delay of minus one, or of no number at all, is taken for one without.',
    killedBy: 'delays that make no sense are refused, of a nack and of a group',
    instead: ({ nack }) => ({
      nack: (delivery, { delayMs, ...options } = {}) =>
        nack(delivery, delayMs === undefined ? options : { ...options, delayMs: clampedNumber(delayMs, 0, 1000) }),
    }),
  }),
  broken({
    name: 'one delivery too many',
    stage: 4,
    bug: 'A message that may fail three times is delivered a fourth time.',
    killedBy: 'a message that failed as often as deliveriesMax allows is dead, not one time earlier or later',
    instead: (sound) => withDeliveriesMax(sound, (count) => (count > 0 ? count + 1 : count)),
  }),
  broken({
    name: 'one delivery too few',
    stage: 4,
    bug: 'A message that may fail three times is given up after the second.',
    killedBy: 'a message that failed as often as deliveriesMax allows is dead, not one time earlier or later',
    instead: (sound) => withDeliveriesMax(sound, (count) => Math.max(count - 1, 1)),
  }),
  broken({
    name: 'nothing is sixteen',
    stage: 4,
    bug: 'A group that wants to try for ever gives up after sixteen times.',
    killedBy: 'without a number of its own a group gives a message sixteen deliveries, with 0 any number',
    instead: (sound) => withDeliveriesMax(sound, (count) => (count === 0 ? 16 : count)),
  }),
  broken({
    name: 'a return is a failure',
    stage: 4,
    bug: 'What consumers give back without having tried it dies after a few times.',
    killedBy: 'a lease that ends counts as a failure, a return and a departure do not',
    instead: ({ nack }) => ({
      nack: (delivery, options = {}) =>
        nack(delivery, { ...options, outcome: options.outcome === 'reject' ? 'reject' : 'retry' }),
    }),
  }),
  broken({
    name: 'any number of deliveries',
    stage: 4,
    bug: 'A group whose messages may be delivered minus one time is made all the same.',
    killedBy: 'a deliveriesMax that is no whole number from 0 is refused',
    instead: (sound) => withDeliveriesMax(sound, (count) => clampedNumber(count, 0)),
  }),
  broken({
    name: 'the urgent never fail',
    stage: 4,
    bug: 'A message of high priority that failed is counted as fresh when it comes again.',
    killedBy: 'whatever is delayed, expires, fails, dies and goes first, a group gets what a simple model of time says',
    instead: (sound) =>
      changedDeliveries(sound, (delivery) => ({
        ...delivery,
        deliveryCount: delivery.priority === undefined ? delivery.deliveryCount : 1,
      })),
  }),
  broken({
    name: 'failed before, unknown now',
    stage: 4,
    bug: 'What failed twice before a restart is counted as fresh after it.',
    killedBy: 'whatever happens in time, restarts in between change nothing of it',
    instead: (sound, _, { isRestarted }) =>
      changedDeliveries(sound, (delivery) => ({
        ...delivery,
        deliveryCount: isRestarted ? Math.max(delivery.deliveryCount - 1, 1) : delivery.deliveryCount,
      })),
  }),
];

function isGrowing(delays: RetryDelays): delays is Exclude<RetryDelays, readonly number[] | 'classic'> {
  return typeof delays === 'object' && 'firstMs' in delays;
}

function withGroupOptions(sound: Broker, change: (options: GroupOptions) => GroupOptions): Partial<Broker> {
  return { createGroup: (topic, group, options = {}) => sound.createGroup(topic, group, change(options)) };
}

function withRetryDelays(sound: Broker, change: (delays: RetryDelays) => RetryDelays): Partial<Broker> {
  return withGroupOptions(sound, ({ retryDelays, ...options }) =>
    retryDelays === undefined ? options : { ...options, retryDelays: change(retryDelays) },
  );
}

function withDeliveriesMax(sound: Broker, change: (count: number) => number): Partial<Broker> {
  return withGroupOptions(sound, ({ deliveriesMax, ...options }) =>
    deliveriesMax === undefined ? options : { ...options, deliveriesMax: change(deliveriesMax) },
  );
}
