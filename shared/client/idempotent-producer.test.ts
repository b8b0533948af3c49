import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBroker as createStageFour } from '../../stages/4-persisted-log/index.ts';
import type { Broker } from '../contract/broker.ts';
import { isMqError, MqError } from '../contract/errors.ts';
import { SimulatedDisk } from '../simulated-disk.ts';
import { Producer } from './producer.ts';
import { newProducer, newWorld, settled, storedIn } from './testing/idempotent-world.ts';
import { lossyBroker } from './testing/lossy-broker.ts';

test('a broker without the capability is refused at once', async () => {
  const broker = await createStageFour({ disk: new SimulatedDisk(), dataFolder: '/data' });
  assert.throws(
    () => new Producer({ broker, isIdempotent: true }),
    (error) => isMqError(error, 'MQ_NOT_SUPPORTED'),
  );
  await broker.close();
});

test('a topic that does not exist comes into being with the first message, whose answer may get lost', async () => {
  const world = await newWorld(5, { topicDefaults: { partitionCount: 4 } });
  const { clock, broker } = world;
  let failures = 3;
  const forgetful = view(broker, async (call) => {
    await call();
    failures -= 1;
    if (failures >= 0) throw new MqError('MQ_CONNECTION_LOST', 'lost');
  });
  for (const [topic, key] of [
    ['keyed', 'k'],
    ['unkeyed', undefined],
  ] as const) {
    failures = 3;
    const producer = newProducer(world, forgetful);
    const message = { body: 'a', ...(key === undefined ? {} : { key }) };
    await settled(clock, [producer.send(topic, message), producer.send(topic, { ...message, body: 'b' })]);
    const stored = await Promise.all([0, 1, 2, 3].map((partition) => storedIn(broker, topic, partition)));
    assert.deepEqual(stored.flat().toSorted(), ['a', 'b']);
    await producer.close();
  }
});

test('a producer the broker forgot goes on as a new one, when nothing of what it sends was made before', async () => {
  const world = await newWorld(5, { limits: { producersCountMax: 1 } });
  const { clock, broker } = world;
  const [one, two] = [newProducer(world, broker), newProducer(world, broker)];
  for (let round = 0; round < 4; round += 1) {
    for (const [index, producer] of [one, two].entries()) {
      await settled(clock, [
        producer.send('t', { body: `${index}-${round}a` }),
        producer.send('t', { body: `${index}-${round}b` }),
      ]);
    }
  }
  const stored = await storedIn(broker, 't');
  assert.deepEqual(
    stored.filter((body) => body.startsWith('0')),
    ['0-0a', '0-0b', '0-1a', '0-1b', '0-2a', '0-2b', '0-3a', '0-3b'],
  );
  assert.equal(stored.length, 16);
});

test('a producer that is forgotten while nobody knows whether its message is stored says so, and goes on', async () => {
  const world = await newWorld(5, { limits: { producersCountMax: 1 } });
  const { clock, broker } = world;
  let isCut = false;
  const cut = view(broker, async (call) => {
    await call();
    if (!isCut) return;
    isCut = false;
    const { producerId, epoch } = await broker.openProducer();
    await broker.send('t', { body: 'of another' }, { producer: { producerId, epoch, sequence: 0 } });
    throw new MqError('MQ_CONNECTION_LOST', 'lost');
  });
  const producer = newProducer(world, cut);
  await settled(clock, [producer.send('t', { body: 'a' })]);
  isCut = true;
  const [unsure] = await settled(clock, [producer.send('t', { body: 'b' })]);
  assert.ok(unsure?.status === 'rejected' && isMqError(unsure.reason, 'MQ_UNKNOWN_PRODUCER'));
  assert.match(unsure.reason.message, /may be stored, or not/);
  const [next] = await settled(clock, [producer.send('t', { body: 'c' })]);
  assert.equal(next?.status, 'fulfilled');
  assert.deepEqual(await storedIn(broker, 't'), ['a', 'b', 'of another', 'c']);
});

test('what a topic knows by its ids takes no number, and the rest goes on in its order', async () => {
  const world = await newWorld(5);
  const { clock, random, broker } = world;
  await broker.createTopic('t', { dedupWindowMs: 600_000 });
  const lossy = lossyBroker(broker, { clock, random, lossPercent: 20, delayMsMax: 20, operations: ['openProducer'] });
  for (const life of [0, 1]) {
    // The second life begins before the first had ended, as far as it knows.
    const producer = newProducer(world, lossy.broker, { batchCountMax: 3 });
    const sends = Array.from({ length: 20 }, (_, index) => {
      const number = life * 10 + index;
      return producer.send('t', { body: String(number), id: `order-${number}` });
    });
    const outcomes = await settled(clock, sends);
    assert.deepEqual(
      outcomes.filter(({ status }) => status === 'rejected'),
      [],
    );
    await producer.close();
  }
  assert.deepEqual(
    await storedIn(broker, 't'),
    Array.from({ length: 30 }, (_, index) => String(index)),
  );
});

test('a delayed message goes without a number, between those that have one', async () => {
  const world = await newWorld(5);
  const { clock, broker } = world;
  const producer = newProducer(world, broker);
  const sends = [
    producer.send('t', { body: 'a' }),
    producer.send('t', { body: 'late', delayMs: 50 }),
    producer.send('t', { body: 'b' }),
  ];
  const outcomes = await settled(clock, sends);
  assert.ok(outcomes.every(({ status }) => status === 'fulfilled'));
  await clock.pass(100);
  assert.deepEqual(await storedIn(broker, 't'), ['a', 'b', 'late']);
});

test('a send that is aborted while it waits for room leaves no gap', async () => {
  const world = await newWorld(5);
  const { clock, broker } = world;
  await broker.createTopic('t', { messagesMax: 2 });
  const producer = newProducer(world, broker, { batchCountMax: 1 });
  await settled(clock, [producer.send('t', { body: 'a' }), producer.send('t', { body: 'b' })]);
  const aborting = new AbortController();
  const aborted = producer.send('t', { body: 'never' }, { signal: aborting.signal });
  const behind = [producer.send('t', { body: 'c' }), producer.send('t', { body: 'd' })];
  await clock.pass(50);
  aborting.abort();
  await assert.rejects(aborted, (error) => isMqError(error, 'MQ_ABORTED'));
  await clock.pass(50);
  await broker.ack(await broker.receive('t', { max: 2 }));
  const outcomes = await settled(clock, behind);
  assert.ok(outcomes.every(({ status }) => status === 'fulfilled'));
  assert.deepEqual(
    (await broker.receive('t', { max: 9 })).map(({ body }) => new TextDecoder().decode(body)),
    ['c', 'd'],
  );
});

test('at most five calls are under way to a partition', async () => {
  const world = await newWorld(5);
  let [underWay, most] = [0, 0];
  const watched = view(world.broker, async (call) => {
    underWay += 1;
    most = Math.max(most, underWay);
    await new Promise<void>((resolve) => void world.clock.setTimer(resolve, 10));
    await call();
    underWay -= 1;
  });
  const producer = newProducer(world, watched, { batchCountMax: 2 });
  await settled(
    world.clock,
    Array.from({ length: 100 }, (_, index) => producer.send('t', { body: String(index) })),
  );
  assert.equal(most, 5);
  assert.deepEqual(
    await storedIn(world.broker, 't'),
    Array.from({ length: 100 }, (_, index) => String(index)),
  );
});

/** The broker, with `around` about each send. */
function view(broker: Broker, around: (call: () => Promise<unknown>) => Promise<void>): Broker {
  const wrapped =
    (name: 'send' | 'sendBatch') =>
    async (...args: unknown[]) => {
      let answer: unknown;
      await around(async () => {
        answer = await (broker[name] as (...call: unknown[]) => Promise<unknown>).apply(broker, args);
      });
      return answer;
    };
  const handler: ProxyHandler<Broker> = {
    get: (target, name) => {
      if (name === 'send' || name === 'sendBatch') return wrapped(name);
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  };
  return new Proxy(broker, handler);
}
