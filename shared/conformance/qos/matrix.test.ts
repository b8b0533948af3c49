/** What stages 4 and 5 give to whom, found out by letting everything fail at every moment; and that a worse broker gives less. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { createBroker } from '../../../stages/4-persisted-log/index.ts';
import { createBroker as createRobustBroker } from '../../../stages/5-robust-broker/index.ts';
import type { CreateOnDisk } from '../simulated-target.ts';
import { FAULT_KINDS } from './faults.ts';
import { enumerate, type Row, tableOf } from './matrix.ts';
import { EXACT_USAGES, USAGES } from './usages.ts';

const create: CreateOnDisk = (options) => createBroker({ ...options, dataFolder: '/data' });
const createRobust: CreateOnDisk = (options) => createRobustBroker({ ...options, dataFolder: '/data' });
/** Answers before the disk does. */
const createUnsafe: CreateOnDisk = (options) => createBroker({ ...options, dataFolder: '/data', flushPolicy: 'never' });

function usageNamed(name: string): (typeof USAGES)[number] {
  const usage = USAGES.find((each) => each.name === name);
  assert.ok(usage !== undefined, name);
  return usage;
}

describe('how often a message is worked on, whatever fails', () => {
  let rows: readonly Row[] = [];
  before(async () => {
    rows = await enumerate(create);
  });
  const rowNamed = (name: string): Row => {
    const row = rows.find(({ usage }) => usage.name === name);
    assert.ok(row !== undefined, name);
    return row;
  };

  test('every moment was tried: calls of both clients, answers, and many power cuts', () => {
    for (const { usage, cells } of rows) {
      const counts = FAULT_KINDS.map((kind) => cells.get(kind)?.journeyCount ?? 0);
      const enough = counts.every((count, index) => count >= (FAULT_KINDS[index] === 'power' ? 40 : 6));
      assert.ok(enough, `${usage.name}: ${FAULT_KINDS.map((kind, index) => `${kind} ${counts[index]}`).join(', ')}`);
    }
  });

  test('when nothing fails each is worked on once, however the broker is used', () => {
    for (const { withoutFault } of rows) assert.deepEqual([withoutFault.min, withoutFault.max], [1, 1]);
  });

  test('at most once is given, and it really is less than once at times', () => {
    const { isGiven, cells } = rowNamed('at most once');
    assert.equal(isGiven, true);
    assert.equal(cells.get('consumer')?.min, 0);
  });

  test('at least once is given, and it really is more than once at times', () => {
    const { isGiven, cells } = rowNamed('at least once');
    assert.equal(isGiven, true);
    assert.ok((cells.get('answer')?.max ?? 0) > 1);
  });

  test('exactly once is not given: a lost answer makes two of one message', () => {
    const { isGiven, cells } = rowNamed('exactly once');
    assert.equal(isGiven, false);
    assert.ok((cells.get('answer')?.max ?? 0) > 1);
  });

  test('exactly once in effect is given to a consumer that keeps ids with its work', () => {
    assert.equal(rowNamed('exactly once in effect').isGiven, true);
  });

  test('the table has a line for each usage, and each says what is given', () => {
    const lines = tableOf(rows, 'stage 4').split('\n');
    assert.equal(lines.length, USAGES.length + 2);
    assert.equal(new Set(lines.map((line) => line.split('|').length)).size, 1, 'as many cells in every line');
  });
});

test('a broker that answers before the disk does gives at least once to nobody', async () => {
  const [row] = await enumerate(createUnsafe, [usageNamed('at least once')]);
  assert.equal(row?.isGiven, false);
  assert.equal(row?.cells.get('power')?.min, 0);
});

describe('how often stage 5 has a message worked on, whatever fails', () => {
  let rows: readonly Row[] = [];
  before(async () => {
    rows = await enumerate(createRobust, EXACT_USAGES);
  });
  const given = (isGiven: boolean): string[] =>
    rows.filter((row) => row.isGiven === isGiven).map(({ usage }) => usage.name);

  test('every moment was tried', () => {
    for (const { usage, cells } of rows) {
      const counts = FAULT_KINDS.map((kind) => cells.get(kind)?.journeyCount ?? 0);
      const isEnough = counts.every((count, index) => count >= (FAULT_KINDS[index] === 'power' ? 40 : 6));
      assert.ok(isEnough, `${usage.name}: ${FAULT_KINDS.map((kind, index) => `${kind} ${counts[index]}`).join(', ')}`);
    }
  });

  test('exactly once is given by numbers, by ids and by half messages, each with a transaction, and by an inbox', () => {
    const expected = ['by numbers', 'by ids', 'by half messages', 'in effect, by an inbox'];
    assert.deepEqual(
      given(true),
      expected.map((way) => `exactly once ${way}`),
    );
  });

  test('one half of it is not enough: without the other a message is worked on twice at times', () => {
    assert.equal(given(false).length, 2);
    for (const { isGiven, cells } of rows) {
      const most = Math.max(...[...cells.values()].map(({ max }) => max));
      const least = Math.min(...[...cells.values()].map(({ min }) => min));
      assert.deepEqual([least, most > 1], [1, !isGiven]);
    }
  });
});
