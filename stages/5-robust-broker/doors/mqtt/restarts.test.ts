/** What a client finds when the door was started again: nothing twice, and nothing of a session that is not there any more. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { IConnectPacket } from 'mqtt-packet';
import { createBroker } from '../../index.ts';
import { createMqttServer } from './server.ts';
import { openMqttDoor, Peer } from './testing/open-door.ts';

const KEPT: Partial<IConnectPacket> = { clean: false, properties: { sessionExpiryInterval: 100 } };

test('a message of QoS 2 is not published again when it was read, and finished, before the client knew that it is there', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mq-mqtt-'));
  const storeFile = join(folder, 'mqtt.db');
  try {
    const first = await openMqttDoor({ stage: 5, storeFile });
    const reader = await Peer.open(first.server.port, { ...KEPT, clientId: 'reader' });
    await reader.subscribe('t', { qos: 1 });
    const writer = await Peer.open(first.server.port, KEPT);
    writer.publish('t', 'once', { qos: 2, messageId: 9 });
    await writer.next('pubrec'); // which it never read
    const { messageId } = await reader.next('publish');
    reader.send({ cmd: 'puback', messageId });
    await reader.settled();
    await first[Symbol.asyncDispose]();
    await using second = await openMqttDoor({ stage: 5, storeFile, disk: first.disk });
    const again = await Peer.open(second.server.port, { ...KEPT, clientId: 'reader' });
    const writerAgain = await Peer.open(second.server.port, KEPT);
    writerAgain.publish('t', 'once', { qos: 2, messageId: 9, dup: true });
    assert.equal((await writerAgain.next('pubrec')).reasonCode, 0);
    writerAgain.send({ cmd: 'pubrel', messageId: 9 });
    assert.equal((await writerAgain.next('pubcomp')).reasonCode, 0);
    writerAgain.publish('t', 'next', { qos: 2, messageId: 9 });
    assert.equal(String((await again.next('publish')).payload), 'next');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a door without a file forgets its sessions, and what waited for them does not come to the next one', async () => {
  await using broker = await createBroker({ flushPolicy: 'never' });
  const first = await createMqttServer(broker);
  const before = await Peer.open(first.port, KEPT);
  await before.subscribe('t', { qos: 1 });
  await before.vanish();
  await first.close();
  await broker.send('topic/t', { body: 'old' });
  const second = await createMqttServer(broker);
  const after = await Peer.open(second.port, KEPT);
  assert.equal(after.sessionPresent, false);
  assert.equal(await after.subscribe('t', { qos: 1 }), 1);
  after.publish('t', 'new', { qos: 0 });
  assert.equal(String((await after.next('publish')).payload), 'new');
  await second.close();
});
