import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from 'undici';
import { createBroker as createQueueBroker } from '../1-blocking-queue/index.ts';
import { createBroker as createRingBroker } from '../2-ring-buffer/index.ts';
import { createServer, type RequestLogEntry, type ServerOptions } from './index.ts';
import { decodeRecords, encodeMessages, MESSAGES_TYPE } from './message-codec.ts';
import { ask, openDoor } from './testing/doors.ts';
import { until } from './testing/until.ts';

test('a server listens on loopback, on a free port, unless it is told otherwise', async () => {
  await using door = await openDoor();
  assert.match(door.url, /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.ok(door.server.port > 0);
});

test('a server in front of a broker without a capability answers 501 and names it', async () => {
  await using broker = await createQueueBroker();
  await using server = await createServer(broker);
  await broker.createTopic('t');
  for (const [method, path, body, capability] of [
    ['GET', '/topics/t/messages', undefined, 'offsets'],
    ['PUT', '/topics/t/groups/g', {}, 'groups'],
    ['GET', '/topics/t/groups/g/offset', undefined, 'offsets'],
    ['PUT', '/topics/t/groups/g/offset', { op: 'seek', to: 'latest' }, 'offsets'],
    ['GET', '/topics/t/groups/g/messages', undefined, 'browse'],
    ['DELETE', '/topics/t/groups/g/members/m', undefined, 'lease'],
    ['POST', '/topics/t/deliveries/ack', { deliveries: [] }, 'lease'],
    ['POST', '/topics/t/deliveries', { group: 'g' }, 'groups'],
    ['POST', '/topics/t/messages', { body: 'a', ttlMs: 5 }, 'ttl'],
  ] as const) {
    const answer = await ask(server.url + path, { method, body });
    assert.deepEqual(
      [answer.status, answer.body.code, answer.body.capability],
      [501, 'MQ_NOT_SUPPORTED', capability],
      path,
    );
  }
  assert.equal((await ask(`${server.url}/topics/t/messages`, { body: { body: 'a' } })).status, 200);
  const received = await ask(`${server.url}/topics/t/deliveries`, { method: 'POST' });
  assert.equal((received.body.deliveries as unknown[]).length, 1);
});

test('closing a server leaves its broker open', async () => {
  await using broker = await createRingBroker();
  const server = await createServer(broker);
  await server.close();
  await broker.send('t', { body: 'a' });
});

test('an unknown route is 404, a known one with another method 405 with Allow, and OPTIONS tells', async () => {
  await using door = await openDoor();
  assert.equal((await ask(`${door.url}/nothing`)).body.code, 'MQ_NOT_FOUND');
  const wrong = await ask(`${door.url}/topics/t/deliveries/ack`, { method: 'GET' });
  assert.deepEqual([wrong.status, wrong.headers.allow, wrong.body.allow], [405, 'POST', ['POST']]);
  const options = await ask(`${door.url}/topics/t`, { method: 'OPTIONS' });
  assert.deepEqual([options.status, options.headers.allow], [204, 'DELETE, GET, HEAD, PUT']);
  const head = await request(`${door.url}/topics`, { method: 'HEAD' });
  assert.deepEqual([head.statusCode, await head.body.text()], [200, '']);
  assert.equal(head.headers['content-length'], '13');
});

test('a wrong or missing content type is 415, and a route that takes JSON takes nothing else', async () => {
  await using door = await openDoor();
  for (const [path, type] of [
    ['/topics/t/messages', 'text/plain'],
    ['/topics/t/messages', 'application/x-www-form-urlencoded'],
    ['/topics/t/messages', 'nonsense'],
    ['/topics/t/deliveries', 'application/octet-stream'],
    ['/topics/t/deliveries', MESSAGES_TYPE],
  ] as const) {
    const answer = await ask(door.url + path, { body: '{"body":"a"}', headers: { 'content-type': type } });
    assert.deepEqual([answer.status, answer.body.code], [415, 'MQ_UNSUPPORTED_MEDIA_TYPE'], `${path} ${type}`);
  }
  const untyped = await request(`${door.url}/topics/t/messages`, { method: 'POST', body: Buffer.from('a') });
  assert.equal(untyped.statusCode, 415);
  await untyped.body.dump();
  const empty = await ask(`${door.url}/topics/t/messages`, { method: 'POST' });
  assert.equal(empty.status, 400);
});

test('a query parameter that is unknown, repeated or no whole number is refused with its name', async () => {
  await using door = await openDoor();
  await door.broker.createTopic('t');
  for (const [query, path] of [
    ['maximum=1', 'maximum'],
    ['max=1&max=2', 'max'],
    ['max=', 'max'],
    ['max=+1', 'max'],
    ['max=0x10', 'max'],
    ['max=1e3', 'max'],
    ['offset=-1', 'offset'],
    ['offset=01', 'offset'],
    ['__proto__=1', '__proto__'],
  ] as const) {
    const answer = await ask(`${door.url}/topics/t/messages?${query}`);
    assert.deepEqual([answer.status, answer.body.path], [400, path], query);
  }
});

test('the three content types of a send store the same message', async () => {
  await using door = await openDoor();
  const url = `${door.url}/topics/t/messages`;
  const message = { key: 'k ü', id: 'my id', headers: { 'a b': 'c=d&e', '': '' } };
  const body = Buffer.from([0, 255, 10, 13]);
  const { '': _, ...headers } = message.headers;
  await ask(url, { body: { ...message, headers, body: body.toString('base64'), encoding: 'base64' } });
  const raw = {
    'content-type': 'application/octet-stream',
    'mq-key': encodeURIComponent(message.key),
    'mq-id': encodeURIComponent(message.id),
    'mq-headers': 'a+b=c%3Dd%26e',
  };
  await (await request(url, { method: 'POST', headers: raw, body })).body.dump();
  const many = encodeMessages([{ ...message, headers, body }]);
  await (await request(url, { method: 'POST', headers: { 'content-type': MESSAGES_TYPE }, body: many })).body.dump();
  const { records } = await door.broker.fetch('t', { max: 10 });
  assert.equal(records.length, 3);
  for (const record of records) {
    assert.deepEqual([record.key, record.id, { ...record.headers }], ['k ü', 'my id', { 'a b': 'c=d&e' }]);
    assert.deepEqual(Buffer.from(record.body), body);
  }
});

test('what was fetched in the binary format can be posted to another topic as it is', async () => {
  await using door = await openDoor();
  await door.broker.sendBatch('from', [
    { body: 'a', key: 'k' },
    { body: new Uint8Array([255]), headers: { h: 'v' } },
  ]);
  const fetched = await request(`${door.url}/topics/from/messages?max=5`, { headers: { accept: MESSAGES_TYPE } });
  assert.equal(fetched.headers['mq-next-offset'], '2');
  const bytes = Buffer.from(await fetched.body.arrayBuffer());
  assert.equal(decodeRecords(bytes, { topic: 'from', partition: 0 }).length, 2);
  const posted = await request(`${door.url}/topics/to/messages`, {
    method: 'POST',
    headers: { 'content-type': MESSAGES_TYPE },
    body: bytes,
  });
  assert.equal(posted.statusCode, 200);
  const [from, to] = [await door.broker.fetch('from', { max: 5 }), await door.broker.fetch('to', { max: 5 })];
  const plain = ({ records }: typeof from) => records.map(({ id, key, body, headers }) => ({ id, key, body, headers }));
  assert.deepEqual(plain(to), plain(from));
});

test('what was received can be sent back as it is to be acknowledged', async () => {
  await using door = await openDoor();
  await door.broker.sendBatch('t', [{ body: 'a' }, { body: 'b' }]);
  const received = await ask(`${door.url}/topics/t/deliveries`, { body: { max: 2 } });
  assert.equal((await ask(`${door.url}/topics/t/deliveries/ack`, { body: received.body })).status, 204);
  assert.equal(await door.broker.committed('t', { group: 'default' }), 2);
  const elsewhere = await ask(`${door.url}/topics/u/deliveries/ack`, { body: received.body });
  assert.deepEqual([elsewhere.status, elsewhere.body.path], [400, 'deliveries[0].topic']);
});

test('a batch of too many messages is 413, as JSON and as bytes', async () => {
  await using door = await openDoor({}, { limits: { batchCountMax: 2 } });
  const url = `${door.url}/topics/t/messages`;
  const messages = [{ body: 'a' }, { body: 'b' }, { body: 'c' }];
  const asJson = await ask(url, { body: { messages } });
  assert.deepEqual([asJson.status, asJson.body.code], [413, 'MQ_BATCH_TOO_LARGE']);
  const headers = { 'content-type': MESSAGES_TYPE };
  const asBytes = await request(url, { method: 'POST', headers, body: encodeMessages(messages) });
  assert.equal(asBytes.statusCode, 413);
  await asBytes.body.dump();
  assert.equal((await ask(url, { body: { messages: messages.slice(0, 2) } })).status, 200);
});

test('an offset goes with commit and a place with seek, and not the other way round', async () => {
  await using door = await openDoor();
  await door.broker.sendBatch('t', [{ body: 'a' }, { body: 'b' }]);
  const url = `${door.url}/topics/t/groups/g/offset`;
  for (const [body, path] of [
    [{ op: 'commit' }, 'offset'],
    [{ op: 'seek' }, 'to'],
    [{ op: 'commit', offset: 1, to: 'latest' }, 'body'],
    [{ op: 'seek', offset: 1, to: 'latest' }, 'body'],
    [{ op: 'rewind', offset: 1 }, 'op'],
    [{ op: 'seek', to: 'middle' }, 'to'],
    [{ op: 'seek', to: { offset: 0, timestamp: 0 } }, 'to'],
  ] as const) {
    const answer = await ask(url, { method: 'PUT', body });
    assert.equal(answer.status, 400, JSON.stringify(body));
    assert.ok(String(answer.body.path).startsWith(path), `${JSON.stringify(body)} -> ${String(answer.body.path)}`);
  }
  assert.deepEqual((await ask(url, { method: 'PUT', body: { op: 'commit', offset: 1 } })).body, { offset: 1 });
});

test('a log entry tells what was asked and answered, as a command line, and never the token', async () => {
  const entries: RequestLogEntry[] = [];
  await using door = await openDoor({ token: 'secret', onRequest: (entry) => entries.push(entry) });
  const headers = { authorization: 'Bearer secret' };
  await ask(`${door.url}/topics/t/messages?timeoutMs=5`, { body: { body: "it's" }, headers });
  await ask(`${door.url}/topics/t/messages`, { body: { body: 'x' } });
  await until('both are logged', () => entries.length === 2);
  const [sent, refused] = entries;
  assert.deepEqual([sent?.method, sent?.path, sent?.status], ['POST', '/topics/t/messages?timeoutMs=5', 200]);
  assert.equal(sent?.requestBytes, 15);
  assert.ok((sent?.responseBytes ?? 0) > 50 && (sent?.durationUs ?? -1) >= 0 && (sent?.atMs ?? 0) > 1.6e12);
  assert.equal(
    sent?.curl,
    `curl -i -H "authorization: Bearer $MQ_TOKEN" -H 'content-type: application/json' --data-raw '{"body":"it'\\''s"}' '${door.url}/topics/t/messages?timeoutMs=5'`,
  );
  assert.equal(refused?.status, 401);
  assert.ok(!JSON.stringify(entries).includes('secret'));
});

test('routes of a later stage stand behind the same guard and have the same errors', async () => {
  const extraRoutes: ServerOptions['extraRoutes'] = (routes, broker) => {
    routes.get('/extra', async () => ({ name: broker.name }));
    routes.get('/broken', async () => {
      throw new TypeError('the secret of the defect');
    });
  };
  const defects: unknown[] = [];
  await using door = await openDoor({ extraRoutes, onDefect: (error) => defects.push(error) });
  assert.deepEqual((await ask(`${door.url}/extra`)).body, { name: 'ring-buffer' });
  assert.equal((await ask(`${door.url}/extra`, { headers: { host: 'evil.example' } })).status, 403);
  assert.equal((await ask(`${door.url}/extra`, { method: 'DELETE' })).status, 405);
  const broken = await ask(`${door.url}/broken`);
  assert.deepEqual([broken.status, broken.body.code], [500, 'MQ_INTERNAL']);
  assert.ok(!JSON.stringify(broken.body).includes('secret'));
  assert.ok(defects.length === 1 && defects[0] instanceof TypeError);
});

test('a port that is taken is an error of createServer', async () => {
  await using door = await openDoor();
  await assert.rejects(createServer(door.broker, { port: door.server.port }), { code: 'EADDRINUSE' });
});
