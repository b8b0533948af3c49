/** Subject: groups of which one member at a time is served: exclusive ones, and those with stand-bys. */
import type { Delivery } from '../../contract/message.ts';
import { atOnce, equal, holds, isSettled, present, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { bodies, receiveOne, sendAll, sorted, texts } from './steps.ts';

export const groupModes: readonly ConformanceTest[] = [
  {
    name: 'an exclusive group delivers to one member, and tells a second one that it is taken',
    capability: 'group-modes',
    uses: ['lease'],
    run: async (context) => {
      const topic = await newTopicWith(context, 'exclusive');
      await sendAll(context.broker, topic, bodies(3));
      await receiveOne(context.broker, topic, { group: 'g', memberId: 'one' });
      const second = context.broker.receive(topic, { group: 'g', memberId: 'two' });
      await refused(second, 'MQ_GROUP_TAKEN', 'a receive of a second member');
      const waiting = context.broker.receive(topic, { group: 'g', memberId: 'two', waitMs: 10_000 });
      await refused(waiting, 'MQ_GROUP_TAKEN', 'a receive of a second member that would wait');
      const more = await context.broker.receive(topic, { group: 'g', memberId: 'one', max: 5 });
      equal(texts(more), ['m-1', 'm-2'], 'what the first member gets');
    },
  },
  {
    name: 'when the member of an exclusive group leaves, another takes over with what it held',
    capability: 'group-modes',
    uses: ['lease'],
    run: async (context) => {
      const topic = await newTopicWith(context, 'exclusive');
      await sendAll(context.broker, topic, bodies(3));
      const held = await context.broker.receive(topic, { group: 'g', memberId: 'one', max: 2 });
      await context.broker.ack(held.slice(0, 1));
      await context.broker.leave(topic, { group: 'g', memberId: 'one' });
      const taken = await context.broker.receive(topic, { group: 'g', memberId: 'two', max: 5 });
      equal(texts(taken), ['m-1', 'm-2'], 'what the second member gets');
      const back = context.broker.receive(topic, { group: 'g', memberId: 'one' });
      await refused(back, 'MQ_GROUP_TAKEN', 'a receive of the first member, which had left');
    },
  },
  {
    name: 'an exclusive group is free again when its member was silent for memberTimeoutMs',
    capability: 'group-modes',
    uses: ['lease'],
    needs: ['virtual-clock', 'broker-options'],
    run: async (context) => {
      const broker = await context.openBroker({ memberTimeoutMs: 5000 });
      await broker.createTopic('topic');
      await broker.createGroup('topic', 'g', { mode: 'exclusive' });
      await sendAll(broker, 'topic', bodies(2));
      await broker.ack([await receiveOne(broker, 'topic', { group: 'g', memberId: 'one' })]);
      await context.pass(4900);
      const early = broker.receive('topic', { group: 'g', memberId: 'two' });
      await refused(early, 'MQ_GROUP_TAKEN', 'a receive of a second member after 4.9 s');
      await context.pass(200);
      const taken = await broker.receive('topic', { group: 'g', memberId: 'two' });
      equal(texts(taken), ['m-1'], 'what the second member gets after 5.1 s');
    },
  },
  {
    name: 'in a failover group one member gets everything and a stand-by nothing, until the first leaves',
    capability: 'group-modes',
    uses: ['lease'],
    run: async (context) => {
      const topic = await newTopicWith(context, 'failover');
      await sendAll(context.broker, topic, bodies(4));
      const first = await context.broker.receive(topic, { group: 'g', memberId: 'one', max: 2 });
      equal(texts(first), ['m-0', 'm-1'], 'what the first member gets');
      equal(await context.broker.receive(topic, { group: 'g', memberId: 'two' }), [], 'what the stand-by gets');
      const more = await context.broker.receive(topic, { group: 'g', memberId: 'one' });
      equal(texts(more), ['m-2'], 'what the first member gets then');
      await context.broker.ack([...first.slice(0, 1), ...more]);
      const call = context.as('stand-by').receive(topic, { group: 'g', memberId: 'two', max: 5, waitMs: 20_000 });
      await context.untilWaiting(topic, 1);
      equal(await isSettled(call), false, 'an answer to the stand-by while the first is there');
      await context.broker.leave(topic, { group: 'g', memberId: 'one' });
      const taken = await atOnce(call, 'the waiting receive of the stand-by, after the first left');
      holds(taken.length > 0, 'a delivery to the stand-by', texts(taken));
      const rest = await context.broker.receive(topic, { group: 'g', memberId: 'two', max: 5 });
      equal(texts([...taken, ...rest]), ['m-1', 'm-3'], 'what the stand-by gets, in order');
    },
  },
  {
    name: 'a stand-by takes over when the first member was silent for memberTimeoutMs',
    capability: 'group-modes',
    uses: ['lease'],
    needs: ['virtual-clock', 'broker-options'],
    run: async (context) => {
      const broker = await context.openBroker({ memberTimeoutMs: 5000 });
      await broker.createTopic('topic');
      await broker.createGroup('topic', 'g', { mode: 'failover' });
      await sendAll(broker, 'topic', bodies(2));
      await receiveOne(broker, 'topic', { group: 'g', memberId: 'one', leaseMs: 1000 });
      const call = broker.receive('topic', { group: 'g', memberId: 'two', max: 2, waitMs: 60_000 });
      await context.pass(4000);
      equal(await isSettled(call), false, 'an answer while the first member is still remembered');
      await context.pass(3000);
      equal(texts(await atOnce(call, 'the receive of the stand-by')), bodies(2), 'what the stand-by gets');
    },
  },
  {
    name: 'members of a failover group share the partitions evenly, and each partition has one member',
    capability: 'group-modes',
    uses: ['lease', 'partitions'],
    run: sharePartitions,
  },
  {
    name: 'a partition that moves to another member waits until what is in flight of it ended; the others go on',
    capability: 'group-modes',
    uses: ['lease', 'partitions'],
    run: pauseWhatMoves,
  },
  {
    name: 'a description names the mode of a group; another mode for the same group is refused',
    capability: 'group-modes',
    uses: ['groups'],
    run: async (context) => {
      const topic = await context.newTopic();
      const modes = ['shared', 'exclusive', 'failover', 'key-ordered'] as const;
      for (const mode of modes) await context.broker.createGroup(topic, `g-${mode}`, { mode });
      const told = (await context.describe(topic)).groups.map(({ group, mode }) => `${group} ${mode}`);
      equal(sorted(told), sorted(modes.map((mode) => `g-${mode} ${mode}`)), 'groups and modes');
      await context.broker.createGroup(topic, 'g-failover', { mode: 'failover' });
      const other = context.broker.createGroup(topic, 'g-failover', { mode: 'exclusive' });
      await refused(other, 'MQ_GROUP_EXISTS', 'createGroup with another mode');
      const wrong = context.broker.createGroup(topic, 'h', { mode: 'solo' as 'shared' });
      await refused(wrong, 'MQ_INVALID_ARGUMENT', 'a mode that does not exist');
    },
  },
];

async function newTopicWith(context: TestContext, mode: 'exclusive' | 'failover'): Promise<string> {
  const topic = await context.newTopic();
  await context.broker.createGroup(topic, 'g', { mode });
  return topic;
}

const PARTITIONS = [0, 1, 2, 3];

/** A topic of four partitions with `count` messages in each, and a failover group. */
async function newWideTopic(context: TestContext, count: number): Promise<string> {
  const topic = await context.newTopic({ partitionCount: PARTITIONS.length });
  await context.broker.createGroup(topic, 'g', { mode: 'failover' });
  await sendToEach(context, topic, count);
  return topic;
}

async function sendToEach(context: TestContext, topic: string, count: number): Promise<void> {
  for (const partition of PARTITIONS) {
    for (const body of bodies(count, `p${partition}`)) await context.broker.send(topic, { body }, { partition });
  }
}

/** What a member gets, all of it finished. */
async function work(context: TestContext, topic: string, memberId: string): Promise<readonly Delivery[]> {
  const all: Delivery[] = [];
  for (;;) {
    const deliveries = await context.broker.receive(topic, { group: 'g', memberId, max: 10 });
    if (deliveries.length === 0) return all;
    await context.broker.ack(deliveries);
    all.push(...deliveries);
  }
}

function partitionsOf(deliveries: readonly Delivery[]): number[] {
  return [...new Set(deliveries.map(({ partition }) => partition))].sort();
}

async function sharePartitions(context: TestContext): Promise<void> {
  const topic = await newWideTopic(context, 1);
  equal(partitionsOf(await work(context, topic, 'one')), PARTITIONS, 'the partitions of the only member');
  equal(await work(context, topic, 'two'), [], 'what a second member finds, as all is finished');
  await sendToEach(context, topic, 2);
  const [ofOne, ofTwo] = [await work(context, topic, 'one'), await work(context, topic, 'two')];
  equal([partitionsOf(ofOne).length, partitionsOf(ofTwo).length], [2, 2], 'partitions of each of two members');
  equal([...partitionsOf(ofOne), ...partitionsOf(ofTwo)].sort(), PARTITIONS, 'the partitions of both');
  await context.broker.leave(topic, { group: 'g', memberId: 'one' });
  await sendToEach(context, topic, 1);
  const rest = await work(context, topic, 'two');
  equal(partitionsOf(rest), PARTITIONS, 'the partitions of the second member after the first left');
}

async function pauseWhatMoves(context: TestContext): Promise<void> {
  const topic = await newWideTopic(context, 2);
  const held: Delivery[] = [];
  for (let turn = 0; turn < 4 && partitionsOf(held).length < 4; turn += 1) {
    held.push(...(await context.broker.receive(topic, { group: 'g', memberId: 'one', max: 8 })));
  }
  equal(held.length, 8, 'deliveries to the only member');
  equal(await context.broker.receive(topic, { group: 'g', memberId: 'two', max: 8 }), [], 'what a second member gets');
  await sendToEach(context, topic, 1);
  const more = await context.broker.receive(topic, { group: 'g', memberId: 'one', max: 8 });
  const stayed = partitionsOf(more);
  equal(stayed.length, 2, 'partitions of which the first member gets more');
  const moved = PARTITIONS.filter((partition) => !stayed.includes(partition));
  equal(await context.broker.receive(topic, { group: 'g', memberId: 'two', max: 8 }), [], 'what the second gets');
  const [first, second] = moved.map((partition) => held.filter((delivery) => delivery.partition === partition));
  await context.broker.ack(present(first, 'deliveries of the first partition that moves'));
  const taken = await context.broker.receive(topic, { group: 'g', memberId: 'two', max: 8 });
  equal(partitionsOf(taken), moved.slice(0, 1), 'partitions of the second member after one was finished');
  await context.broker.ack(present(second, 'deliveries of the second partition that moves'));
  const then = await context.broker.receive(topic, { group: 'g', memberId: 'two', max: 8 });
  equal(partitionsOf(then), moved.slice(1), 'partitions of the second member after the other was finished');
}
