import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { assignPartitions, PartitionOwners } from './assignment.ts';

const members = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'));

test('every partition has an owner, members have equally many or one more, and no more moves than it takes', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.array(members, { maxLength: 8 }), (partitionCount, rounds) => {
      let owners: readonly (string | undefined)[] = Array.from({ length: partitionCount }, () => undefined);
      for (const present of rounds) {
        const before = owners;
        owners = assignPartitions(before, present);
        if (present.length === 0) {
          assert.ok(owners.every((owner) => owner === undefined));
          continue;
        }
        const counts = present.map((memberId) => owners.filter((owner) => owner === memberId).length);
        assert.equal(
          counts.reduce((sum, count) => sum + count, 0),
          partitionCount,
        );
        assert.ok(Math.max(...counts) - Math.min(...counts) <= 1);
        const keptCount = owners.filter((owner, partition) => owner === before[partition]).length;
        assert.equal(keptCount, mostThatCanStay(before, present), 'no more partitions move than it takes');
      }
    }),
    { numRuns: 500 },
  );
});

test('the order in which members are named is of no concern', () => {
  const owners = ['a', 'a', 'b', undefined, 'z'];
  assert.deepEqual(assignPartitions(owners, ['b', 'c', 'a']), assignPartitions(owners, ['a', 'b', 'c']));
});

test('a partition that moves waits until its former owner has nothing of it in flight', () => {
  const owners = new PartitionOwners(2);
  const mayRead = (partition: number, memberId: string, inFlightCount: number): boolean =>
    owners.mayRead(partition, { memberId, inFlightCount });
  owners.update(['a']);
  assert.ok(mayRead(0, 'a', 0) && mayRead(1, 'a', 0));
  assert.ok(mayRead(1, 'a', 5));
  owners.update(['a', 'b']);
  assert.deepEqual([mayRead(0, 'a', 5), mayRead(1, 'a', 5)], [true, false], 'what stays goes on, what moves does not');
  assert.deepEqual([mayRead(1, 'b', 5), mayRead(1, 'b', 0), mayRead(1, 'b', 3)], [false, true, true]);
});

/** Partitions that can keep their owners when everybody has equally many, or one more. */
function mostThatCanStay(before: readonly (string | undefined)[], present: readonly string[]): number {
  const least = Math.floor(before.length / present.length);
  let extraCount = before.length % present.length;
  let count = 0;
  for (const memberId of present) {
    const had = before.filter((owner) => owner === memberId).length;
    count += Math.min(had, least);
    if (had > least && extraCount > 0) {
      count += 1;
      extraCount -= 1;
    }
  }
  return count;
}
