import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMqError } from '../../../shared/contract/errors.ts';
import { badBytes, type CallWatcher, failNth, HeldSyncs } from '../../../shared/disk-faults.ts';
import { keepsAll, keepsNothing } from '../../../shared/power-cut.ts';
import { SeededRandom } from '../../../shared/random.ts';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { encodeBatch } from '../bytes/record-batch.ts';
import { LogHistory, openLog, readLog } from '../testing/log-history.ts';
import { runLogScript } from '../testing/log-script.ts';
import type { FlushPolicy, PartitionLog } from './log.ts';

interface FailedRun {
  readonly disk: SimulatedDisk;
  readonly history: LogHistory;
  readonly log: PartitionLog;
  /** The call that was to fail was made. */
  readonly wasHit: boolean;
}

interface RunOptions {
  readonly seed?: number;
  readonly operationCount?: number;
  readonly flushPolicy?: FlushPolicy;
}

/** A script during which the disk fails; afterwards the disk is well again, and the log still open. */
async function failedRun(
  onCall: CallWatcher,
  { seed = 1, operationCount = 30, flushPolicy }: RunOptions = {},
): Promise<FailedRun> {
  const disk = new SimulatedDisk();
  const random = new SeededRandom(seed);
  const history = new LogHistory(random);
  let wasHit = false;
  disk.onCall = (call) => {
    const fault = onCall(call);
    if (fault !== undefined) wasHit = true;
    return fault;
  };
  const log = await runLogScript({ disk, history, random, operationCount, ...(flushPolicy && { flushPolicy }) });
  disk.onCall = undefined;
  return { disk, history, log, wasHit };
}

/** The log goes on, and after a start of any kind everything that was acked is there. */
async function assertSound({ disk, history, log }: FailedRun, message: string): Promise<void> {
  try {
    const rejectedCount = history.rejections.length;
    await history.append(log);
    assert.equal(history.rejections.length, rejectedCount, 'it takes messages again, without a restart');
    history.check(await readLog(log), history.promised(), { isStrict: false });
    for (const fate of [keepsNothing, keepsAll]) {
      const again = await openLog(disk.remains(fate));
      history.check(await readLog(again), history.promised(), { isStrict: false });
      await again.close();
    }
    await log.close();
    assert.deepEqual(disk.openPaths, [], 'no file stays open');
  } catch (error) {
    throw new Error(`${message}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

test('whichever call fails, what was acked is there, and the log goes on', async () => {
  for (let n = 1; ; n += 1) {
    const run = await failedRun(failNth(n), { operationCount: 15 });
    for (const error of run.history.rejections) assert.ok(isMqError(error), `call ${n}: ${error}`);
    await assertSound(run, `call ${n}`);
    if (!run.wasHit) break;
  }
});

test('a sync that fails answers all that wait for it with an error, and a later sync never acks them', async () => {
  let failedCount = 0;
  for (let n = 1; ; n += 1) {
    const run = await failedRun(failNth(n, { isMeant: (call) => call.kind === 'sync' }), { seed: n });
    failedCount += run.history.rejections.length;
    for (const error of run.history.rejections) assert.ok(isMqError(error, 'MQ_STORAGE_FAILED'), `${error}`);
    await assertSound(run, `sync ${n}`);
    if (!run.wasHit) break;
  }
  assert.ok(failedCount > 20);
});

for (const flushPolicy of ['interval', 'never'] as const) {
  test(`flush ${flushPolicy}: a sync that failed took what was only written; a later one that succeeds means it again`, async () => {
    for (let n = 1; ; n += 1) {
      const isMeant = (call: { readonly kind: string }): boolean => call.kind === 'sync';
      const { disk, history, log, wasHit } = await failedRun(failNth(n, { isMeant }), { seed: n, flushPolicy });
      await log.sync().catch(() => log.sync());
      const again = await openLog(disk.remains());
      history.check(await readLog(again), history.promised(), { isStrict: false, isKill: true });
      await again.close();
      await log.close();
      if (!wasHit) break;
    }
  });
}

test('a disk that is full: that nothing was stored is said only when nothing can be found stored', async () => {
  for (const isCut of [true, false]) {
    const disk = new SimulatedDisk();
    const log = await openLog(disk);
    let failedCount = 0;
    const batches = ['one', 'two', 'six'].map((body) =>
      encodeBatch([{ body: Buffer.from(body) }], { idPrefix: '', firstIdNumber: 0 }),
    );
    const doneBytes = Math.floor(1.5 * (batches[0]?.length ?? 0)); // one batch of three, and half of another
    disk.onCall = ({ kind }) => {
      if (failedCount === 0 ? kind !== 'write' : isCut) return undefined;
      failedCount += 1;
      return { code: 'ENOSPC', doneBytes };
    };
    const answers = await Promise.allSettled(batches.map((batch) => log.append(batch)));
    disk.onCall = undefined;
    const again = await openLog(disk.remains(keepsAll));
    assert.equal(again.logEndOffset, isCut ? 0 : 1);
    for (const answer of answers) {
      assert.ok(answer.status === 'rejected');
      assert.equal(answer.reason.code, isCut ? 'MQ_STORAGE_FULL' : 'MQ_STORAGE_FAILED');
    }
    await again.close();
    await log.close();
  }
});

test('a write that fails half-way leaves no half record before a whole one', async () => {
  for (let n = 1; ; n += 1) {
    const isMeant = (call: { readonly kind: string; readonly path: string }): boolean =>
      call.kind === 'write' && call.path.endsWith('.log');
    const run = await failedRun(failNth(n, { isMeant }), { seed: n });
    await assertSound(run, `write ${n}`);
    if (!run.wasHit) break;
  }
});

test('a full disk: the append is refused, the rest is cut off, and with room again it goes on without a restart', async () => {
  for (let spareBytes = 0; spareBytes < 400; spareBytes += 19) {
    const disk = new SimulatedDisk();
    const history = new LogHistory(new SeededRandom(spareBytes));
    const log = await openLog(disk);
    for (let count = 0; count < 5; count += 1) await history.append(log);
    disk.capacityBytes = disk.usedBytes + spareBytes;
    while (history.rejections.length < 2) await history.append(log);
    for (const error of history.rejections) assert.ok(isMqError(error, 'MQ_STORAGE_FULL'), `${error}`);
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    await assertSound({ disk, history, log, wasHit: true }, `${spareBytes} spare bytes`);
  }
});

test('a bad place on the disk fails the read that touches it, and no other', async () => {
  const disk = new SimulatedDisk();
  const history = new LogHistory(new SeededRandom(5));
  const log = await openLog(disk);
  for (let count = 0; count < 40; count += 1) await history.append(log);
  const [first, second] = (await disk.list('/data/p0')).filter((name) => name.endsWith('.log'));
  assert.ok(first !== undefined && second !== undefined, 'there are several segments');
  disk.onCall = badBytes(`/data/p0/${first}`, { from: 0, to: 1_000_000 });
  await assert.rejects(log.load(0), (error) => isMqError(error, 'MQ_STORAGE_FAILED'));
  const secondBase = Number.parseInt(second, 10);
  assert.ok((await log.load(secondBase)).length > 0);
  await history.append(log);
  assert.deepEqual(history.rejections, []);
  disk.onCall = undefined;
  history.check(await readLog(log), history.promised());
  await log.close();
});

test('a slow sync: nobody is answered early, and all that came meanwhile share the next one', async () => {
  const disk = new SimulatedDisk();
  const history = new LogHistory(new SeededRandom(6));
  const log = await openLog(disk, { segmentBytesMax: 1024 * 1024 });
  const syncs = new HeldSyncs();
  let syncCount = 0;
  disk.onCall = (call) => {
    if (call.kind === 'sync') syncCount += 1;
    return syncs.watch(call);
  };
  const appends = [history.append(log)];
  await settled();
  for (let count = 0; count < 99; count += 1) appends.push(history.append(log));
  await settled();
  assert.deepEqual([syncs.heldCount, history.promised().ackedCount], [1, 0]);
  syncs.releaseHeld();
  await settled();
  assert.deepEqual([syncs.heldCount, history.promised().ackedCount], [1, 1]);
  syncs.open();
  await Promise.all(appends);
  assert.deepEqual([syncCount, history.promised().ackedCount], [2, 100]);
  history.check(await readLog(log), history.promised());
  await log.close();
});

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
