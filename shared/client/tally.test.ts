import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tally } from './tally.ts';

/** Whether `promise` has resolved by now. */
async function isOver(promise: Promise<void>): Promise<boolean> {
  let isResolved = false;
  void promise.then(() => {
    isResolved = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  return isResolved;
}

test('it waits for all that began before, and not for what began after', async () => {
  const tally = new Tally();
  const [first, second] = [tally.begin(), tally.begin()];
  const ended = tally.whenEnded();
  const later = tally.begin();
  assert.equal(tally.openCount, 3);
  tally.end(first);
  assert.equal(await isOver(ended), false);
  tally.end(second);
  assert.equal(await isOver(ended), true);
  assert.equal(tally.openCount, 1);
  tally.end(later);
  await tally.whenEnded();
});

test('a later wait waits for the rounds before it as well, in whatever order they end', async () => {
  const tally = new Tally();
  const first = tally.begin();
  const waits = [tally.whenEnded()];
  const second = tally.begin();
  waits.push(tally.whenEnded(), tally.whenEnded());
  tally.end(second);
  assert.deepEqual(await Promise.all(waits.map(isOver)), [false, false, false]);
  tally.end(first);
  assert.deepEqual(await Promise.all(waits.map(isOver)), [true, true, true]);
});

test('where nothing is under way there is nothing to wait for', async () => {
  const tally = new Tally();
  await tally.whenEnded();
  tally.end(tally.begin());
  await tally.whenEnded();
  assert.equal(tally.openCount, 0);
});
