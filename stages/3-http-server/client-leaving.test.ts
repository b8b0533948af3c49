import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { test } from 'node:test';
import { VirtualClock } from '../../shared/clock.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import { GRACE_MS } from './exchange.ts';
import { createClient } from './index.ts';
import { openDoor, untilWaiting } from './testing/doors.ts';
import { answerJson, introducing, openStranger } from './testing/stranger.ts';
import { until } from './testing/until.ts';

const DELIVERY = {
  topic: 't',
  partition: 0,
  offset: 0,
  id: 'a',
  headers: {},
  body: 'b',
  encoding: 'utf8',
  timestamp: 1,
  group: 'default',
  memberId: 'm',
  deliveryCount: 1,
  leaseToken: 'x',
  leaseExpiresAt: 2,
};
const RECEIPT = { topic: 't', partition: 0, offset: 0, id: 'a', durability: 'memory' };

const isAborted = (error: unknown): boolean => isMqError(error, 'MQ_ABORTED');
const isClosed = (error: unknown): boolean => isMqError(error, 'MQ_CLOSED');
const isLost = (error: unknown): boolean => isMqError(error, 'MQ_CONNECTION_LOST');

/** A server that answers a receive when a test says so, and counts what is given back. */
async function openSlow(receive: (request: IncomingMessage, response: ServerResponse) => void) {
  const nacks: string[] = [];
  const stranger = await openStranger(
    introducing((request, response) => {
      if (request.url !== '/topics/t/deliveries/nack') return receive(request, response);
      nacks.push(request.url);
      response.writeHead(204).end();
    }),
  );
  return { nacks, url: stranger.url, [Symbol.asyncDispose]: () => stranger[Symbol.asyncDispose]() };
}

/** As a server whose answer was on its way already: it comes just before its end of the connection is closed. */
function answerAtEnd({ socket }: IncomingMessage, response: ServerResponse): void {
  socket.once('end', () => answerJson(response, { deliveries: [DELIVERY] }));
}

test('deliveries whose answer was on its way when a poll was aborted are given back', async () => {
  const isAsked = Promise.withResolvers<void>();
  await using slow = await openSlow((request, response) => {
    answerAtEnd(request, response);
    isAsked.resolve();
  });
  await using client = await createClient(slow.url);
  const controller = new AbortController();
  const poll = client.receive('t', { waitMs: 60_000, signal: controller.signal });
  await isAsked.promise;
  controller.abort();
  await assert.rejects(poll, isAborted);
  await until('the delivery is given back', () => slow.nacks.length === 1);
});

test('a receive that waits for nothing and is aborted gives back what it is answered', async () => {
  const asked = Promise.withResolvers<ServerResponse>();
  await using slow = await openSlow((_, response) => asked.resolve(response));
  await using client = await createClient(slow.url);
  const controller = new AbortController();
  const receive = client.receive('t', { signal: controller.signal });
  const response = await asked.promise;
  controller.abort();
  await assert.rejects(receive, isAborted);
  answerJson(response, { deliveries: [DELIVERY] });
  await until('the delivery is given back', () => slow.nacks.length === 1);
});

test('an answer that does not come is waited for only so long after its caller has gone', async () => {
  const asked = Promise.withResolvers<IncomingMessage>();
  await using slow = await openSlow((request) => asked.resolve(request));
  const clock = new VirtualClock();
  await using client = await createClient(slow.url, { clock });
  const controller = new AbortController();
  const poll = client.receive('t', { waitMs: 60_000, signal: controller.signal });
  const { socket } = await asked.promise;
  const isEnded = once(socket, 'end');
  controller.abort();
  await assert.rejects(poll, isAborted);
  await isEnded;
  const left = client.close({ timeoutMs: 60_000 });
  await clock.pass(GRACE_MS);
  await left;
  assert.deepEqual(slow.nacks, []);
});

test('a poll that is aborted leaves the line at the server at once', async () => {
  await using door = await openDoor();
  await using client = await createClient(door.url);
  const controller = new AbortController();
  const poll = client.receive('t', { waitMs: 60_000, signal: controller.signal });
  await untilWaiting(door.broker, 't', 1);
  controller.abort();
  await assert.rejects(poll, isAborted);
  await untilWaiting(door.broker, 't', 0);
  await client.send('t', { body: 'a' });
  assert.equal((await client.receive('t'))[0]?.deliveryCount, 1);
});

test('whenever a poll is aborted, its message is the caller’s or available again, and never leased to nobody', async () => {
  await using door = await openDoor();
  await using client = await createClient(door.url);
  for (let round = 0; round < 60; round += 1) {
    const controller = new AbortController();
    const poll = client.receive('t', { waitMs: 60_000, signal: controller.signal });
    const got = poll.then(
      (deliveries) => client.ack(deliveries),
      (error) => assert.ok(isAborted(error)),
    );
    await untilWaiting(door.broker, 't', 1);
    const sent = door.broker.send('t', { body: 'a' });
    for (let turn = 0; turn < round % 6; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    await Promise.all([sent, got]);
    await until('nothing is leased', async () => (await door.broker.describeTopics())[0]?.inFlightCount === 0);
    await client.ack(await client.receive('t'));
  }
});

test('a client that closes gives back what was on its way to its polls, before it is closed', async () => {
  const isAsked = Promise.withResolvers<void>();
  await using slow = await openSlow((request, response) => {
    answerAtEnd(request, response);
    isAsked.resolve();
  });
  const client = await createClient(slow.url);
  const poll = client.receive('t', { waitMs: 60_000 });
  await isAsked.promise;
  await client.close();
  assert.deepEqual(await poll, []);
  assert.equal(slow.nacks.length, 1);
});

test('a send that waits for room when its client closes learns what became of it, when the server says so', async () => {
  let requestCount = 0;
  await using stranger = await openStranger(
    introducing((request, response) => {
      requestCount += 1;
      response.statusCode = requestCount === 1 ? 429 : 200;
      if (requestCount === 1) answerJson(response, { code: 'MQ_QUEUE_FULL' });
      else request.socket.once('end', () => answerJson(response, RECEIPT));
    }),
  );
  const client = await createClient(stranger.url);
  const send = client.send('t', { body: 'a' });
  await until('the send waits for room', () => requestCount === 2);
  await client.close();
  assert.equal((await send).offset, 0);
});

test('of calls that a closing client cannot finish, those that were sent may have taken effect, and only those', async () => {
  const isAsked = Promise.withResolvers<void>();
  await using stranger = await openStranger(introducing(() => isAsked.resolve()));
  const client = await createClient(stranger.url, { connectionsMax: 1 });
  const sent = assert.rejects(client.send('t', { body: 'a' }), isLost);
  const queued = assert.rejects(client.send('t', { body: 'b' }), isClosed);
  await isAsked.promise;
  await client.close({ timeoutMs: 0 });
  await Promise.all([sent, queued]);
});

test('a poll that gets no connection in its time looks once at what there is, and so keeps its time', async () => {
  await using door = await openDoor();
  await using client = await createClient(door.url, { waitingConnectionsMax: 1 });
  await door.broker.send('u', { body: 'a' });
  const long = client.receive('t', { waitMs: 60_000 });
  await untilWaiting(door.broker, 't', 1);
  assert.equal((await client.receive('u', { waitMs: 20 })).length, 1);
  assert.deepEqual(await client.receive('u', { waitMs: 20 }), []);
  await assert.rejects(client.fetch('none', { waitMs: 20 }), (error) => isMqError(error, 'MQ_UNKNOWN_TOPIC'));
  await client.close();
  assert.deepEqual(await long, []);
});

test('a send whose time goes by behind others that wait for room is told that the topic is full', async () => {
  await using door = await openDoor();
  await using client = await createClient(door.url, { waitingConnectionsMax: 1 });
  await client.createTopic('t', { messagesMax: 1 });
  await client.send('t', { body: 'full' });
  const long = client.send('t', { body: 'a' }).catch(() => undefined);
  await untilWaiting(door.broker, 't', 1);
  const short = client.send('t', { body: 'b' }, { timeoutMs: 50 });
  await assert.rejects(short, (error) => isMqError(error, 'MQ_QUEUE_FULL'));
  await client.close();
  await long;
});
