import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { OffsetSpans } from './offset-spans.ts';

const offset = fc.nat({ max: 40 });
const change = fc.oneof(
  fc.record({ do: fc.constant('add' as const), from: offset, below: offset }),
  fc.record({ do: fc.constantFrom('forgetBelow' as const, 'forgetFrom' as const), at: offset }),
);

test('a set of offsets as spans is the same as a set of offsets', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 30, size: 'max' }), (changes) => {
      const spans = new OffsetSpans();
      let set = new Set<number>();
      for (const next of changes) {
        if (next.do === 'add') {
          spans.add(next);
          for (let added = next.from; added < next.below; added += 1) set.add(added);
        } else {
          spans[next.do](next.at);
          set = new Set([...set].filter((kept) => (next.do === 'forgetBelow' ? kept >= next.at : kept < next.at)));
        }
        compare(spans, set);
      }
    }),
  );
});

test('a set is the same whichever way its spans came in', () => {
  const spans = [
    { from: 4, below: 6 },
    { from: 1, below: 3 },
    { from: 3, below: 5 },
  ];
  assert.deepEqual(OffsetSpans.of(spans).spans, [{ from: 1, below: 6 }]);
  assert.deepEqual(OffsetSpans.of(spans.toReversed()).spans, [{ from: 1, below: 6 }]);
});

function compare(spans: OffsetSpans, set: ReadonlySet<number>): void {
  assert.equal(spans.size, set.size);
  for (const [index, { from, below }] of spans.spans.entries()) {
    assert.ok(from < below, 'no span is empty');
    assert.ok(index === 0 || (spans.spans[index - 1]?.below ?? 0) < from, 'no two touch');
  }
  for (let at = 0; at < 45; at += 1) {
    assert.equal(spans.has(at), set.has(at));
    assert.equal(spans.countBelow(at), [...set].filter((kept) => kept < at).length);
    const above = [...set].filter((kept) => kept >= at);
    assert.equal(spans.firstFrom(at), Math.min(...above));
    let gap = at;
    while (set.has(gap)) gap += 1;
    assert.equal(spans.firstGapFrom(at), gap);
  }
}
