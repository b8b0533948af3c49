/** Exclusive, failover and key-ordered groups, and what a restart keeps. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMqError } from '../../../shared/contract/errors.ts';
import { claimOf, type DeskSetup, offsetsOf, setUpDesk } from '../testing/desk-setup.ts';
import { GroupDesk } from './group-desk.ts';

const isTaken = (error: unknown): boolean => isMqError(error, 'MQ_GROUP_TAKEN');

test('an exclusive group has one member, until it leaves or is forgotten', async () => {
  const { clock, desk, log, receive } = setUpDesk({ options: { mode: 'exclusive' }, memberTimeoutMs: 1000 });
  log.fill(4);
  assert.deepEqual(offsetsOf(await receive({ memberId: 'a', leaseMs: 100 })), [0]);
  await assert.rejects(receive({ memberId: 'b' }), isTaken);
  desk.leave('a');
  assert.deepEqual(offsetsOf(await receive({ memberId: 'b', leaseMs: 500 })), [0]);
  await clock.pass(1400);
  await assert.rejects(receive({ memberId: 'a' }), isTaken);
  await clock.pass(200);
  assert.deepEqual(offsetsOf(await receive({ memberId: 'a' })), [0]);
});

test('in a failover group each partition has one reader, and the others go on while one moves', async () => {
  const { desk, partitions, receive, ack } = setUpDesk({ partitionCount: 2, options: { mode: 'failover' } });
  for (const partition of partitions) partition.fill(6);
  const first = await receive({ memberId: 'a', max: 4 });
  const waiting = receive({ memberId: 'b', max: 4, waitMs: 60_000 });
  assert.equal(desk.line.size, 1, 'the partition that moves still has something in flight');
  const other = await receive({ memberId: 'a', max: 20 });
  const moved = 1;
  assert.ok(other.length > 0 && other.every(({ partition }) => partition !== moved), 'the one that stays goes on');
  for (const delivery of [...first, ...other]) if (delivery.partition === moved) ack(delivery);
  const got = await waiting;
  assert.ok(got.length > 0 && got.every(({ partition }) => partition === moved));
});

test('when the active member of a failover group falls silent, one that waits takes over', async () => {
  const { clock, log, receive } = setUpDesk({ options: { mode: 'failover' }, memberTimeoutMs: 1000 });
  log.fill(2);
  await receive({ memberId: 'a', leaseMs: 500 });
  const waiting = receive({ memberId: 'b', waitMs: 60_000, max: 2 });
  await clock.pass(1400);
  assert.equal((await Promise.race([waiting, Promise.resolve('none')])) as unknown, 'none');
  await clock.pass(200);
  assert.deepEqual(offsetsOf(await waiting), [0, 1]);
});

test('in a key-ordered group a key that fails waits for itself, and the others go past', async () => {
  const { clock, desk, log, receive, ack, nack } = setUpDesk({ options: { mode: 'key-ordered' } });
  log.append({ key: 'x' }, { key: 'y' }, { key: 'x' }, { key: 'y' }, {});
  const held = await receive({ memberId: 'a', max: 10 });
  assert.deepEqual(offsetsOf(held), [0, 1, 4], 'one of each key, and those without one');
  const [x0, y1] = held;
  assert.ok(x0 && y1 && nack(x0, { delayMs: 1000 }));
  assert.deepEqual(await receive({ memberId: 'b', max: 10 }), []);
  const waiting = receive({ memberId: 'b', max: 10, waitMs: 60_000 });
  assert.ok(ack(y1));
  assert.deepEqual(offsetsOf(await waiting), [3]);
  await clock.pass(1000);
  const again = await receive({ memberId: 'b', max: 10 });
  assert.deepEqual(offsetsOf(again), [0]);
  assert.ok(again[0] && ack(again[0]));
  assert.deepEqual(offsetsOf(await receive({ memberId: 'a', max: 10 })), [2]);
  assert.equal(desk.floorOf(0), 2);
});

test('a key whose message died is free at once', async () => {
  const { log, receive, receiveOne, nack } = setUpDesk({
    options: { mode: 'key-ordered' },
    bury: () => new Promise(() => undefined),
  });
  log.append({ key: 'x' }, { key: 'x' });
  nack(await receiveOne(), { outcome: 'reject' });
  assert.deepEqual(offsetsOf(await receive({ max: 5 })), [1]);
});

/** The same group after a restart of the broker, some time later. */
function restarted({ desk, settings }: DeskSetup): GroupDesk {
  const snapshot = JSON.parse(JSON.stringify(desk.snapshot()));
  desk.close();
  const again = GroupDesk.restore(settings, snapshot);
  again.start();
  return again;
}

test('leases survive a restart with their tokens, until their deadline by the wall clock', async () => {
  const setup = setUpDesk();
  setup.log.fill(3);
  const [first, second, third] = await setup.receive({ max: 3, leaseMs: 1000 });
  assert.ok(first && second && third && setup.ack(first));
  await setup.clock.pass(600);
  const desk = restarted(setup);
  assert.deepEqual(desk.ackAll([claimOf(first), claimOf(second)], { isCumulative: false }), [], 'repeated, and open');
  assert.deepEqual(desk.members(), [{ memberId: 'a', inFlightCount: 1 }]);
  await setup.clock.pass(399);
  assert.equal(desk.counts().inFlightCount, 1);
  await setup.clock.pass(1);
  assert.equal(desk.counts().inFlightCount, 0);
  assert.equal(desk.extend(claimOf(third), 1000), undefined);
});

test('a token of before a restart is never given out again', async () => {
  const setup = setUpDesk();
  setup.log.fill(2);
  const snapshot = JSON.parse(JSON.stringify(setup.desk.snapshot()));
  const { leaseToken } = await setup.receiveOne(); // and this is lost with the power
  const desk = GroupDesk.restore(setup.settings, snapshot);
  desk.start();
  const want = { memberId: 'a', max: 1, bytesMax: 1000, leaseMs: 1000 };
  const [again] = await desk.receive(want, { waitMs: 0, signal: undefined });
  assert.equal(again?.offset, 0);
  assert.notEqual(again.leaseToken, leaseToken);
});

test('delays, keys and what was dying survive a restart', async () => {
  let isBroken = true;
  const bury = async (): Promise<void> => {
    if (isBroken) throw new Error('no room');
  };
  const setup = setUpDesk({ options: { mode: 'key-ordered' }, bury });
  setup.log.append({ key: 'x' }, { key: 'y' }, { key: 'x' }, { key: 'y' }, { key: 'z' });
  const [x, y, z] = await setup.receive({ max: 5 });
  assert.ok(x && y && z && setup.nack(x, { delayMs: 1000 }) && setup.nack(z, { outcome: 'reject' }));
  await setup.clock.pass(0);
  isBroken = false;
  const desk = restarted(setup);
  await setup.clock.pass(0);
  assert.equal(desk.standingOf(0, 4).state, 'finished', 'it is buried now');
  const want = { memberId: 'b', max: 5, bytesMax: 1000, leaseMs: 1000 };
  const now = { waitMs: 0, signal: undefined };
  assert.deepEqual(await desk.receive(want, now), [], 'the key x is delayed, and y in flight');
  await setup.clock.pass(1000);
  assert.deepEqual(offsetsOf(await desk.receive(want, now)), [0]);
});

test('a log that has lost its end takes back what was never there, and new records are handed out', async () => {
  const setup = setUpDesk();
  setup.log.fill(10);
  const held = await setup.receive({ max: 8 });
  for (const delivery of held.slice(0, 7)) setup.ack(delivery);
  setup.log.highWatermark = 5;
  const desk = restarted(setup);
  assert.deepEqual([desk.floorOf(0), desk.counts().inFlightCount], [5, 0]);
  setup.log.highWatermark = 6;
  const want = { memberId: 'b', max: 5, bytesMax: 1000, leaseMs: 1000 };
  const [next] = await desk.receive(want, { waitMs: 0, signal: undefined });
  assert.deepEqual([next?.offset, next?.redeliveryReason], [5, undefined]);
});

test('an event that does not fit the state is refused, and changes nothing', async () => {
  const { desk, log, receive } = setUpDesk();
  log.fill(3);
  await receive({ max: 2 });
  const before = JSON.stringify(desk.snapshot());
  const run = { group: 1, partition: 0, fromOffset: 1, count: 1, place: 1 };
  const wrong = [
    { kind: 'acked', ...run, place: 2, isCumulative: false },
    { kind: 'acked', ...run, count: 2, isCumulative: false },
    { kind: 'leased', ...run, serial: 9, memberId: 'a', at: 1, deadlineAt: 2, isRedrive: false },
    { kind: 'leased', ...run, place: 2, serial: 9, memberId: 'a', at: 1, deadlineAt: 2, isRedrive: false },
    { kind: 'finished', ...run, how: 'dead' },
    { kind: 'extended', group: 1, partition: 0, offset: 2, place: 1, deadlineAt: 2 },
    { kind: 'committed', group: 1, partition: 7, offset: 2 },
  ] as const;
  for (const event of wrong)
    assert.throws(
      () => desk.replay(event),
      (error) => isMqError(error, 'MQ_CORRUPT'),
      event.kind,
    );
  assert.equal(JSON.stringify(desk.snapshot()), before);
});
