import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { HalfFacts, OpenHalf } from './half.ts';
import { HalfTable } from './half-table.ts';

const INTERVAL_MS = 100;
const ANY_BYTES = Number.MAX_SAFE_INTEGER;

function tableWith(halves: readonly Partial<HalfFacts>[], checksMax = 3): HalfTable {
  const table = new HalfTable({ intervalMs: INTERVAL_MS, checksMax });
  for (const [index, half] of halves.entries()) addTo(table, { halfId: `h${index}`, ...half }, index * 2);
  return table;
}

function addTo(table: HalfTable, half: Partial<HalfFacts>, offset: number): OpenHalf {
  const place = { topic: 't', topicId: 'id-t', producerGroup: 'g', partition: 0 };
  const facts = { halfId: 'h', ...place, acceptedAt: 0, heldBytes: 10, checkCount: 0, nextCheckAt: 6, ...half };
  table.reserve(facts);
  return table.add(facts, { offset, logBytes: 50 });
}

function take(table: HalfTable, now: number, { group = 'g', max = 9, bytesMax = ANY_BYTES } = {}): string[] {
  return table.take(group, { max, bytesMax, now }).map(({ halfId }) => halfId);
}

test('a half can be asked about when it is due, not before, and once in an interval', () => {
  const table = tableWith([{}]);
  assert.equal(table.nextDueAt, 6);
  table.becomeAskable(5);
  assert.deepEqual(take(table, 5), []);
  assert.deepEqual([...table.becomeAskable(6).groups], ['g']);
  assert.deepEqual(take(table, 7), ['h0']);
  assert.deepEqual(take(table, 7), []);
  assert.equal(table.nextDueAt, 107);
  assert.equal(table.find('h0')?.checkCount, 1);
});

test('what nobody asks for stays askable and is not counted', () => {
  const table = tableWith([{}]);
  table.becomeAskable(6);
  table.becomeAskable(1_000_000);
  assert.equal(table.find('h0')?.checkCount, 0);
  assert.deepEqual(take(table, 1_000_000), ['h0']);
});

test('after the last question and its interval a half is exhausted, once', () => {
  const table = tableWith([{}], 2);
  for (const now of [6, 106]) {
    assert.deepEqual(table.becomeAskable(now).exhausted, []);
    assert.deepEqual(take(table, now), ['h0']);
  }
  assert.deepEqual(table.becomeAskable(205).exhausted, []);
  assert.deepEqual(
    table.becomeAskable(206).exhausted.map(({ halfId }) => halfId),
    ['h0'],
  );
  assert.deepEqual(table.becomeAskable(9999).exhausted, []);
});

test('a group is asked about its own halves only, longest due first, and for as many bytes as it takes', () => {
  const table = tableWith([{ nextCheckAt: 9 }, { nextCheckAt: 3 }, { nextCheckAt: 6 }, { producerGroup: 'other' }]);
  table.becomeAskable(10);
  assert.deepEqual(take(table, 10, { bytesMax: 1 }), ['h1']);
  assert.deepEqual(take(table, 10, { bytesMax: 20 }), ['h2', 'h0']);
  assert.deepEqual(take(table, 10, { group: 'other' }), ['h3']);
  assert.deepEqual(take(table, 10, { group: 'nobody' }), []);
});

test('a question that was not handed out after all is due again and not counted', () => {
  const table = tableWith([{}]);
  table.becomeAskable(6);
  const [half] = table.take('g', { max: 1, bytesMax: ANY_BYTES, now: 6 });
  table.giveBack(half as OpenHalf, 8);
  assert.equal(table.find('h0')?.checkCount, 0);
  table.becomeAskable(8);
  assert.deepEqual(take(table, 8), ['h0']);
});

test('while somebody decides it nobody is asked; put back it is as before, removed it is gone', () => {
  const table = tableWith([{}, {}]);
  const [first, second] = [table.find('h0') as OpenHalf, table.find('h1') as OpenHalf];
  for (const half of [first, second]) table.takeOut(half, Promise.resolve());
  assert.equal(table.nextDueAt, undefined);
  table.checked({ halfId: 'h0', checkCount: 2, nextCheckAt: 50 });
  assert.equal(table.nextDueAt, undefined);
  table.putBack(first);
  assert.deepEqual([table.nextDueAt, first.checkCount, first.busy], [50, 2, undefined]);
  table.remove(second);
  table.putBack(second);
  assert.deepEqual([table.find('h1'), table.count], [undefined, 1]);
});

test('room is reserved before a half is written, and free when it is removed or was not written', () => {
  const table = tableWith([{}]);
  table.reserve({ topic: 't', topicId: 'id-t', heldBytes: 5 });
  assert.deepEqual([table.shareOf('id-t')?.count, table.shareOf('id-t')?.heldBytes, table.count], [2, 15, 2]);
  table.unreserve({ topicId: 'id-t', heldBytes: 5 });
  table.remove(table.find('h0') as OpenHalf);
  assert.deepEqual([table.shareOf('id-t'), table.count, table.logBytes], [undefined, 0, 0]);
});

test('a half that was written again is the youngest', () => {
  const table = tableWith([{}, {}]);
  const half = table.find('h0') as OpenHalf;
  table.carried(half, { offset: 9, logBytes: 60 });
  assert.deepEqual([table.oldest?.halfId, half.offset, table.logBytes], ['h1', 9, 110]);
});

/** What anybody may do, and how long passes before it. */
const anyStep = fc.record({
  what: fc.constantFrom('add', 'take', 'take-out', 'put-back', 'remove', 'carry', 'give-back'),
  which: fc.nat(7),
  passMs: fc.nat(120),
});

test('whatever happens, an open half is in one place, asked at most so often, and never sooner than the interval', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
      const table = new HalfTable({ intervalMs: INTERVAL_MS, checksMax: 3 });
      const askedAt = new Map<string, number>();
      let [now, offset] = [0, 0];
      for (const { what, which, passMs } of steps) {
        now += passMs;
        offset += 2;
        const open = table.ofTopic('id-t');
        const half = open[which % Math.max(open.length, 1)];
        if (what === 'add') addTo(table, { halfId: `h${offset}`, acceptedAt: now, nextCheckAt: now + 6 }, offset);
        else if (what === 'take') {
          for (const { exhausted } of [table.becomeAskable(now)]) for (const each of exhausted) table.remove(each);
          for (const { halfId, checkCount } of table.take('g', { max: 2, bytesMax: ANY_BYTES, now })) {
            assert.ok(checkCount <= 3, 'asked too often');
            assert.ok(now - (askedAt.get(halfId) ?? -INTERVAL_MS) >= INTERVAL_MS, 'asked too soon');
            askedAt.set(halfId, now);
          }
        } else if (half === undefined) continue;
        else if (what === 'take-out' && half.busy === undefined) table.takeOut(half, Promise.resolve());
        else if (what === 'put-back' && half.busy !== undefined) table.putBack(half);
        else if (what === 'remove') table.remove(half);
        else if (what === 'carry' && half.busy !== undefined) table.carried(half, { offset, logBytes: 50 });
        const offsets = table.ofTopic('id-t').map((each) => each.offset);
        assert.deepEqual(
          offsets,
          offsets.toSorted((one, other) => one - other),
        );
        assert.deepEqual([table.count, table.openCount], [offsets.length, offsets.length]);
        assert.equal(table.logBytes, offsets.length * 50);
        assert.equal(table.shareOf('id-t')?.heldBytes ?? 0, offsets.length * 10);
      }
    }),
  );
});
