/** Half messages of the broker of stage 5: seen when committed, asked about when nobody says, decided once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UNRESOLVED_HEADERS, unresolvedTopicOf } from '../../../shared/contract/half-message.ts';
import { GROUP, openHalf } from './testing/half-broker.ts';

const INTERVAL_MS = 30_000;

test('a half message is seen by nobody before its commit, and once after it', async () => {
  const { broker, half, end, read, halfCount } = await openHalf();
  const receipt = await half('t', { body: 'tea', id: 'order-1' });
  assert.deepEqual([receipt.topic, receipt.id, receipt.durability], ['t', 'order-1', 'synced']);
  assert.deepEqual([await read('t'), await halfCount('t')], [[], 1]);
  assert.deepEqual(await broker.receive('t'), []);
  const stored = await end('t', receipt, 'commit');
  assert.deepEqual(stored, { topic: 't', partition: 0, offset: 0, id: 'order-1', durability: 'synced' });
  assert.deepEqual([await read('t'), await halfCount('t')], [['tea'], 0]);
});

test('a half message that is aborted is never seen', async () => {
  const { clock, half, end, read, ask, halfCount } = await openHalf();
  const receipt = await half('t', 'tea');
  assert.equal(await end('t', receipt, 'abort'), null);
  await clock.pass(3_600_000);
  assert.deepEqual([await read('t'), await ask(), await halfCount('t')], [[], [], 0]);
});

test('a waiting receive wakes at the commit', async () => {
  const { broker, half, end } = await openHalf();
  const receipt = await half('t', 'tea');
  const waiting = broker.receive('t', { waitMs: 60_000 });
  await end('t', receipt, 'commit');
  assert.equal((await waiting).length, 1);
});

test('key, headers, id and priority are those of an ordinary message, and so is its partition', async () => {
  const { broker, half, end } = await openHalf();
  await broker.createTopic('t', { partitionCount: 5 });
  const plain = await broker.send('t', { body: 'plain', key: 'k' });
  const receipt = await half('t', { body: 'half', key: 'k', headers: { a: 'b' }, priority: 7 });
  const stored = await end('t', receipt, 'commit');
  assert.deepEqual([stored?.partition, stored?.offset], [plain.partition, 1]);
  const [record] = (await broker.fetch('t', { partition: plain.partition, offset: 1 })).records;
  assert.deepEqual(
    [record?.key, { ...record?.headers }, record?.priority, record?.id],
    ['k', { a: 'b' }, 7, receipt.id],
  );
});

test('its life counts from its commit, as nobody could get it before', async () => {
  const { broker, clock, half, end } = await openHalf();
  const receipt = await half('t', { body: 'tea', ttlMs: 1000 });
  await clock.pass(7000);
  await end('t', receipt, 'commit');
  assert.equal((await broker.fetch('t')).records[0]?.expiresAt, clock.now() + 1000);
  await clock.pass(1001);
  assert.deepEqual(await broker.receive('t'), []);
});

test('the first answer holds: saying it again succeeds, the opposite is told what holds', async () => {
  const { half, end } = await openHalf();
  const [committed, aborted] = [await half('t', 'a'), await half('t', 'b')];
  const stored = await end('t', committed, 'commit');
  await end('t', aborted, 'abort');
  assert.deepEqual([await end('t', committed, 'commit'), await end('t', committed, 'unknown')], [stored, stored]);
  assert.deepEqual([await end('t', aborted, 'abort'), await end('t', aborted, 'unknown')], [null, null]);
  const ended = (outcome: string) => ({ code: 'MQ_TRANSACTION_ENDED', details: { outcome } });
  await assert.rejects(end('t', committed, 'abort'), ended('committed'));
  await assert.rejects(end('t', aborted, 'commit'), ended('aborted'));
});

test('of answers that race the first one wins, and all are told the same', async () => {
  const { half, end, read } = await openHalf();
  const receipt = await half('t', 'tea');
  const answers = ['commit', 'abort', 'commit', 'unknown', 'abort'] as const;
  const results = await Promise.allSettled(answers.map((outcome) => end('t', receipt, outcome)));
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'rejected'],
  );
  assert.deepEqual(await read('t'), ['tea']);
});

test('a half message belongs to its topic: under another one, or another id, there is none', async () => {
  const { broker, half, end } = await openHalf();
  const receipt = await half('t', 'tea');
  await broker.createTopic('other');
  await assert.rejects(end('other', receipt, 'commit'), { code: 'MQ_UNKNOWN_TRANSACTION' });
  await assert.rejects(end('t', { halfId: 'nobody' }, 'commit'), { code: 'MQ_UNKNOWN_TRANSACTION' });
  await assert.rejects(end('missing', receipt, 'commit'), { code: 'MQ_UNKNOWN_TOPIC' });
});

test('a silent producer is asked after 6 s, not a millisecond sooner', async () => {
  const { clock, half, ask } = await openHalf();
  const receipt = await half('t', { body: 'tea', id: 'i', key: 'k', headers: { a: 'b' } });
  const acceptedAt = clock.now();
  await clock.pass(5999);
  assert.deepEqual(await ask(), []);
  await clock.pass(1);
  const [check] = await ask();
  const { body, headers, ...rest } = check ?? assert.fail('no question');
  assert.deepEqual([new TextDecoder().decode(body), { ...headers }], ['tea', { a: 'b' }]);
  const message = { topic: 't', id: 'i', key: 'k', timestamp: acceptedAt };
  assert.deepEqual(rest, { ...message, halfId: receipt.halfId, producerGroup: GROUP, checkCount: 1, checksMax: 15 });
});

test('it is asked again every interval, 15 times in all, and then kept aside and never delivered', async () => {
  const { broker, clock, half, ask, read, end, halfCount } = await openHalf();
  const receipt = await half('a/b', { body: 'tea', id: 'i' });
  const acceptedAt = clock.now();
  const askedAt: number[] = [];
  for (let step = 0; step < 2000; step += 1) {
    await clock.pass(1000);
    for (const { checkCount } of await ask()) {
      askedAt.push(clock.now() - acceptedAt);
      assert.equal(checkCount, askedAt.length);
    }
  }
  assert.deepEqual(
    askedAt,
    Array.from({ length: 15 }, (_, index) => 6000 + index * INTERVAL_MS),
  );
  assert.deepEqual([await read('a/b'), await halfCount('a/b')], [[], 0]);
  assert.equal(unresolvedTopicOf('a/b'), '$unresolved/a%2Fb');
  const { records } = await broker.fetch('$unresolved/a%2Fb');
  assert.deepEqual([records.length, records[0]?.id], [1, 'i']);
  assert.deepEqual(
    { ...records[0]?.headers },
    {
      [UNRESOLVED_HEADERS.topic]: 'a/b',
      [UNRESOLVED_HEADERS.partition]: '0',
      [UNRESOLVED_HEADERS.halfId]: receipt.halfId,
      [UNRESOLVED_HEADERS.producerGroup]: GROUP,
      [UNRESOLVED_HEADERS.checkCount]: '15',
      [UNRESOLVED_HEADERS.acceptedAt]: String(acceptedAt),
    },
  );
  await assert.rejects(end('a/b', receipt, 'commit'), {
    code: 'MQ_TRANSACTION_ENDED',
    details: { outcome: 'aborted' },
  });
  assert.equal(await end('a/b', receipt, 'abort'), null);
});

test('after the 15th question there is still the interval to answer it', async () => {
  const { clock, half, ask, end, read } = await openHalf({ halfCheck: { intervalMs: 100, checksMax: 2 } });
  const receipts = [await half('t', 'answered', 10), await half('t', 'late', 10)];
  await clock.pass(10);
  assert.equal((await ask()).length, 2);
  await clock.pass(100);
  assert.deepEqual(
    (await ask()).map(({ checkCount, checksMax }) => [checkCount, checksMax]),
    [
      [2, 2],
      [2, 2],
    ],
  );
  await clock.pass(99);
  assert.notEqual(await end('t', receipts[0] ?? assert.fail(), 'commit'), null);
  await clock.pass(1);
  assert.deepEqual([await read('t'), await read('$unresolved/t')], [['answered'], ['late']]);
});

test('commit, abort and unknown are taken at any question', async () => {
  for (const wanted of [1, 2, 7, 15]) {
    const { clock, half, ask, end, read } = await openHalf();
    const receipt = await half('t', 'tea');
    await clock.pass(6000);
    for (let count = 1; count < wanted; count += 1) {
      const [check] = await ask();
      assert.deepEqual([check?.checkCount, await end('t', receipt, 'unknown')], [count, null]);
      await clock.pass(INTERVAL_MS);
    }
    assert.equal((await ask())[0]?.checkCount, wanted);
    assert.notEqual(await end('t', receipt, 'commit'), null);
    assert.deepEqual([await read('t'), await ask()], [['tea'], []]);
  }
});

test('without a live member a half message is kept, and nothing is counted', async () => {
  const { clock, half, ask, end, read } = await openHalf();
  const receipt = await half('t', 'tea');
  await clock.pass(24 * 3_600_000);
  assert.deepEqual(await read('$unresolved/t'), []);
  const [check] = await ask();
  assert.equal(check?.checkCount, 1);
  assert.notEqual(await end('t', receipt, 'commit'), null);
  assert.deepEqual(await read('t'), ['tea']);
});

test('a question goes to one member, to any, and to nobody else for the interval', async () => {
  const { broker, clock, half, ask, end } = await openHalf();
  const receipt = await half('t', 'tea', 1);
  await broker.sendHalf('t', { body: 'not theirs' }, { producerGroup: 'others', checkAfterMs: 1 });
  const members = [1, 2, 3].map(() => broker.receiveHalfChecks(GROUP, { max: 10, waitMs: 60_000 }));
  await clock.pass(1);
  await clock.pass(INTERVAL_MS - 1);
  assert.deepEqual(await ask(), []);
  await clock.pass(1);
  await clock.pass(60_000);
  const answered = (await Promise.all(members)).map((checks) => checks.map(({ checkCount }) => checkCount));
  assert.deepEqual(answered, [[1], [2], []]);
  assert.notEqual(await end('t', receipt, 'commit'), null);
});

test('a question waits for a call, a call for a question, and many are handed out at once', async () => {
  const { broker, clock, half, ask } = await openHalf();
  for (const body of ['a', 'b', 'c']) await half('t', body, 100);
  const waiting = broker.receiveHalfChecks(GROUP, { max: 2, waitMs: 1000 });
  await clock.pass(100);
  assert.equal((await waiting).length, 2);
  assert.equal((await ask()).length, 1);
  const empty = broker.receiveHalfChecks(GROUP, { waitMs: 500 });
  await clock.pass(500);
  assert.deepEqual(await empty, []);
});

test('a call for questions that is aborted takes none, and the next one gets them uncounted', async () => {
  const { broker, clock, half, ask, disk } = await openHalf();
  await half('t', 'tea', 10);
  const gone = new AbortController();
  const waiting = broker.receiveHalfChecks(GROUP, { waitMs: 1000, signal: gone.signal });
  gone.abort();
  await assert.rejects(waiting, { code: 'MQ_ABORTED' });
  await clock.pass(10);
  const late = new AbortController();
  disk.onCall = ({ kind, path }) => {
    if (kind === 'sync' && path.includes('/half/')) late.abort();
    return undefined;
  };
  await assert.rejects(broker.receiveHalfChecks(GROUP, { signal: late.signal }), { code: 'MQ_ABORTED' });
  disk.onCall = undefined;
  assert.equal((await ask())[0]?.checkCount, 1);
});

test('close answers whoever waits for questions with none, and refuses new calls', async () => {
  const { broker, half } = await openHalf();
  const receipt = await half('t', 'tea');
  const waiting = broker.receiveHalfChecks(GROUP, { waitMs: 60_000 });
  await broker.close();
  assert.deepEqual(await waiting, []);
  await assert.rejects(broker.receiveHalfChecks(GROUP), { code: 'MQ_CLOSED' });
  await assert.rejects(broker.sendHalf('t', { body: 'x' }, { producerGroup: GROUP }), { code: 'MQ_CLOSED' });
  await assert.rejects(broker.endHalf('t', { halfId: receipt.halfId, outcome: 'commit' }), { code: 'MQ_CLOSED' });
});
