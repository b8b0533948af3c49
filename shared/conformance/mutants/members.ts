/** Mutants of membership: what becomes of the work of a member that goes, or is silent, or was never there. */
import { SystemClock } from '../../clock.ts';
import type { Broker } from '../../contract/broker.ts';
import { isMqError } from '../../contract/errors.ts';
import { handedOut } from './handed-out.ts';
import { broken, changedDeliveries, type Mutant } from './mutant.ts';

export const memberMutants: readonly Mutant[] = [
  broken({
    name: 'leaving is forgotten',
    stage: 2,
    bug: 'A worker says goodbye, and what it held is stuck until its leases end.',
    killedBy: 'a member that leaves gives its deliveries back, and that counts as no failure',
    instead: () => ({ leave: async () => undefined }),
  }),
  broken({
    name: 'leaving counts as a failure',
    stage: 2,
    bug: 'Every new release of a worker brings its messages closer to the dead letters.',
    killedBy: 'a member that leaves gives its deliveries back, and that counts as no failure',
    instead: (sound) =>
      changedDeliveries(sound, (delivery) => {
        const leftCount = delivery.redeliveryReason === 'member-left' ? 1 : 0;
        return { ...delivery, deliveryCount: delivery.deliveryCount + leftCount };
      }),
  }),
  broken({
    name: 'one leaves and all let go',
    stage: 2,
    bug: 'One worker stops, and the messages of all others are given away while they work on them.',
    killedBy: 'one member leaving does not touch the deliveries of another',
    instead: (sound) => {
      const { deliveries, receive } = handedOut(sound);
      return {
        receive,
        leave: (topic) => everybodyLeaves(sound, topic, new Set(deliveries.map((each) => each.memberId))),
      };
    },
  }),
  broken({
    name: 'a new member for each call',
    stage: 2,
    bug: 'A consumer that names no member cannot give back what it took: it is somebody else each time.',
    killedBy: 'two calls that name no member are of the same one',
    instead: ({ receive }) => {
      let callCount = 0;
      return {
        receive: (topic, options) => {
          callCount += 1;
          return receive(topic, { memberId: `caller-${callCount}`, ...options });
        },
      };
    },
  }),
  broken({
    name: 'members without limit',
    stage: 2,
    bug: 'Workers that name themselves anew each minute fill the memory.',
    killedBy: 'more members than membersCountMax is MQ_LIMIT_EXCEEDED',
    given: ({ limits: _, ...options }) => options,
  }),
  broken({
    name: 'silent while it works',
    stage: 2,
    bug: 'A member that works long on one message is forgotten, and its message with it.',
    killedBy: 'a silent member is forgotten after its time, but not while it holds a lease',
    instead: ({ receive, leave }, { clock = new SystemClock() }) => ({
      receive: async (topic, options) => {
        const { group, memberId } = options ?? {};
        clock.setTimer(() => void leave(topic, { group, memberId }), 1000);
        return receive(topic, options);
      },
    }),
  }),
  broken({
    name: 'leaving wakes nobody',
    stage: 2,
    bug: 'A worker leaves while another waits, and the other goes on waiting for what is there.',
    killedBy: 'a member that leaves wakes a waiting receive with what it held',
    instead: ({ leave }, { clock = new SystemClock() }) => ({
      leave: async (...args) => {
        clock.setTimer(() => void leave(...args), 1000);
      },
    }),
  }),
  broken({
    name: 'a goodbye that can be taken back',
    stage: 2,
    bug: 'A worker that has left is told that its ack counts, although another works on the message by now.',
    killedBy: 'a lease ends with its member: a late ack of a member that left is refused',
    instead: ({ ack }) => ({
      ack: (...args) =>
        ack(...args).catch((error: unknown) => {
          if (!isMqError(error, 'MQ_LEASE_EXPIRED')) throw error;
        }),
    }),
  }),
  broken({
    name: 'members unseen',
    stage: 2,
    bug: 'A group with three busy workers is shown as if nobody were there.',
    killedBy: 'a description names the members of a group and what each holds',
    instead: ({ describeTopics }) => ({
      describeTopics: async (...args) =>
        (await describeTopics(...args)).map((topic) => {
          return { ...topic, groups: topic.groups.map((group) => ({ ...group, members: [] })) };
        }),
    }),
  }),
  broken({
    name: 'a stranger says goodbye',
    stage: 2,
    bug: 'Somebody leaves a group he was never in, and a working member loses what it holds.',
    killedBy: 'leaving a group one is no member of changes nothing',
    instead: (sound) => {
      const { deliveries, receive } = handedOut(sound);
      return { receive, leave: (topic) => sound.leave(topic, { memberId: deliveries.at(-1)?.memberId }) };
    },
  }),
];

async function everybodyLeaves(sound: Broker, topic: string, members: ReadonlySet<string>): Promise<void> {
  for (const memberId of members) await sound.leave(topic, { memberId });
}
