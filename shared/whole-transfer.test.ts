import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from './random.ts';
import { readWhole, writeWhole, writeWholeNow } from './whole-transfer.ts';

const SOURCE = Uint8Array.from({ length: 300 }, (_, index) => index % 251);

test('a read that comes in parts is put together', async () => {
  for (let seed = 1; seed <= 50; seed += 1) {
    const random = new SeededRandom(seed);
    const into = new Uint8Array(200);
    const bytes = await readWhole(into, async (rest, doneBytes) => {
      const part = SOURCE.subarray(doneBytes, doneBytes + 1 + random.below(rest.length));
      rest.set(part);
      return part.length;
    });
    assert.equal(bytes, 200);
    assert.deepEqual(into, SOURCE.subarray(0, 200));
  }
});

test('a read ends where the file ends', async () => {
  const into = new Uint8Array(8);
  let callCount = 0;
  const bytes = await readWhole(into, async (_rest, doneBytes) => {
    callCount += 1;
    return doneBytes < 5 ? 5 : 0;
  });
  assert.deepEqual([bytes, callCount], [5, 2]);
});

test('a write that is taken in parts goes on where it stopped, over the edges of its pieces', async () => {
  for (let seed = 1; seed <= 200; seed += 1) {
    const random = new SeededRandom(seed);
    const pieces: Uint8Array[] = [];
    for (let from = 0; from < SOURCE.length; ) {
      const to = Math.min(from + random.below(40), SOURCE.length);
      pieces.push(SOURCE.subarray(from, to));
      from = to;
    }
    const written: number[] = [];
    await writeWhole(pieces, async (rest, doneBytes) => {
      assert.equal(doneBytes, written.length);
      const all = Buffer.concat(rest);
      const taken = 1 + random.below(all.length);
      written.push(...all.subarray(0, taken));
      return taken;
    });
    assert.deepEqual(Uint8Array.from(written), SOURCE);
  }
});

test('a write of nothing asks nobody', async () => {
  await writeWhole([new Uint8Array(0)], () => assert.fail('asked'));
});

test('a write that moves nothing is an error, not a loop', async () => {
  await assert.rejects(
    writeWhole([SOURCE], async () => 0),
    { code: 'EIO' },
  );
});

test('no call gets more pieces than the system takes', async () => {
  const pieces = Array.from({ length: 3000 }, () => new Uint8Array(1));
  const counts: number[] = [];
  await writeWhole(pieces, async (rest) => {
    counts.push(rest.length);
    return rest.length;
  });
  assert.deepEqual(counts, [1024, 1024, 952]);
});

test('a write at once goes on where it stopped too, and moving nothing is an error', () => {
  const written: number[] = [];
  const pieces = [SOURCE.subarray(0, 100), SOURCE.subarray(100, 100), SOURCE.subarray(100)];
  writeWholeNow(pieces, (rest, doneBytes) => {
    assert.equal(doneBytes, written.length);
    written.push(...Buffer.concat(rest).subarray(0, 70));
    return Math.min(70, SOURCE.length - doneBytes);
  });
  assert.deepEqual(Uint8Array.from(written), SOURCE);
  assert.throws(() => writeWholeNow([SOURCE], () => 0), { code: 'EIO' });
});
