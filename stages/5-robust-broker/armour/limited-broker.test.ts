import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../../shared/clock.ts';
import type { Broker } from '../../../shared/contract/broker.ts';
import { isMqError } from '../../../shared/contract/errors.ts';
import type { Delivery } from '../../../shared/contract/message.ts';
import { createBroker } from '../../4-persisted-log/index.ts';
import { limitedBroker } from './limited-broker.ts';
import { ClientAllowance, type ClientQuota, TopicAllowances, type TopicQuota } from './quotas.ts';

interface Limited extends AsyncDisposable {
  readonly clock: VirtualClock;
  readonly broker: Broker;
  readonly limited: Broker;
  readonly client: ClientAllowance;
  /** Another client of the same topics, without a quota of its own. */
  readonly other: Broker;
}

async function limitedTo(quota: ClientQuota, topicQuotas: readonly TopicQuota[] = []): Promise<Limited> {
  const clock = new VirtualClock();
  const broker = await createBroker({ clock, flushPolicy: 'never' });
  const topics = new TopicAllowances(topicQuotas, { clock, topicsCountMax: 100 });
  const client = new ClientAllowance('shop', quota, clock);
  const limited = limitedBroker(broker, { client, topics, clock });
  const other = limitedBroker(broker, { client: new ClientAllowance('other', {}, clock), topics, clock });
  return { clock, broker, limited, client, other, [Symbol.asyncDispose]: () => broker.close() };
}

/** `retryAfterMs` of the refusal. */
async function refusedFor(call: Promise<unknown>, code: 'MQ_RATE_LIMITED' | 'MQ_LIMIT_EXCEEDED'): Promise<number> {
  let retryAfterMs: number | undefined;
  await assert.rejects(call, (error) => {
    assert.ok(isMqError(error, code) && error.isRetriable, String(error));
    retryAfterMs = error.details.retryAfterMs;
    return true;
  });
  assert.ok(retryAfterMs !== undefined && retryAfterMs > 0);
  return retryAfterMs;
}

test('sends above the rate of messages are refused, store nothing, and go when the time they were told has passed', async () => {
  await using t = await limitedTo({ sendMessagesPerSecond: 10 });
  await t.limited.sendBatch(
    't',
    Array.from({ length: 10 }, () => ({ body: 'x' })),
  );
  const waitMs = await refusedFor(t.limited.send('t', { body: 'eleventh' }), 'MQ_RATE_LIMITED');
  assert.equal(waitMs, 100);
  assert.equal((await t.broker.describeTopics({ topic: 't' }))[0]?.logEndOffset, 10);
  await t.other.send('t', { body: 'of somebody else' });
  await t.clock.pass(waitMs);
  await t.limited.send('t', { body: 'eleventh' });
});

test('bytes of bodies, keys, ids and headers count, in every way of sending', async () => {
  await using t = await limitedTo({ sendBytesPerSecond: 100 });
  await t.limited.send('t', { body: 'x'.repeat(60), key: 'k'.repeat(10), id: 'i'.repeat(10), headers: { a: 'b' } });
  await refusedFor(t.limited.send('t', { body: 'x'.repeat(19) }), 'MQ_RATE_LIMITED');
  await t.limited.send('t', { body: 'x'.repeat(18) });
  await t.clock.pass(1000);
  await refusedFor(
    Promise.resolve().then(async () => {
      await t.limited.sendBatch('t', [{ body: 'x'.repeat(50) }, { body: 'x'.repeat(50) }]);
      await t.limited.send('t', { body: 'x' });
    }),
    'MQ_RATE_LIMITED',
  );
});

test('a topic has one rate for all clients; of several patterns the first counts, and other topics have none', async () => {
  await using t = await limitedTo({}, [{ topics: 'slow.exempt' }, { topics: 'slow*', sendMessagesPerSecond: 2 }]);
  await t.limited.send('slow.a', { body: 'x' });
  await t.other.send('slow.a', { body: 'x' });
  await refusedFor(t.limited.send('slow.a', { body: 'x' }), 'MQ_RATE_LIMITED');
  await refusedFor(t.other.send('slow.a', { body: 'x' }), 'MQ_RATE_LIMITED');
  for (const topic of ['slow.b', 'slow.exempt', 'slow.exempt', 'slow.exempt', 'fast'])
    await t.other.send(topic, { body: '' });
});

test('reading is answered in full, and refused while more was read than may be', async () => {
  await using t = await limitedTo({ readBytesPerSecond: 1000 });
  for (let index = 0; index < 5; index += 1) await t.broker.send('t', { body: 'x'.repeat(1000) });
  assert.equal((await t.limited.fetch('t', { max: 5 })).records.length, 5);
  const waitMs = await refusedFor(t.limited.receive('t'), 'MQ_RATE_LIMITED');
  assert.ok(waitMs > 4000);
  await refusedFor(t.limited.browse('t'), 'MQ_RATE_LIMITED');
  await t.clock.pass(waitMs);
  assert.equal((await t.limited.receive('t')).length, 1);
});

test('no more is in flight than may be, over all calls, and an ack, a return or the end of a lease makes room', async () => {
  await using t = await limitedTo({ inFlightCountMax: 4 });
  await t.broker.sendBatch(
    't',
    Array.from({ length: 20 }, (_, index) => ({ body: String(index) })),
  );
  const first = await t.limited.receive('t', { max: 3, leaseMs: 60_000 });
  const second = await t.limited.receive('t', { max: 3, leaseMs: 5000, memberId: 'b' });
  assert.deepEqual([first.length, second.length], [3, 1]);
  assert.ok((await refusedFor(t.limited.receive('t'), 'MQ_LIMIT_EXCEEDED')) <= 1000);
  await t.limited.ack(first.slice(0, 1));
  assert.equal((await t.limited.receive('t', { max: 9 })).length, 1);
  await t.limited.nack(first[1] as Delivery, { outcome: 'return' });
  assert.equal((await t.limited.receive('t', { max: 9 })).length, 1);
  await refusedFor(t.limited.receive('t'), 'MQ_LIMIT_EXCEEDED');
  await t.clock.pass(5000);
  assert.equal((await t.limited.receive('t', { max: 9 })).length, 1, 'the lease of five seconds ended');
  await t.limited.leave('t', { memberId: first[0]?.memberId ?? '' });
  assert.equal(t.client.held.heldCount, 0);
});

test('a cumulative ack makes room for all it finished', async () => {
  await using t = await limitedTo({ inFlightCountMax: 5 });
  await t.broker.sendBatch(
    't',
    Array.from({ length: 10 }, () => ({ body: 'x' })),
  );
  const deliveries = await t.limited.receive('t', { max: 5 });
  await t.limited.ack(deliveries.slice(3, 4), { cumulative: true });
  assert.equal(t.client.held.heldCount, 1);
  assert.equal((await t.limited.receive('t', { max: 9 })).length, 4);
});

test('calls that wait at once cannot bring more together than may be in flight', async () => {
  await using t = await limitedTo({ inFlightCountMax: 4 });
  await t.broker.createTopic('t');
  const waiting = [1, 2].map(() => t.limited.receive('t', { max: 3, waitMs: 1000 }));
  await refusedFor(t.limited.receive('t'), 'MQ_LIMIT_EXCEEDED');
  await t.broker.sendBatch(
    't',
    Array.from({ length: 10 }, () => ({ body: 'x' })),
  );
  const got = (await Promise.all(waiting)).flat().length;
  assert.equal(t.client.held.heldCount, got);
  assert.ok(got <= 4);
});

test('raw batches are counted by their records, going in and coming out', async () => {
  await using t = await limitedTo({ sendMessagesPerSecond: 3, inFlightCountMax: 2 });
  await t.broker.sendBatch('from', [{ body: 'a' }, { body: 'b' }, { body: 'c' }]);
  const { bytes } = (await t.broker.fetchBatches?.('from', { max: 3 })) ?? { bytes: new Uint8Array() };
  await t.limited.appendBatch?.('to', bytes);
  await refusedFor(t.limited.appendBatch?.('to', bytes) ?? Promise.resolve(), 'MQ_RATE_LIMITED');
  const raw = (await t.limited.receiveBatches?.('to', { max: 9 })) ?? [];
  assert.equal(
    raw.flatMap(({ runs }) => runs).reduce((sum, { count }) => sum + count, 0),
    2,
  );
  await refusedFor(t.limited.receiveBatches?.('to', { max: 9 }) ?? Promise.resolve(), 'MQ_LIMIT_EXCEEDED');
});

test('a subscription reserves its credit, is paced by the rate, and gives back at its end what it did not hand on', async () => {
  await using t = await limitedTo({ readMessagesPerSecond: 2, inFlightCountMax: 6 });
  await t.broker.sendBatch(
    't',
    Array.from({ length: 5 }, (_, index) => ({ body: String(index) })),
  );
  const got: Delivery[] = [];
  const subscription = await t.limited.subscribe('t', { creditMax: 5 }, (delivery) => void got.push(delivery));
  await t.clock.pass(0);
  assert.deepEqual(
    got.map(({ offset }) => offset),
    [0, 1],
  );
  await assert.rejects(
    t.limited.subscribe('t', { creditMax: 2 }, () => undefined),
    { code: 'MQ_RATE_LIMITED' },
  );
  await t.clock.pass(1000);
  assert.deepEqual(
    got.map(({ offset }) => offset),
    [0, 1, 2, 3],
  );
  await subscription.close();
  const [description] = await t.broker.describeTopics({ topic: 't' });
  assert.deepEqual([description?.inFlightCount, description?.availableCount], [4, 1]);
  await t.clock.pass(1000);
  const again = await t.limited.subscribe('t', { creditMax: 6 }, () => undefined);
  await again.close();
});

test('connections are counted until they end, however often they are told to', async () => {
  await using t = await limitedTo({ connectionsCountMax: 2 });
  const first = t.client.connect();
  t.client.connect();
  assert.throws(() => t.client.connect(), { code: 'MQ_LIMIT_EXCEEDED' });
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  assert.equal(t.client.connectionCount, 1);
  t.client.connect();
  assert.throws(() => t.client.connect(), { code: 'MQ_LIMIT_EXCEEDED' });
});

test('what is no message, no batch and no topic is refused by the broker, in its words', async () => {
  await using t = await limitedTo({ sendBytesPerSecond: 100, readBytesPerSecond: 100, inFlightCountMax: 3 });
  const rubbish = [null, 5, 'x', [], {}, { body: 7 }, { body: 'x', headers: 5 }] as never[];
  for (const value of rubbish) {
    await assert.rejects(t.limited.send('t', value), { code: 'MQ_INVALID_ARGUMENT' });
    await assert.rejects(t.limited.sendBatch('t', value), { code: 'MQ_INVALID_ARGUMENT' });
  }
  await assert.rejects(t.limited.send(7 as never, { body: '' }), { code: 'MQ_INVALID_ARGUMENT' });
  await assert.rejects(t.limited.receive('t', { max: 'many' as never }), { code: 'MQ_INVALID_ARGUMENT' });
  await assert.rejects(
    t.limited.subscribe('t', {} as never, () => undefined),
    { code: 'MQ_INVALID_ARGUMENT' },
  );
});
