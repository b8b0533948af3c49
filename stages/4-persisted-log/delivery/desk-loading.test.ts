import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMqError, MqError } from '../../../shared/contract/errors.ts';
import { offsetsOf, setUpDesk } from '../testing/desk-setup.ts';

test('what is on the disk is loaded and handed out, also to a call that does not want to wait', async () => {
  const { log, receive } = setUpDesk();
  log.fill(20, 10);
  log.evict();
  assert.deepEqual(offsetsOf(await receive({ max: 3 })), [0, 1, 2]);
  assert.equal(log.loadCount, 1);
});

test('a call gets what is in memory, and what comes next is being loaded then', async () => {
  const { clock, log, receive } = setUpDesk();
  log.fill(10, 5);
  log.evict();
  await log.load(0);
  assert.deepEqual(offsetsOf(await receive({ max: 10 })), [0, 1, 2, 3, 4]);
  await clock.pass(0);
  assert.equal(log.loadCount, 2);
  assert.notEqual(log.cachedAt(5), undefined);
});

test('who asked first is served first, also while it is being loaded', async () => {
  const { log, receive } = setUpDesk();
  log.fill(4, 4);
  log.evict();
  const calls = ['a', 'b', 'c'].map((memberId) => receive({ memberId, max: 2 }));
  assert.deepEqual((await Promise.all(calls)).map(offsetsOf), [[0, 1], [2, 3], []]);
});

test('a call that is aborted while it is being loaded takes nothing', async () => {
  const { desk, log, receive, receiveOne } = setUpDesk();
  log.fill(2);
  log.evict();
  const abort = new AbortController();
  const call = receive({ signal: abort.signal });
  abort.abort();
  await assert.rejects(call, (error) => isMqError(error, 'MQ_ABORTED'));
  assert.equal((await receiveOne()).offset, 0);
  assert.equal(desk.counts().inFlightCount, 1);
});

test('a disk that fails rejects those who wait for it, and the next call tries again', async () => {
  const { desk, log, receive } = setUpDesk();
  log.fill(2);
  log.evict();
  log.loadError = new MqError('MQ_STORAGE_FAILED', 'the disk failed');
  const calls = [receive(), receive({ waitMs: 1000 })];
  for (const call of calls) await assert.rejects(call, (error) => isMqError(error, 'MQ_STORAGE_FAILED'));
  assert.equal(desk.counts().inFlightCount, 0);
  log.loadError = undefined;
  assert.deepEqual(offsetsOf(await receive()), [0]);
});

test('a record that cannot be decoded is an error, and leases nothing; what stands before it goes out', async () => {
  const { desk, log, receive } = setUpDesk();
  log.append('good');
  const bad = log.append('bad');
  const { recordAt } = bad;
  bad.recordAt = () => {
    throw new MqError('MQ_CORRUPT', 'it is no record');
  };
  assert.deepEqual(offsetsOf(await receive({ max: 5 })), [0]);
  await assert.rejects(receive({ max: 5 }), (error) => isMqError(error, 'MQ_CORRUPT'));
  assert.equal(desk.counts().inFlightCount, 1);
  bad.recordAt = recordAt;
  assert.deepEqual(offsetsOf(await receive({ max: 5 })), [1]);
});

test('records that were lost and repaired away are stepped over, by deliveries and by browsing', async () => {
  const { desk, log, receive } = setUpDesk();
  log.fill(12, 4);
  log.evict();
  log.lose(5);
  assert.deepEqual(
    (await desk.browse({ partition: 0, fromOffset: 3, max: 3 })).map(({ offset }) => offset),
    [3, 8, 9],
  );
  assert.deepEqual(offsetsOf(await receive({ max: 4 })), [0, 1, 2, 3]);
  assert.deepEqual(offsetsOf(await receive({ max: 4 })), [8, 9, 10, 11]);
  log.lose(11);
  assert.deepEqual(await receive(), []);
  assert.equal(desk.standingOf(0, 6).state, 'finished');
});

test('what is gone from the log is stepped over', async () => {
  const { log, receive } = setUpDesk();
  log.fill(4);
  log.gone.add(0).add(2);
  assert.deepEqual(offsetsOf(await receive({ max: 4 })), [1, 3]);
});

test('what was released while it was being loaded is no error', async () => {
  const { desk, log, receive } = setUpDesk();
  log.fill(8, 4);
  log.evict();
  log.loadError = new MqError('MQ_OFFSET_OUT_OF_RANGE', 'it is not held');
  const call = receive({ waitMs: 1000 });
  log.releaseBelow(4);
  desk.fallBehind(0);
  queueMicrotask(() => {
    log.loadError = undefined;
  });
  assert.deepEqual(offsetsOf(await call), [4]);
});

test('a receive that comes when the group has just ended does not wait for the disk', async () => {
  for (const error of [undefined, new MqError('MQ_UNKNOWN_TOPIC', 'it was deleted')]) {
    const { desk, log, clock, receive } = setUpDesk();
    log.append('x');
    log.evict();
    desk.close(error);
    const timerCount = clock.timerCount;
    if (error === undefined) assert.deepEqual(await receive(), []);
    else await assert.rejects(receive(), { code: 'MQ_UNKNOWN_TOPIC' });
    assert.equal(clock.timerCount, timerCount);
  }
});
