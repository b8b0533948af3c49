/**
 * A log that was written with format 1, kept as it was: whatever becomes of the code, it reads it. The files are never
 * written again; another format gets a folder of its own.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { batchOf, openSmallLog, writeFile } from '../testing/small-log.ts';
import { verifyFolder } from '../tools/verify.ts';
import type { PartitionLog } from './log.ts';

const FIXTURE = join(import.meta.dirname, '../testing/format-1');
const FOLDER = '/data/p3';
const TOPIC_ID = Uint8Array.from({ length: 16 }, (_, index) => 0x11 * index);

const records = JSON.parse(readFileSync(join(FIXTURE, 'records.json'), 'utf8'));

async function fixtureDisk(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  await disk.makeFolder(FOLDER);
  for (const name of readdirSync(join(FIXTURE, 'p0'))) {
    await writeFile(disk, join(FOLDER, name), readFileSync(join(FIXTURE, 'p0', name)));
  }
  await disk.syncFolder(FOLDER);
  return disk;
}

async function recordsIn(log: PartitionLog): Promise<unknown[]> {
  const found: unknown[] = [];
  for (let offset = log.logStartOffset; offset < log.highWatermark; ) {
    for (const batch of await log.load(offset)) {
      for (; offset < batch.nextOffset; offset += 1) {
        const { body, headers, ...record } = batch.recordAt(offset);
        found.push({ ...record, headers: { ...headers }, body: Buffer.from(body).toString('base64') });
      }
    }
  }
  return found;
}

test('the fixture has every field and codec of the format', () => {
  const seen = new Set(records.flatMap((record: object) => Object.keys(record)));
  for (const name of ['key', 'expiresAt', 'forGroup', 'movedFrom', 'deliverAt', 'targetPartition'])
    assert.ok(seen.has(name));
  assert.equal(records.length, 92);
});

for (const wasClean of [true, false]) {
  test(`a log of format 1 is read ${wasClean ? 'after a stop in order' : 'as after a crash'}, and goes on`, async () => {
    const disk = await fixtureDisk();
    const options = { folder: FOLDER, topicId: TOPIC_ID, partition: 3 };
    const log = await openSmallLog(disk, { ...options, wasClean });
    assert.deepEqual([log.logStartOffset, log.logEndOffset, log.findings], [2, 94, []]);
    assert.deepEqual(await recordsIn(log), records);
    await log.append(batchOf(94, 3));
    const again = await openSmallLog(disk.crash(), options);
    assert.deepEqual((await recordsIn(again)).slice(0, 92), records);
    assert.equal(again.logEndOffset, 97);
  });
}

test('a log of format 1 is read without its state and its index', async () => {
  const disk = await fixtureDisk();
  for (const name of await disk.list(FOLDER)) if (!name.endsWith('.log')) await disk.remove(join(FOLDER, name));
  const log = await openSmallLog(disk, { folder: FOLDER, topicId: TOPIC_ID, partition: 3 });
  assert.deepEqual((await recordsIn(log)).slice(2), records);
});

test('verify finds nothing wrong with a log of format 1', async () => {
  const { logs, findings, notes } = await verifyFolder({ disk: await fixtureDisk(), folder: '/data' });
  assert.deepEqual([logs.length, findings, notes], [1, [], []]);
});
