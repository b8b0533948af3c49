import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PriorityIndex } from './priority-index.ts';

test('it finds what a look at all records would find', () => {
  const priorities = fc.array(fc.nat({ max: 9 }), { maxLength: 40 });
  fc.assert(
    fc.property(priorities, fc.nat({ max: 40 }), fc.nat({ max: 40 }), (all, below, from) => {
      const index = new PriorityIndex();
      for (const [offset, priority] of all.entries()) index.add(offset, priority);
      index.forgetBelow(below);
      index.dropFrom(from);
      const isKept = (offset: number): boolean => offset >= below && offset < from && (all[offset] ?? 0) > 0;
      const kept = [...all.keys()].filter(isKept);
      assert.equal(index.size, kept.length);
      for (let offset = 0; offset < all.length + 1; offset += 1) {
        assert.equal(index.priorityOf(offset), isKept(offset) ? all[offset] : 0);
        for (let priority = 1; priority < 10; priority += 1) {
          const first = kept.find((one) => one >= offset && all[one] === priority);
          assert.equal(index.firstFrom(priority, offset), first);
        }
      }
      assert.deepEqual(new PriorityIndex(index.state()).state(), index.state());
    }),
  );
});
