import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../../shared/clock.ts';
import type { Broker } from '../../../shared/contract/broker.ts';
import type { HistogramValue, Metric } from '../../../shared/contract/metrics.ts';
import { HeldSyncs } from '../../../shared/disk-faults.ts';
import { SeededRandom } from '../../../shared/random.ts';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { createServer } from '../../3-http-server/index.ts';
import { createBroker, type RobustBrokerOptions } from '../index.ts';
import { ADVISORY_TOPICS } from './advisories.ts';
import { CHANNELS } from './channels.ts';

interface Opened {
  readonly broker: Broker;
  readonly clock: VirtualClock;
  readonly disk: SimulatedDisk;
  readonly notices: readonly string[];
}

async function open(options: RobustBrokerOptions = {}, on: Partial<Opened> = {}): Promise<Opened> {
  const { clock = new VirtualClock(), disk = new SimulatedDisk() } = on;
  const notices: string[] = [];
  const broker = await createBroker({
    dataFolder: '/data',
    random: new SeededRandom(1),
    onNotice: (text) => void notices.push(text),
    ...options,
    clock,
    disk,
  });
  return { broker, clock, disk, notices };
}

function metric({ metrics }: Broker, name: string): Metric {
  const found = metrics?.().find((one) => one.name === name);
  assert.ok(found !== undefined, `there is ${name}`);
  return found;
}

function seriesOf(broker: Broker, name: string, label = ''): unknown {
  return metric(broker, name).series.find(({ labels }) => (Object.values(labels)[0] ?? '') === label)?.value;
}

function histogramOf(broker: Broker, name: string): HistogramValue {
  return seriesOf(broker, name) as HistogramValue;
}

async function readAll(broker: Broker, topic: string): Promise<Record<string, unknown>[]> {
  const { records } = await broker.fetch(topic, { max: 1000 });
  return records.map(({ body }) => JSON.parse(new TextDecoder().decode(body)));
}

test('how long a message waited for its first delivery and for its ack is counted, for each message', async () => {
  const { broker, clock } = await open();
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
  const { broker, clock } = await open();
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
  const { broker, clock, disk } = await open();
  await broker.sendBatch('orders', [{ body: 'a' }, { body: 'b' }]);
  await broker.close();
  const again = await open({}, { clock, disk });
  await again.broker.ack(await again.broker.receive('orders', { max: 2 }));
  assert.equal(histogramOf(again.broker, 'mq_accepted_to_acked_seconds').count, 0);
  assert.equal(seriesOf(again.broker, 'mq_latency_unknown_count'), 4, 'two deliveries, two acks');
  await again.broker.close();
});

test('a broker counts its own messages and not those of another one in the process', async () => {
  const one = await open();
  const other = await open();
  await one.broker.send('t', { body: 'a' });
  await other.broker.sendBatch('t', [{ body: 'a' }, { body: 'b' }]);
  assert.deepEqual([seriesOf(one.broker, 'mq_stored_count'), seriesOf(other.broker, 'mq_stored_count')], [1, 2]);
  await one.broker.close();
  await other.broker.close();
});

test('after close nobody listens any more, and a broker that is not to count never listened', async () => {
  const { broker } = await open();
  assert.ok(Object.values(CHANNELS).some(({ isWatched }) => isWatched));
  await broker.close();
  const silent = await open({ metrics: false });
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
  const { broker, disk, clock } = await open();
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
  const { broker, disk, clock } = await open();
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
  const { broker, disk, clock } = await open();
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
  const { broker, clock } = await open({ diskReserveBytes: 1_000_000 }, { disk });
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

test('advisory topics tell of the dead, the expired, groups and topics, and are read like any other', async () => {
  const { broker, clock } = await open({ advisories: true });
  await broker.createTopic('orders');
  await broker.createGroup('orders', 'kitchen', { deliveriesMax: 1 });
  await broker.sendBatch('orders', [{ body: 'a' }, { body: 'b', ttlMs: 1000 }]);
  const [delivery] = await broker.receive('orders', { group: 'kitchen' });
  assert.ok(delivery !== undefined);
  await clock.pass(2000);
  await broker.nack(delivery, { outcome: 'reject' });
  await broker.receive('orders', { group: 'kitchen' });
  await clock.pass(0);
  const place = { topic: 'orders', partition: 0, count: 1, group: 'kitchen' };
  const at = Date.UTC(2026, 0, 1) + 2000;
  assert.deepEqual(await readAll(broker, '$sys/dead'), [{ at, ...place, fromOffset: 0, why: 'rejected' }]);
  assert.deepEqual(await readAll(broker, '$sys/expired'), [{ at, ...place, fromOffset: 1 }]);
  assert.deepEqual(await readAll(broker, '$sys/group-changed'), [
    { at: at - 2000, topic: 'orders', group: 'kitchen', change: 'made' },
  ]);
  const [made] = await readAll(broker, '$sys/topic-changed');
  assert.deepEqual(made, { at: at - 2000, topic: 'orders', change: 'made' });
  const [told] = await broker.receive('$sys/dead', { group: 'watchers' });
  assert.equal(told?.headers['content-type'], 'application/json');
  if (told !== undefined) await broker.ack([told]);
  assert.equal((await readAll(broker, '$sys/group-changed')).length, 1, 'nothing is told of those who read');
  await broker.close();
});

test('callers can neither send to an advisory topic nor make or delete one', async () => {
  const { broker } = await open({ advisories: true });
  for (const topic of ADVISORY_TOPICS) {
    await assert.rejects(broker.send(topic, { body: 'x' }), { code: 'MQ_INVALID_ARGUMENT' });
    await assert.rejects(broker.createTopic(topic), { code: 'MQ_INVALID_ARGUMENT' });
    await assert.rejects(broker.deleteTopic(topic), { code: 'MQ_INVALID_ARGUMENT' });
  }
  await broker.close();
  const without = await open();
  await assert.rejects(without.broker.fetch('$sys/dead'), { code: 'MQ_UNKNOWN_TOPIC' });
  assert.deepEqual(await without.broker.describeTopics(), []);
  await without.broker.close();
});

test('an advisory topic keeps the youngest, and its disk is hardly ever synced for it', async () => {
  const { broker, disk, clock } = await open({ advisories: true });
  await broker.createTopic('t');
  const syncs: string[] = [];
  disk.onCall = ({ kind, path }) => {
    if (kind === 'sync' && path.includes('sys-')) syncs.push(path);
    return undefined;
  };
  for (let index = 0; index < 1300; index += 1) {
    await broker.createGroup('t', `g${index % 900}`, {}).catch(() => undefined);
    if (index >= 800) await broker.deleteGroup('t', `g${index - 800}`);
  }
  await clock.pass(0);
  assert.ok(syncs.length <= 5, `${syncs.length} syncs: ${syncs[0]}`);
  const [description] = await broker.describeTopics({ topic: '$sys/group-changed' });
  const held = (description?.logEndOffset ?? 0) - (description?.logStartOffset ?? 0);
  assert.ok(held <= 1000 && held >= 500, `${held} are held`);
  await broker.close();
});

test('what cannot be told because the disk is full is counted, and keeps nobody from his work', async () => {
  const disk = new SimulatedDisk();
  const { broker, clock } = await open({ advisories: true, diskReserveBytes: 1_000_000 }, { disk });
  await broker.createTopic('t');
  await broker.createGroup('t', 'g', {});
  await clock.pass(0);
  disk.capacityBytes = 200_000;
  await clock.pass(1000);
  broker.health?.();
  await clock.pass(1000);
  await broker.deleteGroup('t', 'g');
  await clock.pass(0);
  assert.equal(seriesOf(broker, 'mq_advisories_dropped_count'), 1);
  await broker.close();
});

test('options of observing are yes or no', async () => {
  await assert.rejects(createBroker({ metrics: 1 as unknown as boolean }), { code: 'MQ_INVALID_ARGUMENT' });
  await assert.rejects(createBroker({ advisories: 'on' as unknown as boolean }), { code: 'MQ_INVALID_ARGUMENT' });
});

test('how transactions end, and why, is said and counted', async () => {
  const { broker, clock } = await open();
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
  const { broker, disk, clock } = await open();
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
