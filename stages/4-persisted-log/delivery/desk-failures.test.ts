/** What becomes of messages that fail, expire and die. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { offsetsOf, setUpDesk } from '../testing/desk-setup.ts';
import type { DyingRecord } from './desk-surroundings.ts';

test('delays after failures follow the table exactly; a return waits for nothing and does not count', async () => {
  const { clock, log, desk, receive, receiveOne, nack } = setUpDesk({ options: { retryDelays: [1000, 5000] } });
  log.fill(1);
  nack(await receiveOne());
  assert.equal(desk.counts().delayedCount, 1);
  await clock.pass(999);
  assert.deepEqual(await receive(), []);
  await clock.pass(1);
  const second = await receiveOne();
  assert.deepEqual([second.deliveryCount, second.redeliveryReason], [2, 'retry']);
  nack(second, { outcome: 'return' });
  const third = await receiveOne();
  assert.deepEqual([third.deliveryCount, third.redeliveryReason], [2, 'return']);
  nack(third);
  await clock.pass(4999);
  assert.deepEqual(await receive(), []);
  await clock.pass(1);
  assert.equal((await receiveOne()).deliveryCount, 3);
});

test('a delay that is asked for wins over the table, and one of years rings when it is due', async () => {
  const { clock, log, receive, receiveOne, nack } = setUpDesk({ options: { retryDelays: [1000] } });
  log.fill(1);
  const yearMs = 365 * 24 * 60 * 60 * 1000;
  nack(await receiveOne(), { delayMs: yearMs });
  const waiting = receive({ waitMs: 2 * yearMs });
  await clock.pass(yearMs - 1);
  assert.equal((await Promise.race([waiting, Promise.resolve('none')])) as unknown, 'none');
  await clock.pass(1);
  assert.equal((await waiting)[0]?.deliveryCount, 2);
});

test('one failure too many is death: by deliveriesMax exactly, with the whole story', async () => {
  const { clock, log, desk, buried, receive, receiveOne, nack } = setUpDesk({ options: { deliveriesMax: 3 } });
  log.append({ key: 'k', headers: { h: '1' } }, 'next');
  const bornAt = clock.now();
  await clock.pass(100);
  nack(await receiveOne(), { error: 'first' });
  await receiveOne({ leaseMs: 50 });
  await clock.pass(50);
  nack(await receiveOne(), { error: 'third'.repeat(1000) });
  await clock.pass(0);
  assert.equal(buried.length, 1);
  const [{ record, why, deliveryCount, firstAt, lastAt, error }] = buried as [DyingRecord];
  assert.deepEqual([record.offset, record.key, why, deliveryCount], [0, 'k', 'deliveries', 3]);
  assert.deepEqual([firstAt, lastAt], [bornAt + 100, bornAt + 150]);
  assert.ok(error?.startsWith('thirdthird') && error.length === 1000);
  assert.deepEqual([desk.counts().deadCount, desk.floorOf(0)], [1, 1]);
  assert.deepEqual(offsetsOf(await receive({ max: 5 })), [1]);
});

test('a rejected message dies at once; with deliveriesMax 0 failing never kills', async () => {
  const { clock, log, buried, desk, receiveOne, nack } = setUpDesk({ options: { deliveriesMax: 0 } });
  log.fill(2);
  for (let count = 1; count < 40; count += 1) nack(await receiveOne());
  nack(await receiveOne(), { outcome: 'reject', error: 'no good' });
  await clock.pass(0);
  assert.deepEqual(
    buried.map(({ why, deliveryCount, error }) => [why, deliveryCount, error]),
    [['rejected', 40, 'no good']],
  );
  assert.equal(desk.floorOf(0), 1);
});

test('a message is finished only when its dead letter is kept: a burial that fails is tried again', async () => {
  let failuresLeft = 3;
  const kept: DyingRecord[] = [];
  const bury = async (dying: DyingRecord): Promise<void> => {
    failuresLeft -= 1;
    if (failuresLeft >= 0) throw new Error('the disk is full');
    kept.push(dying);
  };
  const { clock, log, desk, receive, receiveOne, nack } = setUpDesk({ bury });
  log.fill(1);
  nack(await receiveOne(), { outcome: 'reject' });
  await clock.pass(6999);
  assert.deepEqual([kept.length, desk.floorOf(0), desk.standingOf(0, 0).state], [0, 0, 'dying']);
  assert.deepEqual(await receive(), [], 'nobody gets it any more');
  await clock.pass(1);
  assert.deepEqual([kept.length, desk.floorOf(0), desk.counts().deadCount], [1, 1, 1]);
});

test('a seek while it is being buried takes the message back; the dead letter is one copy more', async () => {
  const burial = Promise.withResolvers<void>();
  const { clock, log, desk, receiveOne, nack } = setUpDesk({ bury: () => burial.promise });
  log.fill(1);
  nack(await receiveOne(), { outcome: 'reject' });
  desk.seek(0, 0);
  burial.resolve();
  await clock.pass(0);
  const again = await receiveOne();
  assert.deepEqual([again.redeliveryReason, again.deliveryCount], ['seek', 1]);
});

test('a group that reads dead letters has none: what dies there is finished and counted', async () => {
  const { clock, log, desk, receiveOne, nack } = setUpDesk({ bury: undefined, options: { deliveriesMax: 1 } });
  log.fill(1);
  nack(await receiveOne());
  await clock.pass(0);
  assert.deepEqual([desk.floorOf(0), desk.counts().deadCount, desk.counts().lag], [1, 1, 0]);
});

test('many may die at once, though only some are buried at a time', async () => {
  const { clock, log, buried, desk, receive } = setUpDesk({ options: { deliveriesMax: 1 } });
  log.fill(300, 50);
  await receive({ max: 300, leaseMs: 100 });
  log.evict();
  await clock.pass(100);
  await clock.pass(0);
  assert.deepEqual(
    buried.map(({ record }) => record.offset).sort((one, other) => one - other),
    Array.from({ length: 300 }, (_, offset) => offset),
  );
  assert.equal(desk.floorOf(0), 300);
});

test('what expired is not handed out but counted, by its own time or that of the topic', async () => {
  const { clock, log, desk, buried, told, receive } = setUpDesk({ ttlMs: 1000 });
  log.append('by the topic', 'too');
  log.append({ ttlMs: 5000 }, { ttlMs: 100 });
  await clock.pass(1001);
  const { progressCount } = told;
  assert.equal(desk.counts().expiredCount, 2, 'what stands first is stepped over when somebody asks');
  assert.ok(told.progressCount > progressCount);
  assert.deepEqual(offsetsOf(await receive({ max: 9 })), [2]);
  assert.deepEqual([desk.counts().expiredCount, buried.length], [3, 0]);
});

test('what expires in flight may still be acked, and does not come again', async () => {
  const { clock, log, desk, receive, ack, nack } = setUpDesk();
  log.append({ ttlMs: 100 }, { ttlMs: 100 });
  const [first, second] = await receive({ max: 2 });
  await clock.pass(200);
  assert.ok(first && second && ack(first) && nack(second));
  assert.deepEqual(await receive(), []);
  assert.deepEqual([desk.floorOf(0), desk.counts().expiredCount], [2, 1]);
});

test('what expires becomes a dead letter where the group wants that, with its history when it has one', async () => {
  const { clock, log, desk, buried, receive, receiveOne, nack } = setUpDesk({ options: { deadLetterExpired: true } });
  log.append({ ttlMs: 100 }, { ttlMs: 100 });
  nack(await receiveOne(), { error: 'oh' });
  await clock.pass(200);
  assert.deepEqual(await receive(), []);
  await clock.pass(0);
  assert.deepEqual(
    buried.map(({ record, why, deliveryCount, error }) => [record.offset, why, deliveryCount, error]),
    [
      [0, 'expired', 1, 'oh'],
      [1, 'expired', 0, undefined],
    ],
  );
  const { expiredCount, deadCount, lag } = desk.counts();
  assert.deepEqual([expiredCount, deadCount, lag], [2, 2, 0]);
});

test('a redriven dead letter is for its group only, and says that it comes again', async () => {
  const { log, receive } = setUpDesk();
  log.append(
    { forGroup: 'kitchen', movedFrom: { log: 'dead', offset: 3 } },
    { forGroup: 'bar', movedFrom: { log: 'dead', offset: 4 } },
  );
  const held = await receive({ max: 5 });
  assert.deepEqual(
    held.map(({ offset, deliveryCount, redeliveryReason }) => [offset, deliveryCount, redeliveryReason]),
    [[0, 1, 'redrive']],
  );
});

test('what is finished while one that waits is served is not served to it twice', async () => {
  const { clock, log, desk, receive } = setUpDesk({ bury: undefined, options: { deadLetterExpired: true } });
  const calls = ['a', 'b'].map((memberId) => receive({ memberId, waitMs: 60_000 }));
  log.append({ ttlMs: 0 }, {}, {});
  await clock.pass(10);
  desk.serve();
  assert.deepEqual((await Promise.all(calls)).map(offsetsOf), [[1], [2]]);
  assert.equal(desk.counts().inFlightCount, 2);
});
