/** Transactions as callers meet them, where the conformance suite does not look: limits, races, sizes, restarts, the inside. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Broker } from '../../../shared/contract/broker.ts';
import { keepsAll } from '../../../shared/power-cut.ts';
import { SeededRandom } from '../../../shared/random.ts';
import { createBroker as createStage4 } from '../../4-persisted-log/index.ts';
import { openRobust, outcomeOf, read, receiveOne } from './testing/virtual-robust.ts';

test('of owners of one name that begin at the same time one is left, and nobody waits for the others', async () => {
  const { broker } = await openRobust();
  await broker.createTopic('t');
  const begun = await Promise.all(
    Array.from({ length: 5 }, () => broker.begin({ transactionalId: 'billing', timeoutMs: 600_000 })),
  );
  const sent = await Promise.allSettled(begun.map((transaction) => transaction.send('t', { body: 'x' })));
  const codes = sent.map((result) => (result.status === 'fulfilled' ? 'sent' : result.reason.code));
  assert.deepEqual(codes.sort(), [...Array.from({ length: 4 }, () => 'MQ_PRODUCER_FENCED'), 'sent']);
  await (await broker.begin({ transactionalId: 'billing' })).abort();
  const [described] = await broker.describeTopics({ topic: 't' });
  assert.equal(described?.openTransactionCount, 0);
  assert.equal(described?.lastStableOffset, described?.logEndOffset);
  await broker.close();
});

for (const count of [0, 1, 100_000]) {
  test(`an abort of ${count} messages leaves nothing to be seen, and one message after it is read at once`, async () => {
    const { broker } = await openRobust();
    await broker.createTopic('t');
    const transaction = await broker.begin();
    for (let sent = 0; sent < count; sent += 10_000) {
      const messages = Array.from({ length: Math.min(count - sent, 10_000) }, (_, index) => ({ body: `${index}` }));
      await transaction.sendBatch('t', messages);
    }
    await transaction.abort();
    await broker.send('t', { body: 'after' });
    assert.equal(new TextDecoder().decode((await receiveOne(broker, 't')).body), 'after');
    const [described] = await broker.describeTopics({ topic: 't' });
    assert.equal(described?.inFlightCount, 1);
    assert.equal(described?.availableCount, 0);
    await broker.close();
  });
}

test('a transaction across 100 topics is seen in all of them, or in none', async () => {
  const { broker, afterPowerCut } = await openRobust();
  const topics = Array.from({ length: 100 }, (_, index) => `t${index}`);
  for (const end of ['abort', 'commit'] as const) {
    const transaction = await broker.begin();
    await Promise.all(topics.map((topic) => transaction.send(topic, { body: end })));
    await transaction[end]();
  }
  const next = await afterPowerCut();
  for (const topic of topics) assert.deepEqual(await read(next.broker, topic), ['commit'], topic);
  await Promise.all([broker.close(), next.broker.close()]);
});

test('so many transactions as are allowed can be open, and one more when one of them is over', async () => {
  const { broker } = await openRobust({ limits: { transactionsCountMax: 3 } });
  const open = await Promise.all([broker.begin(), broker.begin(), broker.begin()]);
  await assert.rejects(broker.begin(), { code: 'MQ_LIMIT_EXCEEDED' });
  await open[1]?.abort();
  await broker.begin();
  await broker.close();
});

test('a send that waits for room in a transaction is let go when that ends', async () => {
  const { broker } = await openRobust();
  await broker.createTopic('t', { messagesMax: 1 });
  const transaction = await broker.begin();
  await transaction.send('t', { body: 'first' });
  const second = transaction.send('t', { body: 'second' });
  second.catch(() => undefined);
  await transaction.commit();
  await assert.rejects(second, (error) => {
    const { code, details } = error as { code: string; details: { outcome?: string } };
    return code === 'MQ_TRANSACTION_ENDED' && details.outcome === 'committed';
  });
  assert.deepEqual(await read(broker, 't'), ['first']);
  await broker.close();
});

test('a topic that is deleted takes no part any more; the rest of the transaction is committed', async () => {
  const { broker, afterPowerCut } = await openRobust();
  for (const topic of ['kept', 'gone', 'other']) await broker.createTopic(topic);
  const transaction = await broker.begin();
  for (const topic of ['kept', 'gone', 'other']) await transaction.send(topic, { body: topic });
  await broker.deleteTopic('gone');
  await broker.createTopic('gone');
  await broker.send('gone', { body: 'another topic' });
  await transaction.commit();
  for (const { broker: one } of [{ broker }, await afterPowerCut()]) {
    assert.deepEqual(await read(one, 'kept'), ['kept']);
    assert.deepEqual(await read(one, 'other'), ['other']);
    assert.deepEqual(await read(one, 'gone'), ['another topic']);
    await one.close();
  }
});

test('a broker that is closed aborts what is open, and the next start finds nothing undecided', async () => {
  const { broker, afterClose } = await openRobust();
  await broker.createTopic('t');
  const transaction = await broker.begin();
  await transaction.send('t', { body: 'x' });
  const next = await afterClose();
  await assert.rejects(transaction.commit(), { code: 'MQ_TRANSACTION_ENDED' });
  assert.equal(await outcomeOf(next.broker, transaction), 'aborted');
  const [described] = await next.broker.describeTopics({ topic: 't' });
  assert.equal(described?.lastStableOffset, described?.logEndOffset);
  assert.equal(described?.availableCount, 0);
  await next.broker.close();
});

test('a broker that is closed in the middle of a commit: all of it holds after the next start, or nothing', async () => {
  for (const acks of [true, false]) {
    for (let turns = 0; turns < 60; turns += 3) {
      const { broker, disk, on } = await openRobust();
      for (const topic of ['a', 'b']) await broker.createTopic(topic);
      await broker.send('in', { body: 'x' });
      const delivery = await receiveOne(broker, 'in');
      const transaction = await broker.begin();
      for (const topic of ['a', 'b']) await transaction.send(topic, { body: 'y' });
      if (acks) await transaction.ack([delivery]);
      const committed = transaction.commit().then(
        () => true,
        () => false,
      );
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      await broker.close();
      const next = await on(disk);
      const [a, b] = [await read(next.broker, 'a'), await read(next.broker, 'b')];
      assert.deepEqual(a, b);
      if (await committed) assert.deepEqual(a, ['y'], `closed after ${turns} turns`);
      const [described] = await next.broker.describeTopics({ topic: 'in' });
      assert.equal(described?.groups[0]?.lag, acks && a.length === 1 ? 0 : 1, `closed after ${turns} turns`);
      assert.equal(await outcomeOf(next.broker, transaction), a.length === 1 ? 'committed' : 'aborted');
      await next.broker.close();
    }
  }
});

test('a delivery that is acked in a transaction stays in flight beyond its lease, and is nobody else to finish', async () => {
  const { broker, clock } = await openRobust();
  await broker.send('t', { body: 'x' });
  const [delivery] = await broker.receive('t', { leaseMs: 1000 });
  assert.ok(delivery);
  const transaction = await broker.begin();
  await transaction.ack([delivery]);
  await transaction.ack([delivery]); // said again it is the same
  await clock.pass(5000);
  assert.deepEqual(await broker.receive('t'), []);
  for (const call of [broker.ack([delivery]), broker.nack(delivery), broker.extendLease(delivery)]) {
    await assert.rejects(call, { code: 'MQ_LEASE_EXPIRED' });
  }
  await assert.rejects((await broker.begin()).ack([delivery]), { code: 'MQ_LEASE_EXPIRED' });
  await broker.leave('t', { memberId: delivery.memberId });
  assert.deepEqual(await broker.receive('t'), []);
  await transaction.abort();
  const again = await receiveOne(broker, 't');
  assert.equal(again.deliveryCount, 2);
  await broker.close();
});

test('a group that is sought back while a transaction holds its deliveries gets them again, committed or not', async () => {
  const { broker } = await openRobust();
  await broker.sendBatch('t', [{ body: 'a' }, { body: 'b' }]);
  const deliveries = await broker.receive('t', { max: 2 });
  const transaction = await broker.begin();
  await transaction.ack(deliveries);
  await broker.seek('t', { group: 'default', to: 'earliest' });
  await transaction.commit();
  assert.equal((await broker.receive('t', { max: 2 })).length, 2);
  await broker.close();
});

test('a seek after a commit holds, also when the power goes before that is noted as done', async () => {
  const { broker, afterPowerCut } = await openRobust();
  await broker.sendBatch('t', [{ body: 'a' }, { body: 'b' }]);
  const transaction = await broker.begin();
  await transaction.send('other', { body: 'x' });
  await transaction.ack(await broker.receive('t', { max: 2 }));
  await transaction.commit();
  await broker.seek('t', { group: 'default', to: 'earliest' });
  const next = await afterPowerCut();
  assert.equal((await next.broker.receive('t', { max: 2 })).length, 2);
  await Promise.all([broker.close(), next.broker.close()]);
});

test('the inside shows what is open, where readers stop, and how the last ones ended', async () => {
  const { broker, clock } = await openRobust();
  await broker.send('t', { body: 'plain' });
  const [delivery] = await broker.receive('t');
  const ended = await broker.begin();
  await ended.send('t', { body: 'x' });
  await ended.commit();
  const open = await broker.begin({ timeoutMs: 5000, transactionalId: 'me' });
  await open.sendBatch('t', [{ body: 'y' }, { body: 'z' }]);
  if (delivery !== undefined) await open.ack([delivery]);
  await clock.pass(1000);
  const inside = await broker.inspect?.('t', { max: 10 });
  assert.ok(inside?.kind === 'log');
  const [view] = inside.transactions ?? [];
  const { id, state, ageMs, timeoutInMs, recordCount, ackCount, transactionalId } = view ?? {};
  assert.deepEqual(
    { id, state, ageMs, timeoutInMs, recordCount, ackCount, transactionalId },
    { id: open.id, state: 'open', ageMs: 1000, timeoutInMs: 4000, recordCount: 2, ackCount: 1, transactionalId: 'me' },
  );
  const [partition] = inside.partitions;
  assert.equal(partition?.lastStableOffset, 3);
  assert.deepEqual(
    partition?.markers?.map(({ offset, outcome }) => [offset, outcome]),
    [[2, 'committed']],
  );
  await broker.close();
});

async function commitEverywhere(broker: Broker, body: string): Promise<void> {
  const transaction = await broker.begin();
  await Promise.all(['a', 'b'].map((topic) => transaction.send(topic, { body })));
  await transaction.commit();
}

test('a data folder of stage 4 is opened, and stage 4 does not open one in which transactions may lie', async () => {
  const { disk, clock } = await openRobust();
  const folder = { dataFolder: '/of-stage-4', disk, clock, random: new SeededRandom(1) };
  const earlier = await createStage4(folder);
  await earlier.send('t', { body: 'kept' });
  await earlier.close();
  const { broker } = await openRobust({ dataFolder: '/of-stage-4' }, { disk, clock });
  assert.deepEqual(await read(broker, 't'), ['kept']);
  await commitEverywhere(broker, 'x');
  await broker.close();
  await assert.rejects(createStage4(folder), { code: 'MQ_DATA_VERSION' });
});

test('what was acked by a decided transaction is finished by the next start, also when its last lease ended meanwhile', async () => {
  const { broker, disk, clock, on } = await openRobust();
  await broker.createTopic('t');
  await broker.createGroup('t', 'g', { deliveriesMax: 1 });
  await broker.send('t', { body: 'x' });
  const transaction = await broker.begin();
  await transaction.send('other', { body: 'y' });
  await transaction.ack(await broker.receive('t', { group: 'g', leaseMs: 1000 }));
  let isDecided = false;
  disk.onCall = ({ kind, path }) => {
    if (kind === 'sync' && path.includes('/transactions/')) isDecided = true;
    return isDecided && path.includes('/topics/') ? { code: 'EIO' } : undefined;
  };
  transaction.commit().catch(() => undefined);
  await clock.pass(500);
  const left = disk.remains(keepsAll);
  let isLate = false;
  left.onCall = ({ path }) => {
    if (path.includes('dead')) return { code: 'ENOSPC' };
    if (isLate || !path.includes('/transactions/')) return undefined;
    isLate = true;
    return { until: clock.pass(5000) };
  };
  const next = await on(left);
  left.onCall = undefined;
  await clock.pass(120_000);
  const described = await next.broker.describeTopics();
  assert.deepEqual(
    described.map(({ topic, groups }) => [topic, groups[0]?.lag]),
    [
      ['other', undefined],
      ['t', 0],
    ],
    'and there is no dead letter of it',
  );
  assert.deepEqual(await read(next.broker, 'other'), ['y']);
  await next.broker.close();
});

test('a begin that waits for the end of an older owner is let go by its signal, and leaves nothing open', async () => {
  const { broker, disk, clock } = await openRobust({ limits: { transactionsCountMax: 2 } });
  for (const topic of ['a', 'b']) await broker.createTopic(topic);
  const older = await broker.begin({ transactionalId: 'me' });
  for (const topic of ['a', 'b']) await older.send(topic, { body: 'x' });
  let isDecided = false;
  disk.onCall = ({ kind, path }) => {
    if (kind === 'sync' && path.includes('/transactions/')) isDecided = true;
    return isDecided && path.includes('/topics/') ? { code: 'EIO' } : undefined;
  };
  const commit = older.commit();
  await clock.pass(500);
  const caller = new AbortController();
  const begun = broker.begin({ transactionalId: 'me', signal: caller.signal });
  caller.abort();
  await assert.rejects(begun, { code: 'MQ_ABORTED' });
  disk.onCall = undefined;
  await clock.pass(2000);
  await commit;
  await Promise.all([broker.begin(), broker.begin()]); // as many as may be open
  await broker.close();
});
