import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMqError, MqError } from '../contract/errors.ts';
import type { StoredRecord } from '../contract/message.ts';
import { LogConsumer, type LogConsumerOptions } from './log-consumer.ts';
import { type OnMemoryDisk, onMemoryDisk } from './testing/on-memory-disk.ts';

interface World extends OnMemoryDisk {
  readonly open: (options?: Partial<LogConsumerOptions>) => LogConsumer;
  /** Sends `0:a` as the body of that name to partition 0. */
  readonly sendAll: (bodies: readonly string[]) => Promise<void>;
}

async function world(partitionCount: number): Promise<World> {
  const made = await onMemoryDisk();
  const { broker, clock, random } = made;
  await broker.createTopic('t', { partitionCount });
  return {
    ...made,
    open: (options = {}) => new LogConsumer({ broker, topic: 't', group: 'g', clock, random, ...options }),
    sendAll: async (bodies) => {
      for (const body of bodies) await broker.send('t', { body }, { partition: Number(body[0]) });
    },
  };
}

const textOf = ({ body }: StoredRecord): string => new TextDecoder().decode(body);

/** The next `count` records; what comes after them is asked for by the next call. */
async function take(loop: AsyncIterator<StoredRecord>, count: number): Promise<string[]> {
  const texts: string[] = [];
  while (texts.length < count) {
    const { value, done } = await loop.next();
    assert.ok(!done, `it ended after ${texts.join()}`);
    texts.push(textOf(value));
  }
  return texts;
}

const inPartition = (texts: readonly string[], partition: number): string[] =>
  texts.filter((text) => text.startsWith(`${partition}`));

test('every partition is read, each in order, and none waits for another', async () => {
  const { sendAll, open } = await world(3);
  await sendAll(['0a', '0b', '0c', '2a', '2b']);
  const reader = open({ fetchCount: 2 });
  const loop = reader[Symbol.asyncIterator]();
  const texts = await take(loop, 5);
  assert.deepEqual(
    [inPartition(texts, 0), inPartition(texts, 2)],
    [
      ['0a', '0b', '0c'],
      ['2a', '2b'],
    ],
  );
  await sendAll(['1a']);
  assert.deepEqual(await take(loop, 1), ['1a']);
  await loop.return(undefined);
});

test('partitions take turns, however much one of them has', async () => {
  const { sendAll, open } = await world(2);
  await sendAll([...Array(40).fill('0'), ...Array(40).fill('1')]);
  const loop = open()[Symbol.asyncIterator]();
  const texts = await take(loop, 40);
  // Whichever was fetched first has a small start.
  for (const partition of [0, 1]) assert.ok(inPartition(texts, partition).length > 15, texts.join());
  await loop.return(undefined);
});

test('what is done is committed in each partition, and a new reader goes on there', async () => {
  const { broker, sendAll, open } = await world(2);
  await sendAll(['0a', '0b', '1a', '1b', '1c']);
  const first = open({ fetchCount: 1 });
  const loop = first[Symbol.asyncIterator]();
  const texts = await take(loop, 4);
  await loop.return(undefined);
  const done = texts.slice(0, 3);
  const committed = [0, 1].map((partition) => inPartition(done, partition).length);
  for (const [partition, offset] of committed.entries()) {
    assert.equal(await broker.committed('t', { group: 'g', partition }), offset);
  }
  assert.deepEqual(
    first.progress.map(({ partition, committedOffset }) => [partition, committedOffset]),
    committed.map((offset, partition) => [partition, offset]),
  );
  const rest = await take(open()[Symbol.asyncIterator](), 2);
  assert.deepEqual([...done, ...rest].toSorted(), ['0a', '0b', '1a', '1b', '1c']);
});

test('one partition may be chosen', async () => {
  const { sendAll, open } = await world(2);
  await sendAll(['0a', '1a', '0b', '1b']);
  const reader = open({ partition: 1 });
  const loop = reader[Symbol.asyncIterator]();
  assert.deepEqual(await take(loop, 2), ['1a', '1b']);
  await loop.return(undefined);
  assert.deepEqual(
    reader.progress.map(({ partition, position }) => [partition, position]),
    [[1, 1]],
  );
});

test('close ends the fetches of all partitions and commits all that was done', async () => {
  const { broker, clock, sendAll, open } = await world(3);
  await sendAll(['0a', '1a', '2a']);
  const reader = open();
  const seen: string[] = [];
  const reading = (async () => {
    for await (const record of reader) seen.push(textOf(record));
  })();
  for (let step = 0; step < 100 && seen.length < 3; step += 1) await clock.pass(1);
  await clock.pass(10);
  await Promise.all([reader.close(), reading]);
  assert.deepEqual(seen.toSorted(), ['0a', '1a', '2a']);
  for (const partition of [0, 1, 2]) assert.equal(await broker.committed('t', { group: 'g', partition }), 1);
  assert.equal((await broker.describeTopics({ topic: 't' }))[0]?.waiterCount, 0);
});

test('what one partition cannot get over ends the loop, and the next loop tries again from what was done', async () => {
  const { broker, clock, sendAll, open } = await world(2);
  await sendAll(['0a', '1a']);
  let isBroken = true;
  const broken = Object.assign(Object.create(broker), {
    fetch: (...[topic, options]: Parameters<typeof broker.fetch>) => {
      if (isBroken && options?.partition === 1) throw new MqError('MQ_CORRUPT', 'at offset 0');
      return broker.fetch(topic, options);
    },
  });
  for (const name of ['describeTopics', 'committed', 'commit'] as const) broken[name] = broker[name].bind(broker);
  for (const name of ['capabilities', 'limits'] as const) Object.defineProperty(broken, name, { value: broker[name] });
  const reader = open({ broker: broken });
  const seen: string[] = [];
  const read = async (count: number): Promise<void> => {
    for await (const record of reader) if (seen.push(textOf(record)) >= count) break;
  };
  await assert.rejects(Promise.all([read(2), clock.pass(100)]), (error) => isMqError(error, 'MQ_CORRUPT'));
  isBroken = false;
  seen.length = 0;
  await Promise.all([read(2), clock.pass(100)]);
  assert.deepEqual(seen.toSorted(), ['0a', '1a']);
});

test('a seek to a time moves one partition, and the reader goes on from there', async () => {
  const { broker, clock, sendAll, open } = await world(2);
  await sendAll(['0a']);
  await clock.pass(1000);
  await sendAll(['0b', '0c']);
  await broker.seek('t', { group: 'g', partition: 0, to: { timestamp: clock.now() } }).catch(() => undefined);
  await broker.createGroup('t', 'later', { start: { timestamp: clock.now() } });
  const loop = open({ group: 'later' })[Symbol.asyncIterator]();
  assert.deepEqual(await take(loop, 2), ['0b', '0c']);
  await loop.return(undefined);
});
