import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient } from './index.ts';
import { ask, openDoor, untilWaiting } from './testing/doors.ts';
import { RawConnection, requestText } from './testing/raw-connection.ts';
import { until } from './testing/until.ts';

const JSON_TYPE = 'content-type: application/json';
const poll = (body: object): string => requestText('POST', '/topics/t/deliveries', [JSON_TYPE], JSON.stringify(body));

test('a long poll is answered as soon as a message exists', async () => {
  await using door = await openDoor();
  const waiting = ask(`${door.url}/topics/t/deliveries`, { body: { waitMs: 60_000 } });
  await untilWaiting(door.broker, 't', 1);
  await door.broker.send('t', { body: 'a' });
  assert.equal(((await waiting).body.deliveries as { body: string }[])[0]?.body, 'a');
});

test('a waiting fetch is answered as soon as a record exists', async () => {
  await using door = await openDoor();
  await door.broker.createTopic('t');
  const waiting = ask(`${door.url}/topics/t/messages?waitMs=60000`);
  await untilWaiting(door.broker, 't', 1);
  await door.broker.send('t', { body: 'a' });
  assert.equal((await waiting).body.nextOffset, 1);
});

test('a caller who goes away while it waits leaves the line, and gets nothing', async () => {
  await using door = await openDoor();
  const connection = new RawConnection(door.url);
  connection.write(poll({ waitMs: 60_000 }));
  await untilWaiting(door.broker, 't', 1);
  connection.destroy();
  await untilWaiting(door.broker, 't', 0);
  await door.broker.send('t', { body: 'a' });
  const [delivery] = await door.broker.receive('t');
  assert.equal(delivery?.deliveryCount, 1);
});

test('deliveries whose answer cannot leave are given back, and do not count as failed', async () => {
  await using door = await openDoor(
    {},
    { limits: { receiveBytesMax: 64 * 1024 * 1024, batchBytesMax: 64 * 1024 * 1024 } },
  );
  const messages = Array.from({ length: 40 }, () => ({ body: new Uint8Array(1024 * 1024) }));
  await door.broker.createTopic('t', { bytesMax: 2 ** 30 });
  await door.broker.sendBatch('t', messages);
  const connection = new RawConnection(door.url);
  // More than the sockets between here and there can hold, to somebody who never reads.
  connection.pause();
  connection.write(poll({ max: 40, bytesMax: 64 * 1024 * 1024 }));
  const described = async () => (await door.broker.describeTopics({ topic: 't' }))[0];
  await until('all are in flight', async () => (await described())?.inFlightCount === 40);
  connection.destroy();
  await until('all are available again', async () => (await described())?.availableCount === 40);
  const again = await door.broker.receive('t', { max: 40, bytesMax: 64 * 1024 * 1024 });
  assert.deepEqual([...new Set(again.map(({ deliveryCount }) => deliveryCount))], [1]);
  assert.equal(again[0]?.redeliveryReason, 'return');
});

test('an answer that was received keeps its leases when the connection closes afterwards', async () => {
  await using door = await openDoor();
  await door.broker.send('t', { body: 'a' });
  const connection = new RawConnection(door.url);
  connection.write(poll({}));
  assert.equal((await connection.answer())?.status, 200);
  connection.destroy();
  await until('the connection is closed', () => door.server.connectionCount === 0);
  assert.equal((await door.broker.describeTopics({ topic: 't' }))[0]?.inFlightCount, 1);
});

test('of a thousand waiting polls one message wakes exactly one, and the others leave without a trace', async () => {
  await using door = await openDoor();
  const connections = Array.from({ length: 1000 }, () => new RawConnection(door.url));
  for (const connection of connections) connection.write(poll({ waitMs: 60_000 }));
  await untilWaiting(door.broker, 't', 1000);
  await door.broker.send('t', { body: 'the only one' });
  await untilWaiting(door.broker, 't', 999);
  const [topic] = await door.broker.describeTopics({ topic: 't' });
  assert.deepEqual([topic?.inFlightCount, topic?.availableCount], [1, 0]);
  for (const connection of connections) connection.destroy();
  await untilWaiting(door.broker, 't', 0);
  await until('all connections are closed', () => door.server.connectionCount === 0);
});

test('a sender who goes away while it waits for room has sent nothing', async () => {
  await using door = await openDoor();
  await door.broker.createTopic('t', { messagesMax: 1 });
  await door.broker.send('t', { body: 'full' });
  const connection = new RawConnection(door.url);
  connection.write(requestText('POST', '/topics/t/messages', [JSON_TYPE], '{"body":"never"}'));
  await untilWaiting(door.broker, 't', 1);
  connection.destroy();
  await untilWaiting(door.broker, 't', 0);
  assert.equal((await door.broker.describeTopics({ topic: 't' }))[0]?.logEndOffset, 1);
});

test('acks get through while more polls and sends wait than the client has connections for calls', async () => {
  await using door = await openDoor();
  await using client = await createClient(door.url, { connectionsMax: 1 });
  await client.createTopic('full', { messagesMax: 1 });
  await client.send('full', { body: 'first' });
  const [held] = await client.receive('full');
  const controller = new AbortController();
  const { signal } = controller;
  const polls = Array.from({ length: 20 }, () => client.receive('empty', { waitMs: 60_000, signal }).catch(() => []));
  const sends = Array.from({ length: 20 }, (_, index) => client.send('full', { body: `${index}` }, { signal }));
  const settled = Promise.allSettled(sends);
  await untilWaiting(door.broker, 'empty', 20);
  await untilWaiting(door.broker, 'full', 20);
  if (held !== undefined) await client.ack([held]);
  await Promise.race(sends);
  controller.abort();
  await Promise.all(polls);
  const accepted = (await settled).filter(({ status }) => status === 'fulfilled');
  assert.ok(accepted.length >= 1);
});
