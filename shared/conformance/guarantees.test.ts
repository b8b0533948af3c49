/** The written page says what the suite says; the generated one is compared in qos/matrix.test.ts, where its numbers are. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { ALL_TESTS } from './subjects.ts';

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
