import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../../shared/clock.ts';
import type { Broker } from '../../../shared/contract/broker.ts';
import { createBroker } from '../../4-persisted-log/index.ts';
import { type SlowConsumerRule, SlowConsumers, type SlowGroup } from './slow-consumers.ts';

interface Watched extends AsyncDisposable {
  readonly clock: VirtualClock;
  readonly broker: Broker;
  readonly slow: SlowConsumers;
  readonly told: SlowGroup[];
  /** Passes a look, and all it does. */
  look(): Promise<void>;
  metric(name: string): unknown;
}

async function watched(rules: readonly SlowConsumerRule[]): Promise<Watched> {
  const clock = new VirtualClock();
  const broker = await createBroker({ clock, flushPolicy: 'never' });
  const told: SlowGroup[] = [];
  const onDefect = (error: unknown): never => {
    throw error;
  };
  const slow = new SlowConsumers({ broker, rules, clock, onSlow: (group) => void told.push(group), onDefect });
  const look = async (): Promise<void> => {
    const before = clock.timerCount;
    await clock.pass(1000);
    // The look reads the disk, which is no timer: it is over when the next one is set.
    while (clock.timerCount < before) await new Promise((resolve) => setImmediate(resolve));
  };
  const metric = (name: string): unknown => slow.metrics().find((one) => one.name === name)?.series[0]?.value;
  const close = async (): Promise<void> => {
    await slow.close();
    await broker.close();
  };
  return { clock, broker, slow, told, look, metric, [Symbol.asyncDispose]: close };
}

async function backlog(broker: Broker, count: number, topic = 't'): Promise<void> {
  await broker.sendBatch(
    topic,
    Array.from({ length: count }, (_, index) => ({ body: String(index) })),
  );
}

test('a group is told to be slow once, until it has caught up by half', async () => {
  await using t = await watched([{ topics: 't', availableMax: 10, policy: 'block' }]);
  await t.broker.receive('t', { group: 'g', memberId: 'm' });
  await backlog(t.broker, 11);
  await t.look();
  await t.look();
  const received = await t.broker.receive('t', { group: 'g', memberId: 'm', max: 4 });
  await t.look();
  assert.deepEqual([t.told.length, t.metric('mq_slow_groups')], [1, 1]);
  assert.deepEqual(t.told[0], { topic: 't', group: 'g', memberIds: ['m'], policy: 'block' });
  await t.broker.receive('t', { group: 'g', max: 4 });
  await t.look();
  assert.equal(t.metric('mq_slow_groups'), 0);
  await backlog(t.broker, 20);
  await t.look();
  assert.equal(t.told.length, 2);
  assert.equal(received.length, 4, 'nothing was done about it');
});

test('drop-oldest finishes the oldest for the slow group alone, in each partition, and counts them', async () => {
  await using t = await watched([{ topics: 't', availableMax: 10, policy: 'drop-oldest' }]);
  await t.broker.createTopic('t', { partitionCount: 2 });
  for (const group of ['slow', 'log']) await t.broker.createGroup('t', group);
  await t.broker.commit('t', { group: 'log', offset: 0 });
  await t.broker.receive('t', { group: 'slow' });
  for (const partition of [0, 1]) {
    await t.broker.sendBatch(
      't',
      Array.from({ length: 50 }, (_, index) => ({ body: String(index) })),
      { partition },
    );
  }
  await t.look();
  const left = await t.broker.receive('t', { group: 'slow', max: 100 });
  assert.deepEqual(
    left.map(({ partition, offset }) => `${partition}:${offset}`).sort(),
    [0, 1].flatMap((partition) => [45, 46, 47, 48, 49].map((offset) => `${partition}:${offset}`)),
  );
  assert.equal(t.metric('mq_slow_dropped_count'), 90);
  assert.equal(await t.broker.committed('t', { group: 'log' }), 0);
});

test('disconnect takes from the members what they hold, so that others get it', async () => {
  await using t = await watched([{ topics: 't', availableMax: 10, policy: 'disconnect' }]);
  await backlog(t.broker, 30);
  const held = await t.broker.receive('t', { group: 'g', memberId: 'stuck', max: 5, leaseMs: 3_600_000 });
  await t.look();
  const others = await t.broker.receive('t', { group: 'g', memberId: 'other', max: 5 });
  assert.deepEqual(
    others.map(({ offset }) => offset),
    held.map(({ offset }) => offset),
  );
  await assert.rejects(t.broker.ack(held), { code: 'MQ_LEASE_EXPIRED' });
  assert.equal(t.metric('mq_slow_disconnected_count'), 1);
});

test('topics without a rule are left alone, and the first rule that matches counts', async () => {
  await using t = await watched([
    { topics: 'news.slow', availableMax: 1000, policy: 'block' },
    { topics: 'news.*', availableMax: 1, policy: 'drop-oldest' },
  ]);
  for (const topic of ['news.slow', 'news.x', 'orders']) {
    await t.broker.receive(topic);
    await backlog(t.broker, 20, topic);
  }
  await t.look();
  const available = (await t.broker.describeTopics()).map(({ topic, availableCount }) => [topic, availableCount]);
  assert.deepEqual(available, [
    ['news.slow', 20],
    ['news.x', 1],
    ['orders', 20],
  ]);
});
