import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Heap, type HeapNode } from './heap.ts';

const ascending = (one: number, other: number): boolean => one < other;

test('an empty heap has no first and nothing to shift', () => {
  const heap = new Heap<number>(ascending);
  assert.equal(heap.first, undefined);
  assert.equal(heap.shift(), undefined);
  assert.equal(heap.size, 0);
});

test('whatever goes in comes out in order', () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), (values) => {
      const heap = new Heap<number>(ascending);
      for (const value of values) heap.push(value);
      const shifted = Array.from(values, () => heap.shift());
      assert.deepEqual(
        shifted,
        values.toSorted((one, other) => one - other),
      );
      assert.equal(heap.size, 0);
    }),
  );
});

test('anything can be taken out of the middle, once, and the rest stays in order', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer(), fc.boolean())), (entries) => {
      const heap = new Heap<number>(ascending);
      const nodes: [HeapNode<number>, boolean][] = entries.map(([value, isRemoved]) => [heap.push(value), isRemoved]);
      for (const [node, isRemoved] of nodes) {
        if (!isRemoved) continue;
        assert.ok(heap.remove(node));
        assert.ok(!heap.remove(node));
      }
      const kept = entries.flatMap(([value, isRemoved]) => (isRemoved ? [] : [value]));
      assert.equal(heap.size, kept.length);
      assert.deepEqual(
        kept.map(() => heap.shift()),
        kept.toSorted((one, other) => one - other),
      );
    }),
  );
});

test('a cleared heap forgets its nodes, which then cannot be removed', () => {
  const heap = new Heap<number>(ascending);
  const node = heap.push(1);
  heap.clear();
  heap.push(2);
  assert.ok(!heap.remove(node));
  assert.equal(heap.first, 2);
});
