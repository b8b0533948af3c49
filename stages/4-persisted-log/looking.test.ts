/** Looking at the broker of stage 4: what became of a message, what is inside a topic. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Explanation } from '../../shared/contract/explanation.ts';
import type { LogView } from '../../shared/contract/inside.ts';
import { openVirtual, type VirtualBroker } from './testing/virtual-broker.ts';

async function explain({ broker }: VirtualBroker, id: string): Promise<Explanation> {
  const explanation = await broker.explain?.('t', { id });
  assert(explanation !== undefined && explanation !== null);
  return explanation;
}

async function inspect({ broker }: VirtualBroker, max?: number): Promise<LogView> {
  const inside = await broker.inspect?.('t', max === undefined ? undefined : { max });
  assert(inside?.kind === 'log');
  return inside;
}

test('explain tells the whole life of a message, with times and reasons', async () => {
  const opened = await openVirtual();
  const { broker, clock } = opened;
  await broker.createTopic('t');
  await broker.createGroup('t', 'g', { deliveriesMax: 3, retryDelays: [1000] });
  const startAt = clock.now();
  await broker.send('t', { body: 'a', id: 'order-1' });
  await broker.nack(await opened.receiveOne('t', 'g'), { reason: 'no milk' });
  await clock.pass(1000);
  await opened.receiveOne('t', 'g');
  await clock.pass(30_000);
  const waiting = await explain(opened, 'order-1');
  assert.deepEqual(waiting.groups, [
    { group: 'g', state: 'delayed', deliveryCount: 2, availableAt: clock.now() + 1000 },
  ]);
  await clock.pass(1000);
  await broker.ack([await opened.receiveOne('t', 'g')]);
  const { events, groups, isComplete } = await explain(opened, 'order-1');
  assert.deepEqual(
    events.map(({ at, what, deliveryCount, reason }) => [at - startAt, what, deliveryCount, reason]),
    [
      [0, 'accepted', undefined, undefined],
      [0, 'delivered', 1, undefined],
      [0, 'given-back', 1, 'retry: no milk'],
      [1000, 'delivered', 2, undefined],
      [31_000, 'given-back', 2, 'lease-expired'],
      [32_000, 'delivered', 3, undefined],
      [32_000, 'acked', 3, undefined],
    ],
  );
  assert.deepEqual(groups, [{ group: 'g', state: 'finished', deliveryCount: 3 }]);
  assert.equal(isComplete, true);
});

test('explain finds one message among many, in any partition, made by the broker or by the sender', async () => {
  const opened = await openVirtual();
  const { broker } = opened;
  await broker.createTopic('t', { partitionCount: 3 });
  const receipts = [];
  for (let batch = 0; batch < 30; batch += 1) {
    const messages = Array.from({ length: 300 }, (_, index) => ({
      body: '',
      ...(index === 7 ? { id: `own-${batch}` } : {}),
    }));
    receipts.push(await broker.sendBatch('t', messages));
  }
  for (const { ids, partition, baseOffset } of [receipts[0], receipts[14], receipts[29]].filter(
    (one) => one !== undefined,
  )) {
    for (const index of [0, 7, 299]) {
      const { partition: found, offset } = await explain(opened, ids[index] ?? '');
      assert.deepEqual([found, offset], [partition, (baseOffset ?? 0) + index]);
    }
  }
  assert.equal(await broker.explain?.('t', { id: 'nobody' }), null);
});

test('explain says when a message is due that is not due yet, and that it was delayed when it was', async () => {
  const opened = await openVirtual();
  const { broker, clock } = opened;
  const { deliverAt } = await broker.send('t', { body: 'a', id: 'late', delayMs: 1000 });
  const before = await explain(opened, 'late');
  assert.deepEqual([before.offset, before.deliverAt, before.groups], [null, deliverAt, []]);
  assert.deepEqual(
    before.events.map(({ what }) => what),
    ['delayed'],
  );
  await clock.pass(1000);
  assert.deepEqual(
    (await explain(opened, 'late')).events.map(({ what }) => what),
    ['due'],
  );
});

test('explain of a message that came back from the dead letters tells the life before too', async () => {
  const opened = await openVirtual();
  const { broker } = opened;
  await broker.send('t', { body: 'a', id: 'order-1' });
  await broker.nack(await opened.receiveOne('t', 'g'), { outcome: 'reject', reason: 'sour' });
  await broker.redrive('t', { group: 'g' });
  await opened.drain('t', 'g');
  const { events, groups, offset } = await explain(opened, 'order-1');
  assert.equal(offset, 1);
  assert.deepEqual(
    events.map(({ what }) => what),
    ['delivered', 'dead', 'redriven', 'delivered', 'acked'],
  );
  assert.deepEqual(groups, [{ group: 'g', state: 'finished', deliveryCount: 1 }]);
});

test('explain of a message whose dead letter was dropped says so', async () => {
  const opened = await openVirtual();
  const { broker } = opened;
  await broker.send('t', { body: 'a', id: 'order-1' });
  await broker.nack(await opened.receiveOne('t', 'g'), { outcome: 'reject' });
  await broker.dropDeadLetters('t', { group: 'g' });
  const { events } = await explain(opened, 'order-1');
  assert.deepEqual(
    events.map(({ what }) => what),
    ['accepted', 'delivered', 'dead', 'dropped'],
  );
});

test('after a restart explain knows where a message stands and says that events may be missing', async () => {
  const opened = await openVirtual();
  await opened.broker.send('t', { body: 'a', id: 'order-1' });
  await opened.drain('t', 'g');
  await opened.clock.pass(10);
  const { groups, isComplete } = await explain(await opened.afterPowerCut(), 'order-1');
  assert.deepEqual(
    groups.map(({ group, state }) => [group, state]),
    [['g', 'finished']],
  );
  assert.equal(isComplete, false);
});

test('inspect shows segments, how far is on the disk, and the youngest records with their state', async () => {
  const opened = await openVirtual({ segmentBytesMax: 1024 });
  const { broker } = opened;
  await broker.createTopic('t', { partitionCount: 2 });
  for (let index = 0; index < 30; index += 1) {
    await broker.send('t', { body: `m-${index}`.padEnd(60), id: `${index}` }, { partition: 0 });
  }
  await broker.ack(await broker.receive('t', { group: 'g', max: 28 }));
  await broker.receive('t', { group: 'g', max: 1 });
  const { partitions, groups, flushPolicy, bytes, bytesMax } = await inspect(opened, 4);
  const [first, second] = partitions;
  assert.deepEqual(
    [first?.logStartOffset, first?.logEndOffset, first?.highWatermark, first?.syncedOffset],
    [0, 30, 30, 30],
  );
  assert.ok((first?.segmentCount ?? 0) > 2 && first?.segments.length === Math.min(first?.segmentCount ?? 0, 4));
  assert.deepEqual(
    first?.cells.map(({ id, state }) => [id, state]),
    [
      ['26', 'acked'],
      ['27', 'acked'],
      ['28', 'in-flight'],
      ['29', 'ready'],
    ],
  );
  assert.equal(second?.cells.length, 0);
  assert.equal(flushPolicy, 'always');
  assert.ok(bytes > 0 && bytes < bytesMax);
  assert.deepEqual(
    groups.map(({ group, inFlightCount }) => [group, inFlightCount]),
    [['g', 1]],
  );
});

test('inspect shows who waits, for how long, and what was dropped', async () => {
  const opened = await openVirtual();
  const { broker, clock } = opened;
  await broker.createTopic('t', { messagesMax: 2, overflow: 'drop-oldest' });
  for (const body of ['a', 'b', 'c']) await broker.send('t', { body });
  assert.deepEqual(
    (await inspect(opened)).partitions[0]?.cells.map(({ state }) => state),
    ['overwritten', 'ready', 'ready'],
  );
  const fetching = broker.fetch('t', { offset: 3, waitMs: 10_000 });
  await broker.deleteTopic('other').catch(() => undefined);
  await clock.pass(250);
  const { waitingFetches, waitingFetchesCount } = await inspect(opened);
  assert.deepEqual([waitingFetches, waitingFetchesCount], [[{ who: 'offset 3', waitedMs: 250 }], 1]);
  await broker.send('t', { body: 'd' });
  assert.equal((await fetching).records.length, 1);
});

test('a waiting send is shown by the id of its message', async () => {
  const opened = await openVirtual();
  const { broker, clock } = opened;
  await broker.createTopic('t', { messagesMax: 1 });
  await broker.send('t', { body: 'a' });
  const waiting = broker.send('t', { body: 'b', id: 'order-2' });
  await clock.pass(10);
  assert.deepEqual((await inspect(opened)).waitingSends, [{ who: 'order-2', waitedMs: 10 }]);
  await opened.drain('t');
  await waiting;
});
