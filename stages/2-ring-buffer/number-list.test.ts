import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NumberList } from './number-list.ts';

test('it says what was set last, and 0 where nothing was', () => {
  const countMax = 1000;
  const settings = fc.array(fc.tuple(fc.nat(countMax - 1), fc.maxSafeNat()));
  fc.assert(
    fc.property(settings, (pairs) => {
      const list = new NumberList({ countMax });
      const model = new Map<number, number>();
      for (const [index, value] of pairs) {
        list.set(index, value);
        model.set(index, value);
      }
      for (let index = 0; index < countMax; index += 1) assert.equal(list.at(index), model.get(index) ?? 0);
    }),
  );
});
