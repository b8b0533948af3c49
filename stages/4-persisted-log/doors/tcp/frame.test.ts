import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isMqError } from '../../../../shared/contract/errors.ts';
import { FrameReader } from './frame.ts';
import { FrameWriter } from './frame-writer.ts';
import { framesOf } from './testing/stranger.ts';

type Read = readonly [type: number, id: number, content: string];

/** The frames in `pieces`. */
function read(pieces: readonly Uint8Array[], frameBytesMax = 2 ** 20): Read[] {
  const frames: Read[] = [];
  const reader = new FrameReader({
    frameBytesMax,
    onFrame: (type, id, content) => frames.push([type, id, Buffer.from(content).toString('hex')]),
  });
  for (const piece of pieces) reader.push(piece);
  return frames;
}

/** `bytes`, cut at every one of `positions`. */
function cutAt(bytes: Uint8Array, positions: readonly number[]): Uint8Array[] {
  const ends = [...positions.toSorted((one, other) => one - other), bytes.length];
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

const aFrame = fc.record({
  type: fc.integer({ min: 0, max: 255 }),
  id: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  content: fc.uint8Array({ maxLength: 5000 }),
});

function write(out: FrameWriter, frames: readonly { type: number; id: number; content: Uint8Array }[]): void {
  for (const { type, id, content } of frames) out.begin(type, id).bytesOf(content).end();
}

test('a stream gives the same frames whole, cut at every position, and byte by byte', () => {
  const bytes = framesOf((out) => {
    out.begin(0x10, 1).text('orders').u64(7).end();
    out.begin(0x03, 0).end();
    out
      .begin(0x84, 2 ** 32 - 1)
      .u32(undefined)
      .bytesOf(new Uint8Array(40).fill(9))
      .end();
  });
  const whole = read([bytes]);
  assert.equal(whole.length, 3);
  for (let at = 0; at <= bytes.length; at += 1) assert.deepEqual(read(cutAt(bytes, [at])), whole, `cut at ${at}`);
  assert.deepEqual(read([...bytes].map((byte) => Uint8Array.of(byte))), whole);
});

test('whatever is written is read again, in whatever pieces it comes', () => {
  const cuts = fc.array(fc.integer({ min: 0, max: 40_000 }), { maxLength: 40 });
  fc.assert(
    fc.property(fc.array(aFrame, { maxLength: 8 }), cuts, (frames, positions) => {
      const bytes = framesOf((out) => write(out, frames));
      const expected = frames.map(({ type, id, content }) => [type, id, Buffer.from(content).toString('hex')]);
      assert.deepEqual(
        read(
          cutAt(
            bytes,
            positions.map((at) => Math.min(at, bytes.length)),
          ),
        ),
        expected,
      );
    }),
  );
});

test('a thousand frames in one piece are a thousand frames', () => {
  const bytes = framesOf((out) => {
    for (let id = 0; id < 1000; id += 1) out.begin(0x14, id).text(`call ${id}`).end();
  });
  assert.deepEqual(
    read([bytes]).map(([, id]) => id),
    Array.from({ length: 1000 }, (_, id) => id),
  );
});

test('a length no frame has is refused as soon as it is there, and nothing is reserved for it', () => {
  const before = process.memoryUsage().arrayBuffers;
  for (const length of [0, 1, 4, 1025, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]) {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(length);
    assert.throws(
      () => read([head], 1024),
      (error) => isMqError(error, 'MQ_PROTOCOL'),
    );
    assert.throws(
      () =>
        read(
          [...head].map((byte) => Uint8Array.of(byte)),
          1024,
        ),
      /a frame has 5 to 1024 bytes/,
    );
  }
  assert.ok(process.memoryUsage().arrayBuffers - before < 1024 * 1024);
});

test('a frame of exactly the limit is read, and one byte more is refused', () => {
  const ofBytes = (length: number): Uint8Array =>
    framesOf((out) =>
      out
        .begin(1, 1)
        .bytesOf(new Uint8Array(length - 5))
        .end(),
    );
  assert.equal(read([ofBytes(4096)], 4096).length, 1);
  assert.throws(
    () => read([ofBytes(4097)], 4096),
    (error) => isMqError(error, 'MQ_PROTOCOL'),
  );
});

test('for a long frame no more is reserved than a quarter of a megabyte, or twice what has come of it', () => {
  const head = Buffer.from([0x01, 0x00, 0x00, 0x00, 0x10, 0, 0, 0, 1]);
  const before = process.memoryUsage().arrayBuffers;
  const readers = Array.from({ length: 20 }, () => {
    const reader = new FrameReader({ frameBytesMax: 2 ** 25, onFrame: () => assert.fail('it is not whole') });
    reader.push(head);
    reader.push(new Uint8Array(100_000));
    return reader;
  });
  assert.ok(readers.every(({ isWithinFrame }) => isWithinFrame));
  assert.ok(process.memoryUsage().arrayBuffers - before < 20 * 400_000);
});

test('after stop, nothing that comes is looked at, not even the rest of a piece', () => {
  const seen: number[] = [];
  const reader: FrameReader = new FrameReader({
    frameBytesMax: 100,
    onFrame: (type) => {
      seen.push(type);
      if (type === 2) reader.stop();
    },
  });
  reader.push(
    framesOf((out) =>
      write(
        out,
        [1, 2, 3].map((type) => ({ type, id: 0, content: new Uint8Array() })),
      ),
    ),
  );
  reader.push(Buffer.from('rubbish, and not refused either'));
  assert.deepEqual(seen, [1, 2]);
});

test('large runs of bytes are not copied, and what was taken is not written to again', () => {
  const out = new FrameWriter();
  const large = new Uint8Array(10_000).fill(1);
  out.begin(1, 1).text('a').bytesOf(large).u8(5).end();
  const first = out.take();
  assert.ok(first.some((piece) => piece === large));
  const copy = first.map((piece) => Buffer.from(piece));
  for (let index = 0; index < 20_000; index += 1) out.begin(2, index).u64(index).end();
  assert.deepEqual(
    first.map((piece) => Buffer.from(piece)),
    copy,
  );
  const bytes = Buffer.concat([...first, ...out.take()]);
  assert.equal(read([bytes]).length, 20_001);
  assert.equal(out.bytes, 0);
});
