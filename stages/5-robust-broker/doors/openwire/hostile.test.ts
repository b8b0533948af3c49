/** What strangers and broken clients do to the door, and what it does about it. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import type { MqError } from '../../../../shared/contract/errors.ts';
import { deadLetterTopicOf } from '../../../../shared/contract/message.ts';
import { createBroker } from '../../../2-ring-buffer/index.ts';
import { until } from '../../../3-http-server/testing/until.ts';
import { createBroker as createRobustBroker } from '../../index.ts';
import { encodeCommand } from './codec.ts';
import { ACK, type NumberedCommand, VERSIONS } from './commands.ts';
import { createOpenWireServer, type OpenWireServer } from './server.ts';
import type { OpenWireServerOptions } from './server-options.ts';
import { recordedConversation, recordedFrames, withSize } from './testing/recorded.ts';
import { queue, WireClient } from './testing/wire-client.ts';
import { MAGIC, wireFormatInfo } from './wire-format.ts';

const BASE = { commandId: 0, responseRequired: false } as const;
const GREETING = encodeCommand(
  wireFormatInfo({ inactivityMs: 30_000, firstSilenceMs: 10_000, frameBytesMax: 65_536 }),
  VERSIONS.max,
);
const KEEP_ALIVE = encodeCommand({ type: 'KeepAliveInfo', ...BASE, responseRequired: true }, VERSIONS.max);

interface Served extends AsyncDisposable {
  readonly server: OpenWireServer;
  readonly refused: MqError[];
}

async function serve(options: OpenWireServerOptions = {}): Promise<Served> {
  const broker = await createBroker();
  const refused: MqError[] = [];
  const onDefect = (error: unknown): void => assert.fail(String(error));
  const server = await createOpenWireServer(broker, {
    ...options,
    onDefect,
    onRefused: (why) => void refused.push(why),
  });
  return {
    ...{ server, refused },
    [Symbol.asyncDispose]: async () => {
      await server.close();
      await broker.close();
    },
  };
}

/** Resolves to all that came before the server closed the connection. */
function say(port: number, ...pieces: readonly Uint8Array[]): Promise<Buffer> {
  return new Promise((resolve) => {
    const came: Buffer[] = [];
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => void came.push(bytes));
    socket.on('close', () => resolve(Buffer.concat(came)));
    for (const piece of pieces) socket.write(piece);
  });
}

test('whoever speaks something else is cut off, without an answer, and is told of once', async () => {
  await using served = await serve();
  const tls = Buffer.from('16030100c8010000c403', 'hex');
  const strangers = [
    Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'),
    tls,
    Buffer.from('CONNECT\n\n\0\0\0'),
    Buffer.alloc(64, 0xff),
  ];
  for (const [index, bytes] of strangers.entries()) {
    assert.equal((await say(served.server.port, bytes)).length, 0);
    assert.equal(served.refused.length, index + 1);
  }
});

test('sizes of 0, of less, and above what is taken are refused before anything is kept', async () => {
  await using served = await serve({ frameBytesMax: 65_536 });
  for (const size of ['00000000', 'ffffffff', '7fffffff', '80000000', '00001001']) {
    assert.equal((await say(served.server.port, Buffer.from(size, 'hex'))).length, 0, size);
  }
  const tooLarge = await say(served.server.port, GREETING, Buffer.from('00010001', 'hex'));
  assert.match(tooLarge.toString('latin1'), /IllegalStateException.*a frame of 65537 bytes/s);
  // The limit itself is read, and found to be no command.
  const atLimit = await say(served.server.port, GREETING, withSize(Buffer.alloc(65_536, 99)));
  assert.match(atLimit.toString('latin1'), /type 99 where none of/);
});

test('what is no greeting of this protocol is refused', async () => {
  await using served = await serve();
  const badMagic = Buffer.from(GREETING);
  badMagic[5] = 'B'.charCodeAt(0);
  assert.equal((await say(served.server.port, badMagic)).length, 0);
  const old = encodeCommand({ type: 'WireFormatInfo', magic: MAGIC, version: 8, properties: null }, VERSIONS.max);
  assert.equal((await say(served.server.port, old)).length, 0);
  const huge = Buffer.from('7fffffff', 'hex');
  const bomb = encodeCommand({ type: 'WireFormatInfo', magic: MAGIC, version: 12, properties: huge }, VERSIONS.max);
  assert.equal((await say(served.server.port, bomb)).length, 0);
  assert.match(served.refused.at(-1)?.message ?? '', /2147483647 bytes are announced/);
  const twice = await say(served.server.port, GREETING, GREETING);
  assert.match(twice.toString('latin1'), /a second WireFormatInfo/);
});

test('commands before their time end the connection, and those of a server are refused', async () => {
  await using served = await serve();
  const { port } = served.server;
  const [, , consumerInfo = Buffer.alloc(0)] = recordedConversation();
  assert.equal((await say(port, consumerInfo)).length, 0);
  assert.match((await say(port, GREETING, consumerInfo)).toString('latin1'), /ConsumerInfo before ConnectionInfo/);
  const [, connectionInfo = Buffer.alloc(0)] = recordedConversation();
  const second = await say(port, GREETING, connectionInfo, connectionInfo);
  assert.match(second.toString('latin1'), /a second ConnectionInfo/);
  using client = await new WireClient(port).enter();
  const response: NumberedCommand = { type: 'Response', ...BASE, correlationId: 1 };
  assert.match(await client.refusal(response), /a Response is not for a server to take/);
});

test('who says nothing is cut off in time, and so is who says it slowly', async () => {
  await using served = await serve({ handshakeTimeoutMs: 100, frameTimeoutMs: 100 });
  await say(served.server.port);
  await say(served.server.port, GREETING.subarray(0, 10));
  const slow = await say(served.server.port, GREETING, KEEP_ALIVE.subarray(0, 5));
  assert.match(slow.toString('latin1'), /a frame took longer than 100 ms/);
  assert.deepEqual(
    served.refused.map(({ code }) => code),
    ['MQ_REQUEST_TIMEOUT', 'MQ_REQUEST_TIMEOUT', 'MQ_REQUEST_TIMEOUT'],
  );
});

test('a client of which nothing is heard is gone, and what it held goes to others', async () => {
  await using served = await serve();
  using silent = new WireClient(served.server.port);
  silent.agree({ inactivityMs: 150, firstSilenceMs: 0 });
  await silent.ask(silent.connectionInfo());
  await silent.openSession();
  await silent.ask(silent.consumerInfo(queue('held')));
  await silent.ask(silent.textMessage(queue('held'), 'x', 1));
  await silent.next('MessageDispatch');
  await silent.next('KeepAliveInfo');
  await silent.closed;
  using other = await new WireClient(served.server.port, { connectionId: 'ID:test-2:1' }).enter();
  await other.openSession();
  await other.ask(other.consumerInfo(queue('held')));
  assert.equal((await other.next('MessageDispatch')).redeliveryCounter, 1);
});

test('ids that nobody gave are refused one by one, and the connection goes on', async () => {
  await using served = await serve();
  using client = await new WireClient(served.server.port).enter();
  assert.match(
    await client.refusal(client.textMessage(queue('q'), 'x', 1)),
    /a message of a producer that is not there/,
  );
  assert.match(await client.refusal(client.consumerInfo(queue('q'))), /the session is not there/);
  await client.openSession();
  const transactionId = {
    type: 'LocalTransactionId',
    value: 7,
    connectionId: { type: 'ConnectionId', value: 'c' },
  } as const;
  const inTransaction = { ...client.textMessage(queue('q'), 'x', 1), transactionId };
  assert.match(await client.refusal(inTransaction), /TransactionRolledBackException.*was not begun/);
  const objectId = client.consumerId(99);
  const remove: NumberedCommand = { type: 'RemoveInfo', ...BASE, objectId, lastDeliveredSequenceId: -1 };
  assert.match(await client.refusal(remove), /the consumer is not there/);
  assert.equal(await client.refusal(client.consumerInfo(queue('q'))), '');
  assert.match(await client.refusal(client.consumerInfo(queue('q'))), /the consumer is there already/);
  assert.equal(await client.refusal(client.textMessage(queue('q'), 'x', 1)), '');
});

test('a client that never reads is cut off, and others are served meanwhile', async () => {
  await using served = await serve({ unsentBytesMax: 1024 * 1024, stalledMs: 300 });
  using deaf = await new WireClient(served.server.port).enter();
  await deaf.openSession();
  await deaf.ask(deaf.consumerInfo(queue('much'), { prefetchSize: 10_000 }));
  deaf.socket.pause();
  using busy = await new WireClient(served.server.port, { connectionId: 'ID:test-2:1' }).enter();
  await busy.openSession();
  const text = 'x'.repeat(100_000);
  for (let sequence = 0; served.server.connectionCount > 1 && sequence < 1000; sequence += 1) {
    assert.equal(await busy.refusal(busy.textMessage(queue('much'), text, sequence)), '');
    await new Promise((resolve) => setImmediate(resolve));
  }
  await until('it is gone', () => served.server.connectionCount === 1);
});

test('a connection that is reset in the middle of a message leaves nothing of it', async () => {
  await using served = await serve();
  using torn = await new WireClient(served.server.port).enter();
  await torn.openSession();
  const frame = encodeCommand(torn.textMessage(queue('torn'), 'x'.repeat(5000), 1), VERSIONS.max);
  torn.socket.write(frame.subarray(0, 4000));
  await new Promise((resolve) => setImmediate(resolve));
  torn.socket.resetAndDestroy();
  await torn.closed;
  using client = await new WireClient(served.server.port, { connectionId: 'ID:test-2:1' }).enter();
  await client.openSession();
  await client.ask(client.consumerInfo(queue('torn'), { prefetchSize: 0 }));
  const consumerId = client.consumerId(1);
  const nothing = { destination: queue('torn'), timeout: -1, correlationId: null, messageId: null } as const;
  client.send({ type: 'MessagePull', ...BASE, consumerId, ...nothing });
  assert.equal((await client.next('MessageDispatch')).message, null);
});

test('five hundred connections come and go, and nothing of them stays', async () => {
  await using served = await serve();
  const bytes = Buffer.concat(recordedConversation());
  for (let round = 0; round < 25; round += 1) {
    await Promise.all(Array.from({ length: 20 }, () => say(served.server.port, bytes)));
  }
  await until('all are gone', () => served.server.connectionCount === 0);
  assert.deepEqual(
    served.refused.filter(({ code }) => code !== 'MQ_CONNECTION_LOST'),
    [],
  );
});

test('a class that a client names is a text, wherever it may name one', async () => {
  await using broker = await createRobustBroker({ flushPolicy: 'never' });
  await using server = await createOpenWireServer(broker);
  const thrown = { className: 'org.springframework.context.support.ClassPathXmlApplicationContext', message: 'evil' };
  using client = await new WireClient(server.port).enter();
  await client.openSession();
  await client.ask(client.consumerInfo(queue('q')));
  await client.ask(client.textMessage(queue('q'), 'x', 1));
  const ack = client.ackOf(await client.next('MessageDispatch'), ACK.poison);
  assert.equal(await client.refusal({ ...ack, poisonCause: thrown }), '');
  const [dead] = (await broker.fetch(deadLetterTopicOf('q', 'default'))).records;
  assert.equal(dead?.headers['$dead-error'], 'evil');
  for (const type of ['ConnectionError', 'ExceptionResponse'] as const) {
    using stranger = await new WireClient(server.port, { connectionId: `ID:${type}` }).enter();
    const ids = { connectionId: null, correlationId: 1 };
    stranger.send({ type, ...BASE, ...ids, exception: thrown });
    assert.match((await stranger.next('ConnectionError')).exception?.message ?? '', /is not for a server to take/);
  }
  assert.equal(await client.refusal(client.textMessage(queue('q'), 'still here', 2)), '');
});

test('a message with properties that are a lie is refused by itself, and nothing of it is stored', async () => {
  await using served = await serve();
  using client = await new WireClient(served.server.port).enter();
  await client.openSession();
  for (const properties of ['7fffffff', 'fffffffe', '000000010001610c7fffffff']) {
    const message = { ...client.textMessage(queue('q'), 'x', 1), properties: Buffer.from(properties, 'hex') };
    assert.match(await client.refusal(message), /MQ_PROTOCOL/, properties);
  }
});

test('a recorded conversation is served byte by byte, and as one piece, with the same answers', async () => {
  await using served = await serve();
  const bytes = Buffer.concat(recordedConversation());
  const whole = await say(served.server.port, bytes);
  const pieces = await say(served.server.port, ...[...bytes].map((byte) => Buffer.of(byte)));
  assert.equal(pieces.length, whole.length);
  assert.ok(recordedFrames().length > 40);
});
