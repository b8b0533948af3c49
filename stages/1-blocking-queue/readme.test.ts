/** The two READMEs say what is so: every file with its length, every named test, the same invariants in both languages. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const FOLDER = new URL('./', import.meta.url);
const READMES = ['README.md', 'README.zh-CN.md'];
const read = (name: string): string => readFileSync(new URL(name, FOLDER), 'utf8');
const SOURCES = readdirSync(FOLDER).filter((name) => name.endsWith('.ts') && !/\.(test|long)\.ts$/.test(name));
const TESTS = readdirSync(FOLDER).filter((name) => /\.(test|long)\.ts$/.test(name));

for (const readme of READMES) {
  test(`${readme} lists every file of the stage with its number of lines`, () => {
    const rows = [...read(readme).matchAll(/^\| `([a-z-]+\.ts)` \| (\d+) \|/gm)];
    const told = new Map(rows.map(([, name = '', count]) => [name, Number(count)]));
    const real = new Map(SOURCES.map((name) => [name, read(name).trimEnd().split('\n').length]));
    const byName = (map: Map<string, number>): [string, number][] => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
    assert.deepEqual(byName(told), byName(real));
  });

  test(`${readme} names only tests that exist`, () => {
    const names = new Set(
      TESTS.flatMap((file) => [...read(file).matchAll(/\btest\((['`])(.*?)\1, /g)].map(([, , name]) => name)),
    );
    // A quoted sentence of four words or more is the name of a test, unless it is a command.
    const sentences = [...read(readme).matchAll(/`([a-z][\w,:'-]*(?: [\w,:'-]+){3,})`/g)].map(([, text = '']) => text);
    const named = sentences.filter((text) => !text.startsWith('npm '));
    assert.ok(named.length >= 10);
    assert.deepEqual(
      named.filter((name) => !names.has(name)),
      [],
    );
  });
}

test('both READMEs number the same invariants, and the code cites each of them', () => {
  const numbersIn = (text: string): string[] => [...text.matchAll(/^\| (I\d+) \|/gm)].map(([, number = '']) => number);
  const [english = [], chinese] = READMES.map((readme) => numbersIn(read(readme)));
  assert.deepEqual(english, chinese);
  assert.ok(english.length >= 5);
  const code = [...SOURCES, ...TESTS].map(read).join('\n');
  for (const number of english) assert.match(code, new RegExp(`\\b${number}\\b`));
});
