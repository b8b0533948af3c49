/** A connection with brokers that can do less than everything, and what it is told then; who is let in; and how it ends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Broker } from '../../../../shared/contract/broker.ts';
import { createBroker as createStage1 } from '../../../1-blocking-queue/index.ts';
import { createBroker as createStage2 } from '../../../2-ring-buffer/index.ts';
import { until } from '../../../3-http-server/testing/until.ts';
import { viewOf } from '../../armour/broker-view.ts';
import { createBroker as createStage5 } from '../../index.ts';
import { ACK, DESTINATION, type NumberedCommand, TRANSACTION, type WireDestination } from './commands.ts';
import { createOpenWireServer } from './server.ts';
import type { OpenWireServerOptions } from './server-options.ts';
import { queue, WireClient } from './testing/wire-client.ts';

const BASE = { commandId: 0, responseRequired: false } as const;

interface Opened extends AsyncDisposable {
  readonly broker: Broker;
  readonly port: number;
  readonly client: WireClient;
}

async function open(create: () => Promise<Broker>, options: OpenWireServerOptions = {}): Promise<Opened> {
  const broker = await create();
  const onDefect = (error: unknown): void => assert.fail(String(error));
  const server = await createOpenWireServer(broker, { ...options, onDefect });
  const client = new WireClient(server.port);
  if (options.token === undefined) {
    await client.enter();
    await client.openSession();
  }
  return {
    ...{ broker, client, port: server.port },
    [Symbol.asyncDispose]: async () => {
      client.socket.destroy();
      await server.close();
      await broker.close();
    },
  };
}

async function sendMany(client: WireClient, destination: WireDestination, count: number): Promise<void> {
  for (let sequence = 1; sequence <= count; sequence += 1) {
    assert.equal(await client.refusal(client.textMessage(destination, `m${sequence}`, sequence)), '');
  }
}

for (const [name, create] of [
  ['stage 1', createStage1],
  ['stage 2', createStage2],
] as const) {
  test(`${name}: a consumer is handed what it prefetches, and as many more as it acks`, async () => {
    await using opened = await open(() => create());
    const { client } = opened;
    await sendMany(client, queue('q'), 9);
    await client.ask(client.consumerInfo(queue('q'), { prefetchSize: 3 }));
    const first = await client.next('MessageDispatch');
    await client.next('MessageDispatch');
    const third = await client.next('MessageDispatch');
    for (let turns = 0; turns < 20; turns += 1) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(!client.commands.some(({ type }) => type === 'MessageDispatch'));
    client.send(client.ackOf(first, ACK.standard));
    await client.next('MessageDispatch');
    client.send(client.ackOf(third, ACK.delivered));
    await client.next('MessageDispatch');
    await client.next('MessageDispatch');
  });
}

test('what a broker cannot do is refused by the name of what it lacks', async () => {
  await using opened = await open(() => createStage1());
  const { client } = opened;
  const topic: WireDestination = { type: 'Topic', physicalName: 't' };
  assert.match(await client.refusal(client.consumerInfo(topic)), /JMSException: MQ_NOT_SUPPORTED.*groups/);
  const browser = client.consumerInfo(queue('q'), { isBrowser: true });
  assert.match(await client.refusal(browser), /MQ_NOT_SUPPORTED.*browse/);
  const selecting = client.consumerInfo(queue('q'), { selector: 'a = 1' });
  assert.match(await client.refusal(selecting), /MQ_NOT_SUPPORTED.*filters/);
  assert.match(await client.refusal({ ...client.textMessage(queue('q'), 'x', 1), priority: 9 }), /priority/);
  assert.match(await client.refusal({ ...client.textMessage(queue('q'), 'x', 1), expiration: 1e15 }), /ttl/);
  const connectionId = { type: 'ConnectionId', value: client.connectionId } as const;
  const destination: WireDestination = { type: 'TempQueue', physicalName: 'ID:test-1:1:1' };
  const add = { ...BASE, connectionId, destination, operation: DESTINATION.add, timeout: 0, brokerPath: null };
  assert.match(await client.refusal({ type: 'DestinationInfo', ...add }), /MQ_NOT_SUPPORTED.*filters/);
  assert.equal(await client.refusal(client.textMessage(queue('q'), 'x', 1)), '');
});

test('a transaction is refused at its commit where there are none, and nothing of it is done', async () => {
  await using opened = await open(() => createStage2());
  const { client, broker } = opened;
  const connectionId = { type: 'ConnectionId', value: client.connectionId } as const;
  const transactionId = { type: 'LocalTransactionId', value: 1, connectionId } as const;
  const of = (operation: number): NumberedCommand => ({
    type: 'TransactionInfo',
    ...{ ...BASE, connectionId, transactionId, operation },
  });
  assert.equal(await client.refusal(of(TRANSACTION.begin)), '');
  assert.equal(await client.refusal({ ...client.textMessage(queue('q'), 'x', 1), transactionId }), '');
  assert.match(await client.refusal(of(TRANSACTION.commit)), /MQ_NOT_SUPPORTED.*transactions/);
  assert.deepEqual(await broker.describeTopics(), []);
});

test('a message that cannot be worked on stays where it is when there are no dead letters', async () => {
  await using opened = await open(() => createStage2());
  const { client } = opened;
  await sendMany(client, queue('q'), 1);
  await client.ask(client.consumerInfo(queue('q')));
  client.send(client.ackOf(await client.next('MessageDispatch'), ACK.poison));
  assert.match((await client.next('ConnectionError')).exception?.message ?? '', /dead-letter/);
  const objectId = client.consumerId(1);
  await client.ask({ type: 'RemoveInfo', ...BASE, objectId, lastDeliveredSequenceId: -1 });
  await client.ask(client.consumerInfo(queue('q')));
  assert.equal((await client.next('MessageDispatch')).redeliveryCounter, 0);
});

test('who does not know the token is not let in, and the connection ends', async () => {
  await using opened = await open(() => createStage2(), { token: 'secret' });
  const { client, port } = opened;
  client.agree();
  assert.match(
    await client.refusal(client.connectionInfo({ userName: 'ann', password: 'wrong' })),
    /JMSSecurityException/,
  );
  await client.closed;
  using other = new WireClient(port);
  other.agree();
  assert.equal(await other.refusal(other.connectionInfo({ userName: 'ann', password: 'secret' })), '');
});

test('a client that connects again takes the place of its own old connection, and nobody else does', async () => {
  await using opened = await open(() => createStage2());
  using first = new WireClient(opened.port, { connectionId: 'ID:a-1:1' });
  await first.enter({ clientId: 'ann' });
  using stranger = new WireClient(opened.port, { connectionId: 'ID:b-1:1' });
  stranger.agree();
  assert.match(await stranger.refusal(stranger.connectionInfo({ clientId: 'ann' })), /InvalidClientIDException/);
  using pretender = new WireClient(opened.port, { connectionId: 'ID:a-1:1' });
  pretender.agree();
  const claim = pretender.connectionInfo({ clientId: 'ann', userName: 'bob', isFailoverReconnect: true });
  assert.match(await pretender.refusal(claim), /InvalidClientIDException/);
  using again = new WireClient(opened.port, { connectionId: 'ID:a-1:1' });
  again.agree();
  assert.equal(await again.refusal(again.connectionInfo({ clientId: 'ann', isFailoverReconnect: true })), '');
  await first.closed;
});

test('where there are rights, nobody hears of temporary queues of others, but of those it is to answer to', async () => {
  await using broker = await createStage5({ flushPolicy: 'never' });
  const admission = { admit: async () => viewOf(broker, {}) };
  const server = await createOpenWireServer(broker, { admission });
  using own = await new WireClient(server.port, { connectionId: 'ID:own-1:1' }).enter();
  using other = await new WireClient(server.port, { connectionId: 'ID:other-1:1' }).enter();
  const advisories = {
    type: 'Topic',
    physicalName: 'ActiveMQ.Advisory.TempQueue,ActiveMQ.Advisory.TempTopic',
  } as const;
  for (const client of [own, other]) {
    await client.openSession();
    await client.ask(client.consumerInfo(advisories, { consumerId: client.consumerId(9) }));
  }
  await other.ask(other.consumerInfo(queue('q')));
  const replyTo = { type: 'TempQueue', physicalName: 'ID:own-1:1:1' } as const;
  const connectionId = { type: 'ConnectionId', value: own.connectionId } as const;
  const add = { ...BASE, connectionId, destination: replyTo, operation: DESTINATION.add, timeout: 0, brokerPath: null };
  await own.ask({ type: 'DestinationInfo', ...add });
  const heardOf = async (client: WireClient): Promise<string | null | undefined> => {
    const { message } = await client.next('MessageDispatch');
    return message?.dataStructure?.type === 'DestinationInfo' ? message.dataStructure.destination?.physicalName : null;
  };
  assert.equal(await heardOf(own), replyTo.physicalName);
  await other.ask(other.consumerInfo(queue('another'), { consumerId: other.consumerId(8) }));
  assert.deepEqual(
    other.commands.filter(({ type }) => type === 'MessageDispatch'),
    [],
  );
  await own.ask({ ...own.textMessage(queue('q'), 'answer me', 1), replyTo });
  assert.equal(await heardOf(other), replyTo.physicalName, 'before the question');
  assert.equal(await heardOf(other), null, 'the question');
  await server.close();
});

test('versions 9 to 11 are served with the fields they have', async () => {
  await using opened = await open(() => createStage2());
  for (const version of [9, 10, 11]) {
    const destination = queue(`v${version}`);
    using client = new WireClient(opened.port, { connectionId: `ID:v${version}-1:1`, version });
    await client.enter();
    await client.openSession();
    await sendMany(client, destination, 1);
    await client.ask(client.consumerInfo(destination));
    const { message } = await client.next('MessageDispatch');
    assert.equal(message?.messageId?.producerId?.connectionId, `ID:v${version}-1:1`);
  }
});

test('a message that another door sent has an id of its own, with the text of its id', async () => {
  await using opened = await open(() => createStage2());
  const { client, broker } = opened;
  for (const id of ['m-1', 'ID:x', 'ID:host:1:01:2']) await broker.send('q', { id, body: 'x' });
  await client.ask(client.consumerInfo(queue('q')));
  const ids = [
    await client.next('MessageDispatch'),
    await client.next('MessageDispatch'),
    await client.next('MessageDispatch'),
  ];
  assert.deepEqual(
    ids.map(({ message }) => message?.messageId?.textView),
    ['m-1', 'ID:x', 'ID:host:1:01:2'],
  );
  assert.equal(new Set(ids.map(({ message }) => message?.messageId?.producerSequenceId)).size, 3);
});

test('a server that closes gives back what its clients held, and nothing of it has failed', async () => {
  await using opened = await open(() => createStage2());
  const server = await createOpenWireServer(opened.broker);
  using client = await new WireClient(server.port, { connectionId: 'ID:other-1:1' }).enter();
  await client.openSession();
  await sendMany(client, queue('q'), 1);
  await client.ask(client.consumerInfo(queue('q')));
  await client.next('MessageDispatch');
  await server.close();
  await client.closed;
  const [delivery] = await opened.broker.receive('q', { waitMs: 1000 });
  assert.equal(delivery?.deliveryCount, 1);
  await until('nobody is left', () => server.connectionCount === 0);
});
