import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../shared/clock.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import { createBroker, createClient } from './index.ts';
import { ask, openDoor, untilWaiting } from './testing/doors.ts';
import { RawConnection, requestText } from './testing/raw-connection.ts';
import { until } from './testing/until.ts';

const JSON_TYPE = 'content-type: application/json';
const BODY = '{"body":"a"}';

/** A connection whose request has begun: the server has read its headers and waits for its body. */
async function arriving(url: string): Promise<RawConnection> {
  const connection = new RawConnection(url);
  const text = requestText('POST', '/topics/t/messages', [JSON_TYPE, 'expect: 100-continue'], BODY);
  connection.write(text.slice(0, -BODY.length));
  assert.equal((await connection.answer())?.status, 100);
  return connection;
}

test('a thousand waiting polls are answered empty when the server stops, and their connections end', async () => {
  await using door = await openDoor();
  const connections = Array.from({ length: 1000 }, () => new RawConnection(door.url));
  const body = '{"waitMs":60000}';
  for (const connection of connections) {
    connection.write(requestText('POST', '/topics/t/deliveries', [JSON_TYPE], body));
  }
  await untilWaiting(door.broker, 't', 1000);
  await door.server.close();
  for (const connection of connections) {
    const answer = await connection.answer();
    assert.deepEqual([answer?.status, answer?.body, answer?.headers.connection], [200, '{"deliveries":[]}', 'close']);
    assert.equal(await connection.rest(), '');
  }
  assert.equal((await door.broker.describeTopics())[0]?.waiterCount, 0);
});

test('a waiting fetch is answered with where the log stands', async () => {
  await using door = await openDoor();
  await door.broker.send('t', { body: 'a' });
  const waiting = ask(`${door.url}/topics/t/messages?offset=1&waitMs=60000`);
  await untilWaiting(door.broker, 't', 1);
  await door.server.close();
  assert.deepEqual((await waiting).body, { records: [], nextOffset: 1, logStartOffset: 0, highWatermark: 1 });
});

test('a send that waits for room is told that nothing was stored', async () => {
  await using door = await openDoor();
  await door.broker.createTopic('t', { messagesMax: 1 });
  await door.broker.send('t', { body: 'full' });
  const waiting = ask(`${door.url}/topics/t/messages`, { body: { body: 'b' } });
  await untilWaiting(door.broker, 't', 1);
  await door.server.close();
  assert.deepEqual([(await waiting).status, (await waiting).body.code], [503, 'MQ_CLOSED']);
  assert.equal((await door.broker.describeTopics())[0]?.logEndOffset, 1);
});

test('a request that is arriving is still answered, and then its connection ends', async () => {
  await using door = await openDoor();
  const connection = await arriving(door.url);
  const idle = new RawConnection(door.url);
  idle.write(requestText('GET', '/healthz'));
  await idle.answer();
  const closed = door.server.close();
  assert.equal(await idle.rest(), '', 'an unused connection ends at once');
  connection.write(BODY);
  const answer = await connection.answer();
  assert.deepEqual([answer?.status, answer?.headers.connection], [200, 'close']);
  await closed;
  assert.equal((await door.broker.describeTopics())[0]?.logEndOffset, 1);
});

test('an answer that is being sent when the server stops arrives whole, however slowly it is read', async () => {
  await using door = await openDoor();
  const body = new Uint8Array(1024 * 1024 - 1000).fill(65);
  for (let index = 0; index < 7; index += 1) await door.broker.send('big', { body });
  const connection = new RawConnection(door.url);
  connection.pause();
  connection.write(requestText('GET', `/topics/big/messages?max=8&bytesMax=${8 * 1024 * 1024}`));
  await until('it is answered', () => door.server.connectionCount === 1);
  await ask(`${door.url}/healthz`);
  const closed = door.server.close();
  connection.resume();
  const answer = await connection.answer();
  assert.equal(JSON.parse(answer?.body ?? '{}').records.length, 7);
  await closed;
});

test('a call that takes its time is answered before its connection ends, also with a request pipelined behind it', async () => {
  await using door = await openDoor();
  const { promise: mayGo, resolve: go } = Promise.withResolvers<void>();
  const send = door.broker.send.bind(door.broker);
  let isAsked = false;
  door.broker.send = async (...given) => {
    const receipt = await send(...given);
    isAsked = true;
    await mayGo;
    return receipt;
  };
  const connection = new RawConnection(door.url);
  connection.write(requestText('POST', '/topics/t/messages', [JSON_TYPE], BODY) + requestText('DELETE', '/topics/t'));
  await until('the send is asked', () => isAsked);
  const closed = door.server.close();
  go();
  const answer = await connection.answer();
  assert.deepEqual([answer?.status, answer?.headers.connection], [200, 'close']);
  assert.equal(await connection.rest(), '');
  await closed;
  assert.equal((await door.broker.describeTopics())[0]?.logEndOffset, 1, 'what was behind it was not begun');
});

test('a stopping server takes no connection', async () => {
  await using door = await openDoor();
  await door.server.close();
  await assert.rejects(ask(door.url));
});

test('what has not ended after the time-out is closed', async () => {
  const clock = new VirtualClock();
  await using door = await openDoor({ clock });
  const connection = await arriving(door.url);
  let isClosed = false;
  const closed = door.server.close({ timeoutMs: 5000 }).then(() => {
    isClosed = true;
  });
  await clock.pass(4999);
  assert.equal(isClosed, false);
  await clock.pass(1);
  await closed;
  assert.equal(await connection.answer(), undefined);
});

test('a second close ends at once', async () => {
  await using door = await openDoor();
  await arriving(door.url);
  const first = door.server.close({ timeoutMs: 600_000 });
  await door.server.close();
  await first;
  assert.equal(door.server.connectionCount, 0);
});

test('a client that closes rejects what waits for room as lost, answers empty what waits for messages, and takes nothing new', async () => {
  await using door = await openDoor();
  await using client = await createClient(door.url);
  await client.createTopic('t', { messagesMax: 1 });
  await client.send('t', { body: 'full' });
  const send = client.send('t', { body: 'never' });
  const receive = client.receive('empty', { waitMs: 60_000 });
  const fetch = client.fetch('t', { offset: 1, waitMs: 60_000 });
  const refused = assert.rejects(send, (error) => isMqError(error, 'MQ_CONNECTION_LOST'));
  await untilWaiting(door.broker, 't', 2);
  await untilWaiting(door.broker, 'empty', 1);
  await client.close();
  await refused;
  assert.deepEqual(await receive, []);
  assert.deepEqual((await fetch).records, []);
  for (const call of [client.send('t', { body: 'a' }), client.receive('t'), client.describeTopics(), client.ack([])]) {
    await assert.rejects(call, (error) => isMqError(error, 'MQ_CLOSED'));
  }
  await untilWaiting(door.broker, 't', 0);
  assert.equal((await door.broker.describeTopics({ topic: 't' }))[0]?.logEndOffset, 1);
  await client.close();
});

test('closing the broker of this stage closes its client, server and ring, also twice', async () => {
  const broker = await createBroker();
  await broker.send('t', { body: 'a' });
  await Promise.all([broker.close(), broker.close()]);
  await assert.rejects(broker.send('t', { body: 'b' }), (error) => isMqError(error, 'MQ_CLOSED'));
});
