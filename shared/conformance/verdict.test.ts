/** A contradiction keeps what it is about, whatever the words. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Contradiction } from './verdict.ts';

test('a contradiction that is cited with its operations says the same, also of a subject with colons in it', () => {
  const found = new Contradiction('topic: orders', { expected: 'a: 1', got: 'a: 2' });
  const cited = found.citing(['c: send("t") -> 7'], ' (in 3 calls)');
  assert.equal(cited.expected, 'topic: orders: a: 1 (in 3 calls)');
  assert.equal(cited.message, 'topic: orders: expected a: 1 (in 3 calls), got a: 2');
  assert.deepEqual([cited.got, cited.operations], ['a: 2', ['c: send("t") -> 7']]);
});
