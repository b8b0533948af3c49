/**
 * What stages 4 and 5 give to whom, found out by letting everything fail at every moment; that a worse broker gives
 * less; and that docs/guarantees.md says so.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { createBroker } from '../../../stages/4-persisted-log/index.ts';
import { enumerateStages, GUARANTEES_URL, guaranteesPage, type Matrices } from '../guarantees.ts';
import type { CreateOnDisk } from '../simulated-target.ts';
import { SUBJECTS } from '../subjects.ts';
import { FAULT_KINDS } from './faults.ts';
import { enumerate, type Row, tableOf } from './matrix.ts';
import { USAGES } from './usages.ts';

/** Answers before the disk does. */
const createUnsafe: CreateOnDisk = (options) => createBroker({ ...options, dataFolder: '/data', flushPolicy: 'never' });

function usageNamed(name: string): (typeof USAGES)[number] {
  const usage = USAGES.find((each) => each.name === name);
  assert.ok(usage !== undefined, name);
  return usage;
}

let matrices: Matrices = { stage4: [], stage5: [] };
before(async () => {
  matrices = await enumerateStages();
});

test('docs/guarantees.md is what its script writes (run `node shared/conformance/guarantees.ts`)', () => {
  const written = readFileSync(GUARANTEES_URL, 'utf8').replaceAll('\r\n', '\n');
  assert.equal(written, guaranteesPage(SUBJECTS, matrices));
});

describe('how often a message is worked on, whatever fails', () => {
  let rows: readonly Row[] = [];
  before(() => {
    rows = matrices.stage4;
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
  before(() => {
    rows = matrices.stage5;
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
