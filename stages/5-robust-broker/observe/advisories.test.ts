import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Broker } from '../../../shared/contract/broker.ts';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { openObserved, seriesOf } from '../testing/observed-broker.ts';
import { ADVISORY_TOPICS } from './advisories.ts';

async function readAll(broker: Broker, topic: string): Promise<Record<string, unknown>[]> {
  const { records } = await broker.fetch(topic, { max: 1000 });
  return records.map(({ body }) => JSON.parse(new TextDecoder().decode(body)));
}

test('advisory topics tell of the dead, the expired, groups and topics, and are read like any other', async () => {
  const { broker, clock } = await openObserved({ advisories: true });
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
  const { broker } = await openObserved({ advisories: true });
  for (const topic of ADVISORY_TOPICS) {
    await assert.rejects(broker.send(topic, { body: 'x' }), { code: 'MQ_INVALID_ARGUMENT' });
    await assert.rejects(broker.createTopic(topic), { code: 'MQ_INVALID_ARGUMENT' });
    await assert.rejects(broker.deleteTopic(topic), { code: 'MQ_INVALID_ARGUMENT' });
  }
  await broker.close();
  const without = await openObserved();
  await assert.rejects(without.broker.fetch('$sys/dead'), { code: 'MQ_UNKNOWN_TOPIC' });
  assert.deepEqual(await without.broker.describeTopics(), []);
  await without.broker.close();
});

test('an advisory topic keeps the youngest, and its disk is hardly ever synced for it', async () => {
  const { broker, disk, clock } = await openObserved({ advisories: true });
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
  const { broker, clock } = await openObserved({ advisories: true, diskReserveBytes: 1_000_000 }, { disk });
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
