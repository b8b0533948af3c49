import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyLocks, LOOK_AHEAD_COUNT_MAX } from './key-locks.ts';

/** Looks at records with these keys, from offset 0 on; an empty one is none. */
function looked(keys: string): KeyLocks {
  const locks = new KeyLocks(0);
  for (const [offset, key] of [...keys].entries()) locks.look({ offset, key: key === '-' ? undefined : key });
  return locks;
}

/** Hands out all that is ready. */
function handOut(locks: KeyLocks): number[] {
  const offsets: number[] = [];
  for (let { firstReady } = locks; firstReady !== undefined; { firstReady } = locks) {
    offsets.push(firstReady.offset);
    locks.hold(firstReady);
  }
  return offsets;
}

test('what is finished while it waits behind its key is not handed out any more', () => {
  const locks = looked('aaaba');
  assert.deepEqual(handOut(locks), [0, 3]);
  for (const offset of [1, 4]) locks.stepOver(offset);
  locks.release({ offset: 0, key: 'a' });
  assert.deepEqual(handOut(locks), [2]);
  locks.release({ offset: 2, key: 'a' });
  assert.deepEqual(handOut(locks), []);
  locks.look({ offset: 5, key: 'a' });
  assert.deepEqual(handOut(locks), [5]);
});

test('of each key only the first goes out, and the next one when it is finished', () => {
  const locks = looked('aabab');
  assert.deepEqual(handOut(locks), [0, 2]);
  locks.release({ offset: 0, key: 'a' });
  assert.deepEqual(handOut(locks), [1]);
  locks.release({ offset: 2, key: 'b' });
  locks.release({ offset: 1, key: 'a' });
  assert.deepEqual(handOut(locks), [3, 4]);
});

test('records without a key wait for nobody', () => {
  assert.deepEqual(handOut(looked('-a-a-')), [0, 1, 2, 4]);
});

test('a record that is stepped over lets the next of its key through', () => {
  const locks = looked('ab a'.replace(' ', 'b'));
  locks.stepOver(0);
  assert.deepEqual(handOut(locks), [1, 3]);
});

test('only the holder of a key gives it up', () => {
  const locks = looked('aa');
  assert.deepEqual(handOut(locks), [0]);
  locks.release({ offset: 1, key: 'a' });
  locks.release({ offset: 5, key: 'x' });
  assert.equal(locks.firstReady, undefined);
});

test('looking ahead is bounded', () => {
  const locks = new KeyLocks(0);
  locks.look({ offset: 0, key: 'hot' });
  handOut(locks);
  let offset = 1;
  for (; locks.mayLookOn; offset += 1) locks.look({ offset, key: 'hot' });
  assert.equal(offset, LOOK_AHEAD_COUNT_MAX + 1);
  assert.equal(locks.lookedTo, offset);
  locks.release({ offset: 0, key: 'hot' });
  assert.deepEqual(handOut(locks), [1]);
  assert.ok(locks.mayLookOn);
});

test('after a restart those in flight and given back hold their keys, and looking begins again', () => {
  const locks = looked('ab');
  locks.restart(
    [
      { offset: 7, key: 'a' },
      { offset: 8, key: undefined },
    ],
    9,
  );
  assert.equal(locks.lookedTo, 9);
  locks.look({ offset: 9, key: 'a' });
  locks.look({ offset: 10, key: 'b' });
  assert.deepEqual(handOut(locks), [10]);
  locks.release({ offset: 7, key: 'a' });
  assert.deepEqual(handOut(locks), [9]);
});
