/** RETAIN where nothing is retained: in queues, which keep all their messages. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openMqttDoor, Peer } from './testing/open-door.ts';

const NOT_HERE = 0x83;
const RETAIN_NOT_SUPPORTED = 0x9a;

for (const stage of [2, 5] as const) {
  test(`stage ${stage}: a message to a queue that is to be retained is refused, and not stored`, async () => {
    await using door = await openMqttDoor({ stage });
    const peer = await Peer.open(door.server.port);
    assert.equal(await peer.subscribe('$queue/jobs', { qos: 1 }), 1);
    for (const [qos, cmd] of [[1, 'puback'] as const, [2, 'pubrec'] as const]) {
      for (const payload of ['x', '']) {
        peer.publish('$queue/jobs', payload, { qos, messageId: 7, retain: true });
        const answer = await peer.next(cmd);
        assert.equal(answer.reasonCode, NOT_HERE);
        assert.match(answer.properties?.reasonString ?? '', /RETAIN/);
      }
    }
    peer.publish('$queue/jobs', 'nobody is told', { retain: true });
    peer.publish('$queue/jobs', 'kept', { qos: 1, messageId: 8 });
    const { publishes, others } = await peer.take(2);
    assert.deepEqual(
      publishes.map(({ payload }) => String(payload)),
      ['kept'],
    );
    assert.equal(others[0]?.cmd, 'puback', 'and the packet ids that were refused are free again');
    await peer.settled();
    assert.deepEqual(peer.waiting, []);
  });
}

test('before MQTT 5 there is no word for it, and the connection ends', async () => {
  await using door = await openMqttDoor({ stage: 5 });
  for (const [protocolVersion, qos] of [[3, 1] as const, [4, 1] as const, [4, 2] as const]) {
    const peer = await Peer.open(door.server.port, { protocolVersion });
    peer.publish('$queue/jobs', 'x', { qos, messageId: 7, retain: true });
    await peer.ended();
    assert.deepEqual(peer.waiting, []);
  }
  assert.equal(door.refusals.length, 3);
  const peer = await Peer.open(door.server.port, { protocolVersion: 4 });
  peer.publish('$queue/jobs', 'x', { retain: true });
  await peer.settled();
  assert.deepEqual(await door.broker.describeTopics(), [], 'nothing was stored');
});

test('a will that is to be retained in a queue is refused before anybody needs it', async () => {
  await using door = await openMqttDoor({ stage: 5 });
  const will = { topic: '$queue/jobs', payload: Buffer.from('gone'), qos: 1, retain: true } as const;
  const peer = new Peer(door.server.port);
  peer.connect({ will });
  assert.equal((await peer.next('connack')).reasonCode, RETAIN_NOT_SUPPORTED);
  const older = new Peer(door.server.port, 4);
  older.connect({ will });
  assert.equal((await older.next('connack')).returnCode, 3);
  await Peer.open(door.server.port, { will: { ...will, retain: false } });
});
