import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isMqError, MqError } from '../contract/errors.ts';
import { gate, openProducer, rejectsWith } from './testing/producer-world.ts';

describe('order and failure', () => {
  test('a batch is repeated whole, with the same ids in the same order, and nothing joins it', async () => {
    const { clock, at, sendAll } = openProducer({ inFlightMax: 1 });
    let failures = 3;
    at.beforeSend = () => {
      failures -= 1;
      if (failures >= 0) throw new MqError('MQ_CONNECTION_LOST', 'cut');
    };
    const sends = sendAll(['a', 'b']);
    await clock.pass(0);
    sends.push(...sendAll(['c']));
    while (at.calls.length < 4) await clock.pass(100);
    await Promise.all(sends);
    assert.deepEqual(at.sent, ['a+b', 'a+b', 'a+b', 'a+b', 'c']);
    assert.equal(new Set(at.calls.slice(0, 4).map(({ ids }) => ids.join())).size, 1);
  });

  test('each send of a batch that failed for good rejects with what the broker said', async () => {
    const { at, producer, sendAll } = openProducer();
    at.beforeSend = () => {
      throw new MqError('MQ_UNAUTHORIZED', 'no');
    };
    const settled = await Promise.allSettled(sendAll(['a', 'b', 'c']));
    assert.ok(settled.every((one) => one.status === 'rejected' && isMqError(one.reason, 'MQ_UNAUTHORIZED')));
    assert.deepEqual([at.sent, producer.underWayCount], [['a+b+c'], 0]);
  });

  for (const code of ['MQ_INVALID_ARGUMENT', 'MQ_MESSAGE_TOO_LARGE', 'MQ_NOT_SUPPORTED'] as const) {
    test(`one message that is wrong (${code}) is refused alone, and its neighbours arrive in order`, async () => {
      const { at, sendAll } = openProducer();
      at.beforeSend = ({ bodies }) => {
        if (bodies.includes('wrong')) throw new MqError(code, 'wrong');
      };
      const settled = await Promise.allSettled(sendAll(['a', 'b', 'wrong', 'd', 'e']));
      assert.deepEqual(
        settled.map(({ status }) => status),
        ['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
      );
      assert.equal(at.partitions[0]?.join(''), 'abde');
      const offsets = settled.map((one) =>
        one.status === 'fulfilled' ? (one.value as { offset: number }).offset : '',
      );
      assert.deepEqual(offsets, [0, 1, '', 2, 3]);
    });
  }

  test('a batch that never fits is taken apart until it does', async () => {
    const { at, sendAll } = openProducer();
    at.beforeSend = ({ bodies }) => {
      if (bodies.length > 2) throw new MqError('MQ_BATCH_TOO_LARGE', 'more than it holds');
    };
    await Promise.all(sendAll(['a', 'b', 'c', 'd', 'e']));
    assert.deepEqual(at.sent, ['a+b+c+d+e', 'a+b+c', 'a+b', 'c', 'd+e']);
  });

  test('what goes on its own keeps its place in the order', async () => {
    const { at, producer } = openProducer({ inFlightMax: 1 });
    const { signal } = new AbortController();
    await Promise.all([
      producer.send('t', { body: 'a' }),
      producer.send('t', { body: 'b' }),
      producer.send('t', { body: 'c' }, { signal }),
      producer.send('t', { body: 'd' }, { timeoutMs: 5 }),
      producer.send('t', { body: 'D' }, { timeoutMs: 7 }),
      producer.sendBatch('t', [{ body: 'e' }, { body: 'f' }]),
      producer.send('t', { body: 'g' }),
    ]);
    assert.deepEqual(at.sent, ['a+b', 'c', 'd', 'D', 'e+f', 'g']);
    assert.deepEqual(
      at.calls.map(({ timeoutMs }) => timeoutMs),
      [undefined, undefined, 5, 7, undefined, undefined],
    );
  });

  test('a delayed message goes alone, because its receipt has a time and no offset', async () => {
    const { at, producer } = openProducer();
    const sends = [{ body: 'a' }, { body: 'later', delayMs: 50 }, { body: 'b' }];
    const receipts = await Promise.all(sends.map((message) => producer.send('t', message)));
    assert.deepEqual(at.sent, ['a', 'later', 'b']);
    assert.deepEqual([receipts[1]?.offset, receipts[1]?.deliverAt], [null, 50]);
  });

  test('one that is aborted while it waits was never sent, and the rest goes on', async () => {
    const { clock, at, producer, sendAll } = openProducer({ inFlightMax: 1, waitingMax: 2 });
    const { letGo } = gate(at);
    const abort = new AbortController();
    const first = sendAll(['a']);
    await clock.pass(0);
    const aborted = rejectsWith(producer.send('t', { body: 'b' }, { signal: abort.signal }), 'MQ_ABORTED');
    const last = sendAll(['c']);
    abort.abort();
    await aborted;
    letGo();
    await Promise.all(first);
    await clock.pass(0);
    letGo();
    await Promise.all(last);
    assert.deepEqual(at.sent, ['a', 'c']);
    await rejectsWith(producer.send('t', { body: 'd' }, { signal: abort.signal }), 'MQ_ABORTED');
    // It left the line once, and made room there for one.
    await clock.pass(0);
    const more = sendAll(['e']);
    await clock.pass(0);
    more.push(...sendAll(['f', 'g']));
    await rejectsWith(producer.send('t', { body: 'h' }), 'MQ_LIMIT_EXCEEDED');
    letGo();
    await clock.pass(0);
    letGo();
    await Promise.all(more);
  });

  test('out of time, close says of each message whether it may have been stored', async () => {
    const { clock, at, producer, sendAll } = openProducer({ inFlightMax: 1, batchCountMax: 2 });
    gate(at);
    const sends = sendAll(['a', 'b', 'c', 'd', 'e']);
    sends.push(producer.sendBatch('t', [{ body: 'f' }]));
    const settled = Promise.allSettled(sends);
    await Promise.all([producer.close({ timeoutMs: 5 }), clock.pass(5)]);
    const fates = (await settled).map(
      (one) => one.status === 'rejected' && isMqError(one.reason, 'MQ_CLOSED') && one.reason,
    );
    const texts = fates.map((error) => /may have been stored|was not sent/.exec(String(error))?.[0]);
    assert.deepEqual(texts, [...Array(2).fill('may have been stored'), ...Array(4).fill('was not sent')]);
    assert.equal(producer.underWayCount, 0);
  });
});
