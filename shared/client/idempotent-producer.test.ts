import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createBroker as createStageFour } from '../../stages/4-persisted-log/index.ts';
import { createBroker } from '../../stages/5-robust-broker/index.ts';
import { VirtualClock } from '../clock.ts';
import type { Broker } from '../contract/broker.ts';
import { isMqError, MqError } from '../contract/errors.ts';
import { SeededRandom } from '../random.ts';
import { SimulatedDisk } from '../simulated-disk.ts';
import { Producer } from './producer.ts';
import type { ProducerOptions } from './producer-options.ts';
import { lossyBroker } from './testing/lossy-broker.ts';

const RETRY = { attemptsMax: 1000, delayMs: 5, delayMsMax: 50, totalMsMax: 10_000_000 };

interface World {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly broker: Broker;
}

async function newWorld(seed = 7, options: object = {}): Promise<World> {
  const clock = new VirtualClock();
  const random = new SeededRandom(seed);
  const broker = await createBroker({ clock, random, disk: new SimulatedDisk(), dataFolder: '/data', ...options });
  return { clock, random, broker };
}

function newProducer({ clock, random }: World, broker: Broker, options: Partial<ProducerOptions> = {}): Producer {
  return new Producer({ broker, clock, random, isIdempotent: true, retry: RETRY, ...options });
}

/** Lets time pass until all have settled. */
async function settled<T>(clock: VirtualClock, promises: readonly Promise<T>[]): Promise<PromiseSettledResult<T>[]> {
  let isOver = false;
  const all = Promise.allSettled(promises).finally(() => {
    isOver = true;
  });
  for (let turns = 0; !isOver; turns += 1) {
    assert.ok(turns < 200_000, 'it comes to an end');
    await clock.pass(5);
  }
  return await all;
}

async function storedIn(broker: Broker, topic: string, partition = 0): Promise<string[]> {
  const bodies: string[] = [];
  for (let offset = 0; ; ) {
    const { records, nextOffset } = await broker.fetch(topic, { partition, offset, max: 1000 });
    bodies.push(...records.map(({ body }) => new TextDecoder().decode(body)));
    if (nextOffset === offset) return bodies;
    offset = nextOffset;
  }
}

describe('on a network that loses, delays and repeats', () => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    test(`every message is stored once, and those with one key in their order (seed ${seed})`, async () => {
      const world = await newWorld(seed);
      const { clock, random, broker } = world;
      await broker.createTopic('t', { partitionCount: 3 });
      const lossy = lossyBroker(broker, { clock, random, lossPercent: 45, delayMsMax: 40 });
      const batchCountMax = [1, 3, 4096][seed % 3] ?? 1;
      const producer = newProducer(world, lossy.broker, { batchCountMax, lingerMs: seed % 2 === 0 ? 10 : 0 });
      const sends: Promise<unknown>[] = [];
      for (let index = 0; index < 240; index += 1) {
        const key = ['a', 'b', 'c', 'd', undefined][random.below(5)];
        const message = { body: `${key ?? '-'}${index}`, ...(key === undefined ? {} : { key }) };
        const kind = random.below(12);
        if (kind === 0) sends.push(producer.sendBatch('t', [message, { ...message, body: `${message.body}+` }]));
        else if (kind === 1) sends.push(producer.send('t', message, { timeoutMs: 60_000 }));
        else sends.push(producer.send('t', message));
        if (random.below(6) === 0) await clock.pass(random.below(20));
      }
      const outcomes = await settled(clock, sends);
      assert.deepEqual(
        outcomes.filter(({ status }) => status === 'rejected'),
        [],
      );
      await clock.pass(1000); // what is late arrives too
      assert.ok(lossy.lostCount() > 20, `${lossy.lostCount()} calls went wrong`);
      const stored = (await Promise.all([0, 1, 2].map((partition) => storedIn(broker, 't', partition)))).flat();
      assert.equal(new Set(stored).size, stored.length, 'nothing is there twice');
      assert.equal(new Set(stored.map((body) => Number.parseInt(body.slice(1), 10))).size, 240, 'everything is there');
      for (const key of ['a', 'b', 'c', 'd']) {
        const numbers = stored.filter((body) => body.startsWith(key)).map((body) => Number.parseInt(body.slice(1), 10));
        assert.deepEqual(
          numbers,
          numbers.toSorted((one, other) => one - other),
          `in order: ${key}`,
        );
      }
      await producer.close();
      await broker.close();
    });

    test(`what is refused for its content leaves no gap, and its neighbours keep their order (seed ${seed})`, async () => {
      const world = await newWorld(seed, { limits: { bodyBytesMax: 20 } });
      const { clock, random, broker } = world;
      const lossy = lossyBroker(broker, { clock, random, lossPercent: 30, delayMsMax: 30 });
      const producer = newProducer(world, lossy.broker, { batchCountMax: 1 + random.below(6) });
      const sends: Promise<unknown>[] = [];
      const right: string[] = [];
      for (let index = 0; index < 150; index += 1) {
        const isWrong = random.below(8) === 0;
        if (!isWrong) right.push(String(index));
        const send = producer.send('t', { body: isWrong ? 'x'.repeat(30) : String(index) });
        send.catch(() => undefined); // looked at in the end
        sends.push(send);
        if (random.below(5) === 0) await clock.pass(random.below(20));
      }
      const outcomes = await settled(clock, sends);
      const refused = outcomes.filter((one) => one.status === 'rejected');
      assert.equal(refused.length, 150 - right.length);
      for (const { reason } of refused) assert.ok(isMqError(reason, 'MQ_MESSAGE_TOO_LARGE'), String(reason));
      await clock.pass(1000);
      assert.deepEqual(await storedIn(broker, 't'), right);
      await producer.close();
      await broker.close();
    });
  }

  test('the same run without numbers stores something twice: the network is as bad as it says', async () => {
    const world = await newWorld(3);
    const { clock, random, broker } = world;
    const lossy = lossyBroker(broker, { clock, random, lossPercent: 45, delayMsMax: 40 });
    const producer = newProducer(world, lossy.broker, { isIdempotent: false, batchCountMax: 3 });
    await settled(
      clock,
      Array.from({ length: 100 }, (_, index) => producer.send('t', { body: String(index) })),
    );
    await clock.pass(1000);
    assert.ok((await storedIn(broker, 't')).length > 110);
  });
});

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
