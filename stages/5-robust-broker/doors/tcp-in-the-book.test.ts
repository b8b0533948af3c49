/** What the book of connections tells of those that come through the TCP door, and of what they subscribe to. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Broker } from '../../../shared/contract/broker.ts';
import type { ConnectionDescription } from '../../../shared/contract/connections.ts';
import type { Delivery } from '../../../shared/contract/message.ts';
import { until } from '../../3-http-server/testing/until.ts';
import { createTcpClient } from '../../4-persisted-log/index.ts';
import { createBroker } from '../index.ts';
import { type OpenDoors, openDoors } from './open-doors.ts';

interface Opened extends AsyncDisposable {
  readonly broker: Broker;
  readonly doors: OpenDoors;
  readonly url: string;
}

async function open(token?: string): Promise<Opened> {
  const broker = await createBroker({ flushPolicy: 'never' });
  const admission = token === undefined ? {} : { admission: { admit: async () => broker, nameOf: () => 'anna' } };
  const doors = await openDoors(broker, { tcp: {}, ...admission });
  return {
    ...{ broker, doors, url: doors.tcp?.url ?? '' },
    [Symbol.asyncDispose]: async () => {
      await doors.close({ timeoutMs: 1000 });
      await broker.close();
    },
  };
}

function listed({ doors }: Opened): ConnectionDescription {
  const [connection] = doors.book.connections();
  assert.ok(connection !== undefined);
  return connection;
}

function subscriptionsMetric({ doors }: Opened): unknown {
  const metric = doors.book.metrics().find(({ name }) => name === 'mq_door_subscriptions_count');
  return metric?.series.find(({ labels }) => labels.door === 'tcp')?.value;
}

test('a connection has the name that its client gives itself, the version, and the user it was let in as', async () => {
  await using opened = await open('any');
  await using client = await createTcpClient(opened.url, { name: 'shop', user: 'anna', password: 'x' });
  const { id, door, clientId, protocolVersion, principal, address } = listed(opened);
  assert.deepEqual([id, door, clientId, protocolVersion, principal], ['tcp-1', 'tcp', 'shop', '2', 'anna']);
  assert.match(address, /^127\.0\.0\.1:\d+$/);
  await client.close();
  await until('it has gone', () => opened.doors.book.connectionCount('tcp') === 0);
  await using plain = await createTcpClient(opened.url);
  assert.match(listed(opened).clientId ?? '', /^stagemq [0-9a-f]+$/);
  await plain.close();
  for (const name of ['', 'x'.repeat(250), 5 as unknown as string]) {
    await assert.rejects(createTcpClient(opened.url, { name }), { code: 'MQ_INVALID_ARGUMENT' });
  }
});

test('a subscription is listed from the moment it is open to its end, with what is held of it now', async () => {
  await using opened = await open();
  await using client = await createTcpClient(opened.url);
  await client.createTopic('orders');
  for (const body of ['a', 'b', 'c']) await client.send('orders', { body });
  const deliveries: Delivery[] = [];
  const names = { group: 'kitchen', memberId: 'bob' };
  const orders = await client.subscribe('orders', { ...names, creditMax: 2 }, (delivery) => deliveries.push(delivery));
  await until('two are held', () => deliveries.length === 2);
  const expected = { id: '1', destination: 'orders', topic: 'orders', group: 'kitchen', creditMax: 2, heldCount: 2 };
  assert.deepEqual(listed(opened).subscriptions, [expected]);
  assert.equal(subscriptionsMetric(opened), 1);
  await client.ack(deliveries.splice(0, 1));
  await until('the third came', () => deliveries.length === 2);
  await client.ack(deliveries.splice(0));
  assert.equal(listed(opened).subscriptions[0]?.heldCount, 0);
  const all = await client.subscribe('*', { ...names, group: 'all', creditMax: 5, pattern: 'dotted' }, (delivery) => {
    deliveries.push(delivery);
  });
  await until('it has all', () => deliveries.length === 3);
  assert.deepEqual(listed(opened).subscriptions[1], {
    ...{ id: '2', destination: '*', topic: '*', group: 'all', creditMax: 5, heldCount: 3 },
  });
  await orders.close();
  assert.deepEqual(
    listed(opened).subscriptions.map(({ id }) => id),
    ['2'],
  );
  await all.close();
  assert.equal(subscriptionsMetric(opened), 0);
  await assert.rejects(
    client.subscribe('nowhere', { ...names, creditMax: 1 }, () => undefined),
    { code: 'MQ_UNKNOWN_TOPIC' },
  );
  assert.equal(listed(opened).subscriptionCount, 0, 'what was refused is none');
});

test('a subscription that the broker ends, and those of a connection that breaks, are listed no more', async () => {
  await using opened = await open();
  await using client = await createTcpClient(opened.url, { onSubscriptionEnded: () => undefined });
  for (const topic of ['a', 'b']) {
    await client.createTopic(topic);
    await client.subscribe(topic, { group: 'g', creditMax: 1 }, () => undefined);
  }
  assert.equal(listed(opened).subscriptionCount, 2);
  await opened.broker.deleteTopic('a');
  await until('one has ended', () => listed(opened).subscriptionCount === 1);
  await client.close();
  await until('it has gone', () => opened.doors.book.connectionCount() === 0);
  assert.equal(subscriptionsMetric(opened), 0);
});
