import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMqError, MqError } from '../../../shared/contract/errors.ts';
import { claimOf, offsetsOf, setUpDesk } from '../testing/desk-setup.ts';
import type { GroupEvent } from './group-events.ts';

const runWant = { memberId: 'a', max: 100, bytesMax: 1_000_000, leaseMs: 1000 };
const now = { waitMs: 0, signal: undefined };
const kindsOf = (events: readonly GroupEvent[]): readonly string[] => events.map(({ kind }) => kind);

test('a run of fresh records in several batches is one lease and one event, and their acks one more', async () => {
  const { desk, log, events } = setUpDesk();
  log.fill(25, 10);
  const [run, ...rest] = await desk.receiveRuns(runWant, now);
  assert.deepEqual([run?.fromOffset, run?.count, run?.batches.length, rest.length], [0, 25, 3, 0]);
  assert.deepEqual(kindsOf(events), ['prefix', 'used', 'leased']);
  const claims = Array.from({ length: 25 }, (_, offset) => ({
    partition: 0,
    offset,
    memberId: 'a',
    token: run?.token ?? '',
  }));
  assert.deepEqual(desk.ackAll(claims, { isCumulative: false }), []);
  assert.deepEqual(kindsOf(events), ['prefix', 'used', 'leased', 'acked']);
  assert.equal(desk.floorOf(0), 25);
});

test('single offsets of a run are acked and given back in any order, and the floor is the lowest unfinished one', async () => {
  const { desk, log, receive, ack, nack } = setUpDesk();
  log.fill(6);
  const held = await receive({ max: 6 });
  assert.equal(new Set(held.map(({ leaseToken }) => leaseToken)).size, 1);
  for (const index of [4, 1, 5]) assert.ok(held[index] && ack(held[index]));
  assert.equal(desk.floorOf(0), 0);
  assert.ok(held[0] && ack(held[0]));
  assert.equal(desk.floorOf(0), 2);
  assert.ok(held[2] && nack(held[2], { outcome: 'return' }));
  const again = await receive({ max: 6 });
  assert.deepEqual(offsetsOf(again), [2]);
  assert.notEqual(again[0]?.leaseToken, held[2]?.leaseToken);
  assert.ok(held[2] && !ack(held[2]), 'the token of a run opens nothing that was given back');
  assert.ok(held[3] && ack(held[3]) && again[0] && ack(again[0]));
  assert.equal(desk.floorOf(0), 6);
});

test('of the answers to many claims those that failed are told, and the others apply', async () => {
  const { desk, log, receive } = setUpDesk();
  log.fill(4);
  const claims = (await receive({ max: 4 })).map(claimOf);
  const [first, second, third, fourth] = claims;
  assert.ok(first && second && third && fourth);
  const foreign = { ...second, memberId: 'b' };
  const wrong = { ...third, token: `${third.token}0` };
  const nowhere = { ...fourth, partition: 9 };
  assert.deepEqual(desk.ackAll([first, foreign, wrong, nowhere, fourth, fourth], { isCumulative: false }), [
    foreign,
    wrong,
    nowhere,
  ]);
  assert.equal(desk.counts().inFlightCount, 2);
});

test('to extend one record of a run extends that one only, under the same token', async () => {
  const { desk, clock, log, receive, ack } = setUpDesk();
  log.fill(3);
  const held = await receive({ max: 3, leaseMs: 1000 });
  const [, middle] = held;
  assert.ok(middle);
  assert.equal(desk.extend(claimOf(middle), 5000), clock.now() + 5000);
  await clock.pass(1000);
  assert.deepEqual([desk.counts().inFlightCount, desk.counts().availableCount], [1, 2]);
  assert.ok(ack(middle));
  assert.deepEqual(
    held.filter((delivery) => delivery !== middle).map((delivery) => ack(delivery)),
    [false, false],
  );
});

test('exactly the last 1,024 accepted tokens are remembered', async () => {
  const { log, receive, ack } = setUpDesk();
  log.fill(1025, 100);
  const held = [...(await receive({ max: 1000 })), ...(await receive({ max: 1000 }))];
  for (const delivery of held) assert.ok(ack(delivery));
  assert.deepEqual(
    held.slice(0, 2).map((delivery) => ack(delivery)),
    [false, true],
  );
  assert.ok(held.slice(1).every((delivery) => ack(delivery)));
});

test('those who wait are served first come first served, one message each', async () => {
  const { desk, log, receive } = setUpDesk();
  const calls = ['a', 'b', 'c'].map((memberId) => receive({ memberId, max: 5, waitMs: 1000 }));
  log.append('one');
  desk.serve();
  log.append('two', 'three');
  desk.serve();
  assert.deepEqual((await Promise.all(calls.slice(0, 2))).map(offsetsOf), [[0], [1, 2]]);
  assert.equal(desk.line.size, 1);
  desk.leave('c');
  assert.deepEqual(await calls[2], []);
});

test('a call whose signal is aborted gets nothing, also when what it waits for comes at that very moment', async () => {
  const { desk, log, receive } = setUpDesk();
  const abort = new AbortController();
  // It hears of it before the line does.
  abort.signal.addEventListener('abort', () => {
    log.append('one');
    desk.serve();
  });
  const aborted = [receive({ waitMs: 1000, signal: abort.signal }), receive({ waitMs: 1000, signal: abort.signal })];
  const other = receive({ waitMs: 1000 });
  abort.abort();
  for (const call of aborted) await assert.rejects(call, (error) => isMqError(error, 'MQ_ABORTED'));
  assert.deepEqual(offsetsOf(await other), [0]);
  assert.equal(desk.counts().inFlightCount, 1);
});

test('no more are in flight than the limit allows; an ack lets the next one through to who waits', async () => {
  const { desk, log, receive, receiveOne, ack } = setUpDesk({ limits: { inFlightCountMax: 2 } });
  log.fill(5);
  const held = await receive({ max: 5 });
  assert.deepEqual(offsetsOf(held), [0, 1]);
  const waiting = receiveOne({ memberId: 'b' });
  await assert.rejects(waiting);
  const later = receive({ memberId: 'b', max: 5, waitMs: 1000 });
  assert.ok(held[0] && ack(held[0]));
  assert.deepEqual(offsetsOf(await later), [2]);
  assert.equal(desk.counts().inFlightCount, 2);
});

test('a paused group hands out nothing, takes acks, and serves those who wait when it goes on', async () => {
  const { desk, log, told, receive, receiveOne, ack } = setUpDesk();
  log.fill(3);
  const first = await receiveOne();
  desk.setPaused(true);
  assert.deepEqual(await receive(), []);
  assert.ok(ack(first));
  const waiting = receive({ waitMs: 1000 });
  told.isTopicPaused = true;
  desk.setPaused(false);
  assert.equal(desk.line.size, 1, 'the topic is paused as well');
  told.isTopicPaused = false;
  desk.serve();
  assert.deepEqual(offsetsOf(await waiting), [1]);
});

test('a member that left or fell silent is forgotten; the group dies with the last one', async () => {
  const { clock, desk, log, told, receive, receiveOne } = setUpDesk({ memberTimeoutMs: 1000 });
  log.fill(2);
  const held = await receiveOne({ leaseMs: 5000 });
  await receive({ memberId: 'b' });
  desk.leave('b');
  assert.deepEqual(desk.members(), [{ memberId: 'a', inFlightCount: 1 }]);
  await clock.pass(4900);
  assert.deepEqual([desk.members().length, told.emptyCount], [1, 0], 'who holds a lease is there');
  await clock.pass(1100);
  assert.equal(desk.nack(claimOf(held), { outcome: 'retry', delayMs: 0, error: undefined }), false);
  assert.deepEqual([desk.members().length, told.emptyCount], [0, 1]);
});

test('a decided group refuses the other use, and what is refused decides nothing', async () => {
  const { desk, log, receive, told } = setUpDesk();
  log.fill(2);
  assert.throws(
    () => desk.commit(0, 3),
    (error) => isMqError(error, 'MQ_OFFSET_OUT_OF_RANGE'),
  );
  assert.equal(desk.state.kind, 'undecided');
  const { progressCount } = told;
  assert.equal(desk.commit(0, 2), 2);
  assert.equal(desk.commit(0, 1), 2, 'it never moves back');
  assert.equal(told.progressCount, progressCount + 1);
  await assert.rejects(receive(), (error) => isMqError(error, 'MQ_GROUP_KIND'));
});

test('closing answers those who wait, ends all times, and refuses nobody who is served already', async () => {
  const { desk, clock, log, receive, receiveOne } = setUpDesk();
  log.fill(1);
  await receiveOne();
  const calls = [receive({ waitMs: 1000 }), receive({ waitMs: 1000 })];
  desk.close(new MqError('MQ_UNKNOWN_GROUP', 'it was deleted'));
  for (const call of calls) await assert.rejects(call, (error) => isMqError(error, 'MQ_UNKNOWN_GROUP'));
  assert.equal(clock.timerCount, 0);
});

test('partitions have their turn, and order holds within each', async () => {
  const { partitions, receive } = setUpDesk({ partitionCount: 3 });
  for (const partition of partitions) partition.fill(4);
  const firsts = [await receive({ max: 2 }), await receive({ max: 2 }), await receive({ max: 2 })];
  assert.deepEqual(firsts.map(offsetsOf), [
    [0, 1],
    [0, 1],
    [0, 1],
  ]);
  assert.deepEqual(new Set(firsts.map(([delivery]) => delivery?.partition)), new Set([0, 1, 2]));
});

test('bytes are bounded, but one record always goes out; of whole batches each counts once', async () => {
  const { desk, log, receive } = setUpDesk();
  log.append('x'.repeat(1000), 'y'.repeat(10), 'z'.repeat(10));
  assert.deepEqual(offsetsOf(await receive({ max: 3, bytesMax: 15 })), [0]);
  assert.deepEqual(offsetsOf(await receive({ max: 3, bytesMax: 15 })), [1]);
  const batch = log.append('more');
  const runs = await desk.receiveRuns({ ...runWant, bytesMax: batch.bytes.length }, now);
  assert.deepEqual(
    runs.map(({ fromOffset, count }) => [fromOffset, count]),
    [[2, 1]],
  );
});

test('priorities go out strictly, also across partitions and among what was given back', async () => {
  const { partitions, desk, receive, nack } = setUpDesk({ partitionCount: 2 });
  const [one, other] = partitions;
  one?.append({}, { priority: 4 }, { priority: 9 });
  other?.append({ priority: 5 }, {}, { priority: 4 });
  const held = await receive({ max: 6 });
  assert.deepEqual(
    held.map(({ priority = 0 }) => priority),
    [9, 5, 4, 4, 0, 0],
  );
  for (const delivery of held) nack(delivery, { outcome: 'return' });
  assert.deepEqual(
    (await receive({ max: 6 })).map(({ priority = 0 }) => priority),
    [9, 5, 4, 4, 0, 0],
  );
  assert.deepEqual([desk.floorOf(0), desk.floorOf(1)], [0, 0]);
});

test('browsing lists what is not finished, in flight and delayed ones too, and leaves everything as it is', async () => {
  const { desk, log, events, receive, ack, nack } = setUpDesk();
  log.append('a', 'b', 'c');
  log.append({ ttlMs: 0 }, { forGroup: 'others' }, { forGroup: 'kitchen' });
  const [first, second, third] = await receive({ max: 3 });
  assert.ok(first && second && third && ack(first) && nack(second, { delayMs: 5000 }));
  const { length } = events;
  log.evict();
  const browsed = await desk.browse({ partition: 0, fromOffset: 0, max: 10 });
  assert.deepEqual(
    browsed.map(({ offset, state }) => [offset, state]),
    [
      [1, 'delayed'],
      [2, 'in-flight'],
      [3, 'available'],
      [5, 'available'],
    ],
  );
  assert.deepEqual(
    (await desk.browse({ partition: 0, fromOffset: 2, max: 1 })).map(({ offset }) => offset),
    [2],
  );
  assert.equal(events.length, length);
  assert.deepEqual(desk.standingOf(0, 2), { state: 'in-flight', deliveryCount: 1, memberId: 'a' });
  assert.equal(desk.standingOf(0, 1).state, 'delayed');
  assert.equal(desk.standingOf(0, 0).state, 'finished');
});

test('an answer asks each of many partitions a few times, not each time something goes out of another', async () => {
  const { partitions, receive } = setUpDesk({ partitionCount: 200 });
  let lookCount = 0;
  for (const partition of partitions) {
    partition.append({ priority: 1 });
    const { highWatermark } = partition;
    Object.defineProperty(partition, 'highWatermark', {
      get: () => {
        lookCount += 1;
        return highWatermark;
      },
    });
  }
  assert.equal((await receive({ max: 200 })).length, 200);
  assert.ok(lookCount < 20 * partitions.length, `${lookCount} looks`);
});
