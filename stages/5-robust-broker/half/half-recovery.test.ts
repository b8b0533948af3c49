/** What a start makes of a half log and of topics that do not agree, as crashes leave them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../../shared/clock.ts';
import { LIMITS } from '../../../shared/contract/limits.ts';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { unknownTopicError } from '../../1-blocking-queue/topic-refusals.ts';
import { BatchCache } from '../../4-persisted-log/log/batch-cache.ts';
import { PartitionLog } from '../../4-persisted-log/log/log.ts';
import type { Topic } from '../../4-persisted-log/topic.ts';
import type { HalfFacts } from './half.ts';
import { HalfLog } from './half-log.ts';
import { openHalfMessages } from './half-recovery.ts';
import type { HalfTopics } from './half-topics.ts';
import { openHalf } from './testing/half-broker.ts';

async function openLog(disk: SimulatedDisk): Promise<PartitionLog> {
  return await PartitionLog.open({
    ...{ disk, clock: new VirtualClock(), folder: '/half', topicId: new Uint8Array(16), partition: 0 },
    ...{ wasClean: false, flushPolicy: 'always', flushIntervalMs: 1000, segmentBytesMax: 1024 },
    cache: new BatchCache({ bytesMax: LIMITS.bodyBytesMax }),
  });
}

test('a half message that was written again is the one that was written last', async () => {
  const partitionLog = await openLog(new SimulatedDisk());
  const log = new HalfLog(partitionLog);
  const facts: HalfFacts = {
    ...{ halfId: 'h', topic: 't', topicId: 'id', producerGroup: 'g', partition: 0, heldBytes: 100 },
    ...{ acceptedAt: 0, checkCount: 0, nextCheckAt: 6 },
  };
  const message = { body: new Uint8Array(10), id: 'm' };
  await log.appendHalf(facts, message);
  await log.append({ kind: 'checks', checks: [{ halfId: 'h', checkCount: 2, nextCheckAt: 70 }] });
  const { offset } = await log.appendHalf({ ...facts, checkCount: 2, nextCheckAt: 70 }, message);
  const topics: HalfTopics = {
    find: () => ({ topicId: 'id' }) as Topic,
    open: (name) => Promise.reject(unknownTopicError(name)),
    openOwn: (name) => Promise.reject(unknownTopicError(name)),
  };
  const schedule = { intervalMs: 100, checksMax: 3 };
  const made = { nextId: () => 'i', nextHalfId: () => 'n', onNotice: assert.fail };
  const options = { clock: new VirtualClock({ startAt: 10 }), limits: LIMITS, topics, schedule, ...made };
  const halves = await openHalfMessages(partitionLog, options, []);
  const [half, ...others] = halves.soonestOf('id', 9);
  assert.deepEqual([half?.offset, half?.checkCount, half?.nextCheckAt, others.length], [offset, 2, 70, 0]);
  assert.deepEqual(halves.reservedIn('id').count, 1);
  halves.end();
  await halves.close();
});

test('a snapshot taken before the end of a half message is written does not make a power cut commit it twice', async () => {
  const opened = await openHalf();
  const { broker, disk, half, end } = opened;
  const receipt = await half('t', 'tea');
  const { promise: until, resolve } = Promise.withResolvers<void>();
  disk.onCall = ({ kind, path }) => (kind === 'sync' && path.includes('/half/') ? { until } : undefined);
  const stored = await end('t', receipt, 'commit');
  const [folder] = await disk.list('/data/topics');
  const snapshotCount = async (): Promise<number> => (await disk.list(`/data/topics/${folder}/snapshots`)).length;
  const body = new Uint8Array(1024 * 1024);
  for (const before = await snapshotCount(); (await snapshotCount()) === before; ) await broker.send('t', { body });
  const after = await opened.afterPowerCut();
  assert.deepEqual(await after.end('t', receipt, 'commit'), stored);
  assert.equal((await after.read('t')).filter((text) => text === 'tea').length, 1);
  disk.onCall = undefined;
  resolve();
  await Promise.all([broker.close(), after.broker.close()]);
});

test('an offset that a power cut took from the half log, and a topic still knows, is not given again', async () => {
  const opened = await openHalf({ flushPolicy: 'never' });
  const { promise: until, resolve } = Promise.withResolvers<void>();
  const lost = await opened.half('t', 'lost');
  opened.disk.onCall = ({ kind, path }) => (kind === 'sync' && path.startsWith('/data/half/') ? { until } : undefined);
  await opened.end('t', lost, 'commit');
  // Without syncs a power cut may keep the one file and lose the other.
  const disk = opened.disk.remains(({ path }) => !path.startsWith('/data/half/'));
  resolve();
  const second = await opened.on(disk);
  assert.deepEqual(await second.read('t'), ['lost']);
  const open = await second.half('t', 'open');
  const third = await second.on(second.disk.remains(() => true));
  assert.equal(await third.halfCount('t'), 1, 'it is not taken for the one that was committed');
  await third.end('t', open, 'commit');
  assert.deepEqual(await third.read('t'), ['lost', 'open']);
});
