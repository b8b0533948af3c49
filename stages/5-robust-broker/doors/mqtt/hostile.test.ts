/** Peers that mean harm, or are broken: refused in the words of the protocol, and nobody else is any the worse. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MqError } from '../../../../shared/contract/errors.ts';
import { until } from '../../../3-http-server/testing/until.ts';
import { decode } from './decode.ts';
import { bytesOf, openMqttDoor, Peer } from './testing/open-door.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

test('who says nothing, or does not come to the end of a packet, is cut off in time', async () => {
  await using door = await openMqttDoor();
  const silent = new Peer(door.server.port);
  await until('it is there', () => door.server.connectionCount === 1);
  await door.clock.pass(10_000);
  assert.equal(await silent.ended(), undefined);
  const peer = await Peer.open(door.server.port);
  peer.write(hex('30 0a 00'));
  await until('it has begun', () => peer.socket.bytesWritten > 20 && door.clock.timerCount > 0);
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  await door.clock.pass(30_000);
  await peer.ended();
  assert.deepEqual(
    door.refusals.map(({ code }) => code),
    ['MQ_REQUEST_TIMEOUT', 'MQ_REQUEST_TIMEOUT'],
  );
});

for (const [what, bytes] of [
  ['random bytes', 'f3 9a 01 77 00 00 51 10 99'],
  ['the ClientHello of TLS', '16 03 01 02 00 01 00 01 fc 03 03'],
  ['a request of HTTP that opens no WebSocket', Buffer.from('POST / HTTP/1.1\r\n\r\n').toString('hex')],
  ['a CONNECT of STOMP', Buffer.from('CONNECT\naccept-version:1.2\n\n\0').toString('hex')],
  ['a PUBLISH before CONNECT', '30 04 0001 74 00'],
  ['a PINGREQ before CONNECT', 'c0 00'],
  ['a CONNECT of 256 MiB', '10 ff ff ff 7f'],
  ['a length that does not end', '10 ff ff ff ff ff'],
] as const) {
  test(`${what}: the connection ends, with one line for the log`, async () => {
    await using door = await openMqttDoor();
    const peer = new Peer(door.server.port);
    peer.write(hex(bytes));
    await peer.ended();
    assert.deepEqual(peer.waiting, []);
    assert.deepEqual(
      door.refusals.map(({ code }) => code),
      ['MQ_PROTOCOL'],
    );
  });
}

test('as many user properties as a CONNECT has room for are read at once', () => {
  const properties = Buffer.alloc(250_000);
  for (let at = 0; at < properties.length; at += 5) properties[at] = 0x26; // and two empty texts
  const startedMs = performance.now();
  const content = Buffer.concat([hex('0004 4d515454 05 02 003c 90a10f'), properties, hex('0000')]);
  const connect = decode(0x10, content, undefined);
  assert.equal(connect.type === 'connect' && connect.properties.userProperties?.length, 50_000);
  assert.ok(performance.now() - startedMs < 3000, 'and nobody else waits for it');
});

test('a version that is not spoken is answered as all versions understand', async () => {
  await using door = await openMqttDoor();
  const peer = new Peer(door.server.port, 4);
  peer.write(hex('10 0c 0004 4d515454 06 02 003c 0000'));
  assert.equal((await peer.next('connack')).returnCode, 1);
  await peer.ended();
});

test('a client id is asked for where it is needed, and made where it is not', async () => {
  await using door = await openMqttDoor();
  const made = await Peer.open(door.server.port, { clientId: '' });
  assert.match(made.properties.assignedClientIdentifier ?? '', /^auto-[0-9a-f]{24}$/);
  await Peer.open(door.server.port, { clientId: '', protocolVersion: 4 });
  for (const [protocolVersion, clean] of [
    [3, true],
    [4, false],
  ] as const) {
    const peer = new Peer(door.server.port, protocolVersion);
    peer.write(
      protocolVersion === 3
        ? hex('10 0e 0006 4d5149736470 03 02 0000 0000')
        : hex('10 0c 0004 4d515454 04 00 0000 0000'),
    );
    assert.equal((await peer.next('connack')).returnCode, 2, `${protocolVersion} ${clean}`);
  }
  const long = new Peer(door.server.port);
  long.connect({ clientId: 'x'.repeat(300) });
  assert.equal((await long.next('connack')).reasonCode, 0x85);
});

test('a second CONNECT, AUTH and enhanced authentication are refused', async () => {
  await using door = await openMqttDoor();
  const second = await Peer.open(door.server.port);
  second.connect();
  assert.equal(await second.ended(), 0x82);
  const again = await Peer.open(door.server.port);
  again.send({ cmd: 'auth', reasonCode: 0x19 });
  assert.equal(await again.ended(), 0x82);
  const enhanced = new Peer(door.server.port);
  enhanced.connect({ properties: { authenticationMethod: 'SCRAM-SHA-1' } });
  assert.equal((await enhanced.next('connack')).reasonCode, 0x8c);
});

for (const [what, topic] of [
  ['a wildcard', 'a/+'],
  ['a name that begins with $', '$SYS/x'],
] as const) {
  test(`${what} in a topic name ends the connection with 0x90`, async () => {
    await using door = await openMqttDoor();
    const peer = await Peer.open(door.server.port);
    peer.write(
      Buffer.concat([Buffer.from([0x30, topic.length + 3, 0, topic.length]), Buffer.from(topic), Buffer.from([0])]),
    );
    assert.equal(await peer.ended(), 0x90);
  });
}

test('a conversation that comes byte by byte, and a thousand packets that come at once, are answered alike', async () => {
  await using door = await openMqttDoor({ stage: 5 });
  const messages = Array.from({ length: 1000 }, (_, index) =>
    bytesOf({
      cmd: 'publish',
      topic: 't',
      payload: `m${index}`,
      qos: 1,
      messageId: index + 1,
      dup: false,
      retain: false,
    }),
  );
  const dripped = [
    bytesOf({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 't', qos: 0 }] }),
    ...messages.slice(0, 10),
  ];
  const drip = await Peer.open(door.server.port, { clientId: 'drip' });
  for (const byte of Buffer.concat(dripped)) {
    drip.write(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  const first = await drip.take(21);
  assert.deepEqual(
    first.publishes.map(({ payload }) => String(payload)),
    Array.from({ length: 10 }, (_, index) => `m${index}`),
  );
  const flood = await Peer.open(door.server.port, { clientId: 'flood' });
  flood.write(Buffer.concat(messages));
  const { others } = await flood.take(1000);
  assert.deepEqual(
    others.map((packet) => (packet.cmd === 'puback' ? packet.messageId : 0)),
    messages.map((_, index) => index + 1),
  );
  const second = await drip.take(1000);
  assert.deepEqual(
    second.publishes.map(({ payload }) => String(payload)),
    messages.map((_, index) => `m${index}`),
  );
});

test('who subscribes without end and reads nothing is slowed down, then cut off', async () => {
  await using door = await openMqttDoor();
  const peer = await Peer.open(door.server.port);
  for (let index = 0; index < 100; index += 1) {
    peer.publish(`r/${index}`, 'x', { qos: 1, messageId: index + 1, retain: true });
  }
  await peer.take(100);
  const subscribe = bytesOf({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'r/#', qos: 1, rh: 0 }] });
  const greedy = await Peer.open(door.server.port, { clientId: 'greedy', properties: { receiveMaximum: 1 } });
  greedy.write(Buffer.concat(Array.from({ length: 1000 }, () => subscribe)));
  assert.equal(await greedy.ended(), 0x97);
});

test('half a message is none, however the connection ends', async () => {
  await using door = await openMqttDoor();
  const reader = await Peer.open(door.server.port, { clientId: 'reader' });
  await reader.subscribe('t');
  const whole = bytesOf({
    cmd: 'publish',
    topic: 't',
    payload: 'whole',
    qos: 1,
    messageId: 1,
    dup: false,
    retain: false,
  });
  for (let cut = 1; cut < whole.length; cut += 1) {
    const peer = await Peer.open(door.server.port, { clientId: `c${cut}` });
    peer.write(whole.subarray(0, cut));
    await new Promise((resolve) => setImmediate(resolve));
    peer.socket.resetAndDestroy();
  }
  await until('they are gone', () => door.server.connectionCount === 1);
  await reader.settled();
  assert.deepEqual(reader.waiting, []);
});

test('a client that does not read is cut off, and the others are served', async () => {
  await using door = await openMqttDoor({ unsentBytesMax: 4 * 1024 * 1024 });
  const deaf = await Peer.open(door.server.port, { clientId: 'deaf' });
  await deaf.subscribe('t', { qos: 0 });
  deaf.socket.pause();
  const peer = await Peer.open(door.server.port);
  await peer.subscribe('t', { qos: 0 });
  const body = 'x'.repeat(500_000);
  for (let count = 0; count < 40; count += 1) {
    peer.publish('t', body, { qos: 1, messageId: count + 1 });
    const { publishes } = await peer.take(2);
    assert.equal(publishes.length, 1);
  }
  await door.clock.pass(31_000);
  await until('it is gone', () => door.server.connectionCount === 1);
});

test('five hundred connections come and go, and leave nothing', async () => {
  await using door = await openMqttDoor();
  for (let round = 0; round < 10; round += 1) {
    const peers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => Peer.open(door.server.port, { clientId: `c${index}` })),
    );
    for (const [index, peer] of peers.entries()) {
      if (index % 2 === 0) peer.socket.destroy();
      else peer.send({ cmd: 'disconnect', reasonCode: 0 });
    }
    await until('all have gone', () => door.server.connectionCount === 0);
  }
  await using control = Object.assign(await Peer.open(door.server.port), {
    [Symbol.asyncDispose]: async () => undefined,
  });
  await control.settled();
});

test('who may not come in, publish or subscribe is told so', async () => {
  const admission = {
    admit: async ({ user, password }: { user?: string; password?: string }) => {
      if (user === 'anna' && password === 'secret') return view;
      throw new MqError('MQ_UNAUTHORIZED', 'wrong');
    },
  };
  const forbidden = async (): Promise<never> => {
    throw new MqError('MQ_FORBIDDEN', 'not you');
  };
  let view = {} as import('../../../../shared/contract/broker.ts').Broker;
  await using door = await openMqttDoor({ admission });
  view = new Proxy(door.broker, {
    get: (broker, name) => {
      if (['send', 'sendBatch', 'receive', 'createGroup'].includes(String(name))) return forbidden;
      const value: unknown = Reflect.get(broker, name);
      return typeof value === 'function' ? value.bind(broker) : value;
    },
  });
  for (const [said, version, code] of [
    [{}, 5, 0x87],
    [{ username: 'anna', password: Buffer.from('wrong') }, 5, 0x86],
    [{}, 4, 5],
    [{ username: 'anna', password: Buffer.from('wrong') }, 4, 4],
  ] as const) {
    const peer = new Peer(door.server.port, version);
    peer.connect(said);
    const connack = await peer.next('connack');
    assert.equal(connack.reasonCode ?? connack.returnCode, code);
    await peer.ended();
  }
  const anna = { username: 'anna', password: Buffer.from('secret') };
  const will = { topic: 'w', payload: Buffer.from(''), qos: 0, retain: false } as const;
  const willed = new Peer(door.server.port);
  willed.connect({ ...anna, will });
  assert.equal((await willed.next('connack')).reasonCode, 0x87, 'a will is a message as well');
  const peer = await Peer.open(door.server.port, anna);
  assert.equal(await peer.subscribe('t'), 0x87);
  await door.broker.createTopic('topic/t');
  await door.broker.createGroup('topic/t', 'g');
  peer.publish('t', 'x', { qos: 1, messageId: 1 });
  assert.equal((await peer.next('puback')).reasonCode, 0x87);
  peer.publish('nobody', 'x', { qos: 1, messageId: 2, retain: true });
  assert.equal((await peer.next('puback')).reasonCode, 0x87, 'nor may it be retained');
});

test('a token is given as the password', async () => {
  await using door = await openMqttDoor({ token: 'sesame' });
  await Peer.open(door.server.port, { username: 'x', password: Buffer.from('sesame') });
  const peer = new Peer(door.server.port);
  peer.connect({ username: 'x', password: Buffer.from('wrong') });
  assert.equal((await peer.next('connack')).reasonCode, 0x86);
});
