/** The README and its Chinese twin keep their word: files, line counts, invariants and every test they name. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const cwd = fileURLToPath(new URL('.', import.meta.url));
const textOf = (path: string): string => readFileSync(`${cwd}${path}`, 'utf8');
const isTest = (path: string): boolean => path.endsWith('.test.ts') || path.endsWith('.long.ts');

const files = [...globSync('*.ts', { cwd }), ...globSync('routes/*.ts', { cwd })].map((path) =>
  path.replaceAll('\\', '/'),
);
const taught = files.filter((path) => !isTest(path)).toSorted();
const specification = files.filter(isTest).map(textOf).join('\n');
const code = taught.map(textOf).join('\n');

for (const name of ['README.md', 'README.zh-CN.md']) {
  const readme = textOf(name);

  describe(name, () => {
    test('the file tour has each file once, with its number of lines', () => {
      const rows = readme.matchAll(/^\| `([\w/-]+\.ts)` \| (\d+) \|/gm);
      const tour = Array.from(rows, ([, path, lines]) => `${path} ${lines}`);
      const counted = taught.map((path) => `${path} ${textOf(path).split('\n').length - 1}`);
      assert.deepEqual(tour.toSorted(), counted);
    });

    test('every test it names exists, and questions and exercises name one each', () => {
      const named = Array.from(readme.matchAll(/`([a-z][^`]{30,})`/g), ([, title = '']) =>
        title.replaceAll(/\s+/g, ' '),
      );
      const titles = named.filter((title) => !/[=<(/]|^npm /.test(title));
      assert.ok(titles.length >= 12, `${titles.length} tests are named`);
      for (const title of titles) assert.ok(specification.includes(`'${title}'`), title);
    });

    test('the invariants are numbered without a gap, and the code cites each', () => {
      const numbers = Array.from(readme.matchAll(/^\| (I\d+) \|/gm), (match) => match[1]);
      assert.deepEqual(
        numbers,
        Array.from(numbers, (_, index) => `I${index + 1}`),
      );
      assert.ok(numbers.length >= 12);
      for (const number of numbers) assert.match(code, new RegExp(`\\b${number}\\b`));
    });

    test('every part it lists as carried is imported from an earlier stage', () => {
      const row = readme.split('\n').find((line) => line.includes('`reading-options`')) ?? '';
      const carried = Array.from(row.matchAll(/`([\w-]+)`/g), (match) => match[1]);
      assert.deepEqual(carried, ['checked-options', 'reading-options']);
      for (const part of carried) assert.match(code, new RegExp(`'\\.\\./[12]-[\\w-]+/${part}\\.ts'`));
    });
  });
}
