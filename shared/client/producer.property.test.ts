/**
 * Whatever is sent, in whatever batches, over a wire that fails before a call arrived or after it took effect: nothing is
 * lost, every receipt is true, and with one call at a time the messages of a key stay in order.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MqError } from '../contract/errors.ts';
import type { Receipt } from '../contract/message.ts';
import { crc32cOfText } from '../crc32c.ts';
import { SeededRandom } from '../random.ts';
import { openProducer } from './testing/producer-world.ts';

interface Sent {
  readonly body: string;
  readonly key: string | undefined;
  readonly receipt: Receipt;
}

const options = fc.record({
  inFlightMax: fc.integer({ min: 1, max: 4 }),
  lingerMs: fc.constantFrom(0, 0, 7),
  batchCountMax: fc.integer({ min: 1, max: 6 }),
  batchBytesMax: fc.integer({ min: 20, max: 400 }),
});
const partitionCount = fc.integer({ min: 1, max: 4 });

/** Sends 60 messages in bursts on a wire that fails one time in `oneIn`; resolves when all are accepted. */
async function sendThem(
  world: ReturnType<typeof openProducer>,
  { random, oneIn }: { readonly random: SeededRandom; readonly oneIn: number },
): Promise<Sent[]> {
  const { clock, at, producer } = world;
  at.beforeSend = async () => {
    if (random.below(oneIn) === 0) throw new MqError('MQ_UNREACHABLE', 'the request was lost');
    await new Promise<void>((resolve) => clock.setTimer(resolve, random.below(5)));
  };
  at.afterSend = () => {
    if (random.below(oneIn) === 0) throw new MqError('MQ_CONNECTION_LOST', 'the answer was lost');
  };
  const sends: Promise<Sent>[] = [];
  for (let number = 0; number < 60; number += 1) {
    const key = ['k', 'l', 'm', undefined][random.below(4)];
    const body = `${number}`.padEnd(random.below(40), '.');
    const message = key === undefined ? { body } : { body, key };
    sends.push(producer.send('t', message).then((receipt) => ({ body, key, receipt })));
    if (random.below(4) === 0) await clock.pass(random.below(10));
  }
  let isDone = false;
  const all = Promise.all(sends).finally(() => {
    isDone = true;
  });
  for (let step = 0; step < 100_000 && !isDone; step += 1) await clock.pass(100);
  return all;
}

test('every receipt is the place of its message, whichever batches it travelled in', async () => {
  await fc.assert(
    fc.asyncProperty(options, partitionCount, fc.integer(), async (given, count, seed) => {
      const random = new SeededRandom(seed);
      const retry = { attemptsMax: 1000, totalMsMax: 36_000_000 };
      const world = openProducer({ ...given, retry }, { partitionCount: count, isKnown: random.below(2) === 0 });
      const sent = await sendThem(world, { random, oneIn: 3 + random.below(8) });
      const { at, producer } = world;
      for (const { body, key, receipt } of sent) {
        assert.equal(at.partitions[receipt.partition]?.[receipt.offset ?? -1], body);
        if (key !== undefined) assert.equal(receipt.partition, crc32cOfText(key) % count);
      }
      for (const { bodies, ids } of at.calls) {
        assert.ok(bodies.length <= given.batchCountMax);
        const contentBytes = bodies.join('').length + ids.join('').length;
        assert.ok(bodies.length === 1 || contentBytes <= given.batchBytesMax);
      }
      assert.equal(producer.underWayCount, 0);
      await producer.close();
    }),
    { numRuns: 150 },
  );
});

test('with one call at a time the messages of a key, or of the only partition, are stored in the order of their sends', async () => {
  await fc.assert(
    fc.asyncProperty(options, partitionCount, fc.integer(), async (given, count, seed) => {
      const random = new SeededRandom(seed);
      const retry = { attemptsMax: 1000, totalMsMax: 36_000_000 };
      const world = openProducer({ ...given, inFlightMax: 1, retry }, { partitionCount: count });
      const sent = await sendThem(world, { random, oneIn: 3 + random.below(8) });
      const groups = Map.groupBy(sent, ({ key }) => (count === 1 ? 'all' : key));
      for (const [key, ofKey] of groups) {
        if (key === undefined) continue;
        const stored = world.at.partitions[ofKey[0]?.receipt.partition ?? -1] ?? [];
        const wanted = new Set(ofKey.map(({ body }) => body));
        // A repeated batch may have been stored twice: the first copies count.
        assert.deepEqual([...new Set(stored.filter((body) => wanted.has(body)))], [...wanted]);
      }
    }),
    { numRuns: 150 },
  );
});
