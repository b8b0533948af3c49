/** Room, and what makes it: finished records, age, `drop-oldest`; over partitions and restarts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TopicDescription } from '../../shared/contract/description.ts';
import { failNth } from '../../shared/disk-faults.ts';
import { openVirtual, type VirtualBroker } from './testing/virtual-broker.ts';

async function describe({ broker }: VirtualBroker, topic = 't'): Promise<TopicDescription> {
  const [description] = await broker.describeTopics({ topic });
  assert(description !== undefined);
  return description;
}

async function sendAll({ broker }: VirtualBroker, bodies: readonly string[]): Promise<void> {
  for (const body of bodies) await broker.send('t', { body });
}

const FIVE = ['a', 'b', 'c', 'd', 'e'];

test('records that every group has finished stay until their room is needed, and a later group still sees them', async () => {
  const opened = await openVirtual();
  await opened.broker.createTopic('t', { messagesMax: 3, overflow: 'reject' });
  await sendAll(opened, ['a', 'b', 'c']);
  assert.deepEqual(await opened.drain('t'), ['a', 'b', 'c']);
  await sendAll(opened, ['d']);
  assert.deepEqual(await opened.drain('t', 'later'), ['b', 'c', 'd']);
});

test('an ephemeral group holds nothing back, and without a durable one nothing goes', async () => {
  const opened = await openVirtual();
  const { broker } = opened;
  await broker.createTopic('t', { messagesMax: 2, overflow: 'reject' });
  await broker.createGroup('t', 'passing', { isEphemeral: true, start: 'earliest' });
  await sendAll(opened, ['a', 'b']);
  await opened.drain('t', 'passing');
  await assert.rejects(broker.send('t', { body: 'c' }), { code: 'MQ_QUEUE_FULL' });
  await broker.createGroup('t', 'durable', { start: 'latest' });
  await sendAll(opened, ['c']);
});

test('with deleteFinished what every group has finished goes at once, also where all are ephemeral', async () => {
  const opened = await openVirtual();
  const { broker } = opened;
  await broker.createTopic('t', { deleteFinished: true, messagesMax: 5, overflow: 'reject' });
  await broker.createGroup('t', 'passing', { isEphemeral: true });
  for (let round = 0; round < 3; round += 1) {
    await sendAll(opened, FIVE);
    assert.deepEqual(await opened.drain('t', 'passing'), FIVE);
  }
  assert.equal((await describe(opened)).bytes, 0);
});

test('with deleteFinished a group that is quicker takes nothing from an ephemeral one, until there is no room', async () => {
  const opened = await openVirtual();
  const { broker } = opened;
  await broker.createTopic('t', { deleteFinished: true, messagesMax: 5, overflow: 'reject' });
  await broker.createGroup('t', 'passing', { isEphemeral: true });
  await broker.createGroup('t', 'durable');
  await sendAll(opened, FIVE);
  await opened.drain('t', 'durable');
  assert.equal((await describe(opened)).logStartOffset, 0);
  assert.deepEqual(await opened.drain('t', 'passing'), FIVE);
  assert.equal((await describe(opened)).logStartOffset, 5);
  await sendAll(opened, FIVE);
  await opened.drain('t', 'durable');
  await sendAll(opened, ['f']); // who looks on, and does not keep up, keeps nobody from sending
  assert.deepEqual(await opened.drain('t', 'durable'), ['f']);
});

test('with deleteFinished what every durable group has finished goes at once', async () => {
  const opened = await openVirtual();
  const { broker } = opened;
  await broker.createTopic('t', { deleteFinished: true });
  for (const group of ['one', 'two']) await broker.createGroup('t', group);
  await sendAll(opened, FIVE);
  await opened.drain('t', 'one');
  assert.equal((await describe(opened)).logStartOffset, 0);
  await opened.drain('t', 'two');
  assert.equal((await describe(opened)).logStartOffset, 5);
  assert.equal((await describe(opened)).bytes, 0);
  assert.equal((await describe(await opened.afterClose())).logStartOffset, 5);
});

test('what is full before a restart is full after it, to the byte', async () => {
  const opened = await openVirtual();
  const { broker } = opened;
  await broker.createTopic('t', { bytesMax: 1000, overflow: 'reject' });
  const body = 'x'.repeat(100);
  let count = 0;
  while ((await broker.send('t', { body }).catch(() => undefined)) !== undefined) count += 1;
  const { bytes } = await describe(opened);
  assert.ok(count >= 4 && bytes > 700 && bytes <= 1000, `${count} messages, ${bytes} bytes`);
  for (const after of [await opened.afterPowerCut(), await opened.afterKill(), await opened.afterClose()]) {
    assert.equal((await describe(after)).bytes, bytes);
    await assert.rejects(after.broker.send('t', { body }), { code: 'MQ_QUEUE_FULL' });
    await after.drain('t');
    await after.broker.send('t', { body });
  }
});

test('drop-oldest drops from the partition that holds most, and counts what nobody had finished', async () => {
  const opened = await openVirtual();
  const { broker } = opened;
  await broker.createTopic('t', { messagesMax: 4, overflow: 'drop-oldest', partitionCount: 2 });
  for (const body of ['a', 'b', 'c']) await broker.send('t', { body }, { partition: 0 });
  await broker.send('t', { body: 'x' }, { partition: 1 });
  await broker.createGroup('t', 'g');
  const [first] = await broker.receive('t', { group: 'g' });
  assert(first !== undefined);
  await broker.ack([first]);
  await broker.send('t', { body: 'y' }, { partition: 1 });
  await broker.send('t', { body: 'z' }, { partition: 1 });
  assert.deepEqual([await opened.read('t', 0), await opened.read('t', 1)].flat().length, 4);
  assert.equal((await describe(opened)).droppedCount, 1, 'one of the two had been finished');
  assert.equal((await describe(await opened.afterClose())).droppedCount, 1);
});

test('drop-oldest by bytes drops whole batches, and only as many as it takes', async () => {
  const opened = await openVirtual();
  const { broker } = opened;
  await broker.createTopic('t', { bytesMax: 2000, overflow: 'drop-oldest' });
  for (let index = 0; index < 20; index += 1) await broker.send('t', { body: `${index}`.padEnd(150, '.') });
  const { bytes, logStartOffset } = await describe(opened);
  assert.ok(bytes <= 2000 && bytes > 1700, `${bytes} bytes`);
  assert.equal((await opened.read('t'))[0]?.slice(0, 2), String(logStartOffset).padEnd(2, '.'));
});

test('what is older than retentionMs goes, finished or not, and what is exactly so old stays', async () => {
  const opened = await openVirtual();
  const { broker, clock } = opened;
  await broker.createTopic('t', { retentionMs: 1000 });
  await sendAll(opened, ['a']);
  await clock.pass(400);
  await sendAll(opened, ['b']);
  await clock.pass(600);
  assert.deepEqual(await opened.read('t'), ['a', 'b']);
  await clock.pass(1);
  assert.deepEqual(await opened.read('t'), ['b']);
  await clock.pass(1000);
  assert.deepEqual(await opened.read('t'), []);
  await sendAll(opened, ['c']);
  const after = await opened.afterClose();
  await after.clock.pass(1001);
  assert.deepEqual(await after.read('t'), []);
  assert.equal((await describe(after)).logEndOffset, 3);
});

test('a send that waits is let in when age makes room', async () => {
  const opened = await openVirtual();
  const { broker, clock } = opened;
  await broker.createTopic('t', { retentionMs: 1000, messagesMax: 1 });
  await sendAll(opened, ['a']);
  const waiting = broker.send('t', { body: 'b' });
  await clock.pass(1001);
  assert.equal((await waiting).offset, 1);
});

test('a group that was behind what was deleted goes on as it was told, and counts what it missed', async () => {
  for (const [onOutOfRange, left] of [
    ['earliest', ['c']],
    ['latest', []],
  ] as const) {
    const opened = await openVirtual();
    const { broker, clock } = opened;
    await broker.createTopic('t', { retentionMs: 1000 });
    await broker.createGroup('t', 'g', { onOutOfRange });
    await sendAll(opened, ['a', 'b']);
    await clock.pass(500);
    await sendAll(opened, ['c']);
    await clock.pass(501);
    assert.deepEqual(await opened.drain('t', 'g'), left, onOutOfRange);
    assert.equal((await describe(opened)).groups[0]?.droppedCount, 3 - left.length, onOutOfRange);
  }
});

test('when the disk is nearly full sends are refused, and receives and acks go on; with room they are taken again', async () => {
  const opened = await openVirtual({ diskReserveBytes: 1_000_000 });
  const { broker, clock, disk } = opened;
  await sendAll(opened, ['a', 'b']);
  disk.capacityBytes = 900_000;
  await clock.pass(600);
  await broker.send('t', { body: 'asks' }).catch(() => undefined);
  await clock.pass(0);
  await assert.rejects(broker.send('t', { body: 'c' }), {
    code: 'MQ_STORAGE_FULL',
    message: /^the disk has 0\.\d MB free, and nothing new is accepted below 1\.0 MB$/,
  });
  assert.equal(opened.notices.length, 1);
  assert.match(opened.notices[0] ?? '', /^\/data: the disk has 0\.\d MB free/);
  assert.deepEqual((await opened.drain('t')).slice(0, 2), ['a', 'b']);
  disk.capacityBytes = 10_000_000;
  await clock.pass(600);
  await broker.send('t', { body: 'asks' }).catch(() => undefined);
  await clock.pass(0);
  await broker.send('t', { body: 'd' });
  assert.match(opened.notices.at(-1) ?? '', /there is room again/);
});

test('what was dropped or deleted does not come back after a power cut, though its release was not on the disk yet', async () => {
  const opened = await openVirtual();
  const { broker } = opened;
  await broker.createTopic('t', { messagesMax: 4, overflow: 'drop-oldest' });
  await broker.createTopic('finished', { deleteFinished: true });
  await broker.createGroup('finished', 'g');
  for (let index = 0; index < 50; index += 1) await broker.send('t', { body: `${index}` });
  for (let index = 0; index < 50; index += 1) {
    await broker.send('finished', { body: `${index}` });
    await broker.ack(await broker.receive('finished', { group: 'g' }));
  }
  const after = await opened.afterPowerCut();
  assert.deepEqual(await after.read('t'), ['46', '47', '48', '49']);
  assert.equal((await describe(after, 'finished')).logStartOffset, 50);
  assert.equal((await describe(await opened.afterKill())).droppedCount, 46);
});

test('an ephemeral group that is behind what was released goes on at what is held', async () => {
  const opened = await openVirtual();
  const { broker } = opened;
  await broker.createTopic('t', { messagesMax: 4 });
  await broker.createGroup('t', 'durable');
  await broker.createGroup('t', 'passing', { isEphemeral: true, start: 'earliest' });
  await sendAll(opened, ['a', 'b', 'c', 'd']);
  await opened.drain('t', 'durable');
  await sendAll(opened, ['e', 'f', 'g']);
  const passing = (await describe(opened)).groups.find(({ group }) => group === 'passing');
  assert.deepEqual([passing?.droppedCount, passing?.lag], [3, 4]);
  assert.deepEqual(await opened.drain('t', 'passing'), ['d', 'e', 'f', 'g']);
  await broker.close();
});

for (const delayMs of [0, 1000]) {
  test(`a send that fails leaves its room to who waits for it, with a delay of ${delayMs} ms`, async () => {
    const opened = await openVirtual();
    const { broker, clock, disk } = opened;
    await broker.createTopic('t', { messagesMax: 2 });
    await broker.send('t', { body: 'first', delayMs });
    disk.onCall = failNth(1, { isMeant: ({ kind, path }) => kind === 'write' && /\/(p0|delayed)\//.test(path) });
    const failing = broker.send('t', { body: 'failing', delayMs });
    const waiting = broker.send('t', { body: 'waiting' });
    await assert.rejects(failing, { code: 'MQ_STORAGE_FAILED' });
    await clock.pass(0);
    assert.equal((await describe(opened)).waiterCount, 0);
    await waiting;
    await broker.close();
  });
}

test('what has expired makes room for a send that waits, though no member of the group ever comes', async () => {
  const { broker, clock } = await openVirtual();
  await broker.createTopic('t', { messagesMax: 2, ttlMs: 2500 });
  await broker.createGroup('t', 'g');
  for (const body of ['a', 'b']) await broker.send('t', { body });
  const entered: string[] = [];
  for (const body of ['c', 'd']) void broker.send('t', { body }).then(() => entered.push(body));
  await clock.pass(2000);
  assert.deepEqual(entered, []);
  await clock.pass(1000);
  assert.deepEqual(entered, ['c', 'd']);
  await broker.close();
});
