import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AcceptedRuns } from './accepted-runs.ts';

const COUNT_MAX = 8;
const change = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('remember' as const),
      from: fc.nat({ max: 20 }),
      count: fc.integer({ min: 1, max: 5 }),
      token: fc.constantFrom('s', 't'),
      isCumulative: fc.boolean(),
    }),
  },
  fc.record({
    do: fc.constant('make-cumulative' as const),
    from: fc.nat({ max: 20 }),
    token: fc.constantFrom('s', 't'),
  }),
  fc.record({ do: fc.constant('forget' as const), from: fc.nat({ max: 25 }) }),
);

interface Ack {
  readonly offset: number;
  readonly token: string;
  isCumulative: boolean;
}

test('exactly the last acks are remembered, each offset of a run counted', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 25, size: 'max' }), (changes) => {
      const runs = new AcceptedRuns(COUNT_MAX);
      let acks: Ack[] = [];
      for (const next of changes) {
        if (next.do === 'remember') {
          // No offset is accepted twice under one token.
          if (
            acks.some(
              ({ offset, token }) => token === next.token && offset >= next.from && offset < next.from + next.count,
            )
          )
            continue;
          const { token, isCumulative } = next;
          runs.remember({
            ...{ partition: 0, fromOffset: next.from, count: next.count, memberId: 'a' },
            token,
            isCumulative,
          });
          for (let index = 0; index < next.count; index += 1)
            acks.push({ offset: next.from + index, token, isCumulative });
          acks = acks.slice(-COUNT_MAX);
        } else if (next.do === 'forget') {
          runs.forgetFrom(0, next.from);
          acks = acks.filter(({ offset }) => offset < next.from);
        } else {
          runs.makeCumulative({ partition: 0, offset: next.from, memberId: 'a', token: next.token });
          const ack = acks.find(({ offset, token }) => offset === next.from && token === next.token);
          if (ack !== undefined) ack.isCumulative = true;
        }
        compare(runs, acks);
      }
    }),
    { numRuns: 500 },
  );
});

test('another member, partition or token finds nothing', () => {
  const runs = new AcceptedRuns(COUNT_MAX);
  const claim = { partition: 0, offset: 4, memberId: 'a', token: 't' };
  runs.remember({ partition: 0, fromOffset: 3, count: 3, memberId: 'a', token: 't', isCumulative: false });
  assert.ok(runs.find(claim));
  for (const other of [{ partition: 1 }, { memberId: 'b' }, { token: 's' }, { offset: 6 }, { offset: 2 }]) {
    assert.equal(runs.find({ ...claim, ...other }), undefined);
  }
});

test('neighbours acked one by one are one entry', () => {
  const runs = new AcceptedRuns(1024);
  for (let fromOffset = 0; fromOffset < 5000; fromOffset += 1) {
    runs.remember({ partition: 0, fromOffset, count: 1, memberId: 'a', token: 't', isCumulative: false });
  }
  assert.deepEqual(
    runs.runs.map(({ fromOffset, count }) => [fromOffset, count]),
    [[5000 - 1024, 1024]],
  );
});

function compare(runs: AcceptedRuns, acks: readonly Ack[]): void {
  for (const token of ['s', 't']) {
    for (let offset = 0; offset < 26; offset += 1) {
      const found = runs.find({ partition: 0, offset, memberId: 'a', token });
      const ack = acks.find((one) => one.offset === offset && one.token === token);
      assert.equal(found?.isCumulative, ack?.isCumulative);
    }
  }
}
