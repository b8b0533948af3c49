import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../../shared/clock.ts';
import { isMqError } from '../../../shared/contract/errors.ts';
import { failNth, HeldSyncs } from '../../../shared/disk-faults.ts';
import { keepsNothing, seededFate } from '../../../shared/power-cut.ts';
import { SeededRandom } from '../../../shared/random.ts';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { PowerCuts } from '../../../shared/testing/power-cuts.ts';
import { BatchCache } from '../../4-persisted-log/log/batch-cache.ts';
import { ProducerIds } from './producer-ids.ts';

async function openOn(disk: SimulatedDisk, { namesMax = 100, wasClean = false } = {}): Promise<ProducerIds> {
  const clock = new VirtualClock();
  const cache = new BatchCache({ bytesMax: 1024 * 1024 });
  await disk.makeFolder('/data');
  return await ProducerIds.open({
    ...{ disk, folder: '/data/producers', clock, cache, wasClean, namesMax },
    onNotice: (text) => assert.match(text, /torn tail/),
  });
}

function codeOf(check: () => void): string {
  try {
    check();
    return 'in force';
  } catch (error) {
    return isMqError(error) ? error.code : String(error);
  }
}

test('ids are given once, with a name and without, and most of those without one cost no sync', async () => {
  const disk = new SimulatedDisk();
  const ids = await openOn(disk);
  await ids.open();
  let syncCount = 0;
  disk.onCall = ({ kind }) => {
    if (kind === 'sync') syncCount += 1;
    return undefined;
  };
  const opened = await Promise.all(
    Array.from({ length: 3000 }, (_, index) => ids.open(index % 10 === 0 ? `n${index}` : undefined)),
  );
  assert.equal(new Set(opened.map(({ producerId }) => producerId)).size, 3000);
  syncCount = 0;
  for (let count = 0; count < 400; count += 1) await ids.open();
  assert.ok(syncCount <= 1, `${syncCount} syncs`);
  await ids.close();
});

test('who may send: what was given, in its latest epoch', async () => {
  const ids = await openOn(new SimulatedDisk());
  const plain = await ids.open();
  const [older, newer] = [await ids.open('a'), await ids.open('a')];
  assert.deepEqual(newer, { producerId: older.producerId, epoch: 1 });
  assert.equal(
    codeOf(() => ids.check(plain)),
    'in force',
  );
  assert.equal(
    codeOf(() => ids.check(newer)),
    'in force',
  );
  assert.equal(
    codeOf(() => ids.check(older)),
    'MQ_PRODUCER_FENCED',
  );
  assert.equal(
    codeOf(() => ids.check({ ...plain, epoch: 1 })),
    'MQ_UNKNOWN_PRODUCER',
  );
  for (const strangerId of [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER - 1, newer.producerId + 3]) {
    assert.equal(
      codeOf(() => ids.check({ producerId: strangerId, epoch: 0 })),
      'MQ_UNKNOWN_PRODUCER',
    );
  }
  await ids.close();
});

test('an open of a name is answered when it is on the disk, and fences at once', async () => {
  const disk = new SimulatedDisk();
  const ids = await openOn(disk);
  const older = await ids.open('a');
  const syncs = new HeldSyncs();
  disk.onCall = syncs.watch;
  let isAnswered = false;
  const opening = ids.open('a').then((identity) => {
    isAnswered = true;
    return identity;
  });
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
  assert.equal(isAnswered, false);
  assert.equal(
    codeOf(() => ids.check(older)),
    'MQ_PRODUCER_FENCED',
  );
  syncs.open();
  assert.equal((await opening).epoch, 1);
  await ids.close();
});

test('an open that relies on an epoch recorded with another one waits for that', async () => {
  const disk = new SimulatedDisk();
  const ids = await openOn(disk);
  await ids.open();
  const syncs = new HeldSyncs();
  disk.onCall = syncs.watch;
  const answered: number[] = [];
  const opens = [0, 1, 2].map(async () => {
    answered.push((await ids.open('a', { epochsAhead: 10 })).epoch);
  });
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
  assert.deepEqual(answered, []);
  syncs.open();
  await Promise.all(opens);
  assert.deepEqual(answered, [0, 1, 2]);
  await ids.close();
});

test('a disk that fails an open refuses it, and the next one is right', async () => {
  const disk = new SimulatedDisk();
  const ids = await openOn(disk);
  const first = await ids.open('a');
  disk.onCall = failNth(1, { isMeant: ({ kind }) => kind === 'write' });
  await assert.rejects(ids.open('a', { epochsAhead: 10 }), (error) => isMqError(error, 'MQ_STORAGE_FAILED'));
  const third = await ids.open('a', { epochsAhead: 10 });
  assert.deepEqual(third, { producerId: first.producerId, epoch: 2 });
  const after = await openOn(disk.crash());
  assert.deepEqual(await after.open('a'), { producerId: first.producerId, epoch: 13 });
  await after.close();
});

test('the log does not grow with every open of a name, and says the same afterwards', async () => {
  const disk = new SimulatedDisk();
  const ids = await openOn(disk);
  const other = await ids.open('other');
  for (let round = 0; round < 100; round += 1) await Promise.all(Array.from({ length: 100 }, () => ids.open('a')));
  const plain = await ids.open();
  await ids.close();
  const again = await openOn(disk, { wasClean: true });
  assert.equal((await again.open('a')).epoch, 10_000);
  assert.deepEqual(await again.open('other'), { producerId: other.producerId, epoch: 1 });
  assert.ok((await again.open()).producerId > plain.producerId);
  await again.close();
  assert.ok(disk.usedBytes < 4 * 1024 * 1024);
});

for (const [name, fates] of [
  ['that loses all that was not synced', () => [keepsNothing]],
  [
    'that tears and drops',
    (() => {
      const random = new SeededRandom(11);
      return () => [seededFate(random)];
    })(),
  ],
] as const) {
  test(`a power cut at every change of the disk ${name}: no id is given twice, no epoch comes again`, async () => {
    const disk = new SimulatedDisk();
    const given: string[] = [];
    const cuts = new PowerCuts(disk, { known: () => [...given], fates });
    const ids = await openOn(disk);
    for (let round = 0; round < 12; round += 1) {
      const opened = await Promise.all([ids.open(), ids.open('a'), ids.open('b', { epochsAhead: 2 })]);
      given.push(...opened.map(({ producerId, epoch }) => `${producerId}/${epoch}`));
    }
    await ids.close();
    for (const { disk: left, known, place } of cuts.end()) {
      const next = await openOn(left);
      const opened = await Promise.all([next.open(), next.open('a'), next.open('b')]);
      for (const { producerId, epoch } of opened) assert.ok(!known.includes(`${producerId}/${epoch}`), place);
      await next.close();
    }
  });
}
