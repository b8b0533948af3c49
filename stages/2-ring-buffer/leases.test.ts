/** Leases through the contract: ack, nack, expiry, extension, members that come and go. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Broker } from '../../shared/contract/broker.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import type { Delivery } from '../../shared/contract/message.ts';
import { describeTopic, offsetsOf, rejectsWith, setup } from './testing/setup.ts';

async function receiveOne(broker: Broker, memberId = 'ann'): Promise<Delivery> {
  const [delivery] = await broker.receive('t', { memberId });
  assert.ok(delivery !== undefined);
  return delivery;
}

const floorOf = (broker: Broker): Promise<number> => broker.committed('t', { group: 'default' });

test('the random part of a lease token stands in no message id, no member name and no other group', async () => {
  const { broker } = await setup(0);
  const { id } = await broker.send('t', { body: 'x' });
  const deliveries = [...(await broker.receive('t', { group: 'a' })), ...(await broker.receive('t', { group: 'b' }))];
  const parts = deliveries.map(({ leaseToken }) => (leaseToken ?? '').split('-')[0] ?? '');
  assert.equal(new Set(parts).size, 2);
  for (const part of parts) {
    assert.equal(part.length, 16);
    for (const told of [id, deliveries[0]?.memberId ?? '']) assert.ok(!told.includes(part));
  }
});

describe('ack', () => {
  test('an acked message is never delivered again, one that is not comes back when its lease ends', async () => {
    const { broker, clock } = await setup(2);
    const [first, second] = await broker.receive('t', { max: 2, leaseMs: 500 });
    assert.ok(first !== undefined && second !== undefined);
    assert.equal(second.leaseExpiresAt, clock.now() + 500);
    await broker.ack([first]);
    await clock.pass(499);
    assert.deepEqual(await broker.receive('t', { max: 9 }), []);
    await clock.pass(1);
    const again = await receiveOne(broker);
    assert.deepEqual([again.offset, again.deliveryCount, again.redeliveryReason], [1, 2, 'lease-expired']);
  });

  test('repeating an ack succeeds and changes nothing', async () => {
    const { broker } = await setup(2);
    const first = await receiveOne(broker);
    await broker.ack([first]);
    await broker.ack([first, first]);
    assert.equal(await floorOf(broker), 1);
  });

  test('the last 1,024 accepted tokens are remembered, not the one before', async () => {
    const { broker } = await setup(1025);
    const deliveries = [...(await broker.receive('t', { max: 1024 })), ...(await broker.receive('t'))];
    const [oldest, next] = deliveries;
    assert.ok(oldest !== undefined && next !== undefined);
    await broker.ack(deliveries.slice(0, 1024));
    await broker.ack([oldest]);
    await broker.ack(deliveries.slice(1024));
    await broker.ack([next]);
    await rejectsWith(broker.ack([oldest]), 'MQ_LEASE_EXPIRED');
  });

  test('a zombie cannot ack for its successor, and its successor still can', async () => {
    const { broker, clock } = await setup(1);
    const zombie = await receiveOne(broker, 'ann');
    await clock.pass(30_000);
    const successor = await receiveOne(broker, 'bob');
    await rejectsWith(broker.ack([zombie]), 'MQ_LEASE_EXPIRED');
    await rejectsWith(broker.ack([{ ...successor, memberId: 'ann' }]), 'MQ_LEASE_EXPIRED');
    assert.equal(await floorOf(broker), 0);
    await broker.ack([successor]);
    assert.equal(await floorOf(broker), 1);
  });

  test('valid entries of a list apply, and the error lists those that did not', async () => {
    const { broker, clock } = await setup(3);
    const lost = await receiveOne(broker);
    await clock.pass(30_000);
    const held = await broker.receive('t', { max: 3 });
    const [, second, third] = held;
    assert.ok(second !== undefined && third !== undefined);
    await assert.rejects(broker.ack([second, lost, third]), (error) => {
      assert.ok(isMqError(error, 'MQ_LEASE_EXPIRED'));
      const failed = { topic: 't', partition: 0, offset: 0, leaseToken: lost.leaseToken };
      assert.deepEqual(error.details.failed, [failed]);
      return true;
    });
    await broker.ack(held.slice(0, 1));
    assert.equal(await floorOf(broker), 3);
  });

  test('entries of a topic that is gone do not keep the others from applying', async () => {
    const { broker } = await setup(1);
    await broker.send('gone', { body: 'x' });
    const [lost] = await broker.receive('gone');
    const held = await receiveOne(broker);
    assert.ok(lost !== undefined);
    await broker.deleteTopic('gone');
    await assert.rejects(broker.ack([lost, held]), (error) => {
      assert.ok(isMqError(error, 'MQ_UNKNOWN_TOPIC'));
      assert.equal(error.details.failed?.length, 1);
      return true;
    });
    const expired = { ...held, leaseToken: 'over' };
    await rejectsWith(broker.ack([expired, lost]), 'MQ_LEASE_EXPIRED'); // the first reason names the error
    assert.equal(await floorOf(broker), 1);
  });

  test('a cumulative ack ends the own deliveries up to the offset, not those of others, not later ones', async () => {
    const { broker } = await setup(6);
    const ann = await broker.receive('t', { memberId: 'ann', max: 2 });
    const bob = await broker.receive('t', { memberId: 'bob', max: 1 });
    const more = await broker.receive('t', { memberId: 'ann', max: 3 });
    assert.ok(more[1] !== undefined);
    await broker.ack([more[1]], { cumulative: true });
    const left = await broker.browse('t', { max: 9 });
    assert.deepEqual(
      left.map(({ offset }) => offset),
      [2, 5],
    );
    await broker.ack(ann); // accepted with the others: repeating succeeds
    await broker.ack(bob);
    assert.equal(await floorOf(broker), 5);
  });

  test('a cumulative ack applies once also when the delivery it names was acknowledged before', async () => {
    const { broker } = await setup(5);
    const held = await broker.receive('t', { memberId: 'ann', max: 5 });
    const last = held.slice(-1);
    await broker.ack(last);
    await broker.ack(last, { cumulative: true });
    const { groups, inFlightCount } = await describeTopic(broker);
    assert.deepEqual([groups[0]?.committedOffset, inFlightCount], [5, 0]);
  });

  test('repeating a cumulative ack does not finish what was delivered since', async () => {
    const { broker, clock } = await setup(3);
    const bob = await broker.receive('t', { memberId: 'bob', leaseMs: 100 });
    const [second] = await broker.receive('t', { memberId: 'ann' });
    assert.ok(second !== undefined && bob.length === 1);
    await broker.ack([second], { cumulative: true });
    await clock.pass(100);
    assert.equal((await receiveOne(broker, 'ann')).offset, 0);
    await broker.ack([second], { cumulative: true });
    assert.equal(await floorOf(broker), 0);
  });

  test('an empty list is acked, and one above the limit is refused before anything applies', async () => {
    const { broker } = await setup(3, { broker: { limits: { receiveCountMax: 2 } } });
    await broker.ack([]);
    const held = await broker.receive('t', { max: 2 });
    await rejectsWith(broker.ack([...held, ...held]), 'MQ_INVALID_ARGUMENT');
    assert.equal(await floorOf(broker), 0);
  });
});

describe('nack and extendLease', () => {
  test('a retry raises deliveryCount, a return does not, and both go to the front', async () => {
    const { broker } = await setup(2);
    await broker.nack(await receiveOne(broker));
    const second = await receiveOne(broker);
    assert.deepEqual([second.offset, second.deliveryCount, second.redeliveryReason], [0, 2, 'retry']);
    await broker.nack(second, { outcome: 'return' });
    const third = await receiveOne(broker);
    assert.deepEqual([third.offset, third.deliveryCount, third.redeliveryReason], [0, 2, 'return']);
  });

  test('a nack after an ack, or a second one, finds no lease', async () => {
    const { broker } = await setup(2);
    const [first, second] = await broker.receive('t', { max: 2 });
    assert.ok(first !== undefined && second !== undefined);
    await broker.ack([first]);
    await rejectsWith(broker.nack(first), 'MQ_LEASE_EXPIRED');
    await broker.nack(second);
    await rejectsWith(broker.nack(second), 'MQ_LEASE_EXPIRED');
    await rejectsWith(broker.ack([second]), 'MQ_LEASE_EXPIRED');
    await rejectsWith(broker.extendLease(second), 'MQ_LEASE_EXPIRED');
  });

  test('what stage 2 cannot do with a nack it refuses by capability', async () => {
    const { broker } = await setup(1);
    const delivery = await receiveOne(broker);
    const needs = (capability: string) => (error: unknown) =>
      isMqError(error, 'MQ_NOT_SUPPORTED') && error.details.capability === capability;
    await assert.rejects(broker.nack(delivery, { delayMs: 5 }), needs('delay'));
    await assert.rejects(broker.nack(delivery, { outcome: 'reject' }), needs('dead-letter'));
    await broker.ack([delivery]); // the refused calls left the lease alone
  });

  test('an extended lease runs from now on', async () => {
    const { broker, clock } = await setup(1);
    const delivery = await receiveOne(broker);
    await clock.pass(29_000);
    assert.equal(await broker.extendLease(delivery, { leaseMs: 5000 }), clock.now() + 5000);
    await clock.pass(4999);
    assert.deepEqual(await broker.receive('t'), []);
    await clock.pass(1);
    assert.equal((await receiveOne(broker)).deliveryCount, 2);
  });
});

describe('members', () => {
  test('a thousand deliveries of a member that dies come back in order, each once more', async () => {
    const { broker, clock } = await setup(1000);
    await broker.receive('t', { memberId: 'ann', max: 1000 });
    await clock.pass(30_000);
    const again = await broker.receive('t', { memberId: 'bob', max: 1000 });
    assert.deepEqual(
      offsetsOf(again),
      Array.from({ length: 1000 }, (_, offset) => offset),
    );
    assert.ok(again.every(({ deliveryCount }) => deliveryCount === 2));
    await broker.ack(again);
    assert.equal(await floorOf(broker), 1000);
  });

  test('a member that leaves gives back what it has, which keeps its count, and its own waiting call is answered', async () => {
    const { broker } = await setup(2);
    await broker.nack(await receiveOne(broker));
    const held = await broker.receive('t', { memberId: 'ann', max: 2 });
    assert.deepEqual(
      held.map(({ deliveryCount }) => deliveryCount),
      [2, 1],
    );
    const own = broker.receive('t', { memberId: 'ann', waitMs: 1000 });
    const other = broker.receive('t', { memberId: 'bob', max: 2, waitMs: 1000 });
    await broker.leave('t', { memberId: 'ann' });
    assert.deepEqual(await own, []);
    const taken = await other;
    assert.deepEqual(
      taken.map(({ deliveryCount }) => deliveryCount),
      [2, 1],
    );
    await rejectsWith(broker.ack(held), 'MQ_LEASE_EXPIRED');
    await broker.leave('t', { memberId: 'ann' }); // nobody any more: harmless
  });

  test('a silent member is forgotten, one with a lease is not', async () => {
    const { broker, clock } = await setup(1, { broker: { memberTimeoutMs: 1000 } });
    await broker.receive('t', { memberId: 'ann', leaseMs: 5000 });
    await broker.receive('t', { memberId: 'bob' });
    const idsOf = async (): Promise<string[] | undefined> =>
      (await describeTopic(broker)).groups[0]?.members.map(({ memberId }) => memberId);
    assert.deepEqual(await idsOf(), ['ann', 'bob']);
    await clock.pass(1000);
    assert.deepEqual(await idsOf(), ['ann']);
    await clock.pass(4999);
    assert.deepEqual(await idsOf(), ['ann']);
    await clock.pass(1);
    assert.deepEqual(await idsOf(), []);
  });

  test('however its lease ends, a member is remembered for the time-out from then on', async () => {
    const endings: Record<string, (broker: Broker, delivery: Delivery) => Promise<unknown>> = {
      ack: (broker, delivery) => broker.ack([delivery]),
      nack: (broker, delivery) => broker.nack(delivery),
      seek: (broker) => broker.seek('t', { group: 'default', to: 'latest' }),
      overwrite: (broker) => broker.sendBatch('t', [{ body: 'x' }, { body: 'y' }]),
    };
    for (const [name, end] of Object.entries(endings)) {
      const topicDefaults = { messagesMax: 2, overflow: 'drop-oldest' } as const;
      const { broker, clock } = await setup(1, { broker: { memberTimeoutMs: 1000, topicDefaults } });
      const delivery = await receiveOne(broker);
      await clock.pass(5000);
      await end(broker, delivery);
      await clock.pass(999);
      const memberCount = async (): Promise<number | undefined> =>
        (await describeTopic(broker)).groups[0]?.members.length;
      assert.equal(await memberCount(), 1, name);
      await clock.pass(1);
      assert.equal(await memberCount(), 0, name);
    }
  });

  test('no more than the limit are in flight; whoever waits goes on when one is finished', async () => {
    const { broker } = await setup(5, { broker: { limits: { inFlightCountMax: 2 } } });
    const held = await broker.receive('t', { max: 5 });
    assert.deepEqual(offsetsOf(held), [0, 1]);
    assert.deepEqual(await broker.receive('t', { max: 5 }), []);
    const waiting = broker.receive('t', { max: 5, waitMs: 1000 });
    await broker.ack(held.slice(0, 1));
    assert.deepEqual(offsetsOf(await waiting), [2]);
  });

  test('one member more than the limit is refused', async () => {
    const { broker } = await setup(0, { broker: { limits: { membersCountMax: 1 } } });
    await broker.receive('t', { memberId: 'ann' });
    await rejectsWith(broker.receive('t', { memberId: 'bob' }), 'MQ_LIMIT_EXCEEDED');
    await broker.leave('t', { memberId: 'ann' });
    await broker.receive('t', { memberId: 'bob' });
  });
});
