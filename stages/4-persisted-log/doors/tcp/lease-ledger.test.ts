import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type HeldRun, LeaseLedger } from './lease-ledger.ts';

const run = (leaseToken: string, fromOffset: number, count: number): HeldRun => {
  return { topic: 't', group: 'g', memberId: 'm', partition: 0, fromOffset, count, leaseToken };
};
const offsetsOf = (ledger: LeaseLedger): (number | null)[] => [...ledger.refs()].map(({ offset }) => offset);

test('what was handed out is held until it is finished, each delivery for itself', () => {
  const ledger = new LeaseLedger();
  ledger.add(run('a', 10, 5), 100);
  assert.equal(ledger.finish('a', 11, 2), 2);
  assert.equal(ledger.finish('a', 12, 2), 1);
  assert.equal(ledger.finish('other', 10, 5), 0);
  assert.deepEqual(offsetsOf(ledger), [10, 14]);
  assert.equal(ledger.count, 2);
  assert.equal(ledger.finish('a', 0, 1000), 2);
  assert.deepEqual([ledger.count, ledger.endsAtMs], [0, undefined]);
});

test('runs of one lease that do not follow each other are all held', () => {
  const ledger = new LeaseLedger();
  ledger.add(run('a', 0, 2), 100);
  ledger.add(run('a', 7, 2), 100);
  assert.deepEqual(offsetsOf(ledger).toSorted(), [0, 1, 7, 8]);
  assert.equal(ledger.finish('a', 1, 7), 2);
  assert.deepEqual(offsetsOf(ledger).toSorted(), [0, 8]);
});

test('a cumulative end reaches what this member holds of this partition, and nobody else', () => {
  const ledger = new LeaseLedger();
  ledger.add(run('a', 0, 3), 100);
  ledger.add(run('b', 3, 3), 100);
  ledger.add({ ...run('c', 0, 3), topic: 'u' }, 100);
  ledger.add({ ...run('d', 0, 3), partition: 1 }, 100);
  assert.equal(ledger.finishUpTo({ topic: 't', group: 'g', memberId: 'm', partition: 0 }, 4), 5);
  assert.equal(ledger.count, 7);
});

test('what must have ended is forgotten, and what was prolonged is not', () => {
  const ledger = new LeaseLedger();
  ledger.add(run('a', 0, 3), 100);
  ledger.add(run('b', 3, 3), 150);
  ledger.add(run('c', 6, 3), 200);
  ledger.prolong('a', 300);
  assert.equal(ledger.sweep(160), 3);
  assert.equal(ledger.endsAtMs, 200);
  assert.equal(ledger.sweep(250), 3);
  assert.deepEqual(offsetsOf(ledger), [0, 1, 2]);
});

test('it counts like a list of single deliveries', () => {
  const steps = fc.array(
    fc.record({ token: fc.constantFrom('a', 'b'), from: fc.nat(20), count: fc.integer({ min: 1, max: 6 }) }),
  );
  fc.assert(
    fc.property(steps, (finishes) => {
      const ledger = new LeaseLedger();
      const list = new Set<string>();
      for (const [token, from] of [['a', 0] as const, ['b', 10] as const]) {
        ledger.add(run(token, from, 10), 1);
        for (let offset = from; offset < from + 10; offset += 1) list.add(`${token} ${offset}`);
      }
      for (const { token, from, count } of finishes) {
        let expected = 0;
        for (let offset = from; offset < from + count; offset += 1)
          if (list.delete(`${token} ${offset}`)) expected += 1;
        assert.equal(ledger.finish(token, from, count), expected);
        assert.equal(ledger.count, list.size);
      }
      assert.deepEqual(new Set([...ledger.refs()].map(({ leaseToken, offset }) => `${leaseToken} ${offset}`)), list);
    }),
  );
});
