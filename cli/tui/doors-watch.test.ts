import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConnectionDescription, SubscriptionDescription } from '../../shared/contract/connections.ts';
import { DoorsWatch } from './doors-watch.ts';
import { translate } from './messages.ts';

function connection(id: string, changes: Partial<ConnectionDescription> = {}): ConnectionDescription {
  return {
    ...{ id, door: id.split('-')[0] ?? '', address: '127.0.0.1:4000', connectedAt: 0, clientId: null },
    ...{ protocolVersion: null, principal: null, messagesInCount: 0, messagesOutCount: 0, bytesIn: 0, bytesOut: 0 },
    ...{ errorCount: 0, subscriptionCount: 0, subscriptions: [] },
    ...changes,
  };
}

const ORDERS: SubscriptionDescription = {
  ...{ id: '1', destination: '/queue/orders', topic: 'orders', group: 'default', creditMax: 3, heldCount: 0 },
};

function watched() {
  const watch = new DoorsWatch();
  const look = (...connections: readonly ConnectionDescription[]): string[] => {
    const told: string[] = [];
    watch.sample({ tell: (_tone, key, values) => void told.push(translate('en', key, values)) }, connections);
    return told;
  };
  return look;
}

test('who comes, what it reads and that it went is told once each, and nothing of the screen itself', () => {
  const look = watched();
  assert.deepEqual(look(connection('http-1'), connection('tcp-1')), []);
  const shop = { clientId: 'shop' };
  assert.deepEqual(look(connection('tcp-1'), connection('stomp-1', shop)), ['stomp shop came, from 127.0.0.1:4000']);
  const reading = connection('stomp-1', { ...shop, subscriptionCount: 1, subscriptions: [ORDERS] });
  assert.deepEqual(look(reading), ['stomp shop reads /queue/orders, in group "default"']);
  assert.deepEqual(look(reading), []);
  assert.deepEqual(look(connection('mqtt-1')), ['mqtt-1 came, from 127.0.0.1:4000', 'stomp shop went']);
});

test('of a crowd the first few are told, and no name moves the cursor', () => {
  const look = watched();
  const crowd = Array.from({ length: 100 }, (_, index) =>
    connection(`mqtt-${index}`, { clientId: `a\u001b[${index}m\n` }),
  );
  const told = look(...crowd);
  assert.equal(told.length, 4);
  for (const text of told) assert.doesNotMatch(text, /\p{Cc}/u);
  assert.equal(look().length, 4);
});
