import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBroker } from '../../stages/2-ring-buffer/index.ts';
import { VirtualClock } from '../clock.ts';
import { isMqError, MqError } from '../contract/errors.ts';
import { SeededRandom } from '../random.ts';
import { Consumer } from './consumer.ts';
import type { ConsumerOptions } from './consumer-options.ts';
import { pushingBroker } from './testing/pushing-broker.ts';
import { lagOf, sendAll, until } from './testing/steps.ts';

async function open(options: Partial<ConsumerOptions> = {}) {
  const clock = new VirtualClock();
  const random = new SeededRandom(5);
  const at = await pushingBroker({ clock, random });
  const consumer = new Consumer({ broker: at.broker, topic: 't', clock, random, ...options });
  return { clock, at, broker: at.broker, consumer };
}

test('where the broker pushes nothing is asked for: one subscription, with the prefetch as credit', async () => {
  const { clock, at, broker, consumer } = await open({ group: 'g', memberId: 'm', prefetchCount: 7, leaseMs: 5000 });
  await broker.createTopic('t');
  const seen: string[] = [];
  const finished = consumer.onMessage((message) => seen.push(message.text));
  await sendAll(broker, ['a', 'b', 'c']);
  await until(clock, () => seen.length === 3);
  assert.deepEqual(seen, ['a', 'b', 'c']);
  assert.deepEqual(at.subscribed, [{ group: 'g', memberId: 'm', leaseMs: 5000, creditMax: 7 }]);
  assert.equal(at.receiveCount, 0);
  await Promise.all([consumer.close(), clock.pass(0), finished]);
  assert.deepEqual([at.openCount, await lagOf(broker), consumer.state.receivedCount], [0, 0, 3]);
});

test('no more is held than the prefetch, however much there is', async () => {
  const { clock, broker, consumer } = await open({ prefetchCount: 4, concurrency: 2 });
  await sendAll(broker, Array(20).fill('x'));
  let most = 0;
  let handledCount = 0;
  const finished = consumer.onMessage(async () => {
    const { bufferedCount, handlingCount } = consumer.state;
    most = Math.max(most, bufferedCount + handlingCount);
    await new Promise<void>((resolve) => clock.setTimer(resolve, 10));
    handledCount += 1;
  });
  await until(clock, () => handledCount === 20);
  assert.equal(most, 4);
  await Promise.all([consumer.close(), clock.pass(10), finished]);
});

test('a topic that does not exist is made by a receive, and what comes after its first messages is pushed', async () => {
  const { clock, at, broker, consumer } = await open();
  const seen: string[] = [];
  const finished = consumer.onMessage((message) => seen.push(message.text));
  await clock.pass(10);
  assert.deepEqual([at.receiveCount, at.openCount], [1, 0]);
  await sendAll(broker, ['a']);
  await until(clock, () => seen.length === 1 && at.openCount === 1);
  await sendAll(broker, ['b', 'c']);
  await until(clock, () => seen.length === 3);
  assert.deepEqual([seen, at.receiveCount], [['a', 'b', 'c'], 1]);
  await Promise.all([consumer.close(), clock.pass(0), finished]);
});

test('a subscription that ended without a word is made again after a quiet time, not while messages are held', async () => {
  const { clock, at, broker, consumer } = await open({ waitMs: 1000, ackMode: 'explicit' });
  await sendAll(broker, ['a']);
  const loop = consumer[Symbol.asyncIterator]();
  const { value: message } = await loop.next();
  at.endAll();
  await sendAll(broker, ['b']);
  await clock.pass(5000);
  assert.equal(at.subscribed.length, 1);
  await message?.ack();
  await clock.pass(1000);
  assert.equal(at.subscribed.length, 2);
  const { value: next } = await loop.next();
  assert.equal(next?.text, 'b');
  await next?.ack();
  // Nothing is wrong with it, but who knows: the old one is closed first.
  await clock.pass(1000);
  assert.deepEqual([at.subscribed.length, at.openCount], [3, 1]);
  await consumer.close();
  await broker.close();
  assert.deepEqual([at.openCount, clock.timerCount], [0, 0]);
});

test('the quiet time begins with the last message', async () => {
  const { clock, at, broker, consumer } = await open({ waitMs: 1000 });
  await broker.createTopic('t');
  const finished = consumer.onMessage(() => undefined);
  await clock.pass(900);
  await sendAll(broker, ['a']);
  await clock.pass(900);
  assert.deepEqual([consumer.state.ackedCount, at.subscribed.length], [1, 1]);
  await clock.pass(200);
  assert.equal(at.subscribed.length, 2);
  await Promise.all([consumer.close(), clock.pass(0), finished]);
});

test('a retriable refusal is tried again, and any other ends the consumer', async () => {
  const { clock, at, broker, consumer } = await open();
  await sendAll(broker, ['a']);
  at.refusal = new MqError('MQ_GROUP_TAKEN', 'another member has it');
  const seen: string[] = [];
  const finished = consumer.onMessage((message) => seen.push(message.text));
  await until(clock, () => consumer.state.status === 'retrying');
  assert.ok(isMqError(consumer.state.reason, 'MQ_GROUP_TAKEN'));
  at.refusal = undefined;
  await until(clock, () => seen.length === 1);
  assert.equal(consumer.state.status, 'running');
  await Promise.all([consumer.close(), clock.pass(0), finished]);
  const other = await open();
  await sendAll(other.broker, ['a']);
  other.at.refusal = new MqError('MQ_GROUP_KIND', 'a log group');
  await assert.rejects(
    other.consumer.onMessage(() => undefined),
    (error) => isMqError(error, 'MQ_GROUP_KIND'),
  );
  assert.equal(other.consumer.state.status, 'failed');
});

test('what is pushed while the consumer closes goes back untouched', async () => {
  const { clock, broker, consumer } = await open({ prefetchCount: 8 });
  await sendAll(broker, ['a', 'b', 'c', 'd']);
  for await (const message of consumer) {
    assert.equal(message.text, 'a');
    break;
  }
  await clock.pass(0);
  const again = await broker.receive('t', { max: 9 });
  assert.deepEqual(
    again.map(({ deliveryCount }) => deliveryCount),
    [1, 1, 1, 1],
  );
});

test('retry, return and reject reach the broker with their delay and reason', async () => {
  const { at, broker, consumer } = await open({ ackMode: 'explicit', prefetchCount: 1 });
  await sendAll(broker, ['a']);
  const loop = consumer[Symbol.asyncIterator]();
  await (await loop.next()).value?.retry({ delayMs: 77, reason: 'why' });
  await (await loop.next()).value?.return({ reason: 'not mine' });
  await (await loop.next()).value?.reject({ reason: 'never' });
  await (await loop.next()).value?.retry();
  const [retried, returned, rejected, backedOff] = at.nacked;
  assert.deepEqual({ ...retried }, { outcome: 'retry', delayMs: 77, reason: 'why' });
  assert.deepEqual([returned?.outcome, returned?.reason], ['return', 'not mine']);
  assert.deepEqual([rejected?.outcome, rejected?.reason], ['reject', 'never']);
  assert.ok(Number(backedOff?.delayMs) >= 25, 'the consumer says how long');
  await consumer.close();
});

test('the back-off can be left to the broker, where it has one', async () => {
  const { at, broker, consumer } = await open({ backOffBy: 'broker', ackMode: 'explicit' });
  await sendAll(broker, ['a']);
  const loop = consumer[Symbol.asyncIterator]();
  await (await loop.next()).value?.retry({ reason: 'why' });
  await (await loop.next()).value?.retry({ delayMs: 5 });
  assert.deepEqual(
    at.nacked.map((options) => options?.delayMs),
    [undefined, 5],
  );
  await consumer.close();
  const plain = await createBroker();
  assert.throws(
    () => new Consumer({ broker: plain, topic: 't', backOffBy: 'broker' }),
    (error) => isMqError(error, 'MQ_NOT_SUPPORTED') && error.details.capability === 'delay',
  );
});
