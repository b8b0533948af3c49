/** What is known of producers outlives their records: those were finished or dropped, and then came a crash. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepsAll, keepsNothing } from '../../../shared/power-cut.ts';
import { openRobust, read } from '../transactions/testing/virtual-robust.ts';

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
};

for (const how of ['finished', 'dropped'] as const) {
  test(`of a producer whose records were ${how} the last calls are known after a crash`, async () => {
    const { broker, disk, on } = await openRobust();
    const gone = how === 'finished' ? { deleteFinished: true } : { overflow: 'drop-oldest' as const, messagesMax: 2 };
    await broker.createTopic('t', gone);
    const identity = await broker.openProducer();
    for (let sequence = 0; sequence < 10; sequence += 1) {
      await broker.send('t', { body: `${sequence}` }, { producer: { ...identity, sequence } });
    }
    if (how === 'finished') await broker.ack(await broker.receive('t', { max: 10 }));
    await turns();
    for (const left of [disk.remains(keepsNothing), disk.remains(keepsAll)]) {
      const { broker: next } = await on(left);
      const repeated = await next.send('t', { body: '9' }, { producer: { ...identity, sequence: 9 } });
      assert.deepEqual([repeated.offset, repeated.isDuplicate], [9, true]);
      assert.equal((await next.send('t', { body: '10' }, { producer: { ...identity, sequence: 10 } })).offset, 10);
      await next.close();
      const { broker: last } = await on(left);
      assert.equal(
        (await last.send('t', { body: '10' }, { producer: { ...identity, sequence: 10 } })).isDuplicate,
        true,
      );
      const { logStartOffset } = await last.fetch('t', { offset: 10 });
      assert.ok(logStartOffset >= (how === 'finished' ? 10 : 9), `it begins at ${logStartOffset}`);
      await last.close();
    }
    await broker.close();
  });
}

test('what is gone goes from the disk too, as soon as a snapshot knows who sent it', async () => {
  const { broker, disk } = await openRobust({ segmentBytesMax: 1024 * 1024 });
  await broker.createTopic('t', { deleteFinished: true });
  const identity = await broker.openProducer();
  const body = new Uint8Array(256 * 1024);
  for (let sequence = 0; sequence < 80; sequence += 1) {
    await broker.send('t', { body }, { producer: { ...identity, sequence } });
    await broker.ack(await broker.receive('t'));
    await turns();
  }
  const [topic] = await disk.list('/data/topics');
  const segments = await disk.list(`/data/topics/${topic}/p0`);
  assert.ok(segments.length <= 8, `${segments.length} segments of 1 MiB are left of 20 MiB`);
  await broker.close();
});

test('the window of a topic goes on through a restart for messages that were finished meanwhile, and then they go', async () => {
  const opened = await openRobust();
  const { broker, disk, clock, on } = opened;
  await broker.createTopic('t', { deleteFinished: true, dedupWindowMs: 60_000, partitionCount: 2 });
  for (const id of ['a', 'b', 'c']) await broker.send('t', { body: id, id }, { partition: 1 });
  await broker.ack(await broker.receive('t', { max: 10 }));
  const crashes = [disk.remains(keepsNothing), disk.remains(keepsAll)];
  await clock.pass(30_000);
  await broker.close();
  for (const left of [...crashes, disk]) {
    const { broker: next } = await on(left);
    for (const id of ['a', 'b', 'c']) {
      assert.equal((await next.send('t', { body: id, id }, { partition: 1 })).isDuplicate, true, `${id} is known`);
    }
    assert.deepEqual(await next.receive('t', { max: 10 }), []);
    assert.equal((await next.describeTopics({ topic: 't' }))[0]?.availableCount, 0);
    await next.close();
  }
  await clock.pass(30_000);
  const { broker: last } = await on(disk);
  const again = await last.send('t', { body: 'a', id: 'a' }, { partition: 1 });
  assert.deepEqual([again.offset, again.isDuplicate], [3, undefined]);
  await last.ack(await last.receive('t', { max: 10 }));
  await last.close();
});

test('a snapshot that knew what the power cut took from the log hides nothing that came there since', async () => {
  const { broker, disk, on } = await openRobust();
  await broker.createTopic('t', { deleteFinished: true, partitionCount: 2 });
  await broker.createGroup('t', 'slow');
  await broker.send('t', { body: 'first' }, { partition: 0 });
  const transaction = await broker.begin();
  await transaction.sendBatch('t', [{ body: 'x' }, { body: 'x' }, { body: 'x' }], { partition: 0 }); // not synced
  const identity = await broker.openProducer();
  const body = new Uint8Array(1024 * 1024);
  for (let sequence = 0; sequence < 6; sequence += 1) {
    await broker.send('t', { body }, { partition: 1, producer: { ...identity, sequence } });
    const deliveries = await broker.receive('t', { group: 'slow', max: 10, bytesMax: 4 * body.length });
    await broker.ack(deliveries.filter(({ partition }) => partition === 1)); // and a snapshot becomes due
    await turns();
  }
  const cut = await on(disk.remains(keepsNothing));
  assert.deepEqual(await read(cut.broker, 't', { partition: 0 }), ['first']);
  const bodies = ['a', 'b', 'c', 'd'];
  for (const text of bodies) await cut.broker.send('t', { body: text }, { partition: 0 });
  const killed = await on(cut.disk.remains(keepsAll));
  assert.deepEqual(await read(killed.broker, 't', { partition: 0 }), ['first', ...bodies]);
  for (const one of [broker, cut.broker, killed.broker]) await one.close();
});
