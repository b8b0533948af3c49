/** What half messages take, and what becomes of them with their topic: room, limits, the log, deletion, the view. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GROUP, openHalf } from './testing/half-broker.ts';

test('a half message has its room from the start: sends wait for it, and its commit needs none', async () => {
  const { broker, half, end, read } = await openHalf();
  await broker.createTopic('t', { messagesMax: 2, overflow: 'reject' });
  const receipt = await half('t', 'half');
  await broker.send('t', { body: 'plain' });
  await assert.rejects(broker.send('t', { body: 'more' }), { code: 'MQ_QUEUE_FULL' });
  await assert.rejects(half('t', 'more'), { code: 'MQ_QUEUE_FULL' });
  await end('t', receipt, 'commit');
  assert.deepEqual(await read('t'), ['plain', 'half']);
  await assert.rejects(broker.send('t', { body: 'more' }), { code: 'MQ_QUEUE_FULL' });
});

test('an abort makes room for whoever waits, and so does a restart know what is taken', async () => {
  const opened = await openHalf();
  await opened.broker.createTopic('t', { messagesMax: 1 });
  const receipt = await opened.half('t', 'half');
  const { broker, end, clock, read } = await opened.afterPowerCut();
  const waiting = broker.send('t', { body: 'plain' });
  await clock.pass(10);
  assert.deepEqual(await read('t'), []);
  await end('t', receipt, 'abort');
  await waiting;
  assert.deepEqual(await read('t'), ['plain']);
});

test('in bytes a half message never takes more than it has reserved', async () => {
  const { broker, half, end } = await openHalf();
  await broker.createTopic('t');
  const bytes = async (): Promise<number> => (await broker.describeTopics({ topic: 't' }))[0]?.bytes ?? 0;
  const message = { body: 'x'.repeat(1000), key: 'k', headers: { a: 'b' }, ttlMs: 5000, priority: 3 };
  const receipts = [await half('t', message), await half('t', message)];
  const reserved = await bytes();
  for (const receipt of receipts) await end('t', receipt, 'commit');
  const taken = await bytes();
  assert.ok(taken > 2000 && taken <= reserved && reserved - taken < 40, `${taken} of ${reserved}`);
  await broker.createTopic('small', { bytesMax: 500 });
  await assert.rejects(half('small', message), { code: 'MQ_MESSAGE_TOO_LARGE' });
});

test('no more than the limit are open', async () => {
  const { half, end } = await openHalf({ limits: { halfMessagesCountMax: 2 } });
  const [first] = [await half('t', 'a'), await half('t', 'b')];
  await assert.rejects(half('t', 'c'), { code: 'MQ_LIMIT_EXCEEDED' });
  await end('t', first ?? assert.fail(), 'abort');
  await half('t', 'c');
});

test('a half message goes with its topic, and one made again knows nothing of it', async () => {
  const opened = await openHalf();
  const { broker, half, end, clock, ask } = opened;
  const receipt = await half('t', 'tea');
  await half('other', 'milk');
  await broker.deleteTopic('t');
  await assert.rejects(end('t', receipt, 'commit'), { code: 'MQ_UNKNOWN_TOPIC' });
  await broker.createTopic('t');
  await assert.rejects(end('t', receipt, 'commit'), { code: 'MQ_UNKNOWN_TRANSACTION' });
  const after = await opened.afterPowerCut();
  await assert.rejects(after.end('t', receipt, 'commit'), { code: 'MQ_UNKNOWN_TRANSACTION' });
  await clock.pass(6000);
  for (const questions of [await ask(), await after.ask()]) {
    assert.deepEqual(
      questions.map(({ topic }) => topic),
      ['other'],
    );
  }
});

test('what nobody could decide goes with its topic too, and cannot be sent to', async () => {
  const { broker, half, ask, clock, read } = await openHalf({ halfCheck: { intervalMs: 10, checksMax: 1 } });
  await half('t', 'tea', 10);
  await clock.pass(10);
  await ask();
  await clock.pass(10);
  assert.deepEqual(await read('$unresolved/t'), ['tea']);
  await assert.rejects(broker.send('$unresolved/t', { body: 'x' }), { code: 'MQ_INVALID_ARGUMENT' });
  await broker.deleteTopic('t');
  assert.deepEqual(await broker.describeTopics(), []);
});

test('a half message is told of: counted, shown, and explained', async () => {
  const { broker, half, clock, ask, halfCount } = await openHalf();
  const receipt = await half('t', { body: 'tea', id: 'i' });
  await half('t', { body: 'milk', id: 'j' }, 100);
  await clock.pass(100);
  await ask();
  const inside = await broker.inspect?.('t', { max: 1 });
  assert(inside?.kind === 'log');
  const { halfId } = receipt;
  const asked = { producerGroup: GROUP, checkCount: 0, checksMax: 15, nextCheckInMs: 5900, preview: 'tea' };
  assert.deepEqual(inside.halves, [{ halfId, id: 'i', ...asked }]);
  assert.equal(await halfCount('t'), 2);
  const explanation = await broker.explain?.('t', { id: 'j' });
  assert.deepEqual([explanation?.offset, explanation?.events[0]?.what], [null, 'half']);
  assert.match(explanation?.events[0]?.reason ?? '', /"g": asked 1 of 15 times/);
  assert.equal(await broker.explain?.('t', { id: 'nobody' }), null);
});

test('what cannot be is refused with the path of what is wrong', async () => {
  const { broker } = await openHalf();
  const refused = async (call: Promise<unknown>, path: string): Promise<void> => {
    await assert.rejects(call, { code: 'MQ_INVALID_ARGUMENT', details: { path } });
  };
  const options = { producerGroup: GROUP };
  await refused(broker.sendHalf('t', { body: 'x', delayMs: 5 }, options), 'message.delayMs');
  await refused(broker.sendHalf('t', { body: 'x', deliverAt: 5 }, options), 'message.deliverAt');
  await refused(broker.sendHalf('t', { body: 'x' }, { producerGroup: '' }), 'options.producerGroup');
  await refused(broker.sendHalf('t', { body: 'x' }, { ...options, checkAfterMs: 0 }), 'options.checkAfterMs');
  await refused(broker.sendHalf('t', { body: 'x' }, { ...options, partition: 1 }), 'options.partition');
  await refused(broker.sendHalf('t', { body: 'x' }, { ...options, ...{ delay: 1 } }), 'options.delay');
  await refused(broker.endHalf('t', { halfId: '', outcome: 'commit' }), 'options.halfId');
  await refused(broker.endHalf('t', { halfId: 'h', outcome: 'maybe' as 'commit' }), 'options.outcome');
  await refused(broker.receiveHalfChecks(GROUP, { max: 0 }), 'options.max');
  await refused(broker.receiveHalfChecks('$g'), 'producerGroup');
  assert.deepEqual(await broker.describeTopics(), [], 'what is refused has made no topic');
  await assert.rejects(openHalf({ halfCheck: { intervalMs: 0 } }), { code: 'MQ_INVALID_ARGUMENT' });
});

test('while the disk fails a half message is open as before, and decided when it works again', async () => {
  const { half, end, disk, read, clock, afterPowerCut } = await openHalf();
  const [first, second] = [await half('t', 'a'), await half('t', 'b')];
  disk.onCall = ({ kind }) => (kind === 'sync' ? { code: 'EIO' } : undefined);
  await assert.rejects(end('t', first, 'commit'), { code: 'MQ_STORAGE_FAILED' });
  await assert.rejects(end('t', second, 'abort'), { code: 'MQ_STORAGE_FAILED' });
  disk.onCall = undefined;
  await clock.pass(2000);
  await end('t', first, 'commit');
  await end('t', second, 'abort');
  await clock.pass(2000);
  assert.deepEqual([await read('t'), await (await afterPowerCut()).read('t')], [['a'], ['a']]);
});

test('an end that cannot be written is written later, and until then the next start finds the record', async () => {
  const { half, end, disk, clock, afterPowerCut } = await openHalf();
  const receipt = await half('t', 'a');
  disk.onCall = ({ kind, path }) => (kind === 'sync' && path.includes('/half/') ? { code: 'EIO' } : undefined);
  const stored = await end('t', receipt, 'commit');
  await clock.pass(1);
  assert.deepEqual(await (await afterPowerCut()).end('t', receipt, 'commit'), stored);
  disk.onCall = undefined;
  await clock.pass(1000);
  assert.deepEqual(await (await afterPowerCut()).end('t', receipt, 'commit'), stored);
});

test('in a topic that compares ids, a commit of what was accepted before is answered with its place', async () => {
  const opened = await openHalf();
  const { broker, half, end, read } = opened;
  await broker.createTopic('t', { dedupWindowMs: 60_000 });
  const first = await broker.send('t', { body: 'tea', id: 'order-1' });
  const receipt = await half('t', { body: 'tea', id: 'order-1' });
  const stored = { ...first, isDuplicate: true as const };
  assert.deepEqual(await end('t', receipt, 'commit'), stored);
  assert.deepEqual(await read('t'), ['tea']);
  assert.deepEqual(await (await opened.afterPowerCut()).end('t', receipt, 'commit'), stored);
  const other = await half('t', { body: 'milk', id: 'order-2' });
  await end('t', other, 'commit');
  const again = await broker.send('t', { body: 'milk', id: 'order-2' });
  assert.deepEqual([again.offset, again.isDuplicate], [1, true]);
});
