/** Subject: where one message is, and how it came there. A broker may leave `explain` out; then there is nothing to ask. */
import type { Broker } from '../../contract/broker.ts';
import type { Explanation } from '../../contract/explanation.ts';
import { equal, present, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import { bodies, receiveOne, sendAll } from './steps.ts';

/** What nobody gets any more; how often it was delivered need not be kept. */
const OVER: ReadonlySet<string> = new Set(['finished', 'expired', 'dead']);

export const explaining: readonly ConformanceTest[] = [
  {
    name: 'explain says where a message stands for each group: available, in flight with whom, finished',
    capability: 'durable',
    uses: ['groups', 'lease'],
    run: async (context) => {
      const { broker } = context;
      if (broker.explain === undefined) return;
      const topic = await context.newTopic();
      await sendAll(broker, topic, bodies(1));
      await broker.send(topic, { body: 'a', id: 'order-1' });
      await broker.createGroup(topic, 'idle');
      const held = await broker.receive(topic, { group: 'busy', memberId: 'm', max: 2 });
      await broker.ack(await broker.receive(topic, { group: 'done', max: 2 }));
      const explanation = await explain(broker, topic, 'order-1');
      equal([explanation.topic, explanation.id, explanation.offset], [topic, 'order-1', 1], 'topic, id and offset');
      equal(standing(explanation), ['busy in-flight 1 m', 'done finished', 'idle available 0'], 'where it stands');
      await broker.nack(present(held[1], 'a delivery'), { delayMs: 60_000 });
      equal(standing(await explain(broker, topic, 'order-1'))[0], 'busy delayed 1', 'where it stands after a nack');
    },
  },
  {
    name: 'explain tells what happened to a message, oldest first, and why it came again',
    capability: 'durable',
    uses: ['lease'],
    run: async (context) => {
      const { broker } = context;
      if (broker.explain === undefined) return;
      const topic = await context.newTopic();
      await broker.send(topic, { body: 'a', id: 'order-1' });
      const first = await receiveOne(broker, topic, { group: 'g' });
      await broker.nack(first, { reason: 'the printer is on fire' });
      await broker.ack([await receiveOne(broker, topic, { group: 'g' })]);
      const { events, isComplete } = await explain(broker, topic, 'order-1');
      equal(isComplete, true, 'isComplete of so short a life');
      const story = events.map(({ what }) => what);
      equal(story, ['accepted', 'delivered', 'given-back', 'delivered', 'acked'], 'what happened');
      const givenBack = present(events[2], 'the event of the nack');
      equal(givenBack.reason?.includes('the printer is on fire'), true, 'its reason among the words of the event');
      equal(events[3]?.deliveryCount, 2, 'deliveryCount of the second delivery');
      const times = events.map(({ at }) => at);
      equal(
        times,
        times.toSorted((a, b) => a - b),
        'the times of the events, in order',
      );
    },
  },
  {
    name: 'explain finds a message that is delayed, and says when it is due',
    capability: 'durable',
    uses: ['delay'],
    run: async (context) => {
      const { broker } = context;
      if (broker.explain === undefined) return;
      const topic = await context.newTopic();
      const receipt = await broker.send(topic, { body: 'late', id: 'order-1', delayMs: 60_000 });
      const { offset, deliverAt } = await explain(broker, topic, 'order-1');
      equal([offset, deliverAt], [null, receipt.deliverAt], 'offset and deliverAt');
    },
  },
  {
    name: 'explain says of a message that died for a group that it is dead',
    capability: 'durable',
    uses: ['lease', 'dead-letter'],
    run: async (context) => {
      const { broker } = context;
      if (broker.explain === undefined) return;
      const topic = await context.newTopic();
      await broker.send(topic, { body: 'a', id: 'order-1' });
      const delivery = await receiveOne(broker, topic, { group: 'g' });
      await broker.nack(delivery, { outcome: 'reject', reason: 'cannot be read' });
      const explanation = await explain(broker, topic, 'order-1');
      equal(standing(explanation), ['g dead'], 'where it stands');
      equal(explanation.events.at(-1)?.what, 'dead', 'the last event');
    },
  },
  {
    name: 'explain of an id that no message has is null, of a topic that does not exist it is refused',
    capability: 'durable',
    run: async (context) => {
      const { broker } = context;
      if (broker.explain === undefined) return;
      const topic = await context.newTopic();
      await sendAll(broker, topic, bodies(2));
      equal(await broker.explain(topic, { id: 'no-such' }), null, 'the explanation of an unknown id');
      await refused(
        broker.explain(context.topicName(), { id: 'a' }),
        'MQ_UNKNOWN_TOPIC',
        'explain of an unknown topic',
      );
      const without = broker.explain(topic, {} as { id: string });
      await refused(without, 'MQ_INVALID_ARGUMENT', 'explain without an id');
    },
  },
];

async function explain(broker: Broker, topic: string, id: string): Promise<Explanation> {
  return present(await broker.explain?.(topic, { id }), `the explanation of ${id}`);
}

/** One line for each group: its name and the state; and of what is not over, the count and who has it. */
function standing({ groups }: Explanation): string[] {
  return groups
    .map(({ group, state, deliveryCount, memberId }) =>
      [
        ...[group, state],
        ...(OVER.has(state) ? [] : [deliveryCount]),
        ...(state === 'in-flight' ? [memberId] : []),
      ].join(' '),
    )
    .sort();
}
