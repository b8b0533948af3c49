import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { VirtualClock } from '../../../shared/clock.ts';
import { isMqError } from '../../../shared/contract/errors.ts';
import { crc32cOf } from '../../../shared/crc32c.ts';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { writeU32 } from '../bytes/big-endian.ts';
import {
  batchOf,
  crashedLog,
  FOLDER,
  fill,
  offsetsIn,
  openSmallLog,
  range,
  readFile,
  TOPIC_ID,
  writeFile,
} from '../testing/small-log.ts';
import { HEAD_AT, indexName, segmentName } from './segment-head.ts';

const FIRST = join(FOLDER, segmentName(0));
const STATE = join(FOLDER, 'log-state.json');

describe('the index of a segment', () => {
  test('missing, empty, cut, garbage or of another segment: it is made anew, and every look-up finds the same', async () => {
    const disk = new SimulatedDisk();
    const clock = new VirtualClock();
    const log = await openSmallLog(disk, { segmentBytesMax: 40_000, clock });
    const times: number[] = [];
    for (let index = 0; index < 30; index += 1) {
      times.push(clock.now());
      await fill(log, [200]);
      await clock.pass(10);
    }
    const bases = log.inspect(9).segments.map(({ baseOffset }) => baseOffset);
    assert.ok(bases.length >= 3);
    await log.close();
    const [one = 0, other = 0] = bases;
    const path = join(FOLDER, indexName(one));
    const good = await readFile(disk, path);
    const others = await readFile(disk, join(FOLDER, indexName(other)));
    const flipped = good.slice();
    flipped[60] = (flipped[60] ?? 0) ^ 1;
    for (const bad of [
      undefined,
      new Uint8Array(),
      good.subarray(0, -1),
      flipped,
      new Uint8Array(99).fill(7),
      others,
    ]) {
      if (bad === undefined) await disk.remove(path);
      else await writeFile(disk, path, bad);
      const again = await openSmallLog(disk, { wasClean: true });
      for (const offset of [0, 1, 199, 200, 555, other - 1, other, 5999]) {
        const [batch] = await again.load(offset, { bytesMax: 1 });
        assert.equal(batch?.baseOffset, offset - (offset % 200));
      }
      for (const [index, time] of times.entries()) assert.equal(await again.offsetOfTimestamp(time), 200 * index);
      await again.close();
    }
  });
});

describe('the state of a log', () => {
  test('missing or damaged: all segments are read, and the log goes on where it was', async () => {
    for (const bad of [undefined, new Uint8Array(), new TextEncoder().encode('{"crc32c":"0","content":{}}')]) {
      const { disk, bases } = await crashedLog();
      if (bad === undefined) await disk.remove(STATE);
      else await writeFile(disk, STATE, bad);
      const log = await openSmallLog(disk);
      assert.deepEqual(await offsetsIn(log), range(0, 22));
      assert.deepEqual(log.findings, []);
      assert.equal(log.inspect(9).segmentCount, bases.length);
    }
  });

  test('missing, and a segment that is not the last is damaged: the log refuses to open', async () => {
    const { disk, bases } = await crashedLog();
    await disk.remove(STATE);
    const path = join(FOLDER, segmentName(bases[1] ?? 0));
    disk.flipBit(path, 8 * ((await readFile(disk, path)).length - 1));
    await assert.rejects(openSmallLog(disk), (error) => isMqError(error, 'MQ_CORRUPT'));
  });
});

describe('a segment file', () => {
  test('removed, the first, one in the middle or the last: the gap is told exactly, all else is read, no offset comes twice', async () => {
    for (const index of [0, 1, 2]) {
      for (const hasState of [true, false]) {
        const { disk, bases } = await crashedLog();
        const [from = 0, to = 22] = [bases[index], bases[index + 1]];
        await disk.remove(join(FOLDER, segmentName(from)));
        if (!hasState) await disk.remove(STATE);
        const log = await openSmallLog(disk);
        const isKnown = hasState || index === 1;
        // Without the state nobody knows of a first or last one; of the last one its begin is known.
        const told = index === 2 ? [[from, from]] : [[from, to]];
        assert.deepEqual(
          log.findings.map(({ fromOffset, toOffset }) => [fromOffset, toOffset]),
          isKnown ? told : [],
        );
        const expected = range(0, 22).filter((offset) => offset < from || offset >= to);
        assert.deepEqual(await offsetsIn(log), expected);
        if (index === 1) assert.equal(log.gapEndAt(from), to);
        assert.equal(log.logEndOffset, index === 2 ? from : 22);
      }
    }
  });

  test('copied under the name of another offset is set aside, and its records are not served twice', async () => {
    for (const base of [1, 22, 500]) {
      const { disk } = await crashedLog();
      await writeFile(disk, join(FOLDER, segmentName(base)), await readFile(disk, FIRST));
      const log = await openSmallLog(disk);
      assert.deepEqual(await offsetsIn(log), range(0, 22));
      assert.equal(log.findings.length, 1);
      assert.match(log.findings[0]?.reason ?? '', /^V1/);
      assert.ok((await disk.list(FOLDER)).includes(`${segmentName(base)}.set-aside`));
    }
  });

  test('swapped with one of another log is not served', async () => {
    for (const segment of ['sealed', 'active']) {
      const { disk, bases } = await crashedLog();
      const path = join(FOLDER, segmentName((segment === 'sealed' ? bases[0] : bases.at(-1)) ?? 0));
      const bytes = await readFile(disk, path);
      const other = new SimulatedDisk();
      const stranger = await openSmallLog(other, { topicId: TOPIC_ID.map((byte) => byte ^ 1) });
      await fill(stranger, [5]);
      await writeFile(disk, path, await readFile(other, FIRST));
      await assert.rejects(
        openSmallLog(disk).then((log) => offsetsIn(log)),
        (error) => isMqError(error, 'MQ_CORRUPT') && /V1|V5/.test(error.message),
      );
      await writeFile(disk, path, bytes);
      assert.deepEqual(await offsetsIn(await openSmallLog(disk)), range(0, 22));
    }
  });

  test('of a later format is refused, and nothing is touched', async () => {
    const { disk, bases } = await crashedLog();
    const path = join(FOLDER, segmentName(bases.at(-1) ?? 0));
    const bytes = await readFile(disk, path);
    writeU32(bytes, HEAD_AT.format, 2);
    writeU32(bytes, HEAD_AT.headCrc, crc32cOf(bytes.subarray(0, HEAD_AT.headCrc)));
    await writeFile(disk, path, bytes);
    const names = await disk.list(FOLDER);
    await assert.rejects(openSmallLog(disk), (error) => isMqError(error, 'MQ_DATA_VERSION'));
    assert.deepEqual(await disk.list(FOLDER), names);
    assert.deepEqual(await readFile(disk, path), bytes);
  });

  test('that was begun and never finished is removed, and begun again', async () => {
    for (const bytes of [new Uint8Array(), new Uint8Array(30), new Uint8Array(64)]) {
      const { disk } = await crashedLog();
      await writeFile(disk, join(FOLDER, segmentName(22)), bytes);
      const log = await openSmallLog(disk, { segmentBytesMax: 200 });
      await fill(log, [1, 1, 1]);
      assert.deepEqual(await offsetsIn(await openSmallLog(disk.crash())), range(0, 25));
    }
  });

  test('that was released and not removed before the crash goes at the start', async () => {
    const { disk, bases } = await crashedLog();
    const old = await readFile(disk, FIRST);
    const log = await openSmallLog(disk);
    await log.releaseBelow(bases[1] ?? 0);
    await log.close();
    await writeFile(disk, FIRST, old);
    await writeFile(disk, join(FOLDER, 'log-state.json.new'), old);
    const again = await openSmallLog(disk);
    assert.equal(again.logStartOffset, bases[1]);
    const names = await disk.list(FOLDER);
    assert.ok(!names.includes(segmentName(0)) && !names.includes('log-state.json.new'));
  });
});

/** From now on the n-th sync of a folder is done, and reported as failed; until the function it answers is called. */
function reportFailure(disk: SimulatedDisk, nth: number): () => void {
  const syncFolder = disk.syncFolder.bind(disk);
  let count = 0;
  disk.syncFolder = async (folder) => {
    await syncFolder(folder);
    count += 1;
    if (count === nth) throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
  };
  return () => {
    disk.syncFolder = syncFolder;
  };
}

test('a segment that was to be the last of its kind takes nothing more, though the roll failed: no record falls between two', async () => {
  let failedCount = 0;
  for (let nth = 1; nth < 10; nth += 1) {
    const disk = new SimulatedDisk();
    const log = await openSmallLog(disk, { segmentBytesMax: 400 });
    await fill(log, [1, 1]);
    const stop = reportFailure(disk, nth);
    const wasStored = await log.append(batchOf(2, 20)).then(
      () => true,
      () => false,
    );
    stop();
    if (!wasStored) failedCount += 1;
    await fill(log, [1]);
    const expected = range(0, wasStored ? 23 : 3);
    assert.deepEqual(await offsetsIn(await openSmallLog(disk.remains(() => true))), expected, `sync ${nth}`);
    assert.deepEqual(await offsetsIn(await openSmallLog(disk.crash())), expected, `sync ${nth}`);
  }
  assert.equal(failedCount, 3, 'of the folder: for the new segment, the index and the state');
});
