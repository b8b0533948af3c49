/** The same Producer, Consumer and LogConsumer on a broker behind a socket: nothing in them knows the difference. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBroker } from '../../stages/3-http-server/index.ts';
import { Consumer } from './consumer.ts';
import { LogConsumer } from './log-consumer.ts';
import { Producer } from './producer.ts';

const BODIES = Array.from({ length: 200 }, (_, index) => `message ${index}`);

test('what a producer sends over HTTP, a consumer and a log reader get, each all of it', {
  timeout: 30_000,
}, async () => {
  await using broker = await createBroker();
  await using producer = new Producer({ broker, inFlightMax: 8 });
  await Promise.all(BODIES.map((body) => producer.send('t', { body })));

  const handled: string[] = [];
  let failuresLeft = 3;
  const consumer = new Consumer({ broker, topic: 't', group: 'workers', concurrency: 4, retry: { delayMs: 1 } });
  let onAll: () => void = () => undefined;
  const all = new Promise<void>((resolve) => {
    onAll = resolve;
  });
  const finished = consumer.onMessage((message) => {
    failuresLeft -= 1;
    if (failuresLeft >= 0) throw new Error('try again');
    handled.push(message.text);
    if (handled.length === BODIES.length) onAll();
  });
  await all;
  await consumer.close();
  await finished;
  assert.deepEqual(handled.sort(), BODIES.toSorted());
  assert.equal(consumer.state.ackedCount, BODIES.length);
  assert.equal(consumer.state.failedCount, 3);

  const read: string[] = [];
  const reader = new LogConsumer({ broker, topic: 't', group: 'audit' });
  for await (const { body } of reader) {
    read.push(new TextDecoder().decode(body));
    if (read.length === BODIES.length) break;
  }
  assert.deepEqual(read.sort(), BODIES.toSorted());
  assert.equal(await broker.committed('t', { group: 'audit' }), BODIES.length - 1);
});

test('a consumer that waits over HTTP is closed at once, and a message sent after that is not lost', async () => {
  await using broker = await createBroker();
  await broker.createTopic('t');
  await broker.createGroup('t', 'g');
  const consumer = new Consumer({ broker, topic: 't', group: 'g' });
  const finished = consumer.onMessage(() => assert.fail('nothing was sent yet'));
  while ((await broker.describeTopics({ topic: 't' }))[0]?.waiterCount !== 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  await consumer.close();
  await finished;
  assert.equal(consumer.state.status, 'closed');
  await broker.send('t', { body: 'later' });
  const [delivery] = await broker.receive('t', { group: 'g', waitMs: 200 });
  assert.equal(delivery?.deliveryCount, 1);
});
