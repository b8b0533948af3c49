/** Subscriptions: what comes, how often, with which QoS and identifiers, and what does not come any more. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IPublishPacket } from 'mqtt-packet';
import { until } from '../../../3-http-server/testing/until.ts';
import { bytesOf, openMqttDoor, Peer } from './testing/open-door.ts';

const text = ({ topic, payload, qos, retain }: IPublishPacket): string =>
  `${topic} ${payload} ${qos}${retain ? ' retained' : ''}`;

for (const stage of [2, 5] as const) {
  test(`stage ${stage}: overlapping subscriptions give one message, with the highest QoS and all identifiers`, async () => {
    await using door = await openMqttDoor({ stage });
    const peer = await Peer.open(door.server.port);
    assert.equal(await peer.subscribe('a/b', { qos: 0, identifier: 1 }), 0);
    assert.equal(await peer.subscribe('a/#', { qos: 2, identifier: 2 }), 2);
    assert.equal(await peer.subscribe('+/b', { qos: 1, identifier: 3 }), 1);
    peer.publish('a/b', 'x', { qos: 1, messageId: 1 });
    const { publishes, others } = await peer.take(2);
    assert.deepEqual(publishes.map(text), ['a/b x 1']);
    assert.deepEqual(publishes[0]?.properties?.subscriptionIdentifier, [1, 2, 3]);
    assert.deepEqual(
      others.map(({ cmd }) => cmd),
      ['puback'],
    );
    await peer.settled();
    assert.deepEqual(peer.waiting, []);
  });

  test(`stage ${stage}: after UNSUBSCRIBE what others of the filters cover still comes, and the rest does not`, async () => {
    await using door = await openMqttDoor({ stage });
    const peer = await Peer.open(door.server.port);
    await peer.subscribe('a/#');
    await peer.subscribe('a/b');
    peer.publish('a/c', '0');
    assert.equal(text(await peer.next('publish')), 'a/c 0 0');
    peer.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a/#', 'never'] });
    assert.deepEqual((await peer.next('unsuback')).granted, [0, 17]);
    for (const topic of ['a/c', 'a/b', 'a/d']) peer.publish(topic, '1');
    assert.equal(text(await peer.next('publish')), 'a/b 1 0');
    assert.equal(await peer.subscribe('a/+'), 2);
    for (const topic of ['a/c', 'a/b']) peer.publish(topic, '2');
    const got = [text(await peer.next('publish')), text(await peer.next('publish'))].sort();
    assert.deepEqual(got, ['a/b 2 0', 'a/c 2 0']);
    await peer.settled();
    assert.deepEqual(peer.waiting, []);
    const groups = (await door.broker.describeTopics()).map((topic) => topic.groups.length);
    assert.deepEqual(groups, [1, 1], 'one group in each topic, and no topic of what nobody awaits');
  });

  test(`stage ${stage}: no-local, retain-as-published and retain handling do what they say`, async () => {
    await using door = await openMqttDoor({ stage });
    const peer = await Peer.open(door.server.port);
    const other = await Peer.open(door.server.port, { clientId: 'other' });
    await peer.subscribe('t', { nl: true, rap: true });
    peer.publish('t', 'own', { retain: true });
    await peer.settled();
    other.publish('t', 'kept', { retain: true });
    assert.equal(text(await peer.next('publish')), 't kept 0 retained');
    await peer.subscribe('t', { rh: 0, rap: false });
    assert.equal(text(await peer.next('publish')), 't kept 0 retained', 'retained, because of the subscription');
    await peer.subscribe('t', { rh: 1 });
    await peer.subscribe('t', { rh: 2 });
    other.publish('t', 'live', { retain: true });
    assert.equal(text(await peer.next('publish')), 't live 0');
    other.publish('t', '', { retain: true });
    assert.equal(text(await peer.next('publish')), 't  0', 'what empties it is a message as well');
    assert.equal(await other.subscribe('#'), 2);
    await other.settled();
    assert.deepEqual(other.waiting, [], 'nothing is retained any more');
  });

  test(`stage ${stage}: members of a shared subscription get each message once; queues are shared by all`, async () => {
    await using door = await openMqttDoor({ stage });
    const peers = [
      await Peer.open(door.server.port, { clientId: 'a' }),
      await Peer.open(door.server.port, { clientId: 'b' }),
    ];
    for (const peer of peers) {
      assert.equal(await peer.subscribe('$share/g/t/+', { qos: 2 }), 1, 'QoS 2 is for subscriptions of one client');
      assert.equal(await peer.subscribe('$queue/jobs', { qos: 1 }), 1);
    }
    const [first] = peers;
    assert.ok(first !== undefined);
    for (let count = 0; count < 10; count += 1) {
      first.publish('t/x', String(count), { qos: 0 });
      first.publish('$queue/jobs', `job ${count}`, { qos: 0 });
    }
    await until('all have come', () => peers.reduce((sum, { waiting }) => sum + waiting.length, 0) === 20);
    const got = peers.flatMap(({ waiting }) =>
      waiting.flatMap((packet) => (packet.cmd === 'publish' ? String(packet.payload) : [])),
    );
    const wanted = Array.from({ length: 10 }, (_, count) => [String(count), `job ${count}`]).flat();
    assert.deepEqual(got.sort(), wanted.sort());
    for (const peer of peers) {
      peer.send({ cmd: 'disconnect', reasonCode: 0 });
      await peer.ended();
    }
    await door.server.close();
    const [jobs, topic] = await door.broker.describeTopics();
    assert.equal(jobs?.topic, 'jobs');
    assert.deepEqual(topic?.groups, [], 'the group is gone with the last who had it');
  });
}

for (const qos of [0, 1, 2] as const) {
  test(`what is written behind SUBSCRIBE, without waiting for its answer, comes (QoS ${qos}); behind UNSUBSCRIBE it does not`, async () => {
    await using door = await openMqttDoor({ stage: 5 });
    const peer = await Peer.open(door.server.port);
    const subscribe = bytesOf({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 't', qos: 0 }] });
    const unsubscribe = bytesOf({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['t'] });
    const publish = (payload: string, messageId: number): Buffer =>
      bytesOf({ cmd: 'publish', topic: 't', payload, qos, dup: false, retain: false, messageId });
    // Cut in the middle of the second message: what is kept back is joined with what comes later.
    const bytes = Buffer.concat([subscribe, publish('a', 3), publish('b', 4)]);
    const cut = bytes.length - 3;
    peer.write(bytes.subarray(0, cut));
    peer.write(bytes.subarray(cut));
    await until('both have come', () => peer.waiting.filter(({ cmd }) => cmd === 'publish').length === 2);
    peer.write(Buffer.concat([unsubscribe, publish('c', 5)]));
    await peer.settled();
    const got = peer.waiting.flatMap((packet) => (packet.cmd === 'publish' ? String(packet.payload) : []));
    assert.deepEqual(got, ['a', 'b']);
    const answers = peer.waiting.map(({ cmd }) => cmd).filter((cmd) => cmd === 'suback' || cmd === 'unsuback');
    assert.deepEqual(answers, ['suback', 'unsuback']);
  });
}

test('who says a lot behind a SUBSCRIBE is slowed down, and everything takes effect in its order', async () => {
  await using door = await openMqttDoor({ stage: 5 });
  const peer = await Peer.open(door.server.port, { protocolVersion: 4 });
  const rounds = 50;
  const count = 20;
  const bytes: Buffer[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const topic = `t${round}`;
    bytes.push(bytesOf({ cmd: 'subscribe', messageId: 1 + round, subscriptions: [{ topic, qos: 0 }] }, 4));
    for (let index = 0; index < count; index += 1) {
      const payload = `${index} ${'x'.repeat(500)}`;
      bytes.push(bytesOf({ cmd: 'publish', topic, payload, qos: 0, dup: false, retain: false }, 4));
    }
  }
  peer.write(Buffer.concat(bytes));
  await until('all have come', () => peer.waiting.length === rounds * (count + 1));
  const got = peer.waiting.flatMap((packet) => (packet.cmd === 'publish' ? `${packet.topic} ${packet.payload}` : []));
  const names = got.map((text) => text.split(' ', 2).join(' '));
  const wanted = Array.from({ length: rounds * count }, (_, at) => `t${Math.floor(at / count)} ${at % count}`);
  for (let round = 0; round < rounds; round += 1) {
    const isOf = (name: string): boolean => name.startsWith(`t${round} `);
    assert.deepEqual(names.filter(isOf), wanted.filter(isOf));
  }
});

test('a share that the broker has no name for is refused at once, and not when its first topic comes', async () => {
  await using door = await openMqttDoor({ stage: 5 });
  const peer = await Peer.open(door.server.port);
  for (const group of ['g\u0001', 'g'.repeat(300)]) assert.equal(await peer.subscribe(`$share/${group}/t/+`), 0x8f);
  assert.equal(await peer.subscribe('$share/g/t/+'), 1);
  peer.publish('t/a', 'x');
  assert.equal(String((await peer.next('publish')).payload), 'x');
});

test('a filter that is none, or too many of them, is refused by itself', async () => {
  await using door = await openMqttDoor({ subscriptionsCountMax: 2 });
  const peer = await Peer.open(door.server.port);
  const topics = ['a', '$SYS/#', '$share//x', 'b', 'c', 'a'];
  peer.send({ cmd: 'subscribe', messageId: 1, subscriptions: topics.map((topic) => ({ topic, qos: 1 as const })) });
  const suback = await peer.next('suback');
  assert.deepEqual(suback.granted, [1, 0x8f, 0x8f, 1, 0x97, 1]);
  assert.match(suback.properties?.reasonString ?? '', /\$/);
});

test('stage 1 has queues alone, and says so', async () => {
  await using door = await openMqttDoor({ stage: 1 });
  const peer = await Peer.open(door.server.port);
  assert.equal(peer.properties.wildcardSubscriptionAvailable, false);
  assert.equal(peer.properties.sharedSubscriptionAvailable, false);
  assert.equal(await peer.subscribe('a/b'), 0x83);
  assert.equal(await peer.subscribe('$queue/q', { qos: 1 }), 0, 'without leases nothing can be acknowledged');
  peer.publish('$queue/q', 'x', { qos: 1, messageId: 1 });
  const { publishes, others } = await peer.take(2);
  assert.deepEqual([publishes.map(text), others.map(({ cmd }) => cmd)], [['$queue/q x 0'], ['puback']]);
});

test('a client of 3.1.1 is told with 0x80 what it may not have', async () => {
  await using door = await openMqttDoor();
  const peer = await Peer.open(door.server.port, { protocolVersion: 4 });
  assert.equal(await peer.subscribe('$SYS/x'), 0x80);
  assert.equal(await peer.subscribe('a'), 2);
});
