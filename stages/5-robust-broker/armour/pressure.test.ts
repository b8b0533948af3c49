/** What is held in memory while producers are faster than consumers, and while consumers never read. */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { Producer } from '../../../shared/client/producer.ts';
import { VirtualClock } from '../../../shared/clock.ts';
import type { Broker } from '../../../shared/contract/broker.ts';
import { isMqError } from '../../../shared/contract/errors.ts';
import { createServer } from '../../3-http-server/index.ts';
import { createBroker } from '../index.ts';
import { GuardedBroker } from './guarded-broker.ts';
import { limitedBroker } from './limited-broker.ts';
import { MemoryMark } from './memory-mark.ts';
import { ClientAllowance, TopicAllowances } from './quotas.ts';

const KIBIBYTE = 1024;
const BODY = 'x'.repeat(KIBIBYTE);

/** Bytes the topic holds. */
async function bytesHeld(broker: Broker, topic: string): Promise<number> {
  return (await broker.describeTopics({ topic }))[0]?.bytes ?? 0;
}

test('a producer ten times faster than its consumer is held up at the bounds of the topic, and loses nothing', async () => {
  const clock = new VirtualClock();
  await using broker = await createBroker({ clock, flushPolicy: 'never', limits: { waitingBytesMax: 64 * KIBIBYTE } });
  const bytesMax = 256 * KIBIBYTE;
  await broker.createTopic('t', { bytesMax });
  await broker.createGroup('t', 'g');
  const accepted = new Set<string>();
  const received = new Set<string>();
  let refusedCount = 0;
  let sendCount = 0;
  const send = async (): Promise<void> => {
    sendCount += 1;
    try {
      accepted.add((await broker.send('t', { body: BODY, id: `m${sendCount}` })).id);
    } catch (error) {
      assert.ok(isMqError(error, 'MQ_LIMIT_EXCEEDED') && error.isRetriable, String(error));
      refusedCount += 1;
    }
  };
  const receive = async (max: number): Promise<number> => {
    const deliveries = await broker.receive('t', { group: 'g', max });
    for (const { id } of deliveries) received.add(id);
    if (deliveries.length > 0) await broker.ack(deliveries);
    return deliveries.length;
  };
  const sends: Promise<void>[] = [];
  for (let round = 0; round < 200; round += 1) {
    for (let count = 0; count < 10; count += 1) sends.push(send());
    await receive(1);
    await clock.pass(0);
    assert.ok((await bytesHeld(broker, 't')) <= bytesMax);
  }
  assert.ok(refusedCount > 1000, 'most of what came too fast was told to come back');
  for (let emptyCount = 0; emptyCount < 3; ) {
    emptyCount = (await receive(100)) === 0 ? emptyCount + 1 : 0;
    await clock.pass(0); // what waited is stored now
    assert.ok((await bytesHeld(broker, 't')) <= bytesMax);
  }
  await Promise.all(sends);
  assert.deepEqual(received, accepted);
  assert.equal(accepted.size + refusedCount, sendCount);
});

test('while memory is full a fast producer keeps no more than the line of waiting sends may, whatever it sends', async () => {
  const clock = new VirtualClock();
  const waitingBytesMax = 100 * KIBIBYTE;
  await using broker = await createBroker({ clock, flushPolicy: 'never', limits: { waitingBytesMax } });
  let used = 0;
  const mark = new MemoryMark({ clock, gauge: () => used, highBytes: 1000 });
  const guard = new GuardedBroker(broker, { mark, clock });
  await guard.view.send('t', { body: BODY });
  used = 1000;
  await clock.pass(250);
  const sends = Promise.allSettled(Array.from({ length: 5000 }, () => guard.view.send('t', { body: BODY })));
  await clock.pass(0);
  assert.ok(guard.waitingBytes > 0 && guard.waitingBytes <= waitingBytesMax);
  assert.equal((await guard.view.receive('t')).length, 1, 'what empties the broker goes on');
  used = 0;
  await clock.pass(250);
  const stored = (await sends).filter(({ status }) => status === 'fulfilled').length;
  assert.equal((await broker.describeTopics({ topic: 't' }))[0]?.logEndOffset, stored + 1);
});

test('consumers that never read hold no more than the server keeps for all of them, and the rest goes on', async () => {
  await using broker = await createBroker({ flushPolicy: 'never' });
  for (let count = 0; count < 16; count += 1) await broker.send('t', { body: new Uint8Array(1024 * KIBIBYTE) });
  await using server = await createServer(broker, { unsentBytesMax: 4 * 1024 * KIBIBYTE });
  const sockets: Socket[] = [];
  const ask = `GET /topics/t/messages?offset=0&max=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;
  for (let count = 0; count < 24; count += 1) {
    const socket = connect(server.port, '127.0.0.1');
    socket.pause();
    socket.on('error', () => undefined);
    socket.write(ask.repeat(3));
    sockets.push(socket);
  }
  try {
    const deadlineMs = performance.now() + 20_000;
    for (let statuses = new Set<number>(); !statuses.has(429); ) {
      const answer = await fetch(`${server.url}/topics/t/messages?offset=0&max=1`);
      await answer.arrayBuffer();
      statuses = new Set([answer.status]);
      assert.ok(performance.now() < deadlineMs, 'at some time there is no room for one more unread answer');
    }
    const sent = await fetch(`${server.url}/topics/t/messages`, { method: 'POST', body: 'x', headers: OCTETS });
    assert.ok(sent.ok, 'who sends is not held up by who does not read');
    await sent.arrayBuffer();
  } finally {
    for (const socket of sockets) socket.destroy();
  }
});

const OCTETS = { 'content-type': 'application/octet-stream' };

test('a Producer that is told to come back later does, and all it sends arrives once, no faster than it may', async () => {
  const clock = new VirtualClock();
  await using broker = await createBroker({ clock, flushPolicy: 'never' });
  const client = new ClientAllowance('shop', { sendMessagesPerSecond: 10 }, clock);
  const topics = new TopicAllowances([], { clock, topicsCountMax: 1 });
  const limited = limitedBroker(broker, { client, topics, clock });
  const producer = new Producer({ broker: limited, clock, batchCountMax: 5 });
  const sends = Array.from({ length: 60 }, (_, index) => producer.send('t', { body: String(index) }));
  const done = Promise.all(sends);
  for (let second = 1; second <= 30; second += 1) {
    await clock.pass(1000);
    const stored = (await broker.describeTopics()).find(({ topic }) => topic === 't')?.logEndOffset ?? 0;
    assert.ok(stored <= 10 + second * 10, `${stored} after ${second} s`);
  }
  await done;
  const { records } = await broker.fetch('t', { max: 100 });
  const bodies = records.map(({ body }) => new TextDecoder().decode(body));
  assert.deepEqual(
    bodies.sort((one, other) => Number(one) - Number(other)),
    Array.from({ length: 60 }, (_, index) => String(index)),
  );
  await producer.close();
});
