/** One client id has one connection at a time, and one durable subscription one reader: in this process, and as far as a broker tells. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../3-http-server/testing/until.ts';
import { createTcpServer } from '../../4-persisted-log/index.ts';
import { createOpenWireServer } from '../doors/openwire/server.ts';
import { WireClient } from '../doors/openwire/testing/wire-client.ts';
import { createBroker } from '../index.ts';
import {
  type Connection,
  type ConnectionFactory,
  createConnectionFactory,
  IllegalStateException,
  InvalidClientIDException,
  type MessageConsumer,
} from './index.ts';
import { nextTexts, sendTexts } from './testing/texts.ts';

/** Two factories that know nothing of each other, as in two processes: one server, by two of its names. */
async function openTwoProcesses() {
  await using opened = new AsyncDisposableStack();
  const broker = opened.use(await createBroker({ flushPolicy: 'never' }));
  const { port } = opened.use(await createTcpServer(broker));
  const of = (host: string): ConnectionFactory => opened.use(createConnectionFactory(`mq://${host}:${port}`));
  const [one, two] = [of('127.0.0.1'), of('localhost')];
  const owned = opened.move();
  return { broker, one, two, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function connectAs(factory: ConnectionFactory, clientId: string): Promise<Connection> {
  const connection = await factory.createConnection();
  connection.setClientID(clientId);
  await connection.start();
  return connection;
}

function subscribe(connection: Connection): Promise<MessageConsumer> {
  const session = connection.createSession();
  return session.createDurableSubscriber(session.createTopic('prices'), 'watch');
}

test('two factories for one broker, or for one server, do not give the same client id to two connections', async () => {
  await using broker = await createBroker({ flushPolicy: 'never' });
  await using server = await createTcpServer(broker);
  for (const place of [broker, server.url]) {
    await using first = createConnectionFactory(place);
    await using second = createConnectionFactory(place, { clientId: 'anna' });
    const anna = await connectAs(first, 'anna');
    await assert.rejects(second.createConnection(), InvalidClientIDException);
    await using other = await createConnectionFactory(place).createConnection();
    assert.throws(() => other.setClientID('anna'), InvalidClientIDException);
    await anna.close();
    await using later = await second.createConnection();
    assert.equal(later.getClientID(), 'anna');
    assert.throws(() => other.setClientID('anna'), InvalidClientIDException);
  }
});

test('a program in the process of a server and a client of OpenWire do not have the same client id', async () => {
  await using broker = await createBroker({ flushPolicy: 'never' });
  await using server = await createOpenWireServer(broker);
  await using factory = createConnectionFactory(broker);
  const anna = await connectAs(factory, 'anna');
  const enter = async (): Promise<string> => {
    using client = new WireClient(server.port, { connectionId: 'ID:java-1:1' });
    client.agree();
    return await client.refusal(client.connectionInfo({ clientId: 'anna' }));
  };
  assert.match(await enter(), /InvalidClientIDException: .*client anna is connected already/);
  await anna.close();
  assert.equal(await enter(), '');
  await until('it has gone', () => server.connectionCount === 0);
  using java = await new WireClient(server.port).enter({ clientId: 'anna' });
  await using late = await factory.createConnection();
  assert.throws(() => late.setClientID('anna'), InvalidClientIDException);
  assert.ok(!java.socket.closed);
});

test('what a client id reads in one process is not read by it in another, and not forgotten either', async () => {
  await using processes = await openTwoProcesses();
  const here = await connectAs(processes.one, 'anna');
  const consumer = await subscribe(here);
  const sender = here.createSession();
  await sendTexts(sender, sender.createTopic('prices'), ['1', '2', '3']);
  await using there = await connectAs(processes.two, 'anna');
  await assert.rejects(subscribe(there), InvalidClientIDException);
  await assert.rejects(there.createSession().unsubscribe('watch'), IllegalStateException);
  assert.deepEqual(await nextTexts(consumer, 3), ['1', '2', '3'], 'the reader is not disturbed');
  await sendTexts(sender, sender.createTopic('prices'), ['4']);
  await here.close();
  assert.deepEqual(await nextTexts(await subscribe(there), 1), ['4']);
});

test('of two that subscribe at the same time not both do, and who was refused can come again', async () => {
  await using processes = await openTwoProcesses();
  const both = [await connectAs(processes.one, 'anna'), await connectAs(processes.two, 'anna')];
  const results = await Promise.allSettled(both.map(subscribe));
  const refused = results.filter((result) => result.status === 'rejected');
  assert.ok(refused.length > 0);
  for (const { reason } of refused) assert.ok(reason instanceof InvalidClientIDException, String(reason));
  const reading = results.findIndex(({ status }) => status === 'fulfilled');
  if (reading !== -1) await both[reading]?.close();
  const [free] = both.filter((_, index) => index !== reading);
  assert.ok(free !== undefined);
  await (await subscribe(free)).close();
});

test('a member whose connection is gone, and that holds nothing any more, keeps nobody out', async () => {
  await using processes = await openTwoProcesses();
  const { broker } = processes;
  await broker.createTopic('topic/prices');
  await broker.receive('topic/prices', { group: 'anna/watch', memberId: 'gone' });
  const [topic] = await broker.describeTopics({ topic: 'topic/prices' });
  assert.deepEqual(
    topic?.groups[0]?.members.map(({ memberId }) => memberId),
    ['gone'],
  );
  await using anna = await connectAs(processes.one, 'anna');
  await (await subscribe(anna)).close();
});
