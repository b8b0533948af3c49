/** Long runs of stage 1: memory given back, and a line that is left in O(1). Run by `npm run test:long`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { SystemClock } from '../../shared/clock.ts';
import { SeededRandom } from '../../shared/random.ts';
import { BlockingQueue } from './blocking-queue.ts';
import { createBroker } from './index.ts';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

function heapBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

/** Joins `count` takes and aborts them in random order; the time the aborts took. */
async function leaveInRandomOrder(count: number): Promise<number> {
  const queue = new BlockingQueue<string>();
  const random = new SeededRandom(count);
  const aborts = Array.from({ length: count }, () => new AbortController());
  const takes = aborts.map(({ signal }) => queue.take({ signal }));
  const outcomes = Promise.allSettled(takes);
  const order = aborts.toSorted(() => random.next() - 0.5);
  const clock = new SystemClock();
  const beganAtMs = clock.monotonicMs();
  for (const abort of order) abort.abort();
  const tookMs = clock.monotonicMs() - beganAtMs;
  assert.equal(queue.waitingTakes.size, 0);
  assert.ok((await outcomes).every(({ status }) => status === 'rejected'));
  return tookMs;
}

test('a million waits that were aborted leave no memory behind', async () => {
  const queue = new BlockingQueue<string>();
  const waitAndAbort = async (count: number): Promise<void> => {
    const abort = new AbortController();
    const takes = Array.from({ length: count }, () => queue.take({ signal: abort.signal }));
    abort.abort();
    await Promise.allSettled(takes);
  };
  await waitAndAbort(1000);
  const before = heapBytes();
  for (let round = 0; round < 1000; round += 1) await waitAndAbort(1000);
  assert.equal(queue.waitingTakes.size, 0);
  assert.ok(heapBytes() - before < 8 * 1024 * 1024);
});

test('leaving a line of sixteen times as many waiters takes about sixteen times as long, not 256 times', async () => {
  await leaveInRandomOrder(2000);
  const fewMs = await leaveInRandomOrder(4000);
  const manyMs = await leaveInRandomOrder(64_000);
  assert.ok(manyMs < Math.max(fewMs, 1) * 16 * 6, `${fewMs} ms for 4,000, ${manyMs} ms for 64,000`);
});

test('three million messages pass through a queue of a thousand, and none stays', async () => {
  const queue = new BlockingQueue<number>({ capacity: 1000 });
  const before = heapBytes();
  const count = 3_000_000;
  const produce = async (): Promise<void> => {
    for (let value = 0; value < count; value += 1) await queue.put(value);
  };
  const consume = async (): Promise<void> => {
    for (let value = 0; value < count; value += 1) if ((await queue.take()) !== value) assert.fail(`not ${value}`);
  };
  await Promise.all([produce(), consume()]);
  assert.equal(queue.size, 0);
  assert.ok(heapBytes() - before < 8 * 1024 * 1024);
});

test('ten thousand topics cost little and give all of it back when they are deleted', async () => {
  const broker = await createBroker();
  const before = heapBytes();
  const topics = Array.from({ length: 10_000 }, (_, index) => `topic ${index}`);
  for (const topic of topics) await broker.send(topic, { body: 'x' });
  const perTopicBytes = (heapBytes() - before) / topics.length;
  assert.ok(perTopicBytes < 4096, `${perTopicBytes} bytes a topic`);
  for (const topic of topics) await broker.deleteTopic(topic);
  assert.ok(heapBytes() - before < 4 * 1024 * 1024);
});
