/** The failures of `broker-disk-failure.test.ts` at every single call, of a longer load, with several seeds. */
import { test } from 'node:test';
import { failBetween, failFrom, failNth } from '../../shared/disk-faults.ts';
import { atEveryCall, dieOfDisk } from './testing/broker-failures.ts';

for (let seed = 1; seed <= 5; seed += 1) {
  const load = { step: 1, operationCount: 25, seed };
  test(`seed ${seed}: any call fails`, () => atEveryCall(load, (n) => failNth(n)));
  test(`seed ${seed}: the disk fails for a while`, () =>
    atEveryCall(load, (n) => failBetween({ from: n, to: n + 5 + 7 * seed })));
  test(`seed ${seed}: the disk is full for a while`, () =>
    atEveryCall(load, (n) => failBetween({ from: n, to: n + 5 + 7 * seed, code: 'ENOSPC' })));
  test(`seed ${seed}: the disk breaks for good`, () => atEveryCall(load, (n) => failFrom(n), dieOfDisk));
}
