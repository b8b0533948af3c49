import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';

const PRELOADED = pathToFileURL(join(import.meta.dirname, 'untracked-promises.ts')).href;

/** Runs a file with one test, which goes on for a while after `body`. */
function runFile(context: TestContext, body: string): { readonly exitCode: number | null; readonly stdout: string } {
  const folder = mkdtempSync(join(tmpdir(), 'stagemq-untracked-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'one.test.mjs');
  const lines = [
    `import { test } from 'node:test'; import { setTimeout as later } from 'node:timers/promises';`,
    `test('one', async () => { await later(1); ${body}; await later(20); });`,
  ];
  writeFileSync(file, lines.join('\n'));
  // Not as a part of the run that we belong to.
  const { NODE_TEST_CONTEXT: _ours, ...env } = process.env;
  const args = ['--import', PRELOADED, '--test', '--test-reporter=spec', file];
  const ran = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
  return { exitCode: ran.status, stdout: ran.stdout };
}

test('a file in which nothing goes wrong passes', (context) => {
  assert.equal(runFile(context, '').exitCode, 0);
});

test('a rejection that nobody handles fails the run, and is told with its text', (context) => {
  const { exitCode, stdout } = runFile(context, `Promise.reject(new Error('nobody handles me'))`);
  assert.equal(exitCode, 1);
  assert.match(stdout, /nobody handles me/);
});

test('an error thrown in a timer fails the run, and is told with its text', (context) => {
  const { exitCode, stdout } = runFile(context, `setTimeout(() => { throw new Error('nobody catches me') }, 1)`);
  assert.equal(exitCode, 1);
  assert.match(stdout, /nobody catches me/);
});
