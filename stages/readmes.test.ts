/**
 * The README of every stage, and its Chinese twin, keep their word: the file tour has each file with its number of lines,
 * every test that is named exists, invariants are numbered without a gap and cited by the code, and the table of parts
 * is what the imports say.
 */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('.', import.meta.url));
const IS_TEST = /\.(test|long)\.ts$/;
const IS_FOR_TESTS = /(^|\/)testing\//;
/** | `file.ts` | 123 | ..., or the sum of the rows above it. */
const TOUR_ROW = /^\| `[\w/-]+\.ts` \| (\d+) \|/;
const SUM_ROW = /^\| \*\*(?:together|合计)\*\* \| (\d+) \|/;
/** Quoted things of four words or more that are no sentences of the specification. */
const IS_CODE = /[=<({]|^(npm|mq|curl|node) /;
const QUESTIONS_MIN = 8;

const stages = globSync('[0-9]-*', { cwd: ROOT }).toSorted();

for (const stage of stages) {
  const textOf = (path: string): string => readFileSync(`${ROOT}${stage}/${path}`, 'utf8');
  const files = globSync('**/*.ts', { cwd: `${ROOT}${stage}` }).map((path) => path.replaceAll('\\', '/'));
  const taught = files.filter((path) => !IS_TEST.test(path) && !IS_FOR_TESTS.test(path)).toSorted();
  const specification = files
    .filter((path) => IS_TEST.test(path))
    .map(textOf)
    .join('\n');
  const code = [...taught.map(textOf), specification].join('\n');

  describe(stage, () => {
    for (const name of ['README.md', 'README.zh-CN.md']) {
      const readme = textOf(name);

      test(`${name}: the file tour has each file once, with its number of lines`, () => {
        const rows = readme.matchAll(/^\| `([\w/-]+\.ts)` \| (\d+) \|/gm);
        const tour = Array.from(rows, ([, path, lines]) => `${path} ${lines}`);
        const counted = taught.map((path) => `${path} ${textOf(path).trimEnd().split('\n').length}`);
        assert.deepEqual(tour.toSorted(), counted.toSorted());
      });

      test(`${name}: where a table of files has a sum, it is that of its rows`, () => {
        let sum = 0;
        for (const line of readme.split('\n')) {
          if (!line.startsWith('|')) sum = 0;
          sum += Number(TOUR_ROW.exec(line)?.[1] ?? 0);
          const told = SUM_ROW.exec(line)?.[1];
          if (told !== undefined) assert.equal(Number(told), sum);
        }
      });

      test(`${name}: every test it names exists, and questions and exercises name one each`, () => {
        const quoted = Array.from(readme.matchAll(/`([a-z][^`]*)`/g), ([, text = '']) => text.replaceAll(/\s+/g, ' '));
        const named = quoted.filter((text) => text.split(' ').length > 3 && !IS_CODE.test(text));
        assert.ok(named.length >= QUESTIONS_MIN, `${named.length} tests are named`);
        const isThere = (text: string): boolean =>
          [`'${text}'`, `\`${text}\``, `"${text}"`].some((title) => specification.includes(title));
        assert.deepEqual(
          named.filter((text) => !isThere(text)),
          [],
        );
      });

      test(`${name}: the invariants are numbered without a gap, and the code cites each`, () => {
        const numbers = Array.from(readme.matchAll(/^\| (I\d+) \|/gm), ([, number = '']) => number);
        assert.ok(numbers.length >= 5);
        assert.deepEqual(
          numbers,
          Array.from(numbers, (_, index) => `I${index + 1}`),
        );
        for (const number of numbers) assert.ok(new RegExp(`\\b${number}\\b`).test(code), `the code cites ${number}`);
      });

      test(`${name}: what keeps an invariant and what checks it, is there`, () => {
        const rows = [...readme.matchAll(/^\| I\d+ \|.*\| ([^|]*) \| ([^|]*) \|$/gm)];
        assert.ok(rows.length >= 5);
        const named = rows.flatMap(([, keeper = '', checker = '']) => [
          ...`${keeper} ${checker}`.matchAll(/`#?([^`]+)`/g),
        ]);
        const isThere = (word: string): boolean =>
          word.endsWith('.ts') ? files.some((path) => basename(path) === word) : new RegExp(`\\b${word}\\b`).test(code);
        const strangers = named.map(([, word = '']) => word).filter((word) => !isThere(word));
        assert.deepEqual(strangers, []);
      });
    }
  });
}

test('there is a README to check for every stage that is here', () => {
  assert.deepEqual(
    stages.map((folder) => basename(folder)),
    ['1-blocking-queue', '2-ring-buffer', '3-http-server', '4-persisted-log', '5-robust-broker'],
  );
});
