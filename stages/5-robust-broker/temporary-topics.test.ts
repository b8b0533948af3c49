import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../shared/clock.ts';
import type { Broker } from '../../shared/contract/broker.ts';
import { SimulatedDisk } from '../../shared/simulated-disk.ts';
import { createBroker } from './index.ts';

const TIMEOUT_MS = 1000;

async function setUp() {
  const [disk, clock] = [new SimulatedDisk(), new VirtualClock()];
  const broker = await createBroker({ dataFolder: '/data', disk, clock, memberTimeoutMs: TIMEOUT_MS });
  return { disk, clock, broker };
}

async function isThere(broker: Broker, topic: string): Promise<boolean> {
  return (await broker.describeTopics()).some((described) => described.topic === topic);
}

/** Looks take turns of the event loop, and each of them some time. */
async function pass(clock: VirtualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) {
    await clock.pass(50);
    for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
  }
}

test('no two temporary topics have the same name, and none can be made by its name', async () => {
  const { broker } = await setUp();
  await using _ = broker;
  const names = await Promise.all([1, 2, 3].map(() => broker.createTemporaryTopic()));
  assert.ok(new Set(names).size === 3 && names.every((name) => /^\$temp\/[0-9a-f]{32}$/.test(name)));
  await assert.rejects(broker.createTopic('$temp/mine'), { code: 'MQ_INVALID_ARGUMENT' });
  await assert.rejects(broker.send('$temp/mine', { body: 'a' }), { code: 'MQ_UNKNOWN_TOPIC' });
  await assert.rejects(broker.receive('$temp/mine'), { code: 'MQ_UNKNOWN_TOPIC' });
  assert.ok(!(await isThere(broker, '$temp/mine')));
});

test('what nobody fetches is refused beyond a bound, and nobody who answers is held up', async () => {
  const { broker } = await setUp();
  await using _ = broker;
  const topic = await broker.createTemporaryTopic();
  const bodies = Array.from({ length: 1000 }, () => ({ body: 'a' }));
  for (let batch = 0; batch < 10; batch += 1) await broker.sendBatch(topic, bodies);
  await assert.rejects(broker.send(topic, { body: 'one too many' }), { code: 'MQ_QUEUE_FULL' });
  await broker.ack(await broker.receive(topic, { max: 10 }));
  await broker.send(topic, { body: 'fits now' });
});

test('each use keeps it: a send, a receive that waits, a subscription, a member', async () => {
  const { broker, clock } = await setUp();
  await using _ = broker;
  const [sentTo, waitedOn, pushed, forgotten] = await Promise.all(
    [1, 2, 3, 4].map(() => broker.createTemporaryTopic()),
  );
  assert.ok(sentTo !== undefined && waitedOn !== undefined && pushed !== undefined && forgotten !== undefined);
  const subscription = await broker.subscribe(pushed, { creditMax: 1 }, () => undefined);
  const waiting = broker.receive(waitedOn, { waitMs: 10_000 });
  for (let round = 0; round < 5; round += 1) {
    await broker.send(sentTo, { body: 'still here' });
    await pass(clock, TIMEOUT_MS * 0.6);
  }
  for (const topic of [sentTo, waitedOn, pushed]) assert.ok(await isThere(broker, topic), topic);
  assert.ok(!(await isThere(broker, forgotten)));
  await subscription.close();
  await pass(clock, 10_000);
  assert.deepEqual(await waiting, []);
  await pass(clock, TIMEOUT_MS * 4);
  for (const topic of [sentTo, waitedOn, pushed]) assert.ok(!(await isThere(broker, topic)), topic);
});

test('whoever made one may delete it, and waiting calls are told', async () => {
  const { broker } = await setUp();
  await using _ = broker;
  const topic = await broker.createTemporaryTopic();
  const waiting = assert.rejects(broker.receive(topic, { waitMs: 1000 }), { code: 'MQ_UNKNOWN_TOPIC' });
  await new Promise(setImmediate);
  await broker.deleteTopic(topic);
  await waiting;
  await assert.rejects(broker.deleteTopic(topic), { code: 'MQ_UNKNOWN_TOPIC' });
});

test('neither an orderly end nor a power cut leaves one behind', async () => {
  const { broker, disk, clock } = await setUp();
  const topic = await broker.createTemporaryTopic();
  await broker.send(topic, { body: 'a' });
  await broker.send('orders', { body: 'kept' });
  const afterCut = await createBroker({ dataFolder: '/data', disk: disk.remains(), clock });
  await broker.close();
  const afterClose = await createBroker({ dataFolder: '/data', disk, clock });
  for (const next of [afterCut, afterClose]) {
    assert.ok(!(await isThere(next, topic)) && (await isThere(next, 'orders')));
    await next.close();
  }
});

test('a closed broker makes none', async () => {
  const { broker } = await setUp();
  await broker.close();
  await assert.rejects(broker.createTemporaryTopic(), { code: 'MQ_CLOSED' });
});
