/** Delayed messages of the broker of stage 4: on time, once, and through every kind of end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../shared/random.ts';
import { atEveryCall, openVirtual } from './testing/virtual-broker.ts';

const HOUR_MS = 60 * 60 * 1000;
const YEAR_MS = 365 * 24 * HOUR_MS;

test('a delayed message survives a power cut and comes on time, not before', async () => {
  const one = await openVirtual();
  const receipt = await one.broker.send('t', { body: 'late', delayMs: 1000 });
  assert.deepEqual([receipt.offset, receipt.deliverAt], [null, one.clock.now() + 1000]);
  const two = await one.afterPowerCut();
  await two.clock.pass(999);
  assert.deepEqual(await two.drain('t'), []);
  await two.clock.pass(1);
  assert.deepEqual(await two.drain('t'), ['late']);
});

test('what fell due while the broker was down comes as soon as it is up, in the order of its time', async () => {
  const one = await openVirtual();
  for (const delayMs of [300, 100, 200]) await one.broker.send('t', { body: `${delayMs}`, delayMs });
  await one.broker.close();
  await one.clock.pass(HOUR_MS);
  const two = await one.afterClose();
  await two.clock.pass(0);
  assert.deepEqual(await two.drain('t'), ['100', '200', '300']);
});

test('ten years ahead is ten years, though a timer of Node holds twenty-five days', async () => {
  const { broker, clock, drain } = await bound();
  await broker.send('t', { body: 'far', delayMs: 10 * YEAR_MS });
  await clock.pass(10 * YEAR_MS - 1);
  assert.deepEqual(await drain('t'), []);
  await clock.pass(1);
  assert.deepEqual(await drain('t'), ['far']);
});

test('ten thousand of them come each at its own millisecond', async () => {
  const { broker, clock } = await bound();
  const random = new SeededRandom(7);
  const delays = Array.from({ length: 10_000 }, () => 1 + random.below(5000));
  const startAt = clock.now();
  await broker.createTopic('t');
  for (let from = 0; from < delays.length; from += 500) {
    const messages = delays.slice(from, from + 500).map((delayMs) => ({ body: '', id: `${delayMs}-`, delayMs }));
    await broker.sendBatch('t', messages);
  }
  await clock.pass(5001);
  const late: number[] = [];
  for (let offset = 0; offset < delays.length; ) {
    const { records, nextOffset } = await broker.fetch('t', { offset, max: 1000 });
    for (const { id, timestamp } of records) late.push(timestamp - startAt - Number.parseInt(id, 10));
    offset = nextOffset;
  }
  assert.equal(late.length, delays.length);
  assert.deepEqual(new Set(late), new Set([0]));
});

test('a delayed message is due by the wall clock: an hour forward brings it within a minute, an hour back keeps it', async () => {
  const forward = await bound();
  await forward.broker.send('t', { body: 'a', delayMs: 2 * HOUR_MS });
  forward.clock.jumpWallClock(2 * HOUR_MS);
  await forward.clock.pass(61_000);
  assert.deepEqual(await forward.drain('t'), ['a']);
  const back = await bound();
  await back.broker.send('t', { body: 'a', delayMs: 1000 });
  back.clock.jumpWallClock(-HOUR_MS);
  await back.clock.pass(HOUR_MS);
  assert.deepEqual(await back.drain('t'), []);
  await back.clock.pass(1000);
  assert.deepEqual(await back.drain('t'), ['a']);
});

test('a power cut at any moment while it is moved leaves it there once', async () => {
  const count = await atEveryCall(
    async () => {
      const opened = await openVirtual();
      await opened.broker.send('t', { body: 'late', delayMs: 10 });
      await opened.broker.send('t', { body: 'later', delayMs: 20 });
      return opened;
    },
    async ({ clock, broker }) => {
      await clock.pass(30);
      await broker.send('t', { body: 'end' });
    },
    async (disk, { opened, call }) => {
      const after = await opened.on(disk);
      await after.clock.pass(1000);
      const found = (await after.read('t')).filter((body) => body !== 'end');
      assert.deepEqual(found, ['late', 'later'], `at call ${call}`);
      const [description] = await after.broker.describeTopics();
      assert.equal(description?.delayedCount, 0);
    },
  );
  assert.ok(count > 4, `${count} moments`);
});

test('while the disk fails it waits, and it is moved once when the disk works again', async () => {
  const { broker, clock, disk, read, notices } = await bound();
  await broker.send('t', { body: 'late', delayMs: 10 });
  disk.onCall = ({ kind }) => (kind === 'sync' ? { code: 'EIO' } : undefined);
  await clock.pass(3000);
  assert.deepEqual(await read('t'), []);
  assert.match(notices.join('\n'), /delayed messages wait/);
  disk.onCall = undefined;
  await clock.pass(1500);
  assert.deepEqual(await read('t'), ['late']);
});

test('one whose life ended before it was due is never delivered, also not to a receive that waits', async () => {
  const { broker, clock, read } = await bound();
  await broker.send('t', { body: 'dead', delayMs: 500, ttlMs: 100 });
  await broker.send('t', { body: 'alive', delayMs: 500, ttlMs: 1000 });
  const waiting = broker.receive('t', { max: 2, waitMs: 2000 });
  await clock.pass(600);
  assert.deepEqual(
    (await waiting).map(({ body, expiresAt }) => [new TextDecoder().decode(body), expiresAt]),
    [['alive', clock.now() + 400]],
  );
  assert.deepEqual(await read('t'), ['alive']);
});

test('a delayed message goes to the partition of its key, or the one it was sent to', async () => {
  const { broker, clock } = await bound();
  await broker.createTopic('t', { partitionCount: 5 });
  const now = await broker.send('t', { body: 'now', key: 'k' });
  const late = await broker.send('t', { body: 'late', key: 'k', delayMs: 10 });
  const fourth = await broker.send('t', { body: 'fourth', delayMs: 10 }, { partition: 4 });
  assert.deepEqual([late.partition, fourth.partition], [now.partition, 4]);
  await clock.pass(20);
  const ofKey = await broker.fetch('t', { partition: now.partition, max: 9 });
  assert.deepEqual(ofKey.records.map(({ offset, key }) => [offset, key]).slice(0, 2), [
    [0, 'k'],
    [1, 'k'],
  ]);
  assert.equal((await broker.fetch('t', { partition: 4, max: 9 })).records.at(-1)?.id, fourth.id);
});

test('a message keeps its id, headers, key and priority on the way', async () => {
  const { broker, clock } = await bound();
  const { id } = await broker.send('t', { body: 'a', key: 'k', headers: { a: 'b' }, priority: 7, delayMs: 10 });
  await clock.pass(20);
  const [record] = (await broker.fetch('t')).records;
  assert.deepEqual([record?.id, record?.key, { ...record?.headers }, record?.priority], [id, 'k', { a: 'b' }, 7]);
});

test('delayed messages take room from the start, and none when they are moved', async () => {
  const { broker, clock } = await bound();
  await broker.createTopic('t', { messagesMax: 2, overflow: 'reject' });
  await broker.send('t', { body: 'a', delayMs: 100 });
  await broker.send('t', { body: 'b' });
  await assert.rejects(broker.send('t', { body: 'c' }), { code: 'MQ_QUEUE_FULL' });
  await clock.pass(200);
  assert.equal((await broker.fetch('t', { max: 9 })).records.length, 2);
  await assert.rejects(broker.send('t', { body: 'c' }), { code: 'MQ_QUEUE_FULL' });
});

test('what a topic has waiting is told, soonest first', async () => {
  const { broker, clock } = await bound();
  for (const delayMs of [300, 100, 200]) await broker.send('t', { body: `in ${delayMs}`, id: `${delayMs}`, delayMs });
  await clock.pass(50);
  const inside = await broker.inspect?.('t', { max: 2 });
  assert(inside?.kind === 'log');
  assert.deepEqual(inside.delayed, [
    { id: '100', dueInMs: 50, preview: 'in 100' },
    { id: '200', dueInMs: 150, preview: 'in 200' },
  ]);
  assert.equal(inside.delayedCount, 3);
});

/** Its members, to be used one by one. */
async function bound() {
  const opened = await openVirtual();
  const { broker, clock, disk, notices } = opened;
  const drain = (topic: string): Promise<string[]> => opened.drain(topic);
  const read = (topic: string): Promise<string[]> => opened.read(topic);
  return { broker, clock, disk, notices, drain, read };
}

test('a snapshot taken while a message is moved does not make a power cut move it twice', async () => {
  const opened = await openVirtual();
  const { broker, disk, clock } = opened;
  await broker.createTopic('t');
  await broker.send('t', { body: 'far', delayMs: 1_000_000 });
  await broker.send('t', { body: 'late', delayMs: 1000 });
  const { promise: until, resolve } = Promise.withResolvers<void>();
  disk.onCall = ({ kind, path }) => (kind === 'sync' && path.includes('/p0/') ? { until } : undefined);
  await clock.pass(1000);
  const [folder] = await disk.list('/data/topics');
  const snapshotCount = async (): Promise<number> => (await disk.list(`/data/topics/${folder}/snapshots`)).length;
  const before = await snapshotCount();
  const body = new Uint8Array(1024 * 1024);
  while ((await snapshotCount()) === before) await broker.send('t', { body, delayMs: 1_000_000 });
  disk.onCall = undefined;
  resolve();
  await clock.pass(0);
  const next = await opened.afterPowerCut();
  await clock.pass(1000);
  assert.deepEqual(await next.read('t'), ['late']);
  await Promise.all([broker.close(), next.broker.close()]);
});

test('a message that was moved, and that the disk could not forget, is not moved again after a restart', async () => {
  const opened = await openVirtual();
  const { broker, disk, clock } = opened;
  await broker.createTopic('t');
  await broker.send('t', { body: 'late', delayMs: 1000 });
  disk.onCall = ({ path }) => (/\/delayed\/log-state/.test(path) ? { code: 'EIO' } : undefined);
  await clock.pass(1000);
  const [folder] = await disk.list('/data/topics');
  const snapshotCount = async (): Promise<number> => (await disk.list(`/data/topics/${folder}/snapshots`)).length;
  const before = await snapshotCount();
  const body = new Uint8Array(1024 * 1024);
  while ((await snapshotCount()) === before) await broker.send('t', { body });
  const next = await opened.afterPowerCut();
  await clock.pass(1000);
  const bodies = await next.read('t');
  assert.equal(bodies.filter((each) => each === 'late').length, 1);
  await Promise.allSettled([broker.close(), next.broker.close()]);
});

test('a delayed message that cannot be read keeps no other back, and comes when it can be', async () => {
  const opened = await openVirtual();
  const { broker, clock, disk } = opened;
  await broker.send('t', { body: 'first', delayMs: 1000 });
  // More than is kept in memory of delayed messages, so that the first one has to be read.
  for (let index = 0; index < 6; index += 1)
    await broker.send('t', { body: Buffer.alloc(1_000_000), delayMs: YEAR_MS });
  await broker.send('t', { body: 'second', delayMs: 1000 });
  disk.onCall = ({ kind, path, position }) =>
    kind === 'read' && path.includes('/delayed/') && position < 5000 ? { code: 'EIO' } : undefined;
  await clock.pass(1500);
  assert.deepEqual(await opened.drain('t'), ['second']);
  disk.onCall = undefined;
  await clock.pass(1000);
  assert.deepEqual(await opened.drain('t'), ['first']);
  await broker.close();
});
