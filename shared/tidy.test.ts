/**
 * The rules of the house, as tests about the source tree itself. Each failure names the file, the rule and its reason,
 * so that nobody has to look a rule up. docs/style.md explains them in prose.
 *
 * Always true: a rule lists every offender at once, not only the first.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { test } from 'node:test';
import { FOLDERS, IS_TEST, ROOT, rule, type SourceFile, sources, taught } from './testing/source-tree.ts';

const TOP_LEVEL = ['CHANGELOG.md', 'CONTRIBUTING.md', 'LICENSE', 'README.md', 'README.zh-CN.md', 'package.json'];
const TOOL_FILES = ['biome.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.dist.json', 'node_modules', 'dist'];
/** What `mq serve 4` makes when it is not told where. */
const DATA_FOLDER = 'stagemq-data';
const FILE_LINES_MAX = 300;
const FUNCTION_LINES_MAX = 70;
const SPINE_LINES_MAX = 250;

/** Parts of shared/ that any stage may build on. */
const GROUND =
  /^shared\/(contract\/[a-z-]+|admission|clock|random|broker-options|lesson|disk|forwarding-disk|crc32c|web-origin)\.ts$/;
/** Doors of protocols and the JMS-style API: they use the client as anybody does, and the words of their specifications. */
const FACADES = /^stages\/5-robust-broker\/(doors|jms)\//;
/** Where kinds of messages and errors are what a specification says they are. */
const HIERARCHY = /^stages\/5-robust-broker\/jms\//;
/** Files that may name a concrete broker. */
const COMPOSES =
  /^(stages\/[^/]+\/(index|story(-\w+)?|limit)\.ts|stages\/5-robust-broker\/jms\/index\.ts|cli\/target\.ts|bench\/.*|docs\/examples\/.*|shared\/conformance\/(mutants\/.*|guarantees\.ts))$/;
/** npm packages by folder: the first matching row decides; tests may use any. */
const PACKAGES: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^stages\/3-http-server\//, ['fastify', '@fastify/', 'typebox', 'undici']],
  [/^stages\/5-robust-broker\/observe\//, ['pino']],
  [/^stages\/5-robust-broker\/doors\/[^/]+$/, ['ws']],
  [/^stages\//, []],
  [/^shared\/conformance\//, ['fast-check']],
  [/^shared\/crc32c\.ts$/, ['crc-32']],
  [/^shared\//, []],
  [/^cli\/diff\.ts$/, ['diff']],
  [
    /^cli\/tui\//,
    ['ink', 'react', '@inkjs/ui', '@pppp606/ink-chart', 'string-width', 'tsx', '@xterm/headless', '@lydell/node-pty'],
  ],
  [/^cli\//, ['commander', 'ink', 'react']],
];

/** Where a relative import leads, from the root; undefined for packages and node:. */
function leadsTo(file: SourceFile, specifier: string): string | undefined {
  return specifier.startsWith('.') ? posix.join(posix.dirname(file.path), specifier) : undefined;
}

function stageOf(path: string): number | undefined {
  const match = /^stages\/(\d)-/.exec(path);
  return match === null ? undefined : Number(match[1]);
}

test('the sources are found, so that no rule passes for want of files', () => {
  assert.ok(taught.length > 20 && sources.length > taught.length);
});

test('the top level has only what a newcomer should meet', () => {
  const known = new Set([...TOP_LEVEL, ...TOOL_FILES, ...FOLDERS, DATA_FOLDER]);
  const strangers = readdirSync(ROOT).filter(
    (name) => !name.startsWith('.') && !known.has(name) && !name.endsWith('.tgz'),
  );
  rule('a new thing goes into one of the folders that are there:', strangers);
});

test('a file can be read in one sitting', () => {
  const long = sources.filter((file) => file.lineCount > FILE_LINES_MAX);
  rule(
    `at most ${FILE_LINES_MAX} lines, so that a file is one thought; find its second noun and give it a file:`,
    long.map((file) => `${file.path}: ${file.lineCount} lines`),
  );
  const spines = sources.filter(
    (file) => /^stages\/[^/]+\/broker\.ts$/.test(file.path) && file.lineCount > SPINE_LINES_MAX,
  );
  rule(
    `a spine has at most ${SPINE_LINES_MAX} lines, so that two of them can be compared; move a part out:`,
    spines.map((file) => `${file.path}: ${file.lineCount} lines`),
  );
});

test('a function fits on a screen', () => {
  const long = taught.flatMap((file) =>
    file.functions
      .filter((fn) => fn.lineCount > FUNCTION_LINES_MAX)
      .map((fn) => `${file.path}:${fn.line}: ${fn.lineCount} lines`),
  );
  rule(`at most ${FUNCTION_LINES_MAX} lines, so that it is seen whole:`, long);
});

test('every file says what it is before it begins', () => {
  const silent = sources.filter(
    (file) => !/^(#!.*\n)?(\/\/[^\n]*\n)*\/\*\*/.test(file.text) && !IS_TEST.test(file.path),
  );
  rule(
    'a file opens with a /** paragraph: what, always true, who may call:',
    silent.map((file) => file.path),
  );
});

test('imports point back, never forward or sideways', () => {
  const offenders: string[] = [];
  for (const file of sources) {
    for (const specifier of file.imports) {
      const target = leadsTo(file, specifier);
      const reason = target === undefined ? undefined : reasonAgainst(file.path, target);
      if (reason !== undefined) offenders.push(`${file.path} -> ${target}: ${reason}`);
    }
  }
  rule('a stage builds on earlier ones, everything builds on the contract:', offenders);
});

function reasonAgainst(from: string, to: string): string | undefined {
  const [fromStage, toStage] = [stageOf(from), stageOf(to)];
  const composes = COMPOSES.test(from) || IS_TEST.test(from);
  if (toStage !== undefined && fromStage !== undefined && toStage > fromStage) return 'a later stage';
  if (toStage !== undefined && toStage !== fromStage) {
    if (fromStage === undefined && !composes) return 'only composition roots name a stage';
    if (/\/(index|broker)\.ts$/.test(to) && !composes) return 'a part never imports a spine or a composition';
  }
  if (
    /^shared\/(contract|client|conformance)\/index\.ts$/.test(to) &&
    !IS_TEST.test(from) &&
    !/^(cli|bench|docs\/examples)\//.test(from)
  ) {
    return 'an entry of the package, for its users; import the file that owns the name';
  }
  const isGround = GROUND.test(to) || (FACADES.test(from) && to.startsWith('shared/client/'));
  if (fromStage !== undefined && to.startsWith('shared/') && !isGround && !composes)
    return 'not ground a stage builds on';
  if (from.startsWith('shared/contract/') && !to.startsWith('shared/contract/') && !IS_TEST.test(from))
    return 'the contract stands alone';
  if (/^(stages|shared)\//.test(from) && /^(cli|bench)\//.test(to)) return 'cli and bench are users, not ground';
  if (from.startsWith('bench/') && to.startsWith('cli/')) return 'bench does not need the command';
  return undefined;
}

test('a folder uses only the packages it was given', () => {
  const offenders: string[] = [];
  for (const file of taught) {
    const row = PACKAGES.find(([folder]) => folder.test(file.path));
    if (row === undefined) continue;
    for (const specifier of file.imports) {
      if (specifier.startsWith('.') || specifier.startsWith('node:')) continue;
      const isGiven = row[1].some(
        (name) => specifier === name || specifier.startsWith(name.endsWith('/') ? name : `${name}/`),
      );
      if (!isGiven) offenders.push(`${file.path} -> ${specifier}`);
    }
  }
  rule('the taught code has no dependency that is not the lesson of its folder:', offenders);
  const contract = taught.filter((file) => file.path.startsWith('shared/contract/'));
  const bound = contract.filter((file) => file.imports.some((specifier) => specifier.startsWith('node:')));
  rule(
    'the contract runs anywhere, so it does not even need Node:',
    bound.map((file) => file.path),
  );
});

test('one word has one meaning, and some words have none here', () => {
  const glossary = readFileSync(join(ROOT, 'docs/glossary.md'), 'utf8');
  const section = /## Words we do not use[^\n]*\n([\s\S]*?)(\n## |$)/.exec(glossary)?.[1] ?? '';
  const banned = new Set([...section.matchAll(/^\| `([a-z]+)` *\|/gm)].map((match) => match[1]));
  assert.ok(banned.has('manager') && banned.size > 8, 'docs/glossary.md lists the words that are not used');
  const wordsOf = (name: string): string[] =>
    (name.match(/[A-Z]?[a-z]+|[A-Z]+(?![a-z])/g) ?? []).map((word) => word.toLowerCase());
  const ours = taught.filter((file) => !FACADES.test(file.path));
  const offenders = ours.flatMap((file) =>
    [...file.exports.flatMap(({ name }) => name ?? []), posix.basename(file.path)]
      .flatMap((name) => wordsOf(name).map((word) => [name, word] as const))
      .filter(([, word]) => banned.has(word) || banned.has(word.replace(/s$/, '')))
      .map(([name, word]) => `${file.path}: ${name} ("${word}")`),
  );
  rule('docs/glossary.md says which word is meant instead:', offenders);
});

test('nothing is left behind', () => {
  const marks = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].join('|')})\\b`);
  rule(
    'an open end is an exercise in a README, not a mark in the code:',
    sources.filter((file) => marks.test(file.text)).map((file) => file.path),
  );
  const silenced = new RegExp(`@ts-(ignore|expect-error|nocheck)|biome-${'ignore'}`);
  rule(
    'the checker is right or its rule is changed for all:',
    sources.filter((file) => silenced.test(file.text)).map((file) => file.path),
  );
});

test('no stage extends another', () => {
  const extending = taught.filter(
    ({ path, text }) =>
      path.startsWith('stages/') &&
      !HIERARCHY.test(path) &&
      /class \w+ extends (?!Error|MqError|ForwardingDisk)/.test(text),
  );
  rule(
    'a spine is copied and changed, so that a difference of two files is the lesson:',
    extending.map((file) => file.path),
  );
});

/** Where the names that can be imported from `stagemq/...` are written. */
function entriesOfPackage(): string[] {
  const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { exports: object };
  const built = Object.values(exports).flatMap((target: unknown) =>
    typeof target === 'object' && target !== null && 'default' in target ? [String(target.default)] : [],
  );
  return built.map((path) => path.replace(/^\.\/dist\/(.*)\.js$/, '$1.ts'));
}

/** Those of the names `path` exports that have no description; `wanted` null: of all. */
function undescribed(path: string, wanted: string | null): string[] {
  const file = sources.find((source) => source.path === path);
  assert.ok(file !== undefined, `${path} is exported and is no file`);
  return file.exports
    .filter(({ name }) => wanted === null || name === null || name === wanted)
    .flatMap(({ name, from, isDescribed }) => {
      if (from !== null) return undescribed(posix.join(posix.dirname(path), from), name);
      return isDescribed ? [] : [`${path}: ${name}`];
    });
}

test('every name the package exports says what it is', () => {
  const entries = entriesOfPackage();
  assert.ok(entries.includes('shared/contract/index.ts') && entries.length > 5);
  rule(
    'an editor shows the comment above a name to whoever uses it: shape, unit, errors, capability:',
    entries.flatMap((entry) => undescribed(entry, null)),
  );
});
