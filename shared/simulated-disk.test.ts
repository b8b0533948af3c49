import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMqError } from './contract/errors.ts';
import { keepsAll } from './power-cut.ts';
import { SimulatedDisk } from './simulated-disk.ts';
import { contentOf, diskBehaviour, writeFile } from './testing/disk-behaviour.ts';

async function dataDisk(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  await disk.makeFolder('/data');
  return disk;
}

diskBehaviour('simulated', async () => ({ disk: await dataDisk(), root: '/data' }));

test('a power cut leaves what was synced, and of the rest nothing', async () => {
  const disk = await dataDisk();
  const file = await disk.open('/data/a', 'create');
  await file.write([Buffer.from('safe')], 0);
  await file.sync();
  await disk.syncFolder('/data');
  await file.write([Buffer.from('lost')], 2);
  await file.truncate(3);
  const after = disk.crash();
  assert.equal(await contentOf(after, '/data/a'), 'safe');
});

test('a new file whose folder was not synced is gone, however often its bytes were synced', async () => {
  const disk = await dataDisk();
  await writeFile(disk, '/data/a', 'bytes');
  assert.deepEqual(await disk.remains().list('/data'), []);
  await disk.syncFolder('/data');
  assert.equal(await contentOf(disk.remains(), '/data/a'), 'bytes');
});

test('bytes that were not synced are gone though the name is safe', async () => {
  const disk = await dataDisk();
  const file = await disk.open('/data/a', 'create');
  await file.write([Buffer.from('bytes')], 0);
  await disk.syncFolder('/data');
  assert.equal(await contentOf(disk.remains(), '/data/a'), '');
});

test('a rename or removal that was not synced may be undone; a rename is there whole or not at all', async () => {
  const disk = await dataDisk();
  for (const name of ['old', 'gone']) await writeFile(disk, `/data/${name}`, name);
  await disk.syncFolder('/data');
  await disk.rename('/data/old', '/data/new');
  await disk.remove('/data/gone');
  assert.deepEqual(await disk.list('/data'), ['new']);
  assert.deepEqual(await disk.remains().list('/data'), ['gone', 'old']);
  assert.deepEqual(await disk.remains((change) => change.path === '/data/old').list('/data'), ['gone', 'new']);
  await disk.syncFolder('/data');
  assert.deepEqual(await disk.remains().list('/data'), ['new']);
});

test('a rename between folders is safe in each of them when that one was synced', async () => {
  const disk = await dataDisk();
  for (const folder of ['from', 'to']) await disk.makeFolder(`/data/${folder}`);
  await writeFile(disk, '/data/from/a', 'bytes');
  await disk.syncFolder('/data/from');
  await disk.rename('/data/from/a', '/data/to/a');
  await disk.syncFolder('/data/to');
  const after = disk.remains();
  assert.equal(await contentOf(after, '/data/from/a'), 'bytes');
  assert.equal(await contentOf(after, '/data/to/a'), 'bytes');
  await disk.syncFolder('/data/from');
  assert.deepEqual(await disk.remains().list('/data/from'), []);
});

test('a folder is safe as soon as it was made, with its parents', async () => {
  const disk = new SimulatedDisk();
  await disk.makeFolder('/a/b/c');
  assert.deepEqual(await disk.remains().list('/a/b'), ['c']);
});

test('a folder that was removed may come back in part', async () => {
  const disk = await dataDisk();
  await disk.makeFolder('/data/t');
  for (const name of ['x', 'y']) await writeFile(disk, `/data/t/${name}`, name);
  await disk.syncFolder('/data/t');
  await disk.removeFolder('/data/t');
  assert.deepEqual(await disk.list('/data'), []);
  assert.deepEqual(await disk.remains().list('/data/t'), ['x', 'y']);
  assert.deepEqual(await disk.remains((change) => change.path === '/data/t/x').list('/data/t'), ['y']);
  await disk.syncFolder('/data');
  assert.deepEqual(await disk.remains().list('/data'), []);
});

test('kill -9 leaves all that was written, since the kernel goes on; a power cut after that takes what was not synced', async () => {
  const disk = await dataDisk();
  await writeFile(disk, '/data/old', 'old');
  await disk.syncFolder('/data');
  const file = await disk.open('/data/old', 'write');
  await file.write([Buffer.from('new')], 0);
  await writeFile(disk, '/data/young', 'young');
  const next = disk.leftBehind();
  assert.deepEqual([await contentOf(next, '/data/old'), await contentOf(next, '/data/young')], ['new', 'young']);
  await next.syncFolder('/data');
  const after = next.remains();
  assert.deepEqual([await contentOf(after, '/data/old'), await contentOf(after, '/data/young')], ['old', 'young']);
  const reopened = await next.open('/data/old', 'write');
  await reopened.sync();
  assert.equal(await contentOf(next.crash(), '/data/old'), 'new');
  assert.deepEqual(await disk.remains().list('/data'), ['old'], 'the two share nothing');
});

test('a fate that keeps all is a disk that wrote all down just in time', async () => {
  const disk = await dataDisk();
  const file = await disk.open('/data/a', 'create');
  await file.write([Buffer.from('bytes')], 0);
  assert.equal(await contentOf(disk.crash(keepsAll).crash(), '/data/a'), 'bytes');
});

test('after a crash the old disk and its files do nothing any more; locks and open files are those of the dead process', async () => {
  const disk = await dataDisk();
  const lock = await disk.lock('/data/lock');
  const file = await disk.open('/data/a', 'create');
  const after = disk.crash(keepsAll);
  const dead = [file.write([Buffer.from('zombie')], 0), file.sync(), file.close(), lock.release(), disk.list('/data')];
  for (const call of dead) await assert.rejects(call, { code: 'EIO' });
  assert.equal(await contentOf(after, '/data/a'), '');
  await (await after.lock('/data/lock')).release();
  assert.deepEqual(after.openPaths, []);
});

test('what remains shares nothing with the disk it remains of', async () => {
  const disk = await dataDisk();
  await writeFile(disk, '/data/a', 'one');
  await disk.syncFolder('/data');
  const after = disk.remains();
  await writeFile(after, '/data/a', 'two');
  await writeFile(disk, '/data/a', 'six');
  assert.deepEqual([await contentOf(disk, '/data/a'), await contentOf(after, '/data/a')], ['six', 'two']);
});

test('a power cut while a crash is recovered from is one more power cut', async () => {
  const first = await dataDisk();
  await writeFile(first, '/data/a', 'safe');
  await first.syncFolder('/data');
  const second = first.crash();
  const file = await second.open('/data/a', 'write');
  await file.truncate(1);
  assert.equal(await contentOf(second.crash(), '/data/a'), 'safe');
});

test('a full disk takes what fits, says ENOSPC, and takes more when there is room', async () => {
  const disk = new SimulatedDisk({ capacityBytes: 10 });
  const file = await disk.open('/a', 'create');
  await file.write([Buffer.from('12345678')], 0);
  assert.equal(await disk.freeBytes('/'), 2);
  await assert.rejects(file.write([Buffer.from('abcd')], 8), { code: 'ENOSPC' });
  assert.equal(await contentOf(disk, '/a'), '12345678ab');
  await file.write([Buffer.from('XY')], 0);
  await assert.rejects(file.truncate(11), { code: 'ENOSPC' });
  disk.capacityBytes = 12;
  await file.write([Buffer.from('abcd')], 8);
  assert.equal(await contentOf(disk, '/a'), 'XY345678abcd');
  await file.truncate(4);
  assert.equal(await disk.freeBytes('/'), 8);
});

test('a read-only disk is read, and refuses every change', async () => {
  const disk = await dataDisk();
  await writeFile(disk, '/data/a', 'bytes');
  disk.isReadOnly = true;
  const changes = [
    disk.makeFolder('/data/b'),
    disk.open('/data/b', 'create'),
    disk.open('/data/a', 'write'),
    disk.rename('/data/a', '/data/b'),
    disk.remove('/data/a'),
    disk.removeFolder('/data'),
    disk.lock('/data/lock'),
  ];
  for (const change of changes) await assert.rejects(change, { code: 'EROFS' });
  assert.equal(await contentOf(disk, '/data/a'), 'bytes');
});

test('too many open files are refused until one is closed, and a leak is seen', async () => {
  const disk = new SimulatedDisk({ openFilesMax: 2 });
  const file = await disk.open('/a', 'create');
  await disk.open('/b', 'create');
  await assert.rejects(disk.open('/c', 'create'), { code: 'EMFILE' });
  await file.close();
  await disk.open('/c', 'create');
  assert.deepEqual(disk.openPaths, ['/b', '/c']);
});

test('a bit that rots is rotten for ever', async () => {
  const disk = await dataDisk();
  await writeFile(disk, '/data/a', 'aaa');
  await disk.syncFolder('/data');
  disk.flipBit('/data/a', 8);
  assert.equal(await contentOf(disk, '/data/a'), 'a`a');
  assert.equal(await contentOf(disk.crash(), '/data/a'), 'a`a');
});

test('a lock that is held is told from a file that fails', async () => {
  const disk = await dataDisk();
  await disk.lock('/data/lock');
  await assert.rejects(disk.lock('/data/lock'), (error) => isMqError(error, 'MQ_DATA_LOCKED'));
});

test('every call answers in microtasks, so that virtual time never waits for it', async () => {
  const disk = await dataDisk();
  let isDone = false;
  const work = (async () => {
    await writeFile(disk, '/data/a', 'bytes');
    await disk.syncFolder('/data');
    await disk.rename('/data/a', '/data/b');
    assert.equal(await contentOf(disk, '/data/b'), 'bytes');
    isDone = true;
  })();
  await new Promise((resolve) => process.nextTick(resolve));
  for (let turn = 0; turn < 100; turn += 1) await Promise.resolve();
  assert.equal(isDone, true);
  await work;
});

test('a write that is done when it returns is counted, fails and is lost like any other, and does not wait', async () => {
  const disk = await dataDisk();
  const file = await disk.open('/data/a', 'create');
  await disk.syncFolder('/data');
  file.writeNow([Buffer.from('safe')], 0);
  await file.sync();
  disk.onCall = ({ kind, bytes }) => (kind === 'write' ? { code: 'EIO', doneBytes: bytes >> 1 } : undefined);
  assert.throws(() => file.writeNow([Buffer.from('lost')], 4), { code: 'EIO' });
  assert.equal(await contentOf(disk.leftBehind(), '/data/a'), 'safelo');
  disk.onCall = () => ({ until: new Promise(() => undefined) });
  assert.equal(file.writeNow([Buffer.from('more')], 4), false);
  assert.equal(await contentOf(disk.crash(), '/data/a'), 'safe');
});
