/** Sessions: who gets which, how long they last, wills, keep-alive, and a restart of everything. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { IConnectPacket } from 'mqtt-packet';
import type { Broker } from '../../../../shared/contract/broker.ts';
import { until } from '../../../3-http-server/testing/until.ts';
import { openStore } from './store.ts';
import { openMqttDoor, Peer } from './testing/open-door.ts';

const KEPT: Partial<IConnectPacket> = { clean: false, properties: { sessionExpiryInterval: 100 } };

/** Nothing of a connection that is gone is under way any more. */
async function untilAway(door: { readonly server: { readonly connectionCount: number } }, count = 0): Promise<void> {
  await until('it is away', () => door.server.connectionCount === count);
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

for (const stage of [2, 5] as const) {
  test(`stage ${stage}: what is published while a client is away waits for it, also in topics made meanwhile`, async () => {
    await using door = await openMqttDoor({ stage });
    const writer = await Peer.open(door.server.port, { clientId: 'writer' });
    let peer = await Peer.open(door.server.port, KEPT);
    assert.equal(peer.sessionPresent, false);
    await peer.subscribe('a/#');
    await peer.vanish();
    await untilAway(door, 1);
    writer.publish('a/new', '1', { qos: 1, messageId: 1 });
    assert.equal((await writer.next('puback')).reasonCode, 0);
    peer = await Peer.open(door.server.port, KEPT);
    assert.equal(peer.sessionPresent, true);
    assert.equal(String((await peer.next('publish')).payload), '1');
  });

  test(`stage ${stage}: a session ends when it was away for as long as agreed, and nothing waits any more`, async () => {
    await using door = await openMqttDoor({ stage });
    let peer = await Peer.open(door.server.port, KEPT);
    await peer.subscribe('a/b');
    await peer.vanish();
    await untilAway(door);
    const groups = async (): Promise<number> => (await door.broker.describeTopics())[0]?.groups.length ?? -1;
    await door.clock.pass(99_000);
    assert.equal(await groups(), 1);
    await door.clock.pass(1000);
    await until('its group is gone', async () => (await groups()) === 0);
    peer = await Peer.open(door.server.port, KEPT);
    assert.equal(peer.sessionPresent, false);
  });

  test(`stage ${stage}: a clean start forgets what was there`, async () => {
    await using door = await openMqttDoor({ stage });
    const first = await Peer.open(door.server.port, KEPT);
    await first.subscribe('a/b');
    await first.vanish();
    await untilAway(door);
    const second = await Peer.open(door.server.port, { ...KEPT, clean: true });
    assert.equal(second.sessionPresent, false);
    const [topic] = await door.broker.describeTopics();
    assert.deepEqual(topic?.groups, []);
  });
}

test('another connection takes the session over, and the first one is told', async () => {
  await using door = await openMqttDoor();
  const first = await Peer.open(door.server.port, KEPT);
  await first.subscribe('a', { qos: 1 });
  first.publish('a', 'x', { qos: 1, messageId: 1 });
  await first.take(2);
  const second = await Peer.open(door.server.port, KEPT);
  assert.equal(await first.ended(), 0x8e);
  assert.equal(second.sessionPresent, true);
  const again = await second.next('publish');
  assert.deepEqual([again.dup, String(again.payload)], [true, 'x']);
});

test('a hundred take-overs leave one session, and what it has is there', async () => {
  await using door = await openMqttDoor();
  const peers: Peer[] = [];
  for (let count = 0; count < 100; count += 1) {
    const peer = new Peer(door.server.port);
    peer.connect(KEPT);
    peers.push(peer);
  }
  await until(
    'one is left',
    () => door.server.connectionCount === 1 && peers.filter(({ isOver }) => !isOver).length === 1,
  );
  const last = peers.find(({ isOver }) => !isOver);
  assert.ok(last !== undefined);
  await last.next('connack');
  await last.subscribe('a');
  last.publish('a', 'x');
  assert.equal(String((await last.next('publish')).payload), 'x');
});

test('a session is nobody else’s', async () => {
  let broker: Broker | undefined;
  const admit = async (): Promise<Broker> => broker as Broker;
  await using door = await openMqttDoor({ admission: { admit } });
  broker = door.broker;
  await Peer.open(door.server.port, { ...KEPT, username: 'anna', password: Buffer.from('p') });
  const other = new Peer(door.server.port);
  other.connect({ ...KEPT, username: 'bert', password: Buffer.from('p') });
  assert.equal((await other.next('connack')).reasonCode, 0x87);
  await other.ended();
});

test('DISCONNECT may shorten the session, and not make one', async () => {
  await using door = await openMqttDoor();
  const first = await Peer.open(door.server.port, KEPT);
  first.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 0 } });
  await first.ended();
  await untilAway(door);
  const second = await Peer.open(door.server.port, { clean: false });
  assert.equal(second.sessionPresent, false);
  second.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 5 } });
  assert.equal(await second.ended(), 0x82);
});

const WILL: Partial<IConnectPacket> = {
  ...{ clientId: 'mortal', will: { topic: 'w', payload: Buffer.from('gone'), qos: 1, retain: true } },
};

test('a will is published when the connection is lost, and not after DISCONNECT, unless that asks for it', async () => {
  await using door = await openMqttDoor();
  const heir = await Peer.open(door.server.port, { clientId: 'heir' });
  await heir.subscribe('w', { qos: 0 });
  const willed = async (end: (peer: Peer) => void): Promise<void> => {
    const peer = await Peer.open(door.server.port, WILL);
    end(peer);
    await until('it is gone', () => peer.isOver);
    await untilAway(door, 1);
  };
  await willed((peer) => peer.send({ cmd: 'disconnect', reasonCode: 0 }));
  await heir.settled();
  assert.deepEqual(heir.waiting, []);
  await willed((peer) => peer.send({ cmd: 'disconnect', reasonCode: 4 }));
  assert.equal(String((await heir.next('publish')).payload), 'gone');
  await willed((peer) => peer.socket.destroy());
  await heir.next('publish');
  await willed((peer) => peer.write(Buffer.from('0000', 'hex')));
  await heir.next('publish');
  assert.equal(await heir.subscribe('w', { qos: 0 }), 0);
  assert.equal((await heir.next('publish')).retain, true);
});

test('a will waits for its delay, or for the end of the session, and is forgotten when the client comes again', async () => {
  await using door = await openMqttDoor();
  const heir = await Peer.open(door.server.port, { clientId: 'heir' });
  await heir.subscribe('w', { qos: 0 });
  const { will } = WILL;
  assert.ok(will !== undefined);
  const mortal = (delay: number, sessionExpiryInterval: number): Promise<Peer> =>
    Peer.open(door.server.port, {
      ...{ clientId: 'mortal', clean: false, properties: { sessionExpiryInterval } },
      will: { ...will, properties: { willDelayInterval: delay } },
    });
  await (await mortal(10, 100)).vanish();
  await untilAway(door, 1);
  await door.clock.pass(9000);
  const back = await mortal(10, 100);
  await door.clock.pass(20_000);
  await heir.settled();
  assert.deepEqual(heir.waiting, [], 'it came again in time');
  await back.vanish();
  await untilAway(door, 1);
  await door.clock.pass(10_000);
  await heir.next('publish');
  await (await mortal(50, 5)).vanish();
  await untilAway(door, 1);
  await door.clock.pass(4999);
  await heir.settled();
  assert.deepEqual(heir.waiting, []);
  await door.clock.pass(1);
  await heir.next('publish');
});

test('who is silent for one and a half of its keep-alive is gone', async () => {
  await using door = await openMqttDoor();
  const peer = await Peer.open(door.server.port, { keepalive: 10 });
  await door.clock.pass(14_000);
  await peer.settled();
  await door.clock.pass(14_999);
  assert.equal(door.server.connectionCount, 1);
  await door.clock.pass(1);
  assert.equal(await peer.ended(), 0x8d);
});

test('the server may want signs of life that nobody offered', async () => {
  await using door = await openMqttDoor({ keepAliveSecondsMax: 20 });
  const peer = await Peer.open(door.server.port, { keepalive: 0 });
  assert.equal(peer.properties.serverKeepAlive, 20);
  await door.clock.pass(30_000);
  assert.equal(await peer.ended(), 0x8d);
});

test('sessions, packet ids, retained messages and wills survive a restart of the broker and the door', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mq-mqtt-'));
  const storeFile = join(folder, 'mqtt.db');
  try {
    const first = await openMqttDoor({ stage: 5, storeFile });
    const writer = await Peer.open(first.server.port, { ...KEPT, clientId: 'writer' });
    let peer = await Peer.open(first.server.port, {
      ...KEPT,
      will: { topic: 'a/will', payload: Buffer.from('w'), qos: 1, retain: false, properties: { willDelayInterval: 5 } },
    });
    await peer.subscribe('a/#');
    writer.publish('a/kept', 'retained', { qos: 1, retain: true, messageId: 1 });
    writer.publish('a/x', 'twice', { qos: 2, messageId: 2 });
    const one = await peer.next('publish');
    const two = await peer.next('publish');
    assert.deepEqual([one.qos, two.qos], [1, 2]);
    await writer.take(2);
    await first[Symbol.asyncDispose]();
    assert.equal(await peer.ended(), 0x8b, 'the server is shutting down');

    await using second = await openMqttDoor({ stage: 5, storeFile, disk: first.disk });
    const again = await Peer.open(second.server.port, { ...KEPT, clientId: 'writer' });
    assert.equal(again.sessionPresent, true);
    again.publish('a/x', 'twice', { qos: 2, messageId: 2, dup: true });
    await again.next('pubrec');
    again.publish('a/new', 'new', { qos: 1, messageId: 3 });
    assert.equal((await again.next('puback')).reasonCode, 0, 'somebody who is away awaits it');
    await second.clock.pass(5000);
    peer = await Peer.open(second.server.port, KEPT);
    const { publishes } = await peer.take(4);
    const byBody = new Map(publishes.map((publish) => [String(publish.payload), publish]));
    assert.deepEqual([...byBody.keys()].sort(), ['new', 'retained', 'twice', 'w']);
    assert.deepEqual([byBody.get('twice')?.messageId, byBody.get('twice')?.dup], [two.messageId, true]);
    await again.subscribe('a/kept', { qos: 0 });
    assert.equal(String((await again.next('publish')).payload), 'retained');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

for (const isStored of [true, false]) {
  const where = isStored ? 'after it was stored' : 'before it was stored';
  test(`a message of QoS 2 is stored once, also when the door died just ${where}`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mq-mqtt-'));
    const storeFile = join(folder, 'mqtt.db');
    try {
      const first = await openMqttDoor({ stage: 5, storeFile });
      await (await Peer.open(first.server.port, KEPT)).subscribe('t');
      await first.broker.send('topic/t', { body: 'before' });
      if (isStored) await first.broker.send('topic/t', { body: 'once', id: 'id-1' });
      await first[Symbol.asyncDispose]();
      // What the door writes before it publishes, and then it was gone.
      const store = openStore(storeFile);
      store.put('inbound', '9/peer', { messageId: 'id-1', topic: 'topic/t', fromOffset: 0 });
      await store.close();
      await using second = await openMqttDoor({ stage: 5, storeFile, disk: first.disk });
      const peer = await Peer.open(second.server.port, KEPT);
      peer.publish('t', 'once', { qos: 2, messageId: 9, dup: true });
      await until('it is answered', () => peer.waiting.some(({ cmd }) => cmd === 'pubrec'));
      const { records } = await second.broker.fetch('topic/t', { max: 10 });
      assert.deepEqual(
        records.map(({ body }) => Buffer.from(body).toString()),
        ['before', 'once'],
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

test('the file of the door belongs to one process, and to this version', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mq-mqtt-'));
  const storeFile = join(folder, 'mqtt.db');
  try {
    await using _ = await openMqttDoor({ storeFile });
    await assert.rejects(openMqttDoor({ storeFile }), { code: 'MQ_DATA_LOCKED' });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
