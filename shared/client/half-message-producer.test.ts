import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBroker } from '../../stages/5-robust-broker/index.ts';
import { VirtualClock } from '../clock.ts';
import type { Broker } from '../contract/broker.ts';
import { MqError } from '../contract/errors.ts';
import type { HalfCheck, HalfOutcome } from '../contract/half-message.ts';
import { SeededRandom } from '../random.ts';
import { SimulatedDisk } from '../simulated-disk.ts';
import { HalfMessageProducer } from './half-message-producer.ts';

const CHECK_AFTER_MS = 6000;
const INTERVAL_MS = 30_000;

async function setup(check: (question: HalfCheck) => HalfOutcome | Promise<HalfOutcome> = () => 'unknown') {
  const clock = new VirtualClock();
  const broker = await createBroker({
    disk: new SimulatedDisk(),
    dataFolder: '/data',
    clock,
    random: new SeededRandom(1),
  });
  const overrides: Partial<Broker> = {};
  /** The broker, but for what a test breaks. */
  const seen = new Proxy(broker, {
    get: (target, name) => {
      const member: unknown = Reflect.get(overrides, name) ?? Reflect.get(target, name);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  const own = { clock, random: new SeededRandom(2), broker: seen, producerGroup: 'g', check };
  const producer = new HalfMessageProducer(own);
  const bodies = async (): Promise<string[]> => {
    if ((await broker.describeTopics()).length === 0) return [];
    return (await broker.fetch('t', { max: 100 })).records.map(({ body }) => new TextDecoder().decode(body));
  };
  return { clock, broker, producer, overrides, bodies, own };
}

test('the work begins when the message is kept, and the message is seen when the work is done', async () => {
  const { producer, bodies, broker } = await setup();
  const seen: string[][] = [];
  const { receipt, result } = await producer.send('t', { body: 'tea' }, async (half) => {
    assert.match(half.id, /^[0-9a-f]{16}-1$/);
    assert.equal((await broker.describeTopics({ topic: 't' }))[0]?.halfCount, 1);
    seen.push(await bodies());
    return 42;
  });
  assert.deepEqual([result, receipt.offset, seen, await bodies()], [42, 0, [[]], ['tea']]);
  await producer.close();
});

test('work that throws aborts: its caller gets the error, and nobody the message', async () => {
  const { producer, bodies } = await setup();
  const work = () => {
    throw new Error('no money');
  };
  await assert.rejects(producer.send('t', { body: 'tea' }, work), /no money/);
  assert.deepEqual([await bodies(), producer.state.abortedCount], [[], 1]);
  await producer.close();
});

test('what the broker refuses has no work done for it', async () => {
  const { producer } = await setup();
  const work = () => assert.fail('begun');
  await assert.rejects(producer.send('t', { body: 'tea', delayMs: 5 }, work), { code: 'MQ_INVALID_ARGUMENT' });
  await producer.close();
});

test('a half message of a producer that died is answered by another one of its group', async () => {
  const asked: string[] = [];
  const done = new Set(['done']);
  const check = ({ id }: HalfCheck): HalfOutcome => {
    asked.push(id);
    return done.has(id) ? 'commit' : 'abort';
  };
  const { broker, clock, producer, bodies } = await setup(check);
  for (const id of ['done', 'not done']) await broker.sendHalf('t', { body: id, id }, { producerGroup: 'g' });
  await clock.pass(CHECK_AFTER_MS);
  assert.deepEqual([asked.sort(), await bodies()], [['done', 'not done'], ['done']]);
  assert.equal(producer.state.answeredCount, 2);
  await producer.close();
});

test('a question about work that still runs is answered with unknown, without asking `check`', async () => {
  const { clock, producer, bodies } = await setup(() => assert.fail('asked'));
  const { promise, resolve } = Promise.withResolvers<void>();
  const sending = producer.send('t', { body: 'tea' }, () => promise);
  await clock.pass(CHECK_AFTER_MS + 3 * INTERVAL_MS);
  assert.deepEqual([producer.state.answeredCount, await bodies()], [4, []]);
  resolve();
  await sending;
  assert.deepEqual(await bodies(), ['tea']);
  await producer.close();
});

test('an end the broker did not hear is told when it asks, without asking `check`', async () => {
  const { clock, producer, overrides, bodies, broker } = await setup(() => assert.fail('asked'));
  overrides.endHalf = () => Promise.reject(new MqError('MQ_PROTOCOL', 'gone'));
  await assert.rejects(
    producer.send('t', { body: 'tea' }, () => undefined),
    { code: 'MQ_PROTOCOL' },
  );
  overrides.endHalf = (...call) => broker.endHalf(...call);
  await clock.pass(CHECK_AFTER_MS);
  assert.deepEqual(await bodies(), ['tea']);
  await producer.close();
});

test('a commit is tried again; a half message that may be there already is not sent again', async () => {
  const { clock, producer, overrides, broker, bodies } = await setup();
  let failures = 3;
  overrides.endHalf = async (...call) => {
    failures -= 1;
    if (failures >= 0) throw new MqError('MQ_CONNECTION_LOST', 'lost');
    return await broker.endHalf(...call);
  };
  const sending = producer.send('t', { body: 'tea' }, () => undefined);
  await clock.pass(5000);
  await sending;
  assert.deepEqual(await bodies(), ['tea']);
  let calls = 0;
  overrides.sendHalf = async () => {
    calls += 1;
    throw new MqError('MQ_CONNECTION_LOST', 'lost');
  };
  await assert.rejects(
    producer.send('t', { body: 'milk' }, () => assert.fail('begun')),
    { code: 'MQ_CONNECTION_LOST' },
  );
  assert.equal(calls, 1);
  overrides.sendHalf = async (...call) => {
    calls += 1;
    if (calls < 4) throw new MqError('MQ_UNREACHABLE', 'away');
    return await broker.sendHalf(...call);
  };
  const again = producer.send('t', { body: 'sugar' }, () => undefined);
  await clock.pass(5000);
  await again;
  assert.deepEqual([calls, await bodies()], [4, ['tea', 'sugar']]);
  await producer.close();
});

test('an error of `check` is unknown, and the next question comes after the interval', async () => {
  let asked = 0;
  const { broker, clock, producer, bodies } = await setup(() => {
    asked += 1;
    if (asked === 1) throw new Error('the database is away');
    return 'commit';
  });
  await broker.sendHalf('t', { body: 'tea' }, { producerGroup: 'g' });
  await clock.pass(CHECK_AFTER_MS);
  assert.deepEqual([asked, await bodies()], [1, []]);
  assert.match(String(producer.state.reason), /the database is away/);
  await clock.pass(INTERVAL_MS);
  assert.deepEqual([asked, await bodies()], [2, ['tea']]);
  await producer.close();
});

test('a broker that is away is asked again; one without half messages ends the asking', async () => {
  const { clock, producer, overrides, broker } = await setup(() => 'commit');
  let calls = 0;
  overrides.receiveHalfChecks = async (...call) => {
    calls += 1;
    if (calls < 4) throw new MqError('MQ_UNREACHABLE', 'away');
    return await broker.receiveHalfChecks(...call);
  };
  for (let second = 0; second < 120; second += 1) await clock.pass(1000);
  assert.ok(calls > 4, `${calls} calls`);
  assert.equal(producer.state.status, 'running');
  overrides.receiveHalfChecks = () => Promise.reject(new MqError('MQ_NOT_SUPPORTED', 'no'));
  for (let second = 0; second < 60; second += 1) await clock.pass(1000);
  assert.equal(producer.state.status, 'failed');
  await producer.close();
});

test('no more than the limit are under way', async () => {
  const { own } = await setup();
  const producer = new HalfMessageProducer({ ...own, inFlightMax: 1 });
  const { promise, resolve } = Promise.withResolvers<void>();
  const first = producer.send('t', { body: 'a' }, () => promise);
  await assert.rejects(
    producer.send('t', { body: 'b' }, () => undefined),
    { code: 'MQ_LIMIT_EXCEEDED' },
  );
  resolve();
  await first;
  await producer.close();
});

test('close waits for work under way, then gives up, and always settles', async () => {
  const { producer, clock, bodies } = await setup();
  const { promise, resolve } = Promise.withResolvers<void>();
  const sending = producer.send('t', { body: 'slow' }, () => promise);
  await clock.pass(0);
  const closing = producer.close({ timeoutMs: 1000 });
  await assert.rejects(
    producer.send('t', { body: 'late' }, () => undefined),
    { code: 'MQ_CLOSED' },
  );
  await clock.pass(1000);
  await closing;
  assert.equal(producer.state.status, 'closed');
  resolve();
  await assert.rejects(sending, { code: 'MQ_ABORTED' });
  assert.deepEqual(await bodies(), []);
});

test('what cannot be is refused with its path', async () => {
  const { own, producer } = await setup();
  const wrong = (options: object, path: string): void => {
    assert.throws(() => new HalfMessageProducer({ ...own, ...options }), { details: { path } });
  };
  wrong({ producerGroup: '' }, 'options.producerGroup');
  wrong({ check: 'yes' }, 'options.check');
  wrong({ inFlightMax: 0 }, 'options.inFlightMax');
  wrong({ chek: 1 }, 'options.chek');
  wrong({ broker: {} }, 'options.broker');
  await assert.rejects(producer.send('t', { body: 'x' }, 'work' as never), { details: { path: 'work' } });
  await producer.close();
});
