/** One connection at the server: its members, its heartbeats, its limits and its end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../../../shared/clock.ts';
import type { Broker } from '../../../../shared/contract/broker.ts';
import { isMqError } from '../../../../shared/contract/errors.ts';
import type { Delivery } from '../../../../shared/contract/message.ts';
import { createBroker as createQueueBroker } from '../../../1-blocking-queue/index.ts';
import { until } from '../../../3-http-server/testing/until.ts';
import { readDeliveries } from './answers.ts';
import { createTcpClient } from './create-client.ts';
import { FRAME } from './frame.ts';
import { writeCall, writeFetch, writeReceive, writeSend } from './requests.ts';
import { createTcpServer } from './server.ts';
import { described, openDoor, untilWaiting } from './testing/doors.ts';
import { Stranger } from './testing/stranger.ts';
import { readError } from './wire-error.ts';

const isCode = (code: Parameters<typeof isMqError>[1]) => (error: unknown) => isMqError(error, code);

const RECEIVE = {
  ...{ topic: 't', group: 'g', memberId: 'm', max: 10, bytesMax: undefined, waitMs: 0, leaseMs: undefined },
  ...{ isCancellable: true, takesBatches: false, takesOnlyBatches: false },
};
const SEND = {
  ...{ topic: 't', partition: undefined, timeoutMs: undefined, isCancellable: false, isSingle: true },
  ...{ isBatch: false, wantsIds: false, bytes: Buffer.from('0000000100000006020001786869', 'hex') },
};

test('when a connection breaks, what it held comes again at once, counted as a lease that ended', async () => {
  await using door = await openDoor();
  for (const body of ['a', 'b', 'c']) await door.broker.send('t', { body });
  const stranger = await Stranger.greeted(door.port);
  stranger.write((out) => writeReceive(out, 1, { ...RECEIVE, max: 2 }));
  assert.equal(readDeliveries((await stranger.next()).content).blocks.length, 1);
  stranger.socket.resetAndDestroy();
  const next = await door.broker.receive('t', { group: 'g', max: 2, waitMs: 10_000 });
  assert.deepEqual([next[0]?.offset, next[0]?.deliveryCount], [2, 1]);
  const again = await door.broker.receive('t', { group: 'g', max: 2, waitMs: 10_000 });
  assert.deepEqual(
    again.map(({ offset, deliveryCount, redeliveryReason }) => [offset, deliveryCount, redeliveryReason]),
    [0, 1].map((offset) => [offset, 2, 'lease-expired']),
  );
});

test('what was acked, given back, or is another connection’s is not touched when a connection breaks', async () => {
  await using door = await openDoor();
  const one = await createTcpClient(door.url);
  await using other = await createTcpClient(door.url);
  await one.sendBatch(
    't',
    ['a', 'b', 'c', 'd'].map((body) => ({ body })),
  );
  const [a, b, c] = await one.receive('t', { group: 'g', max: 3 });
  const [d] = await other.receive('t', { group: 'g' });
  assert.ok(a !== undefined && b !== undefined && c !== undefined && d !== undefined);
  await one.ack([a]);
  await one.nack(b, { outcome: 'return' });
  await one.close();
  await until('it is gone', () => door.server.connectionCount === 1);
  const again: Delivery[] = [];
  while (again.length < 2) again.push(...(await other.receive('t', { group: 'g', max: 10, waitMs: 10_000 })));
  assert.deepEqual(
    again.map(({ offset, deliveryCount }) => [offset, deliveryCount]),
    [
      [1, 1],
      [2, 2],
    ],
  );
  await other.ack([d]);
});

test('a member leaves with the last connection that is it, and not with the first', async () => {
  await using door = await openDoor();
  await door.broker.send('t', { body: 'a' });
  const memberId = 'ann';
  const first = await createTcpClient(door.url);
  await using second = await createTcpClient(door.url);
  await first.receive('t', { group: 'g', memberId, max: 10 });
  await second.receive('t', { group: 'g', memberId });
  const members = async (): Promise<string[] | undefined> =>
    (await described(door.broker, 't'))?.groups[0]?.members.map((member) => member.memberId);
  await first.close();
  await until('its delivery is back', async () => (await described(door.broker, 't'))?.inFlightCount === 0);
  assert.deepEqual(await members(), [memberId]);
  await second.close();
  await until('it has left', async () => (await members())?.length === 0);
});

test('a peer that vanishes without a word is gone after two heartbeats, and its leases end', async () => {
  const clock = new VirtualClock();
  await using door = await openDoor({ clock, heartbeatMs: 1000 }, { clock });
  await door.broker.send('t', { body: 'a' });
  const stranger = await Stranger.greeted(door.port, { heartbeatMs: 500 });
  assert.equal(stranger.welcome.heartbeatMs, 500);
  stranger.write((out) => writeReceive(out, 1, RECEIVE));
  await stranger.next();
  await clock.pass(999);
  assert.equal(door.server.connectionCount, 1);
  await clock.pass(1);
  assert.equal(door.server.connectionCount, 0);
  await clock.pass(10);
  const counts = await described(door.broker, 't');
  assert.deepEqual([counts?.availableCount, counts?.inFlightCount], [1, 0]);
  stranger.destroy();
});

test('a connection on which nothing is asked stays, for as long as both sides have a heartbeat', async () => {
  const clock = new VirtualClock();
  await using door = await openDoor({ clock, heartbeatMs: 100 });
  await using client = await createTcpClient(door.url, { clock, heartbeatMs: 100 });
  for (let passedMs = 0; passedMs < 2000; passedMs += 25) {
    await clock.pass(25);
    // What was written on one turn arrives on one of the next.
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(client.connection.state, 'connected');
  assert.equal(door.server.connectionCount, 1);
});

test('a long poll whose connection breaks claims nothing', async () => {
  await using door = await openDoor();
  const stranger = await Stranger.greeted(door.port);
  stranger.write((out) => writeReceive(out, 1, { ...RECEIVE, waitMs: 60_000 }));
  await untilWaiting(door.broker, 't', 1);
  stranger.destroy();
  await untilWaiting(door.broker, 't', 0);
  await door.broker.send('t', { body: 'a' });
  assert.equal((await door.broker.receive('t', { group: 'g' }))[0]?.deliveryCount, 1);
});

test('deliveries that come for a connection that broke meanwhile go back, uncounted', async () => {
  const { broker, release } = await slowBroker();
  await using server = await createTcpServer(broker);
  await broker.send('t', { body: 'a' });
  const stranger = await Stranger.greeted(server.port);
  stranger.write((out) => writeReceive(out, 1, RECEIVE));
  await until('it is claimed', () => release.length === 1);
  stranger.destroy();
  await until('the server knows', () => server.connectionCount === 0);
  release[0]?.();
  await until('it is back', async () => (await described(broker, 't'))?.availableCount === 1);
  release.length = 0;
  const next = broker.receive('t', { group: 'g' });
  await until('it is asked for', () => release.length === 1);
  release[0]?.();
  assert.equal((await next)[0]?.deliveryCount, 1);
  await server.close({ timeoutMs: 0 });
  await broker.close();
});

test('beyond the number of requests one is refused, and those that wait are not', async () => {
  await using door = await openDoor({ requestsCountMax: 3 });
  const stranger = await Stranger.greeted(door.port);
  for (const id of [1, 2, 3, 4]) stranger.write((out) => writeReceive(out, id, { ...RECEIVE, waitMs: 60_000 }));
  const { id, content } = await stranger.next();
  assert.deepEqual([id, readError(content).code], [4, 'MQ_LIMIT_EXCEEDED']);
  await door.broker.send('t', { body: 'a' });
  assert.equal((await stranger.next()).type, FRAME.deliveries);
  stranger.destroy();
});

test('a client keeps below the number of requests by itself, and all of them are answered', async () => {
  await using door = await openDoor({ requestsCountMax: 4 });
  await using client = await createTcpClient(door.url);
  const receipts = await Promise.all(Array.from({ length: 100 }, () => client.send('t', { body: 'x' })));
  assert.equal(receipts.length, 100);
});

test('subscriptions have a number at most, and a closed one makes room', async () => {
  await using door = await openDoor({ subscriptionsCountMax: 2 });
  await using client = await createTcpClient(door.url);
  await client.createTopic('t');
  const open = () => client.subscribe('t', { group: 'g', creditMax: 1 }, () => undefined);
  const first = await open();
  await open();
  await assert.rejects(open(), isCode('MQ_LIMIT_EXCEEDED'));
  await first.close();
  await (await open()).close();
});

test('a server that closes answers all that waits, takes nothing new, and ends every connection', async () => {
  const door = await openDoor();
  await door.broker.createTopic('full', { messagesMax: 1 });
  await door.broker.send('full', { body: 'x' });
  const stranger = await Stranger.greeted(door.port);
  stranger.write((out) => {
    writeReceive(out, 1, { ...RECEIVE, waitMs: 60_000 });
    writeSend(out, 2, { ...SEND, topic: 'full' });
    const fetch = { topic: 'full', partition: 0, offset: 1, max: 1, bytesMax: undefined, waitMs: 60_000 };
    const flags = { isCancellable: false, takesBatches: false, takesOnlyBatches: false, isolation: undefined };
    writeFetch(out, 3, { ...fetch, ...flags });
  });
  await untilWaiting(door.broker, 'full', 2);
  await untilWaiting(door.broker, 't', 1);
  await door.server.close();
  const frames = await stranger.rest();
  const said = frames.map(({ type, id, content }) =>
    type === FRAME.failed || type === FRAME.goodbye ? [type, id, readError(content).code] : [type, id],
  );
  assert.deepEqual(said[0], [FRAME.goodbye, 0, 'MQ_CLOSED']);
  assert.deepEqual(
    said.slice(1).toSorted(),
    [
      [FRAME.deliveries, 1],
      [FRAME.failed, 2, 'MQ_CLOSED'],
      [FRAME.records, 3],
    ].toSorted(),
  );
  assert.equal((await described(door.broker, 'full'))?.logEndOffset, 1);
  await door.broker.close();
});

test('a server that closes does not wait for a client that answers nothing longer than it was told', async () => {
  const door = await openDoor();
  const stranger = await Stranger.greeted(door.port);
  stranger.socket.pause();
  await door.server.close({ timeoutMs: 50 });
  assert.equal(door.server.connectionCount, 0);
  stranger.destroy();
  await door.broker.close();
});

test('a defect of the broker is MQ_INTERNAL, tells a stranger nothing, and is told to whoever runs the server', async () => {
  const defects: unknown[] = [];
  await using door = await openDoor({ onDefect: (error) => defects.push(error) });
  const secret = new TypeError('cannot read the secret');
  Object.assign(door.broker, { commit: () => Promise.reject(secret) });
  const stranger = await Stranger.greeted(door.port);
  const json = JSON.stringify({ op: 'commit', args: ['t', { group: 'g', offset: 0 }] });
  stranger.write((out) => writeCall(out, 1, Buffer.from(json)));
  const error = readError((await stranger.next()).content);
  assert.equal(error.code, 'MQ_INTERNAL');
  assert.ok(!error.message.includes('secret'));
  assert.deepEqual(defects, [secret]);
  stranger.destroy();
});

test('any broker will do: one without leases and groups is served as well, also by pushing', async () => {
  const broker = await createQueueBroker();
  await using server = await createTcpServer(broker);
  await using client = await createTcpClient(server.url);
  assert.deepEqual([...client.capabilities].toSorted(), ['batch', 'push', 'receive', 'send']);
  await client.createTopic('t');
  const bodies: string[] = [];
  const subscription = await client.subscribe('t', { creditMax: 2 }, ({ body, leaseToken }) => {
    assert.equal(leaseToken, null);
    bodies.push(Buffer.from(body).toString());
  });
  for (let index = 0; index < 20; index += 1) await client.send('t', { body: String(index) });
  await until('all came', () => bodies.length === 20);
  assert.deepEqual(
    bodies,
    Array.from({ length: 20 }, (_, index) => String(index)),
  );
  await subscription.close();
  await assert.rejects(client.ack([]), isCode('MQ_NOT_SUPPORTED'));
  await broker.close();
});

/** A broker whose receives are answered when a test says so. */
async function slowBroker(): Promise<{ broker: Broker; release: (() => void)[] }> {
  const { createBroker } = await import('../../../2-ring-buffer/index.ts');
  const broker = await createBroker();
  const release: (() => void)[] = [];
  const receive = broker.receive.bind(broker);
  return {
    release,
    broker: Object.assign(broker, {
      receive: async (topic: string, options: object) => {
        const deliveries = await receive(topic, options);
        await new Promise<void>((resolve) => release.push(resolve));
        return deliveries;
      },
    }),
  };
}
