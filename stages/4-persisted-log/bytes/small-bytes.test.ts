import assert from 'node:assert/strict';
import { test } from 'node:test';
import { copyOf, smallBytes } from './small-bytes.ts';

test('bytes are zero, as many as wanted, and never given out twice', () => {
  const pieces = Array.from({ length: 300 }, (_, index) => smallBytes((index * 37) % 2500));
  for (const [index, piece] of pieces.entries()) {
    assert.equal(piece.length, (index * 37) % 2500);
    assert.ok(piece.every((byte) => byte === 0));
    piece.fill(1 + (index % 255));
  }
  for (const [index, piece] of pieces.entries()) assert.ok(piece.every((byte) => byte === 1 + (index % 255)));
});

test('a copy has the bytes of its source, and keeps them when the source changes', () => {
  for (const length of [0, 1, 200, 2048, 2049, 100_000]) {
    const source = new Uint8Array(length).fill(7);
    const copy = copyOf(source);
    source.fill(8);
    assert.deepEqual(copy, new Uint8Array(length).fill(7));
  }
});
