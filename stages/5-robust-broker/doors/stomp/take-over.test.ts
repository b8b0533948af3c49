/** A durable subscription has one reader: who comes again before its old connection is found dead takes it over. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBroker } from '../../index.ts';
import { createExchange } from '../exchange.ts';
import { createOpenWireServer } from '../openwire/server.ts';
import { WireClient } from '../openwire/testing/wire-client.ts';
import { createStompServer } from './server.ts';
import { openRobustDoor } from './testing/doors.ts';
import { Peer } from './testing/peer.ts';

const NEWS = { type: 'Topic', physicalName: 'news' } as const;
const COUNT = 300;
const CONNECT = 'accept-version:1.2\nhost:localhost\nclient-id:phone\n';

const durable = (name: string, ack = 'client-individual') => ({
  ...{ id: name, destination: '/topic/news', 'activemq.subscriptionName': name, ack, 'prefetch-count': '50' },
});

async function subscribed(port: number, name = 'n'): Promise<Peer> {
  const peer = await Peer.connected(port, CONNECT);
  await peer.asks('SUBSCRIBE', durable(name));
  return peer;
}

function subscribes(peer: Peer, name: string): Peer {
  const lines = Object.entries(durable(name)).map(([header, value]) => `${header}:${value}\n`);
  return peer.says(`SUBSCRIBE\n${lines.join('')}\n^@`);
}

test('the old connection is told and closed, what it held comes first, and everything is in order', async () => {
  await using door = await openRobustDoor();
  const old = await subscribed(door.port);
  const bodies = Array.from({ length: COUNT }, (_, index) => String(index));
  for (const body of bodies) await door.broker.send('topic/news', { body });
  const ids: string[] = [];
  for (let count = 0; count < 50; count += 1) ids.push((await old.hears()).headers.ack ?? '');
  for (const id of ids.slice(0, 10)) await old.asks('ACK', { id });
  // It says nothing more, and nobody knows whether it is still there.
  const next = await subscribed(door.port);
  assert.equal(await old.error(), 'MQ_GROUP_TAKEN');
  const got: string[] = [];
  let redeliveredCount = 0;
  while (got.length < COUNT - 10) {
    const { headers, body } = await next.hears();
    got.push(body);
    if (headers.redelivered === 'true') redeliveredCount += 1;
    await next.asks('ACK', { id: headers.ack ?? '' });
  }
  assert.deepEqual(got, bodies.slice(10));
  assert.ok(redeliveredCount >= 40, 'what the old one held says that it comes again');
  next.destroy();
});

test('the last one to come has it, however many come at once', async () => {
  await using door = await openRobustDoor();
  const peers = await Promise.all(Array.from({ length: 5 }, () => Peer.connected(door.port, CONNECT)));
  for (const peer of peers) subscribes(peer, 'n');
  const last = await subscribed(door.port);
  for (const peer of peers) assert.equal(await peer.error(), 'MQ_GROUP_TAKEN');
  await door.broker.send('topic/news', { body: 'x' });
  assert.equal((await last.hears()).body, 'x');
  last.destroy();
});

test('two connections that take over from each other do not wait for each other', async () => {
  await using door = await openRobustDoor();
  const [one, two] = [await subscribed(door.port, 'a'), await subscribed(door.port, 'b')];
  subscribes(one, 'b');
  subscribes(two, 'a');
  assert.equal(await Promise.race([one.error(), two.error()]), 'MQ_GROUP_TAKEN');
  for (const name of ['a', 'b']) (await subscribed(door.port, name)).destroy();
});

test('one connection reads a durable subscription once, and no other one deletes it meanwhile', async () => {
  await using door = await openRobustDoor();
  const reader = await subscribed(door.port);
  const twice = await subscribed(door.port, 'm');
  subscribes(twice, 'm2').says('UNSUBSCRIBE\nid:x\nactivemq.subscriptionName:n\n\n^@');
  assert.equal(await twice.error(), 'MQ_GROUP_TAKEN');
  const lines = Object.entries({ ...durable('n'), id: 'another' }).map(([header, value]) => `${header}:${value}\n`);
  reader.says(`SUBSCRIBE\n${lines.join('')}\n^@`);
  assert.equal(await reader.error(), 'MQ_GROUP_TAKEN');
  const again = await subscribed(door.port);
  await again.asks('UNSUBSCRIBE', durable('n'));
  const [{ groups } = { groups: [] }] = await door.broker.describeTopics({ topic: 'topic/news' });
  assert.deepEqual(groups.map(({ group }) => group).sort(), ['phone/m', 'phone/m2']);
  await again.asks('SUBSCRIBE', durable('n'));
  again.destroy();
});

test('a consumer of OpenWire has it until it closes, as in JMS: nobody takes it over, and it takes over from nobody', async () => {
  await using broker = await createBroker({ flushPolicy: 'never' });
  const exchange = createExchange(broker);
  await using stomp = await createStompServer(broker, { exchange });
  await using server = await createOpenWireServer(broker, { exchange });
  const peer = await subscribed(stomp.port);
  using wire = await new WireClient(server.port).enter({ clientId: 'phone' });
  await wire.openSession();
  const consumer = wire.consumerInfo(NEWS, { subscriptionName: 'n' });
  assert.match(await wire.refusal(consumer), /^javax\.jms\.JMSException: MQ_GROUP_TAKEN/);
  await peer.asks('DISCONNECT');
  assert.equal(await wire.refusal(consumer), '');
  const late = subscribes(await Peer.connected(stomp.port, CONNECT), 'n');
  assert.equal(await late.error(), 'MQ_GROUP_TAKEN');
  const removal = { type: 'RemoveInfo', commandId: 0, responseRequired: false, lastDeliveredSequenceId: 0 } as const;
  await wire.ask({ ...removal, objectId: wire.consumerId(1) });
  (await subscribed(stomp.port)).destroy();
  exchange.close();
});
