import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeText, ownBodies, ownBytes } from './body.ts';
import { LIMITS } from './limits.ts';
import { checkBatch } from './validation.ts';

test('text is encoded as UTF-8, whatever its length, and each result is its own', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 80 }), (text) => {
      const bytes = encodeText(text);
      encodeText('something else');
      assert.deepEqual([...bytes], [...Buffer.from(text)]);
    }),
  );
});

test('a body that is a small part of its buffer gets one of its own', () => {
  const large = new Uint8Array(1024 * 1024).fill(7);
  for (const part of [large.subarray(0, 1), large.subarray(9, 10), large.subarray(9, 74), large.subarray(0, 500_000)]) {
    const own = ownBytes(part);
    assert.equal(own.buffer.byteLength, part.length);
    assert.ok(own.every((byte) => byte === 7));
  }
});

test('a body that fills most of its buffer, or whose buffer is small, is not copied', () => {
  const large = new Uint8Array(1024 * 1024);
  const small = new Uint8Array(4096);
  for (const body of [large, large.subarray(0, 600_000), small.subarray(0, 65)]) assert.equal(ownBytes(body), body);
  const plain = ownBytes(Buffer.from(large.buffer));
  assert.deepEqual([plain.constructor, plain.buffer === large.buffer], [Uint8Array, true]);
});

test('bodies of a batch may share the buffer they fill together, and may not share one they do not', () => {
  const buffer = new Uint8Array(100_000);
  const partsOf = (bytes: number): { body: Uint8Array }[] =>
    Array.from({ length: 10 }, (_, index) => ({ body: buffer.subarray(index * bytes, (index + 1) * bytes) }));
  const shares = (bytes: number): boolean[] =>
    checkBatch('messages', partsOf(bytes), LIMITS).map(({ body }) => body.buffer === buffer.buffer);
  assert.ok(shares(9000).every(Boolean));
  assert.ok(!shares(1000).some(Boolean));
});

test('bodies of several buffers in one batch are judged by what each buffer is used for', () => {
  const [full, wasted] = [new Uint8Array(10_000), new Uint8Array(10_000)];
  const short = Uint8Array.of(1, 2, 3);
  const bodies = [
    full.subarray(0, 5000),
    wasted.subarray(9, 109),
    short,
    full.subarray(5000),
    wasted.subarray(200, 300),
  ];
  const messages = bodies.map((body) => ({ body }));
  ownBodies(messages);
  const own = messages.map(({ body }) => body);
  assert.deepEqual(own, bodies);
  assert.deepEqual(
    own.map((body, index) => body === bodies[index]),
    [true, false, false, true, false],
  );
  assert.deepEqual(
    [own[1], own[4]].map((body) => body?.buffer.byteLength),
    [100, 100],
  );
});
