/** The broker on a disk that fails: nobody is told what is not so, and it goes on when the disk does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../shared/clock.ts';
import type { Broker } from '../../shared/contract/broker.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import type { Disk } from '../../shared/disk.ts';
import { failNth } from '../../shared/disk-faults.ts';
import { SeededRandom } from '../../shared/random.ts';
import { SimulatedDisk } from '../../shared/simulated-disk.ts';
import { createBroker } from './index.ts';
import { openVirtual } from './testing/virtual-broker.ts';

interface Opened {
  readonly broker: Broker;
  readonly clock: VirtualClock;
  readonly notices: string[];
}

let seed = 0;

async function open(disk: Disk): Promise<Opened> {
  const clock = new VirtualClock();
  const notices: string[] = [];
  seed += 1;
  const random = new SeededRandom(seed);
  const onNotice = (text: string): void => void notices.push(text);
  const broker = await createBroker({
    dataFolder: '/data',
    disk,
    clock,
    random,
    onNotice,
    segmentBytesMax: 2048,
    autoCreateTopics: false,
  });
  return { broker, clock, notices };
}

/** What was promised: `sent` is there, `acked` never comes again. */
interface Promised {
  readonly sent: Set<string>;
  readonly acked: Set<string>;
}

/** Undefined when the disk failed it; any other failure is a defect. */
async function tried<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    const isDisks = isMqError(error, 'MQ_STORAGE_FAILED') || isMqError(error, 'MQ_STORAGE_FULL');
    // What the disk refused to make is not there.
    if (isDisks || isMqError(error, 'MQ_UNKNOWN_TOPIC') || isMqError(error, 'MQ_UNKNOWN_GROUP')) return undefined;
    if (isMqError(error, 'MQ_LEASE_EXPIRED')) return undefined;
    throw error;
  }
}

async function send({ broker }: Opened, body: string, promised: Promised, delayMs?: number): Promise<void> {
  const message = delayMs === undefined ? { body, id: body } : { body, id: body, delayMs };
  if ((await tried(broker.send('orders', message))) !== undefined) promised.sent.add(body);
}

/** A little of everything. */
async function live(opened: Opened, promised: Promised, run: string): Promise<void> {
  const { broker, clock } = opened;
  await tried(broker.createTopic('orders', { partitionCount: 2 }));
  await tried(broker.createGroup('orders', 'g', { deliveriesMax: 2 }));
  for (const index of [0, 1, 2, 3, 4, 5]) await send(opened, `${run}-${index}`, promised);
  await send(opened, `${run}-late`, promised, 50);
  const deliveries = (await tried(broker.receive('orders', { group: 'g', max: 3 }))) ?? [];
  for (const delivery of deliveries.slice(0, 2)) {
    const isAcked = (await tried(broker.ack([delivery]).then(() => true))) ?? false;
    if (isAcked) promised.acked.add(delivery.id);
  }
  const [, , third] = deliveries;
  if (third !== undefined) {
    const isRejected = (await tried(broker.nack(third, { outcome: 'reject' }).then(() => true))) ?? false;
    if (isRejected) promised.acked.add(third.id);
  }
  await clock.pass(100);
  await tried(broker.commit('orders', { group: 'log', partition: 1, offset: 1 }));
}

/** Everything a group gets that has finished nothing, over all partitions. */
async function readAll(broker: Broker): Promise<string[]> {
  const ids: string[] = [];
  for (const partition of [0, 1]) {
    for (let offset = 0; ; ) {
      const { records, nextOffset } = await broker.fetch('orders', { partition, offset, max: 100 });
      ids.push(...records.map(({ id }) => id));
      if (nextOffset === offset) break;
      offset = nextOffset;
    }
  }
  return ids;
}

async function checkPromises(opened: Opened, promised: Promised, what: string): Promise<void> {
  await checkAll(opened, promised, what).catch((error: unknown) => {
    throw new Error(`${what}: ${String(error)}\n${opened.notices.join('\n')}`, { cause: error });
  });
}

async function checkAll({ broker, clock }: Opened, { sent, acked }: Promised, what: string): Promise<void> {
  await clock.pass(60_000);
  const found = await readAll(broker);
  for (const id of sent) assert.equal(found.filter((other) => other === id).length, 1, `${what}: ${id} in the log`);
  const known = (await broker.describeTopics({ topic: 'orders' }))[0]?.groups.some(({ group }) => group === 'g');
  if (!known) return assert.equal(acked.size, 0, `${what}: a group with acks is gone`);
  const again: string[] = [];
  for (;;) {
    const deliveries = await broker.receive('orders', { group: 'g', max: 100 });
    if (deliveries.length === 0) break;
    again.push(...deliveries.map(({ id }) => id));
    await broker.ack(deliveries);
  }
  for (const id of acked) assert.ok(!again.includes(id), `${what}: ${id} was finished and came again`);
}

for (const code of ['EIO', 'ENOSPC']) {
  test(`when the n-th call of the disk fails with ${code}, for every n, all that was answered is true, then and after a power cut`, async () => {
    for (let n = 1; ; n += 1) {
      const disk = new SimulatedDisk();
      const promised: Promised = { sent: new Set(), acked: new Set() };
      const opened = await open(disk);
      const from = disk.callCount;
      disk.onCall = failNth(n, { code });
      await live(opened, promised, 'one');
      const hasFailed = disk.callCount - from >= n;
      disk.onCall = undefined;
      const what = `${code} at call ${n}`;
      await live(opened, promised, 'two').catch((error: unknown) => {
        throw new Error(`${what}: it does not go on`, { cause: error });
      });
      assert.ok(promised.sent.has('two-0') && promised.sent.has('two-late'), `${what}: it goes on`);
      const after = await open(disk.remains()).catch((error: unknown) => {
        throw new Error(`${what}: it does not start again`, { cause: error });
      });
      await checkPromises(after, promised, `${what}, after a power cut`);
      await checkPromises(opened, promised, what);
      await opened.broker.close();
      const again = await open(disk).catch((error: unknown) => {
        throw new Error(`${what}: it does not start after a clean end`, { cause: error });
      });
      await checkPromises(again, promised, `${what}, after a clean end`);
      if (!hasFailed) return assert.ok(n > 40, `${n} calls were tried`);
    }
  });
}

test('flush interval: a journal whose end the disk lost unnoticed is not built upon', async () => {
  const opened = await openVirtual({ flushPolicy: 'interval' });
  const { broker, disk, clock } = opened;
  await broker.createTopic('orders');
  await broker.createGroup('orders', 'g');
  for (const body of ['a', 'b']) await broker.send('orders', { body });
  await clock.pass(5000);
  const delivery = await opened.receiveOne('orders', 'g');
  const [folder] = await disk.list('/data/topics');
  const journal = `/data/topics/${folder}/groups/00000000000000000000.log`;
  const file = await disk.open(journal, 'read');
  const bytes = new Uint8Array(await file.size());
  await file.read(bytes, 0);
  await file.close();
  disk.flipBit(journal, bytes.findLastIndex((byte) => byte !== 0) * 8); // what the lease was written as never reached the platter
  disk.onCall = failNth(1, { isMeant: ({ kind, path }) => kind === 'sync' && path === journal });
  await clock.pass(1000);
  disk.onCall = undefined;
  assert.equal(opened.notices.filter((text) => text.includes('the disk lost')).length, 1);
  await broker.ack([delivery]);
  const next = await opened.afterKill();
  assert.deepEqual(await next.drain('orders', 'g'), ['b']);
  await Promise.all([broker.close(), next.broker.close()]);
});
