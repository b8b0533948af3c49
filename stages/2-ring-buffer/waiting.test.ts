/** Calls that wait: who wakes, in which order, and how each of them ends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Broker } from '../../shared/contract/broker.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import type { Delivery } from '../../shared/contract/message.ts';
import { describeTopic, offsetsOf, rejectsWith, setup } from './testing/setup.ts';

async function waiterCountOf(broker: Broker): Promise<number> {
  return (await describeTopic(broker)).waiterCount;
}

test('a thousand receives wait, one message wakes the one that waits longest', async () => {
  const { broker, clock } = await setup(0);
  const answers: Promise<readonly Delivery[]>[] = [];
  for (let index = 0; index < 1000; index += 1) {
    answers.push(broker.receive('t', { memberId: `m${index}`, waitMs: 1000 }));
  }
  await broker.send('t', { body: 'x' });
  const [first] = await Promise.all(answers.slice(0, 1));
  assert.deepEqual(
    first?.map(({ memberId }) => memberId),
    ['m0'],
  );
  assert.equal(await waiterCountOf(broker), 999);
  await clock.pass(1000);
  const rest = await Promise.all(answers.slice(1));
  assert.ok(rest.every((deliveries) => deliveries.length === 0));
  assert.equal(await waiterCountOf(broker), 0);
});

test('one message wakes one waiter of each group', async () => {
  const { broker } = await setup(0);
  const waiting = ['a', 'a', 'b'].map((group) => broker.receive('t', { group, waitMs: 1000 }));
  await broker.send('t', { body: 'x' });
  assert.deepEqual(offsetsOf((await waiting[0]) ?? []), [0]);
  assert.deepEqual(offsetsOf((await waiting[2]) ?? []), [0]);
  assert.equal(await waiterCountOf(broker), 1);
});

test('a batch wakes as many as it has messages for, in the order they came', async () => {
  const { broker } = await setup(0);
  const waiting = [2, 2, 1].map((max) => broker.receive('t', { max, waitMs: 1000 }));
  await broker.sendBatch('t', [{ body: 'a' }, { body: 'b' }, { body: 'c' }]);
  assert.deepEqual(offsetsOf((await waiting[0]) ?? []), [0, 1]);
  assert.deepEqual(offsetsOf((await waiting[1]) ?? []), [2]);
  assert.equal(await waiterCountOf(broker), 1);
});

test('what comes back by expiry, nack or leave wakes a waiter too', async () => {
  const { broker, clock } = await setup(0);
  await broker.send('t', { body: 'x' });
  await broker.receive('t', { memberId: 'ann', leaseMs: 100 });
  const byExpiry = broker.receive('t', { memberId: 'bob', waitMs: 1000 });
  await clock.pass(100);
  const [expired] = await byExpiry;
  assert.equal(expired?.redeliveryReason, 'lease-expired');
  const byNack = broker.receive('t', { memberId: 'cleo', waitMs: 1000 });
  assert.ok(expired !== undefined);
  await broker.nack(expired);
  assert.equal((await byNack)[0]?.redeliveryReason, 'retry');
  const byLeave = broker.receive('t', { memberId: 'dora', waitMs: 1000 });
  await broker.leave('t', { memberId: 'cleo' });
  assert.equal((await byLeave)[0]?.redeliveryReason, 'member-left');
});

test('an aborted receive takes nothing, and the next waiter gets the message', async () => {
  const { broker } = await setup(0);
  const abort = new AbortController();
  const reason = new Error('no longer wanted');
  const aborted = broker.receive('t', { waitMs: 1000, signal: abort.signal });
  const next = broker.receive('t', { waitMs: 1000 });
  abort.abort(reason);
  await assert.rejects(aborted, (error) => isMqError(error, 'MQ_ABORTED') && error.cause === reason);
  await broker.send('t', { body: 'x' });
  assert.deepEqual(offsetsOf(await next), [0]);
  await rejectsWith(broker.receive('t', { signal: abort.signal }), 'MQ_ABORTED');
  await rejectsWith(broker.fetch('t', { offset: 1, waitMs: 9, signal: abort.signal }), 'MQ_ABORTED');
  await rejectsWith(broker.send('t', { body: 'y' }, { signal: abort.signal }), 'MQ_ABORTED');
});

test('deleteTopic fails everything that waits on it', async () => {
  const { broker } = await setup(0, { topic: { messagesMax: 1 } });
  await broker.createGroup('t', 'slow');
  await broker.send('t', { body: 'x' });
  await broker.ack(await broker.receive('t'));
  const waiting = [
    broker.send('t', { body: 'y' }),
    broker.receive('t', { waitMs: 1000 }),
    broker.fetch('t', { offset: 1, waitMs: 1000 }),
  ];
  assert.equal(await waiterCountOf(broker), 3);
  const failures = waiting.map((call) => rejectsWith(call, 'MQ_UNKNOWN_TOPIC'));
  await broker.deleteTopic('t');
  await Promise.all(failures);
  await rejectsWith(broker.describeTopics({ topic: 't' }), 'MQ_UNKNOWN_TOPIC');
});

test('close settles everything: sends reject, readers are answered empty, no timer is left', async () => {
  const { broker, clock } = await setup(0, { topic: { messagesMax: 1 } });
  await broker.createGroup('t', 'slow');
  await broker.send('t', { body: 'x' });
  const held = await broker.receive('t');
  const send = rejectsWith(broker.send('t', { body: 'y' }), 'MQ_CLOSED');
  const receive = broker.receive('t', { waitMs: 1000 });
  const fetch = broker.fetch('t', { offset: 1, waitMs: 1000 });
  await broker.close();
  await broker.close();
  await send;
  assert.deepEqual(await receive, []);
  assert.deepEqual((await fetch).records, []);
  assert.equal(clock.timerCount, 0);
  for (const call of [broker.receive('t'), broker.ack(held), broker.fetch('t'), broker.describeTopics()]) {
    await rejectsWith(call, 'MQ_CLOSED');
  }
});

test('one waiting call more than the limit is refused: sends by themselves, receives and fetches together', async () => {
  const { broker, clock } = await setup(0, { topic: { messagesMax: 1 }, broker: { limits: { waitersCountMax: 2 } } });
  await broker.send('t', { body: 'x' });
  await broker.receive('t', { group: 'a' });
  const waiting = [
    broker.receive('t', { group: 'a', waitMs: 1000 }),
    broker.fetch('t', { offset: 1, waitMs: 1000 }),
    broker.send('t', { body: 'y' }, { timeoutMs: 1000 }),
    broker.send('t', { body: 'z' }, { timeoutMs: 1000 }),
  ];
  await rejectsWith(broker.receive('t', { group: 'a', waitMs: 1000 }), 'MQ_LIMIT_EXCEEDED');
  await rejectsWith(broker.fetch('t', { offset: 1, waitMs: 1000 }), 'MQ_LIMIT_EXCEEDED');
  await rejectsWith(broker.send('t', { body: 'w' }), 'MQ_LIMIT_EXCEEDED');
  assert.deepEqual(await broker.receive('t', { group: 'a' }), [], 'who does not wait is not counted');
  const settled = Promise.allSettled(waiting);
  await clock.pass(1000);
  assert.deepEqual(
    (await settled).map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected', 'rejected'],
  );
});
