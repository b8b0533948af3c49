/** One million messages of 1 KiB pass through a heap of 256 MiB; a queue and a log group each see every one. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { PassReport } from './testing/memory-run.ts';

const COUNT = 1_000_000;

test('one million messages of 1 KiB pass through a heap of 256 MiB', async () => {
  const script = fileURLToPath(new URL('./testing/memory-run.ts', import.meta.url));
  const args = ['--max-old-space-size=256', script, 'pass', `${COUNT}`];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const report = JSON.parse(stdout) as PassReport;
  const sum = (COUNT * (COUNT - 1)) / 2;
  assert.deepEqual([report.sentCount, report.queueCount, report.logCount], [COUNT, COUNT, COUNT]);
  assert.deepEqual([report.queueSum, report.logSum], [sum, sum]);
  assert.ok(report.heldCount <= 65_536, `${report.heldCount} are held`);
  assert.ok(report.rssBytesMax < 512 * 1024 * 1024, `${report.rssBytesMax} bytes resident`);
});
