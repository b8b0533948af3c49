import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeldBytes } from './held-bytes.ts';

function withBatches(...counts: readonly number[]): HeldBytes {
  const held = new HeldBytes(0);
  let baseOffset = 0;
  for (const count of counts) {
    held.add({ baseOffset, nextOffset: baseOffset + count, bytes: count * 10 });
    baseOffset += count;
  }
  return held;
}

test('bytes are counted from an offset to the end, whole batches only', () => {
  const held = withBatches(3, 2, 5);
  assert.deepEqual(
    [0, 3, 5, 10, 99].map((offset) => held.from(offset)),
    [100, 70, 50, 0, 0],
  );
  assert.equal(held.from(4), 70, 'the batch of 3 and 4 is there until both may go');
  assert.deepEqual(
    [0, 2, 3, 4, 5, 10].map((offset) => held.nextFree(offset)),
    [3, 3, 5, 5, 10, 10],
  );
});

test('what a log lost is counted no more', () => {
  const held = withBatches(3, 2, 5);
  held.add({ baseOffset: 3, nextOffset: 4, bytes: 7 });
  assert.equal(held.endOffset, 4);
  assert.equal(held.from(0), 37);
});

test('what was released is forgotten, and nothing of the rest changes', () => {
  const held = withBatches(...Array.from({ length: 100 }, () => 1));
  held.forgetBelow(90);
  assert.equal(held.from(90), 100);
  assert.equal(held.from(95), 50);
});

test('it goes on where its state ended', () => {
  const held = new HeldBytes(0, withBatches(3, 2).state());
  held.add({ baseOffset: 5, nextOffset: 6, bytes: 10 });
  assert.equal(held.from(3), 30);
});

test('any number of batches takes a bounded number of marks, and is never counted short', () => {
  const held = withBatches(...Array.from({ length: 100_000 }, () => 1));
  assert.ok(held.state().offsets.length <= 8193);
  assert.equal(held.from(0), 1_000_000);
  for (let offset = 0; offset <= 100_000; offset += 777) {
    const exact = (100_000 - offset) * 10;
    assert.ok(held.from(offset) >= exact && held.from(offset) <= exact + 1_000_000 / 1000, `from ${offset}`);
  }
});
