/** Mutants that finish more, less or something else than what was acknowledged. */
import { SystemClock } from '../../clock.ts';
import { isMqError } from '../../contract/errors.ts';
import { handedOut, isAcked } from './handed-out.ts';
import { broken, type Mutant } from './mutant.ts';

export const ackMutants: readonly Mutant[] = [
  broken({
    name: 'any ack is welcome',
    stage: 2,
    bug: 'An ack of a message that does not exist is answered with success.',
    killedBy: 'an ack whose offset is not that of its token is refused and finishes nothing',
    instead: ({ ack }) => ({
      ack: async (...args) => {
        await ack(...args).catch((error: unknown) => {
          if (!isMqError(error, 'MQ_LEASE_EXPIRED')) throw error;
        });
      },
    }),
  }),
  broken({
    name: 'an ack without a lease finishes the message',
    stage: 2,
    bug: 'Whoever can guess an offset can finish the messages of others.',
    killedBy: 'an ack with a token nobody was given is refused and finishes nothing',
    instead: (sound) => {
      const { deliveries, receive } = handedOut(sound);
      return {
        receive,
        ack: async (refs) => {
          for (const { offset } of refs) {
            const held = deliveries.findLast((delivery) => delivery.offset === offset);
            if (held !== undefined) await sound.ack([held]);
          }
        },
      };
    },
  }),
  broken({
    name: 'acks are counted and not named',
    stage: 2,
    bug: 'A consumer repeats an ack whose answer was lost, and a message nobody has seen is skipped.',
    killedBy: 'repeating an ack succeeds and finishes nothing else',
    instead: ({ ack, receive }) => {
      const finished = new Set<string | null>();
      return {
        ack: async (refs, options) => {
          for (const ref of refs) {
            const isRepeated = finished.has(ref.leaseToken);
            finished.add(ref.leaseToken);
            await ack(isRepeated ? await receive(ref.topic, { group: ref.group }) : [ref], options);
          }
        },
      };
    },
  }),
  broken({
    name: 'ack is empty',
    stage: 2,
    bug: 'Everything that was acknowledged comes again when its lease would have ended.',
    killedBy: 'an acknowledged message does not come back when its lease would have ended',
    instead: () => ({ ack: async () => undefined }),
  }),
  broken({
    name: 'tokens remembered for ever',
    stage: 2,
    bug: 'The broker grows with every message it ever finished, as it keeps all their tokens.',
    killedBy: 'acks are remembered for the last 1,024 tokens of a group and not for ever',
    instead: ({ ack }) => {
      const finished = new Set<string | null>();
      return {
        ack: async (refs, options) => {
          await ack(
            refs.filter(({ leaseToken }) => !finished.has(leaseToken)),
            options,
          );
          for (const { leaseToken } of refs) finished.add(leaseToken);
        },
      };
    },
  }),
  broken({
    name: 'the first bad ack stops the list',
    stage: 2,
    bug: 'One lease in a list was over, so the acks behind it are lost and their messages come again.',
    killedBy: 'of a list of acks the valid ones apply and the others are listed',
    instead: ({ ack }) => ({
      ack: async (refs, options) => {
        for (const ref of refs) await ack([ref], options);
      },
    }),
  }),
  broken({
    name: 'an ack finishes all below it',
    stage: 2,
    bug: 'Messages that are still being worked on count as finished because a later one was quicker.',
    killedBy: 'an ack in the middle of what was received leaves exactly the rest to come again',
    instead: ({ ack }) => ({ ack: (refs) => ack(refs, { cumulative: true }) }),
  }),
  broken({
    name: 'the floor follows the latest ack',
    stage: 2,
    bug: 'The group says that it has finished everything up to its latest ack, although earlier messages are open.',
    killedBy: 'the ack floor of a group rises only over messages that are finished without a gap',
    instead: ({ ack }) => {
      let floor = 0;
      return {
        ack: async (refs, options) => {
          await ack(refs, options);
          floor = Math.max(floor, ...refs.map(({ offset }) => (offset ?? 0) + 1));
        },
        committed: async () => floor,
      };
    },
  }),
  broken({
    name: 'cumulative without an end',
    stage: 2,
    bug: 'A cumulative ack finishes everything the member holds, also what comes after.',
    killedBy: 'a cumulative ack finishes everything the member holds up to that message and nothing above',
    instead: (sound) => {
      const { deliveries, receive } = handedOut(sound);
      return {
        receive,
        ack: async (refs, { cumulative } = {}) => {
          if (!cumulative) return sound.ack(refs);
          for (const delivery of deliveries) {
            if (refs.some(({ memberId }) => memberId === delivery.memberId)) await isAcked(sound, delivery);
          }
        },
      };
    },
  }),
  broken({
    name: 'cumulative for all members',
    stage: 2,
    bug: 'A cumulative ack of one member finishes what another is still working on.',
    killedBy: 'a cumulative ack leaves the deliveries of other members alone',
    instead: (sound) => {
      const { deliveries, receive } = handedOut(sound);
      return {
        receive,
        ack: async (refs, options) => {
          const highest = Math.max(...refs.map(({ offset }) => offset ?? 0));
          await sound.ack(refs, options);
          for (const delivery of deliveries) {
            if (options?.cumulative && (delivery.offset ?? 0) <= highest) await isAcked(sound, delivery);
          }
        },
      };
    },
  }),
  broken({
    name: 'an ack for every group',
    stage: 2,
    bug: 'One group finishes a message, and it disappears from the hands of all others.',
    killedBy: 'an ack says nothing to other groups',
    instead: (sound) => {
      const { deliveries, receive } = handedOut(sound);
      return {
        receive,
        ack: async (refs, options) => {
          await sound.ack(refs, options);
          for (const delivery of deliveries) {
            if (refs.some(({ offset }) => offset === delivery.offset)) await isAcked(sound, delivery);
          }
        },
      };
    },
  }),
  broken({
    name: 'all acks to the topic of the first',
    stage: 2,
    bug: 'A consumer of two topics acknowledges both at once, and one of them comes again.',
    killedBy: 'one ack may finish deliveries of several topics and groups',
    instead: ({ ack }) => ({
      ack: (refs, options) =>
        ack(
          refs.filter(({ topic }) => topic === refs[0]?.topic),
          options,
        ),
    }),
  }),
  broken({
    name: 'the last ack of a list left out',
    stage: 2,
    bug: 'Of a list of three acks the last is forgotten, and its message comes again.',
    killedBy: 'one ack may finish deliveries of several topics and groups',
    instead: ({ ack }) => ({ ack: (refs, options) => ack(refs.length > 2 ? refs.slice(0, -1) : refs, options) }),
  }),
  broken({
    name: 'in flight without limit',
    stage: 2,
    bug: 'One greedy consumer takes everything and holds it, and the others have nothing to do.',
    killedBy: 'a group never holds more in flight than inFlightCountMax',
    given: ({ limits: _, ...options }) => options,
  }),
  broken({
    name: 'an ack for later',
    stage: 2,
    bug: 'An ack is answered before anything was done, so for a while the numbers are wrong and a crash undoes it.',
    killedBy: 'an acknowledged message is finished',
    instead: ({ ack }, { clock = new SystemClock() }) => ({
      ack: async (...args) => {
        clock.setTimer(() => void ack(...args), 10);
      },
    }),
  }),
  broken({
    name: 'given back after it was finished',
    stage: 2,
    bug: 'A consumer that finished a message is told that it could give it back.',
    killedBy: 'after an ack the delivery can neither be given back nor extended',
    instead: ({ nack }) => ({
      nack: (...args) =>
        nack(...args).catch((error: unknown) => {
          if (!isMqError(error, 'MQ_LEASE_EXPIRED')) throw error;
        }),
    }),
  }),
  broken({
    name: 'said before, not listened to',
    stage: 2,
    bug: 'A cumulative ack of a delivery that was acknowledged before succeeds and finishes nothing.',
    killedBy: 'a cumulative ack applies also when the delivery it names was acknowledged before',
    instead: ({ ack }) => {
      const known = new Set<string | null>();
      return {
        ack: async (deliveries, options) => {
          if (deliveries.every(({ leaseToken }) => known.has(leaseToken))) return;
          await ack(deliveries, options);
          for (const { leaseToken } of deliveries) known.add(leaseToken);
        },
      };
    },
  }),
];
