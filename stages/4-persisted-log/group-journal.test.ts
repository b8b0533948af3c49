import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../shared/clock.ts';
import type { Disk } from '../../shared/disk.ts';
import { SimulatedDisk } from '../../shared/simulated-disk.ts';
import type { JournalEvent } from './delivery/group-events.ts';
import { GroupJournal } from './group-journal.ts';
import { BatchCache } from './log/batch-cache.ts';
import { PartitionLog } from './log/log.ts';

const FOLDER = '/data/groups';
const SNAPSHOTS = '/data/snapshots';

/** A journal over what happened, which is also all that its snapshots have. */
class Kept {
  readonly events: JournalEvent[] = [];
  readonly notices: string[] = [];
  readonly journal: GroupJournal;
  readonly log: PartitionLog;

  private constructor(disk: Disk, log: PartitionLog) {
    this.log = log;
    this.journal = new GroupJournal({
      disk,
      folder: SNAPSHOTS,
      log,
      takeSnapshot: () => [...this.events],
      onNotice: (text) => this.notices.push(text),
    });
  }

  static async open(disk: Disk): Promise<Kept> {
    const log = await PartitionLog.open({
      disk,
      folder: FOLDER,
      clock: new VirtualClock(),
      topicId: new Uint8Array(16),
      partition: 7,
      flushPolicy: 'always',
      flushIntervalMs: 1000,
      segmentBytesMax: 4096,
      cache: new BatchCache({ bytesMax: 1024 * 1024 }),
      wasClean: false,
    });
    const kept = new Kept(disk, log);
    const snapshot = await kept.journal.readSnapshot();
    if (snapshot !== undefined) kept.events.push(...(snapshot.content as JournalEvent[]));
    await kept.journal.replay(snapshot?.offset ?? 0, (event) => void kept.events.push(event));
    return kept;
  }

  record(offset: number): void {
    const event: JournalEvent = { kind: 'committed', group: 1, partition: 0, offset };
    this.events.push(event);
    this.journal.record(event);
  }

  get offsets(): number[] {
    return this.events.map((event) => ('offset' in event ? event.offset : -1));
  }
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

test('what was flushed is there after a power cut, in order', async () => {
  const disk = new SimulatedDisk();
  const kept = await Kept.open(disk);
  for (const offset of upTo(10)) kept.record(offset);
  await kept.journal.flushed();
  assert.deepEqual((await Kept.open(disk.crash())).offsets, upTo(10));
});

test('events of one turn share one write, and one sync', async () => {
  const disk = new SimulatedDisk();
  const kept = await Kept.open(disk);
  const syncs: string[] = [];
  disk.onCall = ({ kind }) => {
    if (kind === 'sync') syncs.push(kind);
    return undefined;
  };
  for (const offset of upTo(100)) kept.record(offset);
  await Promise.all([kept.journal.flushed(), kept.journal.flushed()]);
  assert.equal(syncs.length, 1);
});

test('what nobody waits for is written without a sync, and is there after kill -9', async () => {
  const disk = new SimulatedDisk();
  const kept = await Kept.open(disk);
  const syncs: string[] = [];
  disk.onCall = ({ kind }) => {
    if (kind === 'sync') syncs.push(kind);
    return undefined;
  };
  kept.record(0);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(syncs, []);
  assert.deepEqual((await Kept.open(disk.crash(() => true))).offsets, [0]);
});

test('flushed waits for a write that is under way, also when nothing new was recorded', async () => {
  const disk = new SimulatedDisk();
  const kept = await Kept.open(disk);
  kept.record(0);
  const first = kept.journal.flushed();
  await Promise.resolve();
  await Promise.resolve();
  await kept.journal.flushed();
  assert.deepEqual((await Kept.open(disk.remains())).offsets, [0]);
  await first;
});

test('flushed makes safe what nobody had waited for until then', async () => {
  const disk = new SimulatedDisk();
  const kept = await Kept.open(disk);
  kept.record(0);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual((await Kept.open(disk.remains())).offsets, []);
  await kept.journal.flushed();
  assert.deepEqual((await Kept.open(disk.remains())).offsets, [0]);
});

test('what grew too large to wait is written, and flushed waits for it all the same', async () => {
  const disk = new SimulatedDisk();
  const kept = await Kept.open(disk);
  kept.record(0);
  const first = kept.journal.flushed();
  // More than the writer keeps: written at once, beside the write that is under way.
  const big: JournalEvent = { kind: 'prefix', group: 1, prefix: 'x'.repeat(1_100_000) };
  kept.events.push(big);
  kept.journal.record(big);
  await first;
  await kept.journal.flushed();
  assert.equal((await Kept.open(disk.remains())).events.length, 2);
});

test('a snapshot at the end is all that the next start reads', async () => {
  const disk = new SimulatedDisk();
  const kept = await Kept.open(disk);
  for (const offset of upTo(10)) kept.record(offset);
  await kept.journal.close();
  const names = await disk.list(SNAPSHOTS);
  assert.equal(names.length, 1);
  assert.deepEqual((await Kept.open(disk.crash())).offsets, upTo(10));
});

test('a journal in which nothing changed is closed without another snapshot', async () => {
  const disk = new SimulatedDisk();
  const first = await Kept.open(disk);
  first.record(0);
  await first.journal.close();
  const before = await disk.list(SNAPSHOTS);
  await (await Kept.open(disk)).journal.close();
  assert.deepEqual(await disk.list(SNAPSHOTS), before);
});

test('of many snapshots two are kept, and of the journal what the older one needs', async () => {
  const disk = new SimulatedDisk();
  for (const round of upTo(5)) {
    const kept = await Kept.open(disk);
    assert.deepEqual(kept.offsets, upTo(round));
    kept.record(round);
    await kept.journal.close();
  }
  assert.equal((await disk.list(SNAPSHOTS)).length, 2);
  const last = await Kept.open(disk);
  assert.ok(last.log.logStartOffset > 0);
  assert.deepEqual(last.offsets, upTo(5));
});

test('a snapshot that rotted is left out, and the one before it used', async () => {
  const disk = new SimulatedDisk();
  for (const round of upTo(3)) {
    const kept = await Kept.open(disk);
    kept.record(round);
    await kept.journal.close();
  }
  const youngest = (await disk.list(SNAPSHOTS)).at(-1);
  disk.flipBit(`${SNAPSHOTS}/${youngest}`, 200);
  const kept = await Kept.open(disk);
  assert.deepEqual(kept.offsets, upTo(3));
  assert.match(kept.notices.join(), /older snapshot/);
});

test('without any snapshot a journal that was cut off is said to be corrupt', async () => {
  const disk = new SimulatedDisk();
  for (const round of upTo(3)) {
    const kept = await Kept.open(disk);
    kept.record(round);
    await kept.journal.close();
  }
  for (const name of await disk.list(SNAPSHOTS)) await disk.remove(`${SNAPSHOTS}/${name}`);
  await assert.rejects(Kept.open(disk), { code: 'MQ_CORRUPT' });
});

test('after a failed sync whoever waited is told, and the next one has everything again', async () => {
  for (const kind of ['write', 'sync']) {
    const disk = new SimulatedDisk();
    const kept = await Kept.open(disk);
    kept.record(0);
    await kept.journal.flushed();
    disk.onCall = (call) => (call.kind === kind ? { code: 'EIO' } : undefined);
    kept.record(1);
    await assert.rejects(kept.journal.flushed(), { code: 'MQ_STORAGE_FAILED' });
    kept.record(2);
    await assert.rejects(kept.journal.flushed(), { code: 'MQ_STORAGE_FAILED' });
    disk.onCall = undefined;
    kept.record(3);
    await kept.journal.flushed();
    kept.record(4);
    await kept.journal.flushed();
    assert.deepEqual((await Kept.open(disk.crash())).offsets, upTo(5), kind);
  }
});

test('a power cut at any call of a long life loses nothing that was flushed, and repeats nothing', async () => {
  for (let call = 1; ; call += 7) {
    const disk = new SimulatedDisk();
    let cut: SimulatedDisk | undefined;
    disk.onCall = ({ number }) => {
      if (number === call) cut = disk.remains();
      return undefined;
    };
    let flushedCount = 0;
    let flushedAtCut = 0;
    for (const round of upTo(4)) {
      const kept = await Kept.open(disk);
      for (const step of upTo(5)) {
        kept.record(round * 5 + step);
        await kept.journal.flushed();
        if (cut === undefined) flushedAtCut = flushedCount + 1;
        flushedCount += 1;
      }
      kept.journal.noteGrowth(8 * 1024 * 1024);
      await kept.journal.close();
    }
    if (cut === undefined) return;
    const { offsets } = await Kept.open(cut);
    assert.ok(offsets.length >= flushedAtCut, `${offsets.length} of ${flushedAtCut} after call ${call}`);
    assert.deepEqual(offsets, upTo(offsets.length));
  }
});
