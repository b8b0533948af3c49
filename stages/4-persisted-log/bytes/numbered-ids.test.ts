import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type NumberedIds, numberedIdsOf } from './numbered-ids.ts';

function numbered(...ids: readonly (string | undefined)[]): NumberedIds | undefined {
  return numberedIdsOf(ids.map((id) => ({ id })));
}

test('ids that count on are told by the first of them', () => {
  assert.deepEqual(numbered('a1-7', 'a1-8'), { idPrefix: 'a1-', firstIdNumber: 7 });
  assert.deepEqual(numbered('0', '1', '2'), { idPrefix: '', firstIdNumber: 0 });
  assert.deepEqual(numbered('é\n-99', 'é\n-100'), { idPrefix: 'é\n-', firstIdNumber: 99 });
  const many = Array.from({ length: 2000 }, (_, index) => `x${98_765 + index}`);
  assert.deepEqual(numbered(...many), { idPrefix: 'x', firstIdNumber: 98_765 });
});

test('ids that a batch would not make again are none of the kind', () => {
  const others = [
    ['a-7', 'a-9'],
    ['a-7', 'b-8'],
    ['a-7', 'a-08'],
    ['a-7', 'a-8x'],
    ['a-7', 'aa-8'],
    ['a-7', '-8'],
    ['a-7', '8'],
    ['a-7', undefined],
    [undefined, 'a-8'],
    ['a', 'b'],
    ['a-9', 'a-1'],
    ['a-19', 'a-0'],
    ['x9999999999999999', 'x10000000000000000'],
  ];
  for (const ids of others) assert.equal(numbered(...ids), undefined, String(ids));
  assert.equal(numbered('a-7'), undefined);
  assert.equal(numbered(), undefined);
});

test('zeros at the front belong to what the number is counted from', () => {
  assert.deepEqual(numbered('a-08', 'a-09'), { idPrefix: 'a-0', firstIdNumber: 8 });
  assert.equal(numbered('a-09', 'a-10'), undefined);
});
