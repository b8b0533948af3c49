/** Groups through the contract: who sees what, of which kind a group is, and how long it lives. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Broker } from '../../shared/contract/broker.ts';
import type { GroupDescription } from '../../shared/contract/description.ts';
import { describeTopic, offsetsOf, rejectsWith, setup } from './testing/setup.ts';

async function groupsOf(broker: Broker): Promise<readonly GroupDescription[]> {
  return (await describeTopic(broker)).groups;
}

describe('who sees what', () => {
  test('every group sees every message, members of one group share', async () => {
    const { broker } = await setup(4);
    const ann = await broker.receive('t', { group: 'a', memberId: 'ann', max: 3 });
    const bob = await broker.receive('t', { group: 'a', memberId: 'bob', max: 3 });
    const other = await broker.receive('t', { group: 'b', max: 10 });
    assert.deepEqual([...offsetsOf(ann), ...offsetsOf(bob)], [0, 1, 2, 3]);
    assert.deepEqual(offsetsOf(other), [0, 1, 2, 3]);
  });

  test('a durable group gets what was sent while nobody read', async () => {
    const { broker } = await setup(1);
    await broker.ack(await broker.receive('t', { group: 'a' }));
    await broker.send('t', { body: 'meanwhile' });
    assert.deepEqual(offsetsOf(await broker.receive('t', { group: 'a', max: 9 })), [1]);
  });

  test('a group that comes later starts at the earliest held record, also after others have finished it', async () => {
    const { broker } = await setup(2);
    await broker.ack(await broker.receive('t', { group: 'first', max: 9 }));
    assert.deepEqual(offsetsOf(await broker.receive('t', { group: 'late', max: 9 })), [0, 1]);
  });

  test('bytesMax ends an answer early, but one delivery always comes', async () => {
    const { broker } = await setup(3);
    const bytes = 1 + ((await broker.fetch('t')).records[0]?.id.length ?? 0);
    assert.deepEqual(offsetsOf(await broker.receive('t', { group: 'a', max: 9, bytesMax: 2 * bytes })), [0, 1]);
    assert.deepEqual(offsetsOf(await broker.receive('t', { group: 'b', max: 9, bytesMax: 1 })), [0]);
  });

  test('a group starts where it was told: earliest, latest or at an offset', async () => {
    const { broker } = await setup(3);
    await broker.createGroup('t', 'latest', { start: 'latest' });
    await broker.createGroup('t', 'second', { start: { offset: 1 } });
    await broker.createGroup('t', 'earliest');
    await broker.send('t', { body: 'new' });
    assert.deepEqual(offsetsOf(await broker.receive('t', { group: 'latest', max: 9 })), [3]);
    assert.deepEqual(offsetsOf(await broker.receive('t', { group: 'second', max: 9 })), [1, 2, 3]);
    assert.deepEqual(offsetsOf(await broker.receive('t', { group: 'earliest', max: 9 })), [0, 1, 2, 3]);
    await rejectsWith(broker.createGroup('t', 'beyond', { start: { offset: 9 } }), 'MQ_OFFSET_OUT_OF_RANGE');
  });

  test('browse lists what the group has not finished, without taking it', async () => {
    const { broker } = await setup(4);
    const [first, second] = await broker.receive('t', { max: 2 });
    assert.ok(first !== undefined && second !== undefined);
    await broker.ack([second]);
    const browsed = await broker.browse('t', { max: 9 });
    assert.deepEqual(
      browsed.map(({ offset, state, deliveryCount }) => [offset, state, deliveryCount]),
      [
        [0, 'in-flight', 1],
        [2, 'available', 0],
        [3, 'available', 0],
      ],
    );
    assert.deepEqual(
      (await broker.browse('t', { max: 1, after: 0 })).map(({ offset }) => offset),
      [2],
    );
    await broker.nack(first);
    const [again] = await broker.browse('t');
    assert.deepEqual([again?.offset, again?.state, again?.deliveryCount], [0, 'available', 1]);
    await rejectsWith(broker.browse('t', { group: 'nobody' }), 'MQ_UNKNOWN_GROUP');
  });
});

describe('kinds', () => {
  test('a first receive makes a queue group, which refuses a commit', async () => {
    const { broker } = await setup(1);
    await broker.receive('t', { group: 'g' });
    await rejectsWith(broker.commit('t', { group: 'g', offset: 1 }), 'MQ_GROUP_KIND');
    assert.equal((await groupsOf(broker))[0]?.kind, 'queue');
  });

  test('a first commit makes a log group, which refuses a receive', async () => {
    const { broker } = await setup(1);
    assert.equal(await broker.commit('t', { group: 'g', offset: 1 }), 1);
    await rejectsWith(broker.receive('t', { group: 'g' }), 'MQ_GROUP_KIND');
    assert.equal((await groupsOf(broker))[0]?.kind, 'log');
  });

  test('looking, seeking and an empty-handed createGroup decide nothing', async () => {
    const { broker } = await setup(2);
    await broker.createGroup('t', 'g');
    await broker.committed('t', { group: 'g' });
    await broker.browse('t', { group: 'g' });
    await broker.seek('t', { group: 'g', to: { offset: 1 } });
    assert.equal((await groupsOf(broker))[0]?.kind, 'undecided');
    assert.deepEqual(offsetsOf(await broker.receive('t', { group: 'g', max: 9 })), [1]);
  });
});

describe('life', () => {
  test('createGroup is idempotent for equal options and refuses others', async () => {
    const { broker } = await setup(2);
    await broker.createGroup('t', 'g', { start: { offset: 1 }, onOutOfRange: 'latest' });
    await broker.createGroup('t', 'g', { start: { offset: 1 }, onOutOfRange: 'latest' });
    await rejectsWith(broker.createGroup('t', 'g', { start: { offset: 0 } }), 'MQ_GROUP_EXISTS');
    await rejectsWith(broker.createGroup('t', 'g'), 'MQ_GROUP_EXISTS');
    await broker.receive('t', { group: 'made-by-receive' });
    await broker.createGroup('t', 'made-by-receive');
  });

  test('a deleted group is gone with its leases, and waiting receives hear of it', async () => {
    const { broker } = await setup(1);
    const [delivery] = await broker.receive('t', { group: 'g' });
    assert.ok(delivery !== undefined);
    const waiting = broker.receive('t', { group: 'g', waitMs: 1000 });
    await broker.deleteGroup('t', 'g');
    await rejectsWith(waiting, 'MQ_UNKNOWN_GROUP');
    await rejectsWith(broker.ack([delivery]), 'MQ_UNKNOWN_GROUP');
    await rejectsWith(broker.deleteGroup('t', 'g'), 'MQ_UNKNOWN_GROUP');
    const [again] = await broker.receive('t', { group: 'g' });
    assert.deepEqual([again?.offset, again?.deliveryCount], [0, 1]);
    await rejectsWith(broker.ack([delivery]), 'MQ_LEASE_EXPIRED'); // a token of the group's earlier life
  });

  test('an ephemeral group sees only what is sent after it, and dies with its last member', async () => {
    const { broker } = await setup(2);
    await broker.createGroup('t', 'live', { isEphemeral: true });
    assert.deepEqual(await broker.receive('t', { group: 'live', memberId: 'ann' }), []);
    await broker.receive('t', { group: 'live', memberId: 'bob' });
    await broker.send('t', { body: 'now' });
    assert.deepEqual(offsetsOf(await broker.receive('t', { group: 'live', memberId: 'ann' })), [2]);
    await broker.leave('t', { group: 'live', memberId: 'ann' });
    const [again] = await broker.receive('t', { group: 'live', memberId: 'bob' });
    assert.deepEqual([again?.offset, again?.deliveryCount, again?.redeliveryReason], [2, 1, 'member-left']);
    await broker.leave('t', { group: 'live', memberId: 'bob' });
    assert.deepEqual(await groupsOf(broker), []);
  });

  test('an ephemeral group dies when its last member has been silent too long', async () => {
    const { broker, clock } = await setup(0, { broker: { memberTimeoutMs: 1000 } });
    await broker.createGroup('t', 'live', { isEphemeral: true });
    const waiting = broker.receive('t', { group: 'live', waitMs: 5000 });
    await clock.pass(5000);
    assert.deepEqual(await waiting, [], 'a member that waits is not silent');
    await clock.pass(999);
    assert.equal((await groupsOf(broker)).length, 1);
    await clock.pass(1);
    assert.equal((await groupsOf(broker)).length, 0);
  });

  test('an ephemeral group that nobody joins dies too, a durable one never', async () => {
    const { broker, clock } = await setup(0, { broker: { memberTimeoutMs: 1000 } });
    await broker.createGroup('t', 'live', { isEphemeral: true });
    await broker.createGroup('t', 'kept');
    await clock.pass(1000);
    assert.deepEqual(
      (await groupsOf(broker)).map(({ group }) => group),
      ['kept'],
    );
  });

  test('an ephemeral log group lives as long as it is used', async () => {
    const { broker, clock } = await setup(2, { broker: { memberTimeoutMs: 1000 } });
    await broker.createGroup('t', 'live', { isEphemeral: true, start: 'earliest' });
    await clock.pass(700);
    await broker.commit('t', { group: 'live', offset: 1 });
    await clock.pass(700);
    assert.equal(await broker.committed('t', { group: 'live' }), 1);
    await clock.pass(1000);
    await rejectsWith(broker.committed('t', { group: 'live' }), 'MQ_UNKNOWN_GROUP');
  });

  test('names of groups and members that are properties of objects are names like any other', async () => {
    const { broker } = await setup(1);
    for (const name of ['__proto__', 'constructor', 'toString']) {
      const deliveries = await broker.receive('t', { group: name, memberId: name });
      assert.deepEqual(offsetsOf(deliveries), [0]);
      await broker.ack(deliveries);
    }
    assert.equal((await groupsOf(broker)).length, 3);
  });

  test('one group more than the limit is refused', async () => {
    const { broker } = await setup(0, { broker: { limits: { groupsCountMax: 2 } } });
    await broker.createGroup('t', 'a');
    await broker.receive('t', { group: 'b' });
    await rejectsWith(broker.createGroup('t', 'c'), 'MQ_LIMIT_EXCEEDED');
    await rejectsWith(broker.receive('t', { group: 'c' }), 'MQ_LIMIT_EXCEEDED');
    await broker.deleteGroup('t', 'a');
    await broker.createGroup('t', 'c');
  });
});
