/** What a broker says about its topics: the numbers of describeTopics and the cells of inspect. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Broker } from '../../shared/contract/broker.ts';
import type { RingView } from '../../shared/contract/inside.ts';
import { describeTopic, setup } from './testing/setup.ts';

async function inspect(broker: Broker, max?: number): Promise<RingView> {
  const view = await broker.inspect?.('t', max === undefined ? {} : { max });
  assert.ok(view?.kind === 'ring');
  return view;
}

async function sendNumbers(broker: Broker, count: number): Promise<void> {
  for (let number = 0; number < count; number += 1)
    await broker.send('t', { body: `body ${number}`, id: `id ${number}` });
}

test('a topic without groups has every held record available', async () => {
  const { broker } = await setup(0, { topic: { messagesMax: 4 } });
  await sendNumbers(broker, 3);
  const { availableCount, lag, logStartOffset, logEndOffset, groups, options } = await describeTopic(broker);
  assert.deepEqual([availableCount, lag, logStartOffset, logEndOffset], [3, 3, 0, 3]);
  assert.deepEqual(groups, []);
  assert.deepEqual(options, { messagesMax: 4, bytesMax: 64 * 1024 * 1024, overflow: 'wait' });
});

test('the counts of a topic are the sums over its groups, its lag is that of the slowest', async () => {
  const { broker } = await setup(0);
  await sendNumbers(broker, 5);
  const [first] = await broker.receive('t', { group: 'a', memberId: 'ann', max: 3 });
  await broker.receive('t', { group: 'b', memberId: 'bob', max: 1 });
  assert.ok(first !== undefined);
  await broker.ack([first]);
  const topic = await describeTopic(broker);
  assert.deepEqual(
    topic.groups.map(({ group, availableCount, inFlightCount, committedOffset, lag, members }) => [
      group,
      availableCount,
      inFlightCount,
      committedOffset,
      lag,
      members,
    ]),
    [
      ['a', 2, 2, 1, 4, [{ memberId: 'ann', inFlightCount: 2 }]],
      ['b', 4, 1, 0, 5, [{ memberId: 'bob', inFlightCount: 1 }]],
    ],
  );
  assert.deepEqual([topic.availableCount, topic.inFlightCount, topic.lag], [6, 3, 5]);
});

test('redelivered deliveries are counted for ever', async () => {
  const { broker } = await setup(0);
  await sendNumbers(broker, 1);
  for (let round = 0; round < 3; round += 1) {
    const [delivery] = await broker.receive('t');
    assert.ok(delivery !== undefined);
    await broker.nack(delivery);
  }
  await broker.ack(await broker.receive('t'));
  assert.equal((await describeTopic(broker)).redeliveredCount, 3);
});

test('topics are listed in code unit order', async () => {
  const { broker } = await setup(0);
  for (const topic of ['z', 'B', '主题', 'a']) await broker.createTopic(topic);
  assert.deepEqual(
    (await broker.describeTopics()).map(({ topic }) => topic),
    ['B', 'a', 't', 'z', '主题'],
  );
});

test('cells tell what all groups together see: ready, in flight, acked, free', async () => {
  const { broker } = await setup(0, { topic: { messagesMax: 6 } });
  await sendNumbers(broker, 4);
  assert.deepEqual(
    (await inspect(broker)).cells.map(({ state }) => state),
    ['ready', 'ready', 'ready', 'ready', 'free', 'free'],
  );
  const held = await broker.receive('t', { group: 'a', max: 3 });
  await broker.ack(await broker.receive('t', { group: 'b', max: 4 }));
  await broker.ack(held.slice(0, 1));
  const view = await inspect(broker);
  assert.deepEqual(
    view.cells.map(({ slot, offset, state }) => [slot, offset, state]),
    [
      [0, 0, 'acked'],
      [1, 1, 'in-flight'],
      [2, 2, 'in-flight'],
      [3, 3, 'ready'],
      [4, null, 'free'],
      [5, null, 'free'],
    ],
  );
  assert.deepEqual([view.cells[0]?.id, view.cells[0]?.bytes, view.cells[0]?.preview], ['id 0', 6, 'body 0']);
  assert.deepEqual([view.slotCount, view.writeSlot, view.logStartOffset, view.logEndOffset], [6, 4, 0, 4]);
});

test('overwritten offsets that a group had not finished are shown before the held ones when there is room', async () => {
  const { broker } = await setup(0, { topic: { messagesMax: 2, overflow: 'drop-oldest' } });
  await sendNumbers(broker, 5);
  assert.deepEqual(
    (await inspect(broker)).cells.map(({ slot, offset, state, id }) => [slot, offset, state, id]),
    [
      [0, 0, 'overwritten', null],
      [1, 1, 'overwritten', null],
      [0, 2, 'overwritten', null],
      [1, 3, 'ready', 'id 3'],
      [0, 4, 'ready', 'id 4'],
    ],
  );
  assert.deepEqual(
    (await inspect(broker, 3)).cells.map(({ offset }) => offset),
    [2, 3, 4],
  );
  assert.deepEqual(
    (await inspect(broker, 1)).cells.map(({ offset }) => offset),
    [4],
  );
});

test('each group shows its pointers, what is in flight with the time left, and who waits', async () => {
  const { broker, clock } = await setup(0);
  await sendNumbers(broker, 2);
  const held = await broker.receive('t', { group: 'g', memberId: 'ann', max: 2, leaseMs: 1000 });
  await broker.ack(held.slice(0, 1));
  const waiting = broker.receive('t', { group: 'g', memberId: 'bob', waitMs: 5000 });
  await clock.pass(300);
  const [group] = (await inspect(broker)).groups;
  assert.deepEqual(group, {
    group: 'g',
    kind: 'queue',
    nextOffset: 2,
    committedOffset: 1,
    lag: 1,
    inFlight: [{ offset: 1, memberId: 'ann', deliveryCount: 1, leaseLeftMs: 700 }],
    inFlightCount: 1,
    redeliveredCount: 0,
    droppedCount: 0,
    waitingReceives: [{ who: 'bob', waitedMs: 300 }],
    waitingReceivesCount: 1,
  });
  await broker.close();
  assert.deepEqual(await waiting, []);
});

test('waiting sends show their message and waiting fetches their offset', async () => {
  const { broker, clock } = await setup(0, { topic: { messagesMax: 1 } });
  await sendNumbers(broker, 1);
  const calls = Promise.allSettled([
    broker.sendBatch('t', [{ body: 'x', id: 'blocked' }], { timeoutMs: 500 }),
    broker.fetch('t', { offset: 1, waitMs: 500 }),
  ]);
  await clock.pass(200);
  const view = await inspect(broker);
  assert.deepEqual(view.waitingSends, [{ who: 'blocked', waitedMs: 200 }]);
  assert.deepEqual(view.waitingFetches, [{ who: 'offset 1', waitedMs: 200 }]);
  assert.deepEqual([view.waitingSendsCount, view.waitingFetchesCount], [1, 1]);
  await clock.pass(300);
  await calls;
});

test('looking changes nothing, and everything seen is plain JSON', async () => {
  const { broker } = await setup(0, { topic: { messagesMax: 3 } });
  await sendNumbers(broker, 3);
  await broker.receive('t', { max: 2 });
  const [before, view] = [await describeTopic(broker), await inspect(broker)];
  assert.deepEqual(JSON.parse(JSON.stringify(before)), before);
  assert.deepEqual(JSON.parse(JSON.stringify(view)), view);
  assert.deepEqual(await describeTopic(broker), before);
});
