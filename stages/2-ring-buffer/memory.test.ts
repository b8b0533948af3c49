/** Memory is bounded: what a ring holds, and what an idle topic costs. The large run is `memory.long.ts`. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { IdleReport, PassReport, WeighReport } from './testing/memory-run.ts';

const script = fileURLToPath(new URL('./testing/memory-run.ts', import.meta.url));

async function run(flags: readonly string[], ...args: readonly string[]): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, script, ...args]);
  return JSON.parse(stdout);
}

test('more messages pass through a small heap than it could ever hold, and none is lost', async () => {
  const count = 250_000;
  const report = (await run(['--max-old-space-size=64'], 'pass', `${count}`)) as PassReport;
  const sum = (count * (count - 1)) / 2;
  assert.deepEqual([report.sentCount, report.queueCount, report.logCount], [count, count, count]);
  assert.deepEqual([report.queueSum, report.logSum], [sum, sum]);
  assert.ok(report.heldCount <= 65_536, `${report.heldCount} are held`);
});

test('ten thousand topics that were used once cost some kilobytes each, and give them back', async () => {
  const count = 10_000;
  const { before, idle, after } = (await run(['--expose-gc'], 'idle', `${count}`)) as IdleReport;
  const bytesEach = (idle - before) / count;
  assert.ok(bytesEach < 16 * 1024, `${Math.round(bytesEach)} bytes for each`);
  assert.ok(after < before * 1.1 + 1024 * 1024, `${before} bytes before, ${after} after`);
});

test('what a topic counts is about the memory it takes, also where a message is mostly overhead', async () => {
  const report = (await run(['--expose-gc'], 'weigh', '10000')) as WeighReport;
  for (const [kind, { real, counted }] of Object.entries(report)) {
    const said = `${kind}: ${Math.round(real)} bytes, counted as ${Math.round(counted)}`;
    assert.ok(real < counted * 1.5 && real > counted / 2, said);
  }
});
