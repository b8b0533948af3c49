import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readU64, writeU64 } from './big-endian.ts';
import { NO_VARINT, readVarint, VARINT_BYTES_MAX, varintBytes, writeVarint } from './varint.ts';

const EDGES = [
  0,
  1,
  127,
  128,
  16_383,
  16_384,
  2 ** 21 - 1,
  2 ** 21,
  2 ** 28 - 1,
  2 ** 28,
  2 ** 35 - 1,
  2 ** 35,
  2 ** 53 - 1,
];

function assertReads(value: number): void {
  const bytes = new Uint8Array(VARINT_BYTES_MAX + 2);
  const end = writeVarint(bytes, 1, value);
  assert.equal(end - 1, varintBytes(value));
  assert.equal(readVarint(bytes, 1, end), value);
  assert.equal(readVarint(bytes, 1, end - 1), NO_VARINT, 'cut off');
}

test('every safe integer is read as it was written, and no shorter', () => {
  for (const edge of EDGES) assertReads(edge);
  fc.assert(fc.property(fc.maxSafeNat(), assertReads));
  fc.assert(fc.property(fc.nat(70_000), assertReads));
});

test('a number that is longer than it need be, too large or endless is none', () => {
  const bad = [[0x80, 0x00], [0xff, 0x80, 0x00], [...Array(7).fill(0xff), 0x7f], Array(9).fill(0x81), []];
  for (const bytes of bad) assert.equal(readVarint(Uint8Array.from(bytes), 0, bytes.length), NO_VARINT, String(bytes));
});

test('a number of eight bytes is read as it was written', () => {
  const bytes = new Uint8Array(8);
  for (const edge of EDGES) {
    writeU64(bytes, 0, edge);
    assert.equal(readU64(bytes, 0), edge);
    assert.equal(Buffer.from(bytes).readBigUInt64BE(), BigInt(edge));
  }
});
