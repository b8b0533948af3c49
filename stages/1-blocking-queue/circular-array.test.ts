import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CircularArray } from './circular-array.ts';

test('what is pushed comes out in the same order, whatever pushes and shifts come between', () => {
  const steps = fc.array(
    fc.oneof(
      fc.nat(60).map((push) => ({ push })),
      fc.nat(60).map((shift) => ({ shift })),
    ),
  );
  fc.assert(
    fc.property(steps, (script) => {
      const values = new CircularArray<number>();
      const model: number[] = [];
      let next = 0;
      for (const step of script) {
        if ('push' in step) {
          for (let count = 0; count < step.push; count += 1) {
            values.push(next);
            model.push(next);
            next += 1;
          }
        } else {
          for (let count = 0; count < step.shift; count += 1) assert.equal(values.shift(), model.shift());
        }
        assert.equal(values.size, model.length);
        assert.deepEqual(
          model.map((_, index) => values.at(index)),
          model,
        );
        assert.equal(values.at(model.length), undefined);
      }
    }),
  );
});

test('a value taken out is not kept alive', async () => {
  const { setFlagsFromString } = await import('node:v8');
  const { runInNewContext } = await import('node:vm');
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  const values = new CircularArray<object>();
  const references: WeakRef<object>[] = [];
  (() => {
    for (let count = 0; count < 40; count += 1) {
      const value = { count };
      references.push(new WeakRef(value));
      values.push(value);
    }
    for (let count = 0; count < 40; count += 1) values.shift();
  })();
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  assert.ok(references.every((reference) => reference.deref() === undefined));
  assert.equal(values.size, 0);
});
