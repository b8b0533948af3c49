import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../shared/clock.ts';
import { type Lease, LeaseTable } from './lease-table.ts';

function setup(): { clock: VirtualClock; table: LeaseTable; expired: number[]; grant: GrantFunction } {
  const clock = new VirtualClock();
  const expired: number[] = [];
  const table = new LeaseTable({
    clock,
    tokenPrefix: 'p',
    onExpire: (leases) => expired.push(...leases.map(({ offset }) => offset)),
  });
  const grant: GrantFunction = (offset, memberId, leaseMs) =>
    table.grant({ offset, memberId, deadlineMs: clock.monotonicMs() + leaseMs });
  return { clock, table, expired, grant };
}

type GrantFunction = (offset: number, memberId: string, leaseMs: number) => Lease;

test('a lease opens for its token and its member only', () => {
  const { table, grant } = setup();
  const lease = grant(4, 'ann', 100);
  assert.equal(table.find(lease), lease);
  assert.equal(table.find({ ...lease, token: 'forged' }), undefined);
  assert.equal(table.find({ ...lease, memberId: 'bob' }), undefined);
  assert.equal(table.find({ ...lease, offset: 5 }), undefined);
});

test('the token of an ended lease does not open its successor', () => {
  const { table, grant } = setup();
  const zombie = grant(4, 'ann', 100);
  table.end(4);
  const successor = grant(4, 'ann', 100);
  assert.notEqual(zombie.token, successor.token);
  assert.equal(table.find(zombie), undefined);
  assert.equal(table.find(successor), successor);
});

test('however many leases there are, one timer is armed', async () => {
  const { clock, table, expired, grant } = setup();
  for (let offset = 0; offset < 1000; offset += 1) grant(offset, 'ann', 1000 + offset);
  assert.equal(clock.timerCount, 1);
  await clock.pass(1000);
  assert.deepEqual(expired, [0]);
  assert.equal(clock.timerCount, 1);
  await clock.pass(998);
  assert.equal(table.size, 1);
  await clock.pass(1);
  assert.equal(expired.length, 1000);
  assert.equal(clock.timerCount, 0);
});

test('a shorter lease that comes later ends earlier', async () => {
  const { clock, expired, grant } = setup();
  grant(0, 'ann', 500);
  grant(1, 'bob', 100);
  await clock.pass(100);
  assert.deepEqual(expired, [1]);
  await clock.pass(400);
  assert.deepEqual(expired, [1, 0]);
});

test('leases that end at one moment are handed back in one go', async () => {
  const { clock, table } = setup();
  const calls: number[] = [];
  const own = new LeaseTable({ clock, tokenPrefix: 'q', onExpire: (leases) => calls.push(leases.length) });
  for (const offset of [0, 1, 2]) own.grant({ offset, memberId: 'ann', deadlineMs: 50 });
  await clock.pass(50);
  assert.deepEqual(calls, [3]);
  assert.equal(table.size, 0);
});

test('an extended lease ends later, or earlier, as it was told', async () => {
  const { clock, table, expired, grant } = setup();
  grant(0, 'ann', 100);
  grant(1, 'ann', 100);
  await clock.pass(60);
  table.extend(0, 100);
  table.extend(1, 10);
  await clock.pass(10);
  assert.deepEqual(expired, [1]);
  await clock.pass(89);
  assert.deepEqual(expired, [1]);
  await clock.pass(1);
  assert.deepEqual(expired, [1, 0]);
});

test('a member has its leases by offset, whatever the order they came in', () => {
  const { table, grant } = setup();
  for (const offset of [7, 3, 9]) grant(offset, 'ann', 100);
  grant(1, 'bob', 100);
  const order: number[] = [];
  for (let lease = table.firstOf('ann'); lease !== undefined; lease = table.firstOf('ann')) {
    order.push(lease.offset);
    table.end(lease.offset);
  }
  assert.deepEqual(order, [3, 7, 9]);
  assert.equal(table.countOf('ann'), 0);
  assert.equal(table.countOf('bob'), 1);
});

test('an accepted token is remembered, one that ended otherwise is not', () => {
  const { table, grant } = setup();
  const done = grant(0, 'ann', 100);
  const given = grant(1, 'ann', 100);
  table.accept(done, { isCumulative: false });
  table.end(1);
  assert.ok(table.findAccepted(done));
  assert.equal(table.findAccepted(given), undefined);
  assert.equal(table.size, 0);
});

test('a seek ends every lease, forgets acks from its target on, and leaves no timer', () => {
  const { clock, table, grant } = setup();
  const leases = [0, 1, 2, 3].map((offset) => grant(offset, 'ann', 100));
  for (const lease of leases.slice(0, 3)) table.accept(lease, { isCumulative: false });
  table.voidFrom(1);
  assert.deepEqual(
    leases.map((lease) => table.findAccepted(lease) !== undefined),
    [true, false, false, false],
  );
  assert.equal(table.size, 0);
  assert.equal(table.firstOf('ann'), undefined);
  assert.equal(clock.timerCount, 0);
});

test('the timer of finished work does nothing when it comes', async () => {
  const { clock, table, expired, grant } = setup();
  table.accept(grant(0, 'ann', 100), { isCumulative: false });
  await clock.pass(100);
  assert.deepEqual(expired, []);
  assert.equal(clock.timerCount, 0);
});
