import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VirtualClock } from '../../shared/clock.ts';
import { type ErrorCode, isMqError } from '../../shared/contract/errors.ts';
import { BlockingQueue, CAPACITY_DEFAULT } from './blocking-queue.ts';

const rejectsWith = (promise: Promise<unknown>, code: ErrorCode): Promise<void> =>
  assert.rejects(promise, (error) => isMqError(error, code));

function abortable(): { readonly signal: AbortSignal; abort(): void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}

/** True when `promise` is still pending after everything that can happen now has happened. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  const now = new Promise((resolve) => setImmediate(resolve, pending));
  return (await Promise.race([promise.catch(() => 'rejected'), now])) === pending;
}

describe('room', () => {
  test('a queue holds 10,000 values unless told otherwise', () => {
    assert.equal(new BlockingQueue().capacity, CAPACITY_DEFAULT);
    assert.equal(CAPACITY_DEFAULT, 10_000);
  });

  test('values come out in the order they went in', async () => {
    const queue = new BlockingQueue<string>();
    await queue.put('a');
    await queue.putAll(['b', 'c']);
    assert.ok(queue.offer('d'));
    assert.equal(await queue.take(), 'a');
    assert.equal(await queue.poll(), 'b');
    assert.deepEqual(queue.drain(10), ['c', 'd']);
    assert.equal(queue.acceptedCount, 4);
  });

  test('a put to a full queue waits, and enters when a value leaves', async () => {
    const queue = new BlockingQueue<string>({ capacity: 1 });
    await queue.put('first');
    const second = queue.put('second');
    assert.ok(await isPending(second));
    assert.equal(queue.waitingPuts.size, 1);
    assert.equal(await queue.take(), 'first');
    await second;
    assert.equal(queue.size, 1);
  });

  test('blocked puts enter in the order they came', async () => {
    const queue = new BlockingQueue<number>({ capacity: 1 });
    await queue.put(0);
    const puts = [1, 2, 3].map((value) => queue.put(value));
    const taken = [await queue.take(), await queue.take(), await queue.take(), await queue.take()];
    assert.deepEqual(taken, [0, 1, 2, 3]);
    await Promise.all(puts);
  });

  test('one signal that aborts several blocked puts lets none of them in', async () => {
    const queue = new BlockingQueue<string>({ capacity: 2 });
    await queue.put('a');
    const { signal, abort } = abortable();
    const calls = [queue.putAll(['b', 'c'], { signal }), queue.put('d', { signal })];
    const settled = Promise.allSettled(calls);
    abort();
    assert.ok((await settled).every(({ status }) => status === 'rejected'));
    assert.deepEqual([queue.peek(9), queue.acceptedCount], [['a'], 1]);
  });

  test('nobody overtakes a blocked batch, not even a put that would fit', async () => {
    const queue = new BlockingQueue<string>({ capacity: 3 });
    await queue.putAll(['a', 'b']);
    const batch = queue.putAll(['c', 'd']);
    const single = queue.put('e');
    assert.ok(!queue.offer('f'));
    assert.equal(queue.remainingCapacity, 1);
    assert.deepEqual(queue.drain(5), ['a', 'b', 'c', 'd', 'e']);
    await Promise.all([batch, single]);
  });

  test('a batch that gives up lets the smaller put behind it in at once', async () => {
    const clock = new VirtualClock();
    const queue = new BlockingQueue<string>({ capacity: 3, clock });
    await queue.putAll(['a', 'b']);
    const batch = queue.putAll(['c', 'd'], { timeoutMs: 100 });
    const refused = rejectsWith(batch, 'MQ_QUEUE_FULL');
    const single = queue.put('e');
    await clock.pass(100);
    await Promise.all([refused, single]);
    assert.deepEqual(queue.peek(5), ['a', 'b', 'e']);
  });

  test('a batch is accepted whole or not at all', async () => {
    const queue = new BlockingQueue<number>({ capacity: 3 });
    await queue.put(0);
    const batch = queue.putAll([1, 2, 3]);
    assert.ok(await isPending(batch));
    assert.equal(queue.size, 1);
    await queue.take();
    await batch;
    assert.deepEqual(queue.peek(9), [1, 2, 3]);
    await rejectsWith(queue.putAll([4, 5, 6, 7]), 'MQ_BATCH_TOO_LARGE');
  });

  test('what a caller does to its array after putAll does not change what is put', async () => {
    const queue = new BlockingQueue<string>({ capacity: 1 });
    await queue.put('held');
    const values = ['late'];
    const put = queue.putAll(values);
    values[0] = 'changed';
    queue.drain(1);
    await put;
    assert.deepEqual(queue.drain(9), ['late']);
  });
});

describe('a blocked put that ends leaves no ghost', () => {
  test('aborted: it rejects with MQ_ABORTED, and its value never appears', async () => {
    const queue = new BlockingQueue<string>({ capacity: 1 });
    await queue.put('held');
    const abort = new AbortController();
    const ghost = queue.put('ghost', { signal: abort.signal });
    abort.abort();
    await rejectsWith(ghost, 'MQ_ABORTED');
    assert.deepEqual(queue.drain(9), ['held']);
    assert.equal(queue.acceptedCount, 1);
  });

  test('timed out: it rejects with MQ_QUEUE_FULL, and its value never appears', async () => {
    const clock = new VirtualClock();
    const queue = new BlockingQueue<string>({ capacity: 1, clock });
    await queue.put('held');
    const refused = rejectsWith(queue.put('ghost', { timeoutMs: 50 }), 'MQ_QUEUE_FULL');
    await clock.pass(50);
    await refused;
    assert.deepEqual(queue.drain(9), ['held']);
  });

  test('a put that does not want to wait is refused at once', async () => {
    const queue = new BlockingQueue<string>({ capacity: 1 });
    await queue.put('held');
    await rejectsWith(queue.put('no', { timeoutMs: 0 }), 'MQ_QUEUE_FULL');
    assert.equal(queue.waitingPuts.size, 0);
  });

  test('an aborted signal puts nothing into a queue that has room', async () => {
    const queue = new BlockingQueue<string>();
    const signal = AbortSignal.abort();
    await rejectsWith(queue.put('no', { signal }), 'MQ_ABORTED');
    await rejectsWith(queue.putAll(['no'], { signal }), 'MQ_ABORTED');
    assert.equal(queue.acceptedCount, 0);
  });
});

describe('overflow', () => {
  test('reject: a full queue refuses at once with MQ_QUEUE_FULL and keeps what it holds', async () => {
    const queue = new BlockingQueue<string>({ capacity: 2, overflow: 'reject' });
    await queue.putAll(['a', 'b']);
    await rejectsWith(queue.put('c'), 'MQ_QUEUE_FULL');
    assert.ok(!queue.offer('c'));
    assert.deepEqual(queue.drain(9), ['a', 'b']);
  });

  test('drop-oldest: a full queue drops its oldest values, counts them, and accepts', async () => {
    const queue = new BlockingQueue<string>({ capacity: 2, overflow: 'drop-oldest' });
    await queue.putAll(['a', 'b']);
    await queue.put('c');
    assert.ok(queue.offer('d'));
    assert.equal(queue.droppedCount, 2);
    await queue.putAll(['e', 'f']);
    assert.equal(queue.droppedCount, 4);
    assert.deepEqual(queue.drain(9), ['e', 'f']);
  });
});

describe('waiting for a value', () => {
  test('a take of an empty queue waits and gets the next value by direct hand-off', async () => {
    const queue = new BlockingQueue<string>({ capacity: 1 });
    const take = queue.take();
    await queue.put('now');
    assert.equal(queue.size, 0);
    assert.equal(await take, 'now');
  });

  test('takes are served in the order they came, one value each', async () => {
    const queue = new BlockingQueue<number>();
    const takes = [queue.take(), queue.take(), queue.take()];
    await queue.putAll([1, 2, 3, 4]);
    assert.deepEqual(await Promise.all(takes), [1, 2, 3]);
    assert.deepEqual(queue.drain(9), [4]);
  });

  test('of a thousand waiting takes one value wakes exactly one', async () => {
    const queue = new BlockingQueue<string>();
    const takes = Array.from({ length: 1000 }, () => queue.take());
    const outcomes = Promise.allSettled(takes);
    await queue.put('only');
    assert.equal(queue.waitingTakes.size, 999);
    queue.close();
    assert.equal((await outcomes).filter(({ status }) => status === 'fulfilled').length, 1);
  });

  test('a poll waits its time and then answers undefined', async () => {
    const clock = new VirtualClock();
    const queue = new BlockingQueue<string>({ clock });
    assert.equal(await queue.poll(), undefined);
    const poll = queue.poll({ timeoutMs: 1000 });
    await clock.pass(999);
    assert.ok(await isPending(poll));
    await clock.pass(1);
    assert.equal(await poll, undefined);
    assert.equal(clock.timerCount, 0);
  });

  test('a value handed to a take is not lost when the take is aborted right after', async () => {
    const queue = new BlockingQueue<string>();
    const abort = new AbortController();
    const take = queue.take({ signal: abort.signal });
    queue.offer('mine');
    abort.abort();
    assert.equal(await take, 'mine');
  });

  test('a value goes to the next take when the first one was aborted before', async () => {
    const queue = new BlockingQueue<string>();
    const abort = new AbortController();
    const first = queue.take({ signal: abort.signal });
    const second = queue.take();
    abort.abort();
    queue.offer('yours');
    await rejectsWith(first, 'MQ_ABORTED');
    assert.equal(await second, 'yours');
  });

  test('drain stops before the first value that is not wanted', () => {
    const queue = new BlockingQueue<number>();
    for (const value of [1, 2, 30, 4]) queue.offer(value);
    assert.deepEqual(
      queue.drain(9, (value) => value < 10),
      [1, 2],
    );
    assert.deepEqual(queue.peek(9), [30, 4]);
  });
});
