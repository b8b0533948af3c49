/** HTTP over TLS: who is trusted, who shows a certificate, and what comes of a caller who speaks something else. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import type { Admission, Credentials } from '../../shared/admission.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import { createBroker as createRingBroker } from '../2-ring-buffer/index.ts';
import { createClient, createServer, type HttpServer, type ServerOptions } from './index.ts';
import { AUTHORITY_CERT, CLIENT, type Pair, SERVER, SERVER_2, STRANGER } from './testing/certificates.ts';
import { until } from './testing/until.ts';

interface TlsDoor extends AsyncDisposable {
  readonly server: HttpServer;
  readonly url: string;
  readonly defects: unknown[];
  /** What the Admission was shown. */
  readonly shown: Credentials[];
}

async function openTlsDoor(options: ServerOptions = {}): Promise<TlsDoor> {
  const broker = await createRingBroker();
  const shown: Credentials[] = [];
  const defects: unknown[] = [];
  const admission: Admission = {
    admit: async (credentials) => {
      shown.push(credentials);
      return broker;
    },
  };
  const tls = { ...SERVER, ca: AUTHORITY_CERT, requestCertificate: true };
  const server = await createServer(broker, { tls, admission, onDefect: (error) => defects.push(error), ...options });
  return {
    ...{ server, url: server.url, defects, shown },
    [Symbol.asyncDispose]: async () => {
      await server.close({ timeoutMs: 0 });
      await broker.close();
    },
  };
}

const trusting = (pair?: Pair) => ({ tls: { ca: AUTHORITY_CERT, ...pair }, retriesMax: 0 });

/** All that comes back for `bytes`, until the end. */
function answerTo(port: number, bytes: Uint8Array | string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    let received = '';
    socket.on('data', (data) => {
      received += data.toString('latin1');
    });
    // A reset is an end too.
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(received));
    socket.write(bytes);
  });
}

test('everything a client can ask goes over TLS too, also what waits and what is taken back', async () => {
  await using door = await openTlsDoor();
  assert.match(door.url, /^https:\/\/127\.0\.0\.1:\d+$/);
  await using client = await createClient(door.url, trusting());
  await client.createTopic('t');
  const waiting = client.receive('t', { waitMs: 30_000 });
  await client.send('t', { body: 'a' });
  const [delivery] = await waiting;
  assert.ok(delivery !== undefined);
  await client.ack([delivery]);
  const caller = new AbortController();
  const taken = client.receive('t', { waitMs: 30_000, signal: caller.signal });
  caller.abort('enough');
  await assert.rejects(taken, (error) => isMqError(error, 'MQ_ABORTED'));
  await client.send('t', { body: 'b' });
  assert.equal((await client.receive('t')).length, 1, 'nothing went to the one who had gone');
});

test('a certificate that our authority signed is given to the Admission, and no other', async () => {
  await using door = await openTlsDoor();
  for (const pair of [CLIENT, STRANGER, undefined]) await (await createClient(door.url, trusting(pair))).close();
  const fingerprint = door.shown[0]?.certificate?.fingerprint ?? '';
  assert.match(fingerprint, /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  assert.deepEqual(door.shown, [{ certificate: { subject: 'ann', fingerprint } }, {}, {}]);
});

test('a server nobody vouches for is not talked to, and the certificate of one can be changed while it runs', async () => {
  await using door = await openTlsDoor();
  const isUntrusted = (error: unknown): boolean =>
    isMqError(error, 'MQ_UNREACHABLE') && /certificate/.test(error.message);
  await assert.rejects(createClient(door.url, { retriesMax: 0 }), isUntrusted);
  assert.deepEqual(door.shown, [], 'nothing was sent');
  const fingerprintOf = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connectTls({ host: '127.0.0.1', port: door.server.port, ca: AUTHORITY_CERT }, () => {
        resolve(socket.getPeerCertificate().fingerprint256);
        socket.destroy();
      });
      socket.on('error', reject);
    });
  const before = await fingerprintOf();
  await using client = await createClient(door.url, trusting());
  door.server.setTls({ ...SERVER_2, ca: AUTHORITY_CERT });
  assert.notEqual(await fingerprintOf(), before);
  await client.describeTopics();
  assert.throws(
    () => door.server.setTls({ ...SERVER, key: CLIENT.key }),
    (error) => {
      return isMqError(error, 'MQ_INVALID_ARGUMENT') && !error.message.includes('BEGIN');
    },
  );
});

test('plain text on a port of TLS, and TLS on a plain one, come to a short end, and nobody else notices', async () => {
  await using door = await openTlsDoor();
  await using plain = await createRingBroker();
  await using plainServer = await createServer(plain);
  await using client = await createClient(door.url, trusting());
  const request = 'GET /topics HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n';
  assert.ok(!(await answerTo(door.server.port, request)).includes('200 OK'));
  assert.ok(
    !(await answerTo(door.server.port, Buffer.from('160301', 'hex').toString('latin1') + 'x'.repeat(600))).includes(
      'HTTP',
    ),
  );
  const clientHello = Buffer.from('160301020001000001fc0303', 'hex');
  assert.match(await answerTo(plainServer.port, clientHello), /^HTTP\/1\.1 400 /);
  const isUnreachable = (error: unknown): boolean =>
    isMqError(error) && ['MQ_UNREACHABLE', 'MQ_CONNECTION_LOST'].includes(error.code);
  await assert.rejects(createClient(door.url.replace('https:', 'http:'), { retriesMax: 0 }), isUnreachable);
  await assert.rejects(createClient(plainServer.url.replace('http:', 'https:'), trusting()), isUnreachable);
  assert.deepEqual(door.defects, []);
  await client.describeTopics();
});

test('who connects and never greets does not keep a server from closing', async () => {
  await using door = await openTlsDoor();
  const silent = connect({ host: '127.0.0.1', port: door.server.port });
  const gone = new Promise((resolve) => silent.on('close', resolve));
  silent.on('error', () => undefined);
  await until('it is connected', () => silent.readyState === 'open');
  await (await createClient(door.url, trusting())).close();
  await door.server.close();
  await gone;
});

test('keys that are none are refused before anything listens, and are not shown', async () => {
  await using broker = await createRingBroker();
  const secret = CLIENT.key.split('\n')[1] ?? '';
  for (const [tls, path] of [
    [{ ...SERVER, key: '' }, 'options.tls.key'],
    [{ cert: SERVER.cert } as typeof SERVER, 'options.tls.key'],
    [{ ...SERVER, key: CLIENT.key }, 'options.tls'],
    [{ ...SERVER, key: `${secret}` }, 'options.tls'],
    [{ ...SERVER, minVersion: 'TLSv1' as 'TLSv1.2' }, 'options.tls.minVersion'],
    [{ ...SERVER, requestCertificates: true } as typeof SERVER, 'options.tls.requestCertificates'],
  ] as const) {
    await assert.rejects(createServer(broker, { tls }), (error) => {
      assert.ok(isMqError(error, 'MQ_INVALID_ARGUMENT') && !error.message.includes(secret), String(error));
      return error.details.path === path;
    });
  }
  const asked = createClient('https://127.0.0.1:1', { tls: { cert: CLIENT.cert } });
  await assert.rejects(asked, (error) => isMqError(error) && error.details.path === 'options.tls.key');
});
