/** Publishing and subscribing in the words of the doors, over brokers of several stages. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMqError } from '../../../shared/contract/errors.ts';
import type { Delivery } from '../../../shared/contract/message.ts';
import { openExchange, read } from './testing/doors-of.ts';

const QUEUE = { kind: 'queue', name: 'orders' } as const;
const TOPIC = { kind: 'topic', name: 'news' } as const;

for (const stage of [2, 5] as const) {
  test(`stage ${stage}: a message of a queue goes to one of those who read it`, async () => {
    await using opened = await openExchange(stage);
    const { exchange, broker, clock } = opened;
    const one = await read(opened, { destination: QUEUE, subscriber: { kind: 'queue' }, creditMax: 1 });
    const other = await read(opened, { destination: QUEUE, subscriber: { kind: 'queue' }, creditMax: 1 });
    for (const body of ['a', 'b', 'c']) await exchange.publish(broker, QUEUE, { body });
    await clock.pass(0);
    assert.deepEqual([...one.taken(), ...other.taken()].sort(), ['a', 'b']);
    await one.feed.ack(one.deliveries[0] as Delivery);
    await clock.pass(0);
    assert.deepEqual(one.taken(), ['c'], 'who has room gets the next one');
  });

  test(`stage ${stage}: each subscriber of a topic gets each message from when it came on`, async () => {
    await using opened = await openExchange(stage);
    const { exchange, broker, clock } = opened;
    assert.equal(await exchange.publish(broker, TOPIC, { body: 'early' }), null, 'nobody awaits it');
    const one = await read(opened, { destination: TOPIC, subscriber: { kind: 'ephemeral' } });
    await exchange.publish(broker, TOPIC, { body: 'a' });
    const other = await read(opened, { destination: TOPIC, subscriber: { kind: 'ephemeral' } });
    await exchange.publish(broker, TOPIC, { body: 'b' });
    await clock.pass(0);
    assert.deepEqual([one.taken(), other.taken()], [['a', 'b'], ['b']]);
    await Promise.all([one.close(), other.close()]);
    assert.equal(await exchange.publish(broker, TOPIC, { body: 'late' }), null);
    const [topic] = await broker.describeTopics({ topic: 'topic/news' });
    assert.deepEqual([topic?.groups, topic?.logEndOffset], [[], 2]);
  });

  test(`stage ${stage}: a durable subscriber gets what was published while it was away, until it is forgotten`, async () => {
    await using opened = await openExchange(stage);
    const { exchange, broker, clock } = opened;
    const subscriber = { kind: 'durable', group: 'anna/n' } as const;
    const before = await read(opened, { destination: TOPIC, subscriber });
    await before.close();
    assert.notEqual(await exchange.publish(broker, TOPIC, { body: 'a' }), null);
    const after = await read(opened, { destination: TOPIC, subscriber });
    await clock.pass(0);
    assert.deepEqual(after.taken(), ['a']);
    await after.close();
    assert.equal(await exchange.forget(broker, 'anna/n'), 1);
    assert.equal(await exchange.publish(broker, TOPIC, { body: 'b' }), null);
  });

  test(`stage ${stage}: a pattern covers a topic before the first message that is published to it`, async () => {
    await using opened = await openExchange(stage);
    const { exchange, broker, clock } = opened;
    const all = await read(opened, {
      covers: (topic) => topic.startsWith('topic/sensors.'),
      subscriber: { kind: 'ephemeral' },
    });
    await exchange.publish(broker, { kind: 'topic', name: 'sensors.a' }, { body: '1' });
    await exchange.publish(broker, { kind: 'topic', name: 'sensors.b' }, { body: '2' });
    assert.equal(await exchange.publish(broker, { kind: 'topic', name: 'others' }, { body: '3' }), null);
    await clock.pass(0);
    assert.deepEqual(all.taken().sort(), ['1', '2']);
  });

  test(`stage ${stage}: a pattern over topics that have more than there is credit for is opened all the same`, async () => {
    await using opened = await openExchange(stage);
    const { exchange, broker, clock } = opened;
    const want = {
      covers: (topic: string) => topic.startsWith('topic/'),
      subscriber: { kind: 'durable', group: 'anna/n' },
    } as const;
    const before = await read(opened, want);
    for (const name of ['a', 'b', 'c', 'd']) await exchange.publish(broker, { kind: 'topic', name }, { body: name });
    await before.close();
    const reader = await read(opened, { ...want, creditMax: 1 });
    const taken: string[] = [];
    for (let round = 0; round < 4; round += 1) {
      await clock.pass(0);
      taken.push(...reader.taken());
      for (const delivery of reader.deliveries.slice(-1)) await reader.feed.ack(delivery);
    }
    assert.deepEqual(taken.sort(), ['a', 'b', 'c', 'd']);
  });

  test(`stage ${stage}: a topic that somebody else made is covered from its first message on`, async () => {
    await using opened = await openExchange(stage);
    const { broker, clock } = opened;
    const all = await read(opened, {
      covers: (topic) => topic.startsWith('topic/'),
      subscriber: { kind: 'ephemeral' },
    });
    await broker.send('topic/x', { body: 'first' });
    await clock.pass(1000);
    assert.deepEqual(all.taken(), ['first']);
  });

  test(`stage ${stage}: it is covered also when somebody else subscribes to it first`, async () => {
    await using opened = await openExchange(stage);
    const { broker, clock } = opened;
    const want = { covers: (topic: string) => topic.startsWith('topic/'), subscriber: { kind: 'ephemeral' } } as const;
    const all = await read(opened, want);
    await broker.send('topic/x', { body: 'first' });
    const other = await read(opened, want);
    await broker.send('topic/x', { body: 'second' });
    await clock.pass(1000);
    assert.deepEqual([all.taken(), other.taken()], [['first', 'second'], ['second']]);
  });

  test(`stage ${stage}: what a lost connection held comes again with a failure counted, what was given back without`, async () => {
    await using opened = await openExchange(stage);
    const { exchange, broker, clock } = opened;
    await exchange.publish(broker, QUEUE, { body: 'a' });
    const lost = await read(opened, { destination: QUEUE, subscriber: { kind: 'queue' } });
    await clock.pass(0);
    await Promise.all([lost.close({ isFailure: true }), clock.pass(10)]);
    const left = await read(opened, { destination: QUEUE, subscriber: { kind: 'queue' } });
    await clock.pass(0);
    assert.equal(left.deliveries[0]?.deliveryCount, 2);
    await left.close();
    const last = await read(opened, { destination: QUEUE, subscriber: { kind: 'queue' } });
    await clock.pass(0);
    assert.equal(last.deliveries[0]?.deliveryCount, 2);
  });

  test(`stage ${stage}: what is held stays held however long it takes`, async () => {
    await using opened = await openExchange(stage);
    const { exchange, broker, clock } = opened;
    await exchange.publish(broker, QUEUE, { body: 'a' });
    const reader = await read(opened, { destination: QUEUE, subscriber: { kind: 'queue' } });
    await clock.pass(3_600_000);
    await reader.feed.ack(reader.deliveries[0] as Delivery);
    await clock.pass(100_000);
    assert.deepEqual(reader.taken(), ['a']);
  });

  test(`stage ${stage}: a subscriber that takes nothing for an hour misses nothing`, async () => {
    await using opened = await openExchange(stage);
    const { exchange, broker, clock } = opened;
    const slow = await read(opened, { destination: TOPIC, subscriber: { kind: 'ephemeral' } });
    slow.feed.pause();
    await clock.pass(3_600_000);
    await exchange.publish(broker, TOPIC, { body: 'a' });
    await exchange.publish(broker, TOPIC, { body: 'b' });
    await clock.pass(3_600_000);
    assert.deepEqual(slow.taken(), []);
    slow.feed.resume();
    await clock.pass(0);
    assert.deepEqual(slow.taken(), ['a', 'b']);
    assert.equal(slow.deliveries[0]?.deliveryCount, 1);
  });

  test(`stage ${stage}: credit can be taken back, and nothing is kept from others then`, async () => {
    await using opened = await openExchange(stage);
    const { exchange, broker, clock } = opened;
    const none = await read(opened, { destination: QUEUE, subscriber: { kind: 'queue' }, creditMax: 0 });
    none.feed.setCredit(1);
    await clock.pass(0);
    none.feed.setCredit(0);
    await clock.pass(0);
    const other = await read(opened, { destination: QUEUE, subscriber: { kind: 'queue' } });
    await exchange.publish(broker, QUEUE, { body: 'a' });
    await clock.pass(0);
    assert.deepEqual([none.taken(), other.taken()], [[], ['a']]);
  });
}

test('a subscriber of a topic that is deleted goes on with the one made after it', async () => {
  await using opened = await openExchange();
  const { exchange, broker, clock } = opened;
  const reader = await read(opened, { destination: TOPIC, subscriber: { kind: 'ephemeral' } });
  await broker.deleteTopic('topic/news');
  await clock.pass(0);
  await exchange.publish(broker, TOPIC, { body: 'a' });
  await clock.pass(0);
  assert.deepEqual([reader.taken(), reader.ended], [['a'], []]);
});

test('a durable subscriber that comes with another filter is another one', async () => {
  await using opened = await openExchange();
  const { exchange, broker, clock } = opened;
  const subscriber = { kind: 'durable', group: 'anna/n' } as const;
  const publish = (kind: string) => exchange.publish(broker, TOPIC, { body: kind, headers: { kind } });
  const first = await read(opened, { destination: TOPIC, subscriber, filter: { selector: "kind = 'a'" } });
  await first.close();
  await publish('a');
  const same = await read(opened, { destination: TOPIC, subscriber, filter: { selector: "kind = 'a'" } });
  await clock.pass(0);
  assert.deepEqual(same.taken(), ['a']);
  await same.close();
  const other = await read(opened, { destination: TOPIC, subscriber, filter: { selector: "kind = 'b'" } });
  await publish('a');
  await publish('b');
  await clock.pass(0);
  assert.deepEqual(other.taken(), ['b']);
});

test('the filter of one reader of a queue leaves the rest to others', async () => {
  await using opened = await openExchange();
  const { exchange, broker, clock } = opened;
  const some = await read(opened, { destination: QUEUE, subscriber: { kind: 'queue' }, filter: { tags: ['x'] } });
  await exchange.publish(broker, QUEUE, { body: 'y', headers: { tag: 'y' } });
  await exchange.publish(broker, QUEUE, { body: 'x', headers: { tag: 'x' } });
  await clock.pass(0);
  assert.deepEqual(some.taken(), ['x']);
  const all = await read(opened, { destination: QUEUE, subscriber: { kind: 'queue' } });
  await clock.pass(0);
  assert.deepEqual(all.taken(), ['y']);
});

test('a transaction holds back sends and acks of a door until its commit', async () => {
  await using opened = await openExchange();
  const { exchange, broker, clock } = opened;
  await exchange.publish(broker, QUEUE, { body: 'in' });
  const reader = await read(opened, { destination: QUEUE, subscriber: { kind: 'queue' } });
  const watcher = await read(opened, { destination: TOPIC, subscriber: { kind: 'ephemeral' } });
  await clock.pass(0);
  const transaction = await broker.begin();
  await exchange.publish(broker, TOPIC, { body: 'out' }, { transaction });
  await reader.feed.ack(reader.deliveries[0] as Delivery, transaction);
  await clock.pass(0);
  assert.deepEqual(watcher.taken(), []);
  await transaction.commit();
  await clock.pass(0);
  assert.deepEqual(watcher.taken(), ['out']);
  await clock.pass(60_000);
  assert.deepEqual(reader.taken(), ['in'], 'and not again');
});

test('a temporary queue lives, unused, as long as the connection that made it', async () => {
  await using opened = await openExchange();
  const { exchange, broker, clock } = opened;
  const seen: string[] = [];
  const early = exchange.watchTemporaries(({ isCreated, owner }) => void seen.push(`${owner} ${isCreated}`));
  assert.deepEqual(early.present, []);
  const reply = await exchange.createTemporary(broker, 'temporary-queue', 'c-1');
  const topic = await exchange.createTemporary(broker, 'temporary-topic', 'c-2');
  assert.equal(exchange.watchTemporaries(() => undefined).present.length, 2);
  await clock.pass(600_000);
  await exchange.publish(broker, reply, { body: 'a' });
  assert.equal(await exchange.publish(broker, topic, { body: 'b' }), null);
  assert.deepEqual(exchange.destinationOf(topic.name), topic);
  await exchange.deleteTemporariesOf('c-1');
  assert.deepEqual(seen, ['c-1 true', 'c-2 true', 'c-1 false']);
  await assert.rejects(broker.describeTopics({ topic: reply.name }), { code: 'MQ_UNKNOWN_TOPIC' });
  await broker.describeTopics({ topic: topic.name });
});

test('a temporary queue that is still being made goes with its connection too', async () => {
  await using opened = await openExchange();
  const { exchange, broker } = opened;
  const making = exchange.createTemporary(broker, 'temporary-queue', 'c-1');
  await exchange.deleteTemporariesOf('c-1');
  await making;
  assert.deepEqual(await broker.describeTopics(), []);
});

test('patterns of somebody who is away cover new topics for it', async () => {
  await using opened = await openExchange();
  const { exchange, broker, clock } = opened;
  const covers = (topic: string): boolean => topic.startsWith('topic/a.');
  const stop = await exchange.watchFor(broker, { group: 'anna/$mqtt', covers });
  assert.notEqual(await exchange.publish(broker, { kind: 'topic', name: 'a.b' }, { body: '1' }), null);
  const back = await read(opened, { covers, subscriber: { kind: 'durable', group: 'anna/$mqtt' } });
  await clock.pass(0);
  assert.deepEqual(back.taken(), ['1']);
  stop();
});

test('a pattern is refused at once to a group that no topic could have', async () => {
  await using opened = await openExchange();
  for (const group of ['anna/a\u0001', `anna/${'a'.repeat(245)}`]) {
    const want = read(opened, { covers: () => true, subscriber: { kind: 'durable', group } });
    await assert.rejects(want, { code: 'MQ_INVALID_ARGUMENT' });
  }
});

test('stage 1 has queues without leases, and no topics', async () => {
  await using opened = await openExchange(1);
  const { exchange, broker, clock } = opened;
  const reader = await read(opened, { destination: QUEUE, subscriber: { kind: 'queue' }, creditMax: 1 });
  await exchange.publish(broker, QUEUE, { body: 'a' });
  await exchange.publish(broker, QUEUE, { body: 'b' });
  await clock.pass(0);
  assert.deepEqual(reader.taken(), ['a', 'b']);
  await reader.feed.ack(reader.deliveries[0] as Delivery);
  const noGroups = (error: unknown): boolean =>
    isMqError(error, 'MQ_NOT_SUPPORTED') && error.message.includes('groups');
  await assert.rejects(exchange.publish(broker, TOPIC, { body: 'c' }), noGroups);
  await assert.rejects(read(opened, { destination: TOPIC, subscriber: { kind: 'ephemeral' } }), noGroups);
});
