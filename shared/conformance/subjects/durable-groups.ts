/**
 * Subject: where every group stands is still so after the broker stopped without warning.
 *
 * That a lease was given need not be on the disk before the message is handed out; an ack is, and all that came before
 * it. So each test ends with an ack or a commit before the broker stops.
 */
import type { Delivery } from '../../contract/message.ts';
import { awaitedLater, equal, present, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { bodies, drain, readDeadLetters, receiveOne, sendAll, texts, underWay } from './steps.ts';

const LEASE_MS = 400;

export const durableGroups: readonly ConformanceTest[] = [
  {
    name: 'a restart keeps what a group has finished and what it has not',
    capability: 'durable',
    needs: ['restart'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(4));
      await context.broker.ack([await receiveOne(context.broker, topic, { group: 'queue' })]);
      await context.broker.commit(topic, { group: 'log', offset: 3 });
      await context.restart();
      equal(texts(await drain(context, topic, { group: 'queue' })), ['m-1', 'm-2', 'm-3'], 'what the queue group gets');
      equal(await context.broker.committed(topic, { group: 'log' }), 3, 'committed of the log group');
    },
  },
  {
    name: 'a restart keeps acks out of order: exactly what was not acknowledged comes again',
    capability: 'durable',
    needs: ['restart'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(8));
      const held = await context.broker.receive(topic, { group: 'g', max: 7, leaseMs: LEASE_MS });
      await context.broker.ack(at(held, 1, 3, 4, 6));
      await context.restart();
      equal(await context.broker.committed(topic, { group: 'g' }), 0, 'committed: the first message is not finished');
      await context.pass(LEASE_MS + 100);
      const again = await context.broker.receive(topic, { group: 'g', max: 10 });
      equal(texts(again), ['m-0', 'm-2', 'm-5', 'm-7'], 'what comes after the restart');
      await context.broker.ack(at(again, 0));
      equal(await context.broker.committed(topic, { group: 'g' }), 2, 'committed after the first is finished too');
      await context.broker.ack(at(again, 1, 2, 3));
      equal(await context.broker.committed(topic, { group: 'g' }), 8, 'committed after all are finished');
    },
  },
  {
    name: 'a delivery may be acknowledged after a restart with the token it came with, as long as its lease runs',
    capability: 'durable',
    needs: ['restart'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(3));
      const held = await context.broker.receive(topic, { group: 'g', max: 3, leaseMs: 60_000 });
      await context.broker.ack(at(held, 1));
      await context.restart();
      await context.broker.ack(at(held, 0, 2));
      equal(await drain(context, topic, { group: 'g' }), [], 'what is left');
      equal((await context.describe(topic)).lag, 0, 'lag');
    },
  },
  {
    name: 'a lease goes on through a restart: until it ends its message goes to nobody else, then it comes again',
    capability: 'durable',
    needs: ['restart', 'virtual-clock'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(2));
      const held = await context.broker.receive(topic, { group: 'g', max: 2, leaseMs: 10_000 });
      await context.broker.ack(at(held, 1));
      await context.pass(4000);
      await context.restart();
      equal(await context.broker.receive(topic, { group: 'g' }), [], 'a receive while the lease runs');
      equal((await context.describe(topic)).inFlightCount, 1, 'inFlightCount');
      await context.pass(5900);
      equal(await context.broker.receive(topic, { group: 'g' }), [], 'a receive shortly before the lease ends');
      await context.pass(200);
      const again = await receiveOne(context.broker, topic, { group: 'g' });
      equal([again.deliveryCount, again.redeliveryReason], [2, 'lease-expired'], 'deliveryCount and reason');
      await refused(context.broker.ack(at(held, 0)), 'MQ_LEASE_EXPIRED', 'an ack with the old token');
    },
  },
  {
    name: 'a restart keeps how often a message was delivered',
    capability: 'durable',
    needs: ['restart'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(2));
      for (let count = 1; count <= 3; count += 1) {
        const delivery = await receiveOne(context.broker, topic, { group: 'g' });
        equal(delivery.deliveryCount, count, 'deliveryCount');
        await context.broker.nack(delivery);
      }
      await finishNextButOne(context, topic);
      await context.restart();
      equal((await receiveOne(context.broker, topic, { group: 'g' })).deliveryCount, 4, 'deliveryCount afterwards');
    },
  },
  {
    name: 'a delivery given back with a delay comes after a restart when the delay is over, and not before',
    capability: 'durable',
    uses: ['delay'],
    needs: ['restart'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(2));
      const delivery = await receiveOne(context.broker, topic, { group: 'g' });
      await context.broker.nack(delivery, { delayMs: 900, reason: 'busy' });
      await context.broker.ack([await receiveOne(context.broker, topic, { group: 'g' })]);
      await context.restart();
      // A process may take longer to start than the delay is.
      const isEarly = context.clock === 'virtual';
      if (isEarly) equal(await context.broker.receive(topic, { group: 'g' }), [], 'a receive at once');
      await context.pass(1000);
      const again = await receiveOne(context.broker, topic, { group: 'g' });
      equal([again.deliveryCount, again.redeliveryReason], [2, 'retry'], 'deliveryCount and reason');
    },
  },
  {
    name: 'an ack that is repeated after a restart succeeds, and finishes nothing else',
    capability: 'durable',
    needs: ['restart'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(3));
      const held = await context.broker.receive(topic, { group: 'g', max: 2 });
      await context.broker.ack(held);
      await context.restart();
      await context.broker.ack(at(held, 0));
      await context.broker.ack(held);
      equal(texts(await drain(context, topic, { group: 'g' })), ['m-2'], 'what is left');
    },
  },
  {
    name: 'a seek is kept by a restart, of a queue group and of a log group',
    capability: 'durable',
    needs: ['restart'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(5));
      await context.broker.ack(await context.broker.receive(topic, { group: 'queue', max: 4 }));
      await context.broker.commit(topic, { group: 'log', offset: 5 });
      await context.broker.seek(topic, { group: 'queue', to: { offset: 2 } });
      await context.broker.seek(topic, { group: 'log', to: { offset: 1 } });
      await context.restart();
      equal(await context.broker.committed(topic, { group: 'log' }), 1, 'committed of the log group');
      equal(texts(await drain(context, topic, { group: 'queue' })), ['m-2', 'm-3', 'm-4'], 'what the queue group gets');
    },
  },
  {
    name: 'a restart keeps groups with their options and their kind, and deleted groups stay deleted',
    capability: 'durable',
    uses: ['dead-letter'],
    needs: ['restart'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(3));
      const options = { start: 'latest', onOutOfRange: 'error', deliveriesMax: 5 } as const;
      await context.broker.createGroup(topic, 'late', options);
      await context.broker.createGroup(topic, 'gone');
      await context.broker.deleteGroup(topic, 'gone');
      await context.broker.ack([await receiveOne(context.broker, topic, { group: 'queue' })]);
      await context.restart();
      await context.broker.createGroup(topic, 'late', options);
      await refused(context.broker.createGroup(topic, 'late', {}), 'MQ_GROUP_EXISTS', 'createGroup with other options');
      await context.broker.send(topic, { body: 'new' });
      equal(
        texts(await drain(context, topic, { group: 'late' })),
        ['new'],
        'what the group that began at the end gets',
      );
      await refused(context.broker.committed(topic, { group: 'gone' }), 'MQ_UNKNOWN_GROUP', 'the deleted group');
      const commit = context.broker.commit(topic, { group: 'queue', offset: 1 });
      await refused(commit, 'MQ_GROUP_KIND', 'a commit of the queue group');
    },
  },
  {
    name: 'topics and groups that were paused are paused after a restart',
    capability: 'durable',
    uses: ['group-modes'],
    needs: ['restart'],
    run: async (context) => {
      const [whole, part] = [await context.newTopic(), await context.newTopic()];
      for (const topic of [whole, part]) {
        await context.broker.send(topic, { body: 'a' });
        await context.broker.createGroup(topic, 'g');
        await context.broker.createGroup(topic, 'other');
      }
      await context.broker.pause(whole);
      await context.broker.pause(part, { group: 'g' });
      await context.restart();
      equal(await context.broker.receive(whole, { group: 'g' }), [], 'a receive from the paused topic');
      equal(await context.broker.receive(part, { group: 'g' }), [], 'a receive of the paused group');
      equal(texts(await drain(context, part, { group: 'other' })), ['a'], 'what the other group gets');
      await context.broker.resume(whole);
      await context.broker.resume(part, { group: 'g' });
      equal(texts(await drain(context, whole, { group: 'g' })), ['a'], 'what comes from the topic after resume');
      equal(texts(await drain(context, part, { group: 'g' })), ['a'], 'what the group gets after resume');
    },
  },
  {
    name: 'a broker that was closed stands where it stood when it is opened again, leases and all',
    capability: 'durable',
    uses: ['delay', 'dead-letter', 'group-modes'],
    // In one process with the broker, since a client that closes gives back what it holds.
    needs: ['restart', 'virtual-clock'],
    run: closeAndOpen,
  },
  {
    name: 'producers and consumers that go on through restarts lose nothing, and nothing finished comes again',
    capability: 'durable',
    needs: ['restart'],
    run: workThroughRestarts,
  },
];

function at(deliveries: readonly Delivery[], ...indexes: readonly number[]): Delivery[] {
  return indexes.map((index) => present(deliveries[index], `delivery ${index}`));
}

/** Finishes the second message of the topic; so everything before that is on the disk. */
async function finishNextButOne(context: TestContext, topic: string): Promise<void> {
  const held = await context.broker.receive(topic, { group: 'g', max: 2, leaseMs: LEASE_MS });
  const [first, second] = at(held, 0, 1);
  await context.broker.nack(present(first, 'a delivery'), { outcome: 'return' });
  await context.broker.ack([present(second, 'a delivery')]);
}

async function closeAndOpen(context: TestContext): Promise<void> {
  const topic = await context.newTopic();
  await sendAll(context.broker, topic, bodies(6));
  await context.broker.send(topic, { body: 'late', delayMs: 600_000 });
  const held = await context.broker.receive(topic, { group: 'queue', memberId: 'm', max: 5, leaseMs: 600_000 });
  const [first, second, third, fourth, fifth] = at(held, 0, 1, 2, 3, 4);
  await context.broker.ack([present(second, 'a delivery')]);
  await context.broker.nack(present(third, 'a delivery'), { delayMs: 600_000, reason: 'busy' });
  await context.broker.nack(present(fourth, 'a delivery'), { outcome: 'reject' });
  await context.broker.commit(topic, { group: 'log', offset: 4 });
  await context.broker.pause(topic, { group: 'log' });
  const before = await standing(context, topic);
  await context.restart({ isClosedFirst: true });
  equal(await standing(context, topic), before, 'where the groups stand afterwards, and before');
  equal(texts(await readDeadLetters(context.broker, topic, 'queue')), ['m-3'], 'the dead letters');
  await context.broker.ack([present(first, 'a delivery'), present(fifth, 'a delivery')]);
  await context.broker.ack([present(second, 'a delivery')]);
  equal(texts(await drain(context, topic, { group: 'queue' })), ['m-5'], 'what the queue group still gets');
  equal(await context.broker.committed(topic, { group: 'queue' }), 2, 'committed of the queue group');
}

/** The numbers of each group that say where it stands. */
async function standing(context: TestContext, topic: string): Promise<unknown> {
  const { delayedCount, logEndOffset, groups } = await context.describe(topic);
  const ofGroups = groups.map((group) => [
    ...[group.group, group.kind, group.committedOffset, group.lag, group.isPaused],
    ...[group.availableCount, group.inFlightCount, group.delayedCount, group.deadCount],
  ]);
  return { delayedCount, logEndOffset, ofGroups };
}

async function workThroughRestarts(context: TestContext): Promise<void> {
  const topic = await context.newTopic();
  await context.broker.createGroup(topic, 'g');
  for (let round = 0; round < 3; round += 1) {
    // Of a broker that stopped nobody may ever hear again, so nobody waits for these.
    const notes = { ackedCount: 0 };
    for (const index of [0, 1, 2])
      void awaitedLater(workUntilStopped(context, topic, { name: `r${round}w${index}`, notes }));
    const enough = 1 + context.random.below(30);
    await underWay(context, () => notes.ackedCount >= enough);
    await context.restart();
  }
  await context.pass(LEASE_MS + 100);
  await drain(context, topic, { group: 'g' });
  context.checkHistory({ drained: [{ topic, group: 'g' }] });
}

/** Sends, receives and finishes until the broker stops. */
async function workUntilStopped(
  context: TestContext,
  topic: string,
  { name, notes }: { readonly name: string; readonly notes: { ackedCount: number } },
): Promise<void> {
  const worker = context.as(name);
  for (const body of bodies(30, name)) {
    await worker.send(topic, { body });
    const held = await worker.receive(topic, { group: 'g', memberId: name, max: 2, leaseMs: LEASE_MS });
    if (held.length > 0) await worker.ack(held.slice(0, 1));
    notes.ackedCount += 1;
  }
}
