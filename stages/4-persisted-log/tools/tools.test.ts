import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isMqError } from '../../../shared/contract/errors.ts';
import { failFrom } from '../../../shared/disk-faults.ts';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { writeU32 } from '../bytes/big-endian.ts';
import { AT, contentCrcOf, encodeBatch } from '../bytes/record-batch.ts';
import { indexName, segmentName } from '../log/segment-head.ts';
import { batchOf, FOLDER, fill, offsetsIn, openSmallLog, range, readFile, writeFile } from '../testing/small-log.ts';
import { hexLine } from './hexdump.ts';
import { inspectFile } from './inspect.ts';
import { repairFolder } from './repair.ts';
import { verifyFolder } from './verify.ts';

const FIRST = join(FOLDER, segmentName(0));
const COUNTS = [3, 2, 4, 1, 3, 2, 4];
const RECORD_COUNT = 19;

/** Three segments, closed in order or not; where each batch is, and its records. */
async function someLog({ isClean = true } = {}): Promise<{
  readonly disk: SimulatedDisk;
  readonly batches: readonly {
    readonly path: string;
    readonly position: number;
    readonly offset: number;
    readonly count: number;
  }[];
}> {
  const disk = new SimulatedDisk();
  const log = await openSmallLog(disk, { segmentBytesMax: 380 });
  for (const count of COUNTS) await fill(log, [count]);
  assert.equal(log.inspect(9).segmentCount, 3);
  if (isClean) await log.close();
  const batches = [];
  for (const { baseOffset } of log.inspect(9).segments) {
    const path = join(FOLDER, segmentName(baseOffset));
    const shown = await inspectFile({ disk, path });
    assert.equal(shown.kind, 'segment');
    for (const part of shown.kind === 'segment' ? shown.parts : []) {
      if (part.kind === 'batch')
        batches.push({ path, position: part.position, offset: part.baseOffset, count: part.count });
    }
  }
  assert.equal(batches.length, COUNTS.length);
  return { disk: disk.remains(() => true), batches };
}

describe('verify', () => {
  test('of a sound folder finds nothing, and counts what is there', async () => {
    const { disk } = await someLog();
    const { logs, findings, notes } = await verifyFolder({ disk, folder: '/data' });
    assert.deepEqual([findings, notes], [[], []]);
    const [log] = logs;
    assert.deepEqual(
      [log?.folder, log?.segmentCount, log?.batchCount, log?.recordCount, log?.logStartOffset, log?.logEndOffset],
      [FOLDER, 3, COUNTS.length, RECORD_COUNT, 0, RECORD_COUNT],
    );
  });

  test('tells each damaged batch with its file, position, offsets and reason', async () => {
    const { disk, batches } = await someLog();
    const damaged = [batches[1], batches[3]].filter((batch) => batch !== undefined);
    for (const { path, position } of damaged) disk.flipBit(path, 8 * (position + 70));
    const { findings } = await verifyFolder({ disk, folder: '/data' });
    assert.deepEqual(
      findings,
      damaged.map(({ path, position, offset, count }) => ({
        ...{ file: path, position, fromOffset: offset, toOffset: offset + count },
        reason: 'V12: contentCrc is another',
      })),
    );
  });

  test('knows a torn tail, an index to be made anew and a left-over file for what they are', async () => {
    const { disk, batches } = await someLog({ isClean: false });
    const last = batches.at(-1)?.path ?? '';
    await writeFile(disk, last, Buffer.concat([await readFile(disk, last), Buffer.from('torn'), new Uint8Array(7)]));
    await writeFile(disk, join(FOLDER, indexName(0)), new Uint8Array(3));
    await writeFile(disk, join(FOLDER, 'log-state.json.new'), new Uint8Array(3));
    const { findings, notes } = await verifyFolder({ disk, folder: FOLDER });
    assert.deepEqual(findings, []);
    assert.deepEqual(notes.map(({ reason }) => reason.replace(/[:;].*/, '')).sort(), [
      'V22',
      'a torn tail',
      'it was never finished',
    ]);
  });

  test('finds records that no broker could read, though their checksums are right', async () => {
    const disk = new SimulatedDisk();
    const log = await openSmallLog(disk);
    const batch = encodeBatch(
      Array.from({ length: 9 }, () => ({ body: new Uint8Array(90) })),
      { codec: 'gzip', idPrefix: '', firstIdNumber: 0 },
    );
    await fill(log, [1]);
    await log.append(withBrokenRecords(batch));
    await log.append(batchOf(10, 1));
    const { findings } = await verifyFolder({ disk, folder: FOLDER });
    assert.deepEqual(
      findings.map(({ fromOffset, toOffset }) => [fromOffset, toOffset]),
      [[1, 10]],
    );
    assert.match(findings[0]?.reason ?? '', /V16/);
    await assert.rejects(
      log.load(1).then(([stored]) => stored?.recordAt(1)),
      (error) => isMqError(error, 'MQ_CORRUPT') && /offset 1 \(9 records\)/.test(error.message),
    );
    assert.equal((await log.load(10))[0]?.recordAt(10).id, 'id-10', 'only that batch cannot be read');
  });
});

describe('repair', () => {
  test('without `skip` changes nothing, and says what is wrong', async () => {
    const { disk, batches } = await someLog();
    disk.flipBit(FIRST, 8 * ((batches[1]?.position ?? 0) + 70));
    disk.isReadOnly = true;
    const { findings, lost } = await repairFolder({ disk, folder: '/data' });
    assert.deepEqual([findings.length, lost], [1, []]);
  });

  for (const isClean of [true, false]) {
    test(`after ${isClean ? 'a stop in order' : 'a crash'}: any damaged batch is set aside, its offsets are listed, all others are served`, async () => {
      const { batches } = await someLog({ isClean });
      for (const { path, position, offset, count } of batches) {
        for (const byte of [0, 9, 40, 66]) {
          const { disk } = await someLog({ isClean });
          const isTornTail = !isClean && offset + count === RECORD_COUNT;
          if (isTornTail) continue;
          const before = await readFile(disk, path);
          disk.flipBit(path, 8 * (position + byte));
          const { findings, lost } = await repairFolder({ disk, folder: '/data', skip: true });
          assert.deepEqual(findings, [], `offset ${offset}, byte ${byte}`);
          assert.deepEqual(
            lost.map(({ file, fromOffset, toOffset }) => [file, fromOffset, toOffset]),
            [[path, offset, offset + count]],
          );
          const kept = await readFile(disk, lost[0]?.keptIn ?? '');
          assert.equal(kept.length, before.length - (await readFile(disk, path)).length);
          const survivor = disk.remains();
          const log = await openSmallLog(survivor, { wasClean: isClean });
          const left = range(0, RECORD_COUNT).filter((each) => each < offset || each >= offset + count);
          assert.deepEqual(await offsetsIn(log), left);
          assert.equal(log.logEndOffset, RECORD_COUNT, 'no offset is given again');
          await fill(log, [1]);
          assert.deepEqual(await offsetsIn(await openSmallLog(survivor.remains())), await offsetsIn(log));
        }
      }
    });
  }

  test('a damaged head, a missing file and a stranger are put right too', async () => {
    const { disk, batches } = await someLog();
    const [second = '', third = ''] = [...new Set(batches.map(({ path }) => path))].slice(1);
    disk.flipBit(FIRST, 8 * 20);
    await disk.remove(second);
    await writeFile(disk, join(FOLDER, segmentName(2)), await readFile(disk, third));
    const { findings, lost } = await repairFolder({ disk, folder: FOLDER, skip: true });
    assert.deepEqual(findings, []);
    const gone = batches.filter(({ path }) => path === second);
    const from = gone[0]?.offset ?? 0;
    const to = (gone.at(-1)?.offset ?? 0) + (gone.at(-1)?.count ?? 0);
    assert.deepEqual(
      lost.map(({ fromOffset, toOffset, reason }) => [fromOffset, toOffset, reason]),
      [[from, to, 'the file is missing']],
    );
    const log = await openSmallLog(disk);
    assert.deepEqual(
      await offsetsIn(log),
      range(0, RECORD_COUNT).filter((offset) => offset < from || offset >= to),
    );
  });

  test('interrupted at any call, it can be done again, and leads to the same', async () => {
    for (let callCount = 1; ; callCount += 1) {
      const { disk, batches } = await someLog();
      const damaged = batches[4];
      assert.ok(damaged !== undefined);
      disk.flipBit(damaged.path, 8 * (damaged.position + 70));
      disk.onCall = failFrom(callCount);
      const isDone = await repairFolder({ disk, folder: '/data', skip: true }).then(
        () => true,
        () => false,
      );
      disk.onCall = undefined;
      const crashed = disk.remains();
      const { findings } = await repairFolder({ disk: crashed, folder: '/data', skip: true });
      assert.deepEqual(findings, []);
      const log = await openSmallLog(crashed);
      const { offset, count } = damaged;
      const left = range(0, RECORD_COUNT).filter((each) => each < offset || each >= offset + count);
      assert.deepEqual(await offsetsIn(log), left, `after ${callCount} calls`);
      if (isDone) break;
    }
  });
});

describe('inspect', () => {
  test('shows a log with its segments', async () => {
    const { disk, batches } = await someLog();
    const shown = await inspectFile({ disk, path: FOLDER });
    assert.ok(shown.kind === 'log');
    assert.deepEqual([shown.topicId, shown.partition], ['a0a1a2a3a4a5a6a7a8a9aaabacadaeaf', 0]);
    assert.deepEqual(
      shown.segments.map(({ path }) => path),
      [...new Set(batches.map(({ path }) => path))],
    );
    assert.equal(shown.segments.at(-1)?.nextOffset, RECORD_COUNT);
    assert.deepEqual(await inspectFile({ disk, path: join(FOLDER, 'log-state.json') }), shown);
  });

  test('shows a segment: its head, its batches and records, and all bytes with their fields bracketed', async () => {
    const { disk } = await someLog();
    const shown = await inspectFile({ disk, path: FIRST, max: 2 });
    assert.ok(shown.kind === 'segment');
    assert.deepEqual([shown.baseOffset, shown.headFault, shown.parts.length, shown.head.length], [0, null, 2, 4]);
    const [part] = shown.parts;
    assert.ok(part?.kind === 'batch');
    assert.deepEqual(
      part.records.map(({ offset, id, preview }) => [offset, id, preview]),
      [
        [0, 'id-0', 'body of 0'],
        [1, 'id-1', 'body of 1'],
      ],
    );
    const dump = part.hex
      .map(hexLine)
      .join('\n')
      .replaceAll(/ .{16}$/gm, '');
    const shownHex = part.hex.map(({ hex }) => hex.replaceAll(/[^0-9a-f]/g, '')).join('');
    const bytes = (await readFile(disk, FIRST)).subarray(part.position, part.position + part.bytes);
    assert.equal(shownHex, Buffer.from(bytes).toString('hex'), dump);
    assert.deepEqual(
      part.hex[0]?.fields.map(({ name }) => name),
      ['batchBytes', 'headCrc', 'baseOffset'],
    );
    assert.deepEqual(
      ((await inspectFile({ disk, path: FIRST, fromOffset: 3 })) as typeof shown).parts.length,
      shown.batchCount - 1,
    );
  });

  test('shows a compressed batch inflated, an index row by row, and damage as it is', async () => {
    const disk = new SimulatedDisk();
    const log = await openSmallLog(disk, { segmentBytesMax: 65_536 });
    await log.append(batchOf(0, 200, 'gzip'));
    await fill(log, [1, 1]);
    await log.close();
    disk.flipBit(FIRST, 8 * (log.bytes - 5));
    const shown = await inspectFile({ disk, path: FIRST });
    assert.ok(shown.kind === 'segment');
    const [first, second, bad] = shown.parts;
    assert.ok(first?.kind === 'batch' && second?.kind === 'batch' && bad?.kind === 'bad');
    assert.deepEqual([first.codec, first.inflatedHex?.[0]?.fields[0]?.value], ['gzip', '"id-"']);
    assert.deepEqual([bad.fromOffset, bad.toOffset, bad.reason], [201, 202, 'V12: contentCrc is another']);
    const index = await inspectFile({ disk, path: join(FOLDER, indexName(0)) });
    assert.ok(index.kind === 'index');
    assert.deepEqual([index.fault, index.rowCount, index.rows[0]?.offset], [null, 1, 0]);
    await assert.rejects(inspectFile({ disk, path: '/data' }), (error) => isMqError(error, 'MQ_INVALID_ARGUMENT'));
  });
});

/** The batch with other compressed bytes under a checksum that is right. */
function withBrokenRecords(batch: Uint8Array): Uint8Array {
  const broken = batch.slice();
  broken.fill(0x55, 80);
  writeU32(broken, AT.contentCrc, contentCrcOf(broken));
  return broken;
}
