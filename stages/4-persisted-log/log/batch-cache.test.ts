import assert from 'node:assert/strict';
import process from 'node:process';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { encodeBatch, placeBatch } from '../bytes/record-batch.ts';
import { StoredBatch } from '../bytes/stored-batch.ts';
import { BatchCache, type CacheShelf } from './batch-cache.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Collected. */
async function memoryBytes(): Promise<number> {
  collect();
  await new Promise(setImmediate); // what is outside of the heap is let go in a turn of its own
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function batchAt(baseOffset: number, count: number, bodyBytes = 0): StoredBatch {
  const messages = Array.from({ length: count }, () => ({ body: new Uint8Array(bodyBytes) }));
  const bytes = encodeBatch(messages, { idPrefix: '', firstIdNumber: 0 });
  placeBatch(bytes, { baseOffset, appendedAt: 0, logId: 0, syncedPosition: 0 });
  return new StoredBatch(bytes);
}

test('a batch is found by every offset in it, and by no other', () => {
  const shelf = new BatchCache({ bytesMax: 1_000_000 }).shelf();
  shelf.push(batchAt(5, 4));
  shelf.push(batchAt(9, 1));
  shelf.push(batchAt(20, 3));
  const basesAt = Array.from({ length: 25 }, (_, offset) => shelf.at(offset)?.baseOffset);
  const expected = Array.from({ length: 25 }, (_, offset) => {
    if (offset >= 5 && offset < 9) return 5;
    if (offset === 9) return 9;
    return offset >= 20 && offset < 23 ? 20 : undefined;
  });
  assert.deepEqual(basesAt, expected);
});

test('the bound holds over all shelves, and what was wanted last stays', () => {
  const cache = new BatchCache({ bytesMax: 300_000 });
  const [one, two] = [cache.shelf(), cache.shelf()];
  for (let index = 0; index < 4; index += 1) one.push(batchAt(index, 1, 70_000));
  assert.ok(one.at(0));
  two.push(batchAt(0, 1, 70_000));
  assert.ok(cache.bytes <= cache.bytesMax);
  assert.deepEqual(
    [0, 1, 2, 3].map((offset) => one.at(offset) !== undefined),
    [true, false, true, true],
  );
  assert.ok(two.at(0));
});

test('one batch larger than the bound may be there alone', () => {
  const cache = new BatchCache({ bytesMax: 1000 });
  const shelf = cache.shelf();
  shelf.push(batchAt(0, 1, 10));
  shelf.push(batchAt(1, 1, 100_000));
  shelf.push(batchAt(2, 1, 10));
  assert.equal(shelf.at(0), undefined);
  shelf.push(batchAt(3, 1, 70_000));
  assert.deepEqual([shelf.at(1), shelf.at(3)?.baseOffset], [undefined, 3]);
});

test('the bound is one of memory: small batches that were read, and large ones that are small when compressed', async () => {
  const zeros = encodeBatch([{ body: new Uint8Array(256 * 1024) }], { codec: 'gzip', idPrefix: '', firstIdNumber: 0 });
  for (const [encoded, batchCount] of [
    [encodeBatch([{ body: Buffer.from('small') }], { idPrefix: 'somebody-', firstIdNumber: 7 }), 12_000],
    [zeros, 60],
  ] as const) {
    const before = await memoryBytes();
    const cache = new BatchCache({ bytesMax: 4 * 1024 * 1024 });
    const shelf = cache.shelf();
    for (let baseOffset = 0; baseOffset < batchCount; baseOffset += 1) {
      const bytes = encoded.slice();
      placeBatch(bytes, { baseOffset, appendedAt: 0, logId: 0, syncedPosition: 0 });
      shelf.push(new StoredBatch(bytes));
      shelf.at(baseOffset)?.recordAt(baseOffset);
    }
    const takenBytes = (await memoryBytes()) - before;
    assert.ok(takenBytes < 1.25 * cache.bytesMax, `${takenBytes} bytes of ${encoded.length} each`);
    assert.ok(shelf.at(batchCount - 1), 'it holds something');
  }
});

test('whatever is pushed, loaded, dropped and asked for: what is found is right, and nothing is counted twice', () => {
  const cache = new BatchCache({ bytesMax: 10_000 });
  const step = fc.oneof(
    fc.record({ kind: fc.constant('push' as const), count: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ kind: fc.constant('add' as const), from: fc.nat(40), count: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ kind: fc.constantFrom('dropBelow' as const, 'dropFrom' as const, 'ask' as const), offset: fc.nat(80) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const shelf: CacheShelf = cache.shelf();
      const log: StoredBatch[] = [];
      for (const each of steps) {
        if (each.kind === 'push') {
          const batch = batchAt(log.at(-1)?.nextOffset ?? 0, each.count);
          log.push(batch);
          shelf.push(batch);
        } else if (each.kind === 'add') shelf.add(log.slice(each.from, each.from + each.count));
        else if (each.kind === 'dropBelow') shelf.dropBelow(each.offset);
        else if (each.kind === 'ask') shelf.at(each.offset);
        else shelf.dropFrom(log.length === 0 ? 0 : each.offset);
        const end = log.at(-1)?.nextOffset ?? 0;
        for (let offset = 0; offset < end; offset += 1) {
          const found = shelf.at(offset);
          assert.ok(found === undefined || (found.baseOffset <= offset && offset < found.nextOffset));
        }
      }
      shelf.dropFrom(0);
      assert.equal(cache.bytes, 0);
    }),
    { numRuns: 200 },
  );
});
