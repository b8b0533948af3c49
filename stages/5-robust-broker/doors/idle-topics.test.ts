/** Topics that nobody awaits any more. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../../shared/clock.ts';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { createStompServer } from './stomp/server.ts';
import { type OpenedExchange, openExchange, read } from './testing/doors-of.ts';

const NEWS = { kind: 'topic', name: 'news' } as const;
const EPHEMERAL = { destination: NEWS, subscriber: { kind: 'ephemeral' } } as const;
const MINUTE_MS = 60_000;

async function names({ broker }: OpenedExchange): Promise<readonly string[]> {
  return (await broker.describeTopics()).map(({ topic }) => topic);
}

for (const stage of [2, 5] as const) {
  test(`stage ${stage}: a topic that was made for a subscriber goes a while after it, and comes again with the next one`, async () => {
    await using opened = await openExchange(stage);
    const { exchange, broker, clock } = opened;
    const first = await read(opened, EPHEMERAL);
    await clock.pass(10 * MINUTE_MS);
    assert.deepEqual(await names(opened), ['topic/news'], 'as long as somebody reads it, it stays');
    await first.close();
    await clock.pass(MINUTE_MS - 1);
    assert.deepEqual(await names(opened), ['topic/news']);
    await clock.pass(1);
    assert.deepEqual(await names(opened), []);
    assert.equal(await exchange.publish(broker, NEWS, { body: 'a' }), null);
    const next = await read(opened, EPHEMERAL);
    await exchange.publish(broker, NEWS, { body: 'b' });
    await clock.pass(0);
    assert.deepEqual(next.taken(), ['b']);
    await next.close();
  });

  test(`stage ${stage}: a topic that somebody comes back to in time stays, and one with a group too`, async () => {
    await using opened = await openExchange(stage);
    const { broker, clock } = opened;
    await (await read(opened, EPHEMERAL)).close();
    await clock.pass(MINUTE_MS / 2);
    const again = await read(opened, EPHEMERAL);
    await clock.pass(10 * MINUTE_MS);
    assert.deepEqual(await names(opened), ['topic/news']);
    await broker.createGroup('topic/news', 'of another program');
    await again.close();
    await clock.pass(10 * MINUTE_MS);
    assert.deepEqual(await names(opened), ['topic/news']);
  });

  test(`stage ${stage}: a topic that somebody else made stays`, async () => {
    await using opened = await openExchange(stage);
    const { broker, clock } = opened;
    await broker.createTopic('topic/news');
    await (await read(opened, EPHEMERAL)).close();
    await clock.pass(10 * MINUTE_MS);
    assert.deepEqual(await names(opened), ['topic/news']);
  });
}

test('of a name that no topic can have nothing is left, and nobody is told later', async () => {
  await using opened = await openExchange();
  const { clock, notices } = opened;
  for (const name of ['a\u0001', 'a'.repeat(300)]) {
    const destination = { kind: 'topic', name } as const;
    await assert.rejects(read(opened, { ...EPHEMERAL, destination }), { code: 'MQ_INVALID_ARGUMENT' });
  }
  await clock.pass(10 * MINUTE_MS);
  assert.deepEqual(notices, []);
});

test('so does the topic of a durable subscriber that is forgotten', async () => {
  await using opened = await openExchange();
  const { exchange, broker, clock } = opened;
  await (await read(opened, { destination: NEWS, subscriber: { kind: 'durable', group: 'anna/n' } })).close();
  await clock.pass(10 * MINUTE_MS);
  assert.deepEqual(await names(opened), ['topic/news']);
  assert.equal(await exchange.forget(broker, 'anna/n'), 1);
  await clock.pass(MINUTE_MS);
  assert.deepEqual(await names(opened), []);
});

test('after a restart the topics of subscribers that do not come back go, and all others stay', async () => {
  const [disk, clock] = [new SimulatedDisk(), new VirtualClock()];
  const topic = (name: string) => ({ kind: 'topic', name }) as const;
  {
    const opened = await openExchange(5, { disk, clock });
    const { exchange, broker } = opened;
    for (const name of ['gone', 'comes-again']) {
      await read(opened, { destination: topic(name), subscriber: { kind: 'ephemeral' }, creditMax: 0 });
      for (let count = 0; count < 3; count += 1) await exchange.publish(broker, topic(name), { body: 'unread' });
    }
    await read(opened, { destination: topic('durable'), subscriber: { kind: 'durable', group: 'anna/n' } });
    await broker.createTopic('topic/others');
    await broker.createTopic('topic/others-own-way', { deleteFinished: true, partitionCount: 2 });
    await broker.createTopic('queue', { deleteFinished: true });
    await broker.close(); // and nobody said goodbye
    exchange.close();
  }
  await using opened = await openExchange(5, { disk, clock });
  const { exchange, broker } = opened;
  await exchange.lookForLeftovers();
  await clock.pass(MINUTE_MS / 2);
  const again = await read(opened, { destination: topic('comes-again'), subscriber: { kind: 'ephemeral' } });
  assert.equal((await names(opened)).length, 6);
  for (let minute = 0; minute < 3; minute += 1) await clock.pass(MINUTE_MS);
  const staying = ['queue', 'topic/comes-again', 'topic/durable', 'topic/others', 'topic/others-own-way'];
  assert.deepEqual(await names(opened), staying);
  await again.close();
  assert.equal(await exchange.forget(broker, 'anna/n'), 1);
  await clock.pass(2 * MINUTE_MS);
  assert.deepEqual(await names(opened), ['queue', 'topic/others', 'topic/others-own-way']);
  assert.deepEqual(opened.notices, []);
});

test('a door that opens looks for what an earlier process left behind', async () => {
  await using opened = await openExchange();
  const { broker, clock, exchange } = opened;
  await broker.createTopic('topic/left', { deleteFinished: true });
  await using _door = await createStompServer(broker, { exchange, clock });
  await clock.pass(2 * MINUTE_MS);
  assert.deepEqual(await names(opened), []);
});

test('whoever comes while a topic is being deleted gets a new one', async () => {
  await using opened = await openExchange();
  const { exchange, broker, clock } = opened;
  for (let round = 0; round < 10; round += 1) {
    await (await read(opened, EPHEMERAL)).close();
    const passing = clock.pass(MINUTE_MS);
    for (let turn = 0; turn < round; turn += 1) await Promise.resolve();
    const reader = await read(opened, EPHEMERAL);
    await passing;
    await exchange.publish(broker, NEWS, { body: String(round) });
    await clock.pass(0);
    assert.deepEqual(reader.taken(), [String(round)]);
    await reader.close();
  }
});
