/**
 * Runs the suite against one target and answers a report: what `mq test` prints, and what the tests of the suite
 * itself (and its deliberately broken brokers) look at.
 *
 * Always true: it resolves for every target, also one that cannot be reached; each test appears once, in the order of
 * the suite. On a real clock a few tests run at the same time, because most of their time is waiting.
 */
import { performance } from 'node:perf_hooks';
import { MqError } from '../contract/errors.ts';
import type { ConformanceTarget, ConformanceTest } from './conformance-test.ts';
import { Session } from './session.ts';
import { ALL_TESTS } from './subjects.ts';
import { type ConformanceReport, reportOf, type TestResult } from './verdict.ts';

/** Tests at the same time on a real clock. */
export const LANES_COUNT = 8;

/** Runs the suite on `target`, without node:test; resolves to a report also when tests fail. */
export async function runConformance(target: ConformanceTarget): Promise<ConformanceReport> {
  const tests = chosenTests(target.only);
  const session = new Session(target);
  const startedMs = performance.now();
  await session.open();
  const results = await inLanes(tests, target.clock === 'real' ? LANES_COUNT : 1, (test) => session.run(test));
  await session.close();
  const durationMs = Math.round(performance.now() - startedMs);
  return reportOf(target.name, { seed: session.seed, durationMs, tests: results });
}

/** All tests; the one named `only`; or those whose names contain it. */
export function chosenTests(only: string | undefined): readonly ConformanceTest[] {
  if (only === undefined) return ALL_TESTS;
  const exact = ALL_TESTS.filter((test) => test.name === only);
  const chosen = exact.length > 0 ? exact : ALL_TESTS.filter((test) => test.name.includes(only));
  if (chosen.length > 0) return chosen;
  throw new MqError('MQ_INVALID_ARGUMENT', `no test of the suite is named ${JSON.stringify(only)} or contains it`, {
    details: { path: 'only' },
  });
}

async function inLanes(
  tests: readonly ConformanceTest[],
  lanesCount: number,
  run: (test: ConformanceTest) => Promise<TestResult>,
): Promise<TestResult[]> {
  const results: TestResult[] = [];
  const waiting = tests.entries();
  const lane = async (): Promise<void> => {
    for (const [index, test] of waiting) results[index] = await run(test);
  };
  await Promise.all(Array.from({ length: lanesCount }, lane));
  return results;
}
