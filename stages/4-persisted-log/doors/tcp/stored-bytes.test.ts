/** In front of the log: stored bytes pass through the door as they are, compressed as the sender compressed them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Broker } from '../../../../shared/contract/broker.ts';
import { isMqError } from '../../../../shared/contract/errors.ts';
import type { Delivery } from '../../../../shared/contract/message.ts';
import { until } from '../../../3-http-server/testing/until.ts';
import { AT, BATCH_HEAD_BYTES, encodeBatch } from '../../bytes/record-batch.ts';
import { createBroker } from '../../index.ts';
import { BatchList } from './batch-list.ts';
import { createTcpClient, type TcpBroker, type TcpClientOptions } from './create-client.ts';
import { createTcpServer } from './server.ts';
import { described } from './testing/doors.ts';

interface OpenLog extends AsyncDisposable {
  readonly broker: Broker;
  connect(options?: TcpClientOptions): Promise<TcpBroker>;
}

async function openLog(): Promise<OpenLog> {
  const broker = await createBroker({ flushPolicy: 'never' });
  const server = await createTcpServer(broker);
  return {
    broker,
    connect: (options) => createTcpClient(server.url, options),
    [Symbol.asyncDispose]: async () => {
      await server.close({ timeoutMs: 0 });
      await broker.close();
    },
  };
}

const numbersFrom = (from: number, below: number): number[] =>
  Array.from({ length: below - from }, (_, index) => from + index);

const jsonLike = (count: number): { body: string }[] =>
  Array.from({ length: count }, (_, index) => ({
    body: JSON.stringify({ order: index, drink: 'espresso', milk: false }),
  }));

test('a batch is stored with the bytes its sender made, and read with the bytes that are stored', async () => {
  await using log = await openLog();
  await using client = await log.connect();
  const batch = encodeBatch([{ body: Buffer.from('a') }, { body: Buffer.from('b'), key: 'k' }], {
    ...{ idPrefix: 'mine-', firstIdNumber: 7 },
  });
  const before = Buffer.from(batch);
  const receipt = await client.appendBatch?.('t', batch);
  assert.deepEqual([receipt?.baseOffset, receipt?.count, receipt?.durability], [0, 2, 'written']);
  assert.deepEqual(Buffer.from(batch), before, 'the caller’s array is as it was');
  const fetched = await client.fetchBatches?.('t');
  assert.ok(fetched !== undefined);
  const content = (bytes: Uint8Array): Buffer => Buffer.from(bytes).subarray(AT.contentCrc);
  assert.deepEqual(content(fetched.bytes), content(batch));
  const [received] = (await client.receiveBatches?.('t', { group: 'g', max: 10 })) ?? [];
  assert.deepEqual(Buffer.from(received?.bytes ?? []), Buffer.from(fetched.bytes));
  assert.deepEqual(
    received?.runs.map(({ fromOffset, count }) => [fromOffset, count]),
    [[0, 2]],
  );
  assert.deepEqual(
    (await client.fetch('t', { max: 10 })).records.map(({ id, key }) => [id, key]),
    [
      ['mine-7', undefined],
      ['mine-8', 'k'],
    ],
  );
});

test('compressed batches are as small in the log as on the wire, and read by a client that compresses nothing', async () => {
  await using log = await openLog();
  const sizes: Record<string, number> = {};
  for (const codec of ['none', 'gzip', 'zstd'] as const) {
    await using sender = await log.connect({ codec });
    await using reader = await log.connect();
    await sender.sendBatch(codec, jsonLike(1000));
    const { bytes } = (await reader.fetchBatches?.(codec)) ?? { bytes: new Uint8Array() };
    assert.equal(new BatchList([bytes]).batches.length, 1);
    sizes[codec] = bytes.length;
    const { records } = await reader.fetch(codec, { max: 1000 });
    assert.deepEqual(
      records.map(({ body }) => Buffer.from(body).toString()),
      jsonLike(1000).map(({ body }) => body),
    );
  }
  assert.ok(
    (sizes.gzip ?? 0) < 0.4 * (sizes.none ?? 0) && (sizes.zstd ?? 0) < 0.4 * (sizes.none ?? 0),
    JSON.stringify(sizes),
  );
});

test('an answer ends with a batch, and begins no other that it has no room for: its bytes would travel twice', async () => {
  await using log = await openLog();
  await using client = await log.connect();
  for (let count = 0; count < 3; count += 1) await client.sendBatch('t', jsonLike(100));
  const receive = async (max: number): Promise<number[]> =>
    (await client.receive('t', { group: 'g', max })).map(({ offset }) => offset ?? -1);
  assert.deepEqual(await receive(150), numbersFrom(0, 100));
  assert.deepEqual(await receive(70), numbersFrom(100, 170), 'of the first one what was asked for');
  assert.deepEqual(await receive(90), numbersFrom(170, 200), 'the rest of it');
  assert.deepEqual(await receive(1000), numbersFrom(200, 300));
  await client.createTopic('small');
  for (let count = 0; count < 100; count += 1) await client.send('small', { body: 'x' });
  assert.equal((await client.receive('small', { max: 80 })).length, 80);
});

test('a damaged batch is refused, and nothing of it is stored', async () => {
  await using log = await openLog();
  await using client = await log.connect();
  const batch = encodeBatch(
    jsonLike(10).map(({ body }) => ({ body: Buffer.from(body) })),
    {
      ...{ idPrefix: 'x', firstIdNumber: 1 },
    },
  );
  for (const at of [AT.contentCrc, AT.recordCount, BATCH_HEAD_BYTES, batch.length - 1]) {
    const damaged = new Uint8Array(batch);
    damaged[at] = (damaged[at] ?? 0) ^ 1;
    await assert.rejects(client.appendBatch?.('t', damaged) ?? Promise.resolve(), (error) => isMqError(error));
  }
  assert.deepEqual(await log.broker.describeTopics(), []);
});

test('what only a plain message can be carries over: delays, times to live, priorities, partitions', async () => {
  await using log = await openLog();
  await using client = await log.connect();
  await client.createTopic('t', { partitionCount: 3 });
  const deliverAt = Date.now() + 3_600_000;
  const delayed = await client.send('t', { body: 'later', deliverAt });
  assert.deepEqual([delayed.offset, delayed.deliverAt], [null, deliverAt]);
  const urgent = { body: 'urgent', priority: 9, ttlMs: 60_000, key: 'k', headers: { h: 'v' }, id: 'my-id' };
  const { partition, id } = await client.send('t', urgent);
  assert.equal(id, 'my-id');
  assert.equal((await client.send('t', { body: 'same key', key: 'k' })).partition, partition);
  const [first, second] = await client.receive('t', { group: 'g', max: 10 });
  assert.deepEqual([first?.priority, first?.key, { ...first?.headers }], [9, 'k', { h: 'v' }]);
  assert.equal((first?.expiresAt ?? 0) - (first?.timestamp ?? 0), 60_000);
  assert.equal(second?.priority, undefined);
  await assert.rejects(client.send('t', { body: 'x', partition: 1 } as never), (error) => isMqError(error));
  assert.equal((await client.send('t', { body: 'x' }, { partition: 2 })).partition, 2);
});

test('a group that is exclusive is free again when the connection of its member breaks', async () => {
  await using log = await openLog();
  const first = await log.connect();
  await using second = await log.connect();
  await first.createTopic('t');
  await first.createGroup('t', 'g', { mode: 'exclusive' });
  await first.sendBatch('t', jsonLike(3));
  assert.equal((await first.receive('t', { group: 'g', max: 2 })).length, 2);
  await assert.rejects(second.receive('t', { group: 'g' }), (error) => isMqError(error, 'MQ_GROUP_TAKEN'));
  await first.close();
  const deliveries: Delivery[] = [];
  await until('the second one has all', async () => {
    deliveries.push(...(await second.receive('t', { group: 'g', max: 10 }).catch(() => [])));
    return deliveries.length === 3;
  });
  assert.deepEqual(deliveries.map(({ offset, deliveryCount }) => [offset, deliveryCount]).toSorted(), [
    [0, 2],
    [1, 2],
    [2, 1],
  ]);
});

test('a subscription is pushed everything once, in order, while a sender sends it', async () => {
  await using log = await openLog();
  await using sender = await log.connect({ codec: 'zstd' });
  await using reader = await log.connect();
  await sender.createTopic('t');
  const offsets: (number | null)[] = [];
  const unacked: Promise<void>[] = [];
  await reader.subscribe('t', { group: 'g', creditMax: 500 }, (delivery) => {
    offsets.push(delivery.offset);
    unacked.push(reader.ack([delivery]));
  });
  await Promise.all(Array.from({ length: 20 }, () => sender.sendBatch('t', jsonLike(100))));
  await until('all is pushed', () => offsets.length === 2000);
  await Promise.all(unacked);
  assert.deepEqual(
    offsets,
    Array.from({ length: 2000 }, (_, index) => index),
  );
  const topic = await described(log.broker, 't');
  assert.deepEqual([topic?.groups[0]?.committedOffset, topic?.inFlightCount], [2000, 0]);
});

test('of a large batch no more is sent than a few times what is wanted', async () => {
  await using log = await openLog();
  await using client = await log.connect();
  await client.sendBatch(
    't',
    Array.from({ length: 10_000 }, (_, index) => ({ body: `${index}`.padEnd(100) })),
  );
  const [all] = (await client.receiveBatches?.('t', { group: 'raw', max: 1 })) ?? [];
  assert.ok((all?.bytes.length ?? 0) > 1_000_000, 'whoever asks for stored batches gets them whole');
  const before = process.memoryUsage.rss();
  const offsets: (number | null)[] = [];
  for (const max of [1, 10, 1000, 1024]) {
    const deliveries = await client.receive('t', { group: 'g', max });
    const { records } = await client.fetch('t', { offset: offsets.length, max });
    assert.deepEqual(
      records.map(({ offset }) => offset),
      deliveries.map(({ offset }) => offset),
    );
    assert.ok(deliveries.every(({ body, offset }) => Number(Buffer.from(body).toString()) === offset));
    // A body that is a view keeps alive what it is a view of.
    const heldBytes = new Set(deliveries.map(({ body }) => body.buffer));
    const held = [...heldBytes].reduce((sum, { byteLength }) => sum + byteLength, 0);
    assert.ok(held < 400 * max + 4096, `${max} deliveries hold ${held} bytes`);
    offsets.push(...deliveries.map(({ offset }) => offset));
  }
  assert.equal(offsets.length, 2035);
  assert.ok(process.memoryUsage.rss() - before < 512 * 1024 * 1024);
});
