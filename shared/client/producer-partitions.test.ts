import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MqError } from '../contract/errors.ts';
import { crc32cOfText } from '../crc32c.ts';
import { gate, openProducer, rejectsWith } from './testing/producer-world.ts';

describe('partitions', () => {
  const keyOf = (partition: number, count: number): string => {
    for (let number = 0; ; number += 1) if (crc32cOfText(`k${number}`) % count === partition) return `k${number}`;
  };

  test('messages are grouped by the partition of their key, and sent there', async () => {
    const { at, producer } = openProducer({}, { partitionCount: 3 });
    const [x, y] = [keyOf(0, 3), keyOf(2, 3)];
    const sends = ['0a', '2a', '0b', '-a', '2b', '-b'].map((body) => {
      const key = body[0] === '0' ? x : body[0] === '2' ? y : undefined;
      return producer.send('t', key === undefined ? { body } : { body, key });
    });
    const receipts = await Promise.all(sends);
    assert.deepEqual(
      at.calls.map(({ bodies, partition }) => [bodies.join('+'), partition]),
      [
        ['0a+0b', 0],
        ['2a+2b', 2],
        ['-a+-b', undefined],
      ],
    );
    assert.deepEqual(
      receipts.map(({ partition }) => partition),
      [0, 2, 0, 1, 2, 1],
    );
    await producer.send('t', { body: 'x', key: x });
    assert.equal(at.describeCount, 1);
  });

  test('with one partition keys do not matter: everything stays in order in the same batches', async () => {
    const { at, producer } = openProducer();
    await producer.send('t', { body: 'first', key: 'k' });
    const messages = [{ body: 'a' }, { body: 'b', key: 'k' }, { body: 'c', key: 'l' }];
    await Promise.all(messages.map((message) => producer.send('t', message)));
    assert.deepEqual(
      at.calls.slice(1).map(({ bodies, partition }) => [bodies.join('+'), partition]),
      [['a+b+c', undefined]],
    );
  });

  test('a partition the caller chose is asked for, and has batches of its own', async () => {
    const { at, producer } = openProducer({}, { partitionCount: 2 });
    const send = (body: string, partition: number) => producer.send('t', { body, key: 'k' }, { partition });
    await Promise.all([send('a', 1), send('b', 0), send('c', 1)]);
    assert.deepEqual(
      at.calls.map(({ bodies, partition }) => [bodies.join('+'), partition]),
      [
        ['a+c', 1],
        ['b', 0],
      ],
    );
    await rejectsWith(send('d', 7), 'MQ_INVALID_ARGUMENT');
    assert.equal(at.describeCount, 0);
  });

  test('a topic that does not exist comes into being by the first message, and the rest follows in order', async () => {
    const { at, producer } = openProducer({}, { partitionCount: 2, isKnown: false });
    const key = keyOf(1, 2);
    await Promise.all(['a', 'b', 'c', 'd'].map((body) => producer.send('t', { body, key })));
    assert.deepEqual(at.partitions, [[], ['a', 'b', 'c', 'd']]);
    assert.deepEqual(at.sent, ['a', 'b+c+d']);
    assert.equal(at.describeCount, 2);
  });

  test('the first message makes the topic at once, and the rest waits until it has', async () => {
    const { clock, at, producer } = openProducer({ lingerMs: 50 }, { partitionCount: 2, isKnown: false });
    const { letGo } = gate(at);
    const sends = ['a', 'b', 'c'].map((body) => producer.send('t', { body, key: 'k' }));
    await clock.pass(40);
    assert.deepEqual([at.sent, at.describeCount], [['a'], 1]);
    letGo();
    await clock.pass(40);
    assert.deepEqual([at.sent, at.describeCount], [['a'], 2]);
    await clock.pass(10);
    assert.deepEqual(at.sent, ['a', 'b+c']);
    letGo();
    await Promise.all(sends);
  });

  test('of a topic with one partition it does not matter whether the caller says so', async () => {
    const { at, producer } = openProducer();
    await producer.send('t', { body: 'first', key: 'k' });
    const send = (body: string, partition?: number) =>
      producer.send('t', { body }, partition === undefined ? {} : { partition });
    await Promise.all([send('a'), send('b', 0), send('c')]);
    assert.deepEqual(at.sent, ['first', 'a+b+c']);
  });

  test('topics that nothing is sent to any more are forgotten when there are very many', async () => {
    const { at, producer } = openProducer({}, { partitionCount: 2 });
    for (let number = 0; number < 1001; number += 1) await producer.send(`t${number}`, { body: '', key: 'k' });
    await producer.send('t1000', { body: '', key: 'k' });
    assert.equal(at.describeCount, 1001);
    await producer.send('t0', { body: '', key: 'k' });
    assert.equal(at.describeCount, 1002);
  });

  test('where no topic comes into being each message is told so', async () => {
    const { at, producer } = openProducer({}, { isKnown: false });
    at.beforeSend = () => {
      throw new MqError('MQ_UNKNOWN_TOPIC', 'there is none');
    };
    const sends = ['a', 'b'].map((body) => rejectsWith(producer.send('t', { body, key: 'k' }), 'MQ_UNKNOWN_TOPIC'));
    await Promise.all(sends);
  });

  test('asking for the partitions is tried again, and rejects what waits for it when that is in vain', async () => {
    const { clock, at, producer } = openProducer({ retry: { attemptsMax: 2 }, waitingMax: 2 }, { partitionCount: 2 });
    let failures = 1;
    at.beforeDescribe = () => {
      failures -= 1;
      if (failures >= 0) throw new MqError('MQ_UNREACHABLE', 'nobody there');
    };
    const sent = producer.send('t', { body: 'a', key: 'k' });
    await clock.pass(1000);
    await sent;
    failures = 2;
    const other = [1, 2].map((number) => producer.send('other', { body: `${number}`, key: 'k' }));
    const refused = Promise.all(other.map((one) => rejectsWith(one, 'MQ_UNREACHABLE')));
    await clock.pass(1000);
    await refused;
    assert.deepEqual([at.sent, producer.underWayCount], [['a'], 0]);
    await Promise.all([1, 2].map((number) => producer.send('other', { body: `${number}`, key: 'k' })));
  });

  test('where the broker will not say, batches are taken apart as they must be', async () => {
    const { at, producer } = openProducer({}, { partitionCount: 2 });
    at.beforeDescribe = () => {
      throw new MqError('MQ_FORBIDDEN', 'not for you');
    };
    const [x, y] = [keyOf(0, 2), keyOf(1, 2)];
    const sends = [x, x, y, y].map((key, index) => producer.send('t', { body: `${index}`, key }));
    await Promise.all(sends);
    assert.deepEqual(at.partitions, [
      ['0', '1'],
      ['2', '3'],
    ]);
  });

  test('a topic that was made again with other partitions is looked at again', async () => {
    const { at, producer } = openProducer({}, { partitionCount: 4 });
    const key = keyOf(3, 4);
    await producer.send('t', { body: 'a', key });
    at.partitions = [[], []];
    await rejectsWith(producer.send('t', { body: 'b', key }), 'MQ_INVALID_ARGUMENT');
    assert.equal((await producer.send('t', { body: 'c', key })).partition, crc32cOfText(key) % 2);
    assert.equal(at.describeCount, 2);
  });

  test('one that is aborted while the partitions are asked for is never sent, and left the line once', async () => {
    const { clock, at, producer } = openProducer({ inFlightMax: 1, waitingMax: 1 }, { partitionCount: 2 });
    let answer = (): void => undefined;
    at.beforeDescribe = () =>
      new Promise<void>((resolve) => {
        answer = resolve;
      });
    const abort = new AbortController();
    const aborted = producer.send('t', { body: 'a', key: 'k' }, { signal: abort.signal });
    abort.abort();
    await rejectsWith(aborted, 'MQ_ABORTED');
    answer();
    await clock.pass(0);
    const { letGo } = gate(at);
    const sends = [producer.send('t', { body: 'b' })];
    await clock.pass(0);
    sends.push(producer.send('t', { body: 'c' }));
    await rejectsWith(producer.send('t', { body: 'd' }), 'MQ_LIMIT_EXCEEDED');
    letGo();
    await clock.pass(0);
    letGo();
    await Promise.all(sends);
    assert.deepEqual(at.sent, ['b', 'c']);
  });

  test('flush does not let a message linger whose partition is still asked for', async () => {
    const { at, producer } = openProducer({ lingerMs: 60_000 }, { partitionCount: 2 });
    const sent = producer.send('t', { body: 'a', key: 'k' });
    await producer.flush();
    await sent;
    assert.deepEqual(at.sent, ['a']);
  });

  test('close gives up on what waits for a broker that does not say how many there are', async () => {
    const { clock, at, producer } = openProducer({}, { partitionCount: 2 });
    at.beforeDescribe = () => new Promise(() => undefined);
    const sends = [producer.send('t', { body: 'a', key: 'k' }), producer.sendBatch('t', [{ body: 'b', key: 'k' }])];
    const refused = Promise.all(sends.map((one) => assert.rejects(one, /was not sent/)));
    await Promise.all([producer.close({ timeoutMs: 5 }), clock.pass(5)]);
    await refused;
    assert.equal(at.calls.length, 0);
  });
});
