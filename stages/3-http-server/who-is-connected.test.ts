/** `GET /connections`: what a server that keeps a book tells of it, to whom, and what a client makes of the answer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConnectionDescription } from '../../shared/contract/connections.ts';
import { isMqError, MqError } from '../../shared/contract/errors.ts';
import { type ClientOptions, createConnectionsReader } from './create-client.ts';
import { ask, openDoor } from './testing/doors.ts';

const CONNECTION: ConnectionDescription = {
  ...{ id: 'stomp-1', door: 'stomp', address: '127.0.0.1:4000', connectedAt: 1_800_000_000_000 },
  ...{ clientId: 'shop', protocolVersion: '1.2', principal: 'alice' },
  ...{ messagesInCount: 1, messagesOutCount: 2, bytesIn: 30, bytesOut: 40, errorCount: 0, subscriptionCount: 1 },
  subscriptions: [{ id: '0', destination: '/queue/a', topic: 'a', group: 'default', creditMax: null, heldCount: 2 }],
};

async function fetchConnections(url: string, options?: ClientOptions): Promise<readonly ConnectionDescription[]> {
  await using reader = createConnectionsReader(url, options);
  return await reader.read();
}

test('the book is told as it is when somebody asks, and the client reads all of it', async () => {
  let now: readonly ConnectionDescription[] = [];
  await using door = await openDoor({ connections: () => now });
  assert.deepEqual((await ask(`${door.url}/connections`)).body, { connections: [] });
  now = [CONNECTION, { ...CONNECTION, id: 'mqtt-1', clientId: null, principal: null, protocolVersion: null }];
  assert.deepEqual(await fetchConnections(door.url), now);
});

test('a server without a book says that it keeps none', async () => {
  await using door = await openDoor();
  const { status, body } = await ask(`${door.url}/connections`);
  assert.deepEqual([status, body.code], [501, 'MQ_NOT_SUPPORTED']);
  await assert.rejects(fetchConnections(door.url), (error) => isMqError(error, 'MQ_NOT_SUPPORTED'));
});

test('it is told to nobody without the token', async () => {
  await using door = await openDoor({ token: 'planted-token', connections: () => [CONNECTION] });
  await assert.rejects(fetchConnections(door.url), (error) => isMqError(error, 'MQ_UNAUTHORIZED'));
  assert.equal((await fetchConnections(door.url, { token: 'planted-token' })).length, 1);
});

test('an Admission decides of which connections a caller is told', async () => {
  await using door = await openDoor();
  const admission = {
    admit: async () => Object.create(door.broker),
    sees: (_admitted: unknown, { principal }: ConnectionDescription) => principal === 'alice',
  };
  const others = { ...CONNECTION, id: 'stomp-2', principal: 'bob' };
  await using guarded = await openDoor({ admission, connections: () => [others, CONNECTION] });
  assert.deepEqual(await fetchConnections(guarded.url), [CONNECTION]);
});

test('an answer of another shape is no answer', async () => {
  const wrong = { ...CONNECTION, subscriptions: 'none' } as unknown as ConnectionDescription;
  await using door = await openDoor({
    connections: () => [wrong],
    onDefect: () => undefined,
  });
  await assert.rejects(fetchConnections(door.url), MqError);
});
