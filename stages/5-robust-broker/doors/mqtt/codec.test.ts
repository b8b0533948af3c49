/** Packets: what is read, what is refused and why, and that a library which is not ours writes and reads the same. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Packet } from 'mqtt-packet';
import * as mqttPacket from 'mqtt-packet';
import { decode } from './decode.ts';
import { encodeAnswer, encodeConnack, encodeDisconnect, encodeGranted, encodePublish } from './encode.ts';
import { PacketReader } from './packet-reader.ts';
import type { ClientPacket, Version } from './packets.ts';
import { bytesOf } from './testing/open-door.ts';

const ANY = { packetBytesMax: Number.POSITIVE_INFINITY };

function read(bytes: Uint8Array, version: Version | undefined, pieceBytes = bytes.length): ClientPacket[] {
  const packets: ClientPacket[] = [];
  const reader = new PacketReader({
    packetBytesMax: 1_000_000,
    onPacket: (head, content) => packets.push(decode(head, Buffer.from(content), version)),
  });
  for (let at = 0; at < bytes.length; at += pieceBytes) reader.push(bytes.subarray(at, at + pieceBytes));
  assert.ok(!reader.isWithinPacket);
  return packets;
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

const PUBLISH: Packet = {
  ...{ cmd: 'publish', topic: 'a/b', payload: Buffer.from('hello'), qos: 2, dup: true, retain: true, messageId: 7 },
  properties: {
    payloadFormatIndicator: true,
    messageExpiryInterval: 60,
    topicAlias: 3,
    responseTopic: 'r',
    correlationData: Buffer.from([0, 255]),
    userProperties: { a: ['1', '2'], b: '' },
    contentType: 'text/plain',
  },
};
const SEQUENCE = Buffer.concat([
  bytesOf(PUBLISH),
  bytesOf({ cmd: 'pingreq' }),
  bytesOf({ cmd: 'publish', topic: 't', payload: '', qos: 0, dup: false, retain: false }),
  bytesOf({
    cmd: 'publish',
    topic: 't',
    payload: Buffer.alloc(3000, 1),
    qos: 1,
    messageId: 65_535,
    dup: false,
    retain: false,
  }),
  bytesOf({
    cmd: 'subscribe',
    messageId: 9,
    subscriptions: [{ topic: 'a/#', qos: 1, nl: true, rap: true, rh: 2 }],
    properties: { subscriptionIdentifier: 268_435_455 },
  }),
  bytesOf({ cmd: 'unsubscribe', messageId: 10, unsubscriptions: ['a/#', 'b'] }),
  bytesOf({ cmd: 'pubrel', messageId: 7, reasonCode: 0 }),
  bytesOf({ cmd: 'disconnect', reasonCode: 4, properties: { sessionExpiryInterval: 5, reasonString: 'bye' } }),
]);

test('a packet is read as it was meant, user properties in their order', () => {
  const [publish] = read(bytesOf(PUBLISH), 5);
  assert.deepEqual(publish, {
    ...{ type: 'publish', topic: 'a/b', qos: 2, isDup: true, retain: true, packetId: 7, payload: Buffer.from('hello') },
    properties: {
      ...{ payloadFormatIndicator: 1, messageExpiryInterval: 60, topicAlias: 3, responseTopic: 'r' },
      ...{ correlationData: Buffer.from([0, 255]), contentType: 'text/plain' },
      userProperties: [
        ['a', '1'],
        ['a', '2'],
        ['b', ''],
      ],
    },
  });
});

test('user properties keep an order that no map of names could keep', () => {
  const properties = hex('26 0001 32 0001 61  26 0001 31 0001 62  26 0001 32 0001 63');
  const bytes = Buffer.concat([
    hex(`30 ${(4 + properties.length).toString(16)} 0001 74 ${properties.length.toString(16)}`),
    properties,
  ]);
  const [publish] = read(bytes, 5);
  assert.ok(publish?.type === 'publish');
  assert.deepEqual(publish.properties.userProperties, [
    ['2', 'a'],
    ['1', 'b'],
    ['2', 'c'],
  ]);
  const again = encodePublish({ version: 5 }, { ...publish, isDup: false });
  assert.deepEqual(again, bytes);
});

test('a stream cut anywhere is the same stream', () => {
  const whole = read(SEQUENCE, 5);
  assert.deepEqual(
    whole.map(({ type }) => type),
    ['publish', 'pingreq', 'publish', 'publish', 'subscribe', 'unsubscribe', 'pubrel', 'disconnect'],
  );
  for (const pieceBytes of [1, 2, 3, 5, 7, 64, 1000]) assert.deepEqual(read(SEQUENCE, 5, pieceBytes), whole);
  for (let at = 1; at < 200; at += 1) {
    const packets: ClientPacket[] = [];
    const reader = new PacketReader({
      packetBytesMax: 10_000,
      onPacket: (head, content) => packets.push(decode(head, Buffer.from(content), 5)),
    });
    reader.push(SEQUENCE.subarray(0, at));
    reader.push(SEQUENCE.subarray(at));
    assert.deepEqual(packets, whole, `cut at ${at}`);
  }
});

test('CONNECT of each version is read, with its will', () => {
  for (const version of [3, 4, 5] as const) {
    const protocolId = version === 3 ? 'MQIsdp' : 'MQTT';
    const will = { topic: 'w', payload: Buffer.from('gone'), qos: 1, retain: true } as const;
    const said = { clientId: 'c', clean: false, keepalive: 30, username: 'u', password: Buffer.from('p'), will };
    const [connect] = read(
      bytesOf({ cmd: 'connect', protocolVersion: version, protocolId, ...said } as Packet, version),
      undefined,
    );
    assert.deepEqual(connect, {
      ...{ type: 'connect', version, isClean: false, keepAliveSeconds: 30, clientId: 'c', user: 'u' },
      ...{ password: Buffer.from('p'), properties: {} },
      will: { ...will, payload: new Uint8Array(will.payload), properties: {} },
    });
  }
});

/** What is wrong, the bytes, in which version, and the reason. */
const WRONG: readonly (readonly [what: string, bytes: string, version: Version | undefined, reason: number])[] = [
  ['a packet of type 0', '0000', 5, 0x81],
  ['a packet of a server', '2002 0000', 5, 0x82],
  ['a first packet that is no CONNECT', 'c000', undefined, 0x82],
  ['a second CONNECT', '1000', 5, 0x82],
  ['a length of five bytes', '30ffffffff01', 5, 0x81],
  ['a length with a byte too many', '308100', 5, 0x81],
  ['a packet that is too long', '30ffffff7f', 5, 0x95],
  ['QoS 3', '3607 0001 74 0001 00 41', 5, 0x81],
  ['DUP with QoS 0', '3804 0001 74 00', 5, 0x81],
  ['packet id 0', '3206 0001 74 0000 00', 5, 0x82],
  ['a PUBLISH that ends in its topic', '3004 0005 6161', 5, 0x81],
  ['a PUBLISH without its packet id', '3203 0001 74', 5, 0x81],
  ['U+0000 in a topic', '3004 0001 00 00', 5, 0x81],
  ['a topic that is no UTF-8', '3004 0001 ff 00', 5, 0x81],
  ['half a surrogate pair', '3006 0003 eda080 00', 5, 0x81],
  ['an overlong form', '3005 0002 c080 00', 5, 0x81],
  ['properties longer than the packet', '3004 0001 74 05', 5, 0x81],
  ['a property there is not', '3006 0001 74 02 7f01', 5, 0x81],
  ['a property of another packet', '3009 0001 74 05 1100000001', 5, 0x82],
  ['a subscription identifier of a client', '3006 0001 74 02 0b01', 5, 0x82],
  ['a property twice', '3008 0001 74 04 01010101', 5, 0x82],
  ['a payload format that is none', '3006 0001 74 02 0102', 5, 0x82],
  ['topic alias 0', '3007 0001 74 03 230000', 5, 0x94],
  ['a number with bytes it does not need', '3005 0001 74 8000', 5, 0x81],
  ['PUBREL with wrong flags', '6002 0001', 5, 0x81],
  ['PUBACK with wrong flags', '4202 0001', 4, 0x81],
  ['an answer to packet id 0', '4002 0000', 4, 0x82],
  ['an answer with a reason there is not', '4003 0001 01', 5, 0x82],
  ['an answer that goes on', '4003 0001 00', 4, 0x81],
  ['SUBSCRIBE with wrong flags', '8006 0001 0001 61 00', 4, 0x81],
  ['SUBSCRIBE without a filter', '8202 0001', 4, 0x82],
  ['SUBSCRIBE with packet id 0', '8206 0000 0001 61 00', 4, 0x82],
  ['SUBSCRIBE with QoS 3', '8206 0001 0001 61 03', 4, 0x81],
  ['SUBSCRIBE with reserved bits', '8206 0001 0001 61 04', 4, 0x81],
  ['SUBSCRIBE with reserved bits of 5', '8207 0001 00 0001 61 40', 5, 0x81],
  ['retain handling 3', '8207 0001 00 0001 61 30', 5, 0x82],
  [
    'a shared subscription that is no-local',
    '8211 0001 00 000b 2473686172652f672f61 6161 04'.replace(' 6161', '61'),
    5,
    0x82,
  ],
  ['subscription identifier 0', '8209 0001 02 0b00 0001 61 00', 5, 0x82],
  ['SUBSCRIBE without options', '8205 0001 0001 61', 4, 0x81],
  ['UNSUBSCRIBE without a filter', 'a202 0001', 4, 0x82],
  ['UNSUBSCRIBE with wrong flags', 'a005 0001 0001 61', 4, 0x81],
  ['PINGREQ with content', 'c001 00', 4, 0x81],
  ['PINGREQ with flags', 'c100', 4, 0x81],
  ['DISCONNECT with content before 5', 'e001 00', 4, 0x81],
  ['DISCONNECT with a reason of servers', 'e001 8b', 5, 0x82],
  ['AUTH before 5', 'f000', 4, 0x82],
  ['a protocol that is not MQTT', '100c 0004 4d515455 04 02 003c 0000', undefined, 0x84],
  ['a version there is not', '100c 0004 4d515454 06 02 003c 0000', undefined, 0x84],
  ['a bridge, which tries without its flag next', '100c 0004 4d515454 84 02 003c 0000', undefined, 0x84],
  ['a reserved flag of CONNECT', '100c 0004 4d515454 04 03 003c 0000', undefined, 0x81],
  ['a will that is none, with QoS', '100c 0004 4d515454 04 0a 003c 0000', undefined, 0x81],
  ['a will that is none, retained', '100c 0004 4d515454 04 22 003c 0000', undefined, 0x81],
  ['a will of QoS 3', '1010 0004 4d515454 04 1e 003c 0000 0000 0000', undefined, 0x81],
  ['a password without a user', '100e 0004 4d515454 04 42 003c 0000 0000', undefined, 0x81],
  ['a CONNECT that goes on', '100d 0004 4d515454 04 02 003c 0000 00', undefined, 0x81],
  ['a receive maximum of 0', '1010 0004 4d515454 05 02 003c 03 210000 0000', undefined, 0x82],
  ['a maximum packet size of 0', '1012 0004 4d515454 05 02 003c 05 2700000000 0000', undefined, 0x82],
  ['authentication data without a method', '1011 0004 4d515454 05 02 003c 04 16000101 0000', undefined, 0x82],
];

for (const [what, bytes, version, reason] of WRONG) {
  test(`${what} is refused with 0x${reason.toString(16)}`, () => {
    assert.throws(
      () => {
        const reader = new PacketReader({
          packetBytesMax: 100_000,
          onPacket: (head, content) => decode(head, content, version),
        });
        reader.isStrict = version === 5;
        reader.push(hex(bytes));
        if (reader.isWithinPacket) assert.fail('a test with too few bytes');
      },
      { name: 'Violation', reason },
    );
  });
}

test('memory grows with what came, not with what was announced', () => {
  const before = process.memoryUsage().arrayBuffers;
  const readers = Array.from({ length: 100 }, () => {
    const reader = new PacketReader({ packetBytesMax: 268_435_460, onPacket: () => undefined });
    reader.push(hex('30 ffffff7f 0001'));
    return reader;
  });
  assert.ok(
    process.memoryUsage().arrayBuffers - before < 1024 * 1024,
    `${readers.length} packets of 256 MiB were announced`,
  );
});

test('what a server sends is read by a parser that is not ours', () => {
  for (const version of [4, 5] as const) {
    const reader = { version, ...ANY };
    const properties = { reasonString: 'why', userProperties: [['a', 'b']] as const };
    const bytes = Buffer.concat([
      encodeConnack(reader, {
        isSessionPresent: true,
        reason: 0,
        properties: { receiveMaximum: 5, assignedClientIdentifier: 'x', wildcardSubscriptionAvailable: 0 },
      }),
      encodePublish(reader, {
        topic: 'a/b',
        qos: 1,
        isDup: true,
        retain: true,
        packetId: 300,
        payload: Buffer.alloc(200),
        properties: { subscriptionIdentifiers: [1, 200], topicAlias: 4 },
      }),
      encodeAnswer(reader, { type: 'puback', packetId: 1, reason: 0 }),
      encodeAnswer(reader, { type: 'pubrec', packetId: 2, reason: 0x80, properties }),
      encodeAnswer(reader, { type: 'pubrel', packetId: 3, reason: 0x92 }),
      encodeAnswer(reader, { type: 'pubcomp', packetId: 4, reason: 0 }),
      encodeGranted(reader, { type: 'suback', packetId: 5, reasons: [0, 1, 2, 0x87], properties }),
      encodeGranted(reader, { type: 'unsuback', packetId: 6, reasons: [0, 17] }),
      ...(version === 5 ? [encodeDisconnect(reader, { reason: 0x8e, properties })] : []),
    ]);
    const packets: Packet[] = [];
    const parser = mqttPacket.parser({ protocolVersion: version });
    parser.on('packet', (packet) => void packets.push(packet));
    parser.on('error', (error: unknown) => assert.fail(String(error)));
    parser.parse(bytes);
    const kinds = ['connack', 'publish', 'puback', 'pubrec', 'pubrel', 'pubcomp', 'suback', 'unsuback', 'disconnect'];
    assert.deepEqual(
      packets.map(({ cmd }) => cmd),
      version === 5 ? kinds : kinds.slice(0, -1),
    );
    const publish = packets[1];
    assert.ok(publish?.cmd === 'publish' && publish.messageId === 300 && publish.dup && publish.retain);
    if (version === 5) assert.deepEqual(publish.properties?.subscriptionIdentifier, [1, 200]);
    const suback = packets[6];
    assert.ok(suback?.cmd === 'suback');
    assert.deepEqual(suback.granted, version === 5 ? [0, 1, 2, 0x87] : [0, 1, 2, 0x80]);
  }
});

test('an answer that would be too long for the client says less', () => {
  const long = { reasonString: 'x'.repeat(100) };
  const bytes = encodeAnswer(
    { version: 5, packetBytesMax: 20 },
    { type: 'puback', packetId: 1, reason: 0x80, properties: long },
  );
  assert.deepEqual(bytes, hex('40 03 0001 80'));
});

test('a client that wants no text with a reason gets the reason', () => {
  const reader = { version: 5, packetBytesMax: 1000, isTerse: true } as const;
  const properties = { reasonString: 'why' };
  assert.deepEqual(
    encodeAnswer(reader, { type: 'pubrec', packetId: 1, reason: 0x97, properties }),
    hex('50 03 0001 97'),
  );
  assert.deepEqual(
    encodeGranted(reader, { type: 'suback', packetId: 1, reasons: [0x8f], properties }),
    hex('90 04 0001 00 8f'),
  );
});
