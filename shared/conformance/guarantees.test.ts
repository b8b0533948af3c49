/** The generated page and the written one: both say what the suite says. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { enumerateStages, GUARANTEES_URL, guaranteesPage } from './guarantees.ts';
import { ALL_TESTS, SUBJECTS } from './subjects.ts';

describe('docs/guarantees.md', () => {
  test('is what its script writes (run `node shared/conformance/guarantees.ts`)', async () => {
    const written = readFileSync(GUARANTEES_URL, 'utf8').replaceAll('\r\n', '\n');
    assert.equal(written, guaranteesPage(SUBJECTS, await enumerateStages()));
  });
});

describe('docs/testing.md', () => {
  const page = readFileSync(new URL('../../docs/testing.md', import.meta.url), 'utf8');

  test('names only tests that exist: every quoted sentence of its tables is the name of a test', () => {
    const names = new Set(ALL_TESTS.map((each) => each.name));
    const quoted = [...page.matchAll(/^\|[^|]*\| “(.+)” \|$/gm)].flatMap(([, cell = '']) => cell.split('”, “'));
    assert.ok(quoted.length > 50, `${quoted.length} tests are named`);
    assert.deepEqual(
      quoted.filter((name) => !names.has(name)),
      [],
    );
  });

  test('links to files that exist', () => {
    const links = [...page.matchAll(/\]\((\.\.?\/[^)#]+|[a-z-]+\.md)\)/g)].map(([, path = '']) => path);
    assert.ok(links.length > 3);
    for (const link of links) readFileSync(new URL(`../../docs/${link}`, import.meta.url));
  });
});
