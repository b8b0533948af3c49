import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../../shared/clock.ts';
import type { Broker, SubscribeOptions } from '../../../shared/contract/broker.ts';
import type { Delivery } from '../../../shared/contract/message.ts';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { readSealed, writeSealed } from '../../4-persisted-log/log/whole-file.ts';
import { createBroker } from '../index.ts';

const EU = { selector: "region = 'eu'" };

async function openBroker({ disk = new SimulatedDisk(), clock = new VirtualClock() } = {}) {
  return { disk, clock, broker: await createBroker({ dataFolder: '/data', disk, clock }) };
}

function inRegions(...regions: readonly string[]) {
  return regions.map((region, index) => ({
    body: `${region}-${index}`,
    headers: { region },
    id: `${region}-${index}`,
  }));
}

function textsOf(deliveries: readonly { readonly body: Uint8Array }[]): string[] {
  return deliveries.map(({ body }) => new TextDecoder().decode(body));
}

async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate);
}

async function listen(broker: Broker, pattern: string, options: Partial<SubscribeOptions> = {}) {
  const pushed: Delivery[] = [];
  const how = { creditMax: 100, pattern: 'dotted', group: 'g', memberId: 'm', ...options } as const;
  const subscription = await broker.subscribe(pattern, how, (delivery) => pushed.push(delivery));
  return { pushed, subscription };
}

test('what is no selector makes no group and no topic', async () => {
  const { broker } = await openBroker();
  await using _ = broker;
  await broker.createTopic('orders');
  const wrong = { filter: { selector: 'region = ' } };
  await assert.rejects(broker.createGroup('orders', 'g', wrong), {
    code: 'MQ_INVALID_SELECTOR',
    details: { position: 9 },
  });
  await assert.rejects(broker.receive('mails', wrong), { code: 'MQ_INVALID_SELECTOR' });
  await assert.rejects(
    broker.subscribe('orders', { ...wrong, creditMax: 1 }, () => undefined),
    { code: 'MQ_INVALID_SELECTOR' },
  );
  const topics = await broker.describeTopics();
  assert.deepEqual(
    topics.filter(({ topic }) => !topic.startsWith('$')).map(({ topic, groups }) => [topic, groups.length]),
    [['orders', 0]],
  );
});

test('a group with a filter says so, goes on with it after a power cut, and exists for equal options only', async () => {
  const { broker, disk, clock } = await openBroker();
  await broker.createTopic('orders');
  await broker.createGroup('orders', 'eu', { filter: EU });
  await broker.sendBatch('orders', inRegions('us', 'eu', 'us', 'us', 'eu'));
  const [first] = await broker.receive('orders', { group: 'eu' });
  assert.deepEqual(textsOf(first === undefined ? [] : [first]), ['eu-1']);
  await broker.ack(first === undefined ? [] : [first]);
  const again = await openBroker({ disk: disk.remains(), clock });
  await using _ = again.broker;
  const [described] = (await again.broker.describeTopics({ topic: 'orders' })).flatMap(({ groups }) => groups);
  assert.deepEqual([described?.filter, described?.availableCount, described?.committedOffset], [EU, 1, 4]);
  assert.deepEqual(textsOf(await again.broker.receive('orders', { group: 'eu', max: 9 })), ['eu-4']);
  await again.broker.createGroup('orders', 'eu', { filter: EU });
  await assert.rejects(again.broker.createGroup('orders', 'eu'), { code: 'MQ_GROUP_EXISTS' });
  await broker.close();
});

test('a message that is not what a group asks for is told to be finished, and why', async () => {
  const { broker } = await openBroker();
  await using _ = broker;
  await broker.createTopic('orders');
  await broker.createGroup('orders', 'eu', { filter: EU });
  await broker.sendBatch('orders', inRegions('eu', 'us'));
  const explained = await broker.explain?.('orders', { id: 'us-1' });
  assert.equal(explained?.groups[0]?.state, 'finished');
  assert.deepEqual(
    explained?.events.map(({ what, group }) => [what, group]),
    [
      ['accepted', undefined],
      ['filtered', 'eu'],
    ],
  );
});

test('what no group asks for makes room for what is sent next', async () => {
  const { broker } = await openBroker();
  await using _ = broker;
  await broker.createTopic('orders', { messagesMax: 10, overflow: 'reject' });
  await broker.createGroup('orders', 'eu', { filter: EU });
  for (let round = 0; round < 10; round += 1) await broker.sendBatch('orders', inRegions('us', 'us', 'us', 'us'));
  await broker.createTopic('mails', { deleteFinished: true });
  await broker.createGroup('mails', 'eu', { filter: EU });
  await broker.sendBatch('mails', inRegions('us', 'us', 'eu', 'us'));
  const [mails] = await broker.describeTopics({ topic: 'mails' });
  assert.equal(mails?.logStartOffset, 2);
});

test('whole batches are handed out with a filter too, and their receiver is told which records are meant', async () => {
  const { broker } = await openBroker();
  await using _ = broker;
  await broker.sendBatch('orders', inRegions('us', 'eu', 'eu', 'us', 'eu'));
  const answer = (await broker.receiveBatches?.('orders', { filter: EU, max: 10 })) ?? [];
  assert.deepEqual(
    answer.flatMap(({ runs }) => runs.map(({ fromOffset, count }) => [fromOffset, count])),
    [
      [1, 2],
      [4, 1],
    ],
  );
});

test('the subscriber to a pattern never has more unfinished than its credit, however many topics there are', async () => {
  const { broker } = await openBroker();
  await using _ = broker;
  const names = Array.from({ length: 8 }, (_, index) => `orders.r${index}`);
  for (const name of names) await broker.sendBatch(name, inRegions('eu', 'us', 'eu'));
  const { pushed } = await listen(broker, 'orders.*', { creditMax: 5 });
  let acked = 0;
  const seen = new Set<string>();
  while (acked < 24) {
    await turns();
    const open = pushed.splice(0);
    assert.ok(open.length > 0 && open.length <= 5, `${open.length} unfinished`);
    for (const { topic, offset } of open) assert.ok(seen.size < seen.add(`${topic} ${offset}`).size);
    await broker.ack(open);
    acked += open.length;
  }
  assert.equal(seen.size, 24);
  for (const name of names) await broker.send(name, { body: 'more' });
  await turns();
  assert.equal(pushed.length, 5);
});

test('one ack lets in one, from whichever topic, and others in the same group are served meanwhile', async () => {
  const { broker } = await openBroker();
  await using _ = broker;
  await broker.createTopic('orders.a');
  await broker.createTopic('orders.b');
  const { pushed } = await listen(broker, 'orders.>', { creditMax: 1 });
  await broker.send('orders.a', { body: 'a' });
  await broker.send('orders.b', { body: 'b' });
  await turns();
  assert.deepEqual(textsOf(pushed), ['a']);
  assert.deepEqual(textsOf(await broker.receive('orders.b', { group: 'g', memberId: 'other', waitMs: 100 })), ['b']);
  await broker.send('orders.b', { body: 'b2' });
  await turns();
  assert.equal(pushed.length, 1);
  await broker.ack(pushed);
  await turns();
  assert.deepEqual(textsOf(pushed), ['a', 'b2']);
});

test('a topic that is deleted and made again under the same name is covered again', async () => {
  const { broker } = await openBroker();
  await using _ = broker;
  const { pushed } = await listen(broker, 'orders.*', { filter: EU });
  await broker.sendBatch('orders.a', inRegions('us', 'eu'));
  await turns();
  await broker.deleteTopic('orders.a');
  await turns();
  await broker.sendBatch('orders.a', inRegions('eu', 'us'));
  await turns();
  assert.deepEqual(textsOf(pushed), ['eu-1', 'eu-0']);
});

test('after close a pattern pushes nothing, covers no new topic, and what it held can be finished', async () => {
  const { broker } = await openBroker();
  await using _ = broker;
  const { pushed, subscription } = await listen(broker, 'orders.*');
  await broker.send('orders.a', { body: 'a' });
  await turns();
  await subscription.close();
  await broker.send('orders.a', { body: 'late' });
  await broker.send('orders.b', { body: 'late' });
  await turns();
  assert.deepEqual(textsOf(pushed), ['a']);
  await broker.ack(pushed);
  const [topic] = await broker.describeTopics({ topic: 'orders.b' });
  assert.deepEqual(topic?.groups, []);
});

test('a pattern over a topic where there is nothing for the member is refused, and leaves nothing subscribed', async () => {
  const { broker } = await openBroker();
  await using _ = broker;
  await broker.send('orders.a', { body: 'a' });
  await broker.send('orders.b', { body: 'b' });
  await broker.commit('orders.b', { group: 'g', offset: 1 });
  await assert.rejects(listen(broker, 'orders.*'), { code: 'MQ_GROUP_KIND' });
  await broker.send('orders.c', { body: 'c' });
  await turns();
  const [topic] = await broker.describeTopics({ topic: 'orders.c' });
  assert.deepEqual(topic?.groups, []);
});

test('a lookup looks at a bounded part of the log at a time and finds everything in the end', async () => {
  const { broker } = await openBroker();
  await using _ = broker;
  for (let batch = 0; batch < 20; batch += 1) {
    await broker.sendBatch(
      'orders',
      Array.from({ length: 1000 }, (_, index) => ({ body: '', key: `k-${index}` })),
    );
  }
  const found: (number | null)[] = [];
  let calls = 0;
  for (let offset: number | null = 0; offset !== null; calls += 1) {
    const answer = await broker.lookup('orders', { key: 'k-7', offset, max: 100 });
    found.push(...answer.records.map((record) => record.offset));
    offset = answer.nextOffset;
  }
  assert.deepEqual(
    found,
    Array.from({ length: 20 }, (_, batch) => batch * 1000 + 7),
  );
  assert.ok(calls >= 3 && calls <= 4, `${calls} calls`);
});

test('a group from before there were filters goes on without one', async () => {
  const { broker, disk, clock } = await openBroker();
  await broker.createTopic('orders');
  await broker.createGroup('orders', 'g');
  await broker.send('orders', { body: 'a' });
  await broker.close();
  const [topic = ''] = (await disk.list('/data/topics')).filter((name) => name.startsWith('t-orders'));
  const folder = `/data/topics/${topic}/snapshots`;
  for (const name of await disk.list(folder)) {
    const text = JSON.stringify(await readSealed(disk, `${folder}/${name}`));
    assert.match(text, /,"filter":\{\}/);
    await writeSealed(disk, `${folder}/${name}`, JSON.parse(text.replace(',"filter":{}', '')));
  }
  const again = await openBroker({ disk, clock });
  await using _ = again.broker;
  await again.broker.createGroup('orders', 'g');
  assert.deepEqual(textsOf(await again.broker.receive('orders', { group: 'g' })), ['a']);
});
