import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isMqError } from '../contract/errors.ts';
import { Producer } from './producer.ts';
import { gate, openProducer } from './testing/producer-world.ts';

describe('batches', () => {
  test('what is sent in one tick goes in one call, and each send has the receipt of its own place', async () => {
    const { at, producer, sendAll } = openProducer();
    await producer.send('t', { body: 'first' });
    const receipts = (await Promise.all(sendAll(['a', 'b', 'c']))) as { offset: number; id: string }[];
    assert.deepEqual(at.sent, ['first', 'a+b+c']);
    assert.deepEqual(
      receipts.map(({ offset }) => offset),
      [1, 2, 3],
    );
    assert.deepEqual(
      receipts.map(({ id }) => id),
      at.calls[1]?.ids,
    );
    assert.equal(new Set(at.calls.flatMap(({ ids }) => ids)).size, 4);
  });

  test('a lonely message goes at once, as a plain send, and starts no timer', async () => {
    const { clock, at, producer } = openProducer();
    const receipt = await producer.send('t', { body: 'a', id: 'mine' });
    assert.deepEqual(receipt, { topic: 't', partition: 0, offset: 0, id: 'mine', durability: 'memory' });
    assert.deepEqual([at.calls[0]?.operation, clock.timerCount], ['send', 0]);
  });

  test('while something is under way the rest gathers, and goes together when that has arrived', async () => {
    const { clock, at, producer, sendAll } = openProducer();
    const { letGo } = gate(at);
    const sends = sendAll(['a']);
    for (const body of ['b', 'c', 'd']) {
      await clock.pass(1);
      sends.push(producer.send('t', { body }));
    }
    await clock.pass(1000);
    assert.deepEqual(at.sent, ['a']);
    letGo();
    await clock.pass(0);
    assert.deepEqual(at.sent, ['a', 'b+c+d']);
    letGo();
    await Promise.all(sends);
  });

  test('a full batch waits for nothing, and what does not fill one does', async () => {
    const { clock, at, sendAll } = openProducer({ batchCountMax: 2 });
    const { letGo } = gate(at);
    const sends = sendAll(['a', 'b', 'c', 'd', 'e']);
    await clock.pass(0);
    assert.deepEqual(at.sent, ['a+b', 'c+d']);
    letGo();
    await clock.pass(0);
    assert.deepEqual(at.sent, ['a+b', 'c+d', 'e']);
    letGo();
    await Promise.all(sends);
  });

  test('at most inFlightMax calls are at the broker, and what waits for them still gathers', async () => {
    const { clock, at, producer, sendAll } = openProducer({ batchCountMax: 3, inFlightMax: 1 });
    const { letGo } = gate(at);
    const sends = sendAll(['a', 'b', 'c', 'd']);
    await clock.pass(0);
    sends.push(producer.send('t', { body: 'e' }));
    await clock.pass(0);
    assert.deepEqual(at.sent, ['a+b+c']);
    letGo();
    await clock.pass(0);
    assert.deepEqual(at.sent, ['a+b+c', 'd+e']);
    letGo();
    await Promise.all(sends);
  });

  test('topics take turns when there are fewer slots than batches', async () => {
    const { clock, at, producer } = openProducer({ batchCountMax: 1, inFlightMax: 1 });
    const sends = ['x1', 'x2', 'x3', 'y1', 'y2'].map((body) => producer.send(body[0] ?? '', { body }));
    await clock.pass(0);
    await Promise.all(sends);
    assert.deepEqual(at.sent, ['x1', 'x2', 'y1', 'x3', 'y2']);
  });

  test('a batch has batchBytesMax bytes of content at most; what is larger goes alone', async () => {
    const { at, producer } = openProducer({ batchBytesMax: 20 });
    // Seven bytes each: é is two, and the id is counted as well.
    const send = (id: string, body: string) =>
      producer.send('t', { id, body, key: '\u00e9', headers: { h: '\u00e9' } });
    await Promise.all([send('1', 'a'), send('2', 'b'), send('3', 'c'), send('4', 'x'.repeat(30)), send('5', 'e')]);
    assert.deepEqual(at.sent, ['a+b', 'c', 'x'.repeat(30), 'e']);
    await Promise.all([send('6', 'x'.repeat(7)), send('7', 'g'), send('8', 'h')]);
    assert.deepEqual(at.sent.slice(4), [`${'x'.repeat(7)}+g`, 'h']);
  });

  test('a batch with exactly so many bytes is full, and waits for nothing', async () => {
    const { clock, at, producer } = openProducer({ batchBytesMax: 10 });
    const { letGo } = gate(at);
    const sends = ['a', 'bcd', 'efgh'].map((body) => producer.send('t', { body, id: '1' }));
    await clock.pass(0);
    assert.deepEqual(at.sent, ['a+bcd']);
    sends.push(producer.send('t', { body: 'ijkl', id: '1' }));
    await clock.pass(0);
    assert.deepEqual(at.sent, ['a+bcd', 'efgh+ijkl']);
    letGo();
    await Promise.all(sends);
  });

  test('a batch is never larger than the broker takes', async () => {
    const { at, sendAll } = openProducer({}, { limits: { batchCountMax: 2, batchBytesMax: 1000 } });
    await Promise.all(sendAll(['a', 'b', 'c']));
    assert.deepEqual(at.sent, ['a+b', 'c']);
    for (const options of [{ batchCountMax: 3 }, { batchBytesMax: 1001 }, { batchCountMax: 0 }, { lingerMs: -1 }]) {
      const path = `options.${Object.keys(options).join()}`;
      assert.throws(
        () => new Producer({ broker: at.broker, ...options }),
        (error) => isMqError(error, 'MQ_INVALID_ARGUMENT') && error.details.path === path,
      );
    }
  });

  test('a broker without batches is sent every message alone', async () => {
    const { at, sendAll } = openProducer({ lingerMs: 50 }, { capabilities: ['send', 'receive'] });
    await Promise.all(sendAll(['a', 'b']));
    assert.deepEqual(
      at.calls.map(({ operation }) => operation),
      ['send', 'send'],
    );
  });

  test('many more sends in one tick than may wait are no line: full batches leave in between', async () => {
    const { clock, sendAll } = openProducer({ waitingMax: 10, batchCountMax: 10, inFlightMax: 5 });
    await Promise.all(sendAll(Array(50).fill('a')));
    await clock.pass(0);
    const all = Promise.allSettled(sendAll(Array(70).fill('a')));
    const refused = (await all).filter((result) => result.status === 'rejected');
    assert.equal(refused.length, 10);
  });
});

describe('lingerMs', () => {
  test('a message waits so long for others, counted from the first, also with nothing under way', async () => {
    const { clock, at, producer, sendAll } = openProducer({ lingerMs: 10 });
    const sends = sendAll(['a']);
    await clock.pass(6);
    sends.push(producer.send('t', { body: 'b' }));
    await clock.pass(3);
    assert.deepEqual(at.sent, []);
    await clock.pass(1);
    assert.deepEqual(at.sent, ['a+b']);
    await Promise.all(sends);
    assert.equal(clock.timerCount, 0);
  });

  test('it goes after that also while something else is under way', async () => {
    const { clock, at, sendAll } = openProducer({ lingerMs: 10 });
    const { letGo } = gate(at);
    const sends = sendAll(['a']);
    await clock.pass(10);
    sends.push(...sendAll(['b']));
    await clock.pass(9);
    assert.deepEqual(at.sent, ['a']);
    await clock.pass(1);
    assert.deepEqual(at.sent, ['a', 'b']);
    letGo();
    await Promise.all(sends);
  });

  test('a full batch waits no longer, and the next one waits as long as the first', async () => {
    const { clock, at, sendAll } = openProducer({ lingerMs: 10, batchCountMax: 2 });
    const sends = sendAll(['a', 'b']);
    await clock.pass(5);
    assert.deepEqual([at.sent, clock.timerCount], [['a+b'], 0]);
    sends.push(...sendAll(['c']));
    await clock.pass(9);
    assert.deepEqual(at.sent, ['a+b']);
    await clock.pass(1);
    assert.deepEqual(at.sent, ['a+b', 'c']);
    await Promise.all(sends);
  });

  test('flush and close send at once what waits, and only that', async () => {
    const { clock, at, producer, sendAll } = openProducer({ lingerMs: 60_000 });
    const sends = sendAll(['a', 'b']);
    const flushed = producer.flush();
    sends.push(...sendAll(['c']));
    await flushed;
    assert.equal(at.sent.join(' ').startsWith('a+b'), true);
    sends.push(...sendAll(['d']));
    await producer.close();
    await Promise.all(sends);
    assert.deepEqual([at.partitions[0]?.join(''), clock.timerCount], ['abcd', 0]);
  });
});
