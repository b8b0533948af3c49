import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorCode, isMqError } from '../../shared/contract/errors.ts';
import { createClient } from './index.ts';
import { createRelay } from './relay.ts';
import { openDoor } from './testing/doors.ts';
import { introducing, openStranger } from './testing/stranger.ts';

const isCode = (code: ErrorCode) => (error: unknown) => isMqError(error, code);

test('a client takes capabilities and limits from its server', async () => {
  await using door = await openDoor({}, { limits: { bodyBytesMax: 77 } });
  await using client = await createClient(door.url);
  assert.deepEqual(client.capabilities, door.broker.capabilities);
  assert.deepEqual(client.limits, door.broker.limits);
});

test('a client may be made with a trailing slash, and with a path in front of all routes', async () => {
  await using door = await openDoor();
  await using stranger = await openStranger((request, response) => {
    response.writeHead(307, { location: door.url + (request.url ?? '') }).end();
  });
  await using client = await createClient(`${door.url}/`);
  assert.deepEqual(await client.describeTopics(), []);
  await assert.rejects(createClient(`${stranger.url}/prefix`), isCode('MQ_PROTOCOL'));
});

test('a url that is none is refused', async () => {
  for (const url of ['', 'localhost:6767', 'ftp://x', 'http://user:secret@x', 'http://x?y']) {
    await assert.rejects(createClient(url), isCode('MQ_INVALID_ARGUMENT'), url);
  }
});

test('a client of a server with a token needs the token', async () => {
  await using door = await openDoor({ token: 'correct-horse' });
  await assert.rejects(createClient(door.url), isCode('MQ_UNAUTHORIZED'));
  await assert.rejects(createClient(door.url, { token: 'wrong' }), isCode('MQ_UNAUTHORIZED'));
  await using client = await createClient(door.url, { token: 'correct-horse' });
  await client.send('t', { body: 'a' });
});

test('nobody listening is MQ_UNREACHABLE: nothing was sent', async () => {
  const door = await openDoor();
  const client = await createClient(door.url);
  await door[Symbol.asyncDispose]();
  await assert.rejects(createClient(door.url), isCode('MQ_UNREACHABLE'));
  await assert.rejects(client.send('t', { body: 'a' }), isCode('MQ_UNREACHABLE'));
  await client.close();
});

test('a lost answer of a send is MQ_CONNECTION_LOST, and the client does not send again', async () => {
  await using door = await openDoor();
  await using relay = await createRelay(door.url);
  await using client = await createClient(relay.url);
  relay.cutNextAnswer();
  await assert.rejects(client.send('t', { body: 'a' }), isCode('MQ_CONNECTION_LOST'));
  assert.equal((await client.describeTopics({ topic: 't' }))[0]?.logEndOffset, 1);
});

test('a call that changes nothing, or comes to the same, is repeated when its answer is lost', async () => {
  await using door = await openDoor();
  await using relay = await createRelay(door.url);
  await using client = await createClient(relay.url);
  await client.send('t', { body: 'a' });
  const [delivery] = await client.receive('t');
  assert.ok(delivery !== undefined);
  for (const call of [
    () => client.describeTopics(),
    () => client.createTopic('u'),
    () => client.createGroup('t', 'log'),
    () => client.commit('t', { group: 'log', offset: 1 }),
    () => client.committed('t', { group: 'log' }),
    () => client.fetch('t'),
    () => client.browse('t'),
    () => client.extendLease(delivery),
    () => client.ack([delivery]),
    () => client.leave('t', {}),
  ]) {
    relay.cutNextAnswer();
    await call();
  }
  relay.cutNextAnswer();
  await assert.rejects(client.seek('t', { group: 'log', to: 'earliest' }), isCode('MQ_CONNECTION_LOST'));
  relay.cutNextAnswer();
  await assert.rejects(client.receive('t'), isCode('MQ_CONNECTION_LOST'));
});

test('a call is repeated only so often', async () => {
  let requestCount = 0;
  await using stranger = await openStranger(
    introducing((request) => {
      requestCount += 1;
      request.socket.destroy();
    }),
  );
  await using client = await createClient(stranger.url, { retriesMax: 3 });
  await assert.rejects(client.describeTopics(), isCode('MQ_CONNECTION_LOST'));
  assert.equal(requestCount, 4);
});

test('no answer in time is MQ_TIMEOUT', async () => {
  await using stranger = await openStranger(introducing(() => undefined));
  await using client = await createClient(stranger.url, { requestTimeoutMs: 100 });
  await assert.rejects(client.describeTopics(), isCode('MQ_TIMEOUT'));
});

for (const [what, answer] of [
  ['HTML', '<html></html>'],
  ['an array', '[]'],
  ['an object without what was asked for', '{}'],
  ['nothing', ''],
] as const) {
  test(`an answer that is not the protocol is MQ_PROTOCOL: ${what}`, async () => {
    await using stranger = await openStranger(introducing((_request, response) => void response.end(answer)));
    await using client = await createClient(stranger.url);
    await assert.rejects(client.describeTopics(), isCode('MQ_PROTOCOL'));
    await assert.rejects(client.receive('t'), isCode('MQ_PROTOCOL'));
    await assert.rejects(client.fetch('t'), isCode('MQ_PROTOCOL'));
  });
}

test('an error without a problem document is MQ_PROTOCOL, whatever its status', async () => {
  for (const [status, body] of [
    [502, '<h1>Bad Gateway</h1>'],
    [404, '{"error":"not found"}'],
    [400, '{"code":"E_OTHER"}'],
    [500, 'null'],
  ] as const) {
    await using stranger = await openStranger(
      introducing((_request, response) => void response.writeHead(status).end(body)),
    );
    await using client = await createClient(stranger.url);
    await assert.rejects(client.describeTopics(), isCode('MQ_PROTOCOL'));
  }
});

test('a server of another protocol version, or none of ours, is MQ_PROTOCOL at once', async () => {
  for (const about of [{ protocolVersion: 2, capabilities: [], limits: {} }, { protocolVersion: 1 }, [], 'x']) {
    await using stranger = await openStranger((_request, response) => void response.end(JSON.stringify(about)));
    await assert.rejects(createClient(stranger.url), isCode('MQ_PROTOCOL'));
  }
});

test('an aborted call rejects with MQ_ABORTED and the reason, before and during the request', async () => {
  await using stranger = await openStranger(introducing(() => undefined));
  await using client = await createClient(stranger.url);
  const reason = new Error('changed my mind');
  const before = client.send('t', { body: 'a' }, { signal: AbortSignal.abort(reason) });
  await assert.rejects(before, (error) => isMqError(error, 'MQ_ABORTED') && error.cause === reason);
  const controller = new AbortController();
  const during = client.receive('t', { waitMs: 1000, signal: controller.signal });
  controller.abort(reason);
  await assert.rejects(during, (error) => isMqError(error, 'MQ_ABORTED') && error.cause === reason);
});

test('names that are made to break a path are names all the same', async () => {
  await using door = await openDoor();
  await using client = await createClient(door.url);
  for (const topic of [
    'a/b',
    'a%2Fb',
    '?x=1',
    '#',
    ' ',
    'a..b',
    '...',
    '../x',
    '中文',
    'e\u0301',
    '__proto__',
    '%',
    '"',
  ]) {
    await client.send(topic, { body: topic });
    const [described] = await client.describeTopics({ topic });
    assert.equal(described?.topic, topic.normalize('NFC'));
    await client.createGroup(topic, topic);
    assert.equal(await client.committed(topic, { group: topic }), 0);
  }
  for (const topic of ['', '.', '..', '\ud800', 'a\nb', 'x'.repeat(250)]) {
    await assert.rejects(client.send(topic, { body: 'a' }), isCode('MQ_INVALID_ARGUMENT'), topic);
  }
});

test('a message whose headers are too long for request headers travels in the body', async () => {
  await using door = await openDoor();
  await using client = await createClient(door.url);
  const headers = { long: '中'.repeat(5000) };
  await client.send('t', { body: new Uint8Array([0, 255]), key: 'k', headers });
  const [delivery] = await client.receive('t');
  assert.deepEqual({ ...delivery?.headers }, headers);
  assert.deepEqual([delivery?.body, delivery?.key], [new Uint8Array([0, 255]), 'k']);
});

test('a batch as large as the limit travels, byte for byte', async () => {
  await using door = await openDoor({}, { topicDefaults: { bytesMax: 2 ** 30 } });
  await using client = await createClient(door.url);
  const body = new Uint8Array(1024 * 1024 - 20).map((_, index) => index);
  await client.sendBatch(
    't',
    Array.from({ length: 8 }, () => ({ body })),
  );
  const bytesMax = client.limits.receiveBytesMax;
  const deliveries = await client.receive('t', { max: 10, bytesMax });
  assert.ok(deliveries.length >= 7);
  for (const delivery of deliveries) assert.deepEqual(delivery.body, body);
});

test('an ack of deliveries of several topics reaches each, and lists all that were refused', async () => {
  await using door = await openDoor();
  await using client = await createClient(door.url);
  const deliveries = [];
  for (const topic of ['a', 'b', 'c']) {
    await client.send(topic, { body: topic });
    deliveries.push(...(await client.receive(topic)));
  }
  for (const delivery of deliveries.slice(0, 2)) await client.nack(delivery);
  await assert.rejects(client.ack(deliveries), (error) => {
    assert.ok(isMqError(error, 'MQ_LEASE_EXPIRED'));
    assert.deepEqual(
      error.details.failed?.map(({ topic }) => topic),
      ['a', 'b'],
    );
    return true;
  });
  assert.equal(await client.committed('c', { group: 'default' }), 1);
});
