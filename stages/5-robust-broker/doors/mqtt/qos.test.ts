/** QoS 1 and 2 in both directions, also when the connection is lost at each step. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IConnectPacket } from 'mqtt-packet';
import { until } from '../../../3-http-server/testing/until.ts';
import { openMqttDoor, Peer } from './testing/open-door.ts';

const KEPT: Partial<IConnectPacket> = { clean: false, properties: { sessionExpiryInterval: 1000 } };

async function storedBodies(
  door: { readonly broker: import('../../../../shared/contract/broker.ts').Broker },
  topic: string,
): Promise<string[]> {
  const { records } = await door.broker.fetch(topic, { max: 100 });
  return records.map(({ body }) => new TextDecoder().decode(body));
}

for (const stage of [2, 5] as const) {
  test(`stage ${stage}: a message of QoS 2 that is sent again after each step is stored once`, async () => {
    await using door = await openMqttDoor({ stage });
    const reader = await Peer.open(door.server.port, { clientId: 'reader' });
    await reader.subscribe('t');
    const open = (): Promise<Peer> => Peer.open(door.server.port, { clientId: 'writer', ...KEPT });
    let peer = await open();
    peer.publish('t', 'once', { qos: 2, messageId: 7 });
    await reader.next('publish');
    await peer.vanish();
    for (let time = 0; time < 2; time += 1) {
      peer = await open();
      assert.ok(peer.sessionPresent);
      peer.publish('t', 'once', { qos: 2, messageId: 7, dup: true });
      assert.equal((await peer.next('pubrec')).messageId, 7);
      await peer.vanish();
    }
    peer = await open();
    peer.send({ cmd: 'pubrel', messageId: 7 });
    assert.equal((await peer.next('pubcomp')).reasonCode, 0);
    await peer.vanish();
    peer = await open();
    peer.send({ cmd: 'pubrel', messageId: 7 });
    assert.equal((await peer.next('pubcomp')).reasonCode, 0x92, 'it is not known any more');
    assert.deepEqual(await storedBodies(door, 'topic/t'), ['once']);
    peer.publish('t', 'another', { qos: 2, messageId: 7 });
    await peer.next('pubrec');
    assert.deepEqual(await storedBodies(door, 'topic/t'), ['once', 'another'], 'the id may be used again');
  });

  test(`stage ${stage}: a delivery of QoS 2 goes on where it was, and the client can tell what it has`, async () => {
    await using door = await openMqttDoor({ stage });
    const open = (): Promise<Peer> => Peer.open(door.server.port, { clientId: 'reader', ...KEPT });
    const writer = await Peer.open(door.server.port, { clientId: 'writer' });
    let peer = await open();
    await peer.subscribe('t');
    writer.publish('t', 'x', { qos: 2, messageId: 1 });
    const { messageId, dup } = await peer.next('publish');
    assert.equal(dup, false);
    await peer.vanish();
    peer = await open();
    const again = await peer.next('publish');
    assert.deepEqual([again.messageId, again.dup, String(again.payload)], [messageId, true, 'x']);
    peer.send({ cmd: 'pubrec', messageId });
    await peer.next('pubrel');
    await peer.vanish();
    peer = await open();
    assert.equal((await peer.next('pubrel')).messageId, messageId);
    peer.send({ cmd: 'pubrec', messageId });
    assert.equal((await peer.next('pubrel')).messageId, messageId);
    peer.send({ cmd: 'pubcomp', messageId });
    await peer.settled();
    await peer.vanish();
    peer = await open();
    await peer.settled();
    assert.deepEqual(peer.waiting, []);
    const [topic] = await door.broker.describeTopics({ topic: 'topic/t' });
    assert.deepEqual([topic?.inFlightCount, topic?.availableCount], [0, 0]);
  });

  test(`stage ${stage}: a delivery of QoS 1 comes again with its packet id until it is acknowledged`, async () => {
    await using door = await openMqttDoor({ stage });
    const open = (): Promise<Peer> => Peer.open(door.server.port, { clientId: 'reader', ...KEPT });
    let peer = await open();
    await peer.subscribe('t', { qos: 1 });
    peer.publish('t', 'x', { qos: 1, messageId: 1 });
    await until('both are there', () => peer.waiting.length === 2);
    const first = peer.waiting.find((packet) => packet.cmd === 'publish');
    assert.ok(first?.cmd === 'publish' && !first.dup);
    await peer.vanish();
    peer = await open();
    const again = await peer.next('publish');
    assert.deepEqual([again.messageId, again.dup], [first.messageId, true]);
    peer.send({ cmd: 'puback', messageId: again.messageId ?? 0 });
    await peer.settled();
    await peer.vanish();
    peer = await open();
    await peer.settled();
    assert.deepEqual(peer.waiting, []);
  });
}

test('answers come in the order of the messages, a message that nobody awaits among them', async () => {
  await using door = await openMqttDoor();
  const peer = await Peer.open(door.server.port);
  await peer.subscribe('a', { qos: 0 });
  for (let id = 1; id <= 20; id += 1)
    peer.publish(id % 2 === 0 ? 'a' : 'nobody', String(id), { qos: 1, messageId: id });
  const { publishes, others } = await peer.take(30);
  const acks = others.map((packet) => (packet.cmd === 'puback' ? [packet.messageId, packet.reasonCode] : packet.cmd));
  assert.deepEqual(
    acks,
    Array.from({ length: 20 }, (_, index) => [index + 1, (index + 1) % 2 === 0 ? 0 : 0x10]),
  );
  const bodies = publishes.map(({ payload }) => String(payload));
  assert.deepEqual(
    bodies,
    Array.from({ length: 10 }, (_, index) => String(2 * index + 2)),
  );
});

test('no more is on the wire than the client takes', async () => {
  await using door = await openMqttDoor();
  const peer = await Peer.open(door.server.port, { properties: { receiveMaximum: 2 } });
  const writer = await Peer.open(door.server.port, { clientId: 'writer' });
  await peer.subscribe('a');
  await peer.subscribe('b/#');
  for (let id = 1; id <= 6; id += 1) writer.publish(id % 2 === 0 ? 'a' : 'b/c', String(id), { qos: 1, messageId: id });
  const got: string[] = [];
  for (let count = 0; count < 6; count += 1) {
    const publish = await peer.next('publish');
    got.push(String(publish.payload));
    if (count === 0) {
      await peer.settled();
      assert.equal(peer.waiting.length, 1, 'two are on the wire');
    }
    peer.send({ cmd: 'puback', messageId: publish.messageId ?? 0 });
  }
  assert.deepEqual(got.toSorted(), ['1', '2', '3', '4', '5', '6']);
});

test('a client that exceeds the receive maximum is cut off with 0x93', async () => {
  await using door = await openMqttDoor({ receiveMaximum: 2 });
  const peer = await Peer.open(door.server.port);
  assert.equal(peer.properties.receiveMaximum, 2);
  for (const messageId of [1, 2, 3]) peer.publish('t', 'x', { qos: 2, messageId });
  assert.equal(await peer.ended(), 0x93);
});

test('packet ids that are not known, or of the other QoS, are answered as the specification asks', async () => {
  await using door = await openMqttDoor();
  const peer = await Peer.open(door.server.port);
  peer.send({ cmd: 'pubrec', messageId: 9 });
  assert.equal((await peer.next('pubrel')).reasonCode, 0x92);
  peer.send({ cmd: 'pubrel', messageId: 9 });
  assert.equal((await peer.next('pubcomp')).reasonCode, 0x92);
  peer.send({ cmd: 'puback', messageId: 9 });
  peer.send({ cmd: 'pubcomp', messageId: 9 });
  await peer.subscribe('t', { qos: 1 });
  peer.publish('t', 'x', { qos: 1, messageId: 1 });
  await until('both are there', () => peer.waiting.length === 2);
  const publish = peer.waiting.find((packet) => packet.cmd === 'publish');
  peer.send({ cmd: 'pubrec', messageId: publish?.messageId ?? 0 });
  assert.equal(await peer.ended(), 0x82);
});

test('a message that a client refuses becomes a dead letter', async () => {
  await using door = await openMqttDoor({ stage: 5 });
  const peer = await Peer.open(door.server.port, { clientId: 'critic', ...KEPT });
  await peer.subscribe('t', { qos: 1 });
  peer.publish('t', 'x', { qos: 0 });
  peer.publish('t', 'bad', { qos: 1, messageId: 1 });
  await until('all are there', () => peer.waiting.length === 3);
  const bad = peer.waiting.find((packet) => packet.cmd === 'publish' && packet.qos === 1);
  peer.send({ cmd: 'puback', messageId: bad?.messageId ?? 0, reasonCode: 0x83 });
  await until('it is dead', async () => (await door.broker.describeTopics({ topic: 'topic/t' }))[0]?.deadCount === 1);
});
