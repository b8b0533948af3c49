/** What takes room in a consumer, and for how long: failing messages, handlers that dawdle, handlers that never end. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createBroker } from '../../stages/2-ring-buffer/index.ts';
import { VirtualClock } from '../clock.ts';
import type { Broker } from '../contract/broker.ts';
import { SeededRandom } from '../random.ts';
import { Consumer } from './consumer.ts';
import type { ConsumerOptions } from './consumer-options.ts';

const MINUTE_MS = 60_000;

async function open(bodies: readonly string[], options: Partial<ConsumerOptions> = {}) {
  const clock = new VirtualClock();
  const random = new SeededRandom(5);
  const broker = await createBroker({ clock, random });
  for (const body of bodies) await broker.send('t', { body });
  const consumer = new Consumer({ broker, topic: 't', clock, random, ...options });
  return { clock, broker, consumer };
}

/** Passes time in many steps, so that everybody gets many turns. */
async function passInSteps(clock: VirtualClock, ms: number, stepMs: number): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += stepMs) await clock.pass(stepMs);
}

const times = (count: number, body: string): string[] => Array.from({ length: count }, () => body);

async function inFlightCountOf(broker: Broker): Promise<number> {
  const [description] = await broker.describeTopics({ topic: 't' });
  return description?.inFlightCount ?? -1;
}

/** Closes without waiting for handlers that never end. */
async function closeAtOnce(clock: VirtualClock, consumer: Consumer): Promise<void> {
  await Promise.all([consumer.close({ timeoutMs: 0 }), clock.pass(0)]);
}

describe('failing messages', () => {
  for (const [poisonCount, prefetchCount] of [
    [1, 1],
    [16, 16],
    [200, 4],
  ] as const) {
    test(`${poisonCount} of them do not starve the rest when ${prefetchCount} are prefetched`, async () => {
      const bodies = [...times(poisonCount, 'poison'), ...times(20, 'good')];
      const retry = { delayMs: 10_000, delayMsMax: 10_000 };
      const { clock, consumer } = await open(bodies, { prefetchCount, retry });
      let goodCount = 0;
      void consumer.onMessage((message) => {
        if (message.text === 'poison') throw new Error('it always fails');
        goodCount += 1;
      });
      await passInSteps(clock, 4000, 20);
      assert.equal(goodCount, 20);
      assert.equal(consumer.state.backingOffCount, poisonCount);
      await passInSteps(clock, 2 * MINUTE_MS, 100);
      assert.ok(consumer.state.failedCount >= 10 * poisonCount, 'and they are tried again and again');
      assert.equal(consumer.state.lostCount, 0);
      await closeAtOnce(clock, consumer);
    });
  }

  test('whatever a handler throws, the message backs off and the broker gets to know a bounded reason', async () => {
    const thrown = [new Error('x'.repeat(100_000)), null, Object.create(null), Symbol('strange')];
    const { clock, broker, consumer } = await open(times(thrown.length, 'x'));
    const reasonLengths: number[] = [];
    const nack = broker.nack.bind(broker);
    broker.nack = (delivery, options) => {
      reasonLengths.push(options?.reason?.length ?? 0);
      return nack(delivery, options);
    };
    let handledCount = 0;
    void consumer.onMessage(() => {
      handledCount += 1;
      if (handledCount <= thrown.length) throw thrown[handledCount - 1];
    });
    await passInSteps(clock, 1000, 10);
    assert.deepEqual([consumer.state.failedCount, consumer.state.ackedCount], [4, 4]);
    assert.equal(reasonLengths.length, 4);
    assert.ok(reasonLengths.every((length) => length >= 4 && length <= 1000));
    await closeAtOnce(clock, consumer);
  });

  test('beyond backingOffMax each takes the place of a prefetched one, until there is none', async () => {
    for (const [poisonCount, goodCount] of [
      [3, 1],
      [4, 0],
    ] as const) {
      const options = { prefetchCount: 2, backingOffMax: 2, retry: { delayMs: MINUTE_MS, delayMsMax: MINUTE_MS } };
      const { clock, broker, consumer } = await open([...times(poisonCount, 'poison'), 'good'], options);
      void consumer.onMessage((message) => {
        if (message.text === 'poison') throw new Error('it always fails');
      });
      await passInSteps(clock, 1000, 10);
      assert.equal(consumer.state.ackedCount, goodCount);
      assert.equal(await inFlightCountOf(broker), poisonCount);
      await closeAtOnce(clock, consumer);
    }
  });

  test('a back-off longer than holdMsMax is waited out under the lease', async () => {
    const { clock, broker, consumer } = await open(['a'], { holdMsMax: MINUTE_MS });
    const deliveryCounts: number[] = [];
    void consumer.onMessage(async (message) => {
      deliveryCounts.push(message.delivery.deliveryCount);
      if (deliveryCounts.length === 1) await message.retry({ delayMs: 20 * MINUTE_MS });
    });
    await clock.pass(20 * MINUTE_MS - 1);
    assert.deepEqual(await broker.receive('t', { memberId: 'somebody else' }), []);
    await clock.pass(1);
    assert.deepEqual(deliveryCounts, [1, 2]);
    assert.equal(consumer.state.lostCount, 0);
    await closeAtOnce(clock, consumer);
  });
});

describe('slow handlers', () => {
  test('a message that waits for its turn longer than holdMsMax is still handled once, as its first delivery', async () => {
    const bodies = Array.from({ length: 16 }, (_, index) => String(index));
    const { clock, consumer } = await open(bodies);
    const handled: [string, number][] = [];
    void consumer.onMessage(async ({ text, delivery }) => {
      handled.push([text, delivery.deliveryCount]);
      await new Promise<void>((resolve) => clock.setTimer(resolve, MINUTE_MS));
    });
    await clock.pass(20 * MINUTE_MS);
    assert.deepEqual(
      handled,
      bodies.map((body) => [body, 1]),
    );
    assert.deepEqual([consumer.state.ackedCount, consumer.state.lostCount], [16, 0]);
    await closeAtOnce(clock, consumer);
  });

  test('what no handler was free for is given back untouched after holdMsMax, to whoever else waits', async () => {
    const { clock, broker, consumer } = await open(['a', 'b'], { holdMsMax: MINUTE_MS });
    void consumer.onMessage(() => new Promise(() => undefined));
    await clock.pass(MINUTE_MS / 2);
    const elsewhere = broker.receive('t', { memberId: 'somebody else', waitMs: MINUTE_MS });
    await clock.pass(MINUTE_MS / 2);
    const [delivery] = await elsewhere;
    assert.deepEqual([delivery?.offset, delivery?.deliveryCount, delivery?.redeliveryReason], [1, 1, 'return']);
    assert.equal(consumer.state.givenBackCount, 1);
    await closeAtOnce(clock, consumer);
  });

  test('a handler that never ends makes nothing grow, and its lost message takes room until it does end', async () => {
    const { clock, broker, consumer } = await open(times(20, 'x'), { prefetchCount: 4 });
    let release: () => void = () => undefined;
    let handledCount = 0;
    void consumer.onMessage(() => {
      handledCount += 1;
      return handledCount > 1
        ? undefined
        : new Promise<void>((resolve) => {
            release = resolve;
          });
    });
    for (let minute = 0; minute < 240; minute += 1) {
      await clock.pass(MINUTE_MS);
      const { bufferedCount, handlingCount } = consumer.state;
      assert.deepEqual([bufferedCount, handlingCount, handledCount], [3, 1, 1]);
      assert.ok((await inFlightCountOf(broker)) <= 4);
    }
    assert.equal(consumer.state.lostCount, 1);
    release();
    await clock.pass(MINUTE_MS);
    assert.equal(consumer.state.ackedCount, 20);
    assert.deepEqual([consumer.state.bufferedCount, consumer.state.handlingCount], [0, 0]);
    await closeAtOnce(clock, consumer);
  });
});
