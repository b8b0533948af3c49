/** Peers that send too much or read too little: what is kept for them is bounded, and nobody else waits for them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Delivery } from '../../../../shared/contract/message.ts';
import { encodeMessages } from '../../../3-http-server/message-codec.ts';
import { until } from '../../../3-http-server/testing/until.ts';
import { createTcpClient } from './create-client.ts';
import { FRAME } from './frame.ts';
import { writeCall, writeFetch, writeReceive, writeSend } from './requests.ts';
import { described, openDoor } from './testing/doors.ts';
import { framesOf, Stranger } from './testing/stranger.ts';

const MEBIBYTE = 1024 * 1024;
const SEND = {
  ...{ topic: 't', partition: undefined, timeoutMs: undefined, isCancellable: false, isSingle: true },
  ...{ isBatch: false, wantsIds: false, bytes: encodeMessages([{ body: new Uint8Array(100_000) }]) },
};
const FETCH = {
  ...{ topic: 't', partition: 0, offset: 0, max: 1000, bytesMax: 8 * MEBIBYTE, waitMs: 0 },
  ...{ isCancellable: false, takesBatches: false, takesOnlyBatches: false, isolation: undefined },
};

test('a client that asks for much and reads nothing is disconnected, and others do not notice', async () => {
  await using door = await openDoor({ unsentBytesMax: 4 * MEBIBYTE });
  await using control = await createTcpClient(door.url);
  await control.sendBatch(
    't',
    Array.from({ length: 60 }, () => ({ body: new Uint8Array(100_000) })),
  );
  const stranger = await Stranger.greeted(door.port);
  stranger.socket.pause();
  for (let id = 1; id <= 100; id += 1) stranger.write((out) => writeFetch(out, id, FETCH));
  await until('it is disconnected', () => door.server.connectionCount === 1);
  assert.equal((await control.fetch('t')).records.length, 1);
  stranger.destroy();
});

test('a client that reads nothing of what it is owed is disconnected when its time is over', async () => {
  await using door = await openDoor({ stalledMs: 200, heartbeatMs: 50 });
  await door.broker.sendBatch(
    't',
    Array.from({ length: 60 }, () => ({ body: new Uint8Array(100_000) })),
  );
  const stranger = await Stranger.greeted(door.port);
  stranger.socket.pause();
  for (let id = 1; id <= 3; id += 1) stranger.write((out) => writeFetch(out, id, FETCH));
  await until('it is disconnected', () => door.server.connectionCount === 0);
  stranger.destroy();
});

test('what waits for one slow client is not claimed for it: a subscriber that does not read is pushed no more', async () => {
  await using door = await openDoor();
  await door.broker.createTopic('t');
  const stranger = await Stranger.greeted(door.port);
  const args = ['t', { group: 'g', creditMax: 10_000 }];
  stranger.write((out) => writeCall(out, 1, Buffer.from(JSON.stringify({ op: 'subscribe', args }))));
  assert.equal((await stranger.next()).type, FRAME.result);
  stranger.socket.pause();
  for (let round = 0; round < 30; round += 1) {
    await door.broker.sendBatch(
      't',
      Array.from({ length: 10 }, () => ({ body: new Uint8Array(100_000) })),
    );
  }
  await until('it is pushed some', async () => ((await described(door.broker, 't'))?.inFlightCount ?? 0) > 10);
  // 30 MB are there; what sockets hold on both sides, and a megabyte or two here, is all that is claimed.
  const counts = await described(door.broker, 't');
  assert.ok((counts?.inFlightCount ?? 0) < 200, `${counts?.inFlightCount} claimed`);
  stranger.destroy();
  await until('all is back', async () => (await described(door.broker, 't'))?.inFlightCount === 0);
});

test('sends that wait for room are bounded: no more of them is read until some are answered', async () => {
  await using door = await openDoor({ unansweredBytesMax: MEBIBYTE });
  await door.broker.createTopic('t', { messagesMax: 1 });
  const stranger = await Stranger.greeted(door.port);
  for (let id = 1; id <= 40; id += 1) stranger.write((out) => writeSend(out, id, SEND));
  await until('some wait', async () => ((await described(door.broker, 't'))?.waiterCount ?? 0) >= 10);
  for (let turn = 0; turn < 100; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  const waiting = (await described(door.broker, 't'))?.waiterCount ?? 0;
  // A piece of the stream that was read already may hold one or a few more.
  assert.ok(waiting < 16, `${waiting} wait`);
  let answered = 0;
  while (answered < 40) {
    const deliveries: readonly Delivery[] = await door.broker.receive('t', { group: 'g', waitMs: 10_000 });
    await door.broker.ack(deliveries);
    answered += deliveries.length;
  }
  assert.deepEqual((await stranger.some(40)).map(({ id }) => id).at(-1), 40);
  stranger.destroy();
});

test('a client whose sends wait for room can still ack on the same connection, which makes the room', async () => {
  await using door = await openDoor({ unansweredBytesMax: MEBIBYTE });
  await using client = await createTcpClient(door.url);
  await client.createTopic('t', { messagesMax: 5 });
  await client.createGroup('t', 'g');
  const bodies = Array.from({ length: 100 }, () => ({ body: new Uint8Array(100_000) }));
  const sends = Promise.all(bodies.map((message) => client.send('t', message)));
  let finished = 0;
  while (finished < 100) {
    const deliveries = await client.receive('t', { group: 'g', max: 10, waitMs: 10_000 });
    await client.ack(deliveries);
    finished += deliveries.length;
  }
  assert.equal((await sends).length, 100);
});

test('a thousand receives that wait, and a thousand subscribers’ worth of frames in one piece, are all answered', async () => {
  await using door = await openDoor();
  const stranger = await Stranger.greeted(door.port);
  const receive = {
    ...{ topic: 't', group: 'g', memberId: 'm', max: 1, bytesMax: undefined, waitMs: 60_000, leaseMs: undefined },
    ...{ isCancellable: false, takesBatches: false, takesOnlyBatches: false },
  };
  stranger.socket.write(
    framesOf((out) => {
      for (let id = 1; id <= 1000; id += 1) writeReceive(out, id, receive);
      for (let id = 1001; id <= 2000; id += 1) writeSend(out, id, { ...SEND, bytes: encodeMessages([{ body: 'x' }]) });
    }),
  );
  const frames = await stranger.some(2000);
  assert.deepEqual(
    frames.map(({ id }) => id).toSorted((one, other) => one - other),
    Array.from({ length: 2000 }, (_, index) => index + 1),
  );
  assert.equal(frames.filter(({ type }) => type === FRAME.deliveries).length, 1000);
  stranger.destroy();
});
