/**
 * Flips bits of every file of a small log, one at a time, and looks at what is read then. Called by `bit-flips.test.ts`
 * with one bit of each byte, and by `bit-flips.long.ts` with all eight.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { isMqError } from '../../../shared/contract/errors.ts';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import type { PartitionLog } from '../log/log.ts';
import { verifyFolder } from '../tools/verify.ts';
import { batchOf, FOLDER, fill, offsetsIn, openSmallLog, range, readFile } from './small-log.ts';

const RECORD_COUNT = 9;
/** Records of the last batch: a flip there looks like a torn tail after a crash. */
const LAST_COUNT = 2;

/** Two segments, one batch of them compressed. */
async function smallLog(isClean: boolean): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  const log = await openSmallLog(disk, { segmentBytesMax: 360 });
  await fill(log, [1, 2]);
  await log.append(batchOf(3, 4, 'zstd'));
  await fill(log, [LAST_COUNT]);
  assert.deepEqual([log.logEndOffset, log.inspect(9).segmentCount], [RECORD_COUNT, 2]);
  if (isClean) await log.close();
  return disk.remains(() => true);
}

/** The offsets that can be read, one by one; those that cannot must be refused as corrupt, and nothing may be wrong. */
async function readableIn(log: PartitionLog): Promise<number[]> {
  const offsets: number[] = [];
  for (let offset = log.logStartOffset; offset < log.highWatermark; offset += 1) {
    try {
      const [batch] = await log.load(offset, { bytesMax: 1 });
      const record = batch?.recordAt(offset);
      assert.deepEqual([record?.id, Buffer.from(record?.body ?? []).toString()], [`id-${offset}`, `body of ${offset}`]);
      offsets.push(offset);
    } catch (error) {
      if (!isMqError(error, 'MQ_CORRUPT')) throw error;
    }
  }
  return offsets;
}

/** One bit of every byte, each of the eight in its turn; or all of them. */
type FlipsPerByte = 1 | 8;

function bitsOf(byteCount: number, flipsPerByte: FlipsPerByte): readonly number[] {
  return flipsPerByte === 8 ? range(0, 8 * byteCount) : range(0, byteCount).map((byte) => 8 * byte + (byte % 8));
}

/** No flipped bit of any file changes what is read. */
export async function readsAfterFlips(isClean: boolean, flipsPerByte: FlipsPerByte): Promise<void> {
  const whole = await smallLog(isClean);
  const segmentNames = (await whole.list(FOLDER)).filter((name) => name.endsWith('.log'));
  const lastPath = join(FOLDER, segmentNames.at(-1) ?? '');
  let flipCount = 0;
  let bytesTotal = 0;
  for (const name of await whole.list(FOLDER)) {
    const path = join(FOLDER, name);
    const byteCount = (await readFile(whole, path)).length;
    bytesTotal += byteCount;
    for (const bit of bitsOf(byteCount, flipsPerByte)) {
      const disk = whole.remains(() => true);
      disk.flipBit(path, bit);
      flipCount += 1;
      const log = await openSmallLog(disk, { wasClean: isClean }).catch((error: unknown) => {
        assert.ok(isMqError(error, 'MQ_CORRUPT'), `${name} bit ${bit}: ${error}`);
        return undefined;
      });
      if (log === undefined) {
        assert.ok(name.endsWith('.log'), `only a segment keeps a log from opening, not ${name}`);
        continue;
      }
      const isSegment = name.endsWith('.log');
      if (isSegment && path === lastPath && !isClean) {
        // What was written last and is damaged cannot be told from a torn tail; no other record may go.
        assert.ok(log.logEndOffset >= RECORD_COUNT - LAST_COUNT, `${name} bit ${bit}`);
      } else assert.equal(log.logEndOffset, RECORD_COUNT, `${name} bit ${bit}`);
      const readable = await readableIn(log);
      if (!isSegment) assert.deepEqual(readable, range(0, RECORD_COUNT), `${name} bit ${bit}`);
      await log.close().catch((error: unknown) => assert.ok(isMqError(error, 'MQ_CORRUPT'), `${error}`));
    }
  }
  assert.ok(bytesTotal > 875);
  assert.equal(flipCount, flipsPerByte * bytesTotal);
}

/** `verify` finds every flipped bit of a segment, and changes nothing. */
export async function verifiesAfterFlips(flipsPerByte: FlipsPerByte): Promise<void> {
  const whole = await smallLog(true);
  assert.deepEqual((await verifyFolder({ disk: whole, folder: '/data' })).findings, []);
  whole.isReadOnly = true;
  for (const name of (await whole.list(FOLDER)).filter((each) => each.endsWith('.log'))) {
    const path = join(FOLDER, name);
    const byteCount = (await readFile(whole, path)).length;
    for (const bit of bitsOf(byteCount, flipsPerByte)) {
      whole.flipBit(path, bit);
      const { findings } = await verifyFolder({ disk: whole, folder: '/data' });
      assert.equal(findings.length, 1, `${path} bit ${bit}: ${JSON.stringify(findings)}`);
      const [{ file, position, fromOffset, toOffset } = { file: '', position: -1, fromOffset: -1, toOffset: -1 }] =
        findings;
      assert.ok(file === path && position <= bit >> 3, `${file} ${position}`);
      assert.ok(fromOffset >= 0 && (toOffset === null || toOffset <= RECORD_COUNT));
      whole.flipBit(path, bit);
    }
  }
  assert.deepEqual(await offsetsIn(await openSmallLog(whole.remains(), { wasClean: true })), range(0, RECORD_COUNT));
}
