import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MessageIds } from './message-ids.ts';

test('ids are the prefix and 1, 2, 3, ..., also where a thousand ends', () => {
  const ids = new MessageIds('0a1b');
  const made = Array.from({ length: 2001 }, () => ids.next());
  assert.deepEqual(
    made,
    Array.from({ length: 2001 }, (_, index) => `0a1b-${index + 1}`),
  );
});

test('a number has the same id whenever it is asked for, and in whatever order', () => {
  const ids = new MessageIds('0a1b');
  const anyNumber = fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.maxSafeInteger().map(Math.abs));
  fc.assert(
    fc.property(fc.array(anyNumber), (numbers) => {
      for (const number of numbers) assert.equal(ids.at(number), `0a1b-${number}`);
    }),
  );
});
