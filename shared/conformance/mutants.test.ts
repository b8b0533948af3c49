/**
 * The suite is itself tested: every broker that was broken on purpose must be noticed by the test meant for it, and by
 * that test's own story, not by a crash or a hang. A mutant that survives means that the suite has a hole; a test
 * without a mutant, that nobody knows whether it can fail.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CAPABILITIES } from '../contract/capabilities.ts';
import type { ConformanceTest } from './conformance-test.ts';
import { ALL_MUTANTS } from './mutants/all-mutants.ts';
import { concurrencyMutants } from './mutants/concurrency.ts';
import { manyTransactionMutants } from './mutants/many-transactions.ts';
import type { Mutant, MutantTarget } from './mutants/mutant.ts';
import { type SoundStage, soundTarget } from './mutants/sound-broker.ts';
import { runConformance } from './run.ts';
import { ALL_TESTS } from './subjects.ts';
import type { TestResult } from './verdict.ts';

const SEED = 20_260_101;
/** Many mutants are idle most of their time: a broken promise is often an answer that does not come. */
const LANES_COUNT = 32;
/** The latest stage that can be broken. */
const STAGE_MAX = 5;

/** They need many calls, which take time. */
const busy = [...concurrencyMutants, ...manyTransactionMutants];
const testNames = new Set(ALL_TESTS.map(({ name }) => name));

describe('every mutant is killed by the test meant for it', { concurrency: LANES_COUNT }, () => {
  const idle = ALL_MUTANTS.filter((mutant) => !busy.includes(mutant));
  for (const mutant of idle) test(`${mutant.name}: ${mutant.bug}`, () => isKilled(mutant));
});

describe('so is every mutant that needs many calls, one at a time because those calls take time', () => {
  for (const mutant of busy) test(`${mutant.name}: ${mutant.bug}`, () => isKilled(mutant));
});

describe('the same tests pass on the sound broker', () => {
  const pairs = new Map(ALL_MUTANTS.map((mutant) => [`stage ${mutant.stage}: ${mutant.killedBy}`, mutant] as const));
  for (const [name, { stage, killedBy }] of pairs) {
    test(name, async () => {
      const result = await verdictOn(killedBy, stage, soundTarget(stage));
      assert.equal(result.verdict, 'passed', result.reason ?? '');
    });
  }
});

describe('the history checker names what many transactions at once get wrong, with two calls that contradict', () => {
  const named = {
    'one abort in seven holds': 'aborted read',
    'one send in seven is early': 'precommitted read',
    'a commit goes from topic to topic': 'fractured read',
    'written when there is time': 'dirty write',
    'transactions see each other': 'circular flow',
  };
  for (const [name, anomaly] of Object.entries(named)) {
    test(`${anomaly}: ${name}`, async () => {
      const mutant = manyTransactionMutants.find((each) => each.name === name);
      assert.ok(mutant !== undefined, name);
      const { story } = await verdictOn(
        mutant.killedBy,
        mutant.stage,
        mutant.target(() => undefined),
      );
      assert.equal(story?.expected.startsWith(`${anomaly}: `), true, story?.expected ?? 'a story');
      assert.equal(story?.operations.length, 2);
    });
  }
});

test('every mutant names a test of the suite, and no two mutants have one name', () => {
  const strangers = ALL_MUTANTS.filter(({ killedBy }) => !testNames.has(killedBy));
  assert.deepEqual(
    strangers.map(({ name, killedBy }) => `${name}: ${killedBy}`),
    [],
  );
  assert.equal(new Set(ALL_MUTANTS.map(({ name }) => name)).size, ALL_MUTANTS.length);
});

test('every test that can be asked of a stage kills a mutant', () => {
  const killing = new Set(ALL_MUTANTS.map(({ killedBy }) => killedBy));
  const untried = ALL_TESTS.filter((entry) => canBeAsked(entry) && !killing.has(entry.name));
  assert.deepEqual(
    untried.map(({ name }) => name),
    [],
    'add a broker with the bug that the test is for to shared/conformance/mutants',
  );
});

async function isKilled({ name, stage, killedBy, target }: Mutant): Promise<void> {
  assert.ok(testNames.has(killedBy), `the suite has no test "${killedBy}"`);
  let bugCount = 0;
  const onBug = (): void => {
    bugCount += 1;
  };
  const result = await verdictOn(killedBy, stage, target(onBug));
  assert.equal(result.verdict, 'failed', `"${name}" survives "${killedBy}": ${result.verdict} ${result.reason ?? ''}`);
  assert.ok(bugCount > 0, 'the broken code was called');
  const { story } = result;
  assert.ok(story !== undefined && story.sentence === killedBy, 'a story is told');
  assert.ok(story.expected !== '' && story.got !== '', 'it says what was expected and what came');
  // A mutant that only crashes proves nothing about the test.
  assert.doesNotMatch(story.got, /^(\w*Error\b|ERR_)/, 'the mutant is wrong, and does not merely crash');
}

async function verdictOn(only: string, stage: SoundStage, target: MutantTarget): Promise<TestResult> {
  const clock = stage === 3 ? 'real' : 'virtual';
  const report = await runConformance({ name: 'mutant', ...target, clock, stage, only, seed: SEED });
  const [result, ...others] = report.tests;
  assert.ok(result !== undefined && others.length === 0, 'one test was run');
  return result;
}

function canBeAsked({ capability, uses = [] }: ConformanceTest): boolean {
  return [capability, ...uses].every((name) => CAPABILITIES[name] <= STAGE_MAX);
}
