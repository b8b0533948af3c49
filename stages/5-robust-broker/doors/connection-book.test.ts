/** Who is connected, and what a door counts. Time is virtual. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../../shared/clock.ts';
import { ConnectionBook } from './connection-book.ts';

function numberOf(book: ConnectionBook, name: string, labels: Readonly<Record<string, string>>): unknown {
  const metric = book.metrics().find((one) => one.name === name);
  assert.ok(metric, name);
  const wanted = JSON.stringify(labels);
  return metric.series.find((series) => JSON.stringify(series.labels) === wanted)?.value;
}

test('a connection is described from its opening to its end, with what it said of itself', () => {
  const clock = new VirtualClock();
  const book = new ConnectionBook({ clock });
  const connection = book.opened({ door: 'stomp', address: '127.0.0.1:4000' });
  assert.deepEqual(book.connections(), [
    {
      ...{ id: 'stomp-1', door: 'stomp', address: '127.0.0.1:4000', connectedAt: clock.now() },
      ...{ clientId: null, protocolVersion: null, principal: null },
      ...{ messagesInCount: 0, messagesOutCount: 0, bytesIn: 0, bytesOut: 0, errorCount: 0 },
      ...{ subscriptionCount: 0, subscriptions: [] },
    },
  ]);
  connection.introduced({ clientId: 'shop', protocolVersion: '1.2' });
  connection.admitted('alice');
  const [described] = book.connections();
  assert.equal(described?.clientId, 'shop');
  assert.equal(described.protocolVersion, '1.2');
  assert.equal(described.principal, 'alice');
  connection.closed();
  assert.deepEqual(book.connections(), []);
  assert.equal(book.opened({ door: 'stomp', address: '::1' }).id, 'stomp-2');
});

test('a subscription tells its credit and what it holds as they are when somebody looks', () => {
  const book = new ConnectionBook({ clock: new VirtualClock() });
  const connection = book.opened({ door: 'mqtt', address: 'a' });
  let held = 0;
  const names = { id: '0', destination: '/queue/a', topic: 'a', group: 'default' };
  const bounded = connection.subscribed({ ...names, creditMax: () => 10, heldCount: () => held });
  connection.subscribed({ ...names, id: '1' });
  held = 7;
  const [described] = book.connections();
  assert.deepEqual(described?.subscriptions, [
    { ...names, creditMax: 10, heldCount: 7 },
    { ...names, id: '1', creditMax: null, heldCount: 0 },
  ]);
  assert.equal(numberOf(book, 'mq_door_subscriptions_count', { door: 'mqtt' }), 2);
  bounded.closed();
  assert.deepEqual(
    book.connections()[0]?.subscriptions.map(({ id }) => id),
    ['1'],
  );
  connection.closed();
  assert.equal(numberOf(book, 'mq_door_subscriptions_count', { door: 'mqtt' }), 0);
});

test('the counters of a door keep what its closed connections counted, once', () => {
  const book = new ConnectionBook({ clock: new VirtualClock() });
  book.add('openwire');
  assert.equal(numberOf(book, 'mq_door_connections_count', { door: 'openwire' }), 0);
  const [first, second] = [1, 2].map(() => book.opened({ door: 'stomp', address: 'a' }));
  for (const connection of [first, second]) {
    connection?.messagesIn();
    connection?.messagesOut(3);
    connection?.bytesIn(100);
    connection?.bytesOut(50);
    connection?.failed();
  }
  const numbers = (): unknown[] => [
    numberOf(book, 'mq_door_messages_count', { door: 'stomp', direction: 'in' }),
    numberOf(book, 'mq_door_messages_count', { door: 'stomp', direction: 'out' }),
    numberOf(book, 'mq_door_bytes', { door: 'stomp', direction: 'in' }),
    numberOf(book, 'mq_door_bytes', { door: 'stomp', direction: 'out' }),
    numberOf(book, 'mq_door_errors_count', { door: 'stomp' }),
  ];
  const expected = [2, 6, 200, 100, 2];
  assert.deepEqual(numbers(), expected);
  first?.closed();
  first?.closed();
  assert.deepEqual(numbers(), expected);
  assert.equal(book.connectionCount('stomp'), 1);
  book.refused('stomp');
  assert.equal(numberOf(book, 'mq_door_connections_refused_count', { door: 'stomp' }), 1);
  assert.equal(numberOf(book, 'mq_door_connections_opened_count', { door: 'stomp' }), 2);
  assert.equal(numberOf(book, 'mq_door_messages_count', { door: 'openwire', direction: 'in' }), 0);
});

test('what is listed is bounded, and so is every text; the numbers are of all', () => {
  const book = new ConnectionBook({ clock: new VirtualClock() });
  const connection = book.opened({ door: 'stomp', address: 'a', clientId: 'x'.repeat(100_000) });
  for (let id = 0; id < 150; id += 1) {
    connection.subscribed({ id: String(id), destination: 'y'.repeat(9999), topic: 'a', group: 'default' });
  }
  const [described] = book.connections();
  assert.equal(described?.clientId?.length, 256);
  assert.equal(described.subscriptionCount, 150);
  assert.equal(described.subscriptions.length, 100);
  assert.equal(described.subscriptions[0]?.destination.length, 256);
  for (let index = 0; index < 1100; index += 1) book.opened({ door: 'mqtt', address: 'a' });
  assert.equal(book.connections().length, 1000);
  assert.equal(book.connectionCount(), 1101);
  assert.equal(numberOf(book, 'mq_door_connections_count', { door: 'mqtt' }), 1100);
});

test('a door that tells only who came and went is in the book too', () => {
  const book = new ConnectionBook({ clock: new VirtualClock() });
  const listen = book.listenerOf('http');
  assert.equal(numberOf(book, 'mq_door_connections_count', { door: 'http' }), 0);
  assert.equal(numberOf(book, 'mq_door_messages_count', { door: 'http', direction: 'in' }), undefined);
  listen({ isOpen: true, from: '127.0.0.1', fromPort: 1, connectionCount: 1 });
  listen({ isOpen: true, from: '::1', fromPort: 2, connectionCount: 2 });
  // Two that were gone before anybody could ask for their ports.
  listen({ isOpen: true, from: '127.0.0.1', connectionCount: 3 });
  listen({ isOpen: true, from: '127.0.0.1', connectionCount: 4 });
  const addresses = (): string[] => book.connections().map(({ address }) => address);
  assert.deepEqual(addresses(), ['127.0.0.1:1', '[::1]:2', '127.0.0.1:?', '127.0.0.1:?']);
  listen({ isOpen: false, from: '127.0.0.1', fromPort: 1, connectionCount: 3 });
  listen({ isOpen: false, from: '127.0.0.1', connectionCount: 2 });
  assert.deepEqual(addresses(), ['[::1]:2', '127.0.0.1:?']);
  listen({ isOpen: false, from: '127.0.0.1', connectionCount: 1 });
  listen({ isOpen: false, from: '::1', fromPort: 2, connectionCount: 0 });
  assert.equal(book.connectionCount(), 0);
});
