import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ErrorCode, isMqError, MqError } from '../../shared/contract/errors.ts';
import { BlockingQueue } from './blocking-queue.ts';

const rejectsWith = (promise: Promise<unknown>, code: ErrorCode): Promise<void> =>
  assert.rejects(promise, (error) => isMqError(error, code));

describe('limits', () => {
  test('each line has a bound: the call beyond it is refused with MQ_LIMIT_EXCEEDED', async () => {
    const queue = new BlockingQueue<string>({ capacity: 1, limits: { waitersCountMax: 2, waitingBytesMax: 100 } });
    const takes = [queue.take(), queue.poll({ timeoutMs: 1000 })];
    await rejectsWith(queue.take(), 'MQ_LIMIT_EXCEEDED');
    for (const value of ['a', 'b', 'c']) await queue.put(value);
    assert.deepEqual(await Promise.all(takes), ['a', 'b']);
    const puts = [queue.put('d'), queue.put('e')];
    await rejectsWith(queue.put('f'), 'MQ_LIMIT_EXCEEDED');
    queue.drain(9);
    await Promise.all(puts);
  });

  test('a capacity below one or not whole is refused with MQ_INVALID_ARGUMENT', () => {
    for (const capacity of [0, -1, 1.5, Number.NaN]) {
      assert.throws(
        () => new BlockingQueue({ capacity }),
        (error) => isMqError(error, 'MQ_INVALID_ARGUMENT'),
      );
    }
  });

  test('an overflow nobody knows, a time-out that is no number and a value that is nothing are refused', async () => {
    const overflow = 'bogus' as 'wait';
    assert.throws(
      () => new BlockingQueue({ overflow }),
      (error) => isMqError(error, 'MQ_INVALID_ARGUMENT'),
    );
    const queue = new BlockingQueue<string>({ capacity: 1 });
    for (const timeoutMs of [Number.NaN, -1, 1.5, Number.POSITIVE_INFINITY]) {
      await rejectsWith(queue.put('a', { timeoutMs }), 'MQ_INVALID_ARGUMENT');
      await rejectsWith(queue.poll({ timeoutMs }), 'MQ_INVALID_ARGUMENT');
    }
    const nothing = undefined as unknown as string;
    await rejectsWith(queue.put(nothing), 'MQ_INVALID_ARGUMENT');
    await rejectsWith(queue.putAll([nothing]), 'MQ_INVALID_ARGUMENT');
    await rejectsWith(queue.putAll(new Array<string>(1)), 'MQ_INVALID_ARGUMENT');
    assert.throws(
      () => queue.offer(nothing),
      (error) => isMqError(error, 'MQ_INVALID_ARGUMENT'),
    );
    assert.equal(queue.acceptedCount, 0);
  });

  test('onAccept sees every accepted value once, in order, before a taker does', async () => {
    const accepted: string[] = [];
    const queue = new BlockingQueue<string>({
      capacity: 1,
      onAccept: (value, sequence) => accepted.push(`${sequence} ${value}`),
    });
    const take = queue.take().then(() => accepted.length);
    await queue.put('a');
    assert.equal(await take, 1);
    await queue.put('b');
    const abort = new AbortController();
    const aborted = rejectsWith(queue.put('x', { signal: abort.signal }), 'MQ_ABORTED');
    const put = queue.put('c');
    abort.abort();
    queue.drain(1);
    await Promise.all([aborted, put]);
    assert.deepEqual(accepted, ['0 a', '1 b', '2 c']);
  });
});

describe('callbacks', () => {
  test('a defect in letting a waiting put in is told to that put, not to whoever made the room', async () => {
    const queue = new BlockingQueue<string>({
      capacity: 1,
      onAccept: (value) => {
        if (value === 'bad') throw new Error('defect');
      },
    });
    await queue.put('a');
    const bad = assert.rejects(queue.put('bad'), /defect/);
    const good = queue.put('good');
    assert.equal(await queue.take(), 'a');
    await Promise.all([bad, good]);
    assert.equal(await queue.take(), 'good');
  });

  test('a drain whose callback takes values itself hands every value to one of the two', async () => {
    const queue = new BlockingQueue<number>();
    await queue.putAll([1, 2, 3, 4]);
    const taken: Promise<number>[] = [];
    const drained = queue.drain(2, (value) => {
      if (value === 1) taken.push(queue.take());
      return true;
    });
    assert.deepEqual([drained, await Promise.all(taken), queue.drain(9)], [[2, 3], [1], [4]]);
  });
});

describe('close', () => {
  test('waiting puts reject and were never accepted; what is held can still be taken', async () => {
    const queue = new BlockingQueue<string>({ capacity: 1 });
    await queue.put('held');
    const put = queue.put('late');
    queue.close();
    await rejectsWith(put, 'MQ_CLOSED');
    await rejectsWith(queue.put('later'), 'MQ_CLOSED');
    await rejectsWith(queue.putAll(['later']), 'MQ_CLOSED');
    assert.throws(
      () => queue.offer('later'),
      (error) => isMqError(error, 'MQ_CLOSED'),
    );
    assert.equal(await queue.take(), 'held');
    await rejectsWith(queue.take(), 'MQ_CLOSED');
    assert.equal(await queue.poll({ timeoutMs: 1000 }), undefined);
  });

  test('waiting takes reject and waiting polls answer undefined', async () => {
    const queue = new BlockingQueue<string>();
    const take = queue.take();
    const poll = queue.poll({ timeoutMs: 1000 });
    queue.close();
    queue.close();
    await rejectsWith(take, 'MQ_CLOSED');
    assert.equal(await poll, undefined);
  });

  test('closed with an error of its own, every waiting call rejects with it', async () => {
    const queue = new BlockingQueue<string>();
    const calls = [queue.take(), queue.poll({ timeoutMs: 1000 })];
    queue.close({ error: new MqError('MQ_UNKNOWN_TOPIC', 'deleted') });
    for (const call of calls) await rejectsWith(call, 'MQ_UNKNOWN_TOPIC');
  });
});
