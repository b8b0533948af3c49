/** Mutants that push too much, too little, too long or to the wrong subscriber. */
import type { Broker, SubscribeOptions } from '../../contract/broker.ts';
import type { Delivery } from '../../contract/message.ts';
import { broken, type Mutant } from './mutant.ts';
import { clampedNumber } from './wrong-numbers.ts';

type OnDelivery = (delivery: Delivery) => void;

export const pushingMutants: readonly Mutant[] = [
  broken({
    name: 'credit without limit',
    stage: 4,
    bug: 'A subscriber that can take two gets everything at once.',
    killedBy: 'a subscriber is handed at most its credit of unfinished deliveries',
    instead: (sound) => withOptions(sound, (options) => ({ ...options, creditMax: options.creditMax * 100 })),
  }),
  broken({
    name: 'out of step',
    stage: 4,
    bug: 'Of two messages that come one after the other the second is pushed first.',
    killedBy: 'messages that are sent later are pushed as they come, in order',
    instead: (sound) => {
      const held: Delivery[] = [];
      return withCallback(sound, (onDelivery) => (delivery) => {
        held.push(delivery);
        if (held.length === 2) for (const each of held.splice(0).toReversed()) onDelivery(each);
        if ((delivery.offset ?? 0) >= 4) for (const each of held.splice(0)) onDelivery(each);
      });
    },
  }),
  broken({
    name: 'given back and still counted',
    stage: 4,
    bug: 'What a subscriber gave back still takes up its credit, so in the end it gets nothing any more.',
    killedBy: 'a delivery given back frees its credit and is pushed again',
    instead: (sound) => {
      let wasGivenBack = false;
      return {
        ...withCallback(sound, (onDelivery) => (delivery) => {
          if (!wasGivenBack) onDelivery(delivery);
        }),
        nack: (...args) => {
          wasGivenBack = true;
          return sound.nack(...args);
        },
      };
    },
  }),
  broken({
    name: 'one more than its credit',
    stage: 4,
    bug: 'A subscriber has one delivery more than it takes on.',
    killedBy: 'credit is never exceeded, in whatever order deliveries are finished and given back',
    instead: (sound) => withOptions(sound, (options) => ({ ...options, creditMax: options.creditMax + 1 })),
  }),
  broken({
    name: 'leases of pushed messages never end',
    stage: 4,
    bug: 'What was pushed to a subscriber that hangs is never pushed again.',
    killedBy: 'a delivery whose lease ends is pushed again, and the late ack is refused',
    instead: (sound) => withOptions(sound, (options) => ({ ...options, leaseMs: sound.limits.leaseMsMax })),
  }),
  broken({
    name: 'deaf to its close',
    stage: 4,
    bug: 'A subscription that was closed goes on taking messages, and they are lost in a handler nobody looks at.',
    killedBy: 'after close nothing is pushed any more, and what was pushed may still be finished',
    instead: ({ subscribe }) => ({
      subscribe: async (...args) => {
        await subscribe(...args);
        return { close: async () => undefined };
      },
    }),
  }),
  broken({
    name: 'a copy for each subscriber',
    stage: 4,
    bug: 'Every subscriber of a group gets every message, and each order is shipped twice.',
    killedBy: 'subscribers of one group share its messages, those of two groups get each',
    instead: (sound) =>
      withOptions(sound, (options) => ({ ...options, group: `${options.group}-${options.memberId}` })),
  }),
  broken({
    name: 'pushing knows no pause',
    stage: 4,
    bug: 'A topic that is paused is pushed all the same.',
    killedBy: 'a paused topic pushes nothing until it is resumed',
    instead: () => ({ pause: async () => undefined }),
  }),
  broken({
    name: 'pushed before it is due',
    stage: 4,
    bug: 'A subscriber gets a delayed message at once.',
    killedBy: 'a delayed message is pushed when it is due',
    instead: ({ send }) => ({ send: (topic, { delayMs: _, ...message }, options) => send(topic, message, options) }),
  }),
  broken({
    name: 'any credit is welcome',
    stage: 4,
    bug: 'A subscriber with a credit of nought is accepted, and waits for ever.',
    killedBy: 'options that make no sense, and topics that do not exist, are refused by subscribe',
    instead: (sound) =>
      withOptions(sound, (options) => ({ ...options, creditMax: clampedNumber(options.creditMax ?? 1, 1, 1000) })),
  }),
  broken({
    name: 'a subscription by name',
    stage: 4,
    bug: 'A subscription to a topic that was deleted gets what is sent to the one made anew under its name.',
    killedBy: 'a subscription to a topic that is deleted can be closed, and gets nothing of one made anew',
    instead: ({ subscribe, createTopic }) => {
      const subscribed: Parameters<Broker['subscribe']>[] = [];
      return {
        subscribe: async (...args) => {
          subscribed.push(args);
          return subscribe(...args);
        },
        createTopic: async (topic, options) => {
          await createTopic(topic, options);
          for (const args of subscribed) if (args[0] === topic) await subscribe(...args);
        },
      };
    },
  }),
];

function withOptions(sound: Broker, change: (options: SubscribeOptions) => SubscribeOptions): Partial<Broker> {
  return { subscribe: (topic, options, onDelivery) => sound.subscribe(topic, change(options), onDelivery) };
}

function withCallback(sound: Broker, change: (onDelivery: OnDelivery) => OnDelivery): Partial<Broker> {
  return { subscribe: (topic, options, onDelivery) => sound.subscribe(topic, options, change(onDelivery)) };
}
