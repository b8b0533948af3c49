import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createBroker } from '../../stages/2-ring-buffer/index.ts';
import { VirtualClock } from '../clock.ts';
import { isMqError } from '../contract/errors.ts';
import { SeededRandom } from '../random.ts';
import type { ConsumedMessage } from './consumed-message.ts';
import { Consumer } from './consumer.ts';
import type { ConsumerOptions } from './consumer-options.ts';
import { lagOf, sendAll, until } from './testing/steps.ts';

async function open(options: Partial<ConsumerOptions> = {}) {
  const clock = new VirtualClock();
  const random = new SeededRandom(5);
  const broker = await createBroker({ clock, random });
  const consumer = new Consumer({ broker, topic: 't', clock, random, ...options });
  return { clock, broker, consumer };
}

describe('for await', () => {
  test('messages come in order, and asking for the next one acks the one before', async () => {
    const { broker, consumer, clock } = await open();
    await sendAll(broker, ['a', 'b', 'c']);
    const seen: string[] = [];
    for await (const message of consumer) {
      seen.push(message.text);
      assert.equal(await lagOf(broker), 4 - seen.length);
      if (seen.length === 3) break;
    }
    assert.deepEqual(seen, ['a', 'b', 'c']);
    assert.equal(consumer.state.ackedCount, 2);
    assert.equal(await lagOf(broker), 1);
    await broker.close();
    assert.equal(clock.timerCount, 0);
  });

  test('a loop that is left early gives everything back without counting it as a failure', async () => {
    const { broker, consumer } = await open();
    await sendAll(broker, ['a', 'b', 'c']);
    for await (const message of consumer) {
      assert.equal(message.text, 'a');
      break;
    }
    assert.equal(consumer.state.status, 'closed');
    const again = await broker.receive('t', { max: 9 });
    assert.deepEqual(
      again.map(({ offset, deliveryCount }) => [offset, deliveryCount]),
      [
        [0, 1],
        [1, 1],
        [2, 1],
      ],
    );
  });

  test('with explicit ack nothing is acked by going on', async () => {
    const { broker, consumer } = await open({ ackMode: 'explicit' });
    await sendAll(broker, ['a', 'b', 'c']);
    const loop = consumer[Symbol.asyncIterator]();
    const messages: ConsumedMessage[] = [];
    for (let count = 0; count < 3; count += 1) {
      const { value } = await loop.next();
      assert.ok(value);
      messages.push(value);
    }
    assert.equal(consumer.state.handlingCount, 3);
    await messages[1]?.ack();
    assert.equal(consumer.state.ackedCount, 1);
    await messages[0]?.ack();
    await messages[2]?.return();
    await consumer.close();
    assert.equal(await lagOf(broker), 1);
  });

  test('messages asked for at once come one after the other, and each one but the last is acked', async () => {
    const { broker, consumer } = await open();
    await sendAll(broker, ['a', 'b', 'c']);
    const loop = consumer[Symbol.asyncIterator]();
    const results = await Promise.all([loop.next(), loop.next(), loop.next()]);
    assert.deepEqual(
      results.map(({ value }) => [value?.text, value?.outcome]),
      [
        ['a', 'ack'],
        ['b', 'ack'],
        ['c', undefined],
      ],
    );
    await loop.return?.();
    assert.deepEqual([consumer.state.ackedCount, consumer.state.givenBackCount], [2, 1]);
  });

  test('a loop that is left while it waits for a message ends at once', async () => {
    const { consumer } = await open();
    const loop = consumer[Symbol.asyncIterator]();
    const next = loop.next();
    await new Promise((resolve) => setImmediate(resolve));
    await loop.return?.();
    assert.deepEqual(await next, { done: true, value: undefined });
    assert.equal(consumer.state.status, 'closed');
  });

  test('a waiting loop ends when the consumer is closed', async () => {
    const { consumer } = await open();
    const next = consumer[Symbol.asyncIterator]().next();
    await new Promise((resolve) => setImmediate(resolve));
    await consumer.close();
    assert.deepEqual(await next, { done: true, value: undefined });
    assert.deepEqual(await consumer[Symbol.asyncIterator]().next(), { done: true, value: undefined });
  });
});

describe('onMessage', () => {
  test('so many handlers run at once as concurrency says, and every message is handled once', async () => {
    const { broker, consumer, clock } = await open({ concurrency: 3 });
    const bodies = Array.from({ length: 20 }, (_, index) => String(index));
    await sendAll(broker, bodies);
    const seen: string[] = [];
    let atOnce = 0;
    let most = 0;
    const finished = consumer.onMessage(async (message) => {
      atOnce += 1;
      most = Math.max(most, atOnce);
      await new Promise<void>((resolve) => clock.setTimer(resolve, 10));
      atOnce -= 1;
      seen.push(message.text);
    });
    await until(clock, () => consumer.state.ackedCount === 20);
    await consumer.close();
    await finished;
    assert.equal(most, 3);
    assert.deepEqual(seen, bodies);
    assert.equal(await lagOf(broker), 0);
  });

  test('never more than prefetchCount messages wait or are handled, whatever becomes of them', async () => {
    const { broker, consumer, clock } = await open({ prefetchCount: 4, concurrency: 2 });
    await sendAll(
      broker,
      Array.from({ length: 30 }, (_, index) => String(index)),
    );
    let most = 0;
    let mostInFlight = 0;
    let handled = 0;
    const finished = consumer.onMessage(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      const { bufferedCount, handlingCount, backingOffCount } = consumer.state;
      most = Math.max(most, bufferedCount + handlingCount);
      const [description] = await broker.describeTopics({ topic: 't' });
      mostInFlight = Math.max(mostInFlight, (description?.inFlightCount ?? 0) - backingOffCount);
      handled += 1;
      if (handled % 5 === 0) throw new Error('every fifth fails');
    });
    await until(clock, () => consumer.state.ackedCount === 30);
    await consumer.close();
    await finished;
    assert.deepEqual([most, mostInFlight], [4, 4]);
  });

  test('a failing message is held back longer each time, and the rest goes on meanwhile', async () => {
    const { broker, consumer, clock } = await open({ retry: { delayMs: 1000, delayMsMax: 60_000 } });
    await sendAll(broker, ['poison', 'b', 'c', 'd']);
    const seen: string[] = [];
    const poisonAtMs: number[] = [];
    const finished = consumer.onMessage((message) => {
      if (message.text !== 'poison') return seen.push(message.text);
      poisonAtMs.push(clock.monotonicMs());
      if (message.delivery.deliveryCount < 4) throw new Error('not yet');
    });
    await until(clock, () => seen.length === 3, 0);
    assert.equal(consumer.state.backingOffCount, 1);
    assert.equal(consumer.state.reason?.message, 'not yet');
    await until(clock, () => poisonAtMs.length === 4);
    await until(clock, () => consumer.state.ackedCount === 4);
    await consumer.close();
    await finished;
    const [first = 0, second = 0, third = 0, fourth = 0] = poisonAtMs;
    assert.ok(second - first >= 500 && second - first <= 1100);
    assert.ok(third - second >= 1000 && third - second <= 2100);
    assert.ok(fourth - third >= 2000 && fourth - third <= 4100);
    assert.equal(consumer.state.failedCount, 3);
    assert.equal(consumer.state.givenBackCount, 3);
  });

  test('a handler that retries explicitly is not held up by its own back-off', async () => {
    const { broker, consumer, clock } = await open();
    await sendAll(broker, ['a', 'b']);
    const seen: string[] = [];
    const finished = consumer.onMessage(async (message) => {
      seen.push(message.text);
      if (message.text === 'a' && seen.length === 1) await message.retry({ delayMs: 5000, reason: 'later' });
    });
    await until(clock, () => seen.length === 2, 0);
    assert.ok(clock.monotonicMs() < 5000);
    await until(clock, () => seen.length === 3);
    assert.ok(clock.monotonicMs() >= 5000);
    await consumer.close();
    await finished;
    assert.deepEqual(seen, ['a', 'b', 'a']);
  });
});

describe('outcomes', () => {
  async function oneMessage() {
    const opened = await open({ ackMode: 'explicit' });
    await sendAll(opened.broker, ['a']);
    const loop = opened.consumer[Symbol.asyncIterator]();
    const { value } = await loop.next();
    assert.ok(value);
    return { ...opened, loop, message: value };
  }

  test('a returned message comes again with the same deliveryCount, at once', async () => {
    const { loop, message } = await oneMessage();
    assert.equal(message.delivery.redeliveryReason, undefined);
    await message.return({ reason: 'not mine' });
    const { value: again } = await loop.next();
    assert.ok(again);
    assert.deepEqual([again.delivery.deliveryCount, again.delivery.redeliveryReason], [1, 'return']);
  });

  test('the first outcome counts: the same again succeeds, another one is refused', async () => {
    const { message } = await oneMessage();
    await message.ack();
    await message.ack();
    assert.equal(message.outcome, 'ack');
    await assert.rejects(message.retry(), (error) => isMqError(error, 'MQ_INVALID_ARGUMENT'));
  });

  test('an outcome with wrong options is refused and leaves the message open', async () => {
    const { clock, consumer, message } = await oneMessage();
    const timerCount = clock.timerCount;
    const path = (outcome: Promise<void>): Promise<unknown> =>
      outcome.catch((error: unknown) => isMqError(error, 'MQ_INVALID_ARGUMENT') && error.details.path);
    assert.equal(await path(message.retry({ delayMs: Number.NaN })), 'options.delayMs');
    assert.equal(await path(message.retry({ delayMs: -1 })), 'options.delayMs');
    assert.equal(await path(message.retry({ reason: 5 as unknown as string })), 'options.reason');
    assert.equal(await path(message.return({ delayMs: 5 } as object)), 'options.delayMs');
    assert.deepEqual([message.outcome, consumer.state.backingOffCount], [undefined, 0]);
    assert.equal(clock.timerCount, timerCount);
    await message.ack();
  });

  test('reject without dead letters is refused and leaves the message open', async () => {
    const { message } = await oneMessage();
    await assert.rejects(message.reject(), (error) => {
      return isMqError(error, 'MQ_NOT_SUPPORTED') && error.details.capability === 'dead-letter';
    });
    assert.equal(message.outcome, undefined);
    await message.ack();
  });
});

test('options that are misspelt or out of range are refused', async () => {
  const broker = await createBroker();
  const path = (options: object): unknown => {
    try {
      new Consumer({ broker, topic: 't', ...options });
    } catch (error) {
      return isMqError(error, 'MQ_INVALID_ARGUMENT') && error.details.path;
    }
  };
  assert.equal(path({ topic: '' }), 'options.topic');
  assert.equal(path({ concurrency: 0 }), 'options.concurrency');
  assert.equal(path({ prefetch: 5 }), 'options.prefetch');
  assert.equal(path({ ackMode: 'sometimes' }), 'options.ackMode');
  assert.equal(path({ waitMs: 0 }), 'options.waitMs');
  assert.equal(path({ retry: { attempts: 5 } }), 'options.retry.attempts');
});
