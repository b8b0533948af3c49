/** What a PUBLISH says, from one client to another, and to the doors beside this one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IPublishPacket } from 'mqtt-packet';
import { bytesOf, openMqttDoor, Peer } from './testing/open-door.ts';

const PROPERTIES: NonNullable<IPublishPacket['properties']> = {
  ...{ payloadFormatIndicator: true, contentType: 'text/plain', responseTopic: 'answers/a.b' },
  correlationData: Buffer.from([0, 255, 1]),
  userProperties: { type: 'x', $own: 'y', 'content-type': 'z', many: ['1', '2'], __proto__name: 'p' },
};

for (const stage of [2, 5] as const) {
  test(`stage ${stage}: what a client says another one is told`, async () => {
    await using door = await openMqttDoor({ stage });
    const peer = await Peer.open(door.server.port);
    await peer.subscribe('t', { qos: 0 });
    await door.broker.createGroup('topic/t', 'kept'); // what every group has finished is gone
    peer.publish('t', 'x', { properties: { ...PROPERTIES, messageExpiryInterval: 60 } });
    const { properties } = await peer.next('publish');
    assert.deepEqual(
      { ...properties, userProperties: { ...properties?.userProperties } },
      { ...PROPERTIES, messageExpiryInterval: 60 },
    );
    const { records } = await door.broker.fetch('topic/t');
    const headers = records[0]?.headers ?? {};
    assert.equal(headers['reply-to'], 'topic/answers.a/b');
    assert.equal(headers['correlation-id'], 'base64:AP8B');
    assert.equal(headers.many, '1');
    assert.equal(headers['%24own'], 'y');
    assert.equal(headers.$body, 'text');
  });

  test(`stage ${stage}: a message that expires while its reader is away does not come, and what is left is told`, async () => {
    await using door = await openMqttDoor({ stage });
    const kept = { clientId: 'late', clean: false, properties: { sessionExpiryInterval: 1000 } };
    const late = await Peer.open(door.server.port, kept);
    await late.subscribe('t', { qos: 1 });
    await late.vanish();
    const peer = await Peer.open(door.server.port);
    for (const [index, messageExpiryInterval] of [5, 100].entries()) {
      peer.publish('t', `${messageExpiryInterval} s`, {
        qos: 1,
        messageId: index + 1,
        properties: { messageExpiryInterval },
      });
      await peer.next('puback');
    }
    await door.clock.pass(10_000);
    const { publishes } = await (await Peer.open(door.server.port, kept)).take(1);
    assert.equal(String(publishes[0]?.payload), '100 s');
    assert.equal(publishes[0]?.properties?.messageExpiryInterval, 90);
  });
}

test('a message of another door has what MQTT has words for', async () => {
  await using door = await openMqttDoor({ stage: 5 });
  const peer = await Peer.open(door.server.port);
  await peer.subscribe('t', { qos: 2 });
  const headers = {
    'reply-to': 'answers',
    'correlation-id': 'c-1',
    type: 'order',
    price: '9.5',
    $types: 'price=double',
  };
  await door.broker.send('topic/t', { body: 'x', headers });
  const { properties, qos } = await peer.next('publish');
  assert.equal(qos, 1, 'who says nothing wants it to arrive');
  assert.equal(properties?.responseTopic, '$queue/answers');
  assert.equal(String(properties?.correlationData), 'c-1');
  assert.deepEqual({ ...properties?.userProperties }, { price: '9.5', type: 'order' });
});

test('a question is answered through its response topic', async () => {
  await using door = await openMqttDoor();
  const asking = await Peer.open(door.server.port, { clientId: 'asking' });
  const answering = await Peer.open(door.server.port, { clientId: 'answering' });
  await asking.subscribe('answers/1', { qos: 1 });
  await answering.subscribe('questions', { qos: 1 });
  const correlationData = Buffer.from([7, 0, 7]);
  asking.publish('questions', '6 x 7', { qos: 0, properties: { responseTopic: 'answers/1', correlationData } });
  const { properties } = await answering.next('publish');
  answering.publish(properties?.responseTopic ?? '', '42', {
    properties: { correlationData: properties?.correlationData ?? Buffer.alloc(0) },
  });
  const answer = await asking.next('publish');
  assert.equal(String(answer.payload), '42');
  assert.deepEqual(answer.properties?.correlationData, correlationData);
});

test('topic aliases stand for names, in both directions', async () => {
  await using door = await openMqttDoor({ topicAliasMaximum: 2 });
  const peer = await Peer.open(door.server.port, { properties: { topicAliasMaximum: 1 } });
  assert.equal(peer.properties.topicAliasMaximum, 2);
  await peer.subscribe('#', { qos: 0 });
  peer.publish('long/name', '1', { properties: { topicAlias: 2 } });
  peer.publish('', '2', { properties: { topicAlias: 2 } });
  peer.publish('other', '3');
  const { publishes } = await peer.take(3);
  const got = publishes.map(({ topic, payload, properties }) => [topic, String(payload), properties?.topicAlias]);
  got.sort(([, one = ''], [, other = '']) => String(one).localeCompare(String(other)));
  assert.deepEqual(got, [
    ['long/name', '1', 1],
    ['', '2', 1],
    ['other', '3', undefined],
  ]);
  peer.publish('x', '4', { properties: { topicAlias: 3 } });
  assert.equal(await peer.ended(), 0x94);
});

test('an alias that stands for nothing breaks the protocol', async () => {
  await using door = await openMqttDoor();
  const peer = await Peer.open(door.server.port);
  peer.publish('', 'x', { properties: { topicAlias: 1 } });
  assert.equal(await peer.ended(), 0x82);
});

test('what is too long for a client does not come; what is too long for the server ends the connection with 0x95', async () => {
  await using door = await openMqttDoor({ packetBytesMax: 2000 });
  const small = await Peer.open(door.server.port, { clientId: 'small', properties: { maximumPacketSize: 100 } });
  assert.equal(small.properties.maximumPacketSize, 2000);
  await small.subscribe('t', { qos: 1 });
  const peer = await Peer.open(door.server.port);
  peer.publish('t', 'x'.repeat(200), { qos: 1, messageId: 1 });
  peer.publish('t', 'fits', { qos: 1, messageId: 2 });
  assert.equal(String((await small.next('publish')).payload), 'fits');
  peer.publish('t', 'x'.repeat(3000));
  await peer.take(2).then(({ others }) =>
    assert.deepEqual(
      others.map(({ cmd }) => cmd),
      ['puback', 'puback'],
    ),
  );
  assert.equal(await peer.ended(), 0x95);
});

test('a packet of as many bytes as the server takes is taken, and one of a byte more ends the connection', async () => {
  await using door = await openMqttDoor({ packetBytesMax: 2000 });
  const packet = { cmd: 'publish', topic: 't', qos: 1, messageId: 1, dup: false, retain: false } as const;
  const spareBytes = 2000 - bytesOf({ ...packet, payload: 'x'.repeat(1500) }).length;
  const peer = await Peer.open(door.server.port);
  peer.write(bytesOf({ ...packet, payload: 'x'.repeat(1500 + spareBytes) }));
  await peer.next('puback');
  peer.write(bytesOf({ ...packet, payload: 'x'.repeat(1501 + spareBytes) }));
  assert.equal(await peer.ended(), 0x95);
});

test('what the broker refuses is answered with its reason', async () => {
  await using door = await openMqttDoor();
  const peer = await Peer.open(door.server.port);
  peer.publish(`long/${'x'.repeat(300)}`, 'x', { qos: 1, messageId: 1 });
  const puback = await peer.next('puback');
  assert.equal(puback.reasonCode, 0x90);
  assert.match(puback.properties?.reasonString ?? '', /249/);
  peer.publish('t', Buffer.from([0xff]).toString('latin1'), {
    qos: 2,
    messageId: 2,
    payload: Buffer.from([0xff]),
    properties: { payloadFormatIndicator: true },
  });
  assert.equal((await peer.next('pubrec')).reasonCode, 0x99);
  const old = await Peer.open(door.server.port, { protocolVersion: 4, clientId: 'old' });
  old.publish(`long/${'x'.repeat(300)}`, 'x', { qos: 1, messageId: 1 });
  await old.ended();
  assert.deepEqual(old.waiting, [], 'a client of 3.1.1 cannot be told that it failed, so nothing says that it did not');
});
