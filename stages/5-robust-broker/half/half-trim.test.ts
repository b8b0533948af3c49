/** The log of half messages stays short, whatever stays open in it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../../shared/clock.ts';
import { LIMITS } from '../../../shared/contract/limits.ts';
import { SeededRandom } from '../../../shared/random.ts';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { BatchCache } from '../../4-persisted-log/log/batch-cache.ts';
import { PartitionLog } from '../../4-persisted-log/log/log.ts';
import type { HalfFacts, OpenHalf } from './half.ts';
import { HalfEnds } from './half-ends.ts';
import { HalfLog } from './half-log.ts';
import { HalfTable } from './half-table.ts';
import { HalfTrim } from './half-trim.ts';

const SLACK_BYTES = 4096;

async function setup(disk = new SimulatedDisk()) {
  const clock = new VirtualClock();
  const partitionLog = await PartitionLog.open({
    ...{ disk, clock, folder: '/half', topicId: new Uint8Array(16), partition: 0, wasClean: false },
    ...{ flushPolicy: 'always', flushIntervalMs: 1000, segmentBytesMax: 1024 },
    cache: new BatchCache({ bytesMax: LIMITS.bodyBytesMax }),
  });
  const log = new HalfLog(partitionLog);
  const table = new HalfTable({ intervalMs: 100, checksMax: 3 });
  const ends = new HalfEnds(1000);
  const work = async (half: OpenHalf, carry: () => Promise<void>): Promise<void> => {
    const working = carry();
    table.takeOut(half, working);
    await working;
    table.putBack(half);
  };
  const notices: string[] = [];
  const onNotice = (text: string): void => void notices.push(text);
  const trim = new HalfTrim({ table, ends, log, slackBytes: SLACK_BYTES, work, onNotice });
  let count = 0;
  const add = async (): Promise<OpenHalf> => {
    count += 1;
    const place = { topic: 't', topicId: 'id', producerGroup: 'g', partition: 0 };
    const times = { acceptedAt: 0, heldBytes: 200, checkCount: 0, nextCheckAt: 6 };
    const facts: HalfFacts = { halfId: `h${count}`, ...place, ...times };
    table.reserve(facts);
    const half = table.add(facts, await log.appendHalf(facts, { body: new Uint8Array(100), id: `m${count}` }));
    trim.look();
    await clock.pass(0);
    return half;
  };
  const end = async (half: OpenHalf): Promise<void> => {
    const ended = { halfId: half.halfId, topicId: 'id', outcome: 'aborted' } as const;
    const floor = await log.append({ kind: 'ended', ...ended });
    table.remove(half);
    ends.add(ended, { floor, isWritten: true });
  };
  return { disk, table, ends, log, trim, add, end, clock, notices };
}

test('what is old and open is written again with what became of it, and the front of the log goes', async () => {
  const { table, ends, log, add, end, trim } = await setup();
  const old = await add();
  table.checked({ halfId: old.halfId, checkCount: 2, nextCheckAt: 77 });
  for (let count = 0; count < 200; count += 1) {
    await end(await add());
    const mayBe = 2 * table.logBytes + SLACK_BYTES + 1500; // one half, its end, and what is still being let go
    assert.ok(log.heldBytes <= mayBe, `${log.heldBytes} bytes after ${count}`);
  }
  await trim.close();
  assert.ok(old.offset > 300, 'it was carried on');
  assert.ok(ends.size > 1 && ends.size < 100, `${ends.size} ends are remembered`);
  assert.equal((await log.messageAt(old.offset)).id, 'm1');
  const found: HalfFacts[] = [];
  await log.readAll((entry) => void (entry.kind === 'half' && entry.halfId === old.halfId && found.push(entry)));
  const { checkCount, nextCheckAt } = found.at(-1) ?? assert.fail('it is in the log');
  assert.deepEqual([checkCount, nextCheckAt], [2, 77]);
});

test('what is open is never let go, however much of it there is', async () => {
  const { table, log, add, trim } = await setup();
  const halves: OpenHalf[] = [];
  for (let count = 0; count < 50; count += 1) halves.push(await add());
  await trim.close();
  assert.equal(table.openCount, 50);
  for (const half of halves) assert.match((await log.messageAt(half.offset)).id, /^m\d+$/);
});

test('an end that is not written keeps its half in the log', async () => {
  const { table, ends, log, add, end, clock } = await setup();
  const half = await add();
  table.remove(half);
  ends.add({ halfId: half.halfId, topicId: 'id', outcome: 'aborted' }, { floor: half.offset, isWritten: false });
  for (let count = 0; count < 100; count += 1) await end(await add());
  await clock.pass(0);
  assert.equal((await log.messageAt(half.offset)).id, 'm1');
  ends.written(half.halfId, half.offset + 2);
  await end(await add());
  await end(await add());
  await clock.pass(0);
  await assert.rejects(log.messageAt(half.offset));
});

test('a disk that fails while the log is trimmed is noticed, and asked again', async () => {
  const { disk, log, add, end, notices, trim } = await setup();
  const old = await add();
  for (let count = 0; count < 10; count += 1) await end(await add());
  const random = new SeededRandom(5);
  disk.onCall = ({ kind, path }) =>
    kind === 'sync' && path.endsWith('.log') && random.below(2) === 0 ? { code: 'EIO' } : undefined;
  for (let count = 0; count < 30; count += 1)
    await add()
      .then(end)
      .catch(() => undefined);
  disk.onCall = undefined;
  for (let count = 0; count < 100; count += 1) await end(await add());
  await trim.close();
  assert.equal((await log.messageAt(old.offset)).id, 'm1', notices.join('\n'));
});
