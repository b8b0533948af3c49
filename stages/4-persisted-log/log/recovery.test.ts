import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isMqError } from '../../../shared/contract/errors.ts';
import { SeededRandom } from '../../../shared/random.ts';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { writeU32 } from '../bytes/big-endian.ts';
import { BATCH_HEAD_BYTES } from '../bytes/record-batch.ts';
import { crashedLog, FOLDER, fill, offsetsIn, openSmallLog, range, readFile, writeFile } from '../testing/small-log.ts';
import { segmentName } from './segment-head.ts';

const FIRST = join(FOLDER, segmentName(0));
const STATE = join(FOLDER, 'log-state.json');

/** One segment with batches of 2, 1 and 3 records, as a crash leaves it but without room, and where they begin. */
async function oneSegment(): Promise<{ readonly disk: SimulatedDisk; readonly starts: readonly number[] }> {
  const disk = new SimulatedDisk();
  const log = await openSmallLog(disk);
  const starts: number[] = [];
  for (const count of [2, 1, 3]) {
    starts.push(log.bytes);
    await fill(log, [count]);
  }
  starts.push(log.bytes);
  const crashed = disk.crash();
  await writeFile(crashed, FIRST, (await readFile(crashed, FIRST)).subarray(0, log.bytes));
  return { disk: crashed, starts };
}

describe('a torn tail', () => {
  test('cut at any byte, exactly the whole batches are there, the file ends behind them, and the next append survives', async () => {
    const { disk, starts } = await oneSegment();
    const [bytes, state] = [await readFile(disk, FIRST), await readFile(disk, STATE)];
    for (let cutAt = starts[0] ?? 0; cutAt <= bytes.length; cutAt += 1) {
      await writeFile(disk, FIRST, bytes.subarray(0, cutAt));
      await writeFile(disk, STATE, state);
      const log = await openSmallLog(disk);
      const wholeCount = starts.findLastIndex((start) => start <= cutAt);
      const recordCount = [0, 2, 3, 6][wholeCount] ?? 0;
      assert.equal((await readFile(disk, FIRST)).length, starts[wholeCount]);
      assert.deepEqual(await offsetsIn(log), range(0, recordCount), `cut at ${cutAt}`);
      await fill(log, [2]);
      const again = await openSmallLog(disk.remains());
      assert.deepEqual(await offsetsIn(again), range(0, recordCount + 2));
    }
  });

  test('that was cut is told: in which file, how many bytes, and where it ends now; it is no damage', async () => {
    const { disk, starts } = await oneSegment();
    const bytes = await readFile(disk, FIRST);
    const notices: string[] = [];
    const onNotice = (text: string): void => void notices.push(text);
    for (const [cutAt, told] of [
      [(starts[2] ?? 0) + 4, `${FIRST}: a torn tail of 4 bytes was cut off; the file ends before offset 3`],
      [(starts[1] ?? 0) + 37, `${FIRST}: a torn tail of 37 bytes was cut off; the file ends before offset 2`],
    ] as const) {
      await writeFile(disk, FIRST, bytes.subarray(0, cutAt));
      await disk.remove(STATE);
      const log = await openSmallLog(disk, { onNotice });
      assert.deepEqual(log.findings, []);
      await log.close();
      await (await openSmallLog(disk, { onNotice })).close();
      assert.deepEqual(notices.splice(0), [told], 'once, and not by the start after it');
    }
  });

  test('of zeros, from one byte to 64 KiB, is room: the end of the log, and nothing to speak of', async () => {
    const { disk } = await oneSegment();
    const onNotice = (text: string): void => assert.fail(text);
    const bytes = await readFile(disk, FIRST);
    for (const zeroCount of [1, 3, 4, BATCH_HEAD_BYTES - 1, BATCH_HEAD_BYTES, 512, 4096, 65_536]) {
      await writeFile(disk, FIRST, Buffer.concat([bytes, new Uint8Array(zeroCount)]));
      const log = await openSmallLog(disk, { onNotice });
      assert.deepEqual(await offsetsIn(log), range(0, 6), `${zeroCount} zeros`);
      assert.equal((await readFile(disk, FIRST)).length, bytes.length);
      await log.close();
    }
  });

  test('of garbage, from one byte to 1024, is cut off', async () => {
    const { disk } = await oneSegment();
    const bytes = await readFile(disk, FIRST);
    const random = new SeededRandom(1);
    for (let count = 1; count <= 1024; count += 1 + random.below(40)) {
      const garbage = Uint8Array.from({ length: count }, () => random.below(256));
      await writeFile(disk, FIRST, Buffer.concat([bytes, garbage]));
      const log = await openSmallLog(disk);
      assert.deepEqual(await offsetsIn(log), range(0, 6), `${count} bytes`);
      await log.close();
    }
  });

  test('a sector of zeros in the last batch takes the whole batch, and no other', async () => {
    const disk = new SimulatedDisk();
    const log = await openSmallLog(disk, { segmentBytesMax: 65_536 });
    await fill(log, [2, 100]);
    const crashed = disk.crash();
    const bytes = await readFile(crashed, FIRST);
    bytes.fill(0, 1024, 1536);
    await writeFile(crashed, FIRST, bytes);
    assert.deepEqual(await offsetsIn(await openSmallLog(crashed)), [0, 1]);
  });
});

describe('damage in the middle', () => {
  test('the log refuses to open, and says which file, where, which offset and why', async () => {
    const { disk, starts } = await oneSegment();
    disk.flipBit(FIRST, 8 * ((starts[1] ?? 0) + BATCH_HEAD_BYTES + 3));
    await assert.rejects(openSmallLog(disk), (error) => {
      assert.ok(isMqError(error, 'MQ_CORRUPT'));
      assert.match(error.message, /0{20}\.log is damaged at position \d+, where offset 2 should be: V12/);
      assert.ok(error.message.includes(`position ${starts[1]},`));
      return true;
    });
    assert.deepEqual((await readFile(disk, FIRST)).length, starts[3], 'nothing was cut');
  });

  test('a batch length that is huge, or zero, is neither believed nor the end of the log', async () => {
    for (const length of [0, 1, 63, 0x7fffffff, 0xffffffff]) {
      const { disk, starts } = await oneSegment();
      const bytes = await readFile(disk, FIRST);
      writeU32(bytes, starts[1] ?? 0, length);
      await writeFile(disk, FIRST, bytes);
      await assert.rejects(openSmallLog(disk), (error) => isMqError(error, 'MQ_CORRUPT'));
    }
  });

  test('what was written together and torn apart by a power cut is no damage', async () => {
    const disk = new SimulatedDisk();
    const log = await openSmallLog(disk, { flushPolicy: 'never', segmentBytesMax: 65_536 });
    const starts: number[] = [];
    for (const count of [2, 2, 2]) {
      starts.push(log.bytes);
      await fill(log, [count]);
    }
    const killed = disk.remains(() => true);
    killed.flipBit(FIRST, 8 * ((starts[1] ?? 0) + 70));
    assert.deepEqual(await offsetsIn(await openSmallLog(killed)), [0, 1]);
  });

  test('in a sealed segment it is met by who reads there; all else is served', async () => {
    const { disk, bases } = await crashedLog();
    disk.flipBit(FIRST, 8 * 200);
    const log = await openSmallLog(disk);
    assert.deepEqual(await offsetsIn(log, bases[1]), range(bases[1] ?? 0, log.logEndOffset));
    await assert.rejects(offsetsIn(log), (error) => isMqError(error, 'MQ_CORRUPT'));
    await fill(log, [1]);
  });

  test('it is met as well when it comes while the log is open', async () => {
    const disk = new SimulatedDisk();
    const log = await openSmallLog(disk);
    await fill(log, [3]);
    await offsetsIn(log);
    disk.flipBit(FIRST, 8 * 140);
    await assert.rejects(offsetsIn(log), (error) => isMqError(error, 'MQ_CORRUPT'));
  });
});

describe('a log that was closed in order', () => {
  test('is opened without a scan, however much it has', async () => {
    const readBytes: number[] = [];
    for (const batchCount of [2, 200]) {
      const disk = new SimulatedDisk();
      const log = await openSmallLog(disk, { segmentBytesMax: 100_000 });
      await fill(log, Array(batchCount).fill(3));
      await log.close();
      let bytes = 0;
      disk.onCall = (call) => {
        if (call.path.endsWith('.log')) bytes += call.bytes;
        return undefined;
      };
      const again = await openSmallLog(disk, { wasClean: true });
      readBytes.push(bytes);
      disk.onCall = undefined;
      assert.deepEqual(await offsetsIn(again), range(0, 3 * batchCount));
    }
    assert.deepEqual(readBytes, [64, 64]);
  });

  test('what is written behind its last good point is scanned after a crash, and nothing before', async () => {
    const disk = new SimulatedDisk();
    const log = await openSmallLog(disk, { segmentBytesMax: 100_000 });
    await fill(log, Array(100).fill(3));
    await log.close();
    const cleanBytes = (await readFile(disk, FIRST)).length;
    const second = await openSmallLog(disk, { wasClean: true, segmentBytesMax: 100_000 });
    await fill(second, [1]);
    const crashed = disk.crash();
    let bytes = 0;
    crashed.onCall = (call) => {
      if (call.path.endsWith('.log')) bytes += call.bytes;
      return undefined;
    };
    const behindBytes = (await readFile(crashed, FIRST)).length - cleanBytes;
    bytes = 0;
    const third = await openSmallLog(crashed);
    assert.ok(bytes < 2 * behindBytes + 400, `${bytes} bytes were read, and ${behindBytes} lie behind`);
    assert.deepEqual(await offsetsIn(third), range(0, 301));
  });

  test('and then lost its end says which records are missing, and never gives their offsets again', async () => {
    const { disk, starts } = await oneSegment();
    await (await openSmallLog(disk)).close();
    const bytes = await readFile(disk, FIRST);
    await writeFile(disk, FIRST, bytes.subarray(0, starts[2]));
    const log = await openSmallLog(disk, { wasClean: true });
    assert.deepEqual(
      log.findings.map(({ fromOffset, toOffset, reason }) => [fromOffset, toOffset, reason]),
      [[3, 6, 'the end of the file is missing']],
    );
    await fill(log, [1]);
    assert.deepEqual(await offsetsIn(log), [0, 1, 2, 6]);
    assert.deepEqual(await offsetsIn(await openSmallLog(disk.crash())), [0, 1, 2, 6]);
  });
});
