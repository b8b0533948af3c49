import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freeBytes, freeThoseThatLeft, freeWhenLeft } from './spent-bytes.ts';

test('memory that is all of it is freed, and whoever still looks at it sees nothing', () => {
  const bytes = new Uint8Array(64 * 1024).fill(7);
  const view = bytes.subarray(10, 20);
  freeBytes(bytes);
  assert.deepEqual([bytes.length, view.length, bytes.buffer.byteLength], [0, 0, 0]);
});

test('a part of memory that others may use, shared memory, and what is small stay', () => {
  const whole = new Uint8Array(64 * 1024).fill(7);
  const kept = [
    whole.subarray(1),
    new Uint8Array(new SharedArrayBuffer(64 * 1024)).fill(7),
    new Uint8Array(100).fill(7),
  ];
  for (const bytes of kept) {
    freeBytes(bytes);
    assert.equal(bytes.at(-1), 7);
  }
});

test('of what leaves only that is freed of which somebody said so, and only as a whole', () => {
  const [said, cut, silent] = [1, 2, 3].map((value) => new Uint8Array(64 * 1024).fill(value));
  assert.ok(said && cut && silent);
  freeWhenLeft(said);
  freeWhenLeft(cut);
  freeThoseThatLeft([said, cut.subarray(0, 1000), cut.subarray(1000), silent]);
  assert.deepEqual([said.length, cut.at(-1), silent.at(-1)], [0, 2, 3]);
});
