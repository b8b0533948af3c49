import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../shared/clock.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import { MemberTable } from './member-table.ts';

function setup(): { clock: VirtualClock; members: MemberTable<string>; holding: Set<string>; emptied: number[] } {
  const clock = new VirtualClock();
  const holding = new Set<string>();
  const emptied: number[] = [];
  const members = new MemberTable<string>({
    clock,
    timeoutMs: 100,
    countMax: 3,
    isHolding: (memberId) => holding.has(memberId),
    onEmpty: () => emptied.push(clock.monotonicMs()),
  });
  return { clock, members, holding, emptied };
}

/** A call of the member that is answered at once. */
function visit(members: MemberTable<string>, memberId: string): void {
  members.callEnds(members.callBegins(memberId));
}

test('a silent member is forgotten after the time-out, counted from its last sign of life', async () => {
  const { clock, members, emptied } = setup();
  visit(members, 'ann');
  await clock.pass(60);
  visit(members, 'bob');
  await clock.pass(30);
  members.touch('ann');
  await clock.pass(69);
  assert.deepEqual([...members.ids()].sort(), ['ann', 'bob']);
  await clock.pass(1);
  assert.deepEqual([...members.ids()], ['ann']);
  await clock.pass(30);
  assert.equal(members.size, 0);
  assert.deepEqual(emptied, [190]);
});

test('a member with an open call is there however long the call waits', async () => {
  const { clock, members } = setup();
  const call = members.callBegins('ann');
  await clock.pass(1000);
  assert.equal(members.size, 1);
  members.callEnds(call);
  await clock.pass(99);
  assert.equal(members.size, 1);
  await clock.pass(1);
  assert.equal(members.size, 0);
});

test('a member that holds a lease is there until it ends, and the time-out after', async () => {
  const { clock, members, holding } = setup();
  holding.add('ann');
  visit(members, 'ann');
  await clock.pass(1000);
  assert.equal(members.size, 1);
  holding.delete('ann');
  members.touch('ann');
  await clock.pass(100);
  assert.equal(members.size, 0);
});

test('a group that nobody joins is empty after the time-out, and later when it is used otherwise', async () => {
  const { clock, members, emptied } = setup();
  await clock.pass(60);
  members.keepAlive();
  await clock.pass(99);
  assert.deepEqual(emptied, []);
  await clock.pass(1);
  assert.deepEqual(emptied, [160]);
});

test('the last member that leaves empties the group; leaving twice, or as nobody, does not', () => {
  const { members, emptied } = setup();
  visit(members, 'ann');
  visit(members, 'bob');
  members.leave('ann');
  members.leave('nobody');
  assert.deepEqual(emptied, []);
  members.leave('bob');
  members.leave('bob');
  assert.deepEqual(emptied, [0]);
});

test('a call that outlives its membership does not end the calls of the next one', async () => {
  const { clock, members } = setup();
  const old = members.callBegins('ann');
  members.leave('ann');
  const next = members.callBegins('ann');
  members.callEnds(old);
  await clock.pass(1000);
  assert.equal(members.size, 1);
  members.callEnds(next);
  await clock.pass(100);
  assert.equal(members.size, 0);
});

test('nor does it keep the next one alive', async () => {
  const { clock, members } = setup();
  const old = members.callBegins('ann');
  members.leave('ann');
  visit(members, 'ann');
  await clock.pass(60);
  members.callEnds(old);
  await clock.pass(40);
  assert.equal(members.size, 0);
});

test('one member more than the limit is refused, a known one is not', () => {
  const { members } = setup();
  for (const memberId of ['a', 'b', 'c', 'a']) visit(members, memberId);
  assert.throws(
    () => members.callBegins('d'),
    (error) => isMqError(error, 'MQ_LIMIT_EXCEEDED'),
  );
  assert.equal(members.size, 3);
});

test('however many members come and go, one timer is armed; after close, none', () => {
  const { clock, members } = setup();
  for (const memberId of ['a', 'b', 'c', 'b', 'a']) visit(members, memberId);
  assert.equal(clock.timerCount, 1);
  members.close();
  assert.equal(clock.timerCount, 0);
  assert.equal(members.size, 0);
});

test('the waiting calls of a member are found by its name, and a stranger has none', () => {
  const { members } = setup();
  const ann = members.callBegins('ann');
  members.callBegins('bob').waiting.add('of bob');
  for (const call of ['one', 'two']) ann.waiting.add(call);
  assert.deepEqual([members.waitingOf('ann'), members.waitingOf('cleo')], [['one', 'two'], []]);
});

test('members stand in the order of their last sign of life, whoever was last before', () => {
  const { members } = setup();
  for (const memberId of ['ann', 'bob', 'cid']) visit(members, memberId);
  members.touch('cid');
  members.touch('ann');
  members.touch('ann');
  assert.deepEqual([...members.ids()], ['bob', 'cid', 'ann']);
  members.leave('ann');
  members.touch('bob');
  visit(members, 'ann');
  members.touch('cid');
  members.touch('ann');
  assert.deepEqual([...members.ids()], ['bob', 'cid', 'ann']);
});
