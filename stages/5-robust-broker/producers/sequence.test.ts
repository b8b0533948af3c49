import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SEQUENCE_MAX } from '../../../shared/contract/producer.ts';
import { isLaterSequence, sequenceAfter } from './sequence.ts';

test('after 2,147,483,647 comes 0', () => {
  assert.equal(sequenceAfter(0, 3), 3);
  assert.equal(sequenceAfter(SEQUENCE_MAX, 1), 0);
  assert.equal(sequenceAfter(SEQUENCE_MAX - 1, 5), 3);
});

test('what lies less than half a round ahead is later', () => {
  assert.ok(isLaterSequence(1, 0) && !isLaterSequence(0, 1) && !isLaterSequence(5, 5));
  assert.ok(isLaterSequence(3, SEQUENCE_MAX), '3 comes after the largest');
  assert.ok(!isLaterSequence(SEQUENCE_MAX, 3));
  assert.ok(isLaterSequence(2 ** 30 - 1, 0) && !isLaterSequence(2 ** 30, 0));
});
