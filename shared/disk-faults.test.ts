import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DiskFile } from './disk.ts';
import { badBytes, type CallWatcher, failFrom, failNth, HeldSyncs } from './disk-faults.ts';
import { SimulatedDisk } from './simulated-disk.ts';
import { contentOf, writeFile } from './testing/disk-behaviour.ts';

async function begun(onCall?: CallWatcher): Promise<{ readonly disk: SimulatedDisk; readonly file: DiskFile }> {
  const disk = new SimulatedDisk();
  await writeFile(disk, '/a', '....');
  await disk.syncFolder('/');
  const file = await disk.open('/a', 'write');
  disk.onCall = onCall;
  return { disk, file };
}

test('the n-th call fails, of whatever kind, and only that one', async () => {
  for (let n = 1; n <= 4; n += 1) {
    const { disk, file } = await begun(failNth(n));
    const calls = [
      () => file.write([Buffer.from('ab')], 0),
      () => file.sync(),
      () => disk.list('/'),
      () => file.size(),
    ];
    const failed: number[] = [];
    for (const [index, call] of calls.entries()) await call().catch(() => failed.push(index + 1));
    assert.deepEqual(failed, [n]);
  }
});

test('a write that fails is there by half', async () => {
  const { disk, file } = await begun(failNth(1));
  await assert.rejects(file.write([Buffer.from('ab'), Buffer.from('cd')], 0), { code: 'EIO' });
  assert.equal(await contentOf(disk, '/a'), 'ab..');
});

test('only the calls that are meant are counted', async () => {
  const { disk, file } = await begun(failNth(2, { code: 'ENOSPC', isMeant: (call) => call.kind === 'write' }));
  await file.write([Buffer.from('1')], 0);
  await file.sync();
  await assert.rejects(file.write([Buffer.from('2')], 1), { code: 'ENOSPC' });
  assert.deepEqual(await disk.list('/'), ['a']);
});

test('a disk that broke stays broken', async () => {
  const { disk, file } = await begun(failFrom(2));
  await file.sync();
  await assert.rejects(file.sync(), { code: 'EIO' });
  await assert.rejects(disk.list('/'), { code: 'EIO' });
});

test('a sync that failed lost what was dirty, though reads still see it and the next sync succeeds', async () => {
  const { disk, file } = await begun(failNth(1, { isMeant: (call) => call.kind === 'sync' }));
  await file.write([Buffer.from('ab')], 0);
  await assert.rejects(file.sync(), { code: 'EIO' });
  await file.sync();
  assert.equal(await contentOf(disk, '/a'), 'ab..');
  assert.equal(
    await contentOf(
      disk.remains(() => true),
      '/a',
    ),
    '....',
  );
  await file.write([Buffer.from('cd')], 2);
  await file.sync();
  assert.equal(await contentOf(disk.remains(), '/a'), '..cd');
});

test('a folder sync that failed lost the names', async () => {
  const { disk } = await begun(failNth(1, { isMeant: (call) => call.kind === 'syncFolder' }));
  await disk.rename('/a', '/b');
  await assert.rejects(disk.syncFolder('/'), { code: 'EIO' });
  await disk.syncFolder('/');
  assert.deepEqual([await disk.list('/'), await disk.remains().list('/')], [['b'], ['a']]);
});

test('a read that touches bad bytes fails, the others do not', async () => {
  const { file } = await begun(badBytes('/a', { from: 2, to: 3 }));
  assert.equal(await file.read(new Uint8Array(2), 0), 2);
  await assert.rejects(file.read(new Uint8Array(2), 1), { code: 'EIO' });
  assert.equal(await file.read(new Uint8Array(1), 3), 1);
});

test('a held sync ends when told, and covers what was written before it was asked for', async () => {
  const syncs = new HeldSyncs();
  const { disk, file } = await begun(syncs.watch);
  await file.write([Buffer.from('1')], 0);
  const first = file.sync();
  await file.write([Buffer.from('2')], 1);
  assert.equal(syncs.heldCount, 1);
  assert.equal(await contentOf(disk.remains(), '/a'), '....');
  syncs.releaseHeld();
  await first;
  assert.equal(await contentOf(disk.remains(), '/a'), '1...');
  const second = file.sync();
  assert.equal(syncs.heldCount, 1);
  syncs.open();
  await second;
  await file.sync();
  assert.equal(await contentOf(disk.remains(), '/a'), '12..');
});

test('a sync that is held when the power goes has made nothing safe', async () => {
  const syncs = new HeldSyncs();
  const { disk, file } = await begun(syncs.watch);
  await file.write([Buffer.from('1')], 0);
  const sync = file.sync();
  const after = disk.crash();
  syncs.open();
  await assert.rejects(sync, { code: 'EIO' });
  assert.equal(await contentOf(after, '/a'), '....');
});

test('a disk that lies says it is synced, and nothing is', async () => {
  const { disk, file } = await begun(() => ({ isLie: true }));
  await file.write([Buffer.from('1')], 0);
  await file.sync();
  await disk.rename('/a', '/b');
  await disk.syncFolder('/');
  assert.equal(await contentOf(disk.remains(), '/a'), '....');
});
