/** `mq connections`: who is there, in a table and as JSON, and what it refuses. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ConnectionDescription } from '../shared/contract/connections.ts';
import { createServer } from '../stages/3-http-server/index.ts';
import { createTcpClient } from '../stages/4-persisted-log/index.ts';
import { type OpenedServer, openServer, openTarget } from './target.ts';
import { runCaptured } from './testing/captured-terminal.ts';

let server: OpenedServer;
before(async () => {
  server = await openServer(2, { tcp: { port: 0 } });
});
after(() => server.close(0));

const SHOP: ConnectionDescription = {
  ...{ id: 'stomp-1', door: 'stomp', address: '127.0.0.1:4000', connectedAt: Date.now() - 90_000 },
  ...{ clientId: 'shop\n', protocolVersion: '1.2', principal: 'alice', subscriptionCount: 30 },
  ...{ messagesInCount: 3, messagesOutCount: 2, bytesIn: 300, bytesOut: 200, errorCount: 1 },
  subscriptions: [
    { id: '0', destination: '/queue/orders', topic: 'orders', group: 'default', creditMax: 10, heldCount: 2 },
    { id: '1', destination: '/topic/prices', topic: 'topic/prices', group: 'shop/p', creditMax: null, heldCount: 0 },
  ],
};

test('who is connected is listed with the door and what it subscribed to, and counted for each', async () => {
  const client = await createTcpClient(server.doors.tcp?.url ?? '', { name: 'shop' });
  try {
    await client.send('orders', { body: 'tea' });
    const come = Promise.withResolvers<unknown>();
    await client.subscribe('orders', { creditMax: 1 }, come.resolve);
    await come.promise;
    const { exitCode, stdout, stderr } = await runCaptured(['connections', server.url]);
    assert.deepEqual([exitCode, stderr], [0, '']);
    assert.match(stdout, /^door +client +address +user +since +in +out +errors +reads\n/);
    assert.match(stdout, /^tcp +shop +127\.0\.0\.1:\d+ +- +\d+ m?s +- +- +- +orders: holds 1 of 1$/m);
    assert.match(stdout, /\n\n2 connections: http 1, tcp 1\n$/);
    const listed = JSON.parse((await runCaptured(['connections', '--json', '--target', server.url])).stdout);
    assert.deepEqual(
      listed.map(({ door }: ConnectionDescription) => door),
      ['http', 'tcp'],
    );
  } finally {
    await client.close();
  }
});

test('what somebody reads has a line for each subscription, in the words of the protocol, and nothing that moves a cursor', async () => {
  const { broker } = await openTarget('2');
  await using lister = await createServer(broker, { connections: () => [SHOP] });
  const { stdout } = await runCaptured(['connections', '--target', lister.url]);
  await broker.close();
  const [, first = '', second = '', third = ''] = stdout.split('\n');
  assert.match(
    first,
    /^stomp {2}shop\\n +127\.0\.0\.1:4000 {2}alice {2}1 min +3 +2 +1 +\/queue\/orders: holds 2 of 10$/,
  );
  assert.match(second, /^ +\/topic\/prices: group shop\/p, holds 0$/);
  assert.match(third, /^ +and 28 more$/);
});

test('what is no server, or keeps no book, is told so, with what to type', async () => {
  const wrong = async (...args: string[]): Promise<string> => {
    const { exitCode, stderr } = await runCaptured(['connections', ...args]);
    assert.notEqual(exitCode, 0);
    return stderr;
  };
  assert.match(await wrong('2'), /^mq: stage 2 is no server.*\n +type: mq serve 2/);
  assert.match(await wrong('mq://127.0.0.1:6768'), /^mq: who is connected is told over HTTP/);
  assert.match(
    await wrong('mqtt://shop:planted@127.0.0.1:1883'),
    /^mq: mqtt: is for clients of MQTT; mq itself speaks HTTP and TCP\n +type a stage .* mq:\/\/127\.0\.0\.1:6768$/m,
  );
  for (const url of ['ws://127.0.0.1:61613', 'stomp://127.0.0.1:61613', 'failover:(tcp://127.0.0.1:61616)'])
    assert.match(await wrong(url), /^mq: \w+: is for clients of (STOMP or MQTT|STOMP|OpenWire);/);
  assert.match(await wrong('nonsense'), /^mq: a target is a stage number or a url/);
  assert.match(await wrong(server.url, '--target', server.url), /^mq: the target is named twice/);
  assert.match(await wrong(server.url, 'more'), /^mq: too many arguments/);
  assert.match(await wrong('http://127.0.0.1:1'), /nobody answers|refused|MQ_UNREACHABLE/);
  const { broker } = await openTarget('2');
  await using bookless = await createServer(broker);
  assert.match(await wrong(bookless.url), /keeps no book of who is connected/);
  await broker.close();
});
