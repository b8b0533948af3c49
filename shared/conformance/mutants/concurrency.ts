/** Mutants that are right as long as one client calls at a time, and rare ones: the history checker must find them. */
import type { Delivery } from '../../contract/message.ts';
import { nextTurn } from '../check.ts';
import { broken, changedDeliveries, type Mutant } from './mutant.ts';
import { newestFirst } from './newest-first.ts';

/** Every so many calls something goes wrong. */
const RARE = 97;
const PUSHED_RARE = 11;

export const concurrencyMutants: readonly Mutant[] = [
  broken({
    name: 'one in a hundred lost',
    stage: 1,
    bug: 'Under load a message now and then is taken out of the queue and given to nobody.',
    killedBy: 'with many producers and competing consumers every message is delivered exactly once',
    instead: ({ receive }) => {
      let callCount = 0;
      return {
        receive: async (...args) => {
          const deliveries = await receive(...args);
          callCount += 1;
          return callCount % RARE === 0 ? deliveries.slice(1) : deliveries;
        },
      };
    },
  }),
  broken({
    name: 'one in a hundred stored twice',
    stage: 1,
    bug: 'Under load a message now and then arrives twice, and nothing says that it came again.',
    killedBy: 'with many producers and competing consumers every message is delivered exactly once',
    instead: ({ send }) => {
      let callCount = 0;
      return {
        send: async (topic, message, options) => {
          callCount += 1;
          if (callCount % RARE === 0) await send(topic, message, options);
          return send(topic, message, options);
        },
      };
    },
  }),
  broken({
    name: 'forgotten with its dead consumer',
    stage: 2,
    bug: 'Of the messages of consumers that died most come back, and some do not.',
    killedBy: 'consumers that die, give back and leave lose nothing, and nothing comes twice without a reason',
    instead: ({ receive, ack }) => ({
      receive: async (topic, options) => {
        const deliveries = await receive(topic, options);
        if (!deliveries.some(({ redeliveryReason }) => redeliveryReason === 'lease-expired')) return deliveries;
        await ack(deliveries);
        return [];
      },
    }),
  }),
  broken({
    name: 'overwrites although it should wait',
    stage: 2,
    bug: 'A topic with little room overwrites what nobody has read yet, instead of making producers wait.',
    killedBy: 'a topic with little room under many producers and dying consumers loses nothing',
    instead: ({ createTopic }) => ({
      createTopic: (topic, options) => createTopic(topic, { ...options, overflow: 'drop-oldest' }),
    }),
  }),
  broken({
    name: 'one group takes from another',
    stage: 2,
    bug: 'With three groups at work, now and then one of them finishes a message for another.',
    killedBy: 'several groups with several members each get every message, while producers send',
    instead: ({ receive, ack }) => {
      let callCount = 0;
      return {
        ack: async (refs, options) => {
          await ack(refs, options);
          callCount += 1;
          const [ref] = refs;
          if (callCount % RARE !== 0 || ref === undefined) return;
          await ack(await receive(ref.topic, { group: ref.group === 'a' ? 'b' : 'a' }));
        },
      };
    },
  }),
  broken({
    name: 'each reader its own order',
    stage: 2,
    bug: 'Two readers of one log see two neighbouring records in different order.',
    killedBy: 'readers that follow the log while producers send see every record once, in one order',
    instead: ({ fetch }) => {
      let callCount = 0;
      return {
        fetch: async (...args) => {
          const result = await fetch(...args);
          callCount += 1;
          return callCount % RARE === 0 ? { ...result, records: result.records.toReversed() } : result;
        },
      };
    },
  }),
  broken({
    name: 'a commit that looks first and writes later',
    stage: 2,
    bug: 'Two members commit at the same time, and the lower offset wins.',
    killedBy: 'a committed offset never moves back, however many members commit at once',
    instead: ({ commit, committed, seek }) => ({
      commit: async (topic, { group, offset }) => {
        await commit(topic, { group, offset: 0 });
        const before = await committed(topic, { group });
        await nextTurn();
        return offset > before ? seek(topic, { group, to: { offset } }) : before;
      },
    }),
  }),
  broken({
    name: 'a return after a failure',
    stage: 2,
    bug: 'A return counts as a failure, but only for a message that has failed before.',
    killedBy: 'whatever is sent, received, acknowledged and given back, a topic behaves like a simple queue',
    instead: (sound) =>
      changedDeliveries(sound, (delivery) => {
        const isMistaken = delivery.redeliveryReason === 'return' && delivery.deliveryCount > 1;
        return { ...delivery, deliveryCount: delivery.deliveryCount + (isMistaken ? 1 : 0) };
      }),
  }),
  broken({
    name: 'a page that ends one early',
    stage: 2,
    bug: 'A reader that asks for exactly as many records as there are gets one fewer and skips it.',
    killedBy: 'whatever is sent, fetched, committed and sought, a topic behaves like a simple log',
    instead: ({ fetch }) => ({
      fetch: async (...args) => {
        const result = await fetch(...args);
        const isAtEnd = result.records.length > 1 && result.nextOffset === result.highWatermark;
        return isAtEnd ? { ...result, records: result.records.slice(0, -1) } : result;
      },
    }),
  }),
  broken({
    name: 'overwrites one more than needed',
    stage: 2,
    bug: 'A ring of five holds four: the oldest goes although its slot is not needed yet.',
    killedBy: 'whatever is sent and fetched, a topic that overwrites holds exactly its latest messages',
    instead: ({ createTopic }) => ({
      createTopic: (topic, options) => createTopic(topic, { ...options, messagesMax: (options?.messagesMax ?? 9) - 1 }),
    }),
  }),
  broken({
    name: 'small sends slip past a waiting batch',
    stage: 1,
    bug: 'A batch waits for room for ever, because single messages take every place that comes free.',
    killedBy: 'whoever sends, receives and gives up, a full topic lets senders in exactly in their order',
    instead: ({ sendBatch }) => {
      const inLine = newestFirst();
      return {
        sendBatch: (topic, messages, options) =>
          inLine((turn) => {
            const signal = AbortSignal.any(options?.signal === undefined ? [turn] : [turn, options.signal]);
            return sendBatch(topic, messages, { ...options, signal });
          }),
      };
    },
  }),
  broken({
    name: 'one answer for two who ask',
    stage: 1,
    bug: 'Two consumers that ask at the same time share one answer, and both work on its messages.',
    killedBy: 'in whatever order concurrent sends and receives are served, every message arrives once',
    instead: ({ receive }) => {
      let asking: Promise<readonly Delivery[]> | undefined;
      return {
        receive: (topic, options) => {
          if (options?.signal !== undefined) return receive(topic, options);
          asking ??= receive(topic, options).finally(() => {
            asking = undefined;
          });
          return asking;
        },
      };
    },
  }),
  broken({
    name: 'one in a hundred lost in its partition',
    stage: 4,
    bug: 'Under load a message now and then is taken out of its partition and given to nobody.',
    killedBy: 'over several partitions too, consumers that die, give back and leave lose nothing',
    instead: ({ receive, ack }) => {
      let callCount = 0;
      return {
        receive: async (...args) => {
          const deliveries = await receive(...args);
          callCount += 1;
          if (callCount % RARE !== 0) return deliveries;
          await ack(deliveries.slice(0, 1));
          return deliveries.slice(1);
        },
      };
    },
  }),
  broken({
    name: 'pushed to nobody',
    stage: 4,
    bug: 'When a subscription is closed a message that was on its way to it is lost.',
    killedBy: 'subscribers that forget, give back and close lose nothing, and nothing comes twice without a reason',
    instead: ({ subscribe, ack }) => {
      let pushedCount = 0;
      return {
        subscribe: (topic, options, onDelivery) =>
          subscribe(topic, options, (delivery) => {
            pushedCount += 1;
            if (pushedCount % PUSHED_RARE === 0) ack([delivery]).catch(() => undefined);
            else onDelivery(delivery);
          }),
      };
    },
  }),
];
