import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claimOf, offsetsOf, setUpDesk } from '../testing/desk-setup.ts';
import type { MemoryPartition } from '../testing/memory-partition.ts';
import { tagMatcher } from '../testing/tag-matcher.ts';
import { GroupDesk } from './group-desk.ts';

/** A letter for each record: its tag. */
function fill(
  log: MemoryPartition,
  tags: string,
  more: { readonly key?: string; readonly priority?: number } = {},
): void {
  log.append(...[...tags].map((tag) => ({ headers: { tag }, ...more })));
}

function groupOf(tag: string, { first = false } = {}) {
  return { options: { filter: { tags: [tag] } }, matcherOf: () => tagMatcher(tag, { first }) };
}

test('what a call does not ask for stays where it is, and goes to the next who asks for everything', async () => {
  const { desk, log, receive } = setUpDesk();
  fill(log, 'xxaxa');
  assert.deepEqual(offsetsOf(await receive({ max: 10, matcher: tagMatcher('a') })), [2, 4]);
  assert.deepEqual(offsetsOf(await receive({ max: 10, matcher: tagMatcher('a') })), []);
  assert.equal(desk.floorOf(0), 0);
  assert.deepEqual(offsetsOf(await receive({ max: 10 })), [0, 1, 3]);
});

test('a search goes on where the last one with the same filter stopped, whoever asks', async () => {
  const { log, receive } = setUpDesk();
  const matcher = tagMatcher('a');
  for (let round = 0; round < 20; round += 1) {
    fill(log, 'xxxxxxxxxa');
    assert.deepEqual(offsetsOf(await receive({ matcher, memberId: `m-${round}` })), [round * 10 + 9]);
  }
  assert.ok(matcher.lookCount <= 20 * 12, `${matcher.lookCount} looks at 200 records`);
});

test('a call that waits is woken by the record it asks for, behind any number of others, and by no other', async () => {
  const { desk, log, receive } = setUpDesk();
  let isAnswered = false;
  const waiting = receive({ matcher: tagMatcher('a'), waitMs: 1000 }).finally(() => {
    isAnswered = true;
  });
  fill(log, 'xxx');
  desk.serve();
  await new Promise(setImmediate);
  assert.ok(!isAnswered && desk.line.size === 1);
  fill(log, 'xxa');
  desk.serve();
  assert.deepEqual(offsetsOf(await waiting), [5]);
});

test('a call with a filter that waits first keeps nobody else waiting', async () => {
  const { desk, log, receive } = setUpDesk();
  const patient = receive({ memberId: 'picky', matcher: tagMatcher('a'), waitMs: 1000 });
  const others = ['b', 'c'].map((memberId) => receive({ memberId, waitMs: 1000 }));
  const picky = receive({ memberId: 'picky-2', matcher: tagMatcher('z'), waitMs: 1000 });
  fill(log, 'xxa');
  desk.serve();
  assert.deepEqual((await Promise.all(others)).map(offsetsOf), [[0], [1]]);
  assert.deepEqual(offsetsOf(await patient), [2]);
  assert.equal(desk.line.size, 1);
  fill(log, 'z');
  desk.serve();
  assert.deepEqual(offsetsOf(await picky), [3]);
});

test('a match behind more records than one turn looks at is found, also by a call that does not wait', async () => {
  const { log, receive } = setUpDesk();
  for (let batch = 0; batch < 30; batch += 1) fill(log, 'x'.repeat(1000));
  fill(log, 'a');
  const matcher = tagMatcher('a');
  const searching = receive({ matcher });
  assert.deepEqual(
    offsetsOf(await receive({ memberId: 'b' })),
    [0],
    'who asks for anything does not wait for the search',
  );
  assert.deepEqual(offsetsOf(await searching), [30_000]);
  assert.deepEqual(await receive({ matcher }), []);
  assert.ok(matcher.lookCount < 30_010);
});

test('a match that is on the disk is found, and who asks for everything is not kept waiting by the search', async () => {
  const { log, receive, desk } = setUpDesk();
  for (let batch = 0; batch < 50; batch += 1) fill(log, 'xxxxxxxxxx');
  fill(log, 'a');
  log.evict();
  const searching = receive({ matcher: tagMatcher('a') });
  const other = receive({ memberId: 'b' });
  assert.deepEqual(offsetsOf(await other), [0]);
  assert.ok(log.loadCount < 50, 'long before the search is over');
  assert.deepEqual(offsetsOf(await searching), [500]);
  assert.equal(desk.line.size, 0);
});

test('what came back is looked at again, in its place: once for each time it comes back', async () => {
  const { log, receive, nack, clock } = setUpDesk();
  fill(log, 'aax');
  const matcher = tagMatcher('a');
  const [first, second] = await receive({ max: 2, matcher });
  assert.ok(first && second && nack(second, { outcome: 'return' }) && nack(first, { delayMs: 100 }));
  assert.deepEqual(offsetsOf(await receive({ matcher: tagMatcher('x') })), [2]);
  assert.deepEqual(offsetsOf(await receive({ matcher })), [1]);
  await clock.pass(100);
  const [again] = await receive({ matcher });
  assert.deepEqual([again?.offset, again?.deliveryCount], [0, 2]);
  assert.ok(again && nack(again));
  assert.deepEqual(await receive({ matcher: tagMatcher('a', { first: true }) }), []);
  assert.deepEqual(offsetsOf(await receive({ matcher })), [0]);
});

test('thousands of records that came back and do not match are not looked through for each call', async () => {
  const { log, receive, nack } = setUpDesk();
  fill(log, 'x'.repeat(500));
  for (const delivery of await receive({ max: 500 })) nack(delivery, { outcome: 'return' });
  const matcher = tagMatcher('a');
  for (let round = 0; round < 50; round += 1) assert.deepEqual(await receive({ matcher }), []);
  fill(log, 'a');
  assert.deepEqual(offsetsOf(await receive({ matcher })), [500]);
  assert.ok(matcher.lookCount <= 502, `${matcher.lookCount} looks`);
});

test('a seek back shows a filter what it has passed', async () => {
  const { desk, log, receive, ack } = setUpDesk();
  fill(log, 'xaxa');
  const matcher = tagMatcher('a');
  for (const delivery of await receive({ max: 4, matcher })) assert.ok(ack(delivery));
  desk.seek(0, 1);
  const again = await receive({ max: 4, matcher });
  assert.deepEqual(offsetsOf(again), [1, 3]);
  assert.ok(again.every(({ redeliveryReason }) => redeliveryReason === 'seek'));
});

test('with a filter, too, the highest priority goes first', async () => {
  const { log, receive } = setUpDesk();
  fill(log, 'aax');
  fill(log, 'xa', { priority: 5 });
  fill(log, 'ax', { priority: 9 });
  const matcher = tagMatcher('a');
  const offsets: (number | null)[] = [];
  for (let round = 0; round < 4; round += 1) offsets.push(...offsetsOf(await receive({ matcher })));
  assert.deepEqual(offsets, [5, 4, 0, 1]);
});

test('in a key-ordered group a filter goes past keys that are free, and never past an older record of the same key', async () => {
  const { log, receive, ack } = setUpDesk({ options: { mode: 'key-ordered' } });
  fill(log, 'x', { key: 'k1' });
  fill(log, 'a', { key: 'k1' });
  fill(log, 'xa', { key: 'k2' });
  fill(log, 'a', { key: 'k3' });
  fill(log, 'xa');
  const matcher = tagMatcher('a');
  const offsets: (number | null)[] = [];
  for (let round = 0; round < 4; round += 1) offsets.push(...offsetsOf(await receive({ matcher })));
  assert.deepEqual(offsets, [4, 6]);
  const [x] = await receive();
  assert.ok(x?.offset === 0 && ack(x));
  assert.deepEqual(offsetsOf(await receive({ matcher })), [1]);
});

test('what a group does not ask for is finished for it before anybody receives, and counted so', async () => {
  const { desk, log, events } = setUpDesk(groupOf('a'));
  fill(log, 'xxxaxxxax');
  desk.serve();
  const { availableCount, lag } = desk.counts();
  assert.deepEqual([availableCount, lag, desk.floorOf(0)], [2, 6, 3]);
  assert.deepEqual(
    events
      .filter(({ kind }) => kind === 'finished')
      .map((event) => 'count' in event && [event.fromOffset, event.count]),
    [
      [0, 3],
      [4, 3],
      [8, 1],
    ],
  );
  assert.equal(desk.standingOf(0, 4).state, 'finished');
  assert.equal(desk.standingOf(0, 3).state, 'available');
});

test('members of a group with a filter get what matches, and the floor moves on over the rest', async () => {
  const { desk, log, receive, ack, told } = setUpDesk(groupOf('a'));
  fill(log, 'xxaxax');
  const held = await receive({ max: 10 });
  assert.deepEqual(offsetsOf(held), [2, 4]);
  for (const delivery of held) assert.ok(ack(delivery));
  assert.deepEqual([desk.floorOf(0), desk.counts().availableCount], [6, 0]);
  fill(log, 'xxx');
  const before = told.progressCount;
  desk.serve();
  assert.equal(desk.floorOf(0), 9);
  assert.ok(told.progressCount > before, 'records may have become free to go');
});

test('what is on the disk, and what lies behind too many gaps, is finished when somebody gets there', async () => {
  const { desk, log, receive, ack } = setUpDesk(groupOf('a'));
  for (let batch = 0; batch < 40; batch += 1) fill(log, 'ax'.repeat(50));
  log.evict();
  desk.serve();
  assert.equal(desk.floorOf(0), 0);
  let count = 0;
  for (let held = await receive({ max: 100 }); held.length > 0; held = await receive({ max: 100 })) {
    for (const delivery of held) assert.ok(delivery.headers.tag === 'a' && ack(delivery));
    count += held.length;
  }
  assert.equal(count, 2000);
  desk.counts();
  assert.equal(desk.floorOf(0), 4000);
});

test('a group filter that looks at the delivery count finishes what has failed once', async () => {
  const { desk, log, receive, nack } = setUpDesk(groupOf('a', { first: true }));
  fill(log, 'aa');
  const [first] = await receive();
  assert.ok(first && nack(first));
  assert.deepEqual(offsetsOf(await receive({ max: 5 })), [1]);
  assert.equal(desk.standingOf(0, 0).state, 'finished');
});

test('a group filter and that of a call both have to match', async () => {
  const { log, receive } = setUpDesk(groupOf('a'));
  fill(log, 'xxa');
  assert.deepEqual(await receive({ matcher: tagMatcher('x') }), []);
  assert.deepEqual(offsetsOf(await receive({ matcher: tagMatcher('a') })), [2]);
});

test('what a filter finished is finished after a restart, from the journal and from a snapshot', async () => {
  const { desk, log, events, settings, receive } = setUpDesk(groupOf('a'));
  fill(log, 'xxaxxa');
  const [held] = await receive();
  assert.ok(held && desk.ackAll([claimOf(held)], { isCumulative: false }).length === 0);
  const replayed = new GroupDesk({ ...settings, starts: [0] });
  for (const event of events) replayed.replay(event);
  const restored = GroupDesk.restore(settings, JSON.parse(JSON.stringify(desk.snapshot())));
  for (const again of [replayed, restored]) {
    assert.deepEqual(
      [again.floorOf(0), again.standingOf(0, 3).state, again.standingOf(0, 5).state],
      [5, 'finished', 'available'],
    );
  }
});

test('browsing a group with a filter lists what matches', async () => {
  const { desk, log } = setUpDesk(groupOf('a'));
  fill(log, 'xaxa');
  assert.deepEqual(
    (await desk.browse({ partition: 0, fromOffset: 0, max: 10 })).map(({ offset }) => offset),
    [1, 3],
  );
});

test('after a seek back what the group does not ask for is finished again at once', async () => {
  const { desk, log, receive, ack } = setUpDesk(groupOf('a'));
  fill(log, 'xaxxa');
  for (const delivery of await receive({ max: 5 })) assert.ok(ack(delivery));
  desk.seek(0, 0);
  const { availableCount, lag } = desk.counts();
  assert.deepEqual([availableCount, lag], [2, 4]);
});

test('a group that is being replayed finishes nothing by itself', async () => {
  const { log, events, settings } = setUpDesk(groupOf('a'));
  const other = new GroupDesk({ ...settings, starts: [0] });
  fill(log, 'xxa');
  const before = events.length;
  other.serve();
  assert.equal(events.length, before);
  other.start();
  assert.equal(other.floorOf(0), 2);
});
