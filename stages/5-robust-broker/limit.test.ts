/** The limit of this stage, which shows, and those of stage 4, which do not any more. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import type { LimitReport } from '../../shared/lesson.ts';
import { SimulatedDisk } from '../../shared/simulated-disk.ts';
import { createRelay } from '../3-http-server/relay.ts';
import { createTcpClient, createTcpServer } from '../4-persisted-log/index.ts';
import { createStompServer } from './doors/stomp/server.ts';
import { createBroker } from './index.ts';
import { showLimits } from './limit.ts';

const reports: readonly LimitReport[] = await showLimits();

test('it is one machine: while it is away nobody is served', () => {
  const [machine, ...others] = reports;
  assert.equal(others.length, 0);
  assert.equal(machine?.isShown, true);
  assert.match(machine?.steps[1]?.en ?? '', /MQ_DATA_LOCKED/);
  assert.match(machine?.steps[2]?.en ?? '', /MQ_UNREACHABLE/);
});

test('every step and claim is told in both languages', () => {
  for (const { claim, next, steps } of reports) {
    for (const text of [claim, next, ...steps]) {
      assert.ok(text.en.length > 0);
      assert.match(text.zh, /\p{Script=Han}/u);
    }
  }
});

test('in stage 4 a lost answer plus a retry stored a duplicate; here the second one is known again', async () => {
  await using broker = await createBroker();
  await using server = await createTcpServer(broker);
  await using relay = await createRelay(server.url);
  await using client = await createTcpClient(relay.url.replace('http:', 'mq:'));
  const producer = { ...(await client.openProducer()), sequence: 0 };
  relay.cutNextAnswer();
  // A send with a number can be repeated without a thought, and the client does that by itself.
  const receipt = await client.send('bills', { id: 'bill-1', body: '4.20' }, { producer });
  assert.equal(relay.connectionCount, 2);
  const { records } = await broker.fetch('bills', { max: 10 });
  assert.deepEqual([receipt.offset, receipt.isDuplicate], [0, true]);
  assert.deepEqual(
    records.map(({ id }) => id),
    ['bill-1'],
  );
});

test('in stage 4 a failure between two topics left one without the other; here both are there, or neither', async () => {
  for (const isCommitted of [false, true]) {
    const disk = new SimulatedDisk();
    const before = await createBroker({ disk, dataFolder: '/data' });
    const transaction = await before.begin();
    await transaction.send('payments', { body: 'tea paid' });
    await transaction.send('deliveries', { body: 'bring tea' });
    if (isCommitted) await transaction.commit();
    const left = disk.crash();
    await using after = await createBroker({ disk: left, dataFolder: '/data' });
    const counts = [];
    for (const topic of ['payments', 'deliveries']) counts.push((await after.fetch(topic, { max: 10 })).records.length);
    assert.deepEqual(counts, isCommitted ? [1, 1] : [0, 0]);
    await before.close({ timeoutMs: 0 }).catch(() => undefined); // its disk is dead
  }
});

test('in stage 4 a STOMP client was not understood; here it is, and what it sends is read through any door', async () => {
  await using broker = await createBroker();
  await using server = await createStompServer(broker);
  const socket = connect({ host: '127.0.0.1', port: server.port });
  const frames = ['CONNECT\naccept-version:1.2\nhost:localhost\n\n', 'SEND\ndestination:/queue/orders\n\none tea'];
  socket.write([...frames, 'DISCONNECT\nreceipt:1\n\n', ''].join('\0'));
  let answer = '';
  for await (const bytes of socket) answer += (bytes as Buffer).toString('latin1');
  assert.match(answer, /^CONNECTED\nversion:1.2\n[\s\S]*\0RECEIPT\nreceipt-id:1\n\n\0$/);
  await using tcp = await createTcpServer(broker);
  await using client = await createTcpClient(tcp.url);
  const [delivery] = await client.receive('orders');
  assert.equal(Buffer.from(delivery?.body ?? []).toString(), 'one tea');
});
