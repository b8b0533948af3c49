/**
 * The package as a stranger gets it: packed, unpacked into an empty folder, with nothing but its own dependencies
 * beside it, and looked at by the two tools that know how packages go wrong.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, posix, resolve } from 'node:path';
import process from 'node:process';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { publint } from 'publint';

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, '..');
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

const folder = mkdtempSync(join(tmpdir(), 'stagemq-pack-'));
const installed = join(folder, 'node_modules', 'stagemq');
let tarball = '';
let packedFiles: readonly string[] = [];

before(async () => {
  // npm itself says where it is when it runs the tests; without npm around, it is looked up.
  const npm = process.env.npm_execpath?.endsWith('.js') ? [process.execPath, process.env.npm_execpath] : ['npm'];
  const [command = 'npm', ...words] = [...npm, 'pack', '--json', '--pack-destination', folder];
  const { stdout } = await run(command, words, { cwd: ROOT, maxBuffer: OUTPUT_BYTES_MAX });
  const packed = JSON.parse(stdout.slice(stdout.indexOf('[')))[0] as { filename: string; files: { path: string }[] };
  tarball = join(folder, packed.filename);
  packedFiles = packed.files.map(({ path }) => path);
  mkdirSync(installed, { recursive: true });
  await run('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1']);
  linkDependencies();
});

after(() => rmSync(folder, { recursive: true, force: true }));

/** What `npm install` would put beside the package: its dependencies, and none of ours for development. */
function linkDependencies(): void {
  const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  // Everybody who writes TypeScript for Node has its types.
  for (const name of [...Object.keys(manifest.dependencies), '@types/node']) {
    const link = join(folder, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), link, 'junction');
  }
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
}

function runInFolder(words: readonly string[]): Promise<{ readonly stdout: string; readonly stderr: string }> {
  return run(process.execPath, words, { cwd: folder, maxBuffer: OUTPUT_BYTES_MAX });
}

const MQ = 'node_modules/stagemq/cli/mq.js';

test('the package holds the compiled code, the command and the documents, and no sources, tests or tools', () => {
  const strangers = packedFiles.filter(
    (path) =>
      !/^(package\.json|LICENSE|README(\.zh-CN)?\.md|CHANGELOG\.md|cli\/mq\.js|docs\/[\w./-]+\.(md|svg)|dist\/.+\.(js|d\.ts))$/.test(
        path,
      ),
  );
  assert.deepEqual(strangers, []);
  const unwanted = packedFiles.filter((path) =>
    /\.(test|long)\.|\/testing\/|mutants|dist\/cli\/diff|node_modules/.test(path),
  );
  assert.deepEqual(unwanted, []);
  for (const path of [
    'cli/mq.js',
    'dist/cli/main.js',
    'dist/cli/tui/app.js',
    'dist/stages/1-blocking-queue/index.d.ts',
  ]) {
    assert.ok(packedFiles.includes(path), path);
  }
});

test('nothing is in the package that nothing in it asks for', () => {
  const { exports } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  const entries = Object.values<string | { readonly default: string }>(exports).map((entry) =>
    posix.normalize(typeof entry === 'string' ? entry : entry.default),
  );
  const asked = new Set([...entries, ...packedFiles.filter(isCode).flatMap(filesAskedBy)].map(withoutExtension));
  const forgotten = packedFiles.filter((path) => path.endsWith('.js') && path !== 'cli/mq.js');
  assert.deepEqual(
    forgotten.filter((path) => !asked.has(withoutExtension(path))),
    [],
  );
});

function isCode(path: string): boolean {
  return /\.(js|d\.ts)$/.test(path);
}

function withoutExtension(path: string): string {
  return path.replace(/(\.d)?\.[jt]sx?$/, '');
}

/** What a file imports, loads or starts by a relative path; the extension may be put in when it runs. */
function filesAskedBy(path: string): string[] {
  const text = readFileSync(join(installed, path), 'utf8');
  const asked = [...text.matchAll(/['"`](\.{1,2}\/[\w./-]+)(?:['"`]|\$\{)/g)].map(([, relative = '']) => relative);
  return asked.map((relative) => posix.join(posix.dirname(path), relative));
}

test('a dependency for development is not asked of those who install the package', () => {
  const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  for (const name of ['node', 'typescript', 'tsx']) assert.equal(manifest.dependencies[name], undefined, name);
});

test('nothing in the package imports a package that is not installed with it', () => {
  const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  const offenders = packedFiles
    .filter((path) => path.endsWith('.js'))
    .flatMap((path) => {
      const text = readFileSync(join(installed, path), 'utf8');
      // Static imports only: what is loaded when it is needed may say that it is missing.
      const names = [...text.matchAll(/^(?:import|export)\b[^;]*?\bfrom '((?:@[^/']+\/)?[^./'][^/':]*)[^']*'/gm)];
      return names.map((match) => match[1] ?? '').map((name) => ({ path, name }));
    })
    .filter(({ name }) => name !== 'node' && manifest.dependencies[name] === undefined);
  assert.deepEqual(offenders, []);
});

test('mq runs from the package', async () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  assert.equal((await runInFolder([MQ, '--version'])).stdout, `${version}\n`);
  const story = await runInFolder([MQ, 'stage', '1']);
  const here = await run(process.execPath, [join(ROOT, 'cli/mq.js'), 'stage', '1'], { cwd: ROOT });
  assert.equal(story.stdout, here.stdout);
  assert.ok(story.stdout.length > 200);
});

test('every entry of the package imports, and a broker embeds in three lines', async () => {
  const { exports } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  const entries = Object.keys(exports).filter((entry) => !entry.endsWith('.json'));
  const source = [
    ...entries.map((entry) => `await import(${JSON.stringify(`stagemq${entry.slice(1)}`)});`),
    "const { createBroker } = await import('stagemq/stages/1');",
    'await using broker = await createBroker();',
    "await broker.send('orders', { body: 'tea' });",
    "const [delivery] = await broker.receive('orders');",
    'console.log(new TextDecoder().decode(delivery.body));',
  ].join('\n');
  const { stdout } = await runInFolder(['--input-type=module', '--eval', source]);
  assert.equal(stdout, 'tea\n');
});

test('publint finds nothing to say', async () => {
  const { messages } = await publint({ pkgDir: installed, pack: false, strict: true });
  assert.deepEqual(messages, []);
});

test('the types of every entry resolve for those who use them', async () => {
  const attw = join(ROOT, 'node_modules/@arethetypeswrong/cli/dist/index.js');
  const { stdout } = await runInFolder([attw, tarball, '--profile', 'esm-only', '--format', 'json']);
  const { analysis, problems } = JSON.parse(stdout) as AttwReport;
  assert.ok(analysis.types);
  // The package is for import alone: what require and the resolution of Node 10 would see is nobody's concern.
  const relevant = Object.values(problems ?? {})
    .flat()
    .filter(({ resolutionKind }) => resolutionKind !== 'node10' && resolutionKind !== 'node16-cjs');
  assert.deepEqual(relevant, []);
});

interface AttwReport {
  readonly analysis: { readonly types: unknown };
  readonly problems?: Readonly<Record<string, readonly { readonly resolutionKind?: string }[]>>;
}

test('a program in TypeScript compiles against the package, and its mistakes do not', async () => {
  const source = (body: string): string =>
    `import { createBroker } from 'stagemq/stages/2';
import type { Broker } from 'stagemq/contract';
const broker: Broker = await createBroker();
await broker.send('t', { body: ${body} });
`;
  writeFileSync(join(folder, 'right.ts'), source("'tea'"));
  writeFileSync(join(folder, 'wrong.ts'), source('7'));
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  const compile = (file: string) =>
    runInFolder([tsc, ...'--noEmit --strict --module nodenext --target esnext --types node'.split(' '), file]);
  await compile('right.ts');
  await assert.rejects(compile('wrong.ts'), { stdout: /^wrong\.ts.*TS2322/ });
});
