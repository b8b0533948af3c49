/** The client: how it is made, what it does when the connection breaks, and how it ends. */
import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { VirtualClock } from '../../../../shared/clock.ts';
import { isMqError } from '../../../../shared/contract/errors.ts';
import type { Delivery } from '../../../../shared/contract/message.ts';
import { SeededRandom } from '../../../../shared/random.ts';
import { createBroker } from '../../../2-ring-buffer/index.ts';
import { createRelay } from '../../../3-http-server/relay.ts';
import { until } from '../../../3-http-server/testing/until.ts';
import { createTcpClient, type TcpClientOptions } from './create-client.ts';
import type { ConnectionState } from './link.ts';
import { createTcpServer } from './server.ts';
import { described, openDoor, untilWaiting } from './testing/doors.ts';

const isCode = (code: Parameters<typeof isMqError>[1]) => (error: unknown) => isMqError(error, code);

/** A server that does what `onSocket` says. */
async function strangeServer(onSocket: (socket: Socket) => void): Promise<{ url: string } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `mq://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('an address that is none, and options that are none, are refused before anything is opened', async () => {
  for (const url of ['', 'http://127.0.0.1', 'mq://', 'mq://h/path', 'mq://user@h', 'mq://h:99999', 5 as never]) {
    await assert.rejects(createTcpClient(url), isCode('MQ_INVALID_ARGUMENT'), String(url));
  }
  const wrong = [{ token: '' }, { codec: 'lz4' }, { reconnects: 1 }, { heartbeatMs: 0 }, { onState: 1 }, { colour: 1 }];
  for (const options of wrong) {
    const call = createTcpClient('mq://127.0.0.1:1', options as unknown as TcpClientOptions);
    await assert.rejects(call, isCode('MQ_INVALID_ARGUMENT'), JSON.stringify(options));
  }
});

test('where nobody answers it is MQ_UNREACHABLE, and where somebody else does MQ_PROTOCOL', async () => {
  const gone = await strangeServer(() => undefined);
  await gone[Symbol.asyncDispose]();
  await assert.rejects(createTcpClient(gone.url), isCode('MQ_UNREACHABLE'));
  await using http = await strangeServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  await assert.rejects(createTcpClient(http.url), isCode('MQ_PROTOCOL'));
  await using closing = await strangeServer((socket) => socket.destroy());
  await assert.rejects(createTcpClient(closing.url), isCode('MQ_UNREACHABLE'));
  await using silent = await strangeServer(() => undefined);
  await assert.rejects(createTcpClient(silent.url, { connectTimeoutMs: 100 }), isCode('MQ_UNREACHABLE'));
});

test('a server with a token lets in who has it, and tells nobody else anything', async () => {
  await using door = await openDoor({ token: 'open-sesame' });
  for (const options of [{}, { token: 'open-sesamf' }, { token: 'open' }]) {
    await assert.rejects(createTcpClient(door.url, options), (error: Error) => {
      assert.ok(!error.message.includes('sesame'));
      return isMqError(error, 'MQ_UNAUTHORIZED');
    });
  }
  await using client = await createTcpClient(door.url, { token: 'open-sesame' });
  assert.equal((await client.send('t', { body: 'in' })).offset, 0);
});

test('beyond this machine a server listens only with a token', async () => {
  const broker = await createBroker();
  for (const host of ['0.0.0.0', '::', '192.0.2.1', 'example.org']) {
    await assert.rejects(createTcpServer(broker, { host }), isCode('MQ_INVALID_ARGUMENT'));
  }
  await using server = await createTcpServer(broker, { host: '0.0.0.0', token: 'x' });
  await using client = await createTcpClient(server.url.replace('0.0.0.0', '127.0.0.1'), { token: 'x' });
  assert.equal(client.limits.batchCountMax, broker.limits.batchCountMax);
  await broker.close();
});

test('a thousand sends at once on one connection are stored in the order they were made', async () => {
  await using door = await openDoor();
  await using client = await createTcpClient(door.url);
  const receipts = await Promise.all(
    Array.from({ length: 1000 }, (_, index) => client.send('t', { body: String(index) })),
  );
  assert.deepEqual(
    receipts.map(({ offset }) => offset),
    Array.from({ length: 1000 }, (_, index) => index),
  );
  assert.equal(door.server.connectionCount, 1);
});

test('a receive that waits holds up nothing behind it, and an abort takes it back', async () => {
  await using door = await openDoor();
  await using client = await createTcpClient(door.url);
  const abort = new AbortController();
  const reason = new Error('lunch');
  const waiting = client.receive('t', { waitMs: 60_000, signal: abort.signal });
  await untilWaiting(door.broker, 't', 1);
  await client.send('u', { body: 'x' });
  abort.abort(reason);
  await assert.rejects(waiting, (error: Error) => isMqError(error, 'MQ_ABORTED') && error.cause === reason);
  await untilWaiting(door.broker, 't', 0);
  assert.equal((await client.send('t', { body: 'for the next one' })).offset, 0);
  const [delivery] = await client.receive('t');
  assert.equal(delivery?.deliveryCount, 1);
});

test('a send that waits for room and is aborted was never accepted', async () => {
  await using door = await openDoor();
  await using client = await createTcpClient(door.url);
  await client.createTopic('t', { messagesMax: 1 });
  await client.send('t', { body: 'full' });
  const abort = new AbortController();
  const waiting = client.send('t', { body: 'never' }, { signal: abort.signal });
  await untilWaiting(door.broker, 't', 1);
  abort.abort();
  await assert.rejects(waiting, isCode('MQ_ABORTED'));
  await assert.rejects(client.send('t', { body: 'late' }, { timeoutMs: 20 }), isCode('MQ_QUEUE_FULL'));
  assert.equal((await described(door.broker, 't'))?.logEndOffset, 1);
});

test('a call that was on its way when the connection broke is lost, and the next one finds a new connection', async () => {
  await using door = await openDoor();
  await using relay = await createRelay(door.url.replace('mq:', 'http:'));
  const states: ConnectionState[] = [];
  await using client = await createTcpClient(relay.url.replace('http:', 'mq:'), {
    onState: (state) => states.push(state),
  });
  await client.send('t', { body: 'a' });
  relay.cutNextAnswer();
  await assert.rejects(client.send('t', { body: 'b' }), isCode('MQ_CONNECTION_LOST'));
  assert.equal(client.connection.state, 'reconnecting');
  await until('it is connected again', () => client.connection.state === 'connected');
  // What only reads, or comes to the same when it is made twice, is made again.
  relay.cutNextAnswer();
  assert.equal((await client.fetch('t', { max: 10 })).records.length, 2);
  assert.equal((await client.send('t', { body: 'c' })).offset, 2);
  await client.close();
  const expected = ['connected', 'reconnecting', 'connected', 'reconnecting', 'connected', 'closed'];
  assert.deepEqual(states, expected);
});

test('a client that may not reconnect is closed by a broken connection, and says so', async () => {
  await using door = await openDoor();
  const states: unknown[] = [];
  await using client = await createTcpClient(door.url, {
    reconnects: false,
    onState: (state, error) => states.push([state, error?.code]),
  });
  await door.server.close();
  await until('it is closed', () => client.connection.state === 'closed');
  assert.deepEqual(states, [
    ['connected', undefined],
    ['closed', 'MQ_CLOSED'],
  ]);
  await assert.rejects(client.send('t', { body: 'x' }), isCode('MQ_CLOSED'));
});

test('without a connection a call waits for one, and gives up in time', async () => {
  const clock = new VirtualClock();
  const broker = await createBroker();
  const server = await createTcpServer(broker);
  await using client = await createTcpClient(server.url, { clock, random: new SeededRandom(1), connectTimeoutMs: 500 });
  await server.close();
  await until('it is lost', () => client.connection.state === 'reconnecting');
  const waiting = assert.rejects(client.send('t', { body: 'x' }), isCode('MQ_UNREACHABLE'));
  await clock.pass(500);
  await waiting;
  await using again = await createTcpServer(broker, { port: server.port });
  const send = client.send('t', { body: 'y' });
  await until('it is back', async () => {
    await clock.pass(50);
    return client.connection.state === 'connected';
  });
  assert.equal((await send).offset, 0);
  assert.equal(again.connectionCount, 1);
  await broker.close();
});

test('a subscription goes on over a new connection, and what the old one held comes again and counts', async () => {
  const broker = await createBroker();
  await using server = await createTcpServer(broker);
  await using relay = await createRelay(server.url.replace('mq:', 'http:'));
  await using client = await createTcpClient(relay.url.replace('http:', 'mq:'));
  await client.createTopic('t');
  const pushed: Delivery[] = [];
  const subscription = await client.subscribe('t', { group: 'g', creditMax: 10 }, (delivery) => pushed.push(delivery));
  await client.send('t', { body: 'a' });
  await until('it is pushed', () => pushed.length === 1);
  relay.cutNextAnswer();
  await client.send('t', { body: 'b' }).catch(() => undefined);
  await until('both are pushed', () => pushed.length === 3);
  const again = pushed.slice(1);
  assert.deepEqual(
    again.map(({ offset, deliveryCount, redeliveryReason }) => [offset, deliveryCount, redeliveryReason]).toSorted(),
    [
      [0, 2, 'lease-expired'],
      [
        1,
        again.find(({ offset }) => offset === 1)?.deliveryCount,
        again.find(({ offset }) => offset === 1)?.redeliveryReason,
      ],
    ],
  );
  await assert.rejects(client.ack(pushed.slice(0, 1)), isCode('MQ_LEASE_EXPIRED'));
  await client.ack(again);
  await subscription.close();
  await broker.close();
});

test('after close a subscription hands out nothing, and what was on its way goes back uncounted', async () => {
  await using door = await openDoor();
  await using client = await createTcpClient(door.url);
  await client.createTopic('t');
  const pushed: Delivery[] = [];
  const subscription = await client.subscribe('t', { group: 'g', creditMax: 5 }, (delivery) => pushed.push(delivery));
  const sent = client.sendBatch(
    't',
    Array.from({ length: 5 }, (_, index) => ({ body: String(index) })),
  );
  await subscription.close();
  await sent;
  const count = pushed.length;
  await client.ack(pushed);
  const rest: Delivery[] = [];
  await until('the rest is there', async () => {
    rest.push(...(await client.receive('t', { group: 'g', max: 10 })));
    return rest.length === 5 - count;
  });
  assert.ok(rest.every(({ deliveryCount }) => deliveryCount === 1));
  assert.equal(pushed.length, count);
});

test('a subscription whose topic is deleted ends, and says why', async () => {
  await using door = await openDoor();
  const ended: unknown[] = [];
  await using client = await createTcpClient(door.url, {
    onSubscriptionEnded: (error, { topic, group }) => ended.push([error.code, topic, group]),
  });
  await client.createTopic('t');
  const subscription = await client.subscribe('t', { group: 'g', creditMax: 1 }, () => undefined);
  await untilWaiting(door.broker, 't', 1);
  await client.deleteTopic('t');
  await until('it has ended', () => ended.length === 1);
  assert.deepEqual(ended, [['MQ_UNKNOWN_TOPIC', 't', 'g']]);
  await subscription.close();
});

test('what a subscriber throws is told, and neither the delivery nor the next one is lost', async () => {
  await using door = await openDoor();
  const defects: unknown[] = [];
  await using client = await createTcpClient(door.url, { onDefect: (error) => defects.push(error) });
  await client.createTopic('t');
  let count = 0;
  await client.subscribe('t', { creditMax: 2 }, () => {
    count += 1;
    throw new Error(`clumsy ${count}`);
  });
  await client.sendBatch('t', [{ body: 'a' }, { body: 'b' }]);
  await until('both came', () => count === 2);
  assert.deepEqual(defects.map(String), ['Error: clumsy 1', 'Error: clumsy 2']);
  assert.equal((await described(door.broker, 't'))?.inFlightCount, 2);
});

test('a client that closes has its waiting calls answered, and reaches nobody afterwards', async () => {
  await using door = await openDoor();
  const client = await createTcpClient(door.url);
  await client.createTopic('full', { messagesMax: 1 });
  await client.send('full', { body: 'x' });
  const receive = client.receive('t', { waitMs: 60_000 });
  const fetch = client.fetch('full', { offset: 1, waitMs: 60_000 });
  const send = assert.rejects(client.send('full', { body: 'never' }), isCode('MQ_CLOSED'));
  await untilWaiting(door.broker, 'full', 2);
  await untilWaiting(door.broker, 't', 1);
  await client.close();
  assert.deepEqual(await receive, []);
  assert.deepEqual(await fetch, { records: [], nextOffset: 1, logStartOffset: 0, highWatermark: 1 });
  await send;
  await assert.rejects(client.send('t', { body: 'x' }), isCode('MQ_CLOSED'));
  await until('the server knows', () => door.server.connectionCount === 0);
});
