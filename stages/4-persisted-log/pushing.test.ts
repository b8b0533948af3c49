/** Push in this process: never more unfinished than was asked for, and an end to everything. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Delivery } from '../../shared/contract/message.ts';
import { failNth } from '../../shared/disk-faults.ts';
import { openVirtual, textsOf } from './testing/virtual-broker.ts';

test('a subscriber gets what is there and what comes, and more as it finishes', async () => {
  const { broker, clock } = await openVirtual();
  await broker.createTopic('t');
  for (const body of ['a', 'b', 'c']) await broker.send('t', { body });
  const held: Delivery[] = [];
  await broker.subscribe('t', { group: 'g', creditMax: 2 }, (delivery) => void held.push(delivery));
  await clock.pass(0);
  assert.deepEqual(textsOf(held), ['a', 'b']);
  await broker.ack(held.slice(0, 1));
  await clock.pass(0);
  assert.deepEqual(textsOf(held), ['a', 'b', 'c']);
  await broker.ack(held.slice(1));
  await broker.send('t', { body: 'd' });
  await clock.pass(0);
  assert.deepEqual(textsOf(held), ['a', 'b', 'c', 'd']);
  await broker.close();
});

test('a lease that ends, a nack and a leave give credit back', async () => {
  const { broker, clock } = await openVirtual();
  await broker.createTopic('t');
  for (const body of ['a', 'b', 'c']) await broker.send('t', { body });
  const held: Delivery[] = [];
  await broker.subscribe(
    't',
    { group: 'g', memberId: 'm', creditMax: 1, leaseMs: 100 },
    (delivery) => void held.push(delivery),
  );
  await clock.pass(0);
  await clock.pass(101);
  assert.deepEqual(
    held.map(({ offset, deliveryCount }) => [offset, deliveryCount]),
    [
      [0, 1],
      [0, 2],
    ],
  );
  const last = held.at(-1);
  assert(last !== undefined);
  await broker.nack(last, { outcome: 'return' });
  await clock.pass(0);
  assert.equal(held.length, 3);
  await broker.close();
});

test('after close nothing is pushed, and what was can be finished', async () => {
  const opened = await openVirtual();
  const { broker, clock } = opened;
  await broker.createTopic('t');
  await broker.send('t', { body: 'a' });
  const held: Delivery[] = [];
  const subscription = await broker.subscribe(
    't',
    { group: 'g', creditMax: 9 },
    (delivery) => void held.push(delivery),
  );
  await clock.pass(0);
  await Promise.all([subscription.close(), subscription.close()]);
  await broker.send('t', { body: 'b' });
  await clock.pass(100);
  await broker.ack(held);
  assert.deepEqual(textsOf(held), ['a']);
  assert.deepEqual(await opened.drain('t', 'g'), ['b']);
});

test('a subscription ends with its group, its topic or its broker, and the process can end', async () => {
  for (const end of ['group', 'topic', 'broker'] as const) {
    const { broker, clock } = await openVirtual();
    await broker.createTopic('t');
    const subscription = await broker.subscribe('t', { group: 'g', creditMax: 1 }, () => undefined);
    if (end === 'group') await broker.deleteGroup('t', 'g');
    else if (end === 'topic') await broker.deleteTopic('t');
    else await broker.close();
    await clock.pass(0);
    await subscription.close();
    if (end !== 'broker') await broker.close();
    assert.equal(clock.timerCount, 0, end);
  }
});

test('what cannot be subscribed to is refused at once', async () => {
  const { broker } = await openVirtual();
  await broker.createTopic('t');
  await broker.createGroup('t', 'alone', { mode: 'exclusive' });
  await broker.receive('t', { group: 'alone', memberId: 'one' });
  const nothing = (): void => undefined;
  await assert.rejects(broker.subscribe('none', { creditMax: 1 }, nothing), { code: 'MQ_UNKNOWN_TOPIC' });
  const second = broker.subscribe('t', { group: 'alone', memberId: 'two', creditMax: 1 }, nothing);
  await assert.rejects(second, { code: 'MQ_GROUP_TAKEN' });
  for (const creditMax of [0, -1, 0.5, Number.NaN, undefined as unknown as number]) {
    await assert.rejects(broker.subscribe('t', { creditMax }, nothing), { code: 'MQ_INVALID_ARGUMENT' });
  }
  const noFunction = 5 as unknown as () => void;
  await assert.rejects(broker.subscribe('t', { creditMax: 1 }, noFunction), { code: 'MQ_INVALID_ARGUMENT' });
});

test('two subscribers share a group, and a thousand messages reach each other once', async () => {
  const { broker, clock } = await openVirtual();
  await broker.createTopic('t');
  const seen: string[] = [];
  const take = (delivery: Delivery): void => {
    seen.push(...textsOf([delivery]));
    void broker.ack([delivery]);
  };
  for (const memberId of ['one', 'two']) await broker.subscribe('t', { group: 'g', memberId, creditMax: 10 }, take);
  const bodies = Array.from({ length: 1000 }, (_, index) => `m-${index}`);
  await broker.sendBatch(
    't',
    bodies.map((body) => ({ body })),
  );
  for (let turn = 0; turn < 50 && seen.length < 1000; turn += 1) await clock.pass(1);
  assert.deepEqual([...seen].sort(), [...bodies].sort());
  await broker.close();
});

test('a subscriber of a topic on a disk that fails a read once still gets everything', async () => {
  const { broker, clock, disk } = await openVirtual({ cacheBytesMax: 4096 });
  await broker.createTopic('t');
  const bodies = Array.from({ length: 20 }, (_, index) => `${index} `.padEnd(100_000, '.'));
  for (const body of bodies) await broker.send('t', { body });
  disk.onCall = failNth(6, { isMeant: ({ kind }) => kind === 'read' });
  const received: Delivery[] = [];
  await broker.subscribe('t', { group: 'g', creditMax: 3 }, (delivery) => {
    received.push(delivery);
    void broker.ack([delivery]);
  });
  await clock.pass(0);
  assert(received.length < bodies.length, 'a read has failed');
  await clock.pass(1000);
  assert.deepEqual(textsOf(received), bodies);
  await broker.close();
});
