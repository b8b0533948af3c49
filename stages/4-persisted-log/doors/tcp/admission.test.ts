/** A server asks its Admission for every connection, over TLS or not, and serves it with the broker it was given. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import type { Admission, CameFrom, Credentials } from '../../../../shared/admission.ts';
import type { Broker } from '../../../../shared/contract/broker.ts';
import { isMqError, MqError } from '../../../../shared/contract/errors.ts';
import { createBroker as createRingBroker } from '../../../2-ring-buffer/index.ts';
import { AUTHORITY_CERT, CLIENT, SERVER, SERVER_2, STRANGER } from '../../../3-http-server/testing/certificates.ts';
import { type Heard, scriptedBroker } from '../../../3-http-server/testing/scripted-broker.ts';
import { until } from '../../../3-http-server/testing/until.ts';
import { createTcpClient } from './create-client.ts';
import { FRAME } from './frame.ts';
import { writeHello } from './handshake.ts';
import { writeCall, writeReceive } from './requests.ts';
import { createTcpServer } from './server.ts';
import { framesOf, HELLO, HELLO_2, Stranger } from './testing/stranger.ts';

/** Lets in who says `secret`, after a turn or as long as a test wants. */
function admissionOf(view: Broker, when: () => Promise<void> = async () => undefined) {
  const asked: [Credentials, CameFrom][] = [];
  const left: Broker[] = [];
  const admission: Admission = {
    admit: async (credentials, from) => {
      asked.push([credentials, from]);
      await when();
      if (credentials.password === 'secret' || credentials.token === 'secret') return view;
      throw new MqError('MQ_UNAUTHORIZED', 'who are you?');
    },
    leave: (admitted) => left.push(admitted),
  };
  return { admission, asked, left };
}

test('each connection is served with the broker its caller may use, and what was admitted leaves once', async () => {
  const [whole, view] = [scriptedBroker(), scriptedBroker({ describeTopics: [] })];
  const { admission, asked, left } = admissionOf(view.broker);
  await using server = await createTcpServer(whole.broker, { admission });
  const refused = createTcpClient(server.url, { user: 'ann', password: 'wrong' });
  await assert.rejects(refused, (error) => isMqError(error, 'MQ_UNAUTHORIZED') && error.message === 'who are you?');
  const client = await createTcpClient(server.url, { user: 'ann', password: 'secret' });
  await client.describeTopics();
  assert.deepEqual(left, []);
  await client.close();
  await until('it has left', () => left.length === 1);
  const from = { door: 'tcp', address: '127.0.0.1' };
  assert.deepEqual(asked, [
    [{ user: 'ann', password: 'wrong' }, from],
    [{ user: 'ann', password: 'secret' }, from],
  ]);
  assert.deepEqual([whole.heard.length, view.heard.length, left[0]], [0, 1, view.broker]);
});

test('what a client writes behind its hello waits until it is admitted, whole and cut anywhere, and then is answered', async () => {
  const view = scriptedBroker({ describeTopics: [] });
  let letIn: () => void = () => undefined;
  const { admission } = admissionOf(view.broker, () => new Promise((resolve) => (letIn = resolve)));
  await using server = await createTcpServer(scriptedBroker().broker, { admission });
  const call = Buffer.from(JSON.stringify({ op: 'describeTopics', args: [] }));
  const bytes = framesOf((out) => {
    writeHello(out, { ...HELLO, token: 'secret' });
    for (let id = 1; id <= 3; id += 1) writeCall(out, id, call);
    // Longer than any greeting may be.
    writeCall(out, 4, Buffer.from(JSON.stringify({ op: 'describeTopics', args: [{ topic: 'x'.repeat(9000) }] })));
  });
  const cuts = [0, 20, 30, 45, 46, 60, 100, 140, 160, 5000, bytes.length];
  for (const [index, cut] of cuts.entries()) {
    const stranger = new Stranger(server.port);
    stranger.socket.write(bytes.subarray(0, cut));
    await new Promise((resolve) => setImmediate(resolve));
    if (cut < bytes.length) stranger.socket.write(bytes.subarray(cut));
    const before = view.heard.length;
    letIn = () => undefined;
    await until('it is asked who came', () => letIn.length === 1);
    assert.equal(view.heard.length, before, 'nothing reaches the broker before');
    letIn();
    const frames = await stranger.some(5);
    assert.deepEqual(
      frames.map(({ type, id }) => [type, id]),
      [...[[FRAME.welcome, 0] as const, ...[1, 2, 3, 4].map((id) => [FRAME.result, id] as const)]],
    );
    assert.equal(view.heard.length, (index + 1) * 4);
    stranger.destroy();
  }
});

test('who is gone, or out of time, before it is known who he is, is let in by nobody', async () => {
  const view = scriptedBroker();
  const doors: (() => void)[] = [];
  const { admission, left } = admissionOf(view.broker, () => new Promise((resolve) => doors.push(resolve)));
  await using server = await createTcpServer(scriptedBroker().broker, { admission, handshakeTimeoutMs: 100 });
  const [gone, late] = [new Stranger(server.port), new Stranger(server.port)];
  for (const stranger of [gone, late]) stranger.write((out) => writeHello(out, { ...HELLO_2, token: 'secret' }));
  await until('both are asked about', () => doors.length === 2);
  gone.destroy();
  assert.equal(await late.goodbye(), 'MQ_REQUEST_TIMEOUT');
  await until('nobody is there', () => server.connectionCount === 0);
  for (const open of doors) open();
  await until('both have left', () => left.length === 2);
  assert.deepEqual(view.heard, []);
});

test('over TLS a certificate that our authority signed is shown, a stranger’s is not, and an untrusted server is not talked to', async () => {
  await using broker = await createRingBroker();
  const shown: Credentials[] = [];
  const refused: MqError[] = [];
  const admission: Admission = {
    admit: async (credentials) => {
      shown.push(credentials);
      return broker;
    },
  };
  const tls = { ...SERVER, ca: AUTHORITY_CERT, requestCertificate: true };
  await using server = await createTcpServer(broker, { tls, admission, onRefused: (reason) => refused.push(reason) });
  assert.match(server.url, /^mqs:\/\/127\.0\.0\.1:\d+$/);
  for (const pair of [CLIENT, STRANGER, {}]) {
    await using client = await createTcpClient(server.url, { tls: { ca: AUTHORITY_CERT, ...pair } });
    await client.send('t', { body: new Uint8Array(300_000) });
    assert.equal((await client.receive('t')).length, 1);
  }
  assert.deepEqual(
    shown.map(({ certificate }) => certificate?.subject),
    ['ann', undefined, undefined],
  );
  const isUntrusted = (error: unknown): boolean =>
    isMqError(error, 'MQ_UNREACHABLE') && /certificate/.test(error.message);
  await assert.rejects(createTcpClient(server.url), isUntrusted);
  server.setTls({ ...SERVER_2, ca: AUTHORITY_CERT });
  await (await createTcpClient(server.url, { tls: { ca: AUTHORITY_CERT } })).close();
  assert.throws(
    () => server.setTls({ ...SERVER, key: CLIENT.key }),
    (error) => isMqError(error, 'MQ_INVALID_ARGUMENT'),
  );
});

test('plain text on a port of TLS, and TLS on a plain one, come to a short end that is told once', async () => {
  await using broker = await createRingBroker();
  const refused: MqError[] = [];
  const onRefused = (reason: MqError): number => refused.push(reason);
  await using server = await createTcpServer(broker, { tls: SERVER, onRefused });
  await using plain = await createTcpServer(broker, { onRefused });
  const isShut = (error: unknown): boolean =>
    isMqError(error) && ['MQ_UNREACHABLE', 'MQ_PROTOCOL'].includes(error.code);
  await assert.rejects(createTcpClient(server.url.replace('mqs:', 'mq:')), isShut);
  await until('it is told', () => refused.length === 1);
  await assert.rejects(createTcpClient(plain.url.replace('mq:', 'mqs:')), isShut);
  await until('it is told', () => refused.length === 2);
  assert.deepEqual(
    refused.map(({ code }) => code),
    ['MQ_PROTOCOL', 'MQ_PROTOCOL'],
  );
  const silent = connect({ host: '127.0.0.1', port: server.port });
  const gone = new Promise((resolve) => silent.on('close', resolve));
  silent.on('error', () => undefined);
  await until('it is connected', () => silent.readyState === 'open');
  await (await createTcpClient(server.url, { tls: { ca: AUTHORITY_CERT } })).close();
  await server.close();
  await gone;
});

test('who is refused as a member has become none: nobody is made to leave by it', async () => {
  const forbidden = new MqError('MQ_FORBIDDEN', 'not you');
  const [whole, view] = [scriptedBroker(), scriptedBroker({ receive: forbidden, describeTopics: [] })];
  const { admission, left } = admissionOf(view.broker);
  await using server = await createTcpServer(whole.broker, { admission });
  const client = await createTcpClient(server.url, { token: 'secret' });
  const victim = { group: 'g', memberId: 'victim' };
  for (let time = 0; time < 3; time += 1) {
    await assert.rejects(client.receive('orders', victim), { code: 'MQ_FORBIDDEN' });
  }
  await assert.rejects(
    client.subscribe('orders', { ...victim, creditMax: 1 }, () => undefined),
    { code: 'MQ_FORBIDDEN' },
  );
  await client.close();
  await until('it has left', () => left.length === 1);
  await server.close();
  const operations = [...whole.heard, ...view.heard].map(({ operation }) => operation);
  assert.ok(!operations.includes('leave'), operations.join(' '));
});

test('what a lost connection held is given back as its caller, or as the door when that may do nothing any more', async () => {
  const name = { topic: 'orders', group: 'g', memberId: 'm' };
  const record = { partition: 0, offset: 0, id: 'i', headers: {}, body: new Uint8Array(1), timestamp: 1 };
  const lease = { leaseToken: 't', leaseExpiresAt: Date.now() + 30_000, deliveryCount: 1, redeliveryReason: null };
  const receive = [{ ...name, ...record, ...lease }];
  for (const extendLease of [1, new MqError('MQ_FORBIDDEN', 'not any more')]) {
    const [whole, view] = [scriptedBroker({ extendLease: 1 }), scriptedBroker({ receive, extendLease })];
    const { admission } = admissionOf(view.broker);
    await using server = await createTcpServer(whole.broker, { admission });
    const stranger = new Stranger(server.port);
    stranger.socket.write(
      framesOf((out) => {
        writeHello(out, { ...HELLO, token: 'secret' });
        const numbers = { max: 1, bytesMax: 1000, waitMs: 0, leaseMs: 30_000 };
        writeReceive(out, 1, {
          ...name,
          ...numbers,
          isCancellable: false,
          takesBatches: false,
          takesOnlyBatches: false,
        });
      }),
    );
    const frames = await stranger.some(2);
    assert.equal(frames[1]?.type, FRAME.deliveries);
    stranger.socket.destroy();
    await until('it leaves', () => view.heard.some(({ operation }) => operation === 'leave'));
    const operations = (heard: readonly Heard[]) => heard.map(({ operation }) => operation);
    assert.deepEqual(operations(view.heard), ['receive', 'extendLease', 'leave']);
    assert.deepEqual(operations(whole.heard), extendLease === 1 ? [] : ['extendLease']);
  }
});

test('what is shown appears in no message', async () => {
  await using broker = await createRingBroker();
  const { admission } = admissionOf(broker);
  const refusals: [string, Promise<unknown>][] = [
    ['options.token', createTcpServer(broker, { admission, token: 'hush-hush' })],
    ['options.password', createTcpClient('mq://127.0.0.1:1', { user: 'hush-hush' })],
    ['options.user', createTcpClient('mq://127.0.0.1:1', { user: 'hush:hush', password: 'hush-hush' })],
    ['options.tls.cert', createTcpClient('mqs://127.0.0.1:1', { tls: { key: CLIENT.key } })],
  ];
  for (const [path, asked] of refusals) {
    await assert.rejects(asked, (error) => {
      assert.ok(isMqError(error, 'MQ_INVALID_ARGUMENT') && !error.message.includes('hush'), String(error));
      return error.details.path === path;
    });
  }
});
