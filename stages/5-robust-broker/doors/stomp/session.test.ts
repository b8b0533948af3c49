/** What a client of STOMP can do, frame by frame. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../../3-http-server/testing/until.ts';
import { openDoor } from './testing/doors.ts';
import { Peer } from './testing/peer.ts';

test('CONNECT agrees on the best version of both, and says who answers', async () => {
  await using door = await openDoor();
  const cases = [
    ['accept-version:1.0,1.1,1.2\nhost:x\n', '1.2'],
    ['accept-version:1.1,1.0\n', '1.1'],
    ['accept-version:1.0\n', '1.0'],
    ['', '1.0'],
    ['accept-version:9.9, 1.1\n', '1.1'],
  ] as const;
  for (const [headers, version] of cases) {
    for (const command of ['CONNECT', 'STOMP']) {
      const peer = new Peer(door.port).says(`${command}\n${headers}\n^@`);
      const { command: answer, headers: said } = await peer.hears();
      assert.deepEqual([answer, said.version], ['CONNECTED', version]);
      assert.match(said.server ?? '', /^StageMQ\/\d/);
      assert.match(said.session ?? '', /^stomp-\d+$/);
      peer.destroy();
    }
  }
  const stranger = new Peer(door.port).says('CONNECT\naccept-version:3.0\n\n^@');
  const [error] = await stranger.rest();
  assert.deepEqual(
    [error?.command, error?.headers.version, error?.headers.code],
    ['ERROR', '1.0,1.1,1.2', 'MQ_PROTOCOL'],
  );
});

test('what is sent to a queue goes to one of its subscribers, with its headers and its body', async () => {
  await using door = await openDoor();
  const peer = await Peer.connected(door.port);
  await peer.asks('SUBSCRIBE', { id: 's', destination: '/queue/a' });
  const headers = { 'content-type': 'text/plain', price: '9\\c5', 'correlation-id': 'c-1', $own: 'x', key: 'k' };
  peer.says('SEND\ndestination:/queue/a\nfoo:1\nfoo:2\n');
  for (const [name, value] of Object.entries(headers)) peer.says(`${name}:${value}\n`);
  peer.says('content-length:4\n\na\0b\n^@');
  const { command, headers: got, body } = await peer.hears();
  assert.deepEqual([command, body], ['MESSAGE', 'a\0b\n']);
  const { 'message-id': id, timestamp, ...rest } = got;
  assert.ok(id !== undefined && Number(timestamp) > 0);
  assert.deepEqual(rest, { ...headers, subscription: 's', destination: '/queue/a', 'content-length': '4', foo: '1' });
  const [topic] = await door.broker.describeTopics({ topic: 'a' });
  await until('it is acked by itself', async () => {
    const [now] = await door.broker.describeTopics({ topic: 'a' });
    return now?.groups[0]?.committedOffset === 1;
  });
  assert.equal(topic?.groups[0]?.group, 'default');
});
