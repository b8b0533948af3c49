import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeldSyncs } from '../../../shared/disk-faults.ts';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { createServer } from '../../3-http-server/index.ts';
import { createBroker } from '../index.ts';
import { histogramOf, openObserved, seriesOf } from '../testing/observed-broker.ts';
import { CHANNELS } from './channels.ts';

test('how long a message waited for its first delivery and for its ack is counted, for each message', async () => {
  const { broker, clock } = await openObserved();
  await broker.sendBatch('orders', [{ body: 'a' }, { body: 'b' }]);
  await clock.pass(3000);
  await broker.send('orders', { body: 'c' });
  await clock.pass(1000);
  const deliveries = await broker.receive('orders', { max: 3 });
  await clock.pass(500);
  await broker.ack(deliveries);
  const delivered = histogramOf(broker, 'mq_accepted_to_first_delivered_seconds');
  assert.deepEqual([delivered.count, delivered.sum], [3, 4 + 4 + 1]);
  const acked = histogramOf(broker, 'mq_accepted_to_acked_seconds');
  assert.deepEqual([acked.count, acked.sum], [3, 4.5 + 4.5 + 1.5]);
  const countOf = (atMost: number): unknown => acked.buckets.find((bucket) => bucket.atMost === atMost)?.count;
  assert.deepEqual([countOf(1), countOf(2.5), countOf(5)], [0, 1, 3]);
  assert.equal(seriesOf(broker, 'mq_stored_count'), 3);
  assert.equal(seriesOf(broker, 'mq_acked_count'), 3);
  await broker.close();
});

test('what is delivered again is no first delivery, and why it came back is counted', async () => {
  const { broker, clock } = await openObserved();
  await broker.createGroup('orders', 'g', {}).catch(() => broker.createTopic('orders'));
  await broker.createGroup('orders', 'g', { deliveriesMax: 2 });
  await broker.send('orders', { body: 'a' });
  const [first] = await broker.receive('orders', { group: 'g', leaseMs: 1000 });
  assert.ok(first !== undefined);
  await clock.pass(1000);
  const [second] = await broker.receive('orders', { group: 'g' });
  assert.ok(second !== undefined);
  await broker.nack(second, { outcome: 'retry' });
  assert.equal(histogramOf(broker, 'mq_accepted_to_first_delivered_seconds').count, 1);
  assert.equal(seriesOf(broker, 'mq_given_back_count', 'lease-expired'), 1);
  assert.equal(seriesOf(broker, 'mq_dead_count', 'deliveries'), 1);
  await broker.close();
});

test('of records from before a restart no latency is made up: they are counted', async () => {
  const { broker, clock, disk } = await openObserved();
  await broker.sendBatch('orders', [{ body: 'a' }, { body: 'b' }]);
  await broker.close();
  const again = await openObserved({}, { clock, disk });
  await again.broker.ack(await again.broker.receive('orders', { max: 2 }));
  assert.equal(histogramOf(again.broker, 'mq_accepted_to_acked_seconds').count, 0);
  assert.equal(seriesOf(again.broker, 'mq_latency_unknown_count'), 4, 'two deliveries, two acks');
  await again.broker.close();
});

test('a broker counts its own messages and not those of another one in the process', async () => {
  const one = await openObserved();
  const other = await openObserved();
  await one.broker.send('t', { body: 'a' });
  await other.broker.sendBatch('t', [{ body: 'a' }, { body: 'b' }]);
  assert.deepEqual([seriesOf(one.broker, 'mq_stored_count'), seriesOf(other.broker, 'mq_stored_count')], [1, 2]);
  await one.broker.close();
  await other.broker.close();
});

test('after close nobody listens any more, and a broker that is not to count never listened', async () => {
  const { broker } = await openObserved();
  assert.ok(Object.values(CHANNELS).some(({ isWatched }) => isWatched));
  await broker.close();
  const silent = await openObserved({ metrics: false });
  assert.deepEqual(
    Object.values(CHANNELS).filter(({ isWatched }) => isWatched),
    [],
  );
  assert.ok(
    silent.broker.metrics?.().every(({ kind }) => kind === 'gauge'),
    'only what is so now',
  );
  await silent.broker.close();
});

test('syncs of the disk are timed', async () => {
  const { broker, disk, clock } = await openObserved();
  await broker.send('t', { body: 'a' });
  const before = histogramOf(broker, 'mq_sync_seconds');
  const held = new HeldSyncs();
  disk.onCall = held.watch;
  const sent = broker.send('t', { body: 'b' });
  await clock.pass(2000);
  assert.equal(seriesOf(broker, 'mq_sync_stalled_seconds'), 2);
  held.open();
  await sent;
  const after = histogramOf(broker, 'mq_sync_seconds');
  assert.deepEqual([after.count - before.count, after.sum - before.sum], [1, 2]);
  disk.onCall = undefined;
  await broker.close();
});

test('health says what keeps a broker from its work, while its disk hangs too, and that it passed', async () => {
  const { broker, disk, clock } = await openObserved();
  await broker.send('t', { body: 'a' });
  assert.deepEqual(broker.health?.(), { isReady: true, findings: [] });
  const held = new HeldSyncs();
  disk.onCall = held.watch;
  const sent = broker.send('t', { body: 'b' });
  await clock.pass(4999);
  assert.equal(broker.health?.().isReady, true);
  await clock.pass(1);
  const stalled = { code: 'disk-stalled', text: 'the disk has not answered for 5 s', isBlocking: true };
  assert.deepEqual(broker.health?.(), { isReady: false, findings: [stalled] });
  held.open();
  await sent;
  disk.onCall = undefined;
  assert.equal(broker.health?.().isReady, true);
  await broker.close();
  assert.deepEqual(
    broker.health?.().findings.map(({ code }) => code),
    ['closing'],
  );
});

test('a log that cannot be opened again after a failure makes a broker not ready, until it can', async () => {
  const { broker, disk, clock } = await openObserved();
  await broker.send('t', { body: 'a' });
  disk.onCall = () => ({ code: 'EIO' });
  await assert.rejects(broker.send('t', { body: 'b' }), { code: 'MQ_STORAGE_FAILED' });
  await clock.pass(0);
  const codes = (): unknown => broker.health?.().findings.map(({ code }) => code);
  assert.deepEqual(codes(), ['storage-failed']);
  disk.onCall = undefined;
  await broker.send('t', { body: 'b' });
  assert.deepEqual(codes(), []);
  await broker.close();
});

test('a disk with little room makes a broker not ready', async () => {
  const disk = new SimulatedDisk();
  const { broker, clock } = await openObserved({ diskReserveBytes: 1_000_000 }, { disk });
  await broker.send('t', { body: 'a' });
  disk.capacityBytes = 100_000;
  await clock.pass(1000);
  broker.health?.(); // asks the disk, and does not wait for it
  await clock.pass(1000);
  assert.deepEqual(
    broker.health?.().findings.map(({ code, isBlocking }) => [code, isBlocking]),
    [['disk-full', true]],
  );
  await broker.close();
});

test('options of observing are yes or no', async () => {
  await assert.rejects(createBroker({ metrics: 1 as unknown as boolean }), { code: 'MQ_INVALID_ARGUMENT' });
  await assert.rejects(createBroker({ advisories: 'on' as unknown as boolean }), { code: 'MQ_INVALID_ARGUMENT' });
});

test('how transactions end, and why, is said and counted', async () => {
  const { broker, clock } = await openObserved();
  const ended: unknown[] = [];
  const stop = CHANNELS.transactionEnded.watch(undefined, ({ outcome, why, durationMs }) =>
    ended.push([outcome, why, durationMs]),
  );
  const committed = await broker.begin();
  await committed.send('t', { body: 'a' });
  assert.equal(seriesOf(broker, 'mq_open_transactions'), 1);
  await clock.pass(20);
  await committed.commit();
  await (await broker.begin()).abort();
  await broker.begin({ timeoutMs: 1000 });
  await clock.pass(1000);
  await broker.begin({ transactionalId: 'shop' });
  const newer = await broker.begin({ transactionalId: 'shop' });
  await newer.commit();
  assert.deepEqual(ended, [
    ['committed', 'asked', 20],
    ['aborted', 'asked', 0],
    ['aborted', 'timed-out', 1000],
    ['aborted', 'fenced', 0],
    ['committed', 'asked', 0],
  ]);
  assert.equal(seriesOf(broker, 'mq_transactions_count', 'committed'), 2);
  assert.equal(seriesOf(broker, 'mq_transactions_count', 'aborted'), 3);
  assert.equal(seriesOf(broker, 'mq_open_transactions'), 0);
  stop();
  await broker.close();
});

test('over HTTP a broker whose disk hangs is alive and not ready', async () => {
  const { broker, disk, clock } = await openObserved();
  await broker.send('t', { body: 'a' });
  await using server = await createServer(broker);
  const asked = async (path: string): Promise<number> => (await fetch(`${server.url}${path}`)).status;
  assert.deepEqual([await asked('/healthz'), await asked('/readyz')], [200, 200]);
  const held = new HeldSyncs();
  disk.onCall = held.watch;
  const sent = broker.send('t', { body: 'b' });
  await clock.pass(6000);
  assert.deepEqual([await asked('/healthz'), await asked('/readyz')], [200, 503]);
  held.open();
  await sent;
  assert.deepEqual([await asked('/healthz'), await asked('/readyz')], [200, 200]);
  disk.onCall = undefined;
  await server.close();
  await broker.close();
});
