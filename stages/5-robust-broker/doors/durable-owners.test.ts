/** Whose a durable subscription is: the same through STOMP, OpenWire, the JMS API and the doors of the contract. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { Broker } from '../../../shared/contract/broker.ts';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { until } from '../../3-http-server/testing/until.ts';
import { createTcpServer } from '../../4-persisted-log/doors/tcp/server.ts';
import { ArmouredAdmission } from '../armour/armoured-admission.ts';
import { checkUsers } from '../armour/users.ts';
import { createBroker } from '../index.ts';
import { type Connection, createConnectionFactory, JMSSecurityException } from '../jms/index.ts';
import { createExchange } from './exchange.ts';
import { createMqttServer } from './mqtt/server.ts';
import { Peer as MqttPeer } from './mqtt/testing/open-door.ts';
import { createOpenWireServer } from './openwire/server.ts';
import { WireClient } from './openwire/testing/wire-client.ts';
import { createStompServer } from './stomp/server.ts';
import { Peer, type Said } from './stomp/testing/peer.ts';
import { codeOf, textOf } from './testing/doors-of.ts';

const NEWS = { type: 'Topic', physicalName: 'news' } as const;
const GROUP = 'phone/n/@anna';
const secretOf = (user: string): string => `secret of ${user}`;

function userOf(name: string, verbs: readonly string[]) {
  const ci = createHash('sha256').update(secretOf(name)).digest('hex');
  return { tokens: { ci }, rules: [{ topics: '*', verbs }] };
}

/** Everybody may read everything; each says a token as the password. */
const USERS = checkUsers({
  users: {
    anna: userOf('anna', ['publish', 'consume']),
    bob: userOf('bob', ['publish', 'consume']),
    root: userOf('root', ['publish', 'consume', 'browse', 'manage']),
  },
  anonymous: { rules: [{ topics: '*', verbs: ['publish', 'consume'] }] },
});

interface Doors extends AsyncDisposable {
  readonly broker: Broker;
  readonly ports: { readonly stomp: number; readonly openwire: number; readonly tcp: number; readonly mqtt: number };
  /** What `user` may use of the broker, as a door of the contract has it. */
  admitted(user: string): Promise<Broker>;
}

async function openDoors(disk = new SimulatedDisk()): Promise<Doors> {
  const broker = await createBroker({ disk, dataFolder: '/data' });
  const admission = new ArmouredAdmission({ broker, users: USERS });
  const exchange = createExchange(broker);
  const shared = { admission, exchange };
  const servers = [
    await createStompServer(broker, shared),
    await createOpenWireServer(broker, shared),
    await createTcpServer(broker, { admission }),
    await createMqttServer(broker, shared),
  ] as const;
  const [stomp, openwire, tcp, mqtt] = servers.map(({ port }) => port) as [number, number, number, number];
  return {
    broker,
    ports: { stomp, openwire, tcp, mqtt },
    admitted: (user) => admission.admit({ token: secretOf(user) }, { door: 'test', address: '127.0.0.1' }),
    [Symbol.asyncDispose]: async () => {
      for (const server of servers) await server.close({ timeoutMs: 0 });
      exchange.close();
      await broker.close();
    },
  };
}

function stompOf({ ports }: Doors, user: string | undefined): Promise<Peer> {
  const who = user === undefined ? '' : `login:${user}\npasscode:${secretOf(user)}\n`;
  return Peer.connected(ports.stomp, `accept-version:1.2\nhost:localhost\nclient-id:phone\n${who}`);
}

const DURABLE = { id: '1', destination: '/topic/news', 'activemq.subscriptionName': 'n' };

async function stompSubscribed(doors: Doors, user: string | undefined): Promise<Peer> {
  const peer = await stompOf(doors, user);
  await peer.asks('SUBSCRIBE', DURABLE);
  return peer;
}

/** Made, and left: what is published from now on waits for it. */
async function stompMade(doors: Doors, user: string | undefined): Promise<void> {
  const peer = await stompSubscribed(doors, user);
  await peer.asks('DISCONNECT');
}

/** The code of the ERROR. */
async function stompRefusal(doors: Doors, user: string | undefined, command: string): Promise<string | undefined> {
  const peer = await stompOf(doors, user);
  const lines = Object.entries(DURABLE).map(([name, value]) => `${name}:${value}\n`);
  return await peer.says(`${command}\n${lines.join('')}\n^@`).error();
}

async function openWireOf({ ports }: Doors, user: string): Promise<WireClient> {
  const client = new WireClient(ports.openwire, { connectionId: `ID:${user}-1:1` });
  await client.enter({ clientId: 'phone', userName: user, password: secretOf(user) });
  await client.openSession();
  return client;
}

async function jmsOf({ ports }: Doors, user: string): Promise<Connection> {
  const factory = createConnectionFactory(`mq://127.0.0.1:${ports.tcp}`, { clientId: 'phone' });
  const connection = await factory.createConnection(user, secretOf(user));
  await connection.start();
  return connection;
}

async function publish({ broker }: Doors, body: string): Promise<void> {
  await broker.send('topic/news', { body });
}

/** Of who made nothing. */
async function checkRefused(doors: Doors, user: 'bob' | 'root'): Promise<void> {
  assert.equal(await stompRefusal(doors, user, 'SUBSCRIBE'), 'MQ_FORBIDDEN');
  assert.equal(await stompRefusal(doors, user, 'UNSUBSCRIBE'), 'MQ_FORBIDDEN');
  const wire = await openWireOf(doors, user);
  const refused = /^javax\.jms\.JMSSecurityException: MQ_FORBIDDEN: .*somebody else/;
  assert.match(await wire.refusal(wire.consumerInfo(NEWS, { subscriptionName: 'n' })), refused);
  const removal = { type: 'RemoveSubscriptionInfo', commandId: 0, responseRequired: false } as const;
  const of = { connectionId: null, clientId: 'phone', subscriptionName: 'n' };
  assert.match(await wire.refusal({ ...removal, ...of }), refused);
  wire.socket.destroy();
  await using connection = await jmsOf(doors, user);
  const session = connection.createSession();
  const topic = session.createTopic('news');
  await assert.rejects(session.createDurableSubscriber(topic, 'n'), JMSSecurityException);
  await assert.rejects(session.unsubscribe('n'), JMSSecurityException);
}

test('a durable subscription is of who made it: others who may read the topic neither share nor delete it, after a restart too', async () => {
  const disk = new SimulatedDisk();
  {
    await using doors = await openDoors(disk);
    await stompMade(doors, 'anna');
    await publish(doors, 'first');
    await checkRefused(doors, 'bob');
    await checkRefused(doors, 'root');
    assert.equal(await stompRefusal(doors, undefined, 'SUBSCRIBE'), 'MQ_FORBIDDEN', 'nor has it who is nobody');
  }
  await using doors = await openDoors(disk);
  await checkRefused(doors, 'bob');
  await publish(doors, 'second');
  const [description] = await doors.broker.describeTopics({ topic: 'topic/news' });
  assert.deepEqual(
    description?.groups.map(({ group }) => group),
    [GROUP],
    'what was refused left nothing behind',
  );
  const anna = await stompOf(doors, 'anna');
  await anna.asks('SUBSCRIBE', DURABLE);
  const heard: Said[] = [await anna.hears(), await anna.hears()];
  assert.deepEqual(
    heard.map(({ body }) => body),
    ['first', 'second'],
  );
  await anna.asks('UNSUBSCRIBE', DURABLE);
  assert.deepEqual((await doors.broker.describeTopics({ topic: 'topic/news' }))[0]?.groups, []);
  await stompMade(doors, 'bob');
});

test('its owner finds it through every door', async () => {
  await using doors = await openDoors();
  await stompMade(doors, 'anna');
  await publish(doors, 'a');
  const wire = await openWireOf(doors, 'anna');
  assert.equal(await wire.refusal(wire.consumerInfo(NEWS, { subscriptionName: 'n' })), '');
  const dispatch = await wire.next('MessageDispatch');
  assert.equal(String(dispatch.message?.content).includes('a'), true);
  await wire.ask(wire.ackOf(dispatch, 2));
  const removal = { type: 'RemoveInfo', commandId: 0, responseRequired: false, lastDeliveredSequenceId: 0 } as const;
  await wire.ask({ ...removal, objectId: wire.consumerId(1) });
  wire.socket.destroy();
  await publish(doors, 'b');
  await using connection = await jmsOf(doors, 'anna');
  const session = connection.createSession();
  const subscriber = await session.createDurableSubscriber(session.createTopic('news'), 'n');
  const message = await subscriber.receive(10_000);
  assert.equal((message as { getText?: () => string } | null)?.getText?.(), 'b');
  await subscriber.close();
  await session.unsubscribe('n');
  assert.deepEqual((await doors.broker.describeTopics({ topic: 'topic/news' }))[0]?.groups, []);
});

test('through the doors of the contract its group is nobody else’s either, but for who may manage the topic', async () => {
  await using doors = await openDoors();
  await stompMade(doors, 'anna');
  await publish(doors, 'a');
  const [anna, bob, root] = [await doors.admitted('anna'), await doors.admitted('bob'), await doors.admitted('root')];
  const own = { group: GROUP };
  const calls = (broker: Broker): readonly (() => Promise<unknown>)[] => [
    () => broker.receive('topic/news', own),
    () => broker.subscribe('topic/news', { ...own, creditMax: 1 }, () => undefined),
    () => broker.leave('topic/news', { ...own, memberId: 'm' }),
    () => broker.browse('topic/news', own),
    () => broker.commit('topic/news', { ...own, offset: 1 }),
    () => broker.seek('topic/news', { ...own, to: 'latest' }),
    () => broker.createGroup('topic/news', GROUP, { mode: 'exclusive' }),
    () => broker.deleteGroup('topic/news', GROUP),
  ];
  for (const call of calls(bob)) assert.equal(await codeOf(call()), 'MQ_FORBIDDEN', String(call));
  assert.equal(await codeOf(root.receive('topic/news', own)), 'MQ_FORBIDDEN', 'to manage is not to read');
  const transaction = await bob.begin();
  assert.equal(await codeOf(transaction.commitOffset('topic/news', { ...own, offset: 1 })), 'MQ_FORBIDDEN');
  await transaction.abort();
  const [delivery] = await anna.receive('topic/news', own);
  assert.equal(delivery && textOf(delivery), 'a');
  await root.seek('topic/news', { ...own, to: 'latest' });
  await root.deleteGroup('topic/news', GROUP);
});

test('who is nobody in particular is one with all others of that kind', async () => {
  await using doors = await openDoors();
  await stompMade(doors, undefined);
  await publish(doors, 'a');
  assert.equal(await stompRefusal(doors, 'bob', 'SUBSCRIBE'), 'MQ_FORBIDDEN');
  const again = await stompSubscribed(doors, undefined);
  assert.equal((await again.hears()).body, 'a');
  again.destroy();
});

test('a client is who it has shown to be, and not whom it names: neither sessions of MQTT nor client ids are had by a name', async () => {
  await using doors = await openDoors();
  const { mqtt, openwire } = doors.ports;
  const said = (user: string, owner: string) => ({ username: user, password: Buffer.from(secretOf(owner)) });
  const kept = { clientId: 'phone', clean: false, properties: { sessionExpiryInterval: 1000 } };
  const bob = await MqttPeer.open(mqtt, { ...kept, ...said('bob', 'bob') });
  await bob.subscribe('news', { qos: 1 });
  const [description] = await doors.broker.describeTopics({ topic: 'topic/news' });
  assert.deepEqual(
    description?.groups.map(({ group }) => group),
    ['phone/$mqtt/@bob'],
  );
  // The token of anna lets her in, whatever she calls herself.
  const anna = new MqttPeer(mqtt);
  anna.connect({ ...kept, ...said('bob', 'anna') });
  assert.equal((await anna.next('connack')).reasonCode, 0x87);
  assert.equal(bob.isOver, false);

  const victim = await openWireOf(doors, 'bob');
  const thief = new WireClient(openwire, { connectionId: 'ID:bob-1:1' });
  thief.agree();
  const asBob = { clientId: 'phone', userName: 'bob', password: secretOf('anna') };
  assert.match(await thief.refusal(thief.connectionInfo(asBob)), /InvalidClientIDException/);
  await until('the server has answered', () => victim.socket.readyState === 'open');
  victim.socket.destroy();
  thief.socket.destroy();
});
