/** Producer and Consumer on a broker that has partitions, delays, dead letters and push. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deadLetterTopicOf } from '../contract/message.ts';
import { Consumer } from './consumer.ts';
import { Producer } from './producer.ts';
import { onMemoryDisk } from './testing/on-memory-disk.ts';
import { until } from './testing/steps.ts';

test('a producer and its broker agree on the partition of every key, so that a key has one order whoever sends', async () => {
  const { clock, random, broker } = await onMemoryDisk();
  await broker.createTopic('t', { partitionCount: 5 });
  const producer = new Producer({ broker, clock, random });
  const keys = ['', 'a', 'b', 'c', 'd', 'é', '中文', 'x'.repeat(200), ...Array.from({ length: 50 }, (_, n) => `k${n}`)];
  const sent = Promise.all(keys.map((key) => producer.send('t', { body: key, key })));
  await clock.pass(0);
  const receipts = await sent;
  for (const [index, key] of keys.entries()) {
    const { partition } = await broker.send('t', { body: 'later', key });
    assert.equal(receipts[index]?.partition, partition, key);
  }
  assert.equal(new Set(receipts.map(({ partition }) => partition)).size, 5);
  for (const [index, { partition, offset }] of receipts.entries()) {
    const { records } = await broker.fetch('t', { partition, offset: offset ?? -1 });
    assert.equal(new TextDecoder().decode(records[0]?.body), keys[index]);
  }
  await producer.close();
  await broker.close();
});

test('messages without a key share a batch, and batches go round the partitions', async () => {
  const { clock, random, broker } = await onMemoryDisk();
  await broker.createTopic('t', { partitionCount: 3 });
  const producer = new Producer({ broker, clock, random });
  const partitions: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    const receipts = await Promise.all(['a', 'b', 'c'].map((body) => producer.send('t', { body })));
    assert.equal(new Set(receipts.map(({ partition }) => partition)).size, 1);
    partitions.push(receipts[0]?.partition ?? -1);
  }
  assert.deepEqual(partitions.toSorted(), [0, 1, 2]);
  await broker.close();
});

test('a handler that keeps failing makes a dead letter with its last reason, and a redrive brings it back', async () => {
  const { clock, random, broker } = await onMemoryDisk();
  await broker.createTopic('t');
  await broker.createGroup('t', 'g', { deliveriesMax: 3 });
  await broker.sendBatch('t', [{ body: 'good' }, { body: 'bad', id: 'bad' }, { body: 'fine' }]);
  let isRepaired = false;
  const handled: string[] = [];
  let failureCount = 0;
  const consumer = new Consumer({ broker, topic: 't', group: 'g', clock, random });
  const finished = consumer.onMessage((message) => {
    if (message.text === 'bad' && !isRepaired) {
      failureCount += 1;
      throw new Error(`failure ${failureCount}`);
    }
    handled.push(message.text);
  });
  const deadLetters = deadLetterTopicOf('t', 'g');
  let deadCount = 0;
  const look = async (): Promise<void> => {
    const [topic] = await broker.describeTopics({ topic: 't' });
    deadCount = topic?.groups[0]?.deadCount ?? 0;
  };
  await until(clock, () => {
    void look();
    return deadCount === 1;
  });
  assert.deepEqual([handled, failureCount], [['good', 'fine'], 3]);
  const { records } = await broker.fetch(deadLetters);
  assert.equal(records[0]?.headers['$dead-error'], 'failure 3');
  isRepaired = true;
  assert.equal(await broker.redrive('t', { group: 'g' }), 1);
  await until(clock, () => handled.length === 3);
  assert.equal(handled[2], 'bad');
  await Promise.all([consumer.close(), clock.pass(100), finished]);
  await broker.close();
});

test('the group says how long a failing message waits when the consumer leaves that to it', async () => {
  const { clock, random, broker } = await onMemoryDisk();
  await broker.createTopic('t');
  await broker.createGroup('t', 'g', { retryDelays: [60_000] });
  await broker.send('t', { body: 'a' });
  const handledAt: number[] = [];
  const consumer = new Consumer({ broker, topic: 't', group: 'g', clock, random, backOffBy: 'broker' });
  const finished = consumer.onMessage(() => {
    handledAt.push(clock.monotonicMs());
    if (handledAt.length === 1) throw new Error('once');
  });
  await until(clock, () => handledAt.length === 2, 1000);
  const [first = 0, second = 0] = handledAt;
  assert.ok(second - first >= 60_000 && second - first <= 62_000, `${second - first} ms`);
  await Promise.all([consumer.close(), clock.pass(100), finished]);
  await broker.close();
});

test('pushed consumers of one group share a thousand messages, each handled once, while they come and go', async () => {
  const { clock, random, broker } = await onMemoryDisk();
  await broker.createTopic('t', { partitionCount: 3 });
  const producer = new Producer({ broker, clock, random });
  const bodies = Array.from({ length: 1000 }, (_, number) => `${number}`);
  const sent = Promise.all(bodies.map((body) => producer.send('t', { body, key: body })));
  const handled: string[] = [];
  while (handled.length < bodies.length) {
    const consumers = [1, 2, 3].map(() => new Consumer({ broker, topic: 't', clock, random, concurrency: 4 }));
    const finished = consumers.map((consumer) => consumer.onMessage((message) => handled.push(message.text)));
    await clock.pass(1 + random.below(20));
    await Promise.all([...consumers.map((consumer) => consumer.close()), clock.pass(100), ...finished]);
    assert.ok(clock.monotonicMs() < 600_000, `${handled.length} of them`);
  }
  await sent;
  assert.deepEqual(handled.toSorted(), bodies.toSorted());
  await broker.close();
});
