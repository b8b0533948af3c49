/**
 * Properties: a statement that must hold for every sequence of calls, tried with many random ones; the shortest that
 * breaks it is what the failure tells. The seed is that of the test, so a replay tries the same sequences.
 */
import fc from 'fast-check';
import { describeCall } from './history.ts';
import { show } from './show.ts';
import type { TestContext } from './test-context.ts';
import { Contradiction, isEnvironmentFault } from './verdict.ts';

/** Shrinking a failure may take as long; then the shortest found so far is told. */
const SHRINK_MS_MAX = 4000;

/** Throws the contradiction of the shortest counterexample. */
export async function holdsAlways<Values>(
  context: TestContext,
  property: fc.IAsyncProperty<Values>,
  runsCount: number,
): Promise<void> {
  const details = await fc.check(property, {
    seed: context.seed,
    numRuns: runsCount,
    interruptAfterTimeLimit: SHRINK_MS_MAX,
    markInterruptAsFailure: false,
  });
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
    throw broken.operations.length > 0 ? broken : broken.citing(context.history.latestTwo().map(describeCall));
  }
}
