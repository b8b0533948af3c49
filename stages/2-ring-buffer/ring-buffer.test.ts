import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { type RecordWeight, RingBuffer } from './ring-buffer.ts';

const PLENTY = 1_000_000;
/** What a record weighs besides its content; any number will do. */
const OVERHEAD_BYTES = 20;

function weightOf(bytes: number): RecordWeight {
  return { bytes, heldBytes: bytes + OVERHEAD_BYTES };
}

test('the record with offset o is in slot o % slotCount, on every lap', () => {
  const ring = new RingBuffer<string>({ slotCount: 3, bytesMax: PLENTY });
  for (let offset = 0; offset < 10; offset += 1) {
    if (!ring.hasRoomFor({ count: 1, heldBytes: 1 + OVERHEAD_BYTES })) ring.releaseOldest();
    assert.equal(ring.append(`record ${offset}`, weightOf(1)), offset);
    assert.equal(ring.slotOf(offset), offset % 3);
    assert.equal(ring.at(offset), `record ${offset}`);
  }
  assert.equal(ring.logStartOffset, 7);
  assert.equal(ring.logEndOffset, 10);
});

test('reading takes nothing away', () => {
  const ring = new RingBuffer<string>({ slotCount: 2, bytesMax: PLENTY });
  ring.append('a', weightOf(1));
  assert.equal(ring.at(0), 'a');
  assert.equal(ring.at(0), 'a');
  assert.equal(ring.logEndOffset - ring.logStartOffset, 1);
});

test('offsets below the start and from the end on are not held, though their slots may be taken', () => {
  const ring = new RingBuffer<string>({ slotCount: 2, bytesMax: PLENTY });
  ring.append('a', weightOf(1));
  ring.append('b', weightOf(1));
  ring.releaseOldest();
  ring.append('c', weightOf(1));
  assert.deepEqual(
    [0, 1, 2, 3, -1].map((offset) => ring.at(offset)),
    [undefined, 'b', 'c', undefined, undefined],
  );
});

test('a ring is bounded by bytes as well, and every record costs its overhead', () => {
  const ring = new RingBuffer<string>({ slotCount: 100, bytesMax: 2 * OVERHEAD_BYTES + 10 });
  ring.append('a', weightOf(6));
  assert.equal(ring.bytes, OVERHEAD_BYTES + 6);
  assert.equal(ring.contentBytesAt(0), 6);
  assert.ok(ring.hasRoomFor({ count: 1, heldBytes: 4 + OVERHEAD_BYTES }));
  assert.ok(!ring.hasRoomFor({ count: 1, heldBytes: 5 + OVERHEAD_BYTES }));
  assert.ok(!ring.hasRoomFor({ count: 2, heldBytes: 2 * OVERHEAD_BYTES }));
  ring.releaseOldest();
  assert.equal(ring.bytes, 0);
});

test('what is larger than the empty ring can never be held', () => {
  const ring = new RingBuffer<string>({ slotCount: 2, bytesMax: 2 * OVERHEAD_BYTES + 10 });
  assert.ok(ring.canEverHold({ count: 2, heldBytes: 10 + 2 * OVERHEAD_BYTES }));
  assert.ok(!ring.canEverHold({ count: 3, heldBytes: 3 * OVERHEAD_BYTES }));
  assert.ok(!ring.canEverHold({ count: 1, heldBytes: 11 + 2 * OVERHEAD_BYTES }));
});

test('a released record is not kept alive by its slot', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const ring = new RingBuffer<object>({ slotCount: 4, bytesMax: PLENTY });
  const released = new WeakRef(appendObject(ring));
  const held = new WeakRef(appendObject(ring));
  ring.releaseOldest();
  await new Promise((resolve) => setImmediate(resolve)); // a WeakRef holds its target until the end of its turn
  collectGarbage();
  assert.equal(released.deref(), undefined);
  assert.notEqual(held.deref(), undefined);
});

function appendObject(ring: RingBuffer<object>): object {
  const value = { body: 'x' };
  ring.append(value, weightOf(1));
  return value;
}

test('an append without room and a release of nothing are defects of the owner, not silent', () => {
  const ring = new RingBuffer<string>({ slotCount: 1, bytesMax: PLENTY });
  assert.throws(() => ring.releaseOldest(), /I1/);
  ring.append('a', weightOf(1));
  assert.throws(() => ring.append('b', weightOf(1)), /I1/);
  assert.throws(() => new RingBuffer({ slotCount: 0, bytesMax: PLENTY }), /slotCount/);
});

test('under every script the ring holds what an array that is cut at the front would hold', () => {
  const step = fc.oneof(fc.record({ append: fc.nat(50) }), fc.constant('release' as const));
  const shape = fc.record({ slotCount: fc.integer({ min: 1, max: 6 }), bytesMax: fc.integer({ min: 200, max: 900 }) });
  fc.assert(
    fc.property(shape, fc.array(step, { maxLength: 60 }), (options, steps) => {
      const ring = new RingBuffer<{ offset: number }>(options);
      const sizes: number[] = []; // of every record ever, by offset
      let start = 0;
      const heldBytes = (): number => sizes.slice(start).reduce((sum, size) => sum + size + OVERHEAD_BYTES, 0);
      for (const action of steps) {
        if (action === 'release') {
          if (start < sizes.length) {
            ring.releaseOldest();
            start += 1;
          }
          continue;
        }
        const size = action.append;
        const fits =
          sizes.length - start < options.slotCount && heldBytes() + size + OVERHEAD_BYTES <= options.bytesMax;
        assert.equal(ring.hasRoomFor({ count: 1, heldBytes: size + OVERHEAD_BYTES }), fits);
        if (fits) assert.equal(ring.append({ offset: sizes.length }, weightOf(size)), sizes.push(size) - 1);
        assert.equal(ring.bytes, heldBytes(), 'I1');
        assert.deepEqual([ring.logStartOffset, ring.logEndOffset], [start, sizes.length]);
        for (let offset = 0; offset <= sizes.length; offset += 1) {
          const isHeld = offset >= start && offset < sizes.length;
          assert.deepEqual(ring.at(offset), isHeld ? { offset } : undefined, 'I2');
        }
      }
    }),
  );
});
