/**
 * Nothing is lost: producers and consumers on a broker whose wire fails at random, before a call arrived or after it
 * took effect, while consumers come, fail and go. A failure prints its seed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createBroker as createStage1 } from '../../stages/1-blocking-queue/index.ts';
import { createBroker as createStage2 } from '../../stages/2-ring-buffer/index.ts';
import { VirtualClock } from '../clock.ts';
import type { Broker } from '../contract/broker.ts';
import { MqError } from '../contract/errors.ts';
import { type Random, SeededRandom } from '../random.ts';
import { Consumer } from './consumer.ts';
import { LogConsumer } from './log-consumer.ts';
import { Producer } from './producer.ts';

/** Never gives up within a test. */
const STUBBORN = { attemptsMax: 1000, totalMsMax: 36_000_000 };

const WIRED = [
  'send',
  'sendBatch',
  'receive',
  'ack',
  'nack',
  'extendLease',
  'leave',
  'fetch',
  'commit',
  'committed',
] as const;

/** The same broker behind a wire that loses one request and one answer in `oneIn`. */
function behindBadWire(broker: Broker, random: Random, oneIn: number): Broker {
  const lost = (what: string): MqError => new MqError('MQ_CONNECTION_LOST', `the ${what} was lost`);
  const wire = Object.create(broker) as Record<string, unknown>;
  for (const name of WIRED) {
    const call = broker[name].bind(broker) as (...args: unknown[]) => Promise<unknown>;
    wire[name] = async (...args: unknown[]) => {
      if (random.below(oneIn) === 0) throw lost('request');
      const answer = await call(...args);
      if (random.below(oneIn) === 0) throw lost('answer');
      return answer;
    };
  }
  for (const name of ['describeTopics', 'createGroup', 'close'] as const) wire[name] = broker[name].bind(broker);
  for (const name of ['name', 'limits', 'capabilities'] as const) wire[name] = broker[name];
  return wire as unknown as Broker;
}

/** Passes time until `promise` has settled, at most ten virtual hours. */
async function whilePassing<T>(clock: VirtualClock, promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const settled = Promise.allSettled([promise]).then(() => {
    isSettled = true;
  });
  for (let step = 0; step < 36_000 && !isSettled; step += 1) await clock.pass(1000);
  assert.ok(isSettled, 'not after ten hours');
  await settled;
  return promise;
}

interface World {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly broker: Broker;
  readonly wire: Broker;
}

async function newWorld(seed: number, create: typeof createStage2, oneIn: number): Promise<World> {
  const clock = new VirtualClock();
  const random = new SeededRandom(seed);
  const broker = await create({ clock, random });
  return { clock, random, broker, wire: behindBadWire(broker, random, oneIn) };
}

/** Sends `count` bodies through the wire, in order; resolves when all are accepted. */
function produce({ wire, clock, random }: World, count: number): Promise<unknown> {
  const producer = new Producer({ broker: wire, clock, random, inFlightMax: 1, retry: STUBBORN });
  return Promise.all(Array.from({ length: count }, (_, index) => producer.send('t', { body: String(index) })));
}

test('with leases every message is handled, on a bad wire, by failing handlers, while consumers come and go', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.integer({ min: 3, max: 12 }), async (seed, oneIn) => {
      const world = await newWorld(seed, createStage2, oneIn);
      const { clock, random, broker, wire } = world;
      const count = 30;
      let isProduced = false;
      const produced = produce(world, count).then(() => {
        isProduced = true;
      });
      const handled = new Set<string>();
      while (handled.size < count || !isProduced) {
        const consumer = new Consumer({
          ...{ broker: wire, topic: 't', clock, random, leaseMs: 5000, waitMs: 5000 },
          concurrency: 1 + random.below(3),
          prefetchCount: 1 + random.below(8),
        });
        const finished = consumer.onMessage(async (message) => {
          if (random.below(4) === 0) throw new Error('a handler fails');
          await new Promise<void>((resolve) => clock.setTimer(resolve, random.below(100)));
          handled.add(message.text);
        });
        const lifeMs = 200 + random.below(20_000);
        await clock.pass(lifeMs);
        const closed = consumer.close({ timeoutMs: random.below(2000) });
        await Promise.all([clock.pass(2000), closed, finished]);
        assert.equal(consumer.state.status, 'closed');
        assert.ok(clock.monotonicMs() < 36_000_000, 'not after ten hours');
      }
      await produced;
      // What is still open is only what no ack came through for: one consumer on a good wire finishes it.
      const last = new Consumer({ broker, topic: 't', clock, random, leaseMs: 5000, prefetchCount: 1000 });
      const finished = last.onMessage((message) => handled.add(message.text));
      await clock.pass(20_000);
      await Promise.all([last.close(), clock.pass(0), finished]);
      const [description] = await broker.describeTopics({ topic: 't' });
      assert.ok((description?.logEndOffset ?? 0) >= count);
      assert.equal(description?.lag, 0);
      assert.deepEqual([...handled].sort(), Array.from({ length: count }, (_, index) => String(index)).sort());
    }),
    { numRuns: 40 },
  );
});

test('without leases every accepted message is handled exactly once, however often consumers are closed', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), async (seed) => {
      const { clock, random, broker } = await newWorld(seed, createStage1, 1);
      const count = 40;
      const handled: string[] = [];
      let sentCount = 0;
      const sending = async (): Promise<void> => {
        for (; sentCount < count; sentCount += 1) {
          await new Promise<void>((resolve) => clock.setTimer(resolve, random.below(20)));
          await broker.send('t', { body: String(sentCount) });
        }
      };
      const sent = sending();
      while (handled.length < count) {
        const consumer = new Consumer({ broker, topic: 't', clock, random, concurrency: 1 + random.below(3) });
        const finished = consumer.onMessage(async (message) => {
          await new Promise<void>((resolve) => clock.setTimer(resolve, random.below(5)));
          handled.push(message.text);
        });
        await clock.pass(random.below(60));
        await Promise.all([consumer.close(), clock.pass(100), finished]);
        assert.ok(clock.monotonicMs() < 36_000_000, 'not after ten hours');
      }
      await sent;
      const expected = Array.from({ length: count }, (_, index) => String(index));
      assert.deepEqual(handled.sort(), expected.sort());
    }),
    { numRuns: 40 },
  );
});

test('a log reader skips nothing, on a bad wire, however often it starts again', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.integer({ min: 2, max: 10 }), async (seed, oneIn) => {
      const world = await newWorld(seed, createStage2, oneIn);
      const { clock, random, broker, wire } = world;
      await broker.createTopic('t');
      await whilePassing(clock, produce(world, 40));
      const [{ logEndOffset = 0 } = {}] = await broker.describeTopics({ topic: 't' });
      const seen: number[] = [];
      while (seen.at(-1) !== logEndOffset - 1) {
        const reader = new LogConsumer({
          ...{ broker: wire, topic: 't', group: 'g', clock, random, retry: STUBBORN },
          fetchCount: 7,
        });
        const lengthMax = 1 + random.below(20);
        const beganAt = seen.length;
        const read = async (): Promise<void> => {
          for await (const { offset } of reader) {
            seen.push(offset ?? -1);
            if (seen.length - beganAt >= lengthMax || offset === logEndOffset - 1) break;
          }
        };
        await whilePassing(clock, read());
        assert.ok((seen[beganAt] ?? 0) <= (seen[beganAt - 1] ?? -1) + 1, 'it skipped something between two runs');
      }
      const firsts = [...new Set(seen)];
      assert.deepEqual(
        firsts,
        Array.from({ length: logEndOffset }, (_, offset) => offset),
      );
    }),
    { numRuns: 40 },
  );
});
