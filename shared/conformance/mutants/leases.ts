/** Mutants that mislay what they lent: leases that never end, end early, end for the wrong message or lose it. */
import { type Clock, SystemClock } from '../../clock.ts';
import { isMqError } from '../../contract/errors.ts';
import { DEFAULTS } from '../../contract/limits.ts';
import type { Delivery } from '../../contract/message.ts';
import { handedOut } from './handed-out.ts';
import { broken, changedDeliveries, type Mutant } from './mutant.ts';

export const leaseMutants: readonly Mutant[] = [
  broken({
    name: 'finished when handed out',
    stage: 2,
    bug: 'A consumer dies while it works, and its message is gone: it was finished before it was delivered.',
    killedBy: 'a message whose consumer dies after receive comes back',
    instead: ({ receive, ack }) => ({
      receive: async (...args) => {
        const deliveries = await receive(...args);
        await ack(deliveries);
        return deliveries;
      },
    }),
  }),
  broken({
    name: 'a lease that never ends',
    stage: 2,
    bug: 'The message of a consumer that died stays in flight for ever.',
    killedBy: 'a message whose consumer dies after receive comes back',
    instead: ({ receive, limits }) => ({
      receive: (topic, options) => receive(topic, { ...options, leaseMs: limits.leaseMsMax }),
    }),
  }),
  broken({
    name: 'a lease that ends takes the message with it',
    stage: 2,
    bug: 'When a lease ends the message is removed instead of made available, so nobody ever sees it again.',
    killedBy: 'a thousand messages of a consumer that died come back, all of them and in order',
    instead: ({ receive, ack }) => ({
      receive: async (...args) => {
        const deliveries = await receive(...args);
        await ack(deliveries.filter(({ redeliveryReason }) => redeliveryReason === 'lease-expired'));
        return deliveries.filter(({ redeliveryReason }) => redeliveryReason !== 'lease-expired');
      },
    }),
  }),
  broken({
    name: 'nobody marks what is taken',
    stage: 2,
    bug: 'Two members work on the same message at the same time.',
    killedBy: 'while its lease runs a message goes to nobody else',
    instead: ({ receive, nack }) => ({
      receive: async (...args) => {
        const deliveries = await receive(...args);
        for (const delivery of deliveries) await nack(delivery, { outcome: 'return' });
        return deliveries;
      },
    }),
  }),
  broken({
    name: 'seconds for milliseconds',
    stage: 2,
    bug: 'A lease of thirty seconds ends after thirty milliseconds, so every message is worked on many times.',
    killedBy: 'a lease without a length of its own runs 30 seconds and not less',
    instead: ({ receive }) => ({
      receive: (topic, { leaseMs = DEFAULTS.leaseMs, ...options } = {}) =>
        receive(topic, { ...options, leaseMs: Math.ceil(leaseMs / 1000) }),
    }),
  }),
  broken({
    name: 'ends looked for every ten seconds',
    stage: 2,
    bug: 'A message comes back up to ten seconds late, and a consumer that waits for it sleeps on.',
    killedBy: 'a lease that ends wakes a waiting receive',
    given: ({ clock = new SystemClock(), ...options }) => ({
      ...options,
      clock: {
        now: () => clock.now(),
        monotonicMs: () => clock.monotonicMs(),
        setTimer: (callback, delayMs, timerOptions) => {
          const roundedMs = timerOptions?.isBackground ? Math.ceil(delayMs / 10_000) * 10_000 : delayMs;
          return clock.setTimer(callback, roundedMs, timerOptions);
        },
      } satisfies Clock,
    }),
  }),
  broken({
    name: 'leases on the wall clock',
    stage: 2,
    bug: 'When the clock of the machine is corrected, leases end early or hours late.',
    killedBy: 'the wall clock may jump and no lease ends early or late for it',
    given: ({ clock = new SystemClock(), ...options }) => ({
      ...options,
      clock: {
        now: () => clock.now(),
        monotonicMs: () => clock.now(),
        setTimer: (...args) => clock.setTimer(...args),
      } satisfies Clock,
    }),
  }),
  broken({
    name: 'the token is not looked at',
    stage: 2,
    bug: 'A consumer that was too slow finishes the message its successor is working on.',
    killedBy: 'a consumer that took too long cannot acknowledge for its successor',
    instead: (sound) => {
      const { deliveries, receive } = handedOut(sound);
      return {
        receive,
        ack: (refs) => {
          const latest = refs.map(({ offset }) => deliveries.findLast((delivery) => delivery.offset === offset));
          return sound.ack(latest.filter((delivery) => delivery !== undefined));
        },
      };
    },
  }),
  broken({
    name: 'the offset is the token',
    stage: 2,
    bug: 'Every delivery of a message has the same token, so nobody can tell the second from the first.',
    killedBy: 'no two deliveries of one message have the same lease token',
    instead: (sound) => {
      const { deliveries, receive } = handedOut(sound);
      const latest = (ref: { offset: number | null }): Delivery | undefined =>
        deliveries.findLast(({ offset }) => offset === ref.offset);
      return {
        receive: async (...args) => (await receive(...args)).map((each) => ({ ...each, leaseToken: `${each.offset}` })),
        nack: (ref, options) => sound.nack(latest(ref) ?? ref, options),
      };
    },
  }),
  broken({
    name: 'deliveryCount stays at one',
    stage: 2,
    bug: 'A poisonous message is tried for ever, because it always looks like the first time.',
    killedBy: 'a retry counts as a failure and comes again at once',
    instead: (sound) => changedDeliveries(sound, (delivery) => ({ ...delivery, deliveryCount: 1 })),
  }),
  broken({
    name: 'a return counts as a failure',
    stage: 2,
    bug: 'A consumer that shuts down and returns its messages brings them closer to the dead letters.',
    killedBy: 'a return is no failure: deliveryCount stays',
    instead: (sound) =>
      changedDeliveries(sound, (delivery) => {
        const returnCount = delivery.redeliveryReason === 'return' ? 1 : 0;
        return { ...delivery, deliveryCount: delivery.deliveryCount + returnCount };
      }),
  }),
  broken({
    name: 'no word of why',
    stage: 2,
    bug: 'A consumer cannot tell a message that came again from a new one.',
    killedBy: 'a retry counts as a failure and comes again at once',
    instead: (sound) => changedDeliveries(sound, ({ redeliveryReason: _, ...delivery }) => delivery),
  }),
  broken({
    name: 'what comes again goes to the back',
    stage: 2,
    bug: 'A message that failed once comes after all newer ones, so the order of a key is lost.',
    killedBy: 'what comes again goes out before what never went out',
    instead: ({ receive }) => ({
      receive: async (...args) => {
        const deliveries = await receive(...args);
        const isAgain = ({ redeliveryReason }: Delivery): boolean => redeliveryReason !== undefined;
        return [...deliveries.filter((each) => !isAgain(each)), ...deliveries.filter(isAgain)];
      },
    }),
  }),
  broken({
    name: 'nack is forgotten',
    stage: 2,
    bug: 'A consumer gives a message back and still holds it until the lease ends.',
    killedBy: 'after a nack the delivery can neither be acknowledged nor given back again',
    instead: () => ({ nack: async () => undefined }),
  }),
  broken({
    name: 'nack wakes nobody',
    stage: 2,
    bug: 'A message is given back while a consumer waits, and the consumer goes on waiting.',
    killedBy: 'a nack wakes a waiting receive',
    instead: ({ nack }, { clock = new SystemClock() }) => ({
      nack: async (...args) => {
        clock.setTimer(() => void nack(...args), 1000);
      },
    }),
  }),
  broken({
    name: 'an extension that is only said',
    stage: 2,
    bug: 'A consumer extends its lease, is told a later end, and loses the message at the old one.',
    killedBy: 'an extended lease runs from the extension on',
    instead: (_, { clock = new SystemClock() }) => ({
      extendLease: async (_delivery, { leaseMs = DEFAULTS.leaseMs } = {}) => clock.now() + leaseMs,
    }),
  }),
  broken({
    name: 'a lease that cannot be cut short',
    stage: 2,
    bug: 'A consumer gives itself less time, dies, and its message comes back only at the old end.',
    killedBy: 'a lease may be cut short by extending it by less',
    instead: ({ extendLease }, { clock = new SystemClock() }) => ({
      extendLease: async (delivery, { leaseMs = DEFAULTS.leaseMs } = {}) => {
        const endsAt = delivery as Partial<Delivery>;
        const leftMs = (endsAt.leaseExpiresAt ?? 0) - clock.now();
        return extendLease(delivery, { leaseMs: Math.max(leaseMs, leftMs) });
      },
    }),
  }),
  broken({
    name: 'extended after the end',
    stage: 2,
    bug: 'A consumer that lost its message is told that it has thirty more seconds.',
    killedBy: 'a lease that has ended cannot be extended',
    instead: ({ extendLease }, { clock = new SystemClock() }) => ({
      extendLease: async (delivery, options) => {
        try {
          return await extendLease(delivery, options);
        } catch (error) {
          if (!isMqError(error, 'MQ_LEASE_EXPIRED')) throw error;
          return clock.now() + (options?.leaseMs ?? DEFAULTS.leaseMs);
        }
      },
    }),
  }),
  broken({
    name: 'a lease of no length',
    stage: 2,
    bug: 'A consumer asks for a lease of zero by mistake and gets one that is over before it can work.',
    killedBy: 'lengths of leases outside their range are refused',
    instead: ({ receive }) => ({
      receive: (topic, { leaseMs = DEFAULTS.leaseMs, ...options } = {}) =>
        receive(topic, { ...options, leaseMs: Math.max(leaseMs, 1) }),
    }),
  }),
];
