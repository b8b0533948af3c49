/**
 * The documents keep their word: every relative link leads somewhere, every `ts` example that imports the package runs
 * and prints what its `// prints:` comments say, every `npm run` script exists, and a page with a Chinese twin has the same
 * headings and examples in both.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const run = promisify(execFile);
const packageJson = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

const pages = ['', 'docs', 'stages', 'bench', 'cli', 'shared']
  .flatMap((folder) => {
    const entries = readdirSync(join(ROOT, folder), { recursive: folder !== '', withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
      .map((entry) => join(entry.parentPath, entry.name));
  })
  .map((file) => ({ name: relative(ROOT, file), folder: dirname(file), text: readFileSync(file, 'utf8') }));

/** The blocks of one page, without their fences. */
function blocks(text: string, language: RegExp): string[] {
  const all = [...text.matchAll(/^```(\w*)[^\n]*\n([\s\S]*?)^```/gm)];
  return all.filter((match) => language.test(match[1] ?? '')).map((match) => match[2] ?? '');
}

function withoutBlocks(text: string): string {
  return text.replace(/^```[\s\S]*?^```/gm, '');
}

test('there are pages to check', () => {
  assert.ok(pages.length > 15 && pages.some((page) => page.name === 'README.md'));
});

test('every relative link of every page leads to a file', () => {
  const broken: string[] = [];
  for (const page of pages) {
    for (const [, target = ''] of withoutBlocks(page.text).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^(https?:|mailto:|#)/.test(target)) continue;
      if (!existsSync(resolve(page.folder, target.split('#')[0] ?? ''))) broken.push(`${page.name}: ${target}`);
    }
  }
  assert.deepEqual(broken, []);
});

test('every npm script a page names exists', () => {
  const unknown: string[] = [];
  for (const page of pages) {
    for (const [, name = ''] of page.text.matchAll(/npm run (?:-s )?([a-z][a-z:]*)/g)) {
      if (!Object.hasOwn(packageJson.scripts, name)) unknown.push(`${page.name}: npm run ${name}`);
    }
  }
  assert.deepEqual(unknown, []);
});

test('a page and its Chinese twin have the same headings and the same examples', () => {
  const twins = pages.filter((page) => page.name.endsWith('.zh-CN.md'));
  assert.ok(twins.length >= 4, 'README and the README of each stage have a twin');
  for (const twin of twins) {
    const page = pages.find((candidate) => candidate.name === twin.name.replace('.zh-CN.md', '.md'));
    assert.ok(page, `${twin.name} has no English page`);
    const levels = (text: string): string[] => (withoutBlocks(text).match(/^#+ /gm) ?? []).map((mark) => mark.trim());
    assert.deepEqual(levels(twin.text), levels(page.text), `${twin.name} and ${page.name} have other headings`);
    const commands = (text: string): string[] => blocks(text, /^(sh|console|ts)$/);
    assert.equal(
      commands(twin.text).length,
      commands(page.text).length,
      `${twin.name} has other examples than ${page.name}`,
    );
  }
});

for (const page of pages) {
  const examples = blocks(page.text, /^ts$/).filter(
    (code) => /from 'stagemq\//.test(code) && code.includes('// prints:'),
  );
  for (const [index, code] of examples.entries()) {
    test(`example ${index + 1} of ${page.name} runs and prints what it says`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'stagemq-example-'));
      try {
        const file = join(folder, 'example.ts');
        writeFileSync(
          file,
          code.replace(/'(stagemq\/[^']+)'/g, (_whole, specifier: string) => `'${sourceOf(specifier)}'`),
        );
        const { stdout } = await run(process.execPath, [file], { timeout: 20_000 });
        const promised = [...code.matchAll(/\/\/ prints: (.*)$/gm)].map((match) => match[1]);
        assert.deepEqual(stdout.trimEnd().split('\n'), promised);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
}

/** The source file behind an entry of the package, as `exports` in package.json maps it. */
function sourceOf(specifier: string): string {
  const entry = packageJson.exports[specifier.replace('stagemq', '.')];
  assert.ok(entry, `${specifier} is not an entry of the package`);
  const source = entry.default.replace('./dist/', '').replace(/\.js$/, '.ts');
  return pathToFileURL(join(ROOT, source)).href;
}
