/** What a client of STOMP can do, frame by frame. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBroker as createQueueBroker } from '../../../1-blocking-queue/index.ts';
import { until } from '../../../3-http-server/testing/until.ts';
import { openDoor, openRobustDoor } from './testing/doors.ts';
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

test('each subscriber of a topic gets each message from then on; what nobody awaits is dropped', async () => {
  await using door = await openDoor();
  const peer = await Peer.connected(door.port);
  await peer.asks('SEND', { destination: '/topic/news' }, 'too early');
  await peer.asks('SUBSCRIBE', { id: '1', destination: '/topic/news' });
  await peer.asks('SUBSCRIBE', { id: '2', destination: '/topic/news', ack: 'client' });
  peer.says('SEND\ndestination:/topic/news\n\nhello^@');
  const got = [await peer.hears(), await peer.hears()].map(({ headers, body }) => [headers.subscription, body]);
  assert.deepEqual(got.toSorted(), [
    ['1', 'hello'],
    ['2', 'hello'],
  ]);
  await peer.asks('UNSUBSCRIBE', { id: '1' });
  peer.says('SEND\ndestination:/topic/news\n\nmore^@');
  const { headers, body } = await peer.hears();
  assert.deepEqual([headers.subscription, headers.destination, body], ['2', '/topic/news', 'more']);
});

test('a durable subscriber of a topic gets what came while it was away, until it unsubscribes for good', async () => {
  await using door = await openDoor();
  const [words, forget] = [{ id: 's', destination: '/topic/news' }, { id: 's' }];
  const ways: readonly Readonly<Record<string, string>>[] = [
    { 'activemq.subscriptionName': 'n' },
    { 'durable-subscriber-name': 'm' },
    { durable: 'true' },
  ];
  for (const durable of ways) {
    const come = async (): Promise<Peer> => {
      const peer = await Peer.connected(door.port, 'accept-version:1.2\nclient-id:c\n');
      await peer.asks('SUBSCRIBE', { ...words, ...durable });
      return peer;
    };
    await (await come()).asks('DISCONNECT');
    await door.broker.send('topic/news', { body: 'missed' });
    const again = await come();
    assert.equal((await again.hears()).body, 'missed');
    await again.asks('UNSUBSCRIBE', { ...forget, ...durable });
    await again.asks('DISCONNECT');
    const [topic] = await door.broker.describeTopics({ topic: 'topic/news' });
    assert.deepEqual(topic?.groups, []);
  }
  const nameless = await Peer.connected(door.port);
  nameless.says('SUBSCRIBE\nid:s\ndestination:/topic/news\ndurable:true\n\n^@');
  assert.equal(await nameless.error(), 'MQ_INVALID_ARGUMENT');
});

test('an answer finds its way through a temporary queue, which goes with its connection', async () => {
  await using door = await openRobustDoor();
  const [asking, answering] = [await Peer.connected(door.port), await Peer.connected(door.port)];
  await answering.asks('SUBSCRIBE', { id: 's', destination: '/queue/work' });
  await asking.asks('SUBSCRIBE', { id: 'mine', destination: '/temp-queue/answers' });
  await asking.asks('SEND', { destination: '/queue/work', 'reply-to': '/temp-queue/answers', 'correlation-id': '7' });
  const { headers } = await answering.hears();
  assert.match(headers['reply-to'] ?? '', /^\/temp-queue\/\$temp\//);
  assert.equal(headers['correlation-id'], '7');
  await answering.asks('SEND', { destination: headers['reply-to'] ?? '', 'correlation-id': '7' }, 'done');
  const answer = await asking.hears();
  assert.deepEqual([answer.headers.destination, answer.body], ['/temp-queue/answers', 'done']);
  await asking.asks('DISCONNECT');
  await until('it is deleted', async () => {
    const topics = await door.broker.describeTopics();
    return topics.every(({ topic }) => !topic.startsWith('$temp/'));
  });
});

test('a selector leaves to others what does not match', async () => {
  await using door = await openRobustDoor();
  const peer = await Peer.connected(door.port);
  await peer.asks('SUBSCRIBE', { id: 's', destination: '/queue/a', selector: "colour = 'red'" });
  await peer.asks('SEND', { destination: '/queue/a', colour: 'blue' }, 'blue');
  peer.says('SEND\ndestination:/queue/a\ncolour:red\n\nred^@');
  assert.equal((await peer.hears()).body, 'red');
  const [left] = await door.broker.receive('a', { waitMs: 1000 });
  assert.equal(Buffer.from(left?.body ?? []).toString(), 'blue');
  peer.says('SUBSCRIBE\nid:t\ndestination:/queue/a\nselector:colour =\n\n^@');
  assert.equal(await peer.error(), 'MQ_INVALID_SELECTOR');
});

test('priority, expires, delay and persistent are those of the contract', async () => {
  await using door = await openRobustDoor();
  const peer = await Peer.connected(door.port);
  const expires = Date.now() + 60_000;
  await peer.asks('SEND', { destination: '/queue/a', delay: '3600000' }, 'later');
  await peer.asks('SEND', { destination: '/queue/a', expires: '1000' }, 'too late');
  await peer.asks('SEND', { destination: '/queue/a' }, 'usual');
  const urgent = { destination: '/queue/a', priority: '9', expires: String(expires), persistent: 'false', type: 'x' };
  await peer.asks('SEND', urgent, 'urgent');
  await peer.asks('SUBSCRIBE', { id: 's', destination: '/queue/a' });
  const { body, headers } = await peer.hears();
  assert.deepEqual([body, headers.priority, headers.persistent, headers.type], ['urgent', '9', 'false', 'x']);
  assert.ok(Math.abs(Number(headers.expires) - expires) < 1000);
  assert.equal((await peer.hears()).body, 'usual');
  assert.equal((await door.broker.describeTopics({ topic: 'a' }))[0]?.delayedCount, 1);
});

test('every frame but CONNECT is answered with a receipt, when it is carried out', async () => {
  await using door = await openRobustDoor();
  const peer = new Peer(door.port).says('CONNECT\naccept-version:1.2\nreceipt:0\n\n^@');
  assert.equal((await peer.hears()).command, 'CONNECTED');
  await peer.asks('SUBSCRIBE', { id: 's', destination: '/queue/a', ack: 'client' });
  await peer.asks('BEGIN', { transaction: 't' });
  await peer.asks('SEND', { destination: '/queue/a', transaction: 't' });
  peer.says('COMMIT\ntransaction:t\n\n^@');
  const { headers } = await peer.hears();
  await peer.asks('ACK', { id: headers.ack ?? '' });
  await peer.asks('UNSUBSCRIBE', { id: 's' });
  await peer.asks('DISCONNECT');
  assert.deepEqual(await peer.rest(), []);
});

test('who is let in, as whom, and what of the broker is for him, the Admission says', async () => {
  const came: unknown[] = [];
  await using door = await openDoor({ token: 'secret', onRefused: ({ code }) => came.push(code) });
  for (const headers of ['', 'login:a\npasscode:guess\n', 'passcode:\n']) {
    const [error] = await new Peer(door.port).says(`CONNECT\n${headers}\n^@SEND\ndestination:/queue/a\n\n^@`).rest();
    assert.deepEqual([error?.command, error?.headers.code], ['ERROR', 'MQ_UNAUTHORIZED']);
  }
  const peer = await Peer.connected(door.port, 'accept-version:1.2\nlogin:a\npasscode:secret\n');
  await peer.asks('SEND', { destination: '/queue/a' });
  await using open = await openDoor({
    admission: {
      admit: async (credentials, from) => {
        came.push(credentials, from.door);
        return door.broker;
      },
      leave: () => came.push('left'),
    },
  });
  const user = await Peer.connected(open.port, 'login:ann\npasscode:p\n');
  user.destroy();
  await until('it has left', () => came.at(-1) === 'left');
  assert.deepEqual(came.slice(3), [{ user: 'ann', password: 'p' }, 'stomp', 'left']);
});

test('what the broker cannot do is an error that names it: a ring has no transactions, a queue no acks', async () => {
  await using ring = await openDoor();
  const begins = await Peer.connected(ring.port);
  const [error] = await begins.says('BEGIN\ntransaction:t\nreceipt:1\n\n^@').rest();
  assert.deepEqual([error?.headers.code, error?.headers['receipt-id']], ['MQ_NOT_SUPPORTED', '1']);
  assert.match(error?.body ?? '', /transactions/);
  await using queue = await openDoor({}, createQueueBroker);
  const peer = await Peer.connected(queue.port);
  await peer.asks('SUBSCRIBE', { id: 's', destination: '/queue/a' });
  await peer.asks('SEND', { destination: '/queue/a' }, 'hello');
  assert.equal((await peer.hears()).body, 'hello');
  peer.says('SUBSCRIBE\nid:t\ndestination:/queue/a\nack:client\n\n^@');
  const [refusal] = await peer.rest();
  assert.match(refusal?.body ?? '', /lease/);
  const listener = await Peer.connected(queue.port);
  assert.equal(await listener.says('SUBSCRIBE\nid:t\ndestination:/topic/a\n\n^@').error(), 'MQ_NOT_SUPPORTED');
});

test('a send waits for room, and an ack on the same connection makes it; a connection that ends takes its send back', async () => {
  await using door = await openDoor();
  await door.broker.createTopic('small', { messagesMax: 1 });
  const peer = await Peer.connected(door.port);
  await peer.asks('SUBSCRIBE', { id: 's', destination: '/queue/small', ack: 'client', 'prefetch-count': '1' });
  peer.says('SEND\ndestination:/queue/small\n\none^@');
  const first = await peer.hears();
  peer.says('SEND\ndestination:/queue/small\nreceipt:2\n\ntwo^@');
  await until('it waits', async () => (await door.broker.describeTopics({ topic: 'small' }))[0]?.waiterCount === 1);
  peer.says(`ACK\nid:${first.headers.ack}\n\n^@`);
  const heard = [await peer.hears(), await peer.hears()].map(({ command }) => command);
  assert.deepEqual(heard.toSorted(), ['MESSAGE', 'RECEIPT']);
  peer.says('SEND\ndestination:/queue/small\nreceipt:2\n\nthree^@');
  await until('it waits', async () => (await door.broker.describeTopics({ topic: 'small' }))[0]?.waiterCount === 1);
  peer.destroy();
  await until('nobody waits', async () => (await door.broker.describeTopics({ topic: 'small' }))[0]?.waiterCount === 0);
});

test('a server that stops answers what was begun, says why, and gives back what was held', async () => {
  await using door = await openDoor();
  const peer = await Peer.connected(door.port);
  await peer.asks('SUBSCRIBE', { id: 's', destination: '/queue/a', ack: 'client' });
  await peer.asks('SEND', { destination: '/queue/a' }, 'kept');
  await peer.hears();
  await door.server.close({ timeoutMs: 5000 });
  assert.equal(await peer.error(), 'MQ_CLOSED');
  const [delivery] = await door.broker.receive('a');
  assert.deepEqual([Buffer.from(delivery?.body ?? []).toString(), delivery?.deliveryCount], ['kept', 1]);
});

test('a name with wildcards is a subscription to all topics it covers, and a queue has none', async () => {
  await using door = await openDoor();
  const peer = await Peer.connected(door.port);
  await peer.asks('SUBSCRIBE', { id: 's', destination: '/topic/news.>' });
  await peer.asks('SUBSCRIBE', { id: 't', destination: '/topic/news.*.today' });
  for (const name of ['news.eu', 'news.eu.today', 'others']) {
    await peer.asks('SEND', { destination: `/topic/${name}` }, name);
  }
  const heard = [await peer.hears(), await peer.hears(), await peer.hears()];
  assert.deepEqual(heard.map(({ headers, body }) => `${headers.subscription} ${headers.destination} ${body}`).sort(), [
    's /topic/news.eu news.eu',
    's /topic/news.eu.today news.eu.today',
    't /topic/news.eu.today news.eu.today',
  ]);
  peer.says('SUBSCRIBE\nid:q\ndestination:/queue/news.>\n\n^@');
  const { command, headers } = await peer.hears();
  assert.deepEqual([command, headers.code], ['ERROR', 'MQ_INVALID_ARGUMENT']);
});
