/** Peers that are broken, hostile or gone: each is refused in its own connection, and everybody else goes on. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { VirtualClock } from '../../../../shared/clock.ts';
import type { MqError } from '../../../../shared/contract/errors.ts';
import { until } from '../../../3-http-server/testing/until.ts';
import { createTcpClient } from './create-client.ts';
import { FRAME } from './frame.ts';
import { writeHello } from './handshake.ts';
import { writeCredit, writeReceive, writeSend } from './requests.ts';
import { described, openDoor } from './testing/doors.ts';
import { framesOf, HELLO, Stranger } from './testing/stranger.ts';
import { readError } from './wire-error.ts';

const SEND = {
  ...{ topic: 't', partition: undefined, timeoutMs: undefined, isCancellable: false, isSingle: true },
  ...{ isBatch: false, wantsIds: true },
  // One message whose id is "x" and whose body is "hi".
  bytes: Buffer.from('0000000100000006020001786869', 'hex'),
};
const RECEIVE = {
  ...{ topic: 't', group: undefined, memberId: undefined, max: 1, bytesMax: undefined, waitMs: 0, leaseMs: undefined },
  ...{ isCancellable: false, takesBatches: false, takesOnlyBatches: false },
};

test('a stream of requests is answered the same, whole, cut anywhere, and byte by byte', async () => {
  await using door = await openDoor();
  const bytes = framesOf((out) => {
    writeHello(out, HELLO);
    writeSend(out, 1, SEND);
    writeReceive(out, 2, { ...RECEIVE, group: 'g' });
    out.begin(FRAME.heartbeat, 0).end();
  });
  const talk = async (pieces: readonly Uint8Array[], topic: string): Promise<unknown[]> => {
    const stranger = new Stranger(door.port);
    for (const piece of pieces) {
      stranger.socket.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const frames = [await stranger.next(), await stranger.next(), await stranger.next()];
    stranger.destroy();
    await until(
      'its leases are back',
      async () => (await described(door.broker, topic))?.groups[0]?.inFlightCount === 0,
    );
    await door.broker.deleteTopic(topic);
    // Ids, tokens and times differ from run to run; what is said, and how much of it, does not.
    return frames.map(({ type, id, content }) => [type, id, content.length]).toSorted();
  };
  const whole = await talk([bytes], 't');
  assert.deepEqual(
    await talk(
      [...bytes].map((byte) => Uint8Array.of(byte)),
      't',
    ),
    whole,
  );
  for (let at = 1; at < bytes.length; at += 7) {
    assert.deepEqual(await talk([bytes.subarray(0, at), bytes.subarray(at)], 't'), whole, `cut at ${at}`);
  }
});

test('whoever is no client of ours is refused once, and nothing of it reaches the broker', async () => {
  const refused: MqError[] = [];
  await using door = await openDoor({ onRefused: (reason) => refused.push(reason) });
  const clientHello = Buffer.from('160301020001000001fc0303', 'hex');
  const lengths = [0, 4, 2 ** 31 - 1, 2 ** 32 - 1, 5000].map((length) => {
    const head = Buffer.alloc(20);
    head.writeUInt32BE(length);
    return head;
  });
  const early = framesOf((out) => writeSend(out, 1, SEND));
  const strange = [
    framesOf((out) => out.begin(0x77, 1).u8(1).end()),
    framesOf((out) => out.begin(FRAME.hello, 0).u16(0x6d72).bytesOf(new Uint8Array(40)).end()),
    framesOf((out) => out.begin(FRAME.hello, 0).u16(0x6d71).end()),
    framesOf((out) => writeHello(out, { ...HELLO, versionMin: 3, versionMax: 9 })),
    framesOf((out) => writeHello(out, { ...HELLO, frameBytesMax: 1000 })),
  ];
  const all = [Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n'), clientHello, ...lengths, early, ...strange];
  for (const bytes of all) {
    const stranger = new Stranger(door.port);
    stranger.socket.write(bytes);
    assert.equal(await stranger.goodbye(), 'MQ_PROTOCOL', bytes.toString('latin1'));
  }
  assert.equal(refused.length, all.length);
  assert.deepEqual(await door.broker.describeTopics(), []);
  await until('all are gone', () => door.server.connectionCount === 0);
});

test('what comes after a broken frame is not looked at', async () => {
  await using door = await openDoor();
  const stranger = await Stranger.greeted(door.port);
  stranger.write((out) => {
    out.begin(0x55, 1).end();
    writeSend(out, 2, SEND);
  });
  assert.equal(await stranger.goodbye(), 'MQ_PROTOCOL');
  assert.deepEqual(await door.broker.describeTopics(), []);
});

test('a second hello, a frame of the server, a frame without its fields: goodbye, and others go on', async () => {
  await using door = await openDoor();
  await using control = await createTcpClient(door.url);
  const wrong = [
    framesOf((out) => writeHello(out, HELLO)),
    framesOf((out) => out.begin(FRAME.done, 1).end()),
    framesOf((out) => out.begin(FRAME.receive, 1).u8(0).end()),
    framesOf((out) => out.begin(FRAME.credit, 1).u32(1).u8(0).end()),
  ];
  for (const bytes of wrong) {
    const stranger = await Stranger.greeted(door.port);
    stranger.socket.write(bytes);
    assert.equal(await stranger.goodbye(), 'MQ_PROTOCOL', bytes.toString('hex'));
  }
  assert.equal((await control.send('t', { body: 'x' })).offset, 0);
});

test('a request whose content is wrong fails for itself, and the connection goes on', async () => {
  await using door = await openDoor();
  const stranger = await Stranger.greeted(door.port);
  const call = (id: number, json: string): void =>
    stranger.write((out) => out.begin(FRAME.call, id).bytesOf(Buffer.from(json)).end());
  const wrong: readonly (readonly [string, string])[] = [
    ['', 'MQ_INVALID_ARGUMENT'],
    ['{', 'MQ_INVALID_ARGUMENT'],
    ['null', 'MQ_INVALID_ARGUMENT'],
    ['[]', 'MQ_INVALID_ARGUMENT'],
    ['"op"', 'MQ_INVALID_ARGUMENT'],
    ['{"op":"commit"}', 'MQ_INVALID_ARGUMENT'],
    ['{"op":"commit","args":{}}', 'MQ_INVALID_ARGUMENT'],
    ['{"op":"commit","args":[1,2,3,4]}', 'MQ_INVALID_ARGUMENT'],
    ['{"op":"commit","op":"seek","args":[]}', 'MQ_INVALID_ARGUMENT'],
    ['{"op":"createTopic","args":["t",{"__proto__":{"polluted":true}}]}', 'MQ_INVALID_ARGUMENT'],
    ['{"op":"describeTopics","args":[{"topic":{"toString":1}}]}', 'MQ_INVALID_ARGUMENT'],
    ['{"op":"nack","args":[null]}', 'MQ_INVALID_ARGUMENT'],
    ['{"op":"nack","args":[]}', 'MQ_INVALID_ARGUMENT'],
    ['{"op":"extendLease","args":[{"topic":"t"}]}', 'MQ_INVALID_ARGUMENT'],
    ['{"op":"subscribe","args":[5]}', 'MQ_INVALID_ARGUMENT'],
    ['{"op":"subscribe","args":["t",{"creditMax":"1"}]}', 'MQ_INVALID_ARGUMENT'],
    ['{"op":"unsubscribe","args":["1"]}', 'MQ_INVALID_ARGUMENT'],
    ['{"op":"close","args":[]}', 'MQ_NOT_FOUND'],
    ['{"op":"constructor","args":[]}', 'MQ_NOT_FOUND'],
    ['{"op":"__proto__","args":[]}', 'MQ_NOT_FOUND'],
    ['{"op":"send","args":["t",{"body":"x"}]}', 'MQ_NOT_FOUND'],
    ['{"op":"redrive","args":["t"]}', 'MQ_NOT_SUPPORTED'],
    [`{"op":"commit","args":${'['.repeat(10_000)}${']'.repeat(10_000)}}`, 'MQ_INVALID_ARGUMENT'],
  ];
  for (const [index, [json, code]] of wrong.entries()) {
    call(index, json);
    const { type, id, content } = await stranger.next();
    assert.deepEqual([type, id, readError(content).code], [FRAME.failed, index, code], json.slice(0, 80));
  }
  assert.equal(({} as { polluted?: boolean }).polluted, undefined);
  stranger.write((out) => writeSend(out, 99, { ...SEND, bytes: Buffer.from('no messages') }));
  assert.equal(readError((await stranger.next()).content).code, 'MQ_BATCH_TOO_LARGE');
  stranger.write((out) => writeSend(out, 99, { ...SEND, isBatch: true, bytes: new Uint8Array(100) }));
  assert.equal((await stranger.next()).type, FRAME.failed);
  stranger.write((out) => writeSend(out, 100, SEND));
  assert.equal((await stranger.next()).type, FRAME.sent);
  stranger.destroy();
});

test('whoever says nothing, or says hello too slowly, is told goodbye when the time is over', async () => {
  const clock = new VirtualClock();
  await using door = await openDoor({ clock, handshakeTimeoutMs: 200 });
  const silent = Array.from({ length: 50 }, () => new Stranger(door.port));
  const slow = new Stranger(door.port);
  slow.socket.write(framesOf((out) => writeHello(out, HELLO)).subarray(0, 7));
  await until('all are connected', () => door.server.connectionCount === 51);
  await clock.pass(199);
  assert.equal(door.server.connectionCount, 51);
  await clock.pass(1);
  for (const stranger of [...silent, slow]) assert.equal(await stranger.goodbye(), 'MQ_REQUEST_TIMEOUT');
});

test('whoever sends a frame one byte at a time is told goodbye, and others are not slowed down', async () => {
  const clock = new VirtualClock();
  await using door = await openDoor({ clock, heartbeatMs: 100, frameTimeoutMs: 500 });
  const slow = await Promise.all(Array.from({ length: 50 }, () => Stranger.greeted(door.port, { heartbeatMs: 100 })));
  const control = await Stranger.greeted(door.port, { heartbeatMs: 100 });
  const frame = framesOf((out) => writeSend(out, 1, SEND));
  for (let passedMs = 0; passedMs < 600; passedMs += 50) {
    const at = passedMs / 50;
    for (const { socket, isOver } of slow) if (!isOver) socket.write(frame.subarray(at, at + 1));
    control.write((out) => writeSend(out, at, SEND));
    assert.equal((await control.next()).type, FRAME.sent);
    await clock.pass(50);
  }
  for (const stranger of slow) assert.equal(await stranger.goodbye(), 'MQ_REQUEST_TIMEOUT');
  assert.equal((await described(door.broker, 't'))?.logEndOffset, 12);
  control.destroy();
});

test('a connection that breaks within a send leaves no part of a message', async () => {
  await using door = await openDoor();
  const frame = framesOf((out) => writeSend(out, 1, SEND));
  for (let length = 1; length < frame.length; length += 1) {
    const stranger = await Stranger.greeted(door.port);
    stranger.socket.write(frame.subarray(0, length));
    await new Promise((resolve) => setImmediate(resolve));
    stranger.socket.resetAndDestroy();
  }
  await until('all are gone', () => door.server.connectionCount === 0);
  assert.deepEqual(await door.broker.describeTopics(), []);
});

test('beyond the number of connections nobody gets in, and there is room again when one goes', async () => {
  await using door = await openDoor({ connectionsCountMax: 3 });
  const three = await Promise.all([1, 2, 3].map(() => Stranger.greeted(door.port)));
  const fourth = new Stranger(door.port);
  assert.deepEqual(await fourth.rest(), []);
  three[0]?.destroy();
  await until('one has gone', () => door.server.connectionCount === 2);
  const next = await Stranger.greeted(door.port);
  for (const stranger of [...three, next]) stranger.destroy();
});

test('a storm of connections leaves nothing behind', async () => {
  await using door = await openDoor();
  const storm = async (): Promise<void> => {
    const sockets = Array.from({ length: 100 }, () => connect({ host: '127.0.0.1', port: door.port }));
    await Promise.all(
      sockets.map((socket, index) => {
        socket.on('error', () => undefined);
        const isGone = new Promise((resolve) => socket.once('close', resolve));
        if (index % 3 === 0)
          socket.write(
            framesOf((out) => writeHello(out, HELLO)),
            () => socket.destroy(),
          );
        else socket.once('connect', () => (index % 3 === 1 ? socket.destroy() : socket.resetAndDestroy()));
        return isGone;
      }),
    );
    await until('all are gone', () => door.server.connectionCount === 0);
  };
  await storm();
  const handles = process.getActiveResourcesInfo().length;
  for (let round = 0; round < 10; round += 1) await storm();
  assert.ok(process.getActiveResourcesInfo().length <= handles + 2);
});

test('credit for a subscription that is not there, and cancelling what is not there, are nothing', async () => {
  await using door = await openDoor();
  const stranger = await Stranger.greeted(door.port);
  stranger.write((out) => {
    writeCredit(out, 77, 1000);
    out.begin(FRAME.cancel, 12).end();
    writeSend(out, 1, SEND);
  });
  assert.equal((await stranger.next()).type, FRAME.sent);
  stranger.destroy();
});
