/** How the broker of stage 4 begins and ends: options, folders, locks, versions, damage. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { failNth } from '../../shared/disk-faults.ts';
import { SimulatedDisk } from '../../shared/simulated-disk.ts';
import { createBroker, type LogBrokerOptions } from './index.ts';
import { openVirtual } from './testing/virtual-broker.ts';
import { DATA_FOLDER } from './testing/virtual-life.ts';

test('options that are misspelt or impossible are refused with their path, before anything is made', async () => {
  const wrong: readonly (readonly [unknown, string])[] = [
    [{ dataFolder: '' }, 'options.dataFolder'],
    [{ dataFolder: 7 }, 'options.dataFolder'],
    [{ disk: {} }, 'options.disk'],
    [{ flushPolicy: 'sometimes' }, 'options.flushPolicy'],
    [{ flushIntervalMs: 0 }, 'options.flushIntervalMs'],
    [{ segmentBytesMax: -1 }, 'options.segmentBytesMax'],
    [{ cacheBytesMax: 0.5 }, 'options.cacheBytesMax'],
    [{ codec: 'rar' }, 'options.codec'],
    [{ diskReserveBytes: -1 }, 'options.diskReserveBytes'],
    [{ onNotice: 'no' }, 'options.onNotice'],
    [{ datafolder: '/data' }, 'options.datafolder'],
    [{ topicDefaults: { messagesMax: 0 } }, 'options.topicDefaults.messagesMax'],
    [{ limits: { batchCountMax: 0 } }, 'limits.batchCountMax'],
  ];
  for (const [options, path] of wrong) {
    const disk = new SimulatedDisk();
    const call = createBroker({ dataFolder: DATA_FOLDER, disk, ...(options as LogBrokerOptions) });
    await assert.rejects(call, { code: 'MQ_INVALID_ARGUMENT', details: { path } }, path);
    assert.equal(disk.callCount, 0, path);
  }
});

test('without a folder it works in a temporary one, and leaves nothing behind', async () => {
  const before = await temporaryFolders();
  const broker = await createBroker();
  const receipt = await broker.send('t', { body: 'a' });
  assert.equal(receipt.durability, 'synced');
  const during = await temporaryFolders();
  assert.ok(during.some((name) => !before.includes(name)));
  await broker.close();
  const after = await temporaryFolders();
  assert.deepEqual(
    during.filter((name) => !before.includes(name) && after.includes(name)),
    [],
  );
});

async function temporaryFolders(): Promise<string[]> {
  return (await readdir(tmpdir())).filter((name) => name.startsWith('stagemq-'));
}

test('a folder of this machine keeps what was sent to it, and is held by one broker at a time', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mq-lifecycle-'));
  try {
    const dataFolder = join(folder, 'data');
    const one = await createBroker({ dataFolder });
    await one.send('orders', { body: 'tea' });
    await assert.rejects(createBroker({ dataFolder }), { code: 'MQ_DATA_LOCKED' });
    await one.close();
    const two = await createBroker({ dataFolder });
    assert.equal((await two.receive('orders')).length, 1);
    await two.close();
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('each flush policy says on the receipt how safe a message is', async () => {
  for (const [flushPolicy, durability] of [
    ['always', 'synced'],
    ['interval', 'written'],
    ['never', 'written'],
  ] as const) {
    const { broker } = await openVirtual({ flushPolicy });
    assert.equal((await broker.send('t', { body: 'a' })).durability, durability, flushPolicy);
  }
});

test('under interval what was sent is on the disk an interval later; under never after a clean end', async () => {
  const one = await openVirtual({ flushPolicy: 'interval', flushIntervalMs: 200 });
  await one.broker.send('t', { body: 'a' });
  await one.clock.pass(201);
  assert.deepEqual(await (await one.afterPowerCut()).drain('t'), ['a']);
  const two = await openVirtual({ flushPolicy: 'never' });
  await two.broker.send('t', { body: 'a' });
  await two.clock.pass(60_000);
  assert.deepEqual(await (await two.afterKill()).drain('t'), ['a']);
  await two.broker.close();
  assert.deepEqual(await (await two.afterPowerCut()).drain('t'), ['a']);
});

test('whatever the codec, what was sent is what is received, also after a restart', async () => {
  for (const codec of ['none', 'gzip', 'zstd'] as const) {
    const opened = await openVirtual({ codec });
    const messages = Array.from({ length: 200 }, (_, index) => ({
      body: JSON.stringify({ order: index, drink: 'tea' }),
    }));
    await opened.broker.sendBatch('t', messages);
    const after = await opened.afterPowerCut();
    assert.deepEqual(
      await after.drain('t'),
      messages.map(({ body }) => body),
      codec,
    );
  }
});

test('a topic that is made again under its name has none of the old messages, also after a power cut', async () => {
  const opened = await openVirtual();
  const { broker } = opened;
  await broker.send('t', { body: 'old', delayMs: 1000 });
  await broker.send('t', { body: 'old' });
  await broker.commit('t', { group: 'log', offset: 1 });
  await Promise.all([broker.deleteTopic('t'), broker.createTopic('t'), broker.send('t', { body: 'new' })]);
  for (const one of [opened, await opened.afterPowerCut()]) {
    await one.clock.pass(2000);
    assert.deepEqual(await one.read('t'), ['new']);
    assert.deepEqual((await one.broker.describeTopics())[0]?.groups, []);
  }
});

test('a damaged topic says so by every call, is told about, and does not touch the others', async () => {
  const opened = await openVirtual();
  const { broker, disk } = opened;
  await broker.send('bad', { body: 'a' });
  await broker.send('good', { body: 'b' });
  const folders = await disk.list(`${DATA_FOLDER}/topics`);
  const bad = folders.find((name) => name.startsWith('t-bad'));
  disk.flipBit(`${DATA_FOLDER}/topics/${bad}/topic.json`, 100);
  const after = await opened.afterKill();
  assert.deepEqual(await after.drain('good'), ['b']);
  assert.match(after.notices.join('\n'), /cannot be opened/);
  assert.deepEqual(
    (await after.broker.describeTopics()).map(({ topic }) => topic),
    ['good'],
  );
});

test('a topic whose log is damaged refuses with MQ_CORRUPT until it is deleted', async () => {
  const opened = await openVirtual();
  const { broker, disk } = opened;
  for (const body of ['a', 'b', 'c']) await broker.send('bad', { body });
  const [folder] = await disk.list(`${DATA_FOLDER}/topics`);
  disk.flipBit(`${DATA_FOLDER}/topics/${folder}/p0/00000000000000000000.log`, 8 * 100);
  const after = await opened.afterKill();
  for (const call of [
    after.broker.send('bad', { body: 'd' }),
    after.broker.receive('bad'),
    after.broker.createTopic('bad'),
    after.broker.describeTopics({ topic: 'bad' }),
  ]) {
    await assert.rejects(call, { code: 'MQ_CORRUPT' });
  }
  await after.broker.deleteTopic('bad');
  await after.broker.send('bad', { body: 'new' });
  assert.deepEqual(await after.read('bad'), ['new']);
});

test('a clean end leaves nothing open and is told from a crash at the next start', async () => {
  const opened = await openVirtual();
  await opened.broker.send('t', { body: 'a', delayMs: 1000 });
  await opened.broker.send('t', { body: 'b' });
  await opened.drain('t');
  const crashed = await opened.afterPowerCut();
  assert.match(crashed.notices.join('\n'), /not closed in order/);
  await opened.broker.close();
  assert.deepEqual(opened.disk.openPaths, []);
  assert.equal(opened.clock.timerCount, crashed.clock.timerCount);
  const clean = await opened.on(opened.disk);
  assert.deepEqual(clean.notices, []);
});

test('close resolves when the disk hangs, after the time it was given', async () => {
  const opened = await openVirtual();
  const { broker, disk, clock } = opened;
  await broker.send('t', { body: 'a' });
  disk.onCall = () => ({ until: new Promise(() => undefined) });
  const closing = broker.close({ timeoutMs: 100 });
  await clock.pass(10_000);
  await closing;
  await assert.rejects(broker.send('t', { body: 'b' }), { code: 'MQ_CLOSED' });
});

test('sends that are under way when it closes are answered as it is: stored, or refused', async () => {
  const opened = await openVirtual();
  const { broker } = opened;
  await broker.createTopic('t');
  const sends = Array.from({ length: 50 }, (_, index) => broker.send('t', { body: `${index}` }));
  const closing = broker.close();
  const results = await Promise.allSettled(sends);
  await closing;
  const stored = results.flatMap((result, index) => (result.status === 'fulfilled' ? [`${index}`] : []));
  assert.deepEqual(await (await opened.on(opened.disk)).read('t'), stored);
});

test('the topics of a broker that ended in the middle of making one are whole', async () => {
  const one = await openVirtual();
  const from = one.disk.callCount;
  for (let call = 1; call < 40; call += 1) {
    const opened = await openVirtual();
    let cut: SimulatedDisk | undefined;
    opened.disk.onCall = ({ number }) => {
      if (number === from + call) cut = opened.disk.remains(() => true);
      return undefined;
    };
    await opened.broker.createTopic('t', { partitionCount: 2 });
    if (cut === undefined) break;
    const after = await opened.on(cut);
    await after.broker.send('t', { body: 'a' }, { partition: 0 });
    assert.deepEqual(await after.drain('t'), ['a'], `at call ${call}`);
  }
});

test('close waits for a deletion under way, and the next broker finds nothing of the topic', async () => {
  const opened = await openVirtual();
  const { broker, disk } = opened;
  await broker.send('t', { body: 'a' });
  const { promise: until, resolve } = Promise.withResolvers<void>();
  disk.onCall = ({ kind }) => (kind === 'rename' ? { until } : undefined);
  const deletion = broker.deleteTopic('t');
  let isClosed = false;
  const closing = broker.close().then(() => {
    isClosed = true;
  });
  await opened.clock.pass(0);
  assert.equal(isClosed, false);
  resolve();
  await Promise.all([deletion, closing]);
  const next = await opened.on(disk);
  assert.deepEqual(await next.broker.describeTopics(), []);
  await next.broker.close();
});

/** Of all topics, and of one that is there or was. */
const FOLDERS = /\/topics(\/(t-|\.deleted-)[^/]*)?$/;

test('a deletion that the disk failed can be tried again, whatever of it failed', async () => {
  for (const kind of ['rename', 'syncFolder'] as const) {
    const opened = await openVirtual();
    const { broker, disk } = opened;
    await broker.send('t', { body: 'a' });
    disk.onCall = failNth(1, { isMeant: (call) => call.kind === kind && FOLDERS.test(call.path) });
    await assert.rejects(broker.deleteTopic('t'), { code: 'MQ_STORAGE_FAILED' }, kind);
    disk.onCall = undefined;
    await broker.deleteTopic('t');
    await assert.rejects(broker.deleteTopic('t'), { code: 'MQ_UNKNOWN_TOPIC' }, kind);
    const next = await opened.afterPowerCut();
    assert.deepEqual(await next.broker.describeTopics(), [], kind);
    await Promise.all([broker.close(), next.broker.close()]);
  }
});

test('what is in flight comes again when its lease is over, also after a start with the clock set back a year', async () => {
  for (const end of ['afterClose', 'afterPowerCut'] as const) {
    const one = await openVirtual();
    await one.broker.send('t', { body: 'a' });
    await one.broker.receive('t', { leaseMs: 30_000 });
    await one.broker.createGroup('t', 'other'); // what is synced after the lease takes it along
    one.clock.jumpWallClock(-365 * 24 * 60 * 60 * 1000);
    const two = await one[end]();
    await two.clock.pass(12 * 60 * 60 * 1000 + 1);
    assert.deepEqual(await two.drain('t'), ['a'], end);
  }
});
