/**
 * Properties: a statement that must hold for every sequence of calls, tried with many random ones; the shortest that
 * breaks it is what the failure tells. The seed is that of the test, so a replay tries the same sequences.
 */
import fc from 'fast-check';
import { describeCall } from './history.ts';
import { show } from './show.ts';
import type { TestContext } from './test-context.ts';
import { Contradiction, EnvironmentFault, isEnvironmentFault } from './verdict.ts';
import { witnessesOf } from './witnesses.ts';

/**
 * The time for all tries of a property, shrinking included. A failure found by then is told by the shortest sequence
 * known so far; without one, nobody knows what the other tries would have shown. Less than a test has, so that it is said.
 */
const TRIES_MS_MAX = 15_000;

/** Throws the contradiction of the shortest counterexample, and a fault when there was no time for `runsCount` tries. */
export async function holdsAlways<Values>(
  context: Pick<TestContext, 'seed'>,
  property: fc.IAsyncProperty<Values>,
  { runsCount, msMax = TRIES_MS_MAX }: { readonly runsCount: number; readonly msMax?: number },
): Promise<void> {
  const details = await fc.check(property, {
    seed: context.seed,
    numRuns: runsCount,
    interruptAfterTimeLimit: msMax,
    markInterruptAsFailure: false,
  });
  if (!details.failed && details.interrupted) {
    throw new EnvironmentFault(`only ${details.numRuns} of ${runsCount} random tries ended within ${msMax} ms`);
  }
  if (!details.failed) return;
  const error = details.errorInstance;
  if (!(error instanceof Contradiction)) throw error;
  throw error.citing(error.operations, ` (shortest sequence of calls: ${String(details.counterexample)})`);
}

/** Runs one try with a record of its own; a contradiction in it cites the calls of this try. */
export async function oneTry(context: TestContext, run: () => Promise<void>): Promise<void> {
  context.beginHistory();
  try {
    await run();
  } catch (error) {
    if (isEnvironmentFault(error)) throw error;
    const broken =
      error instanceof Contradiction ? error : new Contradiction('a call', { expected: 'no error', got: show(error) });
    throw broken.operations.length > 0
      ? broken
      : broken.citing(witnessesOf(context.history, broken.difference).map(describeCall));
  }
}
