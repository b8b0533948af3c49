/** Transactions on a disk that fails: whoever asks is answered, and all of each counts or nothing, now and after a crash. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CallWatcher, type DiskCall, failBetween, failFrom, failNth } from '../../../shared/disk-faults.ts';
import { keepsAll, keepsNothing } from '../../../shared/power-cut.ts';
import type { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { SEGMENT_HEAD_BYTES } from '../../4-persisted-log/log/segment-head.ts';
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
