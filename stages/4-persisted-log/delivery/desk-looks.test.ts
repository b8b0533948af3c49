/** What filters cost a desk, and what stands in the way of a key. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { offsetsOf, setUpDesk } from '../testing/desk-setup.ts';
import type { MemoryPartition } from '../testing/memory-partition.ts';
import { tagMatcher } from '../testing/tag-matcher.ts';

/** A letter for each record: its tag. */
function fill(
  log: MemoryPartition,
  tags: string,
  more: { readonly key?: string; readonly priority?: number } = {},
): void {
  log.append(...[...tags].map((tag) => ({ headers: { tag }, ...more })));
}

test('a filter that costs as much as a thousand looks is asked a few times in one turn, in a call and in a group', async () => {
  const matcher = tagMatcher('a', { cost: 1000 });
  await new Promise(setImmediate);
  const inCall = setUpDesk();
  fill(inCall.log, `${'x'.repeat(50)}${'a'.repeat(50)}`);
  const searching = inCall.receive({ matcher, max: 100 });
  assert.equal(matcher.lookCount, 5);
  const found = [...offsetsOf(await searching)];
  assert.ok(found.length > 0 && found[0] === 50, String(found));
  for (let last = 50; last < 99; last = found.at(-1) ?? 99) {
    const before: number = matcher.lookCount;
    found.push(...offsetsOf(await inCall.receive({ matcher, max: 100 })));
    assert.ok(matcher.lookCount - before <= 15 && (found.at(-1) ?? 0) > last);
  }
  assert.deepEqual(
    found,
    Array.from({ length: 50 }, (_, index) => 50 + index),
  );
  matcher.lookCount = 0;
  const inGroup = setUpDesk({ options: { filter: { tags: ['a'] } }, matcherOf: () => matcher });
  fill(inGroup.log, 'x'.repeat(100));
  inGroup.desk.serve();
  assert.ok(matcher.lookCount <= 10, `${matcher.lookCount} looks in one turn`);
  while (inGroup.desk.floorOf(0) < 100) await new Promise(setImmediate);
  assert.ok(matcher.lookCount < 150);
});

test('hundreds of groups with filters have one turn together for their looks, and each comes to its end', async () => {
  await new Promise(setImmediate);
  const matcher = tagMatcher('a');
  const groups = Array.from({ length: 200 }, () =>
    setUpDesk({ options: { filter: { tags: ['a'] } }, matcherOf: () => matcher }),
  );
  for (const { log, desk } of groups) {
    fill(log, 'x'.repeat(1000));
    desk.serve();
  }
  assert.ok(matcher.lookCount <= 5000, `${matcher.lookCount} looks in one turn`);
  for (const { desk } of groups) desk.counts();
  assert.ok(matcher.lookCount <= 5000 + 200 * 65, `${matcher.lookCount} looks with all that was asked for numbers`);
  let turns = 0;
  while (groups.some(({ desk }) => desk.floorOf(0) < 1000)) {
    turns += 1;
    const before: number = matcher.lookCount;
    await new Promise(setImmediate);
    assert.ok(matcher.lookCount - before <= 5000, `${matcher.lookCount - before} looks in one turn`);
  }
  assert.ok(turns >= 30 && turns < 200, `${turns} turns`);
});

test('in a key-ordered group what is never handed out holds its key for nobody, also where everybody has a filter', async () => {
  const { log, receive, clock } = setUpDesk({ options: { mode: 'key-ordered' }, ttlMs: 1000 });
  const matcher = tagMatcher('a');
  for (const tag of ['x', 'x', 'a']) log.append({ headers: { tag }, key: 'other' }, { headers: { tag }, key: 'k' });
  log.gone.add(1);
  log.gone.add(3);
  assert.deepEqual(offsetsOf(await receive({ max: 9, matcher })), [5]);
  assert.deepEqual(await receive({ max: 9, matcher }), []);
  await clock.pass(900);
  log.append({ headers: { tag: 'a' }, key: 'other' });
  await clock.pass(101);
  assert.deepEqual(offsetsOf(await receive({ max: 9, matcher })), [6]);
});

test('what a key-ordered group does not ask for is finished behind a key that is held, and is no candidate after it', async () => {
  const matcher = tagMatcher('a');
  const { desk, log, receive, ack } = setUpDesk({
    options: { mode: 'key-ordered', filter: { tags: ['a'] } },
    matcherOf: () => matcher,
  });
  for (const tags of ['a', 'x', 'a']) fill(log, tags, { key: 'k' });
  log.append({ headers: { tag: 'a' }, key: 'other' });
  log.evict();
  const [first] = await receive({ max: 1 });
  const [other] = await receive({ max: 1 });
  assert.deepEqual([first?.offset, other?.offset], [0, 3]);
  desk.serve();
  assert.ok(first && ack(first));
  assert.deepEqual(offsetsOf(await receive({ max: 4 })), [2]);
  assert.equal(desk.floorOf(0), 2);
});

test('browsing a group with a filter looks at a part of the log in a turn, and lists all that matches', async () => {
  const matcher = tagMatcher('a', { cost: 100 });
  const { log, desk } = setUpDesk({ options: { filter: { tags: ['a'] } }, matcherOf: () => matcher });
  fill(log, `${'x'.repeat(400)}a${'x'.repeat(400)}a`);
  matcher.lookCount = 0;
  let turns = 0;
  let isOver = false;
  const browsing = desk.browse({ partition: 0, fromOffset: 0, max: 10 }).finally(() => {
    isOver = true;
  });
  while (!isOver) {
    turns += 1;
    await new Promise(setImmediate);
  }
  assert.deepEqual(
    (await browsing).map(({ offset }) => offset),
    [400, 801],
  );
  assert.ok(turns >= 15, `${turns} turns`);
});
