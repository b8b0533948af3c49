/** Whose turn it is on a connection, and what an unread answer costs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, openDoor, untilWaiting } from './testing/doors.ts';
import { RawConnection, requestText } from './testing/raw-connection.ts';
import { until } from './testing/until.ts';

const JSON_TYPE = 'content-type: application/json';
const POLL = requestText('POST', '/topics/t/deliveries', [JSON_TYPE], '{"waitMs":60000}');
const SEND = requestText('POST', '/topics/t/messages', [JSON_TYPE], '{"body":"a"}');
const MEBIBYTE = 1024 * 1024;
const FETCH = requestText('GET', `/topics/big/messages?max=8&bytesMax=${8 * MEBIBYTE}`);

const bigBody = { body: new Uint8Array(MEBIBYTE - 1000).fill(65) };

test('the requests of a connection take turns: what is pipelined behind a poll is not begun before its answer', async () => {
  await using door = await openDoor();
  const connection = new RawConnection(door.url);
  connection.write(POLL + POLL + SEND);
  await untilWaiting(door.broker, 't', 1);
  await door.broker.send('t', { body: 'first' });
  assert.match((await connection.answer())?.body ?? '', /"first"/);
  await untilWaiting(door.broker, 't', 1);
  assert.equal((await door.broker.describeTopics())[0]?.logEndOffset, 1, 'the send waits for its turn');
  await door.broker.send('t', { body: 'second' });
  assert.match((await connection.answer())?.body ?? '', /"second"/);
  assert.equal((await connection.answer())?.status, 200);
  assert.equal((await door.broker.describeTopics())[0]?.logEndOffset, 3);
  connection.destroy();
});

test('what is held behind a poll is never begun when the connection closes', async () => {
  await using door = await openDoor();
  const connection = new RawConnection(door.url);
  connection.write(POLL + SEND.repeat(20));
  await untilWaiting(door.broker, 't', 1);
  connection.destroy();
  await untilWaiting(door.broker, 't', 0);
  await until('the connection is closed', () => door.server.connectionCount === 0);
  assert.equal((await door.broker.describeTopics())[0]?.logEndOffset, 0);
});

test('what is held behind an answer that says it is the last is never begun', async () => {
  await using door = await openDoor();
  const connection = new RawConnection(door.url);
  connection.write(requestText('GET', '/topics', ['connection: close']) + SEND);
  assert.match(await connection.rest(), /^HTTP\/1\.1 200 OK(?!.*HTTP\/1\.1)/s);
  assert.deepEqual(await door.broker.describeTopics(), []);
});

test('a connection that pipelines beyond the limit is closed, and its poll leaves the line', async () => {
  await using door = await openDoor({ pipelinedCountMax: 3 });
  const within = new RawConnection(door.url);
  within.write(POLL + SEND.repeat(3));
  await untilWaiting(door.broker, 't', 1);
  const beyond = new RawConnection(door.url);
  beyond.write(POLL.repeat(5));
  assert.equal(await beyond.rest(), '');
  await untilWaiting(door.broker, 't', 1);
  within.destroy();
});

test('a caller who pipelines reads of megabytes and reads none of them makes the server hold one answer', async () => {
  await using door = await openDoor({ unsentBytesMax: 9 * MEBIBYTE });
  for (let index = 0; index < 7; index += 1) await door.broker.send('big', bigBody);
  let fetchCount = 0;
  const fetch = door.broker.fetch.bind(door.broker);
  door.broker.fetch = (...given) => {
    fetchCount += 1;
    return fetch(...given);
  };
  const connection = new RawConnection(door.url);
  connection.pause();
  connection.write(FETCH.repeat(100));
  await until('the first one is answered', () => fetchCount > 0);
  for (let turn = 0; turn < 20; turn += 1) await ask(`${door.url}/healthz`);
  assert.equal(fetchCount, 1);
  connection.destroy();
});

test('answers that nobody reads are bounded in sum: what goes beyond is 429, what was received for it goes back', async () => {
  await using door = await openDoor({ unsentBytesMax: 9 * MEBIBYTE });
  for (let index = 0; index < 7; index += 1) await door.broker.send('big', bigBody);
  const hanging = new RawConnection(door.url);
  hanging.pause();
  hanging.write(FETCH);
  const url = `${door.url}/topics/big`;
  const large = `max=8&bytesMax=${8 * MEBIBYTE}`;
  await until('the first one is answered', async () => (await ask(`${url}/messages?${large}`)).status === 429);
  const refused = await ask(`${url}/deliveries`, { body: { max: 8, bytesMax: 8 * MEBIBYTE } });
  assert.deepEqual([refused.status, refused.body.code], [429, 'MQ_LIMIT_EXCEEDED']);
  assert.equal(refused.headers['retry-after'], '1');
  await until('the deliveries are available', async () => {
    const [topic] = await door.broker.describeTopics();
    return topic?.inFlightCount === 0 && topic.groups[0]?.availableCount === 7;
  });
  assert.equal((await ask(`${url}/messages`, { body: { body: 'a' } })).status, 200, 'sending is not refused');
  assert.equal((await ask(`${url}/messages?offset=7`)).status, 200, 'nor is what there is room for');
  hanging.destroy();
  await until('there is room again', async () => (await ask(`${url}/messages?${large}`)).status === 200);
});

test('one answer larger than the limit may go when it is alone', async () => {
  await using door = await openDoor({ unsentBytesMax: 1000 });
  await door.broker.send('big', bigBody);
  assert.equal((await ask(`${door.url}/topics/big/messages`)).status, 200);
  await until('the answer has left', async () => (await ask(`${door.url}/topics/big/messages`)).status === 200);
});

test('each connection is told of when it is opened and closed, and each error that is answered', async () => {
  const told: unknown[] = [];
  await using door = await openDoor({
    onConnection: ({ isOpen, from, connectionCount }) => told.push([isOpen, from, connectionCount]),
    onRefused: ({ code }, from) => told.push([code, from]),
  });
  const connection = new RawConnection(door.url);
  connection.write(requestText('GET', '/nothing'));
  await until('the error is told', () => told.length === 2);
  connection.destroy();
  await until('the end is told', () => told.length === 3);
  assert.deepEqual(told, [
    [true, '127.0.0.1', 1],
    ['MQ_NOT_FOUND', '127.0.0.1'],
    [false, '127.0.0.1', 0],
  ]);
});
