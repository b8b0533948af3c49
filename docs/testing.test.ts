/**
 * The page about testing keeps its word where it speaks of tests beside the code: every sentence it quotes in a table of
 * three columns is the name of a test in one of the files that its row links to.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const PAGE = new URL('testing.md', import.meta.url);
/** | situation | “sentence”, “sentence” | [file](path), [file](path) | */
const ROW = /^\|[^|]*\| “([^|]+)” \| ([^|]+) \|$/gm;
const LINK = /\]\(([^)]+)\)/g;

test('every sentence that is quoted beside a file is the name of a test in it', () => {
  const rows = [...readFileSync(PAGE, 'utf8').matchAll(ROW)];
  assert.ok(rows.length > 30, `${rows.length} rows`);
  const missing: string[] = [];
  for (const [, quoted = '', links = ''] of rows) {
    const paths = Array.from(links.matchAll(LINK), ([, path = '']) => path);
    const code = paths.map((path) => readFileSync(new URL(path, PAGE), 'utf8')).join('\n');
    for (const name of quoted.split('”, “')) if (!code.includes(`'${name}'`)) missing.push(`${name} (${paths})`);
  }
  assert.deepEqual(missing, []);
});
