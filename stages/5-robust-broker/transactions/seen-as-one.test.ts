/** All of a transaction is seen at once: who saw a part of it never misses the rest, in whatever order the disk takes it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Broker } from '../../../shared/contract/broker.ts';
import type { Transaction } from '../../../shared/contract/transaction.ts';
import { textsOf } from '../../4-persisted-log/testing/virtual-broker.ts';
import type { VirtualLife } from '../../4-persisted-log/testing/virtual-life.ts';
import { openRobust, read, receiveOne } from './testing/virtual-robust.ts';

const TOPICS = ['a', 'b'];

interface Decided {
  readonly opened: VirtualLife;
  readonly transaction: Transaction;
}

/** A transaction that wrote to `a` and `b`; `atMarkerOfA` answers each call of the disk for `a` once it is decided. */
async function begun(atMarkerOfA: () => { readonly code: string } | { readonly until: Promise<void> } | undefined) {
  const opened = await openRobust();
  const { broker, disk } = opened;
  for (const topic of TOPICS) await broker.createTopic(topic);
  const transaction = await broker.begin();
  for (const topic of TOPICS) await transaction.send(topic, { body: `to ${topic}` });
  let isDecided = false;
  disk.onCall = ({ kind, path }) => {
    if (kind === 'sync' && path.includes('/transactions/')) isDecided = true;
    return isDecided && path.includes('/t-a-') ? atMarkerOfA() : undefined;
  };
  return { opened, transaction } satisfies Decided;
}

async function seen(broker: Broker): Promise<string[]> {
  return (await Promise.all(TOPICS.map((topic) => read(broker, topic)))).flat();
}

test('while the disk takes longer for one partition, nobody sees the others, and then everybody sees all', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { opened, transaction } = await begun(() => ({ until: promise }));
  const { broker, clock } = opened;
  const commit = transaction.commit();
  await clock.pass(100);
  assert.deepEqual(await seen(broker), []);
  assert.deepEqual(await broker.receive('b'), []);
  const firstSeen = TOPICS.map(async (topic) => {
    const { records } = await broker.fetch(topic, { waitMs: 60_000 });
    return [textsOf(records), await seen(broker)];
  });
  const received = broker.receive('b', { waitMs: 60_000 });
  await clock.pass(100);
  resolve();
  await commit;
  const all = ['to a', 'to b'];
  assert.deepEqual(await Promise.all(firstSeen), [
    [['to a'], all],
    [['to b'], all],
  ]);
  assert.deepEqual(textsOf(await received), ['to b']);
  await broker.close();
});

test('while the disk refuses one partition, nobody sees the others; a reader of them goes on when it is well', async () => {
  let isBroken = true;
  const { opened, transaction } = await begun(() => (isBroken ? { code: 'EIO' } : undefined));
  const { broker, clock } = opened;
  const commit = transaction.commit();
  await clock.pass(5000);
  await broker.send('b', { body: 'behind it' });
  assert.deepEqual(await seen(broker), []);
  const uncommitted = await read(broker, 'b', { isolation: 'read-uncommitted' });
  assert.deepEqual(uncommitted, ['to b', 'behind it']);
  isBroken = false;
  await clock.pass(2000);
  await commit;
  assert.deepEqual(await seen(broker), ['to a', 'to b', 'behind it']);
  await broker.close();
});

test('a partition whose topic is deleted meanwhile holds up nobody any more', async () => {
  let isBroken = true;
  const { opened, transaction } = await begun(() => (isBroken ? { code: 'EIO' } : undefined));
  const { broker, clock } = opened;
  const commit = transaction.commit();
  await clock.pass(2500);
  assert.deepEqual(await read(broker, 'b'), []);
  isBroken = false;
  await broker.deleteTopic('a');
  await clock.pass(2500);
  await commit;
  assert.deepEqual(await read(broker, 'b'), ['to b']);
  await broker.close();
});

test('a crash or a close while it is held: the next start shows all of it', async () => {
  const { opened, transaction } = await begun(() => ({ code: 'EIO' }));
  const { broker, disk, clock, on } = opened;
  const commit = transaction.commit();
  await clock.pass(2500);
  const crashed = await on(disk.remains());
  assert.deepEqual(await seen(crashed.broker), ['to a', 'to b']);
  await crashed.broker.close();
  const closing = broker.close({ timeoutMs: 1000 }).catch(() => undefined);
  await assert.rejects(commit, { code: 'MQ_CLOSED' });
  await clock.pass(2000);
  await closing;
  disk.onCall = undefined;
  const { broker: next } = await on(disk);
  assert.deepEqual(await seen(next), ['to a', 'to b']);
  assert.equal((await receiveOne(next, 'b')).offset, 0);
  await next.close();
});
