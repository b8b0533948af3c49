import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { ask, openDoor } from './testing/doors.ts';
import { type RawAnswer, RawConnection, requestText } from './testing/raw-connection.ts';

/** Sends `text` on a connection of its own; the whole conversation up to its end. */
async function conversation(url: string, text: string | Uint8Array): Promise<string> {
  const connection = new RawConnection(url);
  connection.write(text);
  return connection.rest();
}

/** The first answer to `text`; undefined when the connection ended without one. */
async function answerTo(url: string, text: string | Uint8Array): Promise<RawAnswer | undefined> {
  const connection = new RawConnection(url);
  connection.write(text);
  const answer = await connection.answer();
  connection.destroy();
  return answer;
}

/** Status of the first answer to `text`; undefined when the connection ended without one. */
async function statusOf(url: string, text: string | Uint8Array): Promise<number | undefined> {
  return (await answerTo(url, text))?.status;
}

const RAW = 'content-type: application/octet-stream';

const post = (headers: readonly string[], rest = ''): string =>
  ['POST /topics/t/messages HTTP/1.1', 'host: 127.0.0.1', RAW, ...headers, '', rest].join('\r\n');

for (const [what, text] of [
  ['a length and a transfer coding', post(['content-length: 3', 'transfer-encoding: chunked'], '0\r\n\r\n')],
  ['two lengths', post(['content-length: 3', 'content-length: 4'], 'abcd')],
  ['a list of lengths', post(['content-length: 3, 4'], 'abcd')],
  ['a length that is no number', post(['content-length: 0x3'], 'abc')],
  ['a negative length', post(['content-length: -1'], '')],
  ['an unknown transfer coding', post(['transfer-encoding: xchunked'], '0\r\n\r\n')],
  ['a transfer coding that is not chunked at the end', post(['transfer-encoding: chunked, identity'], '0\r\n\r\n')],
  ['a chunk size that is no number', post(['transfer-encoding: chunked'], 'zz\r\nab\r\n0\r\n\r\n')],
  ['white space before a colon', post(['content-length : 3'], 'abc')],
  ['a folded header', post(['x-a: 1', ' folded: 2'], '')],
  ['a header without a colon', post(['nonsense'], '')],
  ['a NUL in a header', post(['mq-key: a\0b'], '')],
  ['a bare line feed in a header', post(['mq-key: a\nx-injected: 1'], '')],
  ['no Host in HTTP/1.0', 'GET /topics HTTP/1.0\r\n\r\n'],
  ['an expectation nobody knows', post(['expect: tea', 'content-length: 1'], 'a')],
  ['two expectations', post(['expect: tea, 100-continue', 'content-length: 1'], 'a')],
  ['a tunnel', 'CONNECT 127.0.0.1:1 HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'],
  ['no Host', 'GET /topics HTTP/1.1\r\n\r\n'],
  ['two Hosts', 'GET /topics HTTP/1.1\r\nhost: 127.0.0.1\r\nhost: evil.example\r\n\r\n'],
  ['an absolute target', 'GET http://127.0.0.1/topics HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'],
  ['a version that does not exist', 'GET /topics HTTP/9.9\r\nhost: 127.0.0.1\r\n\r\n'],
  ['a method that does not exist', 'FETCH /topics HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'],
  ['a TLS greeting', Buffer.from('16030100f0010000ec0303', 'hex')],
  ['noise', Buffer.from(Array.from({ length: 300 }, (_, index) => (index * 37 + 11) % 256))],
] as const) {
  test(`an ambiguous or broken request is 400 and stores nothing: ${what}`, async () => {
    await using door = await openDoor();
    const answer = await answerTo(door.url, text);
    assert.deepEqual([answer?.status, answer?.headers['content-type']], [400, 'application/problem+json']);
    assert.deepEqual(
      [answer?.headers.connection, JSON.parse(answer?.body ?? '').code],
      ['close', 'MQ_INVALID_ARGUMENT'],
    );
    assert.deepEqual(await door.broker.describeTopics(), []);
  });
}

test('the answer to a broken request is a problem document, and the connection ends', async () => {
  await using door = await openDoor();
  const text = await conversation(door.url, 'nonsense\r\n\r\n');
  assert.match(text, /^HTTP\/1\.1 400 Bad Request\r\ncontent-type: application\/problem\+json\r\n/);
  assert.equal(JSON.parse(text.slice(text.indexOf('{'))).code, 'MQ_INVALID_ARGUMENT');
});

test('noise behind a request is never answered in the place of that request', async () => {
  for (const noise of ['nonsense\r\n\r\n', 'CONNECT 127.0.0.1:1 HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n']) {
    await using door = await openDoor();
    const { promise: mayAnswer, resolve: answer } = Promise.withResolvers<void>();
    const send = door.broker.send.bind(door.broker);
    // As a broker that has stored a message, and answers when it is on the disk.
    door.broker.send = async (...given) => {
      const receipt = await send(...given);
      await mayAnswer;
      return receipt;
    };
    const text = await conversation(door.url, requestText('POST', '/topics/t/messages', [RAW], 'a') + noise);
    assert.equal(text, '', 'the caller does not know what became of its request');
    assert.equal((await door.broker.describeTopics())[0]?.logEndOffset, 1);
    answer();
  }
});

test('noise behind an answered request is refused', async () => {
  await using door = await openDoor();
  const connection = new RawConnection(door.url);
  connection.write(requestText('GET', '/healthz'));
  assert.equal((await connection.answer())?.status, 200);
  await ask(`${door.url}/healthz`);
  connection.write('nonsense\r\n\r\n');
  assert.equal((await connection.answer())?.status, 400);
});

test('a field behind thousands of others is read like the first', async () => {
  await using door = await openDoor();
  const many = Array.from({ length: 2500 }, (_, index) => `x-${index}: 1`);
  const text = requestText('POST', '/topics/t/messages', [RAW, ...many, 'mq-key: k'], 'a');
  assert.equal(await statusOf(door.url, text), 200);
  assert.equal((await door.broker.fetch('t')).records[0]?.key, 'k');
});

test('what follows an ambiguous request on the same connection is never a request', async () => {
  await using door = await openDoor();
  const smuggled = `0\r\n\r\n${requestText('PUT', '/topics/smuggled')}`;
  await conversation(door.url, post(['content-length: 5', 'transfer-encoding: chunked'], smuggled));
  assert.deepEqual(await door.broker.describeTopics(), []);
});

test('headers beyond the limit are 431', async () => {
  await using door = await openDoor({ headerBytesMax: 4096 });
  assert.equal(await statusOf(door.url, requestText('GET', '/topics', [`x-long: ${'a'.repeat(5000)}`])), 431);
  assert.equal(await statusOf(door.url, requestText('GET', `/${'a'.repeat(5000)}`)), 431);
  const many = Array.from({ length: 600 }, (_, index) => `x-${index}: ${index}`);
  assert.equal(await statusOf(door.url, requestText('GET', '/topics', many)), 431);
});

test('a body beyond the limit is 413, with and without a length', async () => {
  await using door = await openDoor({ requestBytesMax: 1000 });
  assert.equal(await statusOf(door.url, post(['content-length: 1001'], 'a'.repeat(1001))), 413);
  assert.equal(await statusOf(door.url, post(['content-length: 99999999999'], '')), 413);
  const chunk = `400\r\n${'a'.repeat(1024)}\r\n`;
  assert.equal(await statusOf(door.url, post(['transfer-encoding: chunked'], chunk)), 413);
  assert.equal(await statusOf(door.url, post(['content-length: 1000'], 'a'.repeat(1000))), 200);
});

test('a compressed body is 415 before a byte of it is unfolded', async () => {
  await using door = await openDoor();
  const bomb = gzipSync(Buffer.alloc(10 * 1024 * 1024));
  const headers = ['content-encoding: gzip', `content-length: ${bomb.length}`];
  assert.equal(await statusOf(door.url, Buffer.concat([Buffer.from(post(headers)), bomb])), 415);
});

test('headers that arrive too slowly are 408', async () => {
  await using door = await openDoor({ headersTimeoutMs: 100, requestTimeoutMs: 100 });
  assert.match(await conversation(door.url, 'GET /topics HTTP/1.1\r\nhost: 127'), /^HTTP\/1\.1 408 /);
});

test('a body that arrives too slowly is 408', async () => {
  await using door = await openDoor({ headersTimeoutMs: 100, requestTimeoutMs: 100 });
  const text = await conversation(door.url, post(['content-length: 50'], '{"bo'));
  assert.match(text, /^HTTP\/1\.1 408 /);
  assert.deepEqual(await door.broker.describeTopics(), []);
});

test('a body that ends early stores nothing', async () => {
  await using door = await openDoor();
  const connection = new RawConnection(door.url);
  connection.write(post(['content-length: 10'], 'half'));
  connection.destroy();
  await connection.rest();
  assert.equal(await statusOf(door.url, requestText('GET', '/healthz')), 200);
  assert.deepEqual(await door.broker.describeTopics(), []);
});

test('pipelined requests are answered in their order', async () => {
  await using door = await openDoor();
  const connection = new RawConnection(door.url);
  const type = [RAW];
  const texts = Array.from({ length: 20 }, (_, index) => requestText('POST', '/topics/t/messages', type, `m-${index}`));
  connection.write(texts.join('') + requestText('GET', '/nothing') + requestText('GET', '/healthz'));
  const offsets: unknown[] = [];
  for (let index = 0; index < 20; index += 1)
    offsets.push(JSON.parse((await connection.answer())?.body ?? '{}').offset);
  assert.deepEqual(
    offsets,
    Array.from({ length: 20 }, (_, index) => index),
  );
  assert.equal((await connection.answer())?.status, 404);
  assert.equal((await connection.answer())?.status, 200);
  connection.destroy();
});

test('no path leaves its route, whatever it is made of', async () => {
  await using door = await openDoor();
  for (const [path, status] of [
    ['/topics/..%2f..%2fetc%2fpasswd', 404],
    ['/topics/%2e%2e', 400],
    ['/topics/../broker', 404],
    ['/topics/%00', 400],
    ['/topics/%0d%0ax-injected:1', 400],
    ['/topics/%zz', 400],
    ['/topics/%c0%af', 400],
    ['/topics/%ed%a0%80', 400],
    ['/topics/%f8%88%80%80%80', 400],
    ['/topics/%', 400],
    ['//topics', 404],
    ['/topics//messages', 400],
    ['/TOPICS', 404],
    ['/topics/', 400],
    ['/topics/t/', 404],
    [`/topics/${'%E4%BD%A0'.repeat(83)}`, 404],
    [`/topics/${'%E4%BD%A0'.repeat(84)}`, 400],
    [`/topics/${'a'.repeat(9000)}`, 400],
  ] as const) {
    assert.equal(await statusOf(door.url, requestText('GET', path)), status, path);
  }
});

test('no text of a message ends up in the head of an answer', async () => {
  await using door = await openDoor();
  const evil = 'a%0d%0ax-injected:%201';
  const connection = new RawConnection(door.url);
  connection.write(requestText('POST', '/topics/t/messages', [RAW, `mq-key: ${evil}`, `mq-id: ${evil}`], 'x'));
  const sent = await connection.answer();
  assert.equal(sent?.status, 200);
  assert.equal(JSON.parse(sent?.body ?? '{}').id, 'a\r\nx-injected: 1');
  connection.write(requestText('GET', '/topics/t/messages', ['accept: application/vnd.stagemq.messages.v1']));
  const fetched = await connection.answer();
  assert.equal(fetched?.headers['x-injected'], undefined);
  connection.destroy();
});

test('connections beyond the limit are closed, and counted, and the others work on', async () => {
  await using door = await openDoor({ connectionsCountMax: 2 });
  const connections = [new RawConnection(door.url), new RawConnection(door.url)];
  for (const connection of connections) {
    connection.write(requestText('GET', '/healthz'));
    assert.equal((await connection.answer())?.status, 200);
  }
  assert.equal(await conversation(door.url, requestText('GET', '/healthz')), '');
  connections[0]?.write(requestText('GET', '/metrics'));
  assert.match((await connections[0]?.answer())?.body ?? '', /mq_http_connections_refused 1\n/);
  for (const connection of connections) connection.destroy();
});
