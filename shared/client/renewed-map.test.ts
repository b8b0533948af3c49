import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { RenewedMap } from './renewed-map.ts';

test('it answers as a Map does, also when much has come and gone', () => {
  const renewed = new RenewedMap<number, string>();
  const plain = new Map<number, string>();
  for (let number = 0; number < 20_000; number += 1) {
    renewed.set(number, `value ${number}`);
    plain.set(number, `value ${number}`);
    // Now many stay, now few.
    const leaving = number % 3000 < 1500 ? number - 500 : Math.max(0, number - 500);
    assert.equal(renewed.delete(leaving), plain.delete(leaving));
    if (number % 3000 === 2999) for (const key of [...plain.keys()].slice(3)) renewed.delete(key);
    if (number % 3000 === 2999) for (const key of [...plain.keys()].slice(3)) plain.delete(key);
    assert.equal(renewed.size, plain.size);
  }
  assert.deepEqual([...renewed], [...plain]);
  assert.deepEqual([...renewed.keys()], [...plain.keys()]);
  assert.deepEqual([...renewed.values()], [...plain.values()]);
  const [first = -1] = renewed.keys();
  assert.deepEqual([renewed.get(first), renewed.has(first)], [plain.get(first), true]);
  assert.deepEqual([renewed.get(-1), renewed.has(-1)], [undefined, false]);
  renewed.clear();
  assert.deepEqual([renewed.size, renewed.has(first)], [0, false]);
});

test('what was set again has its place, and what is large is moved rarely', () => {
  const renewed = new RenewedMap<number, number>();
  for (let key = 0; key < 4000; key += 1) renewed.set(key, 0);
  for (let key = 0; key < 4000; key += 1) renewed.set(key, key);
  assert.deepEqual([...renewed.values()], [...Array(4000).keys()]);
});

test('what has gone is no burden to a collection of what is young, as it is with a Map', () => {
  const [kept, keptByMap] = [keptBytes(new RenewedMap()), keptBytes(new Map())];
  assert.ok(kept * 4 < keptByMap, `${kept} bytes, and with a Map ${keptByMap}`);
});

/** What is left, when only young things are collected, of what came and went since everything was. */
function keptBytes(map: { set(key: number, value: object): void; delete(key: number): boolean }): number {
  setFlagsFromString('--expose-gc');
  const collect: (options?: object) => void = runInNewContext('globalThis.gc');
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let round = 0; round < 1000; round += 1) {
    for (let key = 0; key < 64; key += 1) map.set(key, new Array(64).fill(round));
    for (let key = 0; key < 64; key += 1) map.delete(key);
  }
  collect({ type: 'minor' });
  return process.memoryUsage().heapUsed - before;
}
