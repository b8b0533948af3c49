import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { OutOfRangeReset } from '../../shared/contract/description.ts';
import type { RedeliveryReason } from '../../shared/contract/message.ts';
import { ConsumerGroup, type OffsetState } from './consumer-group.ts';

function groupAt(startOffset: number, onOutOfRange: OutOfRangeReset = 'earliest'): ConsumerGroup {
  return new ConsumerGroup({ startOffset, onOutOfRange });
}

/** Takes the next `count` offsets of a log that ends at `logEndOffset`. */
function take(group: ConsumerGroup, count: number, logEndOffset = 100): number[] {
  return Array.from({ length: count }, () => {
    const offset = group.peek(logEndOffset);
    assert.ok(offset !== undefined);
    return group.take(offset).offset;
  });
}

test('offsets go out in order, up to the end of the log', () => {
  const group = groupAt(3);
  assert.deepEqual(take(group, 3, 6), [3, 4, 5]);
  assert.equal(group.peek(6), undefined);
  assert.equal(group.inFlightCount, 3);
  assert.equal(group.availableCount(8), 2);
});

test('the floor stands at the lowest unfinished offset, and jumps over the gaps when that is finished', () => {
  const group = groupAt(0);
  take(group, 4);
  group.finish(2);
  group.finish(1);
  assert.equal(group.committedOffset, 0);
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((offset) => group.stateOf(offset)),
    ['in-flight', 'finished', 'finished', 'in-flight', 'available'],
  );
  group.finish(0);
  assert.equal(group.committedOffset, 3);
});

test('what was given back goes out before what never went out, lowest offset first', () => {
  const group = groupAt(0);
  take(group, 4);
  for (const offset of [3, 0, 2]) group.giveBack(offset, 'retry');
  assert.deepEqual(take(group, 4), [0, 2, 3, 4]);
  assert.equal(group.redeliveredCount, 3);
});

test('deliveryCount counts failures: a retry and an expiry raise it, a return and a leave keep it', () => {
  const group = groupAt(0);
  const counts: number[] = [];
  const reasons: RedeliveryReason[] = ['retry', 'return', 'lease-expired', 'member-left'];
  assert.equal(group.deliveryCountOf(0), 0);
  counts.push(group.take(0).deliveryCount);
  for (const reason of reasons) {
    group.giveBack(0, reason);
    const attempt = group.take(0);
    assert.equal(attempt.reason, reason);
    counts.push(attempt.deliveryCount);
  }
  assert.deepEqual(counts, [1, 2, 2, 3, 3]);
  assert.equal(group.deliveryCountOf(0), 3);
});

test('a commit moves both pointers on and never back', () => {
  const group = groupAt(2);
  group.commit(7);
  group.commit(4);
  assert.deepEqual([group.committedOffset, group.nextOffset, group.availableCount(10)], [7, 7, 3]);
});

test('a seek back makes everything from there available again, as redelivered by seek', () => {
  const group = groupAt(0);
  take(group, 3);
  group.finish(0);
  group.seek(0, { logStartOffset: 0 });
  assert.deepEqual([group.committedOffset, group.inFlightCount, group.availableCount(5)], [0, 0, 5]);
  assert.deepEqual(
    [0, 1, 2, 3].map((offset) => group.take(offset).reason),
    ['seek', 'seek', 'seek', undefined],
  );
});

test('what a seek reaches for the first time is no redelivery, whichever way the group went before', () => {
  const group = groupAt(4);
  take(group, 2); // 4 and 5
  for (const offset of [8, 0]) group.seek(offset, { logStartOffset: 0 });
  take(group, 8);
  assert.equal(group.redeliveredCount, 2, 'only 4 and 5');
});

test('nor is what a reset to the latest skipped, when a seek comes back for it', () => {
  const group = groupAt(0, 'latest');
  take(group, 2);
  group.fallBehind({ logStartOffset: 1, logEndOffset: 5 });
  group.seek(1, { logStartOffset: 1 });
  assert.deepEqual(
    [1, 2, 3].map((offset) => group.take(offset).reason),
    ['seek', undefined, undefined],
  );
});

test('a seek forward skips what is between, unfinished or not', () => {
  const group = groupAt(0);
  take(group, 2);
  group.giveBack(0, 'retry');
  group.seek(4, { logStartOffset: 0 });
  assert.deepEqual([group.committedOffset, group.peek(6)], [4, 4]);
  assert.equal(group.stateOf(1), 'finished');
});

test('overwritten: a group that resets to the earliest misses just what is gone, and hears which leases ended', () => {
  const group = groupAt(0);
  take(group, 4);
  group.finish(1);
  group.giveBack(2, 'retry');
  const ended = group.fallBehind({ logStartOffset: 3, logEndOffset: 8 });
  assert.deepEqual(ended, [0]);
  assert.equal(group.droppedCount, 2); // 0 was in flight, 2 was given back, 1 was finished
  assert.deepEqual([group.committedOffset, group.peek(8), group.inFlightCount], [3, 4, 1]);
  group.finish(3);
  assert.equal(group.committedOffset, 4);
});

test('overwritten: a group that never took them skips them and starts at the first held record', () => {
  const group = groupAt(0);
  assert.deepEqual(group.fallBehind({ logStartOffset: 5, logEndOffset: 8 }), []);
  assert.deepEqual([group.committedOffset, group.nextOffset, group.droppedCount], [5, 5, 5]);
});

test('overwritten: a group that resets to the latest misses all it had not taken, and keeps what it works on', () => {
  const group = groupAt(0, 'latest');
  take(group, 4);
  group.giveBack(3, 'retry');
  group.fallBehind({ logStartOffset: 2, logEndOffset: 8 });
  assert.deepEqual([group.committedOffset, group.nextOffset, group.availableCount(8)], [2, 8, 0]);
  assert.equal(group.droppedCount, 2 + 1 + 4); // 0 and 1 overwritten, 3 given back, 4 to 7 never taken
  group.finish(2);
  assert.equal(group.committedOffset, 8);
});

test('overwritten: a group without reset is stranded where it stood until a seek', () => {
  const group = groupAt(0, 'error');
  take(group, 3);
  assert.deepEqual(group.fallBehind({ logStartOffset: 2, logEndOffset: 6 }), [0, 1]);
  assert.ok(group.isStranded);
  group.finish(2);
  assert.deepEqual([group.committedOffset, group.droppedCount], [0, 2]);
  group.fallBehind({ logStartOffset: 5, logEndOffset: 9 });
  assert.equal(group.droppedCount, 4, 'offset 2 was finished, 3 and 4 are missed, none is counted twice');
  group.seek(5, { logStartOffset: 0 });
  assert.ok(!group.isStranded);
  assert.deepEqual([group.committedOffset, group.peek(9)], [5, 5]);
});

test('a stranded log group goes on by a commit as well', () => {
  const group = groupAt(0, 'error');
  group.fallBehind({ logStartOffset: 4, logEndOffset: 6 });
  assert.equal(group.committedOffset, 0);
  group.commit(5);
  assert.ok(!group.isStranded);
  assert.deepEqual([group.committedOffset, group.nextOffset], [5, 5]);
});

test('what is not overtaken is not touched', () => {
  const group = groupAt(5);
  take(group, 1);
  assert.deepEqual(group.fallBehind({ logStartOffset: 5, logEndOffset: 9 }), []);
  assert.equal(group.droppedCount, 0);
});

test('finishing or giving back what is not in flight is a defect of the caller, not silent', () => {
  const group = groupAt(0);
  assert.throws(() => group.finish(0), /I5/);
  assert.throws(() => group.giveBack(0, 'retry'), /I5/);
  assert.throws(() => group.take(3), /I5/);
  take(group, 1);
  assert.throws(() => group.commit(2), /I5/);
});

/** One step of a script: what is done, and to which of the offsets that are in flight. */
interface Step {
  readonly action: 'append' | 'take' | 'finish' | 'retry' | 'return' | 'seek' | 'overwrite';
  readonly choice: number;
}

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    action: fc.constantFrom(
      'append',
      'append',
      'take',
      'take',
      'finish',
      'finish',
      'retry',
      'return',
      'seek',
      'overwrite',
    ),
    choice: fc.nat(20),
  }),
  { maxLength: 80, size: 'max' },
);

test('under every script the group stands where a plain list of states says it stands', () => {
  fc.assert(
    fc.property(steps, (script) => {
      const group = groupAt(0);
      const states: OffsetState[] = [];
      let start = 0;
      let dropped = 0;
      const inFlight = (): number[] => states.flatMap((state, offset) => (state === 'in-flight' ? [offset] : []));
      for (const { action, choice } of script) {
        const chosen = inFlight()[choice % Math.max(inFlight().length, 1)];
        const next = states.findIndex((state, offset) => offset >= start && state === 'available');
        if (action === 'append') states.push('available');
        if (action === 'take') {
          assert.equal(group.peek(states.length), next < 0 ? undefined : next);
          if (next >= 0) states[group.take(next).offset] = 'in-flight';
        }
        if (action === 'finish' && chosen !== undefined) {
          group.finish(chosen);
          states[chosen] = 'finished';
        }
        if ((action === 'retry' || action === 'return') && chosen !== undefined) {
          group.giveBack(chosen, action);
          states[chosen] = 'available';
        }
        if (action === 'seek') {
          const target = start + (choice % (states.length - start + 1));
          group.seek(target, { logStartOffset: 0 });
          for (const offset of states.keys()) states[offset] = offset < target ? 'finished' : 'available';
        }
        if (action === 'overwrite' && start < states.length) {
          if (states[start] !== 'finished') dropped += 1;
          const ended = states[start] === 'in-flight' ? [start] : [];
          states[start] = 'finished';
          start += 1;
          assert.deepEqual(group.fallBehind({ logStartOffset: start, logEndOffset: states.length }), ended);
        }
        const unfinished = states.findIndex((state) => state !== 'finished');
        const floor = unfinished < 0 ? states.length : unfinished;
        assert.equal(group.committedOffset, floor, 'I6');
        assert.ok(start <= floor && floor <= group.nextOffset && group.nextOffset <= states.length, 'I4');
        for (const [offset, state] of states.entries()) {
          if (offset >= start) assert.equal(group.stateOf(offset), state, 'I5');
        }
        assert.equal(group.inFlightCount, inFlight().length);
        assert.equal(group.availableCount(states.length), states.filter((state) => state === 'available').length);
        assert.equal(group.droppedCount, dropped);
      }
    }),
    { numRuns: 500 },
  );
});
