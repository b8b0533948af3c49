/** Transactions on a disk that fails: whoever asks is answered, and all of each counts or nothing, now and after a crash. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CallWatcher, type DiskCall, failBetween, failFrom, failNth } from '../../../shared/disk-faults.ts';
import { keepsAll, keepsNothing } from '../../../shared/power-cut.ts';
import type { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { SEGMENT_HEAD_BYTES } from '../../4-persisted-log/log/segment-head.ts';
import { DATA_FOLDER, type VirtualLife } from '../../4-persisted-log/testing/virtual-life.ts';
import { checkDeeds, copyOfDeeds, type Deed, runScript } from './testing/transaction-script.ts';
import { openRobust, outcomeOf, read } from './testing/virtual-robust.ts';

/** Long enough for whatever is tried again later, and for the transaction that was left open. */
const RETRY_MS = 660_000;
/** Calls of the script that come before the next one that is made to fail. */
const STEP = 7;

/** False when the script made no such call. */
async function survives(watch: CallWatcher): Promise<boolean> {
  const opened = await openRobust();
  const deeds: Deed[] = [];
  let isHit = false;
  opened.disk.onCall = (call) => {
    const fault = watch(call);
    isHit ||= fault !== undefined;
    return fault;
  };
  await runScript(opened, deeds);
  opened.disk.onCall = undefined;
  await opened.clock.pass(RETRY_MS);
  await checkDeeds(opened.broker, deeds);
  const known = copyOfDeeds(deeds);
  for (const fate of [keepsNothing, keepsAll]) {
    const next = await opened.on(opened.disk.remains(fate));
    await checkDeeds(next.broker, known);
    await next.broker.close();
  }
  await opened.broker.close();
  assert.deepEqual(opened.disk.openPaths, []);
  return isHit;
}

async function atEveryCall(faultAt: (n: number) => CallWatcher): Promise<void> {
  for (let n = 1; ; n += STEP) {
    try {
      if (!(await survives(faultAt(n)))) return;
    } catch (error) {
      throw new Error(`call ${n}: ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  }
}

test('one call of the disk fails, whichever: all of each transaction, or nothing, now and after a crash', async () => {
  await atEveryCall((n) => failNth(n));
});

test('one sync fails, whichever, and what it was for is lost: the same', async () => {
  const isMeant = ({ kind }: DiskCall): boolean => kind === 'sync';
  await atEveryCall((n) => failNth(Math.ceil(n / STEP), { isMeant }));
});

test('some calls in a row fail: the same', async () => {
  await atEveryCall((n) => failBetween({ from: n, to: n + 4 }));
});

test('a commit whose decision the disk refuses can be tried again, and is whole then', async () => {
  const { broker, disk } = await openRobust();
  for (const topic of ['a', 'b']) await broker.createTopic(topic);
  const transaction = await broker.begin();
  await transaction.send('a', { body: 'one' });
  await transaction.send('b', { body: 'two' });
  disk.onCall = ({ kind, path }) => (kind === 'sync' && path.includes('transactions') ? { code: 'EIO' } : undefined);
  await assert.rejects(transaction.commit(), { code: 'MQ_STORAGE_FAILED' });
  assert.deepEqual([await read(broker, 'a'), await read(broker, 'b')], [[], []]);
  assert.equal(await outcomeOf(broker, transaction), 'open');
  disk.onCall = undefined;
  await transaction.commit();
  assert.deepEqual([await read(broker, 'a'), await read(broker, 'b')], [['one'], ['two']]);
  await broker.close();
});

for (const topics of [['a'], ['a', 'b']]) {
  test(`nobody is told that it was aborted while the disk may have its decision, with ${topics.length} topics`, async () => {
    const { broker, disk, clock, on } = await openRobust();
    for (const topic of topics) await broker.createTopic(topic);
    const transaction = await broker.begin({ transactionalId: 'me', timeoutMs: 5000 });
    for (const topic of topics) await transaction.send(topic, { body: 'x' });
    const log = topics.length === 1 ? '/t-a-' : '/transactions/';
    let isDead = false;
    disk.onCall = ({ kind, path, bytes }) => {
      if (!path.includes(log) || !/\/(p0|transactions)\/\d+\.log$/.test(path)) return undefined;
      const isFirst = !isDead && kind === 'write';
      isDead ||= isFirst;
      return isDead ? { code: 'EIO', ...(isFirst ? { doneBytes: bytes } : {}) } : undefined;
    };
    await assert.rejects(transaction.commit(), { code: 'MQ_STORAGE_FAILED' });
    await assert.rejects(transaction.abort(), { code: 'MQ_STORAGE_FAILED' });
    await assert.rejects(broker.begin({ transactionalId: 'me' }), { code: 'MQ_STORAGE_FAILED' });
    await clock.pass(20_000);
    assert.equal(await outcomeOf(broker, transaction), 'open');
    const next = await on(disk.remains(keepsAll));
    for (const topic of topics) assert.deepEqual(await read(next.broker, topic), ['x'], 'it was decided');
    await next.broker.close();
    disk.onCall = undefined;
    await clock.pass(5000);
    assert.equal(await outcomeOf(broker, transaction), 'aborted');
    for (const topic of topics) assert.deepEqual(await read(broker, topic), []);
    await broker.close();
  });
}

test('of what was decided the groups do not wait for the partitions, nor the partitions for the groups', async () => {
  for (const broken of ['/t-in-', '/t-a-']) {
    const { broker, disk, clock } = await openRobust();
    for (const topic of ['a', 'b']) await broker.createTopic(topic);
    await broker.send('in', { body: 'i' });
    const transaction = await broker.begin();
    await transaction.ack(await broker.receive('in'));
    for (const topic of ['a', 'b']) await transaction.send(topic, { body: 'x' });
    let isDecided = false;
    disk.onCall = ({ kind, path }) => {
      if (kind === 'sync' && path.includes('/transactions/')) isDecided = true;
      return isDecided && path.includes(broken) ? { code: 'EIO' } : undefined;
    };
    const commit = transaction.commit();
    await clock.pass(2500);
    const shown = broken === '/t-in-' ? ['x'] : [];
    for (const topic of ['a', 'b']) assert.deepEqual(await read(broker, topic), shown, `${topic} without ${broken}`);
    const [described] = await broker.describeTopics({ topic: 'in' });
    assert.equal(described?.groups[0]?.lag, 0);
    disk.onCall = undefined;
    await clock.pass(2500);
    await commit;
    for (const topic of ['a', 'b']) assert.deepEqual(await read(broker, topic), ['x']);
    await broker.close();
  }
});

/** A crash after the decision, before topic b has its part of it. */
async function decidedWithoutB(): Promise<{ readonly opened: VirtualLife; readonly left: SimulatedDisk }> {
  const opened = await openRobust();
  const { broker, disk, clock } = opened;
  for (const topic of ['a', 'b', 'c']) await broker.createTopic(topic);
  const transaction = await broker.begin();
  for (const topic of ['a', 'b', 'c']) await transaction.send(topic, { body: 'x' });
  let isDecided = false;
  disk.onCall = ({ kind, path }) => {
    if (kind === 'sync' && path.includes('/transactions/')) isDecided = true;
    return isDecided && path.includes('/t-') ? { code: 'EIO' } : undefined;
  };
  transaction.commit().catch(() => undefined);
  await clock.pass(500);
  return { opened, left: disk.remains(keepsAll) };
}

test('a start says when the disk does not take what was decided, and the next one carries it out', async () => {
  const { opened, left } = await decidedWithoutB();
  left.onCall = ({ kind, path }) => (kind === 'sync' && path.includes('/t-b-') ? { code: 'EIO' } : undefined);
  await assert.rejects(opened.on(left), { code: 'MQ_STORAGE_FAILED' });
  left.onCall = undefined;
  const { broker } = await opened.on(left);
  for (const topic of ['a', 'b', 'c']) assert.deepEqual(await read(broker, topic), ['x']);
  await broker.close();
});

test('a topic that is damaged has its part of what was decided when it is mended; the others have theirs at once', async () => {
  const { opened, left } = await decidedWithoutB();
  const folder = (await left.list(`${DATA_FOLDER}/topics`)).find((name) => name.startsWith('t-b-'));
  const file = await left.open(`${DATA_FOLDER}/topics/${folder}/topic.json`, 'write');
  const [whole, harm] = [new Uint8Array(await file.size()), Uint8Array.of(0, 0)];
  await file.read(whole, 0);
  await file.write([harm], 5);
  const { broker, notices } = await opened.on(left);
  for (const topic of ['a', 'c']) assert.deepEqual(await read(broker, topic), ['x']);
  await assert.rejects(broker.fetch('b'), { code: 'MQ_CORRUPT' });
  assert.match(notices.join('\n'), /committed where that is possible/);
  await broker.close();
  await file.write([whole], 0);
  await file.close();
  const { broker: mended } = await opened.on(left);
  for (const topic of ['a', 'b', 'c']) assert.deepEqual(await read(mended, topic), ['x']);
  await mended.close();
});

test('a transaction that was decided is carried out when the disk is well again, and commit resolves then', async () => {
  const { broker, disk, clock, on } = await openRobust();
  for (const topic of ['a', 'b']) await broker.createTopic(topic);
  const transaction = await broker.begin();
  for (const topic of ['a', 'b']) await transaction.send(topic, { body: `to ${topic}` });
  let isDecided = false;
  disk.onCall = ({ kind, path }) => {
    if (kind === 'sync' && path.includes('transactions')) isDecided = true;
    else if (isDecided && path.includes('t-b-')) return { code: 'EIO' };
    return undefined;
  };
  let isCommitted = false;
  const commit = transaction.commit().then(() => {
    isCommitted = true;
  });
  await clock.pass(5000);
  assert.equal(isCommitted, false);
  assert.equal(await outcomeOf(broker, transaction), 'open', 'it is not over');
  assert.deepEqual(await read(broker, 'b'), []);
  const crashed = await on(disk.remains());
  assert.deepEqual([await read(crashed.broker, 'a'), await read(crashed.broker, 'b')], [['to a'], ['to b']]);
  await crashed.broker.close();
  disk.onCall = undefined;
  await clock.pass(5000);
  await commit;
  assert.deepEqual(await read(broker, 'b'), ['to b']);
  assert.equal(await outcomeOf(broker, transaction), 'committed');
  await broker.close();
});

/** The next sync of the log of topic `a` fails, and what was written behind `keptBytes` is gone when it is opened again. */
function losing(disk: SimulatedDisk, keptBytes: number): CallWatcher {
  let state: 'well' | 'failed' | 'losing' | 'lost' = 'well';
  const lose = async (path: string): Promise<void> => {
    const file = await disk.open(path, 'write');
    await file.truncate(keptBytes);
    await file.close();
    state = 'lost';
  };
  return ({ kind, path }) => {
    if (!path.includes('/t-a-') || !path.endsWith('/p0/00000000000000000000.log')) return undefined;
    if (kind === 'sync' && state === 'well') {
      state = 'failed';
      return { code: 'EIO' };
    }
    if (kind !== 'open' || state !== 'failed') return undefined;
    state = 'losing';
    return { until: lose(path) };
  };
}

for (const topics of [['a'], ['a', 'b']]) {
  test(`records that the disk lost make a commit impossible, with ${topics.length} topics: nothing of it is there`, async () => {
    const { broker, disk, afterPowerCut } = await openRobust();
    for (const topic of topics) await broker.createTopic(topic);
    const transaction = await broker.begin();
    for (const topic of topics) await transaction.send(topic, { body: 'written, and not synced' });
    disk.onCall = losing(disk, SEGMENT_HEAD_BYTES);
    await assert.rejects(broker.send('a', { body: 'plain' }), { code: 'MQ_STORAGE_FAILED' });
    await broker.send('a', { body: 'goes on' });
    await assert.rejects(transaction.commit(), { code: 'MQ_STORAGE_FAILED' });
    disk.onCall = undefined;
    const next = await afterPowerCut();
    for (const one of [broker, next.broker]) {
      for (const topic of topics) assert.deepEqual(await read(one, topic), topic === 'a' ? ['goes on'] : []);
      assert.equal(await outcomeOf(one, transaction), 'aborted');
      await one.close();
    }
  });
}

test('a commit that comes while the disk finds out what it lost is refused', async () => {
  const { broker, disk } = await openRobust();
  await broker.createTopic('a');
  const transaction = await broker.begin();
  await transaction.send('a', { body: 'written, and not synced' });
  disk.onCall = losing(disk, SEGMENT_HEAD_BYTES);
  const plain = broker.send('a', { body: 'plain' });
  const commit = plain.catch(() => transaction.commit());
  await assert.rejects(commit, { code: 'MQ_STORAGE_FAILED' });
  disk.onCall = undefined;
  assert.deepEqual(await read(broker, 'a'), []);
  assert.equal(await outcomeOf(broker, transaction), 'aborted');
  await broker.close();
});

test('a disk that is broken for good: every call is answered, and the next start knows nothing but wholes', async () => {
  for (const from of [1, 20, 60, 90, 120, 150]) {
    const opened = await openRobust();
    const deeds: Deed[] = [];
    const watch = failFrom(from);
    opened.disk.onCall = (call) => watch(call);
    const ended = runScript(opened, deeds).catch(() => undefined);
    let isAnswered = false;
    void ended.then(() => {
      isAnswered = true;
    });
    await opened.clock.pass(10_000);
    const closing = opened.broker.close({ timeoutMs: 1000 }).catch(() => undefined);
    await opened.clock.pass(60_000);
    await closing;
    await ended;
    assert.ok(isAnswered, `from call ${from}`);
    opened.disk.onCall = undefined;
    const next = await opened.on(opened.disk.remains(keepsAll));
    await checkDeeds(next.broker, deeds);
    await next.broker.close();
  }
});
