import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeBatch, placeBatch, SUMMARY } from '../../4-persisted-log/bytes/record-batch.ts';
import { markerBatch } from './marker.ts';
import { MarkerCounts } from './marker-counts.ts';
import { TransactionIndex, type TransactionIndexState } from './transaction-index.ts';

const body = new Uint8Array(1);

/** A partition in memory, and its index; `safeEnd` is what a crash leaves. */
class World {
  index = new TransactionIndex();
  batches: { readonly bytes: Uint8Array; readonly baseOffset: number; readonly count: number }[] = [];

  get endOffset(): number {
    const last = this.batches.at(-1);
    return last === undefined ? 0 : last.baseOffset + last.count;
  }

  write(count: number, epoch?: number): void {
    const sender = epoch === undefined ? undefined : { producerId: 7, epoch, flags: SUMMARY.transactional };
    const records = Array.from({ length: count }, () => ({ body }));
    this.#append(encodeBatch(records, { idPrefix: '', firstIdNumber: 0, sender }), count);
  }

  end(epoch: number, outcome: 'committed' | 'aborted'): void {
    this.#append(markerBatch({ producerId: 7, epoch }, outcome), 1);
  }

  /** Where it ends without its last batches. */
  endBefore(batchCount: number): number {
    return this.batches.at(-batchCount)?.baseOffset ?? 0;
  }

  /** The log loses its end. */
  cut(offset: number): void {
    this.batches = this.batches.filter(({ baseOffset, count }) => baseOffset + count <= offset);
    this.index.dropFrom(this.endOffset);
  }

  /** What a start makes of a snapshot and the log. */
  restarted(state: TransactionIndexState | undefined): TransactionIndex {
    const index = new TransactionIndex(state === undefined ? undefined : JSON.parse(JSON.stringify(state)));
    const from = index.resumeAt({ logStartOffset: 0, logEndOffset: this.endOffset });
    for (const { bytes, baseOffset } of this.batches) if (baseOffset >= from) index.noteStored(bytes);
    return index;
  }

  /** Below the last stable offset: is it hidden? */
  view(index: TransactionIndex, highWatermark = this.endOffset): string {
    const below = index.lastStableOffset(highWatermark);
    const shown = Array.from({ length: below }, (_, offset) => (index.isHidden(offset) ? 'x' : '.')).join('');
    return `${shown}|`;
  }

  #append(bytes: Uint8Array, count: number): void {
    const baseOffset = this.endOffset;
    this.index.note(bytes, baseOffset);
    placeBatch(bytes, { baseOffset, appendedAt: 0, logId: 0, syncedPosition: 64 });
    this.batches.push({ bytes, baseOffset, count });
  }
}

test('readers stop before the first record of the first transaction without a marker', () => {
  const world = new World();
  world.write(2);
  world.write(1, 1);
  world.write(1, 2);
  world.write(1);
  assert.equal(world.view(world.index), '..|');
  world.end(2, 'committed');
  assert.equal(world.view(world.index), '..|', 'the first is still open');
  world.end(1, 'aborted');
  assert.equal(world.view(world.index), '..x...x|');
});

test('a marker that readers may not see yet decides nothing for them', () => {
  const world = new World();
  world.write(1, 1);
  world.end(1, 'committed');
  assert.equal(world.view(world.index, 1), '|');
  assert.equal(world.view(world.index, 2), '..|');
});

test('a marker whose write failed leaves the transaction open', () => {
  const world = new World();
  world.write(2, 1);
  world.end(1, 'aborted');
  world.cut(2);
  assert.equal(world.view(world.index), '|');
  world.end(1, 'committed');
  assert.equal(world.view(world.index), '...|');
});

test('what is held is undecided for readers, marker or not, until it is shown; what stands before it stays so', () => {
  const world = new World();
  world.write(1, 1);
  world.write(1, 2);
  world.write(1, 3);
  const held = { producerId: 7, epoch: 2 };
  world.index.hold(held);
  world.end(2, 'committed');
  world.end(1, 'aborted');
  assert.equal(world.view(world.index), 'x|');
  world.end(3, 'aborted');
  assert.equal(world.view(world.index), 'x|');
  world.index.show(held);
  assert.equal(world.view(world.index), 'x.x.xx|');
});

test('what is shown before readers may see its marker is in the order of the markers', () => {
  const world = new World();
  world.write(1, 2);
  world.write(1, 1);
  const held = { producerId: 7, epoch: 2 };
  world.index.hold(held);
  world.end(2, 'committed');
  world.end(1, 'aborted');
  world.index.show(held);
  assert.deepEqual(
    [2, 3, 4].map((highWatermark) => world.view(world.index, highWatermark)),
    ['|', '.|', '.x.x|'],
  );
});

test('a marker that is lost while it is held comes again; a start holds nothing', () => {
  const world = new World();
  world.write(1, 1);
  const held = { producerId: 7, epoch: 1 };
  world.index.hold(held);
  world.end(1, 'committed');
  world.cut(1);
  world.end(1, 'committed');
  assert.equal(world.view(world.index), '|');
  for (const state of [undefined, world.index.state()]) assert.equal(world.view(world.restarted(state)), '..|');
  world.index.show(held);
  assert.equal(world.view(world.index), '..|');
});

test('what is hidden is counted, markers included, and forgotten with the begin of the log', () => {
  const world = new World();
  world.write(3, 1);
  world.end(1, 'aborted');
  world.write(2, 2);
  world.end(2, 'committed');
  world.view(world.index);
  assert.equal(world.index.hiddenCountIn({ from: 0, below: 7 }), 5);
  assert.equal(world.index.hiddenCountIn({ from: 2, below: 5 }), 2);
  world.index.forgetBelow(5);
  assert.equal(world.index.state().aborted.length, 0);
});

test('the youngest markers are remembered, at most 256', () => {
  const world = new World();
  for (let epoch = 0; epoch < 300; epoch += 1) {
    world.write(1, epoch);
    world.end(epoch, epoch % 2 === 0 ? 'committed' : 'aborted');
  }
  assert.equal(world.index.markers.length, 256);
  assert.deepEqual(world.index.markers.at(-1), { offset: 599, producerId: 7, epoch: 299, outcome: 'aborted' });
});

const step = fc.oneof(
  fc.record({ kind: fc.constant('write' as const), count: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ kind: fc.constant('open' as const), epoch: fc.integer({ min: 0, max: 3 }) }),
  fc.record({ kind: fc.constant('end' as const), epoch: fc.integer({ min: 0, max: 3 }), isKept: fc.boolean() }),
  fc.record({ kind: fc.constant('cut' as const), lost: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ kind: fc.constant('snapshot' as const) }),
);

test('whatever is written, ended, lost and restarted: a snapshot and the rest of the log lead to the same as all of it', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const world = new World();
      let state: TransactionIndexState | undefined;
      let seenEnd = 0;
      // An epoch is used again as another transaction only after its end.
      const names = [0, 1, 2, 3];
      for (const one of steps) {
        if (one.kind === 'write') world.write(one.count);
        else if (one.kind === 'open') world.write(1, names[one.epoch]);
        else if (one.kind === 'end') {
          world.end(names[one.epoch] as number, one.isKept ? 'committed' : 'aborted');
          names[one.epoch] = (names[one.epoch] as number) + 4;
        } else if (one.kind === 'snapshot') state = structuredClone(world.index.state());
        else {
          const end = world.endBefore(one.lost);
          if (end < Math.max(seenEnd, state?.endOffset ?? 0)) continue; // what readers saw, or a snapshot has, stays
          seenEnd = end;
          world.view(world.index, end);
          world.cut(end);
        }
      }
      const expected = world.view(world.restarted(undefined));
      assert.equal(world.view(world.restarted(state)), expected);
      assert.equal(world.view(world.index), expected);
    }),
    { numRuns: 300 },
  );
});

test('markers are counted between any two offsets, of many old ones nearly', () => {
  const counts = new MarkerCounts();
  for (let offset = 3; offset < 150_000; offset += 3) counts.add(offset);
  const exact = (from: number, below: number): number =>
    Math.ceil((below - 3) / 3) - Math.max(Math.ceil((from - 3) / 3), 0);
  assert.equal(counts.countIn({ from: 140_000, below: 149_000 }), exact(140_000, 149_000));
  assert.ok(Math.abs(counts.countIn({ from: 0, below: 100_000 }) - exact(0, 100_000)) <= 4);
  assert.ok(counts.state().offsets.length <= 16_384);
  counts.dropFrom(149_000);
  assert.equal(counts.countIn({ from: 148_000, below: 200_000 }), exact(148_000, 149_000));
});

test('a state is of its moment: what comes while a snapshot is being written is not in it, and hides nothing once it is lost', () => {
  const world = new World();
  world.write(2, 1);
  world.end(2, 'aborted');
  world.end(3, 'committed');
  const state = world.index.state();
  const moment = JSON.stringify(state);
  world.write(3, 1); // written, and not synced
  world.end(4, 'committed');
  world.end(5, 'aborted');
  world.index.lastStableOffset(world.endOffset);
  assert.equal(JSON.stringify(state), moment);
  world.cut(4); // a power cut
  const index = world.restarted(state);
  world.index = index;
  world.end(1, 'aborted');
  world.write(5); // of nobody in particular, where the lost ones were
  assert.equal(world.view(index), 'xxx.x.....|');
});
