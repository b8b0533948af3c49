import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../../shared/clock.ts';
import { keepsAll, keepsNothing } from '../../../shared/power-cut.ts';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { BatchCache } from '../../4-persisted-log/log/batch-cache.ts';
import { type Decision, DecisionLog } from './decision-log.ts';
import { nameOf } from './marker.ts';

const FOLDER = '/data/transactions';

interface Opened {
  readonly log: DecisionLog;
  readonly disk: SimulatedDisk;
  readonly committed: string[];
  readonly forgotten: string[];
}

const SMALL = { segmentBytesMax: 64 * 1024 * 1024, slackBytes: 4096 };

async function openOn(
  disk: SimulatedDisk,
  sizes: { readonly segmentBytesMax: number; readonly slackBytes?: number } = SMALL,
): Promise<Opened> {
  const committed: string[] = [];
  const forgotten: string[] = [];
  await disk.makeFolder('/data');
  const log = await DecisionLog.open({
    settings: {
      ...{ disk, clock: new VirtualClock(), flushPolicy: 'always', flushIntervalMs: 1000 },
      sideCache: new BatchCache({ bytesMax: 1024 * 1024 }),
      onNotice: (text) => assert.match(text, /torn tail/),
      segmentBytesMax: sizes.segmentBytesMax,
    },
    folder: FOLDER,
    slackBytes: sizes.slackBytes,
    onCommitted: (transaction) => committed.push(nameOf(transaction)),
    onForgotten: (decision) => forgotten.push(nameOf(decision)),
  });
  return { log, disk, committed, forgotten };
}

function decision(epoch: number): Decision {
  const place = { topic: 't', topicId: 'ab', partition: 0 };
  const acks = [{ ...place, group: 1, runs: [[epoch, 2] as const] }];
  return { producerId: 7, epoch, places: [place], acks, positions: [{ ...place, group: 2, offset: epoch }] };
}

test('a decision is there after a power cut, as it was decided, until it is done', async () => {
  const { log, disk } = await openOn(new SimulatedDisk());
  await log.decide(decision(1));
  await log.decide(decision(2));
  log.done(decision(1));
  await log.decide(decision(3)); // which makes what came before it safe too
  const next = await openOn(disk.remains());
  assert.deepEqual(
    next.log.undone,
    [decision(2), decision(3)].map((one) => ({ kind: 'decided', ...one })),
  );
  assert.deepEqual([...new Set(next.committed)], ['7-1', '7-2', '7-3']);
});

test('that one is done is forgotten only when no crash can bring it back', async () => {
  const { log, disk, forgotten } = await openOn(new SimulatedDisk());
  await log.decide(decision(1));
  log.done(decision(1));
  await new Promise(setImmediate);
  const isBack = (await openOn(disk.remains(keepsNothing))).log.undone.length > 0;
  assert.equal(forgotten.includes('7-1'), !isBack);
  await log.decide(decision(2));
  assert.deepEqual(forgotten, ['7-1']);
  assert.equal((await openOn(disk.remains(keepsNothing))).log.undone.length, 1);
});

test('a decision that the disk refuses is none', async () => {
  const { log, disk } = await openOn(new SimulatedDisk());
  disk.onCall = ({ kind }) => (kind === 'sync' ? { code: 'EIO' } : undefined);
  await assert.rejects(log.decide(decision(1)), { code: 'MQ_STORAGE_FAILED' });
  disk.onCall = undefined;
  assert.deepEqual(log.undone, []);
  assert.deepEqual((await openOn(disk.remains(keepsAll))).log.undone, []);
});

test('the log does not grow with what is done, and keeps what is not', async () => {
  const { log, disk } = await openOn(new SimulatedDisk());
  await log.decide(decision(0));
  for (let epoch = 1; epoch < 500; epoch += 1) {
    await log.decide(decision(epoch));
    log.done(decision(epoch));
  }
  await new Promise(setImmediate);
  assert.ok(log.heldBytes < 3 * 4096, `${log.heldBytes} bytes are held`);
  const next = await openOn(disk.remains());
  assert.equal(next.log.undone[0]?.epoch, 0);
  assert.ok(next.log.undone.length <= 2, 'the last one may not be known to be done');
});

test('a broker whose files are to be small has a small log of decisions, too, on the disk and not only in use', async () => {
  const { log, disk } = await openOn(new SimulatedDisk(), { segmentBytesMax: 4096 });
  for (let epoch = 1; epoch < 500; epoch += 1) {
    await log.decide(decision(epoch));
    log.done(decision(epoch));
  }
  await log.close();
  assert.ok(disk.usedBytes < 4 * 4096, `${disk.usedBytes} bytes on the disk`);
});

test('a decision that is on its way while the log is written anew is kept: nothing decided is ever let go', async () => {
  for (const others of [0, 3]) {
    const { log, disk } = await openOn(new SimulatedDisk(), { ...SMALL, slackBytes: 256 });
    for (let epoch = 0; epoch < others; epoch += 1) await log.decide(decision(epoch));
    for (let epoch = 10; epoch < 60; epoch += 2) {
      const one = log.decide(decision(epoch)).then(() => log.done(decision(epoch)));
      const other = log.decide(decision(epoch + 1)); // may be under way when the log finds itself too long
      await one;
      const late = log.decide(decision(epoch + 100));
      await Promise.all([other, late]);
      await new Promise(setImmediate);
      const left = (await openOn(disk.remains())).log.undone.map(nameOf);
      for (const kept of [epoch + 1, epoch + 100]) assert.ok(left.includes(`7-${kept}`), `7-${kept} of ${left}`);
      for (const over of [epoch + 1, epoch + 100]) log.done(decision(over));
    }
  }
});
