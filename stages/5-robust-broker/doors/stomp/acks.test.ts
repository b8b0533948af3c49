/** ACK, NACK and transactions: what becomes of a message that a client of STOMP was sent. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Broker } from '../../../../shared/contract/broker.ts';
import { deadLetterTopicOf } from '../../../../shared/contract/message.ts';
import { until } from '../../../3-http-server/testing/until.ts';
import { openDoor, openRobustDoor } from './testing/doors.ts';
import { Peer, type Said } from './testing/peer.ts';

const QUEUE = { destination: '/queue/q' };

async function sendAll(broker: Broker, bodies: readonly string[]): Promise<void> {
  for (const body of bodies) await broker.send('q', { body });
}

async function some(peer: Peer, count: number): Promise<readonly Said[]> {
  const frames: Said[] = [];
  while (frames.length < count) frames.push(await peer.hears());
  return frames;
}

async function finishedCount(broker: Broker): Promise<number | undefined> {
  return (await broker.describeTopics({ topic: 'q' }))[0]?.groups[0]?.committedOffset;
}

const bodies = (frames: readonly Said[]): readonly string[] => frames.map(({ body }) => body);

test('ack:client is of all messages before it, too; ack:client-individual of one', async () => {
  for (const [ack, finished] of [
    ['client', 2],
    ['client-individual', 0],
  ] as const) {
    await using door = await openDoor();
    await sendAll(door.broker, ['one', 'two', 'three']);
    const peer = await Peer.connected(door.port);
    await peer.asks('SUBSCRIBE', { ...QUEUE, id: 's', ack });
    const frames = await some(peer, 3);
    assert.deepEqual(bodies(frames), ['one', 'two', 'three']);
    await peer.asks('ACK', { id: frames[1]?.headers.ack ?? '' });
    assert.equal(await finishedCount(door.broker), finished, ack);
    await peer.asks('DISCONNECT');
    await peer.rest();
    const left = await door.broker.receive('q', { max: 10 });
    assert.deepEqual(
      left.map(({ body, deliveryCount }) => [Buffer.from(body).toString(), deliveryCount]),
      ack === 'client'
        ? [['three', 1]]
        : [
            ['one', 1],
            ['three', 1],
          ],
    );
  }
});

test('in 1.0 and 1.1 an ACK names the message, and in 1.1 the subscription', async () => {
  await using door = await openDoor();
  await sendAll(door.broker, ['one', 'two']);
  const old = await Peer.connected(door.port, '');
  await old.asks('SUBSCRIBE', { ...QUEUE, ack: 'client' });
  const [first, second] = await some(old, 2);
  assert.equal(first?.headers.ack, undefined);
  assert.equal(first?.headers.subscription, undefined);
  await old.asks('ACK', { 'message-id': first?.headers['message-id'] ?? '' });
  assert.equal(await finishedCount(door.broker), 1);
  await old.asks('DISCONNECT');
  const newer = await Peer.connected(door.port, 'accept-version:1.1\n');
  await newer.asks('SUBSCRIBE', { ...QUEUE, id: '7', ack: 'client' });
  const again = await newer.hears();
  assert.deepEqual([again.body, again.headers.redelivered], ['two', 'true']);
  assert.equal(again.headers['message-id'], second?.headers['message-id']);
  await newer.asks('ACK', { 'message-id': again.headers['message-id'] ?? '', subscription: '7' });
  assert.equal(await finishedCount(door.broker), 2);
});

test('what was nacked comes again, and at last is a dead letter; requeue:false makes it one at once', async () => {
  await using door = await openRobustDoor();
  await door.broker.createTopic('q');
  await door.broker.createGroup('q', 'default', { deliveriesMax: 2 });
  await sendAll(door.broker, ['bad', 'worse']);
  const peer = await Peer.connected(door.port);
  await peer.asks('SUBSCRIBE', { ...QUEUE, id: 's', ack: 'client-individual', 'prefetch-count': '1' });
  const first = await peer.hears();
  peer.says(`NACK\nid:${first.headers.ack}\n\n^@`);
  const again = await peer.hears();
  assert.deepEqual([again.body, again.headers['delivery-count'], again.headers.redelivered], ['bad', '2', 'true']);
  peer.says(`NACK\nid:${again.headers.ack}\n\n^@`);
  const other = await peer.hears();
  assert.equal(other.body, 'worse');
  await peer.asks('NACK', { id: other.headers.ack ?? '', requeue: 'false' });
  const { records } = await door.broker.fetch(deadLetterTopicOf('q', 'default'), { max: 10, waitMs: 1000 });
  assert.deepEqual(
    records.map(({ body }) => Buffer.from(body).toString()),
    ['bad', 'worse'],
  );
});

test('no more is sent than prefetch-count without an ack, in either spelling', async () => {
  await using door = await openDoor();
  await sendAll(door.broker, ['one', 'two', 'three']);
  for (const name of ['prefetch-count', 'activemq.prefetchSize']) {
    const peer = await Peer.connected(door.port);
    await peer.asks('SUBSCRIBE', { ...QUEUE, id: 's', ack: 'client', [name]: '2' });
    await some(peer, 2);
    const [group] = (await door.broker.describeTopics({ topic: 'q' }))[0]?.groups ?? [];
    assert.deepEqual([group?.inFlightCount, group?.availableCount], [2, 1]);
    await peer.asks('UNSUBSCRIBE', { id: 's' });
    peer.destroy();
  }
});

test('an ACK of nothing, of what was acked, or of a subscription without acks is an error, and the end', async () => {
  await using door = await openDoor();
  const headersOf = ['id:17\n', 'message-id:x\n', ''];
  for (const headers of headersOf) {
    const peer = await Peer.connected(door.port);
    peer.says(`ACK\n${headers}\n^@`);
    assert.equal(await peer.error(), 'MQ_INVALID_ARGUMENT');
  }
  await sendAll(door.broker, ['one']);
  const peer = await Peer.connected(door.port);
  await peer.asks('SUBSCRIBE', { ...QUEUE, id: 's', ack: 'client' });
  const { headers } = await peer.hears();
  await peer.asks('ACK', { id: headers.ack ?? '' });
  peer.says(`ACK\nid:${headers.ack}\nreceipt:r\n\n^@`);
  const [error] = await peer.rest();
  assert.deepEqual(
    [error?.command, error?.headers.code, error?.headers['receipt-id']],
    ['ERROR', 'MQ_INVALID_ARGUMENT', 'r'],
  );
});

test('a transaction takes effect at its COMMIT, acks too; ABORT, and the end of the connection, undo it', async () => {
  await using door = await openRobustDoor();
  await sendAll(door.broker, ['one']);
  const peer = await Peer.connected(door.port);
  await peer.asks('SUBSCRIBE', { ...QUEUE, id: 's', ack: 'client-individual' });
  const { headers } = await peer.hears();
  await peer.asks('BEGIN', { transaction: 't' });
  peer.says(
    'SEND\ndestination:/queue/out\ntransaction:t\n\nfirst^@SEND\ndestination:/queue/out\ntransaction:t\n\nsecond^@',
  );
  await peer.asks('ACK', { id: headers.ack ?? '', transaction: 't' });
  assert.deepEqual(await door.broker.receive('out', { max: 10 }), []);
  assert.equal(await finishedCount(door.broker), 0);
  await peer.asks('COMMIT', { transaction: 't' });
  const out = await door.broker.receive('out', { max: 10 });
  assert.deepEqual(
    out.map(({ body }) => Buffer.from(body).toString()),
    ['first', 'second'],
  );
  assert.equal(await finishedCount(door.broker), 1);
  // The name is free again.
  await peer.asks('BEGIN', { transaction: 't' });
  await peer.asks('SEND', { destination: '/queue/out', transaction: 't' }, 'never');
  await peer.asks('ABORT', { transaction: 't' });
  await peer.asks('BEGIN', { transaction: 'u' });
  await peer.asks('SEND', { destination: '/queue/out', transaction: 'u' }, 'never');
  peer.destroy();
  await until('it is gone', () => door.server.connectionCount === 0);
  await door.broker.send('out', { body: 'last' });
  await door.broker.ack(out);
  const [last] = await door.broker.receive('out', { max: 10, waitMs: 5000 });
  assert.equal(Buffer.from(last?.body ?? []).toString(), 'last');
});

test('a NACK in a transaction takes effect at its end', async () => {
  await using door = await openRobustDoor();
  await sendAll(door.broker, ['one']);
  const peer = await Peer.connected(door.port);
  await peer.asks('SUBSCRIBE', { ...QUEUE, id: 's', ack: 'client-individual' });
  const { headers } = await peer.hears();
  await peer.asks('BEGIN', { transaction: 't' });
  await peer.asks('NACK', { id: headers.ack ?? '', transaction: 't' });
  peer.says('COMMIT\ntransaction:t\nreceipt:c\n\n^@');
  const frames = await some(peer, 2);
  assert.deepEqual(frames.map(({ command }) => command).toSorted(), ['MESSAGE', 'RECEIPT']);
});

test('a transaction that is open already, or not at all, is an error', async () => {
  await using door = await openRobustDoor();
  const wrong = [
    ['BEGIN\ntransaction:t\n\n^@BEGIN\ntransaction:t\n\n^@', 'MQ_INVALID_ARGUMENT'],
    ['BEGIN\n\n^@', 'MQ_INVALID_ARGUMENT'],
    ['COMMIT\ntransaction:t\n\n^@', 'MQ_UNKNOWN_TRANSACTION'],
    ['ABORT\ntransaction:t\n\n^@', 'MQ_UNKNOWN_TRANSACTION'],
    ['SEND\ndestination:/queue/a\ntransaction:t\n\n^@', 'MQ_UNKNOWN_TRANSACTION'],
    ['ACK\nid:1\ntransaction:t\n\n^@', 'MQ_UNKNOWN_TRANSACTION'],
    ['BEGIN\ntransaction:t\n\n^@COMMIT\ntransaction:t\n\n^@COMMIT\ntransaction:t\n\n^@', 'MQ_UNKNOWN_TRANSACTION'],
  ] as const;
  for (const [frames, code] of wrong) {
    const peer = await Peer.connected(door.port);
    assert.equal(await peer.says(frames).error(), code, frames);
  }
});

test('what a lost connection held comes again at once, and counts as failed; what is given back does not', async () => {
  await using door = await openDoor();
  await sendAll(door.broker, ['one']);
  const lost = await Peer.connected(door.port);
  await lost.asks('SUBSCRIBE', { ...QUEUE, id: 's', ack: 'client' });
  await lost.hears();
  lost.destroy();
  const next = await Peer.connected(door.port);
  await next.asks('SUBSCRIBE', { ...QUEUE, id: 's', ack: 'client' });
  assert.equal((await next.hears()).headers['delivery-count'], '2');
  await next.asks('UNSUBSCRIBE', { id: 's' });
  await next.asks('SUBSCRIBE', { ...QUEUE, id: 's', ack: 'client' });
  assert.equal((await next.hears()).headers['delivery-count'], '2');
});

test('a subscriber without acks gets a long queue in order, with whatever prefetch', async () => {
  await using door = await openDoor();
  const messages = Array.from({ length: 2000 }, (_, index) => ({ body: String(index) }));
  for (const prefetch of ['1', '10', '2000']) {
    await door.broker.sendBatch('q', messages);
    const peer = await Peer.connected(door.port);
    await peer.asks('SUBSCRIBE', { ...QUEUE, id: 's', 'prefetch-count': prefetch });
    const frames = await some(peer, messages.length);
    assert.deepEqual(
      bodies(frames),
      messages.map(({ body }) => body),
    );
    await peer.asks('DISCONNECT');
  }
  assert.equal(await finishedCount(door.broker), 3 * messages.length);
});
