import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createBroker } from '../../stages/2-ring-buffer/index.ts';
import { VirtualClock } from '../clock.ts';
import type { Broker } from '../contract/broker.ts';
import { isMqError, MqError } from '../contract/errors.ts';
import { SeededRandom } from '../random.ts';
import { LogConsumer, type LogConsumerOptions } from './log-consumer.ts';

async function open() {
  const clock = new VirtualClock();
  const broker = await createBroker({ clock, random: new SeededRandom(5) });
  await broker.createTopic('t');
  const reader = (options: Partial<LogConsumerOptions> = {}): LogConsumer =>
    new LogConsumer({ broker, topic: 't', group: 'g', clock, random: new SeededRandom(6), ...options });
  return { clock, broker, reader };
}

async function sendCount(broker: Broker, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) await broker.send('t', { body: String(index) });
}

/** Reads until `count` records were seen, then leaves the loop. */
async function read(reader: LogConsumer, count: number): Promise<(number | null)[]> {
  const offsets: (number | null)[] = [];
  for await (const record of reader) {
    offsets.push(record.offset);
    if (offsets.length === count) break;
  }
  return offsets;
}

describe('reading', () => {
  test('records come in ascending offsets, through as many fetches as it takes', async () => {
    const { broker, reader } = await open();
    await sendCount(broker, 25);
    const offsets = await read(reader({ fetchCount: 10 }), 25);
    assert.deepEqual(
      offsets,
      Array.from({ length: 25 }, (_, offset) => offset),
    );
  });

  test('the record at which a loop is left comes again, and what was done before it does not', async () => {
    const { broker, reader } = await open();
    await sendCount(broker, 6);
    const first = reader();
    assert.deepEqual(await read(first, 3), [0, 1, 2]);
    assert.equal(first.progress[0]?.committedOffset, 2);
    assert.deepEqual(await read(first, 2), [2, 3]);
    const restarted = reader();
    assert.deepEqual(await read(restarted, 2), [3, 4]);
    assert.equal(await broker.committed('t', { group: 'g' }), 4);
  });

  test('a reader that dies without closing loses nothing: what it did not commit comes again', async () => {
    const { broker, reader } = await open();
    await sendCount(broker, 25);
    const loop = reader({ fetchCount: 10 })[Symbol.asyncIterator]();
    for (let count = 0; count < 15; count += 1) await loop.next();
    assert.equal(await broker.committed('t', { group: 'g' }), 10);
    assert.deepEqual(await read(reader(), 2), [10, 11]);
  });

  test('at the end of the log it waits, and goes on with what is sent', async () => {
    const { broker, clock, reader } = await open();
    const loop = reader()[Symbol.asyncIterator]();
    const next = loop.next();
    await clock.pass(60_000);
    await sendCount(broker, 1);
    await clock.pass(0);
    assert.equal((await next).value?.offset, 0);
  });

  test('a group made with options begins where they say', async () => {
    const { broker, reader } = await open();
    await sendCount(broker, 5);
    const late = reader({ groupOptions: { start: 'latest' } });
    const loop = late[Symbol.asyncIterator]();
    const next = loop.next();
    await new Promise((resolve) => setImmediate(resolve));
    await broker.send('t', { body: 'new' });
    assert.equal((await next).value?.offset, 5);
    assert.deepEqual(await read(reader({ groupOptions: { start: { offset: 2 } }, group: 'h' }), 1), [2]);
  });
});

describe('reading many at once', () => {
  test('one turn of the loop has all that one fetch brought', async () => {
    const { broker, reader } = await open();
    await sendCount(broker, 25);
    const counts: number[] = [];
    const offsets: (number | null)[] = [];
    for await (const records of reader({ fetchCount: 10 }).batches()) {
      counts.push(records.length);
      offsets.push(...records.map(({ offset }) => offset));
      if (offsets.length === 25) break;
    }
    assert.deepEqual(counts, [10, 10, 5]);
    assert.deepEqual(
      offsets,
      Array.from({ length: 25 }, (_, offset) => offset),
    );
  });

  test('the records at which the loop is left come again, and those before do not', async () => {
    const { broker, reader } = await open();
    await sendCount(broker, 25);
    const first = reader({ fetchCount: 10 });
    let turns = 0;
    for await (const _ of first.batches()) if (++turns === 2) break;
    assert.equal(await broker.committed('t', { group: 'g' }), 10);
    assert.deepEqual(await read(first, 1), [10]);
  });

  test('what a loop over single records left of a fetch is one turn', async () => {
    const { broker, reader } = await open();
    await sendCount(broker, 10);
    const consumer = reader({ fetchCount: 10 });
    const single = consumer[Symbol.asyncIterator]();
    for (let count = 0; count < 3; count += 1) await single.next();
    const { value } = await consumer.batches().next();
    assert.deepEqual(
      value?.map(({ offset }) => offset),
      [3, 4, 5, 6, 7, 8, 9],
    );
  });
});

describe('a reader that fell behind', () => {
  test('goes on at the first record still held when its group declared earliest', async () => {
    const { broker, clock } = await open();
    await broker.createTopic('ring', { messagesMax: 4, overflow: 'drop-oldest' });
    for (let index = 0; index < 4; index += 1) await broker.send('ring', { body: '' });
    const behind = new LogConsumer({ broker, topic: 'ring', group: 'g', clock, groupOptions: { start: 'earliest' } });
    const loop = behind[Symbol.asyncIterator]();
    assert.equal((await loop.next()).value?.offset, 0);
    for (let index = 4; index < 20; index += 1) await broker.send('ring', { body: '' });
    const offsets: (number | null | undefined)[] = [];
    for (let count = 0; count < 4; count += 1) offsets.push((await loop.next()).value?.offset);
    // 1, 2 and 3 were fetched before they were overwritten; then the ring begins at 16.
    assert.deepEqual(offsets, [1, 2, 3, 16]);
    assert.equal(behind.progress[0]?.skippedCount, 12);
  });

  test('goes on at the end when its group declared latest', async () => {
    const { broker, clock } = await open();
    await broker.createTopic('ring', { messagesMax: 4, overflow: 'drop-oldest' });
    await broker.createGroup('ring', 'g', { onOutOfRange: 'latest' });
    await broker.commit('ring', { group: 'g', offset: 0 });
    const behind = new LogConsumer({ broker, topic: 'ring', group: 'g', clock, fetchCount: 1 });
    const loop = behind[Symbol.asyncIterator]();
    await broker.send('ring', { body: '' });
    assert.equal((await loop.next()).value?.offset, 0);
    for (let index = 1; index < 10; index += 1) await broker.send('ring', { body: '' });
    const next = loop.next();
    await clock.pass(10);
    await broker.send('ring', { body: 'after the jump' });
    assert.equal((await next).value?.offset, 10);
    assert.equal(behind.progress[0]?.skippedCount, 9);
  });

  test('is told when its group declared error', async () => {
    const { broker, clock } = await open();
    await broker.createTopic('ring', { messagesMax: 4, overflow: 'drop-oldest' });
    await broker.createGroup('ring', 'g', { onOutOfRange: 'error' });
    await broker.commit('ring', { group: 'g', offset: 0 });
    const behind = new LogConsumer({ broker, topic: 'ring', group: 'g', clock, fetchCount: 1 });
    const loop = behind[Symbol.asyncIterator]();
    await broker.send('ring', { body: '' });
    await loop.next();
    for (let index = 1; index < 10; index += 1) await broker.send('ring', { body: '' });
    await assert.rejects(loop.next(), (error) => {
      return isMqError(error, 'MQ_OFFSET_OUT_OF_RANGE') && error.details.logStartOffset === 6;
    });
  });
});

describe('trouble and the end', () => {
  test('fetches and commits that fail for a while are repeated', async () => {
    const { broker, clock, reader } = await open();
    await sendCount(broker, 20);
    const { fetch, commit } = { fetch: broker.fetch.bind(broker), commit: broker.commit.bind(broker) };
    let callCount = 0;
    const isBad = (): boolean => {
      callCount += 1;
      return callCount % 3 !== 0;
    };
    const lost = (): Promise<never> => Promise.reject(new MqError('MQ_CONNECTION_LOST', 'cut'));
    broker.fetch = (...args) => (isBad() ? lost() : fetch(...args));
    broker.commit = (...args) => (isBad() ? lost() : commit(...args));
    let offsets: (number | null)[] = [];
    const reading = read(reader({ fetchCount: 4 }), 20).then((all) => {
      offsets = all;
    });
    for (let step = 0; step < 100 && offsets.length < 20; step += 1) await clock.pass(1000);
    await reading;
    assert.deepEqual(
      offsets,
      Array.from({ length: 20 }, (_, offset) => offset),
    );
    assert.equal(await broker.committed('t', { group: 'g' }), 19);
  });

  test('an error that repeating cannot help ends the loop', async () => {
    const { broker, reader } = await open();
    await broker.receive('t', { group: 'queue group' });
    const loop = reader({ group: 'queue group' })[Symbol.asyncIterator]();
    await sendCount(broker, 2);
    await loop.next();
    await loop.next();
    await assert.rejects(loop.next(), (error) => isMqError(error, 'MQ_GROUP_KIND'));
  });

  test('close ends a waiting loop and commits what was done', async () => {
    const { broker, clock, reader } = await open();
    await sendCount(broker, 2);
    const consumer = reader();
    const loop = consumer[Symbol.asyncIterator]();
    await loop.next();
    await loop.next();
    const waiting = loop.next();
    await clock.pass(0);
    await consumer.close();
    assert.deepEqual(await waiting, { done: true, value: undefined });
    assert.equal(await broker.committed('t', { group: 'g' }), 2);
    await broker.close();
    assert.equal(clock.timerCount, 0);
  });

  test('close settles in time on a broker that never answers', async () => {
    const { broker, clock, reader } = await open();
    await sendCount(broker, 2);
    const consumer = reader();
    const loop = consumer[Symbol.asyncIterator]();
    await loop.next();
    await loop.next();
    broker.commit = () => new Promise(() => undefined);
    const waiting = loop.next();
    const ended = Promise.allSettled([waiting, consumer.close({ timeoutMs: 100 })]);
    await clock.pass(100);
    const [, closed] = await ended;
    assert.ok(closed.status === 'rejected' && isMqError(closed.reason, 'MQ_ABORTED'));
  });

  test('a reader closed in the body of a record commits that record when the body is through', async () => {
    for (const isAwaited of [true, false]) {
      const { broker, reader } = await open();
      await sendCount(broker, 4);
      const consumer = reader();
      const offsets: (number | null)[] = [];
      for await (const { offset } of consumer) {
        offsets.push(offset);
        if (offset !== 2) continue;
        const closed = consumer.close();
        if (isAwaited) await closed;
      }
      assert.deepEqual(offsets, [0, 1, 2]);
      assert.equal(await broker.committed('t', { group: 'g' }), 3);
    }
  });

  test('the last commit of a closed reader settles in time on a broker that never answers', async () => {
    const { broker, clock, reader } = await open();
    await sendCount(broker, 1);
    const consumer = reader();
    const loop = consumer[Symbol.asyncIterator]();
    await loop.next();
    await consumer.close({ timeoutMs: 100 });
    broker.commit = () => new Promise(() => undefined);
    const refused = assert.rejects(loop.next(), (error) => isMqError(error, 'MQ_ABORTED'));
    await clock.pass(100);
    await refused;
    assert.equal(clock.timerCount, 0);
  });

  test('records asked for at once come one after the other, each once', async () => {
    const { broker, reader } = await open();
    await sendCount(broker, 3);
    const loop = reader()[Symbol.asyncIterator]();
    const records = await Promise.all([loop.next(), loop.next(), loop.next()]);
    assert.deepEqual(
      records.map(({ value }) => value?.offset),
      [0, 1, 2],
    );
  });
});
