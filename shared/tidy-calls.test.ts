/**
 * The rules of the house about what code may call: time, randomness and disk come from outside, and no test sleeps.
 *
 * Always true: an exception is a row below, with its reason; a row that nothing needs any more fails too.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IS_TEST, rule, type SourceFile, sourceOf, sources, taught } from './testing/source-tree.ts';

const TIME = new Set([
  ...['Date.now', 'new Date', 'performance.now', 'process.hrtime', 'setTimeout', 'setInterval', 'sleep'],
  ...['import node:timers', 'import node:timers/promises'],
]);
const RANDOMNESS = new Set([
  ...['Math.random', 'randomBytes', 'randomInt', 'randomUUID'],
  ...['crypto.randomBytes', 'crypto.randomInt', 'crypto.randomUUID', 'crypto.getRandomValues'],
]);
const DISK = new Set(['import node:fs', 'import node:fs/promises']);
const SLEEP = new Set([
  ...['setTimeout', 'setInterval', 'sleep', 'scheduler.wait', 'Atomics.wait'],
  ...['import node:timers', 'import node:timers/promises'],
]);

/** Who may, and why. */
type Exceptions = readonly (readonly [path: string, reason: string])[];

const MAY_TELL_TIME: Exceptions = [
  ['shared/clock.ts', 'is where time comes from'],
  ['shared/conformance/check.ts', "the deadline of a promise of somebody else's broker, on a real clock"],
  ['shared/conformance/session.ts', 'the deadline of a test'],
  ['shared/conformance/test-context.ts', 'passes real time where the target has no other'],
  ['shared/conformance/run.ts', 'how long the run took'],
  ['shared/conformance/subjects/steps.ts', 'whether an answer on a real clock came late'],
];
const MAY_DRAW: Exceptions = [
  ['shared/random.ts', 'is where randomness comes from'],
  ['shared/conformance/session.ts', 'draws the seed of a run, and prints it'],
];
const MAY_DRAW_IN_TESTS: Exceptions = [
  ['stages/4-persisted-log/kill.test.ts', 'draws the seed of its moments, and prints it'],
  ['stages/4-persisted-log/kill.long.ts', 'draws the seed of its moments, and prints it'],
];
const MAY_USE_DISK: Exceptions = [
  ['shared/real-disk.ts', 'is the disk'],
  [
    'stages/5-robust-broker/observe/event-log.ts',
    "writes its log where the process may write, which is no broker's disk",
  ],
  ['stages/5-robust-broker/observe/process-meters.ts', 'counts the open files of the process'],
  ['shared/file-lock.ts', 'is the lock of the disk'],
  ['stages/3-http-server/routes/broker-routes.ts', 'reads the version of the package'],
  ['stages/count-lines.ts', 'a tool for the READMEs'],
  ['shared/one-test.ts', 'a tool that looks for tests'],
  ['shared/conformance/guarantees.ts', 'a tool that writes a page of the documentation'],
];
const MAY_SET_TIMERS: Exceptions = [
  ['stages/3-http-server/client-rubbish.test.ts', 'a server that drips is what is tested'],
  ['bench/http-door/http-door.test.ts', 'a server that stalls is what is measured'],
  ['stages/4-persisted-log/kill.test.ts', 'a real process under load is ended at some moment'],
  ['stages/4-persisted-log/testing/kill-run.ts', 'a real process is killed at a random moment'],
];

/** `path:line name` of everything in `file` that is `forbidden`. */
function findIn(file: SourceFile, forbidden: ReadonlySet<string>): string[] {
  const imported = file.imports.map((specifier) => `import ${specifier}`).filter((name) => forbidden.has(name));
  const used = file.uses.filter(({ name }) => forbidden.has(name));
  return [
    ...imported.map((name) => `${file.path}: ${name}`),
    ...used.map(({ name, line }) => `${file.path}:${line}: ${name}`),
  ];
}

function check(files: readonly SourceFile[], reason: string, forbidden: ReadonlySet<string>, may: Exceptions): void {
  const excepted = new Set(may.map(([path]) => path));
  const offending = files.map((file) => ({ path: file.path, found: findIn(file, forbidden) }));
  rule(
    reason,
    offending.filter(({ path }) => !excepted.has(path)).flatMap(({ found }) => found),
  );
  const needed = new Set(offending.filter(({ found }) => found.length > 0).map(({ path }) => path));
  rule(
    'an exception that nothing needs is struck out:',
    [...excepted].filter((path) => !needed.has(path)),
  );
}

const inner = taught.filter((file) => /^(stages|shared)\//.test(file.path));
const tests = sources.filter((file) => IS_TEST.test(file.path));

test('time comes from outside', () => {
  check(inner, 'an hour of a Clock passes in a microsecond, and the same way every time:', TIME, MAY_TELL_TIME);
});

test('randomness comes from outside', () => {
  check(inner, 'a Random with a seed makes a run repeatable:', RANDOMNESS, MAY_DRAW);
  const dice = new Set(['Math.random']);
  check(tests, 'a test that fails must fail again with the seed it prints:', dice, MAY_DRAW_IN_TESTS);
});

test('the disk comes from outside', () => {
  check(inner, 'code that does not open files can be tested without any:', DISK, MAY_USE_DISK);
});

test('no test sleeps', () => {
  check(tests, 'virtual time passes at once and an event arrives when it arrives:', SLEEP, MAY_SET_TIMERS);
});

test('a call is found however it is written, and what only looks like one is not', () => {
  const calls = [
    'await new Promise((resolve) => setTimeout(() => resolve(), 50));',
    'const clock = { now: Date.now };',
    "import { setTimeout as rest } from 'node:timers/promises';",
    "const timers = await import('node:timers/promises');",
    'const at = new Date();',
  ];
  for (const text of calls) assert.equal(findIn(sourceOf('a.ts', text), TIME).length, 1, text);
  const others = [
    'server.setTimeout(5);',
    '// setTimeout(resolve, 5)',
    "const name = 'Date.now()';",
    'new Date(atMs);',
  ];
  for (const text of others) assert.deepEqual(findIn(sourceOf('a.ts', text), TIME), [], text);
});
