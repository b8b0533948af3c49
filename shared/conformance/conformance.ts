/**
 * The suite as node:test tests: what a stage's `conformance.test.ts` and an engine's call.
 *
 * Always true: a failed test and one that could not be run fail the node:test test, with the story as the message;
 * what the target has not, or cannot be asked, is a skip that names the capability and the reason.
 */
import { after, before, describe, test } from 'node:test';
import type { ConformanceOptions, CreateBroker } from './conformance-test.ts';
import { chosenTests, LANES_COUNT } from './run.ts';
import { Session } from './session.ts';
import type { FailureStory, TestResult } from './verdict.ts';

/** Registers every test of the suite for the brokers that `createBroker` makes. */
export function conformance(name: string, createBroker: CreateBroker, options: ConformanceOptions): void {
  const session = new Session({ ...options, name, createBroker });
  const concurrency = options.clock === 'real' ? LANES_COUNT : 1;
  describe(`${name} keeps the contract (seed ${session.seed})`, { concurrency }, () => {
    before(() => session.open());
    after(() => session.close());
    for (const entry of chosenTests(options.only)) {
      test(entry.name, async (testContext) => {
        const result = await session.run(entry);
        if (result.verdict === 'notYet' || result.verdict === 'optionOff') {
          testContext.skip(`${entry.capability}: ${result.reason}`);
        } else if (result.verdict !== 'passed') {
          throw new Error(describeResult(result));
        }
      });
    }
  });
}

/** A result as text of one or several lines: the verdict with its reason, and a failure's whole story. */
export function describeResult(result: TestResult): string {
  const reason = result.reason === undefined ? '' : `: ${result.reason}`;
  const headline = `${result.name}: ${result.verdict}${reason}`;
  return result.story === undefined ? headline : `${headline}\n${describeStory(result.story)}`;
}

/** A failure as people read it: what was promised, the two calls that contradict, expected, got, and how to replay. */
export function describeStory(story: FailureStory): string {
  return [
    `  promised  ${story.sentence}`,
    ...story.operations.map((operation, index) => `  ${index === 0 ? 'calls   ' : '        '}  ${operation}`),
    `  expected  ${story.expected}`,
    `  got       ${story.got}`,
    `  seed      ${story.seed}`,
    `  replay    ${story.replay}`,
  ].join('\n');
}
