/** Peers that are broken, hostile or gone: each is refused in its own connection, and everybody else goes on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../../../shared/clock.ts';
import { createBroker } from '../../../2-ring-buffer/index.ts';
import { until } from '../../../3-http-server/testing/until.ts';
import { openDoor } from './testing/doors.ts';
import { Peer, wire } from './testing/peer.ts';

const CONNECT = 'CONNECT\naccept-version:1.2\n\n^@';

test('a conversation is answered the same, whole, cut anywhere, and byte by byte', async () => {
  await using door = await openDoor();
  const said =
    'SUBSCRIBE\nid:s\ndestination:/queue/a\nreceipt:1\n\n^@SEND\ndestination:/queue/a\n\nhello^@DISCONNECT\nreceipt:2\n\n^@';
  const bytes = wire(`${CONNECT}\n${said}`);
  const talk = async (pieces: readonly Uint8Array[]): Promise<unknown> => {
    const peer = new Peer(door.port);
    for (const piece of pieces) {
      peer.socket.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const frames = await peer.rest();
    await door.broker.deleteTopic('a').catch(() => undefined);
    return frames.map(({ command }) => command).filter((command) => command !== 'MESSAGE');
  };
  const whole = await talk([bytes]);
  assert.deepEqual(whole, ['CONNECTED', 'RECEIPT', 'RECEIPT']);
  assert.deepEqual(await talk([...bytes].map((byte) => Uint8Array.of(byte))), whole);
  for (let at = 1; at < bytes.length; at += 11) {
    assert.deepEqual(await talk([bytes.subarray(0, at), bytes.subarray(at)]), whole, `cut at ${at}`);
  }
});

test('whoever is no client of STOMP is refused once, and nothing of it reaches the broker', async () => {
  const refused: string[] = [];
  await using door = await openDoor({ onRefused: ({ code }) => refused.push(code) });
  const strange = [
    Buffer.from('160301020001000001fc0303', 'hex'),
    Buffer.from('POST / HTTP/1.1\r\nhost: x\r\n\r\n'),
    Buffer.from([0x10, 0x0c, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 60, 0, 0, 0, 0, 0, 0]),
    Buffer.alloc(100, 0xff),
    wire('SEND\ndestination:/queue/a\n\nearly^@'),
    wire('DISCONNECT\n\n^@'),
    wire('CONNECT\naccept-version:3.0\n\n^@'),
    wire('CONNECT\nheart-beat:1\n\n^@'),
    wire('CONNECT\nheart-beat:-1,5\n\n^@'),
    wire('CONNECT\ncontent-length:1\n\nx^@'),
    wire(`CONNECT\n${'a:b\n'.repeat(51)}\n^@`),
    wire(`CONNECT\na:${'x'.repeat(5000)}`),
  ];
  for (const bytes of strange) {
    const peer = new Peer(door.port);
    peer.socket.write(bytes);
    assert.match((await peer.error()) ?? '', /^MQ_(PROTOCOL|MESSAGE_TOO_LARGE)$/, bytes.toString('latin1'));
  }
  assert.equal(refused.length, strange.length);
  assert.deepEqual(await door.broker.describeTopics(), []);
  await until('all are gone', () => door.server.connectionCount === 0);
});

test('a second CONNECT, a frame that is not for clients, wrong headers: ERROR and the end, and others go on', async () => {
  await using door = await openDoor({ bodyBytesMax: 1000, subscriptionsCountMax: 1, unackedCountMax: 200 });
  const control = await Peer.connected(door.port);
  const wrong = [
    [CONNECT, 'MQ_PROTOCOL'],
    ['MESSAGE\n\n^@', 'MQ_PROTOCOL'],
    ['SEND\n\nno destination^@', 'MQ_INVALID_ARGUMENT'],
    ['SEND\ndestination:orders\n\n^@', 'MQ_INVALID_ARGUMENT'],
    ['SEND\ndestination:/queue/\n\n^@', 'MQ_INVALID_ARGUMENT'],
    ['SEND\ndestination:/queue/topic/a\n\n^@', 'MQ_INVALID_ARGUMENT'],
    ['SEND\ndestination:/queue/$mine\n\n^@', 'MQ_INVALID_ARGUMENT'],
    ['SEND\ndestination:/queue/a\npriority:high\n\n^@', 'MQ_INVALID_ARGUMENT'],
    ['SEND\ndestination:/queue/a\npersistent:yes\n\n^@', 'MQ_INVALID_ARGUMENT'],
    ['SEND\ndestination:/queue/a\ncontent-length:1001\n\n', 'MQ_MESSAGE_TOO_LARGE'],
    ['SUBSCRIBE\ndestination:/queue/a\n\n^@', 'MQ_INVALID_ARGUMENT'],
    ['SUBSCRIBE\nid:s\n\n^@', 'MQ_INVALID_ARGUMENT'],
    ['SUBSCRIBE\nid:s\ndestination:/queue/a\nack:sometimes\n\n^@', 'MQ_INVALID_ARGUMENT'],
    ['SUBSCRIBE\nid:s\ndestination:/queue/a\nprefetch-count:0\n\n^@', 'MQ_INVALID_ARGUMENT'],
    ['SUBSCRIBE\nid:s\ndestination:/queue/a\nprefetch-count:201\n\n^@', 'MQ_LIMIT_EXCEEDED'],
    ['SUBSCRIBE\nid:s\ndestination:/queue/a\n\n^@SUBSCRIBE\nid:s\ndestination:/queue/a\n\n^@', 'MQ_INVALID_ARGUMENT'],
    ['SUBSCRIBE\nid:s\ndestination:/queue/a\n\n^@SUBSCRIBE\nid:t\ndestination:/queue/a\n\n^@', 'MQ_LIMIT_EXCEEDED'],
    ['UNSUBSCRIBE\nid:nobody\n\n^@', 'MQ_INVALID_ARGUMENT'],
  ] as const;
  for (const [frames, code] of wrong) {
    const peer = await Peer.connected(door.port);
    assert.equal(await peer.says(frames).error(), code, frames);
  }
  await control.asks('SEND', { destination: '/queue/a' }, 'still here');
});

test('what comes after a broken frame is not looked at', async () => {
  await using door = await openDoor();
  const peer = await Peer.connected(door.port);
  assert.equal(await peer.says('NONSENSE\n\n^@SEND\ndestination:/queue/a\n\nx^@').error(), 'MQ_PROTOCOL');
  assert.deepEqual(await door.broker.describeTopics(), []);
});

test('heart-beats go both ways as agreed; a client that is silent for twice its time is gone, and what it held comes again', async () => {
  const clock = new VirtualClock();
  await using door = await openDoor({ clock, heartbeatMs: 1000 }, () => createBroker({ clock }));
  await door.broker.send('a', { body: 'held' });
  const peer = new Peer(door.port).says('CONNECT\naccept-version:1.2\nheart-beat:500,2000\n\n^@');
  const { headers } = await peer.hears();
  assert.equal(headers['heart-beat'], '1000,1000');
  await peer.asks('SUBSCRIBE', { id: 's', destination: '/queue/a', ack: 'client' });
  assert.equal((await peer.hears()).body, 'held');
  for (let second = 1; second <= 3; second += 1) {
    await clock.pass(1000);
    peer.says('\n');
    await until('a heart-beat comes', async () => {
      await peer.beat();
      return peer.beatCount >= second;
    });
  }
  assert.equal(peer.isOver, false);
  await clock.pass(1999);
  assert.equal(door.server.connectionCount, 1);
  await clock.pass(1);
  await peer.rest();
  let counts: readonly number[] = [];
  await until('it comes again', async () => {
    await clock.pass(10);
    counts = (await door.broker.receive('a')).map(({ deliveryCount }) => deliveryCount);
    return counts.length > 0;
  });
  assert.deepEqual(counts, [2]);
});

test('a client that offers no heart-beats is asked for none; one that says nothing at all is sent away', async () => {
  const clock = new VirtualClock();
  await using door = await openDoor({ clock, handshakeTimeoutMs: 1000, frameTimeoutMs: 5000 });
  const quiet = await Peer.connected(door.port);
  const [silent, dripping] = [new Peer(door.port), new Peer(door.port).says('CONN')];
  await until('both are there', () => door.server.connectionCount === 3);
  await until('it dripped', async () => (await dripping.beat()) === undefined);
  await clock.pass(1000);
  await silent.rest();
  assert.equal(await dripping.error(), 'MQ_REQUEST_TIMEOUT');
  await clock.pass(3_600_000);
  await quiet.asks('SEND', { destination: '/queue/a' });
  quiet.says('SEND\n');
  await until('it came', async () => (await quiet.beat()) === undefined);
  await until('the frame is late', async () => {
    await clock.pass(1000);
    return quiet.isOver;
  });
  assert.equal(await quiet.error(), 'MQ_REQUEST_TIMEOUT');
});

test('a client that reads nothing of what it subscribed to is bounded, and cut off in time; others get the rest', async () => {
  await using door = await openDoor({ stalledMs: 200 });
  const body = 'x'.repeat(256 * 1024);
  const peer = await Peer.connected(door.port);
  await peer.asks('SUBSCRIBE', { id: 's', destination: '/queue/a', 'prefetch-count': '1000', ack: 'client' });
  peer.socket.pause();
  for (let count = 0; count < 100; count += 1) await door.broker.send('a', { body });
  await until('it is cut off', () => door.server.connectionCount === 0);
  const left = await door.broker.receive('a', { max: 100, bytesMax: 8 * 1024 * 1024, waitMs: 1000 });
  assert.ok(left.length > 10);
});

test('connections that come and go, many of them reset within a SEND, leave nothing behind', async () => {
  await using door = await openDoor();
  const control = await Peer.connected(door.port);
  await control.asks('SEND', { destination: '/queue/control' });
  const handles = process.getActiveResourcesInfo().length;
  for (let round = 0; round < 20; round += 1) {
    const peers = await Promise.all(Array.from({ length: 20 }, () => Peer.connected(door.port)));
    for (const [index, peer] of peers.entries()) {
      peer.says(
        'SUBSCRIBE\nid:s\ndestination:/queue/b\n\n^@SEND\ndestination:/queue/a\ncontent-length:100\n\nonly a part',
      );
      if (index % 2 === 0) peer.socket.resetAndDestroy();
      else peer.destroy();
    }
    await until('only the control client is there', () => door.server.connectionCount === 1);
  }
  await control.asks('SEND', { destination: '/queue/control' });
  const topics = (await door.broker.describeTopics()).map(({ topic }) => topic);
  assert.ok(!topics.includes('a'));
  assert.ok(process.getActiveResourcesInfo().length <= handles + 5);
});

test('five hundred clients that drip their frames are sent away in time, and others do not wait', async () => {
  const clock = new VirtualClock();
  await using door = await openDoor({ clock, handshakeTimeoutMs: 1000 });
  const control = await Peer.connected(door.port);
  const slow = Array.from({ length: 500 }, () => new Peer(door.port).says('CONNECT\naccept'));
  await until('all are there', () => door.server.connectionCount === 501);
  await control.asks('SEND', { destination: '/queue/a' });
  await until('all are sent away', async () => {
    await clock.pass(1000);
    return door.server.connectionCount === 1;
  });
  for (const peer of slow) peer.destroy();
  await control.asks('SEND', { destination: '/queue/a' });
});
