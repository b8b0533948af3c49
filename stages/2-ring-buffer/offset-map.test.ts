import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { OffsetMap } from './offset-map.ts';

interface Thing {
  readonly offset: number;
  readonly step: number;
}

test('under every script an offset map holds what a Map would hold', () => {
  const offsets = fc.oneof(fc.nat(40), fc.nat(5000), fc.constantFrom(0, 2 ** 32, 2 ** 33, 2 ** 33 + 1, 2 ** 53 - 1));
  const steps = fc.array(fc.tuple(fc.constantFrom('set', 'set', 'delete'), offsets), { maxLength: 300 });
  fc.assert(
    fc.property(steps, (script) => {
      const ours = new OffsetMap<Thing>();
      const model = new Map<number, Thing>();
      for (const [step, [action, offset]] of script.entries()) {
        if (action === 'delete') {
          assert.deepEqual(ours.delete(offset), model.get(offset));
          model.delete(offset);
        } else {
          ours.set({ offset, step });
          model.set(offset, { offset, step });
        }
        assert.equal(ours.size, model.size);
      }
      for (const [, offset] of script) {
        assert.deepEqual(ours.get(offset), model.get(offset));
        assert.equal(ours.has(offset), model.has(offset));
      }
      ours.clear();
      assert.deepEqual([ours.size, ours.get(script[0]?.[1] ?? 0)], [0, undefined]);
    }),
  );
});

test('a window that moves on for ever, with a straggler behind it, is found from end to end', () => {
  const map = new OffsetMap<Thing>();
  map.set({ offset: 0, step: 0 });
  for (let step = 1; step <= 100_000; step += 1) {
    map.set({ offset: step, step });
    if (step > 500) assert.equal(map.delete(step - 500)?.step, step - 500);
  }
  assert.equal(map.size, 501);
  assert.ok(map.has(0) && map.has(100_000) && map.has(99_501) && !map.has(99_500));
});
