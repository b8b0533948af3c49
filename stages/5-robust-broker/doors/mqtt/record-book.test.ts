/** Records are told apart by topic, partition and offset, and what is kept of them costs nothing when it is gone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Delivery } from '../../../../shared/contract/message.ts';
import { placeOf, placeOfText, RecordBook, textOfPlace } from './record-book.ts';

const A = { topic: 'a', partition: 0, offset: 7 };

test('a record is found by its topic, its partition and its offset', () => {
  const book = new RecordBook<string>();
  const others = [
    { ...A, topic: 'b' },
    { ...A, partition: 1 },
    { ...A, offset: 8 },
  ];
  book.set(A, 'a');
  for (const other of others) assert.equal(book.get(other), undefined);
  for (const other of others) book.set(other, 'other');
  assert.equal(book.get({ ...A }), 'a');
  assert.equal(book.size, 4);
  book.set(A, 'again');
  assert.deepEqual([book.get(A), book.size], ['again', 4]);
});

test('what is deleted is gone, once', () => {
  const book = new RecordBook<string>();
  book.set(A, 'a');
  book.set({ ...A, partition: 3 }, 'b');
  assert.deepEqual([book.delete(A), book.delete(A), book.get(A), book.size], [true, false, undefined, 1]);
  assert.equal(book.delete({ ...A, topic: 'never' }), false);
  book.clear();
  assert.deepEqual([book.get({ ...A, partition: 3 }), book.size], [undefined, 0]);
});

test('as text it is the same record, whatever its topic is called', () => {
  for (const topic of ['topic/a', '1:2:3', ':', '$temp/x:y', 'ü']) {
    const place = { topic, partition: 12, offset: 9_007_199_254_740_991 };
    assert.deepEqual(placeOfText(textOfPlace(place)), place);
  }
});

test('the place of a delivery keeps nothing of the delivery: a session that is away may have many', () => {
  const delivery = { ...A, id: 'm', body: Buffer.alloc(10) } as Partial<Delivery> as Delivery;
  assert.deepEqual(placeOf(delivery), A);
  assert.equal(placeOf({ ...delivery, offset: null }), undefined);
});
