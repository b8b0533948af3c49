import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMqError } from '../../../shared/contract/errors.ts';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { batchOf, fill, offsetsIn, openSmallLog, range } from '../testing/small-log.ts';
import { FewFiles } from './few-files.ts';

test('a hundred logs share ten open files, and all of them take and give messages', async () => {
  const simulated = new SimulatedDisk({ openFilesMax: 12 });
  const disk = new FewFiles(simulated, { openFilesMax: 10 });
  const logs = await Promise.all(
    range(0, 100).map(async (index) => {
      await simulated.makeFolder(`/data/${index}`);
      return index;
    }),
  ).then(async (indexes) => {
    const opened = [];
    for (const index of indexes)
      opened.push(await openSmallLog(disk, { folder: `/data/${index}`, segmentBytesMax: 300 }));
    return opened;
  });
  for (let turn = 0; turn < 5; turn += 1) for (const log of logs) await fill(log, [2]);
  assert.ok(simulated.openPaths.length <= 10);
  for (const log of logs) assert.deepEqual(await offsetsIn(log), range(0, 10));
  for (const log of logs) await log.close();
  assert.deepEqual(simulated.openPaths, []);
});

test('what was written is on the disk before its file is closed on the way', async () => {
  const simulated = new SimulatedDisk();
  const disk = new FewFiles(simulated, { openFilesMax: 1 });
  const log = await openSmallLog(disk, { folder: '/a', flushPolicy: 'never' });
  await log.append(batchOf(0, 3));
  await fill(await openSmallLog(disk, { folder: '/b' }), [1]);
  assert.equal((await openSmallLog(simulated.crash(), { folder: '/a' })).logEndOffset, 3);
});

test('a sync that fails when a file is closed on the way is told to who uses it next, and the log recovers', async () => {
  const simulated = new SimulatedDisk();
  const disk = new FewFiles(simulated, { openFilesMax: 1 });
  const log = await openSmallLog(disk, { folder: '/a', flushPolicy: 'never' });
  await log.append(batchOf(0, 1));
  simulated.onCall = ({ kind, path }) => (kind === 'sync' && path.startsWith('/a/') ? { code: 'EIO' } : undefined);
  const other = await openSmallLog(disk, { folder: '/b' });
  simulated.onCall = undefined;
  await fill(other, [1]);
  await assert.rejects(log.append(batchOf(1, 1)), (error) => isMqError(error, 'MQ_STORAGE_FAILED'));
  await log.append(batchOf(log.logEndOffset, 1));
  await log.close();
  assert.equal((await openSmallLog(simulated.crash(), { folder: '/a' })).logEndOffset, log.logEndOffset);
});
